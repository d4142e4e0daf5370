"""`spectral`: walks over users, and the broad currents of taste beside; for catalogues too big for `ease`.

With x the users' tastes and d the sums of its rows and columns, R = x / sqrt(d[u] * d[i]) is the graph
of `graph`, evened out. A score filters the user's tastes t twice: R'R is one walk, near at hand, of
which each item's strongest neighbours are kept; V V', with V the `currents` strongest right singular
vectors of R, lets only what varies slowly over the graph pass. They are summed as

    (t / sqrt(d)) (R'R + smooth * V V' sqrt(d))

where sqrt(d) brings the second to the scale of tastes.

Nothing is counted on here: after `update` new items are passed over and the vectors stay; only the
popularity of the items known is brought up to date.

Source: Shen et al., "How powerful is graph convolution for recommendation?", CIKM 2021, GF-CF.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from persmark.recommend.by_taste import TasteRecommender, TasteSettings
from persmark.recommend.contract import Scores
from persmark.recommend.graph import Walks
from persmark.recommend.interactions import Interactions
from persmark.recommend.lesson import Lesson
from persmark.recommend.neighbours import packed_matrix, unpacked_matrix
from persmark.recommend.options import option
from persmark.recommend.saved import Saved
from persmark.recommend.tastes import strongest_tastes
from persmark.text import text


@dataclass(frozen=True)
class SpectralSettings(TasteSettings):
    """Settings of `spectral`."""

    itself: float = option(10.0, about="How much a likely return to an own item counts", low=0.0, high=1e6)
    smooth: float = option(
        0.1, about="How much the broad currents count beside the walks", low=0.0, high=100.0
    )
    currents: int = option(64, about="Singular vectors kept", unit="vectors", low=1, high=1024)
    neighbours: int = option(
        200, about="Items kept that walks from an item end at", unit="items", low=1, high=5000
    )
    history_items: int = option(
        500, about="Items of a user that are learned from, the strongest", unit="items", low=2, high=100_000
    )


class Spectral(TasteRecommender):
    """A linear filter near at hand and a low-pass filter of the graph of users and items."""

    name = "spectral"
    settings_type = SpectralSettings
    settings: SpectralSettings
    walks: sparse.csr_array  # (n_items, n_items) R'R without the diagonal, the strongest
    vectors: npt.NDArray[np.float32]  # (n_items, currents)
    root: npt.NDArray[np.float32]  # (n_items,) sqrt(d); 1 where nobody has the item
    scale: float  # of all scores

    def _relate(self, interactions: Interactions, lesson: Lesson) -> None:
        chosen = self.settings
        cells = strongest_tastes(self._cells(interactions), chosen.history_items)
        walked = Walks.of(cells, 0.5, chosen.neighbours, lesson)
        self.root = np.sqrt(np.where(walked.degree > 0, walked.degree, 1.0)).astype(np.float32)
        rows = np.repeat(np.arange(cells.shape[1]), np.diff(walked.between.indptr))
        self.walks = walked.between.copy()
        self.walks.data /= self.root[rows] * self.root[walked.between.indices]
        # On average over what people have, the walks from an item sum to 1, as in `graph`.
        reach = float(walked.degree @ (np.asarray(self.walks.sum(axis=1)).ravel() / self.root))
        self.scale = float(walked.degree.sum() / reach) if reach > 0 else 1.0
        lesson.on_progress(0.7, text("Finding the currents"))
        self.vectors = _currents(cells, self.root, chosen.currents)

    def _near(self, own: sparse.csr_array) -> sparse.csr_array:
        """Tastes over sqrt(d), scaled."""
        near = own.copy()
        near.data = own.data * (np.float32(self.scale) / self.root[own.indices])
        return near

    def _score(self, histories: Interactions) -> Scores:
        near = self._near(self._own(histories))
        scores = ((near @ self.vectors) @ self.vectors.T) * (self.settings.smooth * self.root)
        for found in (sparse.csr_array(near @ self.walks), self._habits(histories)):
            rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
            scores[rows, found.indices] += found.data
        return np.where(scores > 0, scores, self.popularity.tail)

    def _say(self, own: sparse.csr_array, item: int) -> npt.NDArray[np.float32]:
        near = self._near(own)
        walked = self.walks[own.indices, :][:, [item]].toarray().ravel()
        passed = self.vectors[own.indices] @ self.vectors[item] * (self.settings.smooth * self.root[item])
        said: npt.NDArray[np.float32] = near.data * (walked + passed)
        return said

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        own = {"vectors": self.vectors, "root": self.root, "scale": np.array(self.scale)}
        return super()._arrays() | packed_matrix("walks", self.walks) | own

    def _restore(self, held: Saved) -> None:
        super()._restore(held)
        self.walks = unpacked_matrix("walks", held, len(self.item_ids))
        self.vectors, self.root = held.arrays["vectors"], held.arrays["root"]
        self.scale = float(held.arrays["scale"])


def _currents(cells: sparse.csr_array, root: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.float32]:
    """(n_items, up to `most`) right singular vectors of R, those of the largest values."""
    total = np.asarray(cells.sum(axis=1), np.float64).ravel()
    even = np.repeat(1 / np.sqrt(np.where(total > 0, total, 1.0)), np.diff(cells.indptr))
    evened = sparse.csr_array(
        (cells.data * even / root[cells.indices], cells.indices, cells.indptr), shape=cells.shape
    )
    smaller = min(evened.shape)
    if smaller <= most + 1 or smaller < 20:
        # The iteration finds fewer than all vectors only; so small a matrix is taken apart whole.
        _, values, right = np.linalg.svd(evened.toarray(), full_matrices=False)
        right = right[(values > 1e-6)][:most]
    else:
        from scipy.sparse.linalg import svds

        start = np.ones(smaller) / np.sqrt(smaller)
        _, _, right = svds(evened.astype(np.float64), k=most, v0=start, return_singular_vectors="vh")
    made: npt.NDArray[np.float32] = np.ascontiguousarray(right.T, np.float32)
    return made
