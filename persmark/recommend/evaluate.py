"""Which recommender is best on this data, and how sure that is.

The full catalogue is ranked for every test user; nothing is sampled but, beyond `max_users`, users.
Relevance is binary: each distinct (user, item) pair of the test counts once. Ties count as the mean
over their orders (`persmark.metrics`). Intervals come from a bootstrap over users. Users of the test
without any history are in no figure but their own row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persmark.errors import EmptyError, InputError
from persmark.recommend import leaks
from persmark.recommend import split as splits
from persmark.recommend.interactions import event_weights, weights_of
from persmark.recommend.measure import Measured, measured
from persmark.recommend.options import Settings
from persmark.recommend.registry import SIMPLE, recommender
from persmark.recommend.tabulate import results_of
from persmark.recommend.task import ALLOWED, REMOVED, Task
from persmark.recommend.verdict import Result, verdict
from persmark.store import Reader
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress

BOTH = "both"
OnNamedPoint = Callable[[str, Mapping[str, float]], None]


@dataclass(frozen=True)
class EvaluateRequest:
    """What is compared, and how.

    Args:
        recommenders: Names, in the order of the table.
        settings: Name -> settings; defaults for the rest.
        split: `temporal` (the last `test_days` local days), `leave-one-out` or `given`.
        test_days: Length of the test of the temporal split, local days.
        test_file: Of the given split: Parquet or CSV with `user_id`, `item_id`.
        target: Event type asked for; purchases where left out, else the heaviest type.
        min_item_events: An item belongs to the catalogue with this many target events in training.
        k: Slate length.
        repeats: `allowed`; `removed`: items that the user already has a target event on in
            training leave both the ranking and the test; `both`: each recommender is trained once
            and judged by both, equal to what either alone would give.
        seed: Of the bootstrap and of the draw of users.
        time_zone: Of the local days: the workspace's.
        before: Epoch seconds; events from then on are not looked at, so that settings can be chosen
            on an earlier window.
        cut: Epoch seconds at which the temporal test starts, in place of `test_days`.
        event_weights: Event type -> weight; defaults where left out.
        validation_in_history: Leave-one-out only: whether the validation event, never learned from,
            is part of the history that is scored.
        window_days: Only the last days before the test are learned from; histories stay whole. All
            days where left out.
        max_users: More test users than this are drawn at random, and the split says so.
    """

    recommenders: tuple[str, ...] = ("popular", "repeat", "markov")
    settings: Mapping[str, Settings | Mapping[str, object]] = field(default_factory=dict)
    split: str = splits.TEMPORAL
    test_days: int = 28
    test_file: Path | None = None
    target: str | None = None
    min_item_events: int = 1
    k: int = 10
    repeats: str = ALLOWED
    seed: int = 0
    time_zone: str = "UTC"
    before: int | None = None
    cut: int | None = None
    event_weights: Mapping[str, float] | None = None
    validation_in_history: bool = False
    max_users: int = 10_000
    window_days: int | None = None

    def __post_init__(self) -> None:
        _one_of("split", self.split, splits.SPLITS)
        _one_of("repeats", self.repeats, (ALLOWED, REMOVED, BOTH))
        if not self.recommenders:
            raise InputError(text("An evaluation needs at least one recommender. Received: none."))
        for name, value in (("k", self.k), ("min_item_events", self.min_item_events)):
            if value < 1:
                raise InputError(
                    text("{name} must be at least 1. Received: {value}.", name=name, value=value)
                )
        for name in self.recommenders:
            recommender(name)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(
            text("'{name}' must be a known word. Received: {value}.", name=name, value=value),
            hint=text("Available: {names}.", names=", ".join(allowed)),
        )


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The table, what it was made on, and what it says in words.

    Args:
        split: What was learned from and asked for.
        k: Slate length.
        n_users: Users that are judged.
        n_items: Size of the catalogue.
        target: The event type asked for.
        min_item_events: Of the catalogue.
        repeats: `allowed` or `removed`.
        results: A row per recommender.
        verdict: Whether the simple ones are beaten, and what is odd.
        alarms: What is odd about the test or a recommender, in words.
        removed: The same with repeats removed, where both were asked for and anything is left.
        fingerprint: Of users and pairs: figures of single users can be paired where it is equal.
    """

    split: Mapping[str, Any]
    k: int
    n_users: int
    n_items: int
    target: str
    min_item_events: int
    repeats: str
    results: tuple[Result, ...]
    verdict: Text
    alarms: tuple[Text, ...] = ()
    removed: Evaluation | None = None
    fingerprint: str = ""

    def to_json(self) -> dict[str, Any]:
        """The document that `evaluate --json` prints."""
        found: dict[str, Any] = {
            "split": dict(self.split),
            "k": self.k,
            "n_users": self.n_users,
            "n_items": self.n_items,
            "target": self.target,
            "min_item_events": self.min_item_events,
            "repeats": self.repeats,
            "results": [result.to_json() for result in self.results],
            "verdict": self.verdict.render(),
            "alarms": [one.render() for one in self.alarms],
        }
        if self.removed is not None:
            found["removed"] = self.removed.to_json()
        return found


def weights_for(reader: Reader, request: EvaluateRequest) -> dict[str, float]:
    """Event type -> weight, with the target among them."""
    weights = dict(event_weights(reader) if request.event_weights is None else request.event_weights)
    if request.target is not None:
        # What is asked for must be counted, whether or not it has a weight of its own.
        weights.setdefault(request.target, 1.0)
    return weights


