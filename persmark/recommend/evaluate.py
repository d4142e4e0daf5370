"""Which recommender is best on this data, and how sure that is.

The full catalogue is ranked for every test user; nothing is sampled but, beyond `max_users`, users.
Relevance is binary: each distinct (user, item) pair of the test counts once. Ties count as the mean
over their orders (`persmark.metrics`). Intervals come from a bootstrap over users.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from persmark import metrics
from persmark.errors import EmptyError, InputError
from persmark.recommend import split as splits
from persmark.recommend.contract import Recommender, best_columns, blocks
from persmark.recommend.interactions import Interactions, event_weights, places, weights_of
from persmark.recommend.lesson import Validation
from persmark.recommend.options import Settings
from persmark.recommend.registry import recommender
from persmark.recommend.verdict import Result, verdict
from persmark.store import Reader
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress

ALLOWED, REMOVED = "allowed", "removed"


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
        repeats: `allowed`, or `removed`: items that the user already has a target event on in
            training leave both the ranking and the test.
        seed: Of the bootstrap and of the draw of users.
        time_zone: Of the local days: the workspace's.
        before: Epoch seconds; events from then on are not looked at, so that settings can be chosen
            on an earlier window.
        cut: Epoch seconds at which the temporal test starts, in place of `test_days`.
        event_weights: Event type -> weight; defaults where left out.
        validation_in_history: Leave-one-out only: whether the validation event, never learned from,
            is part of the history that is scored.
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

    def __post_init__(self) -> None:
        _one_of("split", self.split, splits.SPLITS)
        _one_of("repeats", self.repeats, (ALLOWED, REMOVED))
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
    """The table, what it was made on, and what it says in words."""

    split: Mapping[str, Any]
    k: int
    n_users: int
    n_items: int
    target: str
    min_item_events: int
    repeats: str
    results: tuple[Result, ...]
    verdict: Text

    def to_json(self) -> dict[str, Any]:
        """The document that `evaluate --json` prints."""
        return {
            "split": dict(self.split),
            "k": self.k,
            "n_users": self.n_users,
            "n_items": self.n_items,
            "target": self.target,
            "min_item_events": self.min_item_events,
            "repeats": self.repeats,
            "results": [result.to_json() for result in self.results],
            "verdict": self.verdict.render(),
        }


@dataclass(frozen=True, eq=False)
class _Task:
    """The test as codes: users of `histories`, items as places in the catalogue."""

    train: Interactions
    histories: Interactions
    row: npt.NDArray[np.int64]  # (n_pairs,) ascending
    item: npt.NDArray[np.int64]  # (n_pairs,)
    seen_row: npt.NDArray[np.int64]  # (n_seen,) ascending; cells taken off the ranking
    seen_item: npt.NDArray[np.int64]
    n_eligible: int
    validation: Validation | None

    @classmethod
    def of(cls, parts: splits.Split, request: EvaluateRequest) -> Self:
        train = parts.train
        bought = train.typed(parts.target)
        count = np.bincount(train.item[bought], minlength=train.n_items)
        catalogue = count >= request.min_item_events
        column = np.cumsum(catalogue) - 1
        user = places(train.user_ids, parts.test_users)
        item = places(train.item_ids, parts.test_items)
        # A user who has no event left in training has no history to be judged on.
        active = np.bincount(train.user, minlength=train.n_users) > 0
        known = (user >= 0) & (item >= 0)
        known[known] = active[user[known]] & catalogue[item[known]]
        user, item = user[known], column[item[known]]

        # Leave-one-out may show more of the user than training holds; that counts as bought too.
        shown = parts.histories
        has = shown.typed(parts.target) & catalogue[shown.item]
        n_items = max(int(catalogue.sum()), 1)
        seen = np.unique(shown.user[has].astype(np.int64) * n_items + column[shown.item[has]])
        if request.repeats == REMOVED:
            fresh = ~np.isin(user * n_items + item, seen)
            user, item = user[fresh], item[fresh]
        else:
            seen = seen[:0]

        users = np.unique(user)
        n_eligible = len(users)
        if n_eligible > request.max_users:
            rng = np.random.default_rng(request.seed)
            users = np.sort(rng.choice(users, request.max_users, replace=False))
        row_of = np.full(train.n_users, -1, np.int64)
        row_of[users] = np.arange(len(users))
        cells = np.unique(user * n_items + item)
        pair_row = row_of[cells // n_items]
        seen_row = row_of[seen // n_items]
        return cls(
            train=train.items(catalogue),
            histories=shown.users(users).items(catalogue),
            row=pair_row[pair_row >= 0],
            item=(cells % n_items)[pair_row >= 0],
            seen_row=seen_row[seen_row >= 0],
            seen_item=(seen % n_items)[seen_row >= 0],
            n_eligible=n_eligible,
            validation=_validation(parts, catalogue, exclude_seen=request.repeats == REMOVED),
        )


def _validation(
    parts: splits.Split, catalogue: npt.NDArray[np.bool_], *, exclude_seen: bool
) -> Validation | None:
    """The pairs that the split set aside, of items of the catalogue; None where it set none aside."""
    train = parts.train
    user = places(train.user_ids, parts.validation_users)
    item = places(train.item_ids, parts.validation_items)
    known = (user >= 0) & (item >= 0)
    known[known] = catalogue[item[known]]
    if not known.any():
        return None
    users = np.unique(user[known])
    row = np.searchsorted(users, user[known])
    order = np.argsort(row, kind="stable")
    column = (np.cumsum(catalogue) - 1)[item[known]]
    histories = train.users(users).items(catalogue)
    return Validation(histories, row[order], column[order], exclude_seen)


def evaluate(
    reader: Reader, request: EvaluateRequest, *, on_progress: OnProgress | None = None
) -> Evaluation:
    """Train each recommender on the train side and rank the full catalogue for each test user.

    Raises:
        EmptyError: The split leaves no user with a history and a test item.
        InputError: A recommender returned a score that is not finite.
    """
    weights = dict(event_weights(reader) if request.event_weights is None else request.event_weights)
    if request.target is not None:
        # What is asked for must be counted, whether or not it has a weight of its own.
        weights.setdefault(request.target, 1.0)
    return evaluate_split(_split(reader, request, weights), request, on_progress=on_progress)


def evaluate_split(
    parts: splits.Split, request: EvaluateRequest, *, on_progress: OnProgress | None = None
) -> Evaluation:
    """`evaluate` on a split that is made already; what the request says of splits is not looked at.

    Raises:
        EmptyError: The split leaves no user with a history and a test item.
        InputError: A recommender returned a score that is not finite.
    """
    _no_future(parts, request)
    task = _Task.of(parts, request)
    if not len(task.row):
        raise EmptyError(
            text(
                "An evaluation needs users with a history and a later '{target}' of a known item."
                " Received: none.",
                target=parts.target,
            ),
            title="Nothing to measure",
            hint="Ask for more test days, a smaller min_item_events, or another target.",
        )
    results = []
    for position, name in enumerate(request.recommenders):
        if on_progress:
            doing = text("Measuring {name}", name=name)
            on_progress(position / len(request.recommenders), doing)
        results.append(_measured(name, task, request))
    facts = dict(parts.facts) | {
        "n_train_events": len(parts.train),
        "n_pairs": len(task.row),
        "n_users_eligible": task.n_eligible,
        "event_weights": weights_of(parts.train),
        "seed": request.seed,
    }
    return Evaluation(
        split=facts,
        k=request.k,
        n_users=task.histories.n_users,
        n_items=task.train.n_items,
        target=parts.target,
        min_item_events=request.min_item_events,
        repeats=request.repeats,
        results=tuple(results),
        verdict=verdict(tuple(results), k=request.k, seed=request.seed),
    )


def _split(reader: Reader, request: EvaluateRequest, weights: Mapping[str, float]) -> splits.Split:
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
            with_facts=with_facts,
        )
    if request.split == splits.LEAVE_ONE_OUT:
        return splits.leave_one_out(
            reader,
            weights=weights,
            target=request.target,
            before=request.before,
            validation_in_history=request.validation_in_history,
            with_facts=with_facts,
        )
    return splits.given(
        reader,
        weights=weights,
        target=request.target,
        test_file=request.test_file,
        before=request.before,
        with_facts=with_facts,
    )


def _no_future(parts: splits.Split, request: EvaluateRequest) -> None:
    """A temporal test that could see its own answers is worth nothing: refuse it."""
    if request.split == splits.TEMPORAL and int(parts.train.time.max(initial=0)) >= parts.train.as_of:
        raise InputError(
            text("Training events must lie before the test. Received: later ones."), title="Leak"
        )


def _measured(name: str, task: _Task, request: EvaluateRequest) -> Result:
    kind = recommender(name)
    started = time.perf_counter()
    made = kind.train(task.train, request.settings.get(name), validation=task.validation)
    fitted = time.perf_counter()
    ranks, shown = ranked(made, task, k=request.k)
    scored = time.perf_counter()
    per_user = {
        "ndcg": metrics.ndcg(ranks, request.k),
        "recall": metrics.recall(ranks, request.k),
        "hit_rate": metrics.hit_rate(ranks, request.k),
        "mrr": metrics.mrr(ranks, request.k),
    }
    interval = metrics.bootstrap_interval(per_user["ndcg"], seed=request.seed)
    return Result(
        recommender=name,
        **{metric: float(values.mean()) for metric, values in per_user.items()},
        coverage=metrics.coverage(shown, task.train.n_items),
        ndcg_interval=(interval.low, interval.high),
        fit_seconds=fitted - started,
        score_seconds=scored - fitted,
        settings=made.settings.as_dict(),
        per_user=per_user,
    )


def ranked(made: Recommender, task: _Task, *, k: int) -> tuple[metrics.TiedRanks, metrics.Ints]:
    """Ranks of all test pairs, and the columns of each user's slate, in blocks of users."""
    ranks, shown = [], []
    for block in blocks(task.histories.n_users, task.train.n_items):
        scores = made.score_matrix(task.histories, block)
        # A sum is finite only where every term is; far cheaper than a mask of the block.
        if not np.isfinite(scores.sum(dtype=np.float64)):
            raise InputError(
                text("Scores of '{name}' must be finite. Received: others. Train it again.", name=made.name)
            )
        seen = slice(*np.searchsorted(task.seen_row, [block.start, block.stop]))
        if seen.stop > seen.start:
            scores = scores.copy()
            scores[task.seen_row[seen] - block.start, task.seen_item[seen]] = -np.inf
        pairs = slice(*np.searchsorted(task.row, [block.start, block.stop]))
        ranks.append(metrics.tied_ranks(scores, task.row[pairs] - block.start, task.item[pairs]))
        top = best_columns(scores, min(k, scores.shape[1]))
        shown.append(np.where(np.isfinite(np.take_along_axis(scores, top, axis=1)), top, -1))
    return metrics.combined(ranks), np.concatenate(shown)
