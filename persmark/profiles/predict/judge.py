"""How good predictions were on a window that nobody had seen: figures, and how sure they are.

Every interval is a percentile bootstrap over users: a user with several rows is drawn with all of
them. Differences are paired, over the same draws. A difference is counted so that more is better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from persmark.metrics import LEVEL

Floats = npt.NDArray[np.float64]
Draws = npt.NDArray[np.float32]

RESAMPLES = 300
N_BINS = 10
TOP = 0.10  # the part of users that a campaign would pick
PARTS = (0.01, 0.02, 0.05, 0.10, 0.20, 0.30, 0.40, 0.50, 0.75, 1.0)
OURS = "model"


class Resampled:
    """The rows of a test window with the same draws of users for every figure.

    Args:
        users: (n_rows,) whose row each is.
        seed: Same seed and users, same draws.
    """

    def __init__(self, users: Sequence[str] | npt.NDArray[Any], *, seed: int) -> None:
        _, self.row_user = np.unique(np.asarray(users, dtype=str), return_inverse=True)
        self.n_users = int(self.row_user.max()) + 1 if len(self.row_user) else 0
        rng = np.random.default_rng(seed)
        draws = np.zeros((RESAMPLES, self.n_users), np.float32)
        for one in draws:
            one[:] = np.bincount(rng.integers(0, self.n_users, self.n_users), minlength=self.n_users)
        # The first "draw" is everybody once: the figure itself comes out of the same arithmetic.
        self.by_user: Draws = np.vstack([np.ones((1, self.n_users), np.float32), draws])
        self.weights: Draws = self.by_user[:, self.row_user]

    def of(self, rows: npt.NDArray[Any]) -> Draws:
        """(1 + RESAMPLES, n_chosen) how often each chosen row was drawn."""
        return self.weights[:, rows]


def interval(drawn: Floats) -> list[float | None]:
    """[figure, low, high] of a figure over everybody and over the draws; None for what is undefined."""
    held = drawn[1:][np.isfinite(drawn[1:])]
    if not np.isfinite(drawn[0]):
        return [None, None, None]
    if not len(held):
        return [float(drawn[0]), None, None]
    low, high = np.quantile(held, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [float(drawn[0]), float(low), float(high)]


def mean_of(values: Floats, weights: Draws) -> Floats:
    """(n_draws,) weighted mean of one figure per row."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = (weights @ values.astype(np.float32)).astype(np.float64) / weights.sum(axis=1)
    return found


def auc(chances: Floats, happened: Floats, weights: Draws) -> Floats:
    """(n_draws,) chance that who did it was scored above who did not; ties count half."""
    order = np.argsort(chances, kind="stable")
    _, starts = np.unique(chances[order], return_index=True)
    did = happened[order].astype(np.float32)
    drawn = weights[:, order]
    ups, downs = drawn * did, drawn * (1 - did)
    if len(starts) < len(order):
        ups, downs = np.add.reduceat(ups, starts, axis=1), np.add.reduceat(downs, starts, axis=1)
    below = np.cumsum(downs, axis=1, dtype=np.float64) - 0.5 * downs
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = (ups * below).sum(axis=1) / (
            ups.sum(axis=1, dtype=np.float64) * downs.sum(axis=1, dtype=np.float64)
        )
    return found


def chosen(scores: Floats, part: float) -> Floats:
    """(n_rows,) how much of each row is among the best `part` of all; tied ones share what is left."""
    n = part * len(scores)
    order = np.argsort(-scores, kind="stable")
    taken = np.zeros(len(scores))
    whole = int(np.floor(n))
    if whole >= len(scores):
        return np.ones(len(scores))
    edge = scores[order[whole]]
    above, tied = scores > edge, scores == edge
    taken[above] = 1.0
    taken[tied] = (n - above.sum()) / tied.sum()
    return taken


def captured(scores: Floats, worth: Floats, weights: Draws, part: float = TOP) -> Floats:
    """(n_draws,) share of all worth that lies with the best-scored `part` of the rows."""
    taken = chosen(scores, part).astype(np.float32)
    held = worth.astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = (weights @ (taken * held)).astype(np.float64) / (weights @ held).astype(np.float64)
    return found


def lift(chances: Floats, happened: Floats, weights: Draws, part: float = TOP) -> Floats:
    """(n_draws,) how much likelier the best-scored `part` did it than everybody."""
    taken = chosen(chances, part).astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = (weights @ (taken * happened.astype(np.float32))) / (weights @ taken)
        found: Floats = (inside / mean_of(happened, weights)).astype(np.float64)
    return found


def reliability(
    chances: Floats, happened: Floats, weights: Draws, n_bins: int = N_BINS
) -> list[dict[str, Any]]:
    """What was promised and what came, in groups of like chances of about equal size.

    Returns:
        Per group: `low`, `high`, `mean` of the chances, `share` that did it with `share_low` and
        `share_high`, and `n` rows. The interval holds the bootstrap's and Wilson's: where nobody or
        everybody in a group did it, the first would be a point.

    Source: Wilson, "Probable inference, the law of succession", JASA 22, 1927.
    """
    n = len(chances)
    if not n:
        return []
    order = np.argsort(chances, kind="stable")
    edges = np.unique(np.round(np.linspace(0, n, n_bins + 1)).astype(int))
    found = []
    for start, stop in pairwise(edges):
        rows = order[start:stop]
        share, low, high = interval(mean_of(happened[rows], weights[:, rows]))
        wilson = _wilson(float(happened[rows].mean()), stop - start)
        found.append({
            "low": float(chances[rows[0]]),
            "high": float(chances[rows[-1]]),
            "mean": float(chances[rows].mean()),
            "share": share,
            "share_low": wilson[0] if low is None else min(low, wilson[0]),
            "share_high": wilson[1] if high is None else max(high, wilson[1]),
            "n": int(stop - start),
        })  # fmt: skip
    return found


