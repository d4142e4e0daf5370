"""Ranking arithmetic: arrays in, arrays out.

Ties. A recommender that gives several items one score has not ordered them, so every figure here is
the mean over all orders of the tied items, worked out exactly and never drawn. With `greater` items
above a group of `equal` tied ones, the group covers positions greater+1 to greater+equal and each
member stands on average at greater + (equal + 1) / 2 (`mean_rank`). Averaging over orders, rather
than cutting that mean rank at k, is what makes constant scores give chance: recall@k of n items with
one score is k/n, where the mean rank (n + 1) / 2 alone would give 0 or 1.

Source: McSherry, Najork, "Computing information retrieval performance measures efficiently in the
presence of tied scores", ECIR 2008.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from persmark.errors import InputError
from persmark.text import text

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]

RESAMPLES = 1000
LEVEL = 0.95
# Cells of one block of resampled users: 4 million float64 are 32 MB.
RESAMPLE_CELLS = 4_000_000


@dataclass(frozen=True, eq=False)
class TiedRanks:
    """Where each relevant item stands in its user's ranking.

    Args:
        user: (n_pairs,) row of the user, 0 to n_users - 1; ascending.
        greater: (n_pairs,) how many items of the user score higher.
        equal: (n_pairs,) how many items have the same score, the item itself included; >= 1.
        n_users: How many users; one without a pair gets 0 in every figure.
    """

    user: Ints
    greater: Ints
    equal: Ints
    n_users: int

    @property
    def mean_rank(self) -> Floats:
        """(n_pairs,) mean position over all orders of the tied items, from 1."""
        return self.greater + (self.equal + 1) / 2.0


def tied_ranks(scores: Scores, rows: Ints, columns: Ints) -> TiedRanks:
    """Ranks of the relevant cells of a block of scores.

    Args:
        scores: (n_users, n_items); -inf marks an item that is not on offer, which ranks below all
            others. No NaN.
        rows: (n_pairs,) user row of each relevant cell; ascending.
        columns: (n_pairs,) item column of each relevant cell.

    Returns:
        Ranks of the relevant cells, in the order given.

    Raises:
        InputError: A score is NaN.
    """
    n_users, n_items = scores.shape
    if not len(rows):
        none = np.zeros(0, np.int64)
        return TiedRanks(none, none, none, n_users)
    ascending = np.sort(scores, axis=1)
    # NaN sorts last, so the last column shows every row that has one.
    if np.isnan(ascending[:, -1]).any():
        raise InputError(text("Scores must be numbers. Received: NaN. Check the recommender."))
    wanted = scores[rows, columns]
    below = _search(ascending, rows, wanted, right=False)
    up_to = _search(ascending, rows, wanted, right=True)
    return TiedRanks(rows.astype(np.int64), n_items - up_to, up_to - below, n_users)


def _search(ascending: Scores, rows: Ints, wanted: Scores, *, right: bool) -> Ints:
    """`np.searchsorted` of one value in each named row, for all rows at once."""
    low = np.zeros(len(rows), np.int64)
    high = np.full(len(rows), ascending.shape[1], np.int64)
    for _ in range(int(ascending.shape[1]).bit_length()):
        middle = (low + high) // 2
        value = ascending[rows, np.minimum(middle, ascending.shape[1] - 1)]
        goes_right = (value <= wanted if right else value < wanted) & (low < high)
        low = np.where(goes_right, middle + 1, low)
        high = np.where(goes_right, high, middle)
    return low


def combined(blocks: list[TiedRanks]) -> TiedRanks:
    """Ranks of several blocks of users, one after the other."""
    offsets = np.cumsum([0] + [block.n_users for block in blocks])
    return TiedRanks(
        np.concatenate([block.user + start for block, start in zip(blocks, offsets, strict=False)]),
        np.concatenate([block.greater for block in blocks]),
        np.concatenate([block.equal for block in blocks]),
        int(offsets[-1]),
    )


def _k(k: int) -> int:
    if k < 1:
        raise InputError(text("k must be at least 1. Received: {k}. Give a slate length like 10.", k=k))
    return k


def n_relevant(ranks: TiedRanks) -> Ints:
    """(n_users,) how many relevant items each user has."""
    return np.bincount(ranks.user, minlength=ranks.n_users).astype(np.int64)


def _per_user(ranks: TiedRanks, values: Floats) -> Floats:
    return np.bincount(ranks.user, weights=values, minlength=ranks.n_users).astype(np.float64)


def share_within(ranks: TiedRanks, k: int) -> Floats:
    """(n_pairs,) probability over the orders of its tie that the item is among the first k."""
    return np.clip(_k(k) - ranks.greater, 0, ranks.equal) / ranks.equal


def recall(ranks: TiedRanks, k: int) -> Floats:
    """(n_users,) share of the user's relevant items among the first k."""
    found = _per_user(ranks, share_within(ranks, k))
    return found / np.maximum(n_relevant(ranks), 1)


def ndcg(ranks: TiedRanks, k: int) -> Floats:
    """(n_users,) discounted gain at k over the best possible one, binary relevance.

    Gain at position p is 1 / log2(p + 1); the best possible puts min(n_relevant, k) items first.
    """
    discount = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, _k(k) + 2)))])
    first = np.minimum(ranks.greater, k)
    last = np.minimum(ranks.greater + ranks.equal, k)
    gain = _per_user(ranks, (discount[last] - discount[first]) / ranks.equal)
    best = discount[np.minimum(n_relevant(ranks), k)]
    return gain / np.where(best > 0, best, 1.0)


