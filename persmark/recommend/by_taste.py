"""What `graph`, `ease` and `matrix_factorisation` share: tastes in, own habits and popularity beside.

A score is what the recommender makes of the user's tastes, plus a habit: own events of an item,
fading, times how often its users come back to it. Popularity places what neither speaks for.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from persmark.recommend.contract import Reason, Recommender, Scores
from persmark.recommend.interactions import Interactions
from persmark.recommend.later import Later
from persmark.recommend.lesson import Lesson
from persmark.recommend.options import Settings, option
from persmark.recommend.popular import HALF_LIFE_DAYS, Popularity
from persmark.recommend.saved import Saved
from persmark.recommend.tastes import HABIT_HALF_LIFE_DAYS, Returns, because, habits, tastes
from persmark.text import text


@dataclass(frozen=True)
class TasteSettings(Settings):
    """Settings that they share."""

    half_life_days: float = option(
        180.0, about="After how long an event counts half in training", unit="days", low=0.01, high=36_500
    )
    taste_power: float = option(
        0.5,
        about="Of the sum of a user's events on an item: towards 0 only that there is one",
        low=0.05,
        high=1.0,
    )
    own_half_life_days: float = option(
        180.0,
        about="After how long an own event counts half when the user is scored",
        unit="days",
        low=0.01,
        high=36_500,
    )
    age_power: float = option(
        0.3,
        about="An own item that lies a steps back has 1 / (1 + a) ** this of its say",
        low=0.0,
        high=10.0,
    )
    itself: float = option(3.0, about="How much a likely return to an own item counts", low=0.0, high=1e6)
    habit_half_life_days: float = option(
        HABIT_HALF_LIFE_DAYS,
        about="After how long an own event counts half for a return",
        unit="days",
        low=0.01,
        high=36_500,
    )
    popular_half_life_days: float = option(
        HALF_LIFE_DAYS,
        about="Half-life of the popularity that fills the slate",
        unit="days",
        low=0.01,
        high=36_500,
    )


class TasteRecommender(Recommender):
    """Scores from tastes; the popularity of what is known is brought up to date by `update`."""

    settings: TasteSettings
    popularity: Popularity
    returns: Returns

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        lesson.on_progress(0.0, text("Counting recent demand"))
        self.popularity = Popularity.of(
            interactions, half_life_days=self.settings.popular_half_life_days, target=self.target
        )
        self.returns = Returns.of(interactions)
        self._relate(interactions, lesson)
        lesson.on_progress(1.0, text("The items are related"))

    @abstractmethod
    def _relate(self, interactions: Interactions, lesson: Lesson) -> None:
        """Learn what tastes say of items."""

    @abstractmethod
    def _say(self, own: sparse.csr_array, item: int) -> npt.NDArray[np.float32]:
        """(n_own,) what each cell of one user's tastes adds to the score of an item."""

    def _update(self, later: Later) -> None:
        self.popularity = self.popularity.counted_on(later)

    def _cells(self, interactions: Interactions) -> sparse.csr_array:
        """(n_users, n_items) tastes to learn from."""
        chosen = self.settings
        return tastes(interactions, half_life_days=chosen.half_life_days, power=chosen.taste_power)

    def _own(self, histories: Interactions) -> sparse.csr_array:
        """(n_users, n_items) tastes to be scored by."""
        chosen = self.settings
        return tastes(
            histories,
            half_life_days=chosen.own_half_life_days,
            power=chosen.taste_power,
            age_power=chosen.age_power,
        )

    def _habits(self, histories: Interactions) -> sparse.csr_array:
        """(n_users, n_items) what own items add to themselves."""
        chosen = self.settings
        return habits(
            histories, self.returns, itself=chosen.itself, half_life_days=chosen.habit_half_life_days
        )

    def _filled(self, histories: Interactions, values: Scores) -> npt.NDArray[np.bool_]:
        return values < 0

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        own = self._own(history)
        say = self._say(own, item)
        habit = float(self._habits(history)[[0], :][:, [item]].sum())
        if say.sum() + habit <= 0:
            return self.popularity.reason(item)
        found = because(
            history,
            item,
            sources=own.indices,
            say=say,
            habit=habit,
            target=self.target,
            titles=titles,
        )
        return found or self.popularity.reason(item)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return self.popularity.arrays() | self.returns.arrays()

    def _restore(self, held: Saved) -> None:
        self.popularity = Popularity.restored(held)
        self.returns = Returns.restored(held)