def _wilson(share: float, n: int) -> tuple[float, float]:
    z = 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def curve(scores: Floats, worth: Floats, weights: Draws) -> list[dict[str, float | None]]:
    """Share of all worth with the best-scored 1%, 2%, ... of the rows, each with its interval."""
    found = []
    for part in PARTS:
        share, low, high = interval(captured(scores, worth, weights, part))
        found.append({"part": part, "share": share, "low": low, "high": high})
    return found


Measures = Mapping[str, tuple[Callable[[Floats], Floats], float]]


def _compared(scores: Mapping[str, Floats], measures: Measures) -> dict[str, Any]:
    """Each measure of each score with its interval, and ours against each other one.

    Args:
        scores: Name -> score per row; `OURS` among them.
        measures: Name -> the measure over draws, and 1 where more is better, -1 where less is.
    """
    drawn = {
        name: {measure: figure(score) for measure, (figure, _) in measures.items()}
        for name, score in scores.items()
    }
    gains = {
        name: {
            measure: interval(sign * (drawn[OURS][measure] - held[measure]))
            for measure, (_, sign) in measures.items()
            if sign
        }
        for name, held in drawn.items()
        if name != OURS
    }
    figures = {
        name: {measure: interval(one) for measure, one in held.items()} for name, held in drawn.items()
    }
    return {"figures": figures, "gains": gains}


def judge_chances(
    users: npt.NDArray[Any], happened: Floats, scores: Mapping[str, Floats], *, seed: int
) -> dict[str, Any]:
    """Brier score, AUC, lift of the top decile, reliability and the lift curve.

    Args:
        users: (n_rows,) whose row each is.
        happened: (n_rows,) 0 or 1.
        scores: Name -> (n_rows,) chances; `OURS` among them, the others are what it is measured against.
        seed: Of the draws.
    """
    drawn = Resampled(users, seed=seed)
    weights, did = drawn.weights, happened.astype(np.float64)
    measures: Measures = {
        "brier": (lambda given: mean_of((given - did) ** 2, weights), -1.0),
        "auc": (lambda given: auc(given, did, weights), 1.0),
        "lift": (lambda given: lift(given, did, weights), 1.0),
        "mean": (lambda given: mean_of(given, weights), 0.0),
    }
    ours = scores[OURS]
    return {
        "n_rows": len(did),
        "n_users": drawn.n_users,
        "n_positive": int(did.sum()),
        "share": interval(mean_of(did, weights)),
        "off": interval(mean_of(ours - did, weights)),
        **_compared(scores, measures),
        "reliability": reliability(ours, did, weights),
        "curve": curve(ours, did, weights),
    }


def judge_amounts(
    users: npt.NDArray[Any], found: Floats, scores: Mapping[str, Floats], *, seed: int
) -> dict[str, Any]:
    """Mean absolute error, share of the money with the top decile, and whether the sum is right."""
    drawn = Resampled(users, seed=seed)
    weights, paid = drawn.weights, np.maximum(found, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        measures: Measures = {
            "mae": (lambda given: mean_of(np.abs(given - found), weights), -1.0),
            "captured": (lambda given: captured(given, paid, weights), 1.0),
            "ratio": (lambda given: mean_of(given, weights) / mean_of(found, weights), 0.0),
        }
        return {
            "n_rows": len(found),
            "n_users": drawn.n_users,
            "n_positive": int((found > 0).sum()),
            "share": interval(mean_of(found, weights)),
            **_compared(scores, measures),
            "curve": curve(scores[OURS], paid, weights),
        }


def judge_waits(
    users: npt.NDArray[Any], found: Floats, scores: Mapping[str, Floats], *, seed: int
) -> dict[str, Any]:
    """Mean absolute error, and how many waited at most as long as was said (half should)."""
    drawn = Resampled(users, seed=seed)
    weights = drawn.weights
    measures: Measures = {
        "mae": (lambda given: mean_of(np.abs(given - found), weights), -1.0),
        "sooner": (lambda given: mean_of((found <= given).astype(np.float64), weights), 0.0),
    }
    return {
        "n_rows": len(found),
        "n_users": drawn.n_users,
        "n_positive": int((found < found.max(initial=0)).sum()),
        "share": interval(mean_of(found, weights)),
        **_compared(scores, measures),
    }


def inside(
    users: npt.NDArray[Any], found: Floats, low: Floats, high: Floats, *, seed: int
) -> list[float | None]:
    """Share of users whose figure lay between the bounds, with its interval."""
    drawn = Resampled(users, seed=seed)
    return interval(mean_of(((found >= low) & (found <= high)).astype(np.float64), drawn.weights))
