"""Histories as a model reads them: events in steps, cut to windows, padded to one length.

All events of one user at one moment are one step (a basket). A query stands at the end of a step and
sees the events of that step and of earlier ones; what is asked of it is the step after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from persmark.recommend.interactions import Interactions

Ints32 = npt.NDArray[np.int32]
Ints64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# Gaps between steps: bucket 0 has none before it, then a bucket for each doubling of a minute.
GAP_BUCKETS = 26
# Distances in steps: one bucket each up to here, then three a doubling.
NEAR_STEPS = 12
STEP_BUCKETS = 32
# Distances beyond this share the last bucket.
FARTHEST = 4096
# How often a user has come to an item: 1, 2, 3-4, 5-8, ... times.
COUNT_BUCKETS = 8
# The step of padding, later than any query.
NEVER = np.int32(1 << 30)


def gap_bucket(seconds: Ints64) -> Ints32:
    """Time since the step before as a bucket from 1; 0 is kept for a first step."""
    doublings = np.floor(np.log2(1 + np.maximum(seconds, 0) / 60.0))
    bucket: Ints32 = np.minimum(1 + doublings, GAP_BUCKETS - 1).astype(np.int32)
    return bucket


def step_buckets(most: int) -> Ints32:
    """(most + 1,) the bucket of each distance in steps, 0 to `most`."""
    distance = np.arange(most + 1)
    far = NEAR_STEPS + np.floor(3 * np.log2(np.maximum(distance, NEAR_STEPS) / NEAR_STEPS))
    return np.minimum(np.where(distance < NEAR_STEPS, distance, far), STEP_BUCKETS - 1).astype(np.int32)


def count_bucket(count: npt.NDArray[np.integer]) -> Ints32:
    """How often, from 1, as a bucket from 0."""
    bucket: Ints32 = np.minimum(np.ceil(np.log2(np.maximum(count, 1))), COUNT_BUCKETS - 1).astype(np.int32)
    return bucket


@dataclass(frozen=True, eq=False)
class Events:
    """Events of many users in the order of users and time; what was looked up once for each.

    Args:
        item: (n_events,) place in the catalogue.
        kind: (n_events,) place of the event type among those trained on, from 1; 0 where unknown.
        gap: (n_events,) bucket of the time since the user's step before.
        step: (n_events,) number of the step, ascending over all users.
        count: (n_events,) bucket of how often the user had come to the item by then.
        again: (n_events,) step of the same user's next event on the item; `len(steps)` where none.
        weight: (n_events,) of the event.
        starts: (n_users + 1,) where each user's events start.
        first: (n_steps + 1,) where each step's events start.
        user_of: (n_steps,) the user of each step.
    """

    item: Ints32
    kind: Ints32
    gap: Ints32
    step: Ints64
    count: Ints32
    again: Ints64
    weight: npt.NDArray[np.float32]
    starts: Ints64
    first: Ints64
    user_of: Ints64

    @classmethod
    def of(cls, histories: Interactions, kinds: Sequence[str]) -> Self:
        """Read histories with the event types of a training."""
        user, time, n = histories.user, histories.time, len(histories)
        place = {name: number + 1 for number, name in enumerate(kinds)}
        kind_of = np.array([place.get(name, 0) for name in histories.event_types], np.int32)
        fresh = np.ones(n, bool)
        fresh[1:] = (user[1:] != user[:-1]) | (time[1:] != time[:-1])
        step = np.cumsum(fresh) - 1
        first = np.flatnonzero(fresh)
        user_of, time_of = user[first].astype(np.int64), time[first]
        gap = np.zeros(len(first), np.int32)
        if len(first) > 1:
            same = user_of[1:] == user_of[:-1]
            gap[1:] = np.where(same, gap_bucket(np.diff(time_of)), 0)
        order = np.lexsort((np.arange(n), histories.item, user))
        run = np.ones(n, bool)
        run[1:] = (np.diff(histories.item[order]) != 0) | (np.diff(user[order]) != 0)
        run_start = np.maximum.accumulate(np.where(run, np.arange(n), 0))
        count, again = np.empty(n, np.int32), np.full(n, len(first), np.int64)
        count[order] = count_bucket(np.arange(n) - run_start + 1)
        follows = np.flatnonzero(~run)
        again[order[follows - 1]] = step[order[follows]]
        return cls(
            item=histories.item,
            kind=kind_of[histories.event_type],
            gap=gap[step],
            step=step,
            count=count,
            again=again,
            weight=histories.weight,
            starts=histories.starts,
            first=np.append(first, n).astype(np.int64),
            user_of=user_of,
        )

    @property
    def n_steps(self) -> int:
        """Steps of all users."""
        return len(self.user_of)

    def latest(self, users: Ints64, most: int) -> tuple[Ints64, Ints64]:
        """Start and stop of each of these users' latest events, at most `most` of them."""
        stop = self.starts[users + 1]
        return np.maximum(self.starts[users], stop - most), stop


@dataclass(frozen=True, eq=False)
class Windows:
    """Rows of events, padded behind to one length.

    Args:
        item: (n_rows, length) place in the catalogue, from 1; 0 is padding.
        kind: (n_rows, length).
        gap: (n_rows, length).
        step: (n_rows, length) from 0 in each row; `NEVER` where padded.
        count: (n_rows, length).
        again: (n_rows, length) step in the row of the next event on the same item, or `NEVER`.
        event: (n_rows, length) place in the events; -1 where padded.
    """

    item: Ints32
    kind: Ints32
    gap: Ints32
    step: Ints32
    count: Ints32
    again: Ints32
    event: Ints64

    @classmethod
    def of(cls, events: Events, start: Ints64, stop: Ints64) -> Self:
        """The events from `start` to `stop` of each row; no row may be longer than what is padded to."""
        length = max(int((stop - start).max(initial=0)), 1)
        place = start[:, None] + np.arange(length)
        real = place < stop[:, None]
        place = np.where(real, place, 0)
        if not len(events.item):
            none = np.zeros(place.shape, np.int32)
            return cls(none, none, none, none + NEVER, none, none + NEVER, none.astype(np.int64) - 1)
        base = events.step[np.minimum(start, len(events.step) - 1)][:, None]
        last = events.step[np.maximum(stop - 1, 0)][:, None]
        again = np.where(events.again[place] <= last, events.again[place] - base, NEVER)
        return cls(
            item=np.where(real, events.item[place] + 1, 0).astype(np.int32),
            kind=np.where(real, events.kind[place], 0).astype(np.int32),
            gap=np.where(real, events.gap[place], 0).astype(np.int32),
            step=np.where(real, events.step[place] - base, NEVER).astype(np.int32),
            count=np.where(real, events.count[place], 0).astype(np.int32),
            again=np.where(real, again, NEVER).astype(np.int32),
            event=np.where(real, place, -1),
        )

    @property
    def last_step(self) -> Ints32:
        """(n_rows,) step of each row's last event; 0 in an empty row."""
        last: Ints32 = np.where(self.item > 0, self.step, 0).max(axis=1)
        return last
