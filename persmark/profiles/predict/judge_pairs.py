"""How good predictions per category were: each category, and the mean over categories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from persmark.profiles.predict.judge import (
    N_BINS,
    OURS,
    PARTS,
    Draws,
    Floats,
    Resampled,
    auc,
    chosen,
    interval,
    lift,
    mean_of,
    reliability,
)


def judge_pairs(
    users: npt.NDArray[Any],
    happened: npt.NDArray[np.bool_],
    scores: Mapping[str, Floats],
    *,
    seed: int,
    tell: Callable[[float], None] = lambda _: None,
) -> tuple[dict[str, Any], list[dict[str, Any] | None]]:
    """As `judge_chances`, for each category and as the mean over categories.

    A category nobody or everybody bought of in the window cannot be ranked and is left out of the mean.

    Args:
        users: (n_rows,) whose row each is.
        happened: (n_rows, n_things).
        scores: Name -> (n_rows, n_things); `OURS` among them.
        seed: Of the draws.
        tell: Called with the fraction done.

    Returns:
        The mean over categories, and one result per category (None where it was left out).
    """
    drawn = Resampled(users, seed=seed)
    weights = drawn.weights
    sums: dict[str, dict[str, Floats]] = {}
    single: list[dict[str, Any] | None] = []
    n_things, n_kept = happened.shape[1], 0
    for thing in range(n_things):
        tell(thing / n_things)
        did = happened[:, thing].astype(np.float64)
        if did.min(initial=1) == did.max(initial=0):
            single.append(None)
            continue
        n_kept += 1
        figures = {
            name: {
                "brier": mean_of((plane[:, thing] - did) ** 2, weights),
                "auc": auc(np.asarray(plane[:, thing], np.float64), did, weights),
                "lift": lift(np.asarray(plane[:, thing], np.float64), did, weights),
            }
            for name, plane in scores.items()
        }
        for name, held in figures.items():
            for measure, one in held.items():
                # A draw without a buyer tells nothing about this category: its own figure stands in.
                whole = np.where(np.isfinite(one), one, one[0])
                sums.setdefault(name, {}).setdefault(measure, np.zeros(len(one)))
                sums[name][measure] += whole
        ours = np.asarray(scores[OURS][:, thing], np.float64)
        single.append({
            "n_rows": len(did),
            "n_users": drawn.n_users,
            "n_positive": int(did.sum()),
            "share": interval(mean_of(did, weights)),
            "off": interval(mean_of(ours - did, weights)),
            **_differences(figures),
            "reliability": reliability(ours, did, weights, n_bins=5),
        })  # fmt: skip
    averages = {
        name: {measure: one / max(n_kept, 1) for measure, one in held.items()} for name, held in sums.items()
    }
    flat, did = np.asarray(scores[OURS], np.float64).ravel(), happened.ravel().astype(np.float64)
    together: dict[str, Any] = {
        "n_rows": len(did),
        "n_users": drawn.n_users,
        "n_positive": int(did.sum()),
        "n_things": n_kept,
        **_differences(averages),
        "off": interval(mean_of((scores[OURS] - happened).mean(axis=1), weights)),
        "share": interval(mean_of(happened.mean(axis=1), weights)),
        "reliability": _reliability_of_pairs(flat, did, happened.shape, weights),
        "curve": _curve_of_pairs(flat, did, happened.shape, weights),
    }
    return together, single


def _differences(figures: Mapping[str, Mapping[str, Floats]]) -> dict[str, Any]:
    signs = {"brier": -1.0, "auc": 1.0, "lift": 1.0}
    if not figures:
        return {"figures": {}, "gains": {}}
    return {
        "figures": {name: {m: interval(one) for m, one in held.items()} for name, held in figures.items()},
        "gains": {
            name: {m: interval(signs[m] * (figures[OURS][m] - one)) for m, one in held.items()}
            for name, held in figures.items()
            if name != OURS
        },
    }


def _by_row(values: Floats, rows: npt.NDArray[Any], n_rows: int) -> Floats:
    return np.bincount(rows, weights=values, minlength=n_rows).astype(np.float64)


def _reliability_of_pairs(
    chances: Floats, did: Floats, shape: tuple[int, ...], weights: Draws
) -> list[dict[str, Any]]:
    """As `reliability`; a user's pairs are drawn together, so each group is summed by row first."""
    order = np.argsort(chances, kind="stable")
    edges = np.unique(np.round(np.linspace(0, len(chances), N_BINS + 1)).astype(int))
    row_of = np.repeat(np.arange(shape[0]), shape[1])
    found = []
    for start, stop in pairwise(edges):
        cells = order[start:stop]
        happened = _by_row(did[cells], row_of[cells], shape[0]).astype(np.float32)
        counted = _by_row(np.ones(len(cells)), row_of[cells], shape[0]).astype(np.float32)
        with np.errstate(invalid="ignore", divide="ignore"):
            share, low, high = interval(((weights @ happened) / (weights @ counted)).astype(np.float64))
        found.append({
            "low": float(chances[cells[0]]), "high": float(chances[cells[-1]]),
            "mean": float(chances[cells].mean()), "share": share, "share_low": low, "share_high": high,
            "n": len(cells),
        })  # fmt: skip
    return found


def _curve_of_pairs(
    chances: Floats, did: Floats, shape: tuple[int, ...], weights: Draws
) -> list[dict[str, float | None]]:
    row_of = np.repeat(np.arange(shape[0]), shape[1])
    total = weights @ _by_row(did, row_of, shape[0]).astype(np.float32)
    found = []
    for part in PARTS:
        held = _by_row(chosen(chances, part) * did, row_of, shape[0]).astype(np.float32)
        with np.errstate(invalid="ignore", divide="ignore"):
            share, low, high = interval(((weights @ held) / total).astype(np.float64))
        found.append({"part": part, "share": share, "low": low, "high": high})
    return found
