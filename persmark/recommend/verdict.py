"""What an evaluation says in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from persmark import metrics
from persmark.recommend.registry import SIMPLE
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.recommend.evaluate import Result


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
