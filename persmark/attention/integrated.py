"""Integrated gradients over the units of a history, in NumPy.

With e_j the embedding of unit j and b the baseline that it fades to (`Explained.faded`), the path
b + a * (e - b), 0 <= a <= 1, moves every unit at once, and

    IG_j = integral over a of the derivative of f along e_j - b at that point

needs one directional derivative per unit, not one per dimension. These are taken as central
differences of the exported forward pass, so that no autograd and no TensorFlow is needed; the
completeness error, which is told with every figure, shows what both approximations cost.

Source: Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", ICML 2017, sections 3 and 5
(definition, completeness).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from persmark.attention.faithfulness import AT_ONCE
from persmark.recommend.explained import Explained

Floats = npt.NDArray[np.float64]

STEPS = 32
# Half-width of the central difference, as a share of the embedding: wide enough for float32 scores.
STEP_WIDTH = 0.02


@dataclass(frozen=True, eq=False)
class Integrated:
    """Attributions of one item.

    Args:
        values: (n_units,) signed; they should sum to `whole - empty`.
        whole: Logit with every unit.
        empty: Logit with every unit at its baseline, keys left.
        completeness_error: |sum of values - (whole - empty)| / |whole - empty|; NaN where nothing changes.
    """

    values: Floats
    whole: float
    empty: float
    completeness_error: float


def integrated_gradients(explained: Explained, item: int, *, steps: int = STEPS) -> Integrated:
    """Integrated gradients of one item's logit over all units, by Gauss-Legendre nodes on the path.

    Args:
        explained: The model bound to a history.
        item: Column of the item.
        steps: Nodes on the path.
    """
    n_units = explained.n_units
    nodes, shares = np.polynomial.legendre.leggauss(steps)
    places, shares = (nodes + 1) / 2, shares / 2
    total = np.zeros(n_units)
    rows_at_once = max(1, AT_ONCE // max(2 * n_units, 1))
    for start in range(0, steps, rows_at_once):
        at = places[start : start + rows_at_once]
        base = np.repeat(at, n_units)[:, None] * np.ones((1, n_units))
        moved = np.tile(np.eye(n_units), (len(at), 1)) * STEP_WIDTH
        presence = np.concatenate([base + moved, base - moved])
        logits = _logits(explained, presence, item)
        rise = (logits[: len(base)] - logits[len(base) :]) / (2 * STEP_WIDTH)
        total += shares[start : start + rows_at_once] @ rise.reshape(len(at), n_units)
    whole, empty = _logits(explained, np.stack([np.ones(n_units), np.zeros(n_units)]), item)
    change = whole - empty
    error = abs(total.sum() - change) / abs(change) if change else float("nan")
    return Integrated(total, float(whole), float(empty), float(error))


def _logits(explained: Explained, presence: Floats, item: int) -> Floats:
    """Logits of one item with every key open."""
    found = [
        explained.faded(presence[start : start + AT_ONCE], np.array([item]))[:, 0]
        for start in range(0, len(presence), AT_ONCE)
    ]
    return np.concatenate(found).astype(np.float64)
