"""The winner trained on everything, and published where it has earned that."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from persmark.errors import InputError
from persmark.recommend.apart import StoppedError, apart
from persmark.recommend.evaluate import Evaluation, OnNamedPoint
from persmark.recommend.measure import Measured
from persmark.recommend.registry import SIMPLE, recommender
from persmark.recommend.runs import Run, compare_runs, keep_run, publish, published
from persmark.recommend.search.asked import FindBest
from persmark.recommend.search.clock import Clock
from persmark.recommend.search.kept import State
from persmark.recommend.search.measuring import MINUTES, Skipped
from persmark.recommend.training import (
    Ground,
    best_simple,
    figures_of,
    final_points,
    run_for,
    with_weights,
)
from persmark.store import Workspace
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress
    from persmark.recommend.interactions import Interactions


@dataclass(frozen=True, eq=False)
class Final:
    """Trainings on everything."""

    workspace: Workspace
    whole: Interactions
    evaluation: Evaluation | None
    ground: Ground
    request: FindBest
    clock: Clock
    state: State
    on_point: OnNamedPoint | None

    def train_first_that_fits(self, found: list[Measured], skipped: list[Skipped]) -> Run:
        """The best by NDCG; where its training on everything does not come to its end, the next."""
        assert self.evaluation is not None
        of = {one.recommender: one for one in found}
        ranked = sorted(self.evaluation.results, key=lambda row: -row.ndcg)
        for row in ranked:
            try:
                return self.train(of[row.recommender], label=self.request.label)
            except StoppedError as error:
                why = text("measured, but its training on everything {why}", why=error.message)
                skipped.append(Skipped(row.recommender, why))
        raise InputError(
            text("A winner must be trained on everything. Received: none that came to its end."),
            title="Nothing was trained",
            hint="Give it more minutes, or learn from fewer days.",
        )

    def train(self, one: Measured, *, label: str = "") -> Run:
        """Train one on everything in a process of its own, and keep it."""
        name = one.recommender
        self.clock.tell(text("Training {name} on everything", name=name))
        folder = self.state.folder / "trained"
        shutil.rmtree(folder, ignore_errors=True)
        started = time.perf_counter()

        def work(progress: OnProgress, point: Callable[[Mapping[str, float]], None]) -> None:
            folder.parent.mkdir(parents=True, exist_ok=True)
            made = recommender(name).train(
                self.whole,
                one.settings,
                on_progress=progress,
                on_point=point,
                checkpoint=self.state.learning(name, final=True),
            )
            with_weights(made, self.ground).save(folder)

        # A simple one is counted in moments; without it nothing could serve.
        left = None if name in SIMPLE else time.monotonic() + self.clock.left()
        to_point = final_points(name, self.on_point)
        try:
            apart(
                work,
                deadline=left,
                ends_itself=MINUTES in one.settings,
                on_progress=lambda _, doing: self.clock.tell(
                    text("Training {name} on everything: {doing}", name=name, doing=doing)
                ),
                on_point=to_point or (lambda _: None),
            )
            made = recommender(name).load(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        run = run_for(
            made,
            self.evaluation,
            self.ground,
            label=label,
            fit_seconds=time.perf_counter() - started,
            seconds=self.clock.spent(),
            seed=self.request.seed,
            test_days=self.request.test_days,
        )
        return keep_run(self.workspace, made, run, per_user=figures_of(self.evaluation, name))

    def train_simple(self) -> Run:
        """The best simple one, to serve where nothing better is proved."""
        assert self.evaluation is not None
        name = best_simple(self.evaluation)
        row = next(one for one in self.evaluation.results if one.recommender == name)
        return self.train(Measured(name, row.settings, row.fit_seconds, row.score_seconds, (), (), (), {}))


def serve_what_won(workspace: Workspace, winner: Run, final: Final) -> tuple[Text, bool]:
    """Publish the winner where it beats the simple ones and is not behind what serves now."""
    serving = published(workspace)
    if serving is not None and winner.recommender in SIMPLE:
        # A simple one takes the place of what is measurably behind it, and of nothing else.
        gap = compare_runs(workspace, winner, serving, seed=final.request.seed)
        if gap.paired and gap.differences["ndcg"].low > 0:
            publish(workspace, winner.run_id)
            template = "{winner}, simple as it is, is ahead of {serving} and serves now. {why}"
            values = {"winner": winner.recommender, "serving": serving.recommender}
            return text(template, **values, why=winner.verdict), True
    if winner.recommender in SIMPLE or not winner.beats_simple:
        if serving is None:
            kept = winner if winner.recommender in SIMPLE else final.train_simple()
            publish(workspace, kept.run_id)
            if kept is winner:
                said = text(
                    "No recommender beats the simple ones here; {name} serves.", name=kept.recommender
                )
                return said, True
            template = (
                "{winner} has the highest figure but does not measurably beat the simple ones: {name} serves."
            )
            return text(template, winner=winner.recommender, name=kept.recommender), False
        template = "{winner} does not measurably beat the simple ones and is not published: {why}"
        if winner.recommender in SIMPLE:
            template = "The best is {winner}, which is simple itself; what serves stays. {why}"
        return text(template, winner=winner.recommender, why=winner.verdict), False
    if serving is not None:
        gap = compare_runs(workspace, winner, serving, seed=final.request.seed)
        if gap.paired and gap.differences["ndcg"].high < 0:
            template = "{winner} beats the simple ones but is behind {serving}, which goes on serving. {why}"
            said = text(template, winner=winner.recommender, serving=serving.recommender, why=winner.verdict)
            return said, False
    publish(workspace, winner.run_id)
    return text("{winner} serves now. {why}", winner=winner.recommender, why=winner.verdict), True
