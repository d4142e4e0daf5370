"""`graph`: items that a walk from the user's items over other users ends at.

Users and items are a graph, a user joined to an item by how much the user's events speak for it
(`tastes`). A walk goes from an item to one of its users and on to one of that user's items: chance
P[i, j] = sum over users u of x[u, i] / d[i] * x[u, j] / d[u], with d the sums of each side. A score
sums the chances from the user's own items, divided by how common both ends are: the walk of three
steps with popularity taken out. With `hops` above 1 the walk goes on, each time with chance `go_on`,
which makes it personalised PageRank; P to the power n is weighed by `go_on` ** (n - 1).

A return to an own item is no walk but a habit (`by_taste`).

Sources: Paudel, Christoffel, Newell, Bernstein, "Updatable, accurate, diverse, and scalable
recommendations for interactive applications", ACM TiiS 7 (2017), RP3beta; Haveliwala,
"Topic-sensitive PageRank", WWW 2002. With both powers 0.5 a single hop is the linear filter of
Shen et al., "How powerful is graph convolution for recommendation?", CIKM 2021 (GF-CF).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from persmark.recommend.by_taste import TasteRecommender, TasteSettings
from persmark.recommend.contract import Scores
from persmark.recommend.interactions import DAY, Interactions
from persmark.recommend.later import Later, grown
from persmark.recommend.lesson import Lesson
from persmark.recommend.neighbours import (
    counted_on,
    packed_matrix,
    power,
    stepped,
    strongest,
    unpacked_matrix,
)
from persmark.recommend.options import option
from persmark.recommend.saved import Saved
from persmark.recommend.tastes import strongest_tastes
from persmark.text import text

# Walks counted at once: 8 bytes each before the strongest are kept.
WALKS_AT_ONCE = 20_000_000


@dataclass(frozen=True)
class GraphSettings(TasteSettings):
    """Settings of `graph`."""

    source_power: float = option(
        0.5, about="How far walks are divided by the first item's popularity", low=0.0, high=1.0
    )
    popularity_power: float = option(
        0.4, about="The same for the last item: higher favours the less common", low=0.0, high=1.0
    )
    hops: int = option(
        1, about="How often the walk goes to a user and on to an item", unit="hops", low=1, high=20
    )
    go_on: float = option(
        0.5, about="Chance that the walk goes on after a hop, where there are more", low=0.0, high=0.99
    )
    neighbours: int = option(
        200, about="Items kept that walks from an item end at", unit="items", low=1, high=5000
    )
    history_items: int = option(
        500, about="Items of a user that are learned from, the strongest", unit="items", low=2, high=100_000
    )


@dataclass(frozen=True, eq=False)
class Walks:
    """What is counted of the graph.

    Args:
        between: (n_items, n_items) sum over users of x[u, i] * x[u, j] / d[u], i other than j.
        staying: (n_items,) the same for i = j.
        degree: (n_items,) sum over users of x[u, i].
    """

    between: sparse.csr_array
    staying: npt.NDArray[np.float64]
    degree: npt.NDArray[np.float64]

    @classmethod
    def of(cls, cells: sparse.csr_array, goal_power: float, most: int, lesson: Lesson | None = None) -> Self:
        """Count them.

        Args:
            cells: (n_users, n_items) x.
            goal_power: Power of the popularity by which the strongest are chosen.
            most: How many are kept of each item.
            lesson: Told how far it is.
        """
        n_items = cells.shape[1]
        degree = np.asarray(cells.sum(axis=0), np.float64).ravel()
        total = np.asarray(cells.sum(axis=1), np.float64).ravel()
        goal = power(degree, -goal_power).astype(np.float32)
        size = np.diff(cells.indptr)
        onward = (cells.data / np.repeat(total, size)).astype(np.float32)
        staying = np.bincount(cells.indices, weights=cells.data * onward, minlength=n_items)
        # Weighed by the goal here, so that the strongest can be told without another look.
        weighed = sparse.csr_array(
            (onward * goal[cells.indices], cells.indices, cells.indptr), shape=cells.shape
        )
        back = sparse.csr_array(cells.T.tocsr())

        def counted(rows: slice) -> sparse.csr_array:
            found = sparse.csr_array(back[rows] @ weighed)
            row = np.repeat(np.arange(rows.start, rows.stop), np.diff(found.indptr))
            found.data[row == found.indices] = 0
            found = strongest(found, most)
            found.data = found.data / goal[found.indices]
            return found

        parts = []
        with ThreadPoolExecutor(2) as workers:
            for rows, part in zip(_runs(back, size), workers.map(counted, _runs(back, size)), strict=True):
                parts.append(part)
                if lesson:
                    lesson.on_progress(0.05 + 0.9 * rows.stop / n_items, text("Walking from item to item"))
        between = sparse.csr_array(sparse.vstack(parts, format="csr"))
        between.eliminate_zeros()
        between.sort_indices()
        return cls(between, staying.astype(np.float64), degree)


def _runs(back: sparse.csr_array, size: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Runs of items whose walks fit."""
    walks = (
        np.add.reduceat(np.append(size[back.indices], 0), back.indptr[:-1])
        if back.nnz
        else np.zeros(back.shape[0])
    )
    walks = np.where(np.diff(back.indptr) > 0, walks, 0)
    run = (np.cumsum(walks, dtype=np.int64) - 1) // WALKS_AT_ONCE
    ends = np.flatnonzero(np.append(run[1:] != run[:-1], True)) + 1
    first = 0
    for end in ends.tolist():
        yield slice(first, end)
        first = end


