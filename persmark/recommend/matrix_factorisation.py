"""`matrix_factorisation`: users and items as short vectors whose product is the taste.

Weighted implicit least squares: with tastes x (`tastes`), confidence c = 1 + confidence * x and
preference p = 1 where there is a taste and 0 elsewhere (c = 1), it minimises

    sum over all (u, i) of c[u, i] * (p[u, i] - user[u] . item[i])^2
        + regularisation * (sum of |user[u]|^2 + sum of |item[i]|^2)

in turns, the items fixed, then the users; `implicit` does that. Only the item vectors are kept: a
user's vector is the least squares answer to the events that are scored, so new users and new events
are served at once. A return to an own item is a habit (`by_taste`).

Nothing is counted on here: after `update` new items are passed over and the vectors stay; only the
popularity of the items known is brought up to date.

Source: Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008,
equations 3 to 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits

from persmark.recommend.by_taste import TasteRecommender, TasteSettings
from persmark.recommend.contract import Scores
from persmark.recommend.interactions import Interactions
from persmark.recommend.lesson import Lesson
from persmark.recommend.options import option
from persmark.recommend.saved import Saved
from persmark.text import text

Factors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MatrixFactorisationSettings(TasteSettings):
    """Settings of `matrix_factorisation`."""

    factors: int = option(64, about="Length of the vectors", unit="numbers", low=1, high=1024)
    rounds: int = option(15, about="How often users and items take turns", unit="rounds", low=1, high=500)
    regularisation: float = option(10.0, about="Higher keeps the vectors shorter", low=1e-6, high=1e6)
    confidence: float = option(2.0, about="How much more a taste counts than none", low=0.0, high=1e5)
    seed: int = option(0, about="Of the first vectors", low=0, high=2**31 - 1)


class MatrixFactorisation(TasteRecommender):
    """Weighted implicit least squares; users are worked out when they are scored."""

    name = "matrix_factorisation"
    settings_type = MatrixFactorisationSettings
    learned = True
    settings: MatrixFactorisationSettings
    items: Factors  # (n_items, factors)
    scale: float  # by which tastes are divided, so that their mean square in training is 1

    def _relate(self, interactions: Interactions, lesson: Lesson) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        chosen = self.settings
        cells = self._cells(interactions)
        self.scale = float(np.sqrt(np.mean(np.square(cells.data, dtype=np.float64))))
        sure = sparse.csr_matrix(
            (1 + chosen.confidence * cells.data / np.float32(self.scale), cells.indices, cells.indptr),
            shape=cells.shape,
            dtype=np.float32,
        )

        def done(round_: int, _seconds: float, loss: float | None) -> None:
            said = text("Round {n} of {all}", n=round_ + 1, all=chosen.rounds)
            lesson.on_progress(0.05 + 0.95 * (round_ + 1) / chosen.rounds, said)
            if loss is not None:
                lesson.on_point({"epoch": float(round_ + 1), "loss": float(loss)})

        # It shares the work out itself; threads of the linear algebra under its own get in their way.
        with threadpool_limits(1, user_api="blas"):
            model = AlternatingLeastSquares(
                factors=chosen.factors,
                regularization=chosen.regularisation,
                alpha=1.0,
                iterations=chosen.rounds,
                calculate_training_loss=True,
                random_state=chosen.seed,
            )
            model.fit(sure, show_progress=False, callback=done)
        self.items = np.ascontiguousarray(model.item_factors, np.float32)

    def _systems(self, own: sparse.csr_array) -> tuple[Factors, Factors]:
        """Of each user's least squares: (n_users, f, f) left and (n_users, f) right side."""
        items, size = self.items, self.items.shape[1]
        every = items.T @ items + np.float32(self.settings.regularisation) * np.eye(size, dtype=np.float32)
        left = np.tile(every, (own.shape[0], 1, 1))
        right = np.zeros((own.shape[0], size), np.float32)
        more = own.data * np.float32(self.settings.confidence / self.scale)
        for user in np.flatnonzero(np.diff(own.indptr)):
            part = slice(own.indptr[user], own.indptr[user + 1])
            theirs = items[own.indices[part]]
            left[user] += theirs.T @ (theirs * more[part, None])
            right[user] = (1 + more[part]) @ theirs
        return left, right

    def user_factors(self, histories: Interactions) -> Factors:
        """(n_users, factors) each user's least squares answer; 0 for a user without events.

        Args:
            histories: Their events, over the items of this recommender.
        """
        left, right = self._systems(self._own(histories))
        found: Factors = np.linalg.solve(left, right[:, :, None])[:, :, 0]
        return found

    def _score(self, histories: Interactions) -> Scores:
        scores = self.user_factors(histories) @ self.items.T
        habits = self._habits(histories)
        rows = np.repeat(np.arange(habits.shape[0]), np.diff(habits.indptr))
        scores[rows, habits.indices] += habits.data
        return np.where(scores > 0, scores, self.popularity.tail)

    def _say(self, own: sparse.csr_array, item: int) -> npt.NDArray[np.float32]:
        left, _ = self._systems(own)
        # The score is a sum over the own items: each one's confidence, times how alike the two are
        # in the measure of this user's least squares (equation 7 of the source).
        alike = self.items[own.indices] @ np.linalg.solve(left[0], self.items[item])
        said: npt.NDArray[np.float32] = (
            1 + own.data * np.float32(self.settings.confidence / self.scale)
        ) * alike
        return said

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return super()._arrays() | {"item_factors": self.items, "scale": np.array(self.scale)}

    def _restore(self, held: Saved) -> None:
        super()._restore(held)
        self.items = held.arrays["item_factors"]
        self.scale = float(held.arrays["scale"])
