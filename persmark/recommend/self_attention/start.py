"""Where a training starts: at what counting knows already, not at random numbers.

Item vectors are the leading factors of how often items lie close together in histories; own items
start with the share of users who returned after so many steps. An untrained model is then a mean of
the latest items' vectors, which alone ranks nearly as well as transitions do, and training goes on
from there.

Source of the factors: Levy, Goldberg, "Neural word embedding as implicit matrix factorization", NeurIPS
2014 (positive pointwise mutual information, square roots of the factors' strengths).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from persmark.recommend.self_attention.sequences import COUNT_BUCKETS, STEP_BUCKETS, Events, step_buckets

Array = npt.NDArray[np.float32]

# Events this far apart in a history still count as neighbours, the near ones more: 1 / distance.
REACH = 6
# How far frequent items are held back as neighbours.
SMOOTHING = 0.75
# Root mean square of the vectors' entries: scores then spread by about one.
SIZE = 0.15
POWER_STEPS, SPARE = 3, 10
# Share of the log of an item's frequency that its score starts with.
DEMAND = 0.3


def neighbours(events: Events, n_items: int) -> sparse.csr_array:
    """(n_items, n_items) positive pointwise mutual information of items that lie close together."""
    user, item = events.user_of[events.step], events.item
    total = sparse.csr_array((n_items, n_items), dtype=np.float32)
    for gap in range(1, min(REACH, len(item) - 1) + 1):
        same = user[gap:] == user[:-gap]
        pair = (item[:-gap][same], item[gap:][same])
        share = np.full(int(same.sum()), 1.0 / gap, np.float32)
        total = total + sparse.csr_array((share, pair), shape=(n_items, n_items))
    both = sparse.coo_array(total + total.T)
    row, column = both.coords
    # An item beside itself is a return, which has terms of its own.
    apart = row != column
    row, column, weight = row[apart], column[apart], both.data[apart]
    frequency = np.bincount(row, weights=weight, minlength=n_items)
    held_back = frequency**SMOOTHING
    expected = frequency[row] * (held_back / max(held_back.sum(), 1e-12))[column]
    information = np.log(weight / np.maximum(expected, 1e-12)).astype(np.float32)
    near = information > 0
    made = sparse.csr_array((information[near], (row[near], column[near])), shape=(n_items, n_items))
    return sparse.csr_array((made + made.T) / 2)


def vectors(events: Events, n_items: int, *, width: int, seed: int) -> Array:
    """(n_items, width) leading factors of the neighbours; small random numbers fill what they leave."""
    rng = np.random.default_rng(seed)
    made: Array = rng.normal(0, SIZE / 3, (n_items, width)).astype(np.float32)
    matrix = neighbours(events, n_items)
    if not matrix.nnz:
        return made
    drawn = rng.normal(size=(n_items, min(2 * width + SPARE, n_items))).astype(np.float32)
    basis, _ = np.linalg.qr(matrix @ drawn)
    for _ in range(POWER_STEPS):
        basis, _ = np.linalg.qr(matrix @ basis)
    # Only what draws items together: a negative factor would set apart those that lie side by side.
    strength, turned = np.linalg.eigh(basis.T @ (matrix @ basis))
    leading = np.argsort(-strength)[:width]
    leading = leading[strength[leading] > 0]
    n_factors = len(leading)
    factors = basis @ (turned[:, leading] * np.sqrt(strength[leading]))
    known = np.diff(matrix.indptr) > 0
    size = float(np.sqrt(np.mean(np.square(factors[known])) * n_factors / width))
    made[known, :n_factors] = factors[known] * (SIZE / max(size, 1e-12))
    return made


def demand(events: Events, n_items: int) -> Array:
    """(n_items,) what each item's score starts with."""
    known = np.log1p(np.bincount(events.item, minlength=n_items))
    score: Array = (DEMAND * (known - known.mean())).astype(np.float32)
    return score


@dataclass(frozen=True, eq=False)
class Returns:
    """What an own item's score starts with.

    Args:
        since: (STEP_BUCKETS,) by the steps since its latest event.
        often: (COUNT_BUCKETS,) by how often the user had come to it.
    """

    since: Array
    often: Array

    @classmethod
    def of(cls, events: Events, item_score: Array) -> Returns:
        """Log of the share of own items that were returned to in the very next step, over a new item's.

        An event is its item's latest until the user's next one on it, or until the history ends: it was
        tried after each step of that time, and found after the last of them if the user came back.
        """
        last_step = np.zeros(len(events.starts) - 1, np.int64)
        last_step[events.user_of] = np.arange(events.n_steps)
        end = last_step[events.user_of[events.step]]
        came_back = events.again < events.n_steps
        # A later event of the same step takes the item over.
        over = came_back & (events.again == events.step)
        tries = np.where(came_back, events.again, end) - events.step
        tries, found = tries[~over], came_back[~over]
        count = events.count[~over]
        longest = int(tries.max(initial=0))
        ended = np.bincount(tries, minlength=longest + 1)
        tried = np.cumsum(ended[::-1])[::-1][1:]
        hit = np.bincount(tries[found], minlength=longest + 1)[1:]
        bucket = step_buckets(max(longest - 1, 0))[: len(tried)]
        tried_by = np.bincount(bucket, weights=tried, minlength=STEP_BUCKETS)
        hit_by = np.bincount(bucket, weights=hit, minlength=STEP_BUCKETS)
        share = (hit_by.sum() + 1) / (tried_by.sum() + 2)
        by_since = (hit_by + 20 * share) / (tried_by + 20)
        # Share of a step's users that come to an item of average score, new to them or not.
        n_tried = max(events.n_steps - len(np.unique(events.user_of)), 1)
        usual = max(float((~came_back).sum()) / n_tried / max(len(item_score), 1), 1e-9)
        own = float(item_score[events.item].mean()) if len(events.item) else 0.0
        n_count = np.bincount(count, weights=tries, minlength=COUNT_BUCKETS)
        n_hit = np.bincount(count[found], minlength=COUNT_BUCKETS)
        by_count = (n_hit + 20 * share) / (n_count + 20)
        since = np.log(by_since / usual) - own
        return cls(since.astype(np.float32), np.log(by_count / share).astype(np.float32))
