"""The search from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from persmark.errors import EmptyError, InputError
from persmark.recommend.evaluate import (
    BOTH,
    EvaluateRequest,
    Evaluation,
    OnNamedPoint,
    evaluation_of,
    split_of,
    task_of,
)
from persmark.recommend.measure import Measured
from persmark.recommend.popular import Popular
from persmark.recommend.registry import recommender
from persmark.recommend.runs import Run, publish, published, remove_orphans
from persmark.recommend.search.asked import FindBest
from persmark.recommend.search.clock import Clock
from persmark.recommend.search.final import Final, serve_what_won
from persmark.recommend.search.kept import FOLDER, State
from persmark.recommend.search.measuring import Skipped, measure_all
from persmark.recommend.training import VALIDATION_K, everything, ground_of
from persmark.store import Workspace, exclusive
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress


@dataclass(frozen=True, eq=False)
class Found:
    """What a search came to.

    Args:
        evaluation: The leaderboard; None where there was too little data to measure.
        winner: The run of the best one, trained on everything.
        published: Whether the winner serves now.
        said: In words, what won, and why it was published or not.
        skipped: Recommenders that did not fit or broke.
        seconds: Wall time.
    """

    evaluation: Evaluation | None
    winner: Run
    published: bool
    said: Text
    skipped: tuple[Skipped, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The document that `train --best --json` prints."""
        return self.winner.to_json() | {
            "published": self.published,
            "said": self.said.render(),
            "skipped": [{"recommender": one.recommender, "why": one.why.render()} for one in self.skipped],
            "search_seconds": round(self.seconds, 3),
            "evaluation": self.evaluation.to_json() if self.evaluation else None,
        }


def find_best(
    workspace: Workspace,
    request: FindBest,
    *,
    on_progress: OnProgress | None = None,
    on_point: OnNamedPoint | None = None,
) -> Found:
    """Measure in order within the time, train the winner on everything, publish it if it has earned that.

    Raises:
        EmptyError: There is nothing to learn from.
        BusyError: Another search of this workspace is going on.
        InputError: A weight is wrong, or not even one recommender fits into the time.
    """
    with exclusive(workspace.folder / f"{FOLDER}.lock", wait_seconds=0):
        return _find_best(workspace, request, on_progress, on_point)


def _find_best(
    workspace: Workspace, request: FindBest, on_progress: OnProgress | None, on_point: OnNamedPoint | None
) -> Found:
    clock = Clock(request.minutes * 60, on_progress)
    remove_orphans(workspace)
    with workspace.reader() as reader:
        clock.tell(text("Reading events"))
        ground = ground_of(workspace, reader, weights=request.weights, window_days=request.window_days)
        asked = EvaluateRequest(
            recommenders=request.names,
            test_days=request.test_days,
            min_item_events=request.min_item_events,
            k=VALIDATION_K,
            repeats=BOTH,
            seed=request.seed,
            time_zone=workspace.time_zone,
            event_weights=ground.weights,
            window_days=request.window_days,
        )
        needs = any(recommender(name).needs_facts for name in request.names)
        whole = everything(reader, ground, with_facts=needs)
        state = State.of(workspace, request, ground)
        try:
            parts = split_of(reader, asked, ground.weights)
            task = task_of(parts, asked)
        except EmptyError:
            final = Final(workspace, whole, None, ground, request, clock, state, on_point)
            return _unmeasured(workspace, final)
    clock.spent_before = state.spent()
    found, skipped = measure_all(task, request, clock, state, on_point)
    if not found:
        raise InputError(
            text(
                "Measuring needs more time than {minutes} minutes. Received: no recommender that fitted.",
                minutes=request.minutes,
            ),
            title="Too little time",
            hint="Give it more minutes, or learn from fewer days.",
        )
    evaluation = evaluation_of(parts, task, found, asked)
    final = Final(workspace, whole, evaluation, ground, request, clock, state, on_point)
    winner = final.train_first_that_fits([*found], skipped)
    said, is_published = serve_what_won(workspace, winner, final)
    state.remove()
    clock.tell(text("Done"), done=True)
    return Found(evaluation, winner, is_published, said, tuple(skipped), clock.spent())


def _unmeasured(workspace: Workspace, final: Final) -> Found:
    """Too little data to measure anything: popularity serves where nothing does yet."""
    run = final.train(Measured(Popular.name, {}, 0.0, 0.0, (), (), (), {}), label=final.request.label)
    first = published(workspace) is None
    if first:
        run = publish(workspace, run.run_id)
    final.state.remove()
    final.clock.tell(text("Done"), done=True)
    return Found(None, run, first, run.verdict, (), final.clock.spent())
