"""How well an order of candidates meets what the users came to, while a training is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from persmark.recommend.candidates import Candidates
from persmark.recommend.moments import Moment

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Figures:
    """NDCG@k, mean over the users with something to be found.

    Args:
        allowed: All items ranked.
        removed: Without what the user bought before; only what is new is to be found.
    """

    allowed: float
    removed: float


@dataclass(frozen=True, eq=False)
class Judge:
    """One moment's answers for its candidates.

    Args:
        found: The candidates.
        wanted: (n,) keys (row * n_items + item) to be found, ascending.
        fresh: (n,) those of items that the user had not bought.
        n_items: Of the vocabulary.
        k: Slate length.
    """

    found: Candidates
    wanted: Ints
    fresh: Ints
    n_items: int
    k: int = 10

    @classmethod
    def of(cls, moment: Moment, found: Candidates, *, target: str) -> Self:
        """The judge of a moment."""
        n_items = max(moment.known.n_items, 1)
        history = moment.known.users(moment.users)
        at = history.typed(target)
        bought = np.unique(history.user[at].astype(np.int64) * n_items + history.item[at])
        wanted = np.unique(moment.row * n_items + moment.item)
        return cls(found, wanted, wanted[~np.isin(wanted, bought)], n_items)

    @property
    def came(self) -> npt.NDArray[np.bool_]:
        """(n_pairs,) which candidates the users came to."""
        return np.isin(self.found.row * self.n_items + self.found.item, self.wanted)

    def __call__(self, score: Floats) -> Figures:
        """Of an order by this score, one for each candidate."""
        new = ~self.found.bought
        return Figures(
            self._ndcg(score, np.ones(len(score), bool), self.wanted), self._ndcg(score, new, self.fresh)
        )

    def best_of(self, scores: list[Floats]) -> Figures:
        """The best that any of these scores reaches in each; above 0."""
        each = [self(score) for score in scores]
        return Figures(
            max([one.allowed for one in each] + [1e-3]), max([one.removed for one in each] + [1e-3])
        )

    def _ndcg(self, score: Floats, shown: npt.NDArray[np.bool_], wanted: Ints) -> float:
        row = self.found.row[shown]
        key = row * self.n_items + self.found.item[shown]
        gain = 1 / np.log2(np.arange(2, self.k + 2))
        order = np.lexsort((-score[shown], row))
        place = np.arange(len(row)) - np.searchsorted(row, row, side="left")
        first = order[place < self.k]
        hit = np.isin(key[first], wanted)
        got = np.bincount(row[first][hit], gain[place[place < self.k][hit]], minlength=self.found.n_users)
        ideal = np.concatenate([[0.0], np.cumsum(gain)])[
            np.minimum(np.bincount(wanted // self.n_items, minlength=self.found.n_users), self.k)
        ]
        some = ideal > 0
        return float((got[some] / ideal[some]).mean()) if some.any() else 0.0
