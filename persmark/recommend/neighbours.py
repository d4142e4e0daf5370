"""Item-to-item matrices that keep each item's strongest neighbours, and how they are counted on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from persmark.recommend.saved import Saved

# What is left of a count when a part of it is taken away is rounding where it is a smaller share.
ROUNDING = 1e-5


def power(amount: npt.NDArray[np.float64], exponent: float) -> npt.NDArray[np.float64]:
    """amount ** exponent; 1 where there is none."""
    raised: npt.NDArray[np.float64] = np.where(amount > 0, np.maximum(amount, 1e-12), 1.0) ** exponent
    return raised


def strongest(
    matrix: sparse.csr_array, most: int, goal: npt.NDArray[np.float64] | None = None
) -> sparse.csr_array:
    """Each row's `most` largest entries after the columns were weighed by `goal`."""
    crowded = np.flatnonzero(np.diff(matrix.indptr) > most)
    if not len(crowded):
        return matrix
    keep = np.ones(matrix.nnz, bool)
    weighed = matrix.data if goal is None else matrix.data * goal.astype(np.float32)[matrix.indices]
    for row in crowded:
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        value = weighed[part]
        keep[part] = False
        keep[part.start + np.argpartition(value, len(value) - most)[len(value) - most :]] = True
    starts = np.concatenate([[0], np.cumsum(np.minimum(np.diff(matrix.indptr), most))])
    return sparse.csr_array((matrix.data[keep], matrix.indices[keep], starts), shape=matrix.shape)


def without_itself(matrix: sparse.csr_array, itself: npt.NDArray[np.float64]) -> sparse.csr_array:
    """Take (n_items,) amounts off the diagonal; what is left of rounding alone becomes no entry."""
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))
    at = np.flatnonzero(rows == matrix.indices)
    item = rows[at]
    left = matrix.data[at] - itself[item]
    matrix.data[at] = np.where(left > 1e-4 * itself[item], left, 0)
    matrix.eliminate_zeros()
    return matrix


def counted_on(
    total: sparse.csr_array,
    *,
    place: npt.NDArray[np.int64],
    gone: sparse.csr_array,
    come: sparse.csr_array,
    fade: float,
) -> sparse.csr_array:
    """A count of users' events after some users had more.

    Args:
        total: (n_before, n_before) the count of all users.
        place: (n_before,) where each item known before stands now, ascending.
        gone: (n_items, n_items) what these users' earlier events had added to it.
        come: (n_items, n_items) what all their events add now.
        fade: What is left of a count of 1 since.
    """
    size = np.zeros(come.shape[0], np.int64)
    size[place] = np.diff(total.indptr)
    starts = np.concatenate([[0], np.cumsum(size)])
    moved = sparse.csr_array((total.data, place[total.indices].astype(np.int32), starts), shape=come.shape)
    left = sparse.csr_array(moved - gone)
    left = sparse.csr_array(left.multiply(left > moved * ROUNDING))
    made = sparse.csr_array(left * np.float32(fade) + come)
    made.eliminate_zeros()
    made.sort_indices()
    return made


def packed_matrix(name: str, matrix: sparse.csr_array) -> dict[str, npt.NDArray[Any]]:
    """A matrix as arrays to be saved."""
    return {
        f"{name}_values": matrix.data,
        f"{name}_items": matrix.indices.astype(np.int32),
        f"{name}_starts": matrix.indptr.astype(np.int64),
    }


def unpacked_matrix(name: str, held: Saved, n_items: int) -> sparse.csr_array:
    """The (n_items, n_items) matrix that `packed_matrix` stored."""
    parts = tuple(held.arrays[f"{name}_{part}"] for part in ("values", "items", "starts"))
    return sparse.csr_array(parts, shape=(n_items, n_items))


def stepped(
    own: sparse.csr_array, transitions: sparse.csr_array, columns: npt.NDArray[np.int64]
) -> sparse.csr_array:
    """(n_users, n_columns) `own @ transitions`, worked out for some columns only.

    Args:
        own: (n_users, n_items) what the users bring, few items among many.
        transitions: (n_items, n_items) from row to column.
        columns: Which of its columns.
    """
    held = np.flatnonzero(np.bincount(own.indices, minlength=own.shape[1]))
    return sparse.csr_array(own[:, held] @ transitions[held, :][:, columns])
