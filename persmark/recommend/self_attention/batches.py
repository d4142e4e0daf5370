"""What a training step is made of: rows of similar length, their queries, what follows, and what does not.

Rows are grouped by length, so that short histories are not padded to the longest. Every query is
asked for each item of the step after it. What does not follow is a set of items drawn for the whole
batch, the same for all its queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from persmark.recommend.self_attention.sequences import Events, Ints32, Ints64, Windows

# Rows are sorted by length within runs of this many, so that an epoch still mixes all users.
MIXED_ROWS = 8192


@dataclass(frozen=True, eq=False)
class Asked:
    """The distinct items of each step, which the query before it is asked for.

    Args:
        first: (n_steps + 1,) where each step's items start.
        item: (n_cells,) place in the catalogue.
        weight: (n_cells,) the largest of its events in the step.
        previous: (n_cells,) the user's latest earlier event on the item; -1 where none.
    """

    first: Ints64
    item: Ints32
    weight: npt.NDArray[np.float32]
    previous: Ints64

    @classmethod
    def of(cls, events: Events) -> Asked:
        """Of all steps."""
        n = len(events.item)
        order = np.lexsort((-events.weight, events.item, events.step))
        step, item = events.step[order], events.item[order]
        fresh = np.ones(n, bool)
        fresh[1:] = (step[1:] != step[:-1]) | (item[1:] != item[:-1])
        chosen = order[fresh]
        # An event's next one lies in a later step, or in its own; the last of a step speaks for it.
        previous = np.full(n, -1, np.int64)
        user = events.user_of[events.step]
        by_item = np.lexsort((np.arange(n), events.item, user))
        same = (np.diff(events.item[by_item]) == 0) & (np.diff(user[by_item]) == 0)
        before = np.full(n, -1, np.int64)
        before[by_item[1:][same]] = by_item[:-1][same]
        # Walk back over events of the same step.
        while True:
            inside = (before >= 0) & (events.step[np.maximum(before, 0)] == events.step)
            if not inside.any():
                break
            before = np.where(inside, before[np.maximum(before, 0)], before)
        previous = before[chosen]
        first = np.searchsorted(events.step[chosen], np.arange(events.n_steps + 1))
        return cls(first.astype(np.int64), events.item[chosen], events.weight[chosen], previous)


def pieces(events: Events, length: int, *, rng: np.random.Generator | None = None) -> tuple[Ints64, Ints64]:
    """Starts and stops of runs of at most `length` events that cover every user's history once.

    The first run of a user is of random length where `rng` is given, so that runs are cut elsewhere
    each time. A run ends where a step ends, unless the step alone is longer.
    """
    size = np.diff(events.starts)
    users = np.flatnonzero(size)
    offset = np.zeros(len(events.starts) - 1, np.int64)
    if rng is not None:
        long = size > length
        offset[long] = rng.integers(0, length, int(long.sum()))
    n_cuts = np.maximum(-(-(size[users] + offset[users]) // length), 1)
    row = np.repeat(np.arange(len(users)), n_cuts)
    number = np.arange(len(row)) - np.repeat(np.cumsum(n_cuts) - n_cuts, n_cuts)
    user = users[row]
    begin, end = events.starts[user], events.starts[user + 1]
    stop = np.minimum(begin + (number + 1) * length - offset[user], end)
    # Back to the end of a step, where that leaves anything.
    whole = events.first[events.step[np.maximum(stop - 1, 0)]]
    cut = stop < end
    cut &= events.first[events.step[np.maximum(stop - 1, 0)] + 1] != stop
    aligned = np.where(cut & (whole > begin), whole, stop)
    start = np.where(number == 0, begin, np.roll(aligned, 1))
    # What alignment moved to the next run may make it too long: its oldest events are left out.
    start = np.maximum(start, aligned - length)
    kept = aligned > start
    return start[kept], aligned[kept]


@dataclass(frozen=True, eq=False)
class Negatives:
    """How items that do not follow are drawn.

    Args:
        items: (n_known,) places of the items that occur in the training.
        chance: (n_known,) of being drawn first; sums to 1.
        most: How many are drawn for a batch.
    """

    items: Ints32
    chance: npt.NDArray[np.float64]
    most: int

    @classmethod
    def of(cls, events: Events, n_items: int, *, most: int, popularity_power: float) -> Negatives:
        """Items by their frequency to a power; 0 draws all alike."""
        count = np.bincount(events.item, minlength=n_items)
        items = np.flatnonzero(count)
        chance = count[items].astype(np.float64) ** popularity_power
        return cls(items.astype(np.int32), chance / chance.sum(), min(most, len(items)))

    def draw(self, rng: np.random.Generator) -> tuple[Ints32, npt.NDArray[np.float32]]:
        """Distinct items, and the log of how often each is drawn.

        Without replacement each item's chance of being among them is about 1 - (1 - p)^n.
        """
        if self.most == len(self.items):
            return self.items, np.zeros(len(self.items), np.float32)
        noisy = np.log(self.chance) + rng.gumbel(size=len(self.items))
        at = np.argpartition(-noisy, self.most)[: self.most]
        expected = -np.expm1(self.most * np.log1p(-self.chance[at]))
        return self.items[at], np.log(expected).astype(np.float32)


class Epoch:
    """The batches of one pass over the training, in a random order.

    Args:
        events: Of the training.
        asked: Their steps' items.
        negatives: How negatives are drawn.
        n_items: Size of the catalogue.
        length: Longest row.
        tokens: Events in a batch, padding included, about.
        event_dropout: Share of events that are hidden from the model.
        repeats: Whether a user's own items are weighed as candidates too.
        seed: Of all draws of this epoch.
    """

    def __init__(
        self,
        events: Events,
        asked: Asked,
        negatives: Negatives,
        *,
        n_items: int,
        length: int,
        tokens: int,
        event_dropout: float,
        repeats: bool,
        seed: tuple[int, int],
    ) -> None:
        self.events, self.asked, self.negatives, self.n_items = events, asked, negatives, n_items
        self.event_dropout, self.repeats, self.seed = event_dropout, repeats, seed
        rng = np.random.default_rng(seed)
        start, stop = pieces(events, length, rng=rng)
        # A run whose last step has no step after it is read to the step before only.
        final = events.step[stop - 1]
        ends = np.append(events.user_of[1:] != events.user_of[:-1], True)[final]
        stop = np.where(ends, np.maximum(events.first[final], start), stop)
        keep = stop > start
        self.start, self.stop = start[keep], stop[keep]
        self.rows = self._batches(rng, tokens)

    def _batches(self, rng: np.random.Generator, tokens: int) -> list[Ints64]:
        size = self.stop - self.start
        order = rng.permutation(len(size))
        made: list[Ints64] = []
        for begin in range(0, len(order), MIXED_ROWS):
            part = order[begin : begin + MIXED_ROWS]
            part = part[np.argsort(size[part], kind="stable")]
            at = 0
            while at < len(part):
                # As many rows as stay within `tokens` once padded to the longest of them.
                room = np.arange(1, len(part) - at + 1) * size[part[at:]] <= tokens
                n = max(int(np.argmin(room)) if not room.all() else len(room), 1)
                made.append(part[at : at + n])
                at += n
        return [made[place] for place in rng.permutation(len(made))]

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, number: int) -> dict[str, npt.NDArray[np.generic]]:
        """One batch as named flat arrays, so that every length may differ from batch to batch.

        `row` (n_rows,) gives the number of rows, `real_query` (n_real,) that of the queries, and
        `negative` that of the items drawn; the rest unfolds by these.
        """
        rng = np.random.default_rng((*self.seed, number + 1))
        rows, events, asked = self.rows[number], self.events, self.asked
        start, stop = self.start[rows], self.stop[rows]
        windows = Windows.of(events, start, stop)
        base, last = events.step[start], events.step[stop - 1]
        n_queries = int((last - base).max()) + 1
        # Real queries, flat, and the items asked of each.
        local = np.arange(n_queries)
        row, place = np.nonzero(local <= (last - base)[:, None])
        step_after = base[row] + place + 1
        n_asked = asked.first[step_after + 1] - asked.first[step_after]
        query = np.repeat(np.arange(len(row)), n_asked)
        within = np.arange(len(query)) - np.repeat(np.cumsum(n_asked) - n_asked, n_asked)
        cell = asked.first[step_after][query] + within
        item, previous = asked.item[cell], asked.previous[cell]

        drawn, log_expected = self.negatives.draw(rng)
        column = np.full(self.n_items, -1, np.int64)
        column[drawn] = np.arange(len(drawn))
        clash = np.zeros((len(row), len(drawn)), bool)
        hit = column[item] >= 0
        clash[query[hit], column[item[hit]]] = True
        shown = (rng.random(windows.item.shape) >= self.event_dropout) & (windows.item > 0)
        made: dict[str, npt.NDArray[np.generic]] = {
            "row": np.arange(len(rows), dtype=np.int32),
            "item": windows.item,
            "kind": windows.kind,
            "gap": windows.gap,
            "step": windows.step,
            "query": np.where(local <= (last - base)[:, None], local, -1).astype(np.int32),
            "shown": shown.astype(np.float32),
            "real_query": (row * n_queries + place).astype(np.int32),
            "asked_query": query.astype(np.int32),
            "asked_item": item + 1,
            "asked_weight": asked.weight[cell],
            "negative": drawn + 1,
            "log_expected": log_expected,
        }
        if self.repeats:
            inside = previous >= start[row][query]
            own_row, own_place = np.nonzero((windows.item > 0) & (column[windows.item - 1] >= 0))
            of_row = np.zeros((len(rows), len(drawn)), bool)
            of_row[own_row, column[windows.item[own_row, own_place] - 1]] = True
            clash |= of_row[row]
            since = (step_after - 1)[query] - events.step[np.maximum(previous, 0)]
            made |= {
                "count": windows.count,
                "again": windows.again,
                "asked_own": inside.astype(np.float32),
                "asked_since": np.where(inside, since, 0).astype(np.int32),
                "asked_count": np.where(inside, events.count[np.maximum(previous, 0)], 0).astype(np.int32),
            }
        made["clash"] = clash.astype(np.float32)
        return {name: array.ravel() for name, array in made.items()}
