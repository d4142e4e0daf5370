"""`popular`: what sells now, the same for everybody; and the tail that fills the other slates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from persmark.columns import PURCHASE
from persmark.recommend.contract import Reason, Recommender, Scores
from persmark.recommend.interactions import DAY, Interactions, Seconds
from persmark.recommend.later import Later, grown
from persmark.recommend.lesson import Lesson
from persmark.recommend.options import Settings, option
from persmark.recommend.saved import Saved
from persmark.text import text

HALF_LIFE_DAYS = 42.0
# A whole basket bought once shares one score. Popularity then orders it, by at most this share of
# the score, which is too little to pass over any real difference of habit.
TIE_BREAK = np.float32(1e-3)
# Habits older than some hundred half-lives would vanish in float32; they stay above no habit.
FAINTEST = 1e-30


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
        half_life_days: After how long an event counts half.
        window_days: Length of that window: the half-life, and the days counted on since.
        target: The event type counted.
    """

    score: npt.NDArray[np.float64]
    place: Scores
    n_events: npt.NDArray[np.int32]
    n_users: npt.NDArray[np.int32]
    half_life_days: float
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
        recent = interactions.rows(interactions.typed(target) & (interactions.time > since))
        return cls(
            score=score,
            place=_places(score),
            n_events=np.bincount(recent.item, minlength=n_items).astype(np.int32),
            n_users=np.bincount(_pairs(recent) % max(n_items, 1), minlength=n_items).astype(np.int32),
            half_life_days=half_life_days,
            window_days=half_life_days,
            target=target,
        )

    def counted_on(self, later: Later) -> Self:
        """What it is with later events: demand as if counted anew, over a window so much longer.

        The window starts where it started: what lies before the new events is known as sums only.
        """
        n_items, now = later.all.n_items, later.all.as_of
        passed = now - later.before.as_of
        faded = decay(later.events.time, as_of=now, half_life_days=self.half_life_days)
        new = np.bincount(later.events.item, weights=faded * later.events.weight, minlength=n_items)
        fade = 2.0 ** (-passed / DAY / self.half_life_days)
        score = grown(self.score, later.place, n_items) * fade + new
        bought = later.events.rows(later.events.typed(self.target))
        since = later.before.as_of - self.window_days * DAY
        known = later.before.rows(later.before.typed(self.target) & (later.before.time > since))
        fresh = np.setdiff1d(_pairs(bought), _pairs(known))
        n_events = np.bincount(bought.item, minlength=n_items).astype(np.int32)
        n_users = np.bincount(fresh % max(n_items, 1), minlength=n_items).astype(np.int32)
        return replace(
            self,
            score=score,
            place=_places(score),
            n_events=grown(self.n_events, later.place, n_items) + n_events,
            n_users=grown(self.n_users, later.place, n_items) + n_users,
            window_days=self.window_days + passed / DAY,
        )

    @property
    def tail(self) -> Scores:
        """(n_items,) scores in (-1, 0): below anything a user's own events speak for."""
        return self.place - np.float32(1)

    def under(self, found: sparse.csr_array, columns: npt.NDArray[np.int64] | None = None) -> Scores:
        """(n_users, n_items) what was found, above 0, and this popularity in all other places.

        Args:
            found: (n_users, n_items) scores > 0 of what the users' own events speak for. Equal ones
                are ordered by popularity, which adds too little to pass over a real difference.
            columns: Which items the columns of `found` are; all of them where left out.
        """
        place = self.place if columns is None else self.place[columns]
        scores = np.tile(place - np.float32(1), (found.shape[0], 1))
        rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
        order = 1 + TIE_BREAK * place[found.indices]
        scores[rows, found.indices] = np.maximum(found.data, FAINTEST) * order
        return scores

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
            "popular_half_life_days": np.array(self.half_life_days),
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
            half_life_days=float(arrays["popular_half_life_days"]),
            window_days=float(arrays["popular_window_days"]),
            target=str(held.facts["target"]),
        )


def _places(score: npt.NDArray[np.float64]) -> Scores:
    """(n_items,) share of items below each. Sums that differ by rounding alone are ties."""
    part, exponent = np.frexp(score)
    even = np.ldexp(np.round(part * 2.0**40) / 2.0**40, exponent)
    _, which, n_equal = np.unique(even, return_inverse=True, return_counts=True)
    below = np.cumsum(n_equal) - n_equal
    place: Scores = ((below + n_equal / 2)[which] / max(len(score), 1)).astype(np.float32)
    return place


def _pairs(interactions: Interactions) -> npt.NDArray[np.int64]:
    """Distinct (user, item) pairs as one number each; modulo n_items it is the item."""
    return np.unique(interactions.user.astype(np.int64) * max(interactions.n_items, 1) + interactions.item)


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
    grows = True
    settings: PopularSettings
    popularity: Popularity

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        lesson.on_progress(0.0, text("Counting recent demand"))
        self.popularity = Popularity.of(
            interactions, half_life_days=self.settings.half_life_days, target=self.target
        )
        lesson.on_progress(1.0, text("Recent demand is counted"))

    def _update(self, later: Later) -> None:
        self.popularity = self.popularity.counted_on(later)

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
