"""What a slate is worth beside being right: how well known its items are, and how evenly shown.

Novelty is the mean self-information of the items shown, -log2(share of users who have the item), in
bits. Source: Zhou, Kuscsik, Liu, Medo, Wakeling, Zhang, "Solving the apparent diversity-accuracy
dilemma of recommender systems", PNAS 107 (2010).

Popularity bias is the mean popularity percentile of the items shown minus that of the items which the
same users then came to: above 0 the slates lean on best sellers more than the users themselves do. The
idea, popularity of what is shown against that of what users choose, is that of Abdollahpouri, Mansoury,
Burke, Mobasher, "The unfairness of popularity bias in recommendation" (RMSE workshop at RecSys 2019);
percentiles rather than counts keep one giant best seller from deciding it.

Exposure inequality is the Gini index of how often each item of the catalogue is shown: 0 where all are
shown alike, towards 1 where one has every place. Source: Fleder, Hosanagar, "Blockbuster culture's
next rise or fall", Management Science 55 (2009).

Debiased recall counts a test item of many users less, as if none were asked for more often than the
upper fence of the catalogue's test counts, Q3 + 1.5 (Q3 - Q1): what a slate finds beside best sellers.
Weighing the pairs is what drawing them down to the fence gives on average.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from persmark import metrics
from persmark.recommend.interactions import Interactions

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Standing:
    """How well known each item of a catalogue is, from training alone.

    Args:
        bits: (n_items,) self-information, in bits; 0 where everybody has the item.
        percentile: (n_items,) 0 to 1: the share of the catalogue with fewer users, half of those with
            as many.
    """

    bits: Floats
    percentile: Floats

    @classmethod
    def of(cls, train: Interactions, target: str) -> Standing:
        """From who has an event of type `target` on what; an item nobody has counts as one user's."""
        bought = train.typed(target)
        cells = np.unique(train.user[bought].astype(np.int64) * max(train.n_items, 1) + train.item[bought])
        n_users = max(len(np.unique(train.user[bought])), 1)
        count = np.bincount(cells % max(train.n_items, 1), minlength=train.n_items)[: train.n_items]
        ascending = np.sort(count)
        below = np.searchsorted(ascending, count, side="left")
        up_to = np.searchsorted(ascending, count, side="right")
        return cls(-np.log2(np.maximum(count, 1) / n_users), (below + up_to) / (2.0 * max(len(count), 1)))


def mean_shown(values: Floats, shown: Ints) -> Floats:
    """(n_users,) mean of an item figure over each user's slate; 0 where the slate is empty.

    Args:
        values: (n_items,).
        shown: (n_users, k) item columns; negative ones are empty places.
    """
    there = shown >= 0
    total = (
        np.where(there, values[np.maximum(shown, 0)], 0.0).sum(axis=1)
        if len(values)
        else np.zeros(len(shown))
    )
    found: Floats = total / np.maximum(there.sum(axis=1), 1)
    return found


def mean_of_pairs(values: Floats, user: Ints, item: Ints, n_users: int) -> Floats:
    """(n_users,) mean of an item figure over each user's test items."""
    total = np.bincount(user, weights=values[item], minlength=n_users)
    found: Floats = total / np.maximum(np.bincount(user, minlength=n_users), 1)
    return found


def pair_weights(item: Ints) -> Floats:
    """(n_pairs,) 0 to 1: how much each test pair counts in debiased recall."""
    count = np.bincount(item)
    asked = count[count > 0]
    if not len(asked):
        return np.zeros(0)
    first, third = np.quantile(asked, [0.25, 0.75])
    fence = third + 1.5 * (third - first)
    weights: Floats = np.minimum(1.0, fence / count[item])
    return weights


def coverage_interval(shown: Ints, n_items: int) -> metrics.Interval:
    """Share of the catalogue in at least one slate, with its interval over users."""
    there = shown >= 0
    user = np.repeat(np.arange(len(shown)), there.sum(axis=1))
    item = shown[there]
    count = np.bincount(item, minlength=n_items)
    # Without a user, those items are gone that nobody else is shown; a slate holds an item once.
    own = np.bincount(user[count[item] == 1], minlength=len(shown))
    whole = metrics.coverage(shown, n_items)
    return _bounded(metrics.jackknife_interval(whole, whole - own / max(n_items, 1)))


def inequality_interval(shown: Ints, n_items: int) -> metrics.Interval:
    """Gini index of how often each item is shown, with its interval over users.

    Leaving one user out moves no item's place among tens of thousands by much: places are held, so that
    all users are left out in one pass.
    """
    there = shown >= 0
    count = np.bincount(shown[there], minlength=n_items).astype(np.float64)
    n_shown = count.sum()
    if n_items < 1 or not n_shown:
        return metrics.Interval(0.0, 0.0, 0.0)
    ascending = np.sort(count)
    low = np.searchsorted(ascending, count, side="left")
    high = np.searchsorted(ascending, count, side="right")
    place = (low + high + 1) / 2.0  # from 1, ties at their mean
    own = np.where(there, place[np.maximum(shown, 0)], 0.0).sum(axis=1)
    total = float(place @ count)

    def gini(weighed: npt.ArrayLike, places: npt.ArrayLike) -> Floats:
        found: Floats = 2 * np.asarray(weighed) / (n_items * np.maximum(places, 1)) - (n_items + 1) / n_items
        return found

    whole = float(gini(total, n_shown))
    return _bounded(metrics.jackknife_interval(whole, gini(total - own, n_shown - there.sum(axis=1))))


def _bounded(found: metrics.Interval) -> metrics.Interval:
    return metrics.Interval(found.mean, max(found.low, 0.0), min(found.high, 1.0))
