"""What a training leaves: everybody's scores, the features behind them, and all that explains them later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from persmark.profiles.predict import features
from persmark.profiles.predict.features import Column, Frame, Whom, typical
from persmark.profiles.predict.learners import Floats
from persmark.profiles.predict.material import Material
from persmark.profiles.predict.pair_learner import PairLearner
from persmark.profiles.predict.pairs import pairs
from persmark.profiles.predict.targets import AHEAD_DAYS, BUY, BUY_DAYS, NEXT, buy_of, target
from persmark.profiles.predict.users import Made
from persmark.profiles.predict.verdicts import packed, standings, verdict
from persmark.text import Text, text

if TYPE_CHECKING:
    import pyarrow as pa

    from persmark.jobs import OnProgress

_USERS_AT_ONCE = 4_000


@dataclass
class Report:
    """What a training came to, JSON-able.

    Attributes:
        targets: Name -> title, kind, figures, gains, reliability, verdict.
        categories: The judgement over all categories together.
        refused: Name, title and why, of what there is too little data for.
    """

    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    categories: dict[str, Any] = field(default_factory=dict)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, name: str, why: Text, title: str | None = None) -> None:
        """Say why a target is not predicted."""
        shown = str(target(name, title).title)
        self.refused.append({"target": name, "title": shown, "why": packed(why)})

    def keep(self, name: str, result: Mapping[str, Any], title: str | None = None, **more: Any) -> None:
        """Put a judgement down with its verdict."""
        self.targets[name] = {
            "title": title, **result, **more,
            "standings": standings(result), "verdict": packed(verdict(result)),
        }  # fmt: skip


@dataclass
class Training:
    """What was learned, on its way to the disk."""

    material: Material
    seed: int
    tell: OnProgress
    report: Report = field(default_factory=Report)
    users: dict[str, Made] = field(default_factory=dict)
    channels: dict[str, tuple[str, Made]] = field(default_factory=dict)
    pair_learner: PairLearner | None = None
    factors: Any = None


def bin_bounds(reliability: list[dict[str, Any]], scores: Floats) -> tuple[Floats, Floats]:
    """What came of users with such a chance on the test window: the interval of the group it falls in."""
    if not reliability:
        return np.full(len(scores), np.nan), np.full(len(scores), np.nan)
    tops = np.array([one["high"] for one in reliability[:-1]])
    at = np.searchsorted(tops, scores, side="left")
    low = np.array([np.nan if one["share_low"] is None else one["share_low"] for one in reliability])
    high = np.array([np.nan if one["share_high"] is None else one["share_high"] for one in reliability])
    return low[at], high[at]


def scores_of(training: Training, everybody: Frame, run_id: str) -> Iterator[pa.Table]:
    """Table `predictions`, some users at a time, sorted by user and target."""
    for first in range(0, len(everybody), _USERS_AT_ONCE):
        rows = np.arange(first, min(first + _USERS_AT_ONCE, len(everybody)))
        training.tell(0.85 + 0.1 * first / len(everybody), text("Scoring {n} users", n=len(everybody)))
        yield _scored(training, everybody.of(rows), run_id)


def _scored(training: Training, given: Frame, run_id: str) -> pa.Table:
    import pyarrow as pa

    users: list[Column] = []
    names: list[Column] = []
    numbers: list[tuple[Floats, Floats, Floats]] = []

    def put(name: str, rows: Column, score: Floats, low: Floats, high: Floats) -> None:
        users.append(given.users[rows])
        names.append(np.full(len(rows), name, dtype=object))
        numbers.append((score, low, high))

    buyers = np.flatnonzero(given.columns["buying_days"] > 0)
    anybody = np.arange(len(given))
    whom = Whom(first=str(given.users[0]), last=str(given.users[-1]))
    for name, made in training.users.items():
        rows = anybody if name == BUY else buyers
        some = given.of(rows)
        score = np.asarray(made.learner.predict(some), np.float64)
        if made.bounds is not None:
            low, high = made.bounds.predict(some, score, float(AHEAD_DAYS) if name == NEXT else None)
        else:
            low, high = bin_bounds(made.result["reliability"], score)
        put(name, rows, score, low, high)
    for name, (channel, made) in training.channels.items():
        some = features.channel_frame(training.material.reader, given, channel, whom=whom)
        score = np.asarray(made.learner.predict(some), np.float64)
        put(name, anybody, score, *bin_bounds(made.result["reliability"], score))
    if training.pair_learner is not None:
        things = training.material.things
        made_pairs = pairs(training.material.reader, things, given, whom=whom, factors=training.factors,
                           rates=_rates(training))  # fmt: skip
        plane = training.pair_learner.predict(made_pairs)
        for place, thing in enumerate(things.names):
            name = buy_of(thing)
            if name in training.report.targets:
                score = plane[:, place]
                put(name, anybody, score, *bin_bounds(training.report.targets[name]["reliability"], score))
    user, name_ = np.concatenate(users), np.concatenate(names)
    order = np.lexsort((name_.astype(str), user.astype(str)))
    columns = [np.concatenate(part)[order] for part in zip(*numbers, strict=True)]
    return pa.table({
        "user_id": pa.array(user[order], pa.string()),
        "target": pa.array(name_[order], pa.string()),
        "score": pa.array(columns[0], pa.float64()),
        "run_id": pa.array([run_id] * len(order), pa.string()),
        "low": pa.array(columns[1], pa.float64(), from_pandas=True),
        "high": pa.array(columns[2], pa.float64(), from_pandas=True),
    })  # fmt: skip


def _rates(training: Training) -> dict[str, Any]:
    """How many bought each category lately, of the users that were learned from."""
    material = training.material
    made, _ = material.pairs(material.as_of, BUY_DAYS)
    return {name: made.values[name] for name in ("thing_rate_28", "thing_rate_84")}


def facts_of(training: Training, everybody: Frame) -> dict[str, Any]:
    """What a stored training needs beside its estimators."""
    material = training.material
    columns = list(everybody.columns)
    learned = {**training.users, **{name: made for name, (_, made) in training.channels.items()}}
    facts: dict[str, Any] = {
        "as_of": material.as_of.isoformat(),
        "span_days": everybody.span_days,
        "typical": typical(everybody, columns),
        "targets": {
            name: {
                "candidate": made.learner.candidate,
                "shapes": made.learner.shapes.to_json(),
                "facts": made.learner.facts,
                "kind": made.result["kind"],
                "file": f"target-{place}.skops",
            }
            for place, (name, made) in enumerate(learned.items())
        },
        "channels": {name: channel for name, (channel, _) in training.channels.items()},
    }
    for name, (channel, _) in training.channels.items():
        given = features.channel_frame(material.reader, everybody, channel)
        facts["targets"][name]["typical"] = typical(
            given, [column for column in given.columns if column.startswith("channel_")]
        )
    if training.pair_learner is not None:
        things = material.things
        facts["things"] = {"names": things.names, "titles": things.titles, "by_item": things.by_item}
        facts["pairs"] = {
            "candidate": training.pair_learner.candidate,
            "calibration": training.pair_learner.calibration,
            "typical": _typical_pairs(training),
        }
    return facts


def _typical_pairs(training: Training) -> dict[str, list[float | None]]:
    """Of each category and feature, the median over the users that were learned from."""
    material = training.material
    made, _ = material.pairs(material.as_of, BUY_DAYS)
    found: dict[str, list[float | None]] = {}
    for name in made.values:
        plane = made.plane(name)
        if made.values[name].shape[1] == 1:
            plane = plane[:, :1]
        known = ~np.isnan(plane)
        some = known.sum(axis=0) * 2 >= len(plane)
        middle = [
            float(np.median(plane[known[:, at], at])) if some[at] and known[:, at].any() else None
            for at in range(plane.shape[1])
        ]
        found[name] = middle
    return found


def estimators_of(training: Training) -> dict[str, Any]:
    """File -> what goes into it, one file per target."""
    learned = {**training.users, **{name: made for name, (_, made) in training.channels.items()}}
    held: dict[str, Any] = {}
    for place, (_, made) in enumerate(learned.items()):
        held[f"target-{place}.skops"] = made.learner.parts
    if training.pair_learner is not None:
        learner = training.pair_learner
        held["pairs.skops"] = {
            "base": learner.base, "linear": learner.linear, "trees": learner.trees,
            "factors": np.asarray(training.factors), **_rates(training),
        }  # fmt: skip
    return held


def inputs_of(everybody: Frame) -> pa.Table:
    """Table `prediction_inputs`."""
    import pyarrow as pa

    columns: dict[str, Any] = {"user_id": pa.array(everybody.users, pa.string())}
    for name, column in everybody.columns.items():
        kind = pa.string() if column.dtype == object else pa.float32()
        columns[name] = pa.array(column, kind, from_pandas=True)
    return pa.table(columns)
