"""Whether an order of units says what moved the score: arithmetic for one user and one item.

Units are removed for real (embedding emptied, key masked) and the model is asked again. With U all
units, p(S) the softmax probability of the item with only the units S, and r_c the first c units of an
order:

- comprehensiveness(c) = p(U) - p(U without r_c): what the first units carried; higher is better.
- sufficiency(c) = p(U) - p(r_c): what the others carried; lower is better.
- AOPC: their means over several c.
- deletion and insertion: mean of p(U without r_c) and of p(r_c) over tenths of the units.

Source: DeYoung et al., "ERASER: a benchmark to evaluate rationalized NLP models", ACL 2020, section 4
(comprehensiveness, sufficiency, AOPC); Barkan et al., "A counterfactual framework for learning and
evaluating explanations for recommender systems" (LXR), WWW 2024 (deletion, insertion, POS and NEG).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from persmark.recommend.explained import Explained

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Shares of the units that AOPC averages over, and the counts for histories too short to tell them apart.
SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
SHORT_COUNTS = (1, 2, 3, 5)
SHORT_UNITS = 20
N_BINS = 10
# Variants asked at once: a block of scores over 30,000 items is 60 MB.
AT_ONCE = 512


def removed_counts(n_units: int) -> Ints:
    """How many units each step of AOPC removes, distinct and ascending, never all of them."""
    if n_units < SHORT_UNITS:
        counts = np.array(SHORT_COUNTS)
    else:
        counts = np.unique(np.ceil(np.array(SHARES) * n_units).astype(np.int64))
    fit = counts[counts < n_units]
    return (fit if len(fit) else np.array([1])).astype(np.int64)


def probabilities(scores: npt.NDArray[np.floating], item: int) -> Floats:
    """(n_variants,) softmax probability of one item under (n_variants, n_items) logits.

    An item that is not on offer has the logit -inf and probability 0.
    """
    logits = scores.astype(np.float64)
    top = logits.max(axis=1, keepdims=True)
    whole = np.exp(logits - top).sum(axis=1)
    found: Floats = np.exp(logits[:, item] - top[:, 0]) / whole
    return found


def asked(explained: Explained, keep: npt.NDArray[np.bool_], item: int) -> Floats:
    """(n_variants,) probability of the item with only the kept units."""
    parts = [
        probabilities(explained.scores(keep[start : start + AT_ONCE].astype(np.float32)), item)
        for start in range(0, len(keep), AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def occlusion(explained: Explained) -> npt.NDArray[np.floating]:
    """(n_units, n_items) logit with everything minus logit without the unit, all removals in one batch.

    Positive: the unit speaks for the item. The sign is what attention cannot tell.
    """
    n_units = explained.n_units
    keep = np.ones((n_units + 1, n_units), np.float32)
    keep[np.arange(n_units), np.arange(n_units)] = 0
    scores = explained.scores(keep)
    whole = scores[-1:]
    gone = scores[:-1]
    # An item off the list stays off it: no change, not a NaN.
    return np.where(np.isfinite(whole) & np.isfinite(gone), whole - np.where(np.isfinite(gone), gone, 0), 0)


def order_of(values: Floats) -> Ints:
    """Units by falling value; equal ones in the order of time, newest first."""
    return np.lexsort((-np.arange(len(values)), -values)).astype(np.int64)


def without_first(order: Ints, counts: Ints) -> npt.NDArray[np.bool_]:
    """(n_counts, n_units) keep masks with the first c units of the order removed."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    kept: npt.NDArray[np.bool_] = rank[None, :] >= counts[:, None]
    return kept


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """Figures of one order of one user's units.

    Args:
        comprehensiveness: AOPC; higher is better.
        sufficiency: AOPC; lower is better.
        deletion: Mean probability while the first tenths go; lower is better.
        insertion: Mean probability with only the first tenths; higher is better.
    """

    comprehensiveness: float
    sufficiency: float
    deletion: float
    insertion: float


def comprehensiveness(explained: Explained, item: int, orders: npt.NDArray[np.int64]) -> Floats:
    """(n_orders,) AOPC comprehensiveness of several orders, asked in one batch.

    Args:
        explained: The model bound to a history.
        item: Column of the item.
        orders: (n_orders, n_units).
    """
    n_units = explained.n_units
    counts = removed_counts(n_units)
    keep = np.concatenate([without_first(order, counts) for order in orders])
    whole = np.ones((1, n_units), bool)
    found = asked(explained, np.concatenate([whole, keep]), item)
    left = found[1:].reshape(len(orders), len(counts))
    return np.asarray((found[0] - left).mean(axis=1))


def faithfulness(explained: Explained, item: int, order: Ints) -> Faithfulness:
    """All four figures of one order."""
    n_units = explained.n_units
    counts = removed_counts(n_units)
    tenths = np.unique(np.ceil(np.arange(1, N_BINS + 1) / N_BINS * n_units).astype(np.int64))
    gone, bins = without_first(order, counts), without_first(order, tenths)
    found = asked(explained, np.concatenate([np.ones((1, n_units), bool), gone, ~gone, bins, ~bins]), item)
    n, m = len(counts), len(tenths)
    whole, left, alone = found[0], found[1 : n + 1], found[n + 1 : 2 * n + 1]
    return Faithfulness(
        comprehensiveness=float((whole - left).mean()),
        sufficiency=float((whole - alone).mean()),
        deletion=float(found[2 * n + 1 : 2 * n + 1 + m].mean()),
        insertion=float(found[2 * n + 1 + m :].mean()),
    )


def flips(explained: Explained, units: Ints) -> npt.NDArray[np.bool_]:
    """(n_asked,) whether the model's first item changes when the one unit is removed."""
    n_units = explained.n_units
    keep = np.ones((len(units) + 1, n_units), np.float32)
    keep[np.arange(len(units)), units] = 0
    first = explained.scores(keep).argmax(axis=1)
    changed: npt.NDArray[np.bool_] = first[:-1] != first[-1]
    return changed


def removed_until_flip(explained: Explained, order: Ints) -> float:
    """Share of the units that must go, in this order, until the first item changes; 1 if it never does."""
    n_units = len(order)
    keep = without_first(order, np.arange(n_units))
    first = np.concatenate(
        [
            explained.scores(keep[start : start + AT_ONCE].astype(np.float32)).argmax(axis=1)
            for start in range(0, n_units, AT_ONCE)
        ]
    )
    changed = np.flatnonzero(first != first[0])
    return float(changed[0] / n_units) if len(changed) else 1.0


def violations(weights: Floats, effects: Floats, most: int = 5) -> float:
    """Share of the heaviest units whose removal does not lower the score.

    A unit with less than an even share of the attention is not pointed to: it counts among the heaviest
    only where all weights are even.

    Args:
        weights: (n_units,) attention.
        effects: (n_units,) occlusion of the item.
        most: How many of the heaviest are looked at.
    """
    heaviest = order_of(weights)[:most]
    # Above even by more than rounding.
    pointed_to = heaviest[weights[heaviest] > weights.sum() / len(weights) * (1 + 1e-6)]
    looked_at = pointed_to if len(pointed_to) else heaviest
    return float((effects[looked_at] <= 0).mean())


def agreement(one: Floats, other: Floats) -> float:
    """Kendall's tau-b of two orders of units; NaN where one of them is flat.

    Source: Kendall, "The treatment of ties in ranking problems", Biometrika 33 (1945), 239-251.
    """
    from scipy.stats import kendalltau

    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(kendalltau(one, other).statistic)