def evaluate(
    reader: Reader,
    request: EvaluateRequest,
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    on_progress: OnProgress | None = None,
    on_point: OnNamedPoint | None = None,
    checkpoints: Path | None = None,
) -> Evaluation:
    """Train each recommender on the train side and rank the full catalogue for each test user.

    Args:
        reader: The workspace.
        request: What is compared, and how.
        groups: Name -> ids of its users, for a row of each.
        on_progress: Called with a fraction 0 to 1 and what is happening.
        on_point: Called with a recommender's name and each point of its learning curve.
        checkpoints: Folder in which long trainings keep their state, and from which they go on.

    Raises:
        EmptyError: The split leaves no user with a history and a test item.
        InputError: A recommender returned a score that is not finite, or training reaches into the test.
    """
    parts = split_of(reader, request, weights_for(reader, request))
    return evaluate_split(
        parts, request, groups=groups, on_progress=on_progress, on_point=on_point, checkpoints=checkpoints
    )


def evaluate_split(
    parts: splits.Split,
    request: EvaluateRequest,
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    on_progress: OnProgress | None = None,
    on_point: OnNamedPoint | None = None,
    checkpoints: Path | None = None,
) -> Evaluation:
    """`evaluate` on a split that is made already; what the request says of splits is not looked at.

    Raises:
        EmptyError: The split leaves no user with a history and a test item.
        InputError: A recommender returned a score that is not finite, or training reaches into the test.
    """
    task = task_of(parts, request)
    found = []
    for position, name in enumerate(request.recommenders):
        if on_progress:
            doing = text("Measuring {name}", name=name)
            on_progress(position / len(request.recommenders), doing)
        found.append(
            measured(
                name,
                task,
                k=request.k,
                settings=request.settings.get(name),
                on_progress=_within(on_progress, position, len(request.recommenders), name),
                on_point=partial(on_point, name) if on_point else None,
                checkpoint=checkpoints / name if checkpoints else None,
            )
        )
    return evaluation_of(parts, task, found, request, groups=groups)


def _within(on_progress: OnProgress | None, position: int, n: int, name: str) -> OnProgress | None:
    if on_progress is None:
        return None
    return lambda share, doing: on_progress(
        (position + 0.9 * share) / n, text("Measuring {name}: {doing}", name=name, doing=doing)
    )


def task_of(parts: splits.Split, request: EvaluateRequest) -> Task:
    """The test of a split, refused where it could see its own answers.

    Raises:
        EmptyError: It leaves no user with a history and a test item.
        InputError: Training reaches into the test.
    """
    leaks.refuse_future(parts)
    task = Task.of(
        parts,
        repeats=(ALLOWED, REMOVED) if request.repeats == BOTH else (request.repeats,),
        min_item_events=request.min_item_events,
        max_users=request.max_users,
        seed=request.seed,
    )
    if not len(task.questions[0].users):
        raise EmptyError(
            text(
                "An evaluation needs users with a history and a later '{target}' of a known item."
                " Received: none.",
                target=parts.target,
            ),
            title="Nothing to measure",
            hint="Ask for more test days, a smaller min_item_events, or another target.",
        )
    return task


def evaluation_of(
    parts: splits.Split,
    task: Task,
    found: Sequence[Measured],
    request: EvaluateRequest,
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Evaluation:
    """The table of what was measured on a task."""
    odd = leaks.alarms(parts)
    made: Evaluation | None = None
    judged = {one.repeats: len(one.users) for one in task.questions}
    # The last question first: the first one carries the others.
    for place in range(len(task.questions))[::-1]:
        question = task.questions[place]
        if not len(question.users):
            continue
        results = results_of(found, task, place, seed=request.seed, groups=groups)
        simple = max(
            (row for row in results if row.recommender in SIMPLE), key=lambda row: row.ndcg, default=None
        )
        alarms = [*odd, *leaks.suspicious(results, simple)]
        said = verdict(results, k=request.k, seed=request.seed)
        facts = dict(parts.facts) | {
            "n_train_events": len(parts.train),
            "n_pairs": len(question.row),
            "n_users_eligible": question.n_eligible,
            "n_new_users": len(task.new.users) if task.new else 0,
            "event_weights": weights_of(parts.train),
            "n_users_judged": judged,
            "overlap_share": leaks.overlap_share(parts),
            "seed": request.seed,
        }
        made = Evaluation(
            split=facts,
            k=request.k,
            n_users=len(question.users),
            n_items=task.train.n_items,
            target=parts.target,
            min_item_events=request.min_item_events,
            repeats=question.repeats,
            results=results,
            verdict=text("{said} {alarms}", said=said, alarms=_joined(alarms)) if alarms else said,
            alarms=tuple(alarms),
            removed=made,
            fingerprint=question.fingerprint,
        )
    assert made is not None
    return made


def _joined(sentences: Sequence[Text]) -> Text:
    holes = {f"s{place}": one for place, one in enumerate(sentences)}
    return Text(" ".join(f"{{{name}}}" for name in holes), holes)


def split_of(reader: Reader, request: EvaluateRequest, weights: Mapping[str, float]) -> splits.Split:
    """The split that a request asks for."""
    with_facts = any(recommender(name).needs_facts for name in request.recommenders)
    if request.split == splits.TEMPORAL:
        return splits.temporal(
            reader,
            weights=weights,
            target=request.target,
            test_days=request.test_days,
            time_zone=request.time_zone,
            before=request.before,
            cut=request.cut,
            window_days=request.window_days,
            with_facts=with_facts,
        )
    if request.split == splits.LEAVE_ONE_OUT:
        return splits.leave_one_out(
            reader,
            weights=weights,
            target=request.target,
            before=request.before,
            validation_in_history=request.validation_in_history,
            window_days=request.window_days,
            with_facts=with_facts,
        )
    return splits.given(
        reader,
        weights=weights,
        target=request.target,
        test_file=request.test_file,
        before=request.before,
        window_days=request.window_days,
        with_facts=with_facts,
    )
