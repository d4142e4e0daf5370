"""The best recommender in a given time: measured one after the other, the winner trained on everything.

The order is that of accuracy for each second of work, as published comparisons have it: counting first,
then closed forms and walks, then what learns by steps, mixtures after what they mix. Each is measured in a
process of its own that is ended when it would not fit, so that the budget is kept and no recommender can
take the others with it. What is measured is kept on disk until the search ends: after a cancel or a crash
it goes on where it stopped.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persmark.errors import EmptyError, InputError
from persmark.recommend import registry
from persmark.recommend.apart import StoppedError, apart
from persmark.recommend.evaluate import (
    BOTH,
    EvaluateRequest,
    Evaluation,
    OnNamedPoint,
    evaluation_of,
    split_of,
    task_of,
)
from persmark.recommend.measure import Measured, load_measured, measured, save_measured
from persmark.recommend.popular import Popular
from persmark.recommend.registry import SIMPLE, recommender
from persmark.recommend.runs import (
    Run,
    compare_runs,
    keep_run,
    named,
    publish,
    published,
    remove_orphans,
)
from persmark.recommend.task import Task
from persmark.recommend.training import (
    VALIDATION_DAYS,
    VALIDATION_K,
    Ground,
    best_simple,
    everything,
    figures_of,
    final_points,
    ground_of,
    run_for,
    with_weights,
)
from persmark.store import Workspace, exclusive
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress
    from persmark.recommend.interactions import Interactions

ORDER = (
    "popular", "repeat", "markov", "ease", "graph", "matrix_factorisation", "self_attention", "ranker",
    "blend", "neural_cf",
)  # fmt: skip
MINUTES = "minutes"  # the setting by which a recommender is told how long it may learn
_FOLDER, _STATE = "searches", "search.json"
# The final training learns from a window more, and is saved.
_FINAL_TIMES, _FINAL_SECONDS = 1.25, 2.0


@dataclass(frozen=True)
class FindBest:
    """What is searched.

    Args:
        minutes: For everything: reading, measuring, and training the winner.
        recommenders: Names; all there are where empty.
        settings: Name -> settings.
        weights: Event type -> weight, in place of the defaults.
        window_days: Learn from the last days only.
        label: What to call the winner's run.
        test_days: Length of the window they are measured on, local days.
        min_item_events: Of the catalogue.
        seed: Of the bootstrap.
        resume: Go on where the same search stopped.
    """

    minutes: float = 10.0
    recommenders: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    weights: Mapping[str, float] | None = None
    window_days: int | None = None
    label: str = ""
    test_days: int = VALIDATION_DAYS
    min_item_events: int = 1
    seed: int = 0
    resume: bool = False

    def __post_init__(self) -> None:
        if not self.minutes > 0:
            raise InputError(
                text("The time to search must be above 0 minutes. Received: {minutes}.", minutes=self.minutes)
            )
        for name in self.recommenders:
            recommender(name)
        named(self.label)

    @property
    def names(self) -> tuple[str, ...]:
        """What is measured, in order; the simple ones always, for without them nothing is proved."""
        there = {*(self.recommenders or registry.RECOMMENDERS), *SIMPLE}
        return tuple(sorted((name for name in registry.RECOMMENDERS if name in there), key=_place))


def _place(name: str) -> float:
    """Where in the order; what it does not name comes behind what is counted, or last where it learns."""
    if name in ORDER:
        return ORDER.index(name)
    return len(ORDER) if recommender(name).learned else ORDER.index("graph") + 0.5


@dataclass(frozen=True)
class Skipped:
    """A recommender without a figure, and why."""

    recommender: str
    why: Text


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
    with exclusive(workspace.folder / f"{_FOLDER}.lock", wait_seconds=0):
        return _find_best(workspace, request, on_progress, on_point)


def _find_best(
    workspace: Workspace, request: FindBest, on_progress: OnProgress | None, on_point: OnNamedPoint | None
) -> Found:
    clock = _Clock(request.minutes * 60, on_progress)
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
        state = _State.of(workspace, request, ground)
        try:
            parts = split_of(reader, asked, ground.weights)
            task = task_of(parts, asked)
        except EmptyError:
            final = _Final(workspace, whole, None, ground, request, clock, state, on_point)
            return _unmeasured(workspace, final)
    clock.spent_before = state.spent()
    found, skipped = _measure_all(task, request, clock, state, on_point)
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
    final = _Final(workspace, whole, evaluation, ground, request, clock, state, on_point)
    winner = final.train_first_that_fits([*found], skipped)
    said, is_published = _publish(workspace, winner, final)
    state.remove()
    clock.tell(text("Done"), done=True)
    return Found(evaluation, winner, is_published, said, tuple(skipped), clock.spent())


def _unmeasured(workspace: Workspace, final: _Final) -> Found:
    """Too little data to measure anything: popularity serves where nothing does yet."""
    run = final.train(Measured(Popular.name, {}, 0.0, 0.0, (), (), (), {}), label=final.request.label)
    first = published(workspace) is None
    if first:
        run = publish(workspace, run.run_id)
    final.state.remove()
    final.clock.tell(text("Done"), done=True)
    return Found(None, run, first, run.verdict, (), final.clock.spent())


class _Clock:
    """The budget, and how much of it is gone."""

    def __init__(self, seconds: float, on_progress: OnProgress | None) -> None:
        self.seconds = seconds
        self.spent_before = 0.0
        self._started = time.monotonic()
        self._on_progress = on_progress

    def spent(self) -> float:
        """Wall seconds, those before a resume included."""
        return self.spent_before + time.monotonic() - self._started

    def left(self) -> float:
        """Seconds of the budget that are not spent."""
        return self.seconds - self.spent()

    def tell(self, doing: Text, *, done: bool = False) -> None:
        """Progress is the share of the budget: what is left of it is the longest that it can take."""
        if self._on_progress:
            self._on_progress(1.0 if done else min(self.spent() / self.seconds, 0.99), doing)


@dataclass(frozen=True)
class _State:
    """What was measured so far, on disk."""

    folder: Path

    @classmethod
    def of(cls, workspace: Workspace, request: FindBest, ground: Ground) -> _State:
        """The state of this very search; another one's, or one that shall not go on, is removed."""
        parent = workspace.folder / _FOLDER
        # A longer time, another name or the word to go on ask for the same figures.
        same = dataclasses.asdict(request) | {"minutes": 0, "label": "", "resume": False, "recommenders": ()}
        asked = json.dumps([same, dict(ground.reads), dict(ground.weights)], sort_keys=True, default=str)
        folder = parent / hashlib.sha256(asked.encode()).hexdigest()[:16]
        if parent.is_dir():
            for path in parent.iterdir():
                if path != folder or not request.resume:
                    shutil.rmtree(path, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    def spent(self) -> float:
        """Seconds before this start."""
        try:
            return float(json.loads((self.folder / _STATE).read_text("utf-8"))["spent"])
        except (OSError, ValueError, KeyError):
            return 0.0

    def keep(self, found: Measured, spent: float) -> None:
        """One more is measured."""
        save_measured(self.folder / f"{found.recommender}.npz", found)
        part = self.folder / f"{_STATE}.part"
        part.write_text(json.dumps({"spent": spent}), "utf-8")
        part.replace(self.folder / _STATE)

    def load(self, name: str) -> Measured | None:
        """What was measured before."""
        return load_measured(self.folder / f"{name}.npz")

    def remove(self) -> None:
        """The search has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)


def unfinished(workspace: Workspace) -> list[str]:
    """Names that a search which did not end has measured; it can go on from there."""
    parent = workspace.folder / _FOLDER
    return sorted(path.stem for path in parent.glob("*/*.npz")) if parent.is_dir() else []


def _measure_all(
    task: Task, request: FindBest, clock: _Clock, state: _State, on_point: OnNamedPoint | None
) -> tuple[list[Measured], list[Skipped]]:
    found: list[Measured] = []
    skipped: list[Skipped] = []
    learning = [name for name in request.names if recommender(name).learned]
    for name in request.names:
        before = state.load(name)
        if before is not None:
            found.append(before)
            continue
        to_learn = [
            one for one in learning if one == name or request.names.index(one) > request.names.index(name)
        ]
        # What is measured is trained once more on everything: one share of the rest is for that.
        longest = max((one.fit_seconds for one in found), default=0.0)
        rest = clock.left() - _FINAL_SECONDS
        shares = len(to_learn) + 1 if to_learn else 2
        share = min(rest / shares, rest - _FINAL_TIMES * longest)
        if share <= 0:
            skipped.append(Skipped(name, text("no time was left")))
            continue
        try:
            one = _measure(name, task, request, clock, on_point, seconds=share)
        except StoppedError as error:
            skipped.append(Skipped(name, error.message))
            continue
        state.keep(one, clock.spent())
        found.append(one)
    return found, skipped


def _settings_for(name: str, request: FindBest, seconds: float) -> tuple[dict[str, object], bool]:
    """The settings asked for, with the time it may take where the recommender can be told."""
    settings = dict(request.settings.get(name, {}))
    fields = {one.name: one for one in dataclasses.fields(recommender(name).settings_type)}
    if MINUTES not in fields or MINUTES in settings:
        return settings, False
    low, high = (fields[MINUTES].metadata.get(end) for end in ("low", "high"))
    # What comes before learning and the ranking after it need time too.
    minutes = max(0.6 * seconds / 60, low or 0.0)
    wanted = min(minutes, high) if high is not None else minutes
    return settings | {MINUTES: int(wanted) if isinstance(fields[MINUTES].default, int) else wanted}, True


def _measure(
    name: str,
    task: Task,
    request: FindBest,
    clock: _Clock,
    on_point: OnNamedPoint | None,
    *,
    seconds: float,
) -> Measured:
    settings, told = _settings_for(name, request, seconds)
    clock.tell(text("Measuring {name}", name=name))

    def work(progress: OnProgress, point: Callable[[Mapping[str, float]], None]) -> Measured:
        return measured(name, task, k=VALIDATION_K, settings=settings, on_progress=progress, on_point=point)

    return apart(
        work,
        deadline=time.monotonic() + seconds,
        ends_itself=told,
        on_progress=lambda _, doing: clock.tell(text("Measuring {name}: {doing}", name=name, doing=doing)),
        on_point=lambda point: on_point(name, point) if on_point else None,
    )


@dataclass(frozen=True, eq=False)
class _Final:
    """Trainings on everything."""

    workspace: Workspace
    whole: Interactions
    evaluation: Evaluation | None
    ground: Ground
    request: FindBest
    clock: _Clock
    state: _State
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
            made = recommender(name).train(self.whole, one.settings, on_progress=progress, on_point=point)
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


def _publish(workspace: Workspace, winner: Run, final: _Final) -> tuple[Text, bool]:
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
