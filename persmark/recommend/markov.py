"""`markov`: what people come to next, after what this person came to lately.

A user's events form steps: all items of one moment are one step (a basket). For items j and i that
lie g steps and d days apart, g = 1 to `max_gap`, the transition from j to i grows by
1 / g / (1 + d) ** `days_power`, so that what happens within one session says more than what lies a
season apart; within one step both directions grow by `together`. Transitions fade with age, are
divided by how common both ends are, and the strongest `neighbours` of each item are kept. A score sums
the transitions from the user's latest items, each fading with the steps and the days since, and adds
a habit: own events of the item, fading, times how often its users come back to it (`itself`).

The defaults were chosen on 28-day windows of a grocer and of a gift shop that end before any test
window, and on the validation items of a shop with few repeats; no test was looked at.

Source: decayed item-to-item transitions as in sequential rules (SR) of Ludewig, Jannach, "Evaluation
of session-based recommendation algorithms", UMUAI 28 (2018), section 3.1, with baskets and decays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from persmark.columns import PURCHASE
from persmark.recommend.contract import Reason, Recommender, Scores
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
    without_itself,
)
from persmark.recommend.options import Settings, option
from persmark.recommend.popular import HALF_LIFE_DAYS, Popularity, decay
from persmark.recommend.repeat import habit_reason
from persmark.recommend.saved import Saved
from persmark.recommend.steps import Steps, steps_of, thinned
from persmark.recommend.tastes import HABIT_HALF_LIFE_DAYS, Returns, habits
from persmark.text import text

# Item pairs multiplied at once, and transitions held: 8 bytes each, up to three copies at a time.
PAIRS_AT_ONCE = 60_000_000
PAIRS_HELD = 50_000_000
# When too many are held, each item keeps this many times its final neighbours.
SLACK = 4


@dataclass(frozen=True)
class MarkovSettings(Settings):
    """Settings of `markov`."""

    max_gap: int = option(6, about="How many steps ahead a transition reaches", unit="steps", low=1, high=50)
    together: float = option(
        0.5, about="Weight of items of the same step; 0 leaves them out", low=0.0, high=10.0
    )
    half_life_days: float = option(
        180.0, about="After how long a transition counts half", unit="days", low=0.01, high=36_500
    )
    itself: float = option(
        3.0,
        about="How much a likely return to an own item counts",
        low=0.0,
        high=1e6,
    )
    habit_half_life_days: float = option(
        HABIT_HALF_LIFE_DAYS,
        about="After how long an own event counts half for a return",
        unit="days",
        low=0.01,
        high=36_500,
    )
    age_power: float = option(
        1.0,
        about="An own item that lies a steps back has 1 / (1 + a) ** this of its say",
        low=0.0,
        high=10.0,
    )
    days_power: float = option(
        0.3,
        about="A step d days later, and an own item of d days before the latest, has 1 / (1 + d) ** this",
        low=0.0,
        high=10.0,
    )
    source_power: float = option(
        0.5, about="How far transitions are divided by the first item's frequency", low=0.0, high=1.0
    )
    popularity_power: float = option(
        0.2, about="The same for the second item: higher favours the less common", low=0.0, high=1.0
    )
    neighbours: int = option(200, about="Transitions kept of each item", unit="items", low=1, high=5000)
    history_events: int = option(
        1000, about="Latest events of a user that are looked at", unit="events", low=1, high=100_000
    )
    step_items: int = option(
        200, about="Items of one step that are learned from", unit="items", low=2, high=10_000
    )
    popular_half_life_days: float = option(
        HALF_LIFE_DAYS,
        about="Half-life of the popularity that fills the slate",
        unit="days",
        low=0.01,
        high=36_500,
    )


class Markov(Recommender):
    """Decayed item-to-item transitions over steps, summed from the user's latest items."""

    name = "markov"
    settings_type = MarkovSettings
    grows = True
    settings: MarkovSettings
    popularity: Popularity
    returns: Returns
    frequency: npt.NDArray[np.float64]  # (n_items,) faded occurrences
    counts: sparse.csr_array  # (n_items, n_items) faded transitions, from row to column
    transitions: sparse.csr_array  # the same, weighed

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        lesson.on_progress(0.0, text("Counting recent demand"))
        self.popularity = Popularity.of(
            interactions, half_life_days=self.settings.popular_half_life_days, target=self.target
        )
        self.returns = Returns.of(interactions)
        self.frequency, self.counts = self._counted(interactions, lesson)
        self._weigh()
        lesson.on_progress(1.0, text("What follows what is learned"))

    def _counted(
        self, interactions: Interactions, lesson: Lesson | None = None
    ) -> tuple[npt.NDArray[np.float64], sparse.csr_array]:
        """(n_items,) faded occurrences, and (n_items, n_items) faded transitions."""
        chosen, n_items = self.settings, interactions.n_items
        steps = thinned(steps_of(interactions), chosen.step_items)
        faded = decay(steps.time_of, as_of=interactions.as_of, half_life_days=chosen.half_life_days)
        strength = (steps.weight * faded[steps.step]).astype(np.float32)
        frequency = np.bincount(steps.item, weights=strength, minlength=n_items).astype(np.float64)
        goal = power(frequency, -chosen.popularity_power)
        total = sparse.csr_array((n_items, n_items), dtype=np.float32)
        for done, cells in self._chunks(steps):
            total = total + self._pairs(steps, cells, strength, n_items)
            if total.nnz > PAIRS_HELD:
                total = strongest(total, SLACK * chosen.neighbours, goal)
            if lesson:
                lesson.on_progress(0.05 + 0.9 * done, text("Learning what follows what"))
        if chosen.together > 0:
            # An item does not follow itself within one moment.
            total = without_itself(total, chosen.together * frequency)
        return frequency, strongest(total, chosen.neighbours, goal)

    def _weigh(self) -> None:
        """Set the transitions from what was counted."""
        chosen, counts = self.settings, self.counts
        source = power(self.frequency, -chosen.source_power)
        goal = power(self.frequency, -chosen.popularity_power)
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        weighed = (counts.data * source[rows] * goal[counts.indices]).astype(np.float32)
        weighed[rows == counts.indices] = 0
        # On average over what people have, the steps from an item sum to 1, whatever the powers.
        reach = float(self.frequency @ np.bincount(rows, weights=weighed, minlength=counts.shape[0]))
        weighed *= np.float32(self.frequency.sum() / reach if reach > 0 else 1.0)
        self.transitions = sparse.csr_array(
            (weighed, counts.indices.copy(), counts.indptr.copy()), shape=counts.shape
        )
        self.transitions.eliminate_zeros()

    def _update(self, later: Later) -> None:
        self.popularity = self.popularity.counted_on(later)
        self.returns = self.returns.counted_on(later)
        passed = later.all.as_of - later.before.as_of
        fade = 2.0 ** (-passed / DAY / self.settings.half_life_days)
        gone_frequency, gone = self._counted(later.before)
        come_frequency, come = self._counted(later.all)
        known = grown(self.frequency, later.place, later.all.n_items) - gone_frequency
        self.frequency = np.maximum(known, 0) * fade + come_frequency
        total = counted_on(self.counts, place=later.place, gone=gone, come=come, fade=fade)
        goal = power(self.frequency, -self.settings.popularity_power)
        self.counts = strongest(total, self.settings.neighbours, goal)
        self._weigh()

    def _chunks(self, steps: Steps) -> Iterator[tuple[float, slice]]:
        """Runs of whole users whose pairs fit, with the share of users done after each."""
        n_steps = len(steps.user_of)
        size = np.bincount(steps.step, minlength=n_steps).astype(np.float64)
        before = np.concatenate([[0.0], np.cumsum(size)])
        ahead = np.minimum(np.arange(n_steps) + 1 + self.settings.max_gap, n_steps)
        pairs = np.cumsum(size * (before[ahead] - before[:-1]))
        ends = np.flatnonzero(np.append(steps.user_of[1:] != steps.user_of[:-1], True))
        chunk = (pairs[ends] // PAIRS_AT_ONCE).astype(np.int64)
        last = ends[np.append(chunk[1:] != chunk[:-1], True)] + 1
        first = 0
        for end in last:
            cells = np.searchsorted(steps.step, [first, end])
            yield float(end / n_steps), slice(int(cells[0]), int(cells[1]))
            first = int(end)

    def _pairs(
        self, steps: Steps, cells: slice, strength: npt.NDArray[np.float32], n_items: int
    ) -> sparse.csr_array:
        """Transitions of one run of users, an (n_items, n_items) matrix."""
        if cells.start == cells.stop:
            return sparse.csr_array((n_items, n_items), dtype=np.float32)
        start = int(steps.step[cells.start])
        step = steps.step[cells] - start
        n_steps = int(step[-1]) + 1
        users = steps.user_of[start : start + n_steps]
        time = steps.time_of[start : start + n_steps]
        shape = (n_steps, n_items)
        here = sparse.csr_array((np.ones(len(step), np.float32), (step, steps.item[cells])), shape=shape)
        goal = sparse.csr_array((strength[cells], (step, steps.item[cells])), shape=shape)
        from_step, to_step, share = [], [], []
        for gap in range(1, min(self.settings.max_gap, n_steps - 1) + 1):
            same = np.flatnonzero(users[gap:] == users[:-gap])
            from_step.append(same)
            to_step.append(same + gap)
            days = (time[same + gap] - time[same]) / DAY
            share.append((np.power(1.0 + days, -self.settings.days_power) / gap).astype(np.float32))
        if self.settings.together > 0:
            every = np.arange(n_steps)
            from_step.append(every)
            to_step.append(every)
            share.append(np.full(n_steps, self.settings.together, np.float32))
        if not share:
            return sparse.csr_array((n_items, n_items), dtype=np.float32)
        reach = sparse.csr_array(
            (np.concatenate(share), (np.concatenate(from_step), np.concatenate(to_step))),
            shape=(n_steps, n_steps),
        )
        return sparse.csr_array(here.T.tocsr() @ (reach @ goal))

    def _recent(self, histories: Interactions) -> sparse.csr_array:
        """(n_users, n_items) what is left of each own item's say."""
        starts = histories.starts
        place_from_last = starts[histories.user + 1] - 1 - np.arange(len(histories))
        late = histories.rows(place_from_last < self.settings.history_events)
        steps = steps_of(late)
        # The last step of a user has age 0.
        last_of = np.searchsorted(steps.user_of, np.arange(histories.n_users), side="right") - 1
        user = steps.user_of[steps.step]
        age = last_of[user] - steps.step
        days = (steps.time_of[last_of[user]] - steps.time_of[steps.step]) / DAY
        say = steps.weight * np.power(1.0 + age, -self.settings.age_power)
        say = say * np.power(1.0 + days, -self.settings.days_power)
        shape = (histories.n_users, len(self.item_ids))
        return sparse.csr_array((say.astype(np.float32), (user, steps.item)), shape=shape)

    def _score(self, histories: Interactions) -> Scores:
        found = self._recent(histories) @ self.transitions + self._habits(histories)
        return self.popularity.under(sparse.csr_array(found))

    def _habits(self, histories: Interactions) -> sparse.csr_array:
        """(n_users, n_items) how likely each own item is come back to."""
        chosen = self.settings
        return habits(
            histories, self.returns, itself=chosen.itself, half_life_days=chosen.habit_half_life_days
        )

    def _score_columns(self, histories: Interactions, columns: npt.NDArray[np.int64]) -> Scores:
        found = stepped(self._recent(histories), self.transitions, columns)
        return self.popularity.under(sparse.csr_array(found + self._habits(histories)[:, columns]), columns)

    def _filled(self, histories: Interactions, values: Scores) -> npt.NDArray[np.bool_]:
        return values < 0

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        recent = self._recent(history)
        parts = recent.data * self.transitions[recent.indices, :][:, [item]].toarray().ravel()
        habit = float(self._habits(history)[[0], :][:, [item]].sum())
        if habit > parts.max(initial=0):
            return habit_reason(history, item) or self.popularity.reason(item)
        if parts.max(initial=0) <= 0:
            return self.popularity.reason(item)
        source = int(recent.indices[int(parts.argmax())])
        source_id = str(self.item_ids[source])
        facts = {"after_item_id": source_id, "share": float(parts.max() / (parts.sum() + habit))}
        title = titles.get(source_id, source_id)
        said = (
            text("often bought after {title}", title=title)
            if self.target == PURCHASE
            else text("often next after {title}", title=title)
        )
        return Reason("follows", facts, said)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return (
            self.popularity.arrays()
            | self.returns.arrays()
            | packed_matrix("transition", self.counts)
            | {"transition_frequency": self.frequency}
        )

    def _restore(self, held: Saved) -> None:
        self.popularity = Popularity.restored(held)
        self.returns = Returns.restored(held)
        self.frequency = held.arrays["transition_frequency"]
        self.counts = unpacked_matrix("transition", held, len(self.item_ids))
        self._weigh()
