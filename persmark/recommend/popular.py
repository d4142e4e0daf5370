"""`popular`: what sells now, the same for everybody; and the tail that fills the other slates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from persmark.columns import PURCHASE
from persmark.recommend.contract import Reason, Recommender, Scores
from persmark.recommend.interactions import DAY, Interactions, Seconds
from persmark.recommend.lesson import Lesson
from persmark.recommend.options import Settings, option
from persmark.recommend.saved import Saved
from persmark.text import text

HALF_LIFE_DAYS = 42.0


def decay(time: Seconds, *, as_of: int, half_life_days: float) -> npt.NDArray[np.float64]:
    """(n_events,) 1 at `as_of`, a half one half-life earlier; later events count as now."""
    age_days = np.maximum(as_of - time, 0) / DAY
    faded: npt.NDArray[np.float64] = np.exp2(-age_days / half_life_days)
    return faded


@dataclass(frozen=True, eq=False)
class Popularity:
    """How much each item is in demand.

    Args:
        score: (n_items,) decayed sum of event weights.
        place: (n_items,) share of items that are less in demand, ties at their mean; in (0, 1).
        n_events: (n_items,) events of the target type in the last `window_days`.
        n_users: (n_items,) users behind them.
        window_days: Length of that window: the half-life.
        target: The event type counted.
    """

    score: npt.NDArray[np.float64]
    place: Scores
    n_events: npt.NDArray[np.int32]
    n_users: npt.NDArray[np.int32]
    window_days: float
    target: str

    @classmethod
    def of(cls, interactions: Interactions, *, half_life_days: float, target: str) -> Self:
        """Count demand up to `interactions.as_of`."""
        n_items = interactions.n_items
        faded = decay(interactions.time, as_of=interactions.as_of, half_life_days=half_life_days)
        demand = faded * interactions.weight
        score = np.bincount(interactions.item, weights=demand, minlength=n_items).astype(np.float64)
        since = interactions.as_of - half_life_days * DAY
        recent = interactions.typed(target) & (interactions.time > since)
        item, user = interactions.item[recent], interactions.user[recent]
        pairs = np.unique(item.astype(np.int64) * max(interactions.n_users, 1) + user)
        buyers = np.bincount(pairs // max(interactions.n_users, 1), minlength=n_items)
        return cls(
            score=score,
            place=((rankdata(score) - 0.5) / n_items).astype(np.float32),
            n_events=np.bincount(item, minlength=n_items).astype(np.int32),
            n_users=buyers.astype(np.int32),
            window_days=half_life_days,
            target=target,
        )

    @property
    def tail(self) -> Scores:
        """(n_items,) scores in (-1, 0): below anything a user's own events speak for."""
        return self.place - np.float32(1)

    def reason(self, item: int) -> Reason:
        """Demand for one item in words."""
        n, m, days = int(self.n_events[item]), int(self.n_users[item]), round(self.window_days)
        facts = {"days": days, "n_events": n, "n_users": m, "event_type": self.target}
        if self.target != PURCHASE:
            what = text("1 event") if n == 1 else text("{n} events", n=n)
        else:
            what = text("1 purchase") if n == 1 else text("{n} purchases", n=n)
        who = text("1 user") if m == 1 else text("{n} users", n=m)
        said = text("popular in the last {days} days: {what} by {who}", days=days, what=what, who=who)
        if n == 0:
            said = text("asked for in the past, not in the last {days} days", days=days)
        return Reason("popular", facts, said)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What is saved."""
        return {
            "popular_score": self.score,
            "popular_place": self.place,
            "popular_n_events": self.n_events,
            "popular_n_users": self.n_users,
            "popular_window_days": np.array(self.window_days),
        }

    @classmethod
    def restored(cls, held: Saved) -> Self:
        """What was saved."""
        arrays = held.arrays
        return cls(
            score=arrays["popular_score"],
            place=arrays["popular_place"],
            n_events=arrays["popular_n_events"],
            n_users=arrays["popular_n_users"],
            window_days=float(arrays["popular_window_days"]),
            target=str(held.facts["target"]),
        )


@dataclass(frozen=True)
class PopularSettings(Settings):
    """Settings of `popular`."""

    half_life_days: float = option(
        HALF_LIFE_DAYS, about="After how long an event counts half", unit="days", low=0.01, high=36_500
    )


class Popular(Recommender):
    """Recent popularity: event weights, halved every `half_life_days`, summed by item."""

    name = "popular"
    settings_type = PopularSettings
    settings: PopularSettings
    popularity: Popularity

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        lesson.on_progress(0.0, text("Counting recent demand"))
        self.popularity = Popularity.of(
            interactions, half_life_days=self.settings.half_life_days, target=self.target
        )
        lesson.on_progress(1.0, text("Recent demand is counted"))

    def _score(self, histories: Interactions) -> Scores:
        row = self.popularity.score.astype(np.float32)
        return np.broadcast_to(row, (histories.n_users, len(row)))

    def _filled(self, histories: Interactions, values: Scores) -> npt.NDArray[np.bool_]:
        return np.ones(values.shape, bool)

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        return self.popularity.reason(item)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return self.popularity.arrays()

    def _restore(self, held: Saved) -> None:
        self.popularity = Popularity.restored(held)
