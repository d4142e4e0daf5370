"""`ease`: how much each item says for each other, the one best linear answer.

With x the users' tastes (`tastes`), B minimises |x - x B|^2 + regularisation * |B|^2 under a diagonal
of zero: with P the inverse of x'x + regularisation on the diagonal, B[i, j] = -P[i, j] / P[j, j].
The tastes are scaled so that the mean square of one is 1, so a regularisation means the same with
every weight and age. A matrix of all items squared is inverted: only the `catalogue` items in most
demand take part, and of each the `neighbours` largest weights are kept; other items are placed by
popularity and by habit (`by_taste`).

Nothing is counted on here: after `update` new items are passed over and the weights stay; only the
popularity of the items known is brought up to date.

Source: Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from persmark.errors import InputError
from persmark.recommend.by_taste import TasteRecommender, TasteSettings
from persmark.recommend.contract import Reason, Scores
from persmark.recommend.interactions import Interactions
from persmark.recommend.lesson import Lesson
from persmark.recommend.neighbours import packed_matrix, stepped, unpacked_matrix
from persmark.recommend.options import option
from persmark.recommend.saved import Saved
from persmark.text import text

# Rows of the dense matrix worked on at once.
ROWS_AT_ONCE = 500
SINGULAR = 1e-6


@dataclass(frozen=True)
class EaseSettings(TasteSettings):
    """Settings of `ease`."""

    catalogue: int = option(
        10_000,
        about="Items that take part, those in most demand; the rest are placed by popularity",
        unit="items",
        low=2,
        high=20_000,
    )
    regularisation: float = option(
        200.0, about="Higher trusts rare items less", unit="users", low=1e-3, high=1e7
    )
    neighbours: int = option(
        500, about="Weights kept of each item, the largest", unit="items", low=1, high=20_000
    )


class Ease(TasteRecommender):
    """Linear item-to-item weights in closed form."""

    name = "ease"
    settings_type = EaseSettings
    settings: EaseSettings
    weights: sparse.csr_array  # (n_items, n_items), from row to column
    inside: npt.NDArray[np.bool_]  # (n_items,) which take part

    def _relate(self, interactions: Interactions, lesson: Lesson) -> None:
        chosen, n_items = self.settings, interactions.n_items
        order = np.argsort(-self.popularity.score, kind="stable")
        columns = np.sort(order[: chosen.catalogue])
        self.inside = np.zeros(n_items, bool)
        self.inside[columns] = True
        told = (
            text("Relating {n} of {all} items, those in most demand", n=len(columns), all=n_items)
            if len(columns) < n_items
            else text("Relating {n} items", n=n_items)
        )
        lesson.on_progress(0.05, told)
        cells = sparse.csr_array(self._cells(interactions)[:, columns])
        scale = np.sqrt(np.mean(np.square(cells.data, dtype=np.float64)))
        cells.data = (cells.data / scale).astype(np.float32)
        inverse = _inverse(cells, chosen.regularisation)
        lesson.on_progress(0.9, text("Keeping the strongest weights"))
        found = _weights(inverse, chosen.neighbours)
        size = np.zeros(n_items, np.int64)
        size[columns] = np.diff(found.indptr)
        starts = np.concatenate([[0], np.cumsum(size)])
        indices = columns[found.indices].astype(np.int32)
        self.weights = sparse.csr_array((found.data, indices, starts), shape=(n_items, n_items))

    def _score(self, histories: Interactions) -> Scores:
        found = sparse.csr_array(self._own(histories) @ self.weights + self._habits(histories))
        return self.popularity.under(_above_zero(found))

    def _score_columns(self, histories: Interactions, columns: npt.NDArray[np.int64]) -> Scores:
        found = stepped(self._own(histories), self.weights, columns)
        found = sparse.csr_array(found + self._habits(histories)[:, columns])
        return self.popularity.under(_above_zero(found), columns)

    def _say(self, own: sparse.csr_array, item: int) -> npt.NDArray[np.float32]:
        said: npt.NDArray[np.float32] = own.data * self.weights[own.indices, :][:, [item]].toarray().ravel()
        return said

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        if not self.inside[item] and not (history.item == item).any():
            # The cap is told where it decided.
            found = self.popularity.reason(item)
            return replace(found, facts={**found.facts, **self._facts()})
        return super()._reason(history, item, titles)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return super()._arrays() | packed_matrix("weights", self.weights) | {"inside": self.inside}

    def _facts(self) -> dict[str, Any]:
        return {"n_items_related": int(self.inside.sum()), "n_items": len(self.item_ids)}

    def _restore(self, held: Saved) -> None:
        super()._restore(held)
        self.weights = unpacked_matrix("weights", held, len(self.item_ids))
        self.inside = held.arrays["inside"]


def _above_zero(found: sparse.csr_array) -> sparse.csr_array:
    found.data[found.data < 0] = 0
    found.eliminate_zeros()
    return found


def _inverse(cells: sparse.csr_array, regularisation: float) -> npt.NDArray[np.float32]:
    """(n, n) the inverse of x'x + regularisation, of which the lower half is set.

    Raises:
        InputError: The matrix is too near to a singular one for 32-bit numbers.
    """
    from scipy.linalg import lapack

    n_items = cells.shape[1]
    # One dense matrix, in place throughout: 400 MB at ten thousand items.
    gram = np.zeros((n_items, n_items), np.float32, order="F")
    back = sparse.csr_array(cells.T.tocsr())
    for start in range(0, n_items, ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        # Symmetric, so a run of rows is a run of columns, which lie together.
        gram[:, rows] = sparse.csr_array(back[rows] @ cells).toarray().T
    gram[np.diag_indices_from(gram)] += np.float32(regularisation)
    largest = float(gram.diagonal().max())
    factor, failed = lapack.spotrf(gram, lower=1, overwrite_a=1)
    # What is left of an item beside the others; below this share it would be rounding.
    failed = failed or float(np.square(factor.diagonal()).min()) < SINGULAR * largest
    if not failed:
        inverse, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise InputError(
            text(
                "The regularisation must be large enough to tell the items apart. Received: {value}.",
                value=regularisation,
            ),
            hint=text("Try {value}.", value=regularisation * 10),
        )
    made: npt.NDArray[np.float32] = inverse
    return made


def _weights(inverse: npt.NDArray[np.float32], most: int) -> sparse.csr_array:
    """(n, n) B without its diagonal, each row's `most` largest amounts."""
    n_items = len(inverse)
    own = np.diagonal(inverse).copy()
    most = min(most, n_items)
    indices, values, sizes = [], [], []
    for start in range(0, n_items, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, n_items)
        # Row i: what lies left of the diagonal in row i, and below it in column i.
        block = inverse[start:stop].copy()
        block[:, stop:] = inverse[stop:, start:stop].T
        corner = np.tril(inverse[start:stop, start:stop])
        block[:, start:stop] = corner + np.tril(corner, -1).T
        block /= -own
        block[np.arange(stop - start), np.arange(start, stop)] = 0
        size = np.abs(block)
        bound = np.partition(size, n_items - most, axis=1)[:, n_items - most, None]
        kept = (size >= bound) & (size > 0)
        indices.append(np.nonzero(kept)[1].astype(np.int32))
        values.append(block[kept])
        sizes.append(kept.sum(axis=1))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])
    return sparse.csr_array(
        (np.concatenate(values), np.concatenate(indices), starts), shape=(n_items, n_items)
    )
