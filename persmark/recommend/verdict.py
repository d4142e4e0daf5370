"""One row of an evaluation, and what the rows say in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from persmark import metrics
from persmark.recommend.registry import SIMPLE
from persmark.text import Text, text


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
        }


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
