"""`repeat`: what this person keeps coming back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from persmark.columns import PURCHASE
from persmark.recommend.contract import Reason, Recommender, Scores
from persmark.recommend.interactions import DAY, Interactions
from persmark.recommend.later import Later
from persmark.recommend.lesson import Lesson
from persmark.recommend.options import Settings, option
from persmark.recommend.popular import FAINTEST, HALF_LIFE_DAYS, TIE_BREAK, Popularity, decay
from persmark.recommend.saved import Saved
from persmark.text import Text, text


@dataclass(frozen=True)
class RepeatSettings(Settings):
    """Settings of `repeat`."""

    half_life_days: float = option(
        HALF_LIFE_DAYS, about="After how long an own event counts half", unit="days", low=0.01, high=36_500
    )
    popular_half_life_days: float = option(
        HALF_LIFE_DAYS,
        about="The same for the popularity that orders ties and fills the slate",
        unit="days",
        low=0.01,
        high=36_500,
    )


class Repeat(Recommender):
    """Personal decayed frequency; ties, and places left over, go by recent popularity."""

    name = "repeat"
    settings_type = RepeatSettings
    grows = True
    comparable_between_users = True  # a decayed count of own events
    settings: RepeatSettings
    popularity: Popularity

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        lesson.on_progress(0.0, text("Counting recent demand"))
        self.popularity = Popularity.of(
            interactions, half_life_days=self.settings.popular_half_life_days, target=self.target
        )
        lesson.on_progress(1.0, text("Recent demand is counted"))

    def _update(self, later: Later) -> None:
        self.popularity = self.popularity.counted_on(later)

    def _score(self, histories: Interactions) -> Scores:
        scores = np.tile(self.popularity.tail, (histories.n_users, 1))
        faded = decay(histories.time, as_of=histories.as_of, half_life_days=self.settings.half_life_days)
        cell = histories.user.astype(np.int64) * len(self.item_ids) + histories.item
        cells, where = np.unique(cell, return_inverse=True)
        habit = np.bincount(where, weights=faded * histories.weight, minlength=len(cells))
        order = 1 + TIE_BREAK * self.popularity.place[cells % max(len(self.item_ids), 1)]
        scores.ravel()[cells] = np.maximum(habit, FAINTEST).astype(np.float32) * order
        return scores

    def _score_columns(self, histories: Interactions, columns: npt.NDArray[np.int64]) -> Scores:
        """The few items that a user came to stand beside the tail of the columns."""
        place = np.full(len(self.item_ids), -1, np.int64)
        place[columns] = np.arange(len(columns))
        faded = decay(histories.time, as_of=histories.as_of, half_life_days=self.settings.half_life_days)
        asked = place[histories.item] >= 0
        shape = (histories.n_users, len(columns))
        cells = (histories.user[asked], place[histories.item[asked]])
        habit = sparse.csr_array((np.asarray(faded * histories.weight)[asked], cells), shape=shape)
        habit.sum_duplicates()
        return self.popularity.under(habit, columns)

    def _filled(self, histories: Interactions, values: Scores) -> npt.NDArray[np.bool_]:
        return values < 0

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        return habit_reason(history, item) or self.popularity.reason(item)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return self.popularity.arrays()

    def _restore(self, held: Saved) -> None:
        self.popularity = Popularity.restored(held)


def habit_reason(history: Interactions, item: int) -> Reason | None:
    """How often and how recently one user came to an item; None where they never did.

    Purchases are spoken of where there are any, else events of all types. The gap is the mean
    distance between days with one, in 24-hour days before `as_of`; only from three such days on is
    it told as a habit.
    """
    own = history.item == item
    bought = own & history.typed(PURCHASE)
    if not own.any():
        return None
    counted = bought if bought.any() else own
    days = np.unique(np.maximum(history.as_of - history.time[counted], 0) // DAY)
    ago, n = int(days[0]), int(counted.sum())
    gap = round((int(days[-1]) - ago) / (len(days) - 1)) if len(days) > 1 else None
    facts = {"n_events": n, "last_days_ago": ago, "gap_days": gap, "bought": bool(bought.any())}
    last = _ago(ago)
    if gap is None:
        often = text("once, {ago}", ago=last) if n == 1 else last
    elif len(days) == 2:
        apart = text("1 day apart") if gap == 1 else text("{n} days apart", n=gap)
        times = text("twice") if n == 2 else text("on two days")
        often = text("{times}, {apart}, last {ago}", times=times, apart=apart, ago=last)
    else:
        every = text("every day") if gap <= 1 else text("every {n} days", n=gap)
        often = text("{every}, last {ago}", every=every, ago=last)
    said = text("bought {often}", often=often) if bought.any() else text("looked at {often}", often=often)
    return Reason("repeat", facts, said)


def _ago(days: int) -> Text:
    if days == 0:
        return text("today")
    return text("yesterday") if days == 1 else text("{n} days ago", n=days)