class Graph(TasteRecommender):
    """Walks over users from the user's own items."""

    name = "graph"
    settings_type = GraphSettings
    grows = True
    settings: GraphSettings
    walks: Walks
    transitions: sparse.csr_array  # (n_items, n_items), from row to column, without the diagonal

    def _relate(self, interactions: Interactions, lesson: Lesson) -> None:
        self.walks = self._walked(interactions, lesson)
        self._weigh()

    def _walked(self, interactions: Interactions, lesson: Lesson | None = None) -> Walks:
        chosen = self.settings
        cells = strongest_tastes(self._cells(interactions), chosen.history_items)
        return Walks.of(cells, chosen.popularity_power, chosen.neighbours, lesson)

    def _weigh(self) -> None:
        """Set the transitions from what was counted."""
        chosen, walks = self.settings, self.walks
        n_items = len(walks.degree)
        leave = 1 / np.where(walks.degree > 0, walks.degree, 1)
        found = sparse.csr_array(sparse.diags_array(leave.astype(np.float32)) @ walks.between)
        goal = power(walks.degree, -chosen.popularity_power)
        if chosen.hops > 1:
            stay = sparse.diags_array((walks.staying * leave).astype(np.float32))
            step, far = sparse.csr_array(found + stay), sparse.csr_array(found + stay)
            for hop in range(1, chosen.hops):
                far = sparse.csr_array(far @ step)
                found = found + far * np.float32(chosen.go_on**hop)
                far = strongest(far, chosen.neighbours)
            found = sparse.csr_array(found)
        rows = np.repeat(np.arange(n_items), np.diff(found.indptr))
        source = power(walks.degree, 1 - chosen.source_power)
        found.data = found.data * (source[rows] * goal[found.indices]).astype(np.float32)
        found.data[rows == found.indices] = 0
        found = strongest(found, chosen.neighbours)
        found.eliminate_zeros()
        # On average over what people have, the walks from an item sum to 1, whatever the powers.
        reach = float(walks.degree @ np.asarray(found.sum(axis=1)).ravel())
        found.data = found.data * np.float32(walks.degree.sum() / reach if reach > 0 else 1.0)
        self.transitions = found

    def _update(self, later: Later) -> None:
        chosen, n_items = self.settings, later.all.n_items
        super()._update(later)
        self.returns = self.returns.counted_on(later)
        passed = later.all.as_of - later.before.as_of
        # All tastes of a user fade alike: x by `fade`, and with it x * x / d.
        fade = 2.0 ** (-passed / DAY / chosen.half_life_days * chosen.taste_power)
        gone, come, known = self._walked(later.before), self._walked(later.all), self.walks
        staying, degree = (
            np.maximum(grown(all_of, later.place, n_items) - part, 0) * fade + now
            for all_of, part, now in (
                (known.staying, gone.staying, come.staying),
                (known.degree, gone.degree, come.degree),
            )
        )
        between = counted_on(
            known.between, place=later.place, gone=gone.between, come=come.between, fade=fade
        )
        goal = power(degree, -chosen.popularity_power)
        self.walks = Walks(strongest(between, chosen.neighbours, goal), staying, degree)
        self._weigh()

    def _score(self, histories: Interactions) -> Scores:
        found = self._own(histories) @ self.transitions + self._habits(histories)
        return self.popularity.under(sparse.csr_array(found))

    def _score_columns(self, histories: Interactions, columns: npt.NDArray[np.int64]) -> Scores:
        found = stepped(self._own(histories), self.transitions, columns)
        return self.popularity.under(sparse.csr_array(found + self._habits(histories)[:, columns]), columns)

    def _say(self, own: sparse.csr_array, item: int) -> npt.NDArray[np.float32]:
        said: npt.NDArray[np.float32] = (
            own.data * self.transitions[own.indices, :][:, [item]].toarray().ravel()
        )
        return said

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return (
            super()._arrays()
            | packed_matrix("walks", self.walks.between)
            | {"walks_staying": self.walks.staying, "walks_degree": self.walks.degree}
        )

    def _restore(self, held: Saved) -> None:
        super()._restore(held)
        between = unpacked_matrix("walks", held, len(self.item_ids))
        self.walks = Walks(between, held.arrays["walks_staying"], held.arrays["walks_degree"])
        self._weigh()
