"""One row of an evaluation, and what the rows say in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from persmark import metrics
from persmark.recommend.registry import SIMPLE
from persmark.text import Text, text


@dataclass(frozen=True)
class Gap:
    """How far a recommender is ahead of another over the same users, in NDCG.

    Args:
        other: Name of the other.
        mean: Mean difference.
        low: Lower end of its paired 95% interval.
        high: Upper end.
    """

    other: str
    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """As it is printed and kept."""
        return {"recommender": self.other, "difference": self.mean, "interval": [self.low, self.high]}


@dataclass(frozen=True)
class GroupRow:
    """One recommender for one group of users.

    Args:
        group: Its name.
        n_users: Test users in it.
        ndcg: At k, mean over them; so the next.
        ndcg_interval: 95% bootstrap interval over them.
        recall: Share of the test items in the slates.
        hit_rate: Share of users with at least one.
        against_simple: Against the recommender that is the best simple one over all users.
    """

    group: str
    n_users: int
    ndcg: float
    ndcg_interval: tuple[float, float]
    recall: float
    hit_rate: float
    against_simple: Gap | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is printed and kept."""
        return {
            "group": self.group,
            "n_users": self.n_users,
            "ndcg": self.ndcg,
            "ndcg_interval": list(self.ndcg_interval),
            "recall": self.recall,
            "hit_rate": self.hit_rate,
            "against_simple": self.against_simple.to_json() if self.against_simple else None,
        }


@dataclass(frozen=True, eq=False)
class Result:
    """One recommender's row.

    Args:
        recommender: Name.
        ndcg: At k, mean over users; so the next three.
        recall: Share of the user's test items in the slate.
        hit_rate: Share of users with at least one test item in the slate.
        mrr: One over the rank of the first test item.
        coverage: Share of the catalogue in at least one slate.
        ndcg_interval: 95% bootstrap interval over users.
        fit_seconds: Wall time of training.
        score_seconds: Wall time of scoring and ranking the full catalogue for all test users.
        settings: As trained.
        per_user: Metric -> (n_users,) figures, users in the same order in every row.
        novelty: Mean self-information of what is shown, bits; see `exposure`, so the next three.
        popularity_bias: Popularity percentile of what is shown minus that of what was asked for.
        exposure_gini: 0 where all items are shown alike, towards 1 where one has every place.
        debiased_recall: Recall with best sellers counted down.
        intervals: Metric -> 95% interval over users.
        against_simple: The paired difference to the best simple recommender; None for that one.
        against_single: The same to the best one that is no mixture of others.
        by_history: Rows by how many events of the user are known; new users first.
        by_segment: Rows by the groups that were handed in.
        curve: Points of the learning curve; empty for what is counted.
    """

    recommender: str
    ndcg: float
    recall: float
    hit_rate: float
    mrr: float
    coverage: float
    ndcg_interval: tuple[float, float]
    fit_seconds: float
    score_seconds: float
    settings: Mapping[str, Any]
    per_user: Mapping[str, metrics.Floats]
    novelty: float = 0.0
    popularity_bias: float = 0.0
    exposure_gini: float = 0.0
    debiased_recall: float = 0.0
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    against_simple: Gap | None = None
    against_single: Gap | None = None
    by_history: tuple[GroupRow, ...] = ()
    by_segment: tuple[GroupRow, ...] = ()
    curve: tuple[Mapping[str, float], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The row without the figures of single users."""
        return {
            "recommender": self.recommender,
            "ndcg": self.ndcg,
            "recall": self.recall,
            "hit_rate": self.hit_rate,
            "mrr": self.mrr,
            "coverage": self.coverage,
            "ndcg_interval": list(self.ndcg_interval),
            "fit_seconds": round(self.fit_seconds, 3),
            "score_seconds": round(self.score_seconds, 3),
            "settings": dict(self.settings),
            "novelty": self.novelty,
            "popularity_bias": self.popularity_bias,
            "exposure_gini": self.exposure_gini,
            "debiased_recall": self.debiased_recall,
            "intervals": {name: list(ends) for name, ends in self.intervals.items()},
            "against_simple": self.against_simple.to_json() if self.against_simple else None,
            "against_single": self.against_single.to_json() if self.against_single else None,
            "by_history": [row.to_json() for row in self.by_history],
            "by_segment": [row.to_json() for row in self.by_segment],
            "curve": [dict(point) for point in self.curve],
            "overfitting": overfitting(self.curve),
        }


def overfitting(curve: Sequence[Mapping[str, float]]) -> dict[str, Any] | None:
    """How much better a training does on what it learned from, at the point it was best on validation.

    Returns:
        `epoch`, `measure` (`ndcg` or `loss`), `train`, `validation`, and `gap`, above 0 where training
        looks better than it is; None where the curve does not tell.
    """
    told = [point for point in curve if "validation_ndcg" in point]
    if told:
        best = max(told, key=lambda point: point["validation_ndcg"])
        if "train_ndcg" in best:
            train, validation = best["train_ndcg"], best["validation_ndcg"]
            return {"epoch": best.get("epoch"), "measure": "ndcg", "train": train,
                    "validation": validation, "gap": train - validation}  # fmt: skip
    told = [point for point in curve if {"loss", "validation_loss"} <= point.keys()]
    if not told:
        return None
    best = min(told, key=lambda point: point["validation_loss"])
    return {"epoch": best.get("epoch"), "measure": "loss", "train": best["loss"],
            "validation": best["validation_loss"], "gap": best["validation_loss"] - best["loss"]}  # fmt: skip


def _figure(value: float) -> str:
    """A metric as it is written everywhere: three decimals."""
    # Adding 0.0 turns a rounded -0.0 into 0.
    return f"{round(value, 3) + 0.0:.3f}"


def verdict(results: tuple[Result, ...], *, k: int, seed: int, subject: str | None = None) -> Text:
    """Whether a recommender beats the simple ones, by the paired difference in NDCG.

    Args:
        results: Rows over the same users.
        k: Slate length.
        seed: Of the bootstrap.
        subject: The one spoken of; where left out the best that is not simple, else the best.
    """
    spoken_of = [row for row in results if row.recommender == subject]
    ambitious = [row for row in results if row.recommender not in SIMPLE]
    ours = max(spoken_of or ambitious or results, key=lambda row: row.ndcg)
    others = [row for row in results if row.recommender in SIMPLE and row is not ours]
    if not others:
        return text(
            "{name} reaches NDCG@{k} {score}; no simple recommender was measured beside it.",
            name=ours.recommender,
            score=_figure(ours.ndcg),
            k=k,
        )
    simple = max(others, key=lambda row: row.ndcg)
    gap = metrics.paired_difference(ours.per_user["ndcg"], simple.per_user["ndcg"], seed=seed)
    values: dict[str, object] = {
        "name": ours.recommender,
        "simple": simple.recommender,
        "ours": _figure(ours.ndcg),
        "theirs": _figure(simple.ndcg),
        "low": _figure(gap.low),
        "high": _figure(gap.high),
        "k": k,
    }
    figures = Text("NDCG@{k} {ours} against {theirs}; 95% interval of the difference {low} to {high}", values)
    if gap.low > 0:
        template = "{name} beats the best other simple recommender, {simple} ({figures})."
        if ours.recommender not in SIMPLE:
            template = "{name} beats the simple recommenders, the best of which is {simple} ({figures})."
    elif gap.high < 0:
        template = "{name} is behind the simple recommender {simple} ({figures})."
    else:
        template = "{name} cannot be told from the simple recommender {simple} ({figures})."
    return Text(template, values | {"figures": figures})