def _first_groups(ranks: TiedRanks) -> tuple[Ints, Ints, Ints, Ints]:
    """Per user with a relevant item: user, and greater, equal, n_relevant of the best tie."""
    order = np.lexsort((ranks.greater, ranks.user))
    user, greater, equal = ranks.user[order], ranks.greater[order], ranks.equal[order]
    starts = np.ones(len(user), bool)
    starts[1:] = (user[1:] != user[:-1]) | (greater[1:] != greater[:-1])
    at = np.flatnonzero(starts)
    size = np.diff(np.append(at, len(user)))
    best = np.ones(len(at), bool)
    best[1:] = user[at][1:] != user[at][:-1]
    return user[at][best], greater[at][best], equal[at][best], size[best].astype(np.int64)


def hit_rate(ranks: TiedRanks, k: int) -> Floats:
    """(n_users,) probability of at least one relevant item among the first k."""
    hits = np.zeros(ranks.n_users)
    user, greater, equal, size = _first_groups(ranks)
    # All places of the tie within k stay without a relevant item: drawn without replacement.
    within = np.clip(_k(k) - greater, 0, equal)
    missed = np.ones(len(user))
    for place in range(int(within.max(initial=0))):
        here = np.clip((equal - size - place) / np.maximum(equal - place, 1), 0.0, 1.0)
        missed = np.where(place < within, missed * here, missed)
    hits[user] = 1.0 - missed
    return hits


def mrr(ranks: TiedRanks, k: int) -> Floats:
    """(n_users,) one over the position of the first relevant item, 0 where it is beyond k."""
    gains = np.zeros(ranks.n_users)
    user, greater, equal, size = _first_groups(ranks)
    within = np.clip(_k(k) - greater, 0, equal)
    missed, gain = np.ones(len(user)), np.zeros(len(user))
    for place in range(int(within.max(initial=0))):
        here = np.clip(size / np.maximum(equal - place, 1), 0.0, 1.0)
        gain += np.where(place < within, missed * here / (greater + place + 1), 0.0)
        missed *= 1.0 - here
    gains[user] = gain
    return gains


def coverage(shown: Ints, n_items: int) -> float:
    """Share of the catalogue that is in at least one slate.

    Args:
        shown: Item columns of all slates, any shape; negative ones are empty places.
        n_items: Size of the catalogue.
    """
    if n_items < 1:
        return 0.0
    return len(np.unique(shown[shown >= 0])) / n_items


@dataclass(frozen=True)
class Interval:
    """A mean over users with its bootstrap percentile interval."""

    mean: float
    low: float
    high: float


def bootstrap_intervals(
    values: Floats,
    *,
    seed: int,
    weight: Floats | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> list[Interval]:
    """Percentile intervals of the means of several figures, all over the same draws of users.

    Args:
        values: (n_users, n_figures).
        seed: Same seed and number of users give the same draws, so intervals are comparable.
        weight: (n_users,) how much each user counts in the mean, >= 0; equally where left out.
        resamples: How many draws of users with replacement.
        level: Probability mass between `low` and `high`.

    Raises:
        InputError: There is no user.
    """
    n_users, n_figures = values.shape
    if not n_users:
        raise InputError(text("An interval needs at least one user. Received: none. Load more events."))
    weighed = np.ones(n_users) if weight is None else weight
    columns = np.column_stack([values * weighed[:, None], weighed])
    rng = np.random.default_rng(seed)
    means = np.empty((resamples, n_figures))
    step = max(1, RESAMPLE_CELLS // n_users)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = rng.integers(0, n_users, (size, n_users)) + n_users * np.arange(size)[:, None]
        # How often each user is drawn: one product then gives the sums of all figures at once.
        times = np.bincount(drawn.ravel(), minlength=size * n_users).reshape(size, n_users)
        sums = times.astype(np.float64) @ columns
        means[start : start + size] = sums[:, :-1] / np.where(sums[:, -1:] > 0, sums[:, -1:], 1.0)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    total = float(weighed.sum())
    middle = columns[:, :-1].sum(axis=0) / (total if total > 0 else 1.0)
    return [Interval(float(m), float(a), float(b)) for m, a, b in zip(middle, low, high, strict=True)]


def bootstrap_interval(
    values: Floats, *, seed: int, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval:
    """`bootstrap_intervals` of one figure.

    Args:
        values: (n_users,) one figure per user.
        seed: See there.
        resamples: See there.
        level: See there.

    Raises:
        InputError: There is no user.
    """
    (found,) = bootstrap_intervals(values[:, None], seed=seed, resamples=resamples, level=level)
    return found


def jackknife_interval(whole: float, without: Floats, *, level: float = LEVEL) -> Interval:
    """Interval of a figure of all users together that is no mean over them.

    A bootstrap would not do for counts of distinct things: a draw with replacement holds some 63% of
    the users and so shows fewer of them than there are.

    Args:
        whole: The figure with everybody.
        without: (n_users,) the figure with that user left out.
        level: Probability mass between `low` and `high`.

    Source: Efron, Stein, "The jackknife estimate of variance", Annals of Statistics 9 (1981).
    """
    n_users = len(without)
    spread = float(np.sqrt((n_users - 1) / max(n_users, 1) * np.square(without - without.mean()).sum()))
    reach = NormalDist().inv_cdf((1 + level) / 2) * spread
    return Interval(whole, whole - reach, whole + reach)


def paired_difference(
    ours: Floats, theirs: Floats, *, seed: int, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval:
    """Interval of mean(ours - theirs) over the same users.

    Raises:
        InputError: The two do not speak of the same users.
    """
    if len(ours) != len(theirs):
        raise InputError(
            text(
                "Both sides must hold the same users. Received: {ours} and {theirs}. Score them together.",
                ours=len(ours),
                theirs=len(theirs),
            )
        )
    return bootstrap_interval(ours - theirs, seed=seed, resamples=resamples, level=level)
