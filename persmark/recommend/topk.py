"""The best k columns of every row of scores, without sorting or even partitioning the rows.

Columns are put into groups, and one pass takes each group's maximum. The k groups with the highest
maxima hold the k best columns of the row, so only they are looked into. Rows where equal scores
leave a choice are settled in full, so that ties go by column.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float32]
Columns = npt.NDArray[np.int64]

# Columns of one group, and users whose scores are made at once: measured on two cores, where 32 and
# 128 columns, or 64 and 512 users, were slower.
GROUP = 64
USERS_AT_ONCE = 256


def best_columns(scores: Floats, k: int) -> Columns:
    """(n_users, min(k, n_items)) columns of the highest scores, best first, ties by column.

    Args:
        scores: (n_users, n_items) no NaN; -inf may stand for what is not offered.
        k: At least 1.
    """
    n_users, n_items = scores.shape
    n_groups = -(-n_items // GROUP)
    if n_groups < 2 * k:
        return _settled(scores, k)
    whole = n_items // n_groups
    highest = scores[:, : whole * n_groups].reshape(n_users, whole, n_groups).max(axis=1)
    rest = scores[:, whole * n_groups :]
    highest[:, : rest.shape[1]] = np.maximum(highest[:, : rest.shape[1]], rest)

    groups = np.argpartition(highest, n_groups - k, axis=1)[:, n_groups - k :]
    columns = np.concatenate([groups + n_groups * place for place in range(whole + 1)], axis=1)
    values = np.take_along_axis(scores, np.minimum(columns, n_items - 1), axis=1)
    values[columns >= n_items] = -np.inf
    chosen = np.argpartition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]
    found = np.sort(np.take_along_axis(columns, chosen, axis=1), axis=1)
    bound = np.take_along_axis(values, chosen, axis=1).min(axis=1, keepdims=True)
    # Equal to the last one taken: another column looked at, or one in a group that was not.
    tied = ((values >= bound).sum(axis=1) > k) | ((highest >= bound).sum(axis=1) > k)
    found[tied] = 0
    order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1, kind="stable")
    best = np.take_along_axis(found, order, axis=1).astype(np.int64, copy=False)
    if tied.any():
        best[tied] = _settled(scores[tied], k)
    return best


def _settled(scores: Floats, k: int) -> Columns:
    n_items = scores.shape[1]
    if k < n_items:
        # The k-th score bounds the slate; among columns equal to it the earliest are taken, so the
        # answer does not depend on how the partition happens to order ties.
        bound = np.partition(scores, n_items - k, axis=1)[:, n_items - k, None]
        above = scores > bound
        level = scores == bound
        room = k - above.sum(axis=1, keepdims=True)
        taken = above | (level & (np.cumsum(level, axis=1, dtype=np.int32) <= room))
        found = np.nonzero(taken)[1].reshape(len(scores), k)
    else:
        found = np.broadcast_to(np.arange(n_items), scores.shape)
    values = np.take_along_axis(scores, found, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1).astype(np.int64)


def best_of_factors(
    users: Floats, items: Floats, k: int, *, threads: int | None = None
) -> tuple[Columns, Floats]:
    """The k items with the largest products, for many users at once.

    Args:
        users: (n_users, n_factors).
        items: (n_items, n_factors).
        k: At least 1.
        threads: At work at once, each on users of its own; all cores where left out.

    Returns:
        (n_users, min(k, n_items)) columns, best first, ties by column; and their products.
    """
    n_users, n_items = len(users), len(items)
    across = np.ascontiguousarray(items.T)
    columns = np.empty((n_users, min(k, n_items)), np.int64)
    values = np.empty(columns.shape, np.float32)
    held = threading.local()

    def fill(start: int) -> None:
        rows = slice(start, min(start + USERS_AT_ONCE, n_users))
        if not hasattr(held, "scores"):
            # One block of scores a thread, written over: fresh memory costs more than the products.
            held.scores = np.empty((min(USERS_AT_ONCE, n_users), n_items), np.float32)
        scores = held.scores[: rows.stop - rows.start]
        np.matmul(users[rows], across, out=scores)
        columns[rows] = best_columns(scores, k)
        values[rows] = np.take_along_axis(scores, columns[rows], axis=1)

    with (
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(threads or os.cpu_count() or 1) as workers,
    ):
        list(workers.map(fill, range(0, n_users, USERS_AT_ONCE)))
    return columns, values
