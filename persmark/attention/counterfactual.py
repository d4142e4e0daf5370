"""The fewest events without which an item would not be shown.

Single events are all tried. Pairs are tried among the events that carry most, then all events on one
item for the items that carry most. Beyond that, events go in the order of what they carry until the
item drops out, and those that turn out not to be needed come back. The set found is minimal (each of its
events is needed) and, up to two events, the smallest among those tried; a smaller one of three or more
could exist.

Where a variant costs much, the sum of the single removals foretells what a set would do, and only the
sets that should suffice are tried. A set that is told of was always taken away for real; but a smaller one
that works together could be passed over, and of a large one not every event may be needed.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from persmark.attention.faithfulness import AT_ONCE
from persmark.recommend.explained import Explained

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Found = TypeVar("Found")
# Asks for sets of units, and is told whether the item leaves the first k without each.
_Search = Generator[list[list[int]], Mask, Found]

# Pairs are sought among so many events; more are taken away one after the other up to `MOST_GONE`.
PAIRED = 12
MOST_GONE = 40
# Of a costly model: pairs that are tried, sizes around the foretold one, and what is pruned one by one.
LIKELY_PAIRS = 6
LIKELY_GROUPS = 4
AROUND = (0, 1, 2, 4, 8)
MOST_PRUNED = 6

# Items that ranks are counted among: those that score best with the whole history. Without some events one
# beyond them could come before; a rank that is told as k or less is one among them, and one that is told as
# above k is at least that.
CONTENDERS = 1_000


@dataclass(frozen=True, eq=False)
class Occluded:
    """What the removal of each single unit does to the items that contend, asked once for a whole slate.

    Args:
        whole: (n_items,) logits with everything.
        without: (n_units, n_columns) logits of the contenders without each unit.
        columns: (n_columns,) ascending, the contenders.
        allowed: (n_items,) items that may be ranked at all.
    """

    whole: npt.NDArray[np.floating]
    without: npt.NDArray[np.floating]
    columns: Ints
    allowed: Mask

    @classmethod
    def of(
        cls,
        explained: Explained,
        *,
        items: Ints | None = None,
        allowed: Mask | None = None,
        contenders: int = CONTENDERS,
    ) -> Occluded:
        """All single removals in one batch.

        Args:
            explained: The model bound to a history.
            items: Columns that will be asked about; they are among the contenders.
            allowed: (n_items,) items that may be ranked; all where left out.
            contenders: How many.
        """
        n_units = explained.n_units
        whole = explained.scores(np.ones((1, n_units), np.float32))[0]
        on = np.ones(len(whole), bool) if allowed is None else allowed
        columns = _best(whole, on, contenders)
        if items is not None:
            columns = np.union1d(columns, items)
        keep = np.ones((n_units, n_units), np.float32)
        keep[np.arange(n_units), np.arange(n_units)] = 0
        return cls(whole, asked_of(explained, keep, columns), columns.astype(np.int64), on)

    def effects(self, item: int) -> npt.NDArray[np.float64]:
        """(n_units,) signed change of the item's score: with everything minus without the unit."""
        whole, without = float(self.whole[item]), self.without[:, self._place(item)].astype(np.float64)
        known = np.isfinite(without) & np.isfinite(whole)
        return np.where(known, whole - np.where(known, without, 0), 0.0)

    def rank(self, item: int) -> int:
        """From 1, with everything; of equal scores the earlier column comes first, as in a slate."""
        return int(_ranks(self.whole[None], self.allowed, item)[0])

    def ranks_without(self, item: int) -> Ints:
        """(n_units,) from 1, without each unit, among the contenders."""
        return self.ranks(self.without, item)

    def ranks(self, scores: npt.NDArray[np.floating], item: int) -> Ints:
        """(n_variants,) from 1, by (n_variants, n_columns) scores of the contenders."""
        return _ranks(scores, self.allowed[self.columns], self._place(item))

    def foretold(self, item: int, sets: Sequence[Sequence[int]]) -> Ints:
        """(n_sets,) rank without each set of units, if what they do added up."""
        whole, lost = self._lost
        scores = np.array([whole - lost[list(gone)].sum(axis=0) for gone in sets])
        return self.ranks(scores.reshape(len(sets), len(whole)), item)

    @cached_property
    def _lost(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """(n_columns,) scores of the contenders, and (n_units, n_columns) what each unit adds to them."""
        whole = self.whole[self.columns].astype(np.float64)
        known = np.isfinite(self.without) & np.isfinite(whole)
        return whole, np.where(known, whole - np.where(known, self.without, 0), 0.0)

    def _place(self, item: int) -> int:
        return int(np.searchsorted(self.columns, item))


def _best(whole: npt.NDArray[np.floating], allowed: Mask, n: int) -> Ints:
    if len(whole) <= n:
        return np.arange(len(whole), dtype=np.int64)
    held = np.where(allowed, whole, -np.inf)
    return np.sort(np.argpartition(held, len(held) - n)[len(held) - n :]).astype(np.int64)


def asked_of(explained: Explained, keep: npt.NDArray[np.float32], columns: Ints) -> npt.NDArray[np.floating]:
    """(n_variants, n_columns) scores with the kept units, in batches."""
    parts = [
        explained.scores_of(keep[start : start + AT_ONCE], columns) for start in range(0, len(keep), AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, len(columns)))


def _ranks(scores: npt.NDArray[np.floating], allowed: Mask, place: int) -> Ints:
    own = scores[:, place : place + 1]
    before = scores > own
    before[:, :place] |= scores[:, :place] == own
    above: Ints = (before & allowed[None, :]).sum(axis=1)
    return above + 1


def smallest_set(
    explained: Explained,
    occluded: Occluded,
    item: int,
    *,
    k: int,
    groups: Sequence[Sequence[int]] = (),
) -> tuple[int, ...] | None:
    """`smallest_sets` of one item."""
    return smallest_sets(explained, occluded, [item], k=k, groups=groups)[0]


def smallest_sets(
    explained: Explained,
    occluded: Occluded,
    items: Sequence[int],
    *,
    k: int,
    groups: Sequence[Sequence[int]] = (),
) -> list[tuple[int, ...] | None]:
    """For each item units without which it is not among the first k, fewest first found.

    The searches go in step, so that what they try next is asked for in one batch.

    Args:
        explained: The model bound to the history.
        occluded: Its single removals.
        items: Columns of the items.
        k: Slate length, before slate rules.
        groups: Units that belong together, as all events on one item: what is easily told. Those that carry
            most are tried after the pairs.

    Returns:
        Places of the units, ascending; None where the item stays whatever is removed, or is not among
        the first k in the first place.
    """
    found: list[tuple[int, ...] | None] = [None] * len(items)
    searches = {
        place: _search(occluded, item, k, groups, costly=explained.costly) for place, item in enumerate(items)
    }
    heard: dict[int, Mask] = {}
    while searches:
        asked: dict[int, list[list[int]]] = {}
        for place, search in searches.items():
            try:
                asked[place] = search.send(heard[place]) if place in heard else next(search)
            except StopIteration as ended:
                found[place] = ended.value
        searches = {place: searches[place] for place in asked}
        keep = np.ones((sum(map(len, asked.values())), explained.n_units), np.float32)
        for row, gone in enumerate(gone for sets in asked.values() for gone in sets):
            keep[row, gone] = 0
        scores = asked_of(explained, keep, occluded.columns)
        heard, at = {}, 0
        for place, sets in asked.items():
            heard[place] = occluded.ranks(scores[at : at + len(sets)], items[place]) > k
            at += len(sets)
    return found


def _search(
    occluded: Occluded, item: int, k: int, groups: Sequence[Sequence[int]], *, costly: bool
) -> _Search[tuple[int, ...] | None]:
    if occluded.rank(item) > k:
        return None
    effects = occluded.effects(item)
    ranks = occluded.ranks_without(item)
    out = np.flatnonzero(ranks > k)
    if len(out):
        return (int(out[np.argmax(effects[out])]),)
    order = np.lexsort((-np.arange(len(effects)), -effects))
    order = order[effects[order] > 0]
    if not len(order):
        return None

    pairs = [list(pair) for pair in combinations(order[:PAIRED].tolist(), 2)]
    if costly:
        foretold = occluded.foretold(item, pairs)
        likely = sorted(range(len(pairs)), key=lambda at: (-foretold[at], -effects[pairs[at]].sum()))
        pairs = [pairs[at] for at in likely[:LIKELY_PAIRS]]
    whole = sorted((list(one) for one in groups if len(one) > 2), key=lambda one: -effects[one].sum())
    whole = whole[:LIKELY_GROUPS]
    hit = yield [*pairs, *whole]
    if hit[: len(pairs)].any():
        best = max(np.flatnonzero(hit[: len(pairs)]).tolist(), key=lambda place: effects[pairs[place]].sum())
        return tuple(sorted(pairs[best]))
    if hit.any():
        found = min((whole[at] for at in np.flatnonzero(hit[len(pairs) :]).tolist()), key=len)
        return tuple(sorted((yield from _needed(occluded, item, found, k, costly=costly))))

    grown = [order[:size].tolist() for size in range(3, min(len(order), MOST_GONE) + 1)]
    if costly and grown:
        enough = occluded.foretold(item, grown) > k
        first = int(enough.argmax()) if enough.any() else len(grown) - 1
        grown = [grown[at] for at in sorted({min(first + more, len(grown) - 1) for more in AROUND})]
    hit = yield grown
    if not hit.any():
        return None
    needed = yield from _needed(occluded, item, grown[int(hit.argmax())], k, costly=costly)
    return tuple(sorted(needed))


def _needed(occluded: Occluded, item: int, found: list[int], k: int, *, costly: bool) -> _Search[list[int]]:
    """Of a set without which the item drops out, what has to go; of a costly model about that."""
    if costly:
        lean = _lean(occluded, item, found, k)
        if len(lean) < len(found) and (yield [lean]).all():
            found = lean
        if len(found) > MOST_PRUNED:
            return found
    return (yield from _pruned(found))


def _lean(occluded: Occluded, item: int, gone: list[int], k: int) -> list[int]:
    """Without the units that should not be needed, the weakest left in first."""
    for unit in gone[::-1]:
        fewer = [one for one in gone if one != unit]
        if fewer and occluded.foretold(item, [fewer])[0] > k:
            gone = fewer
    return gone


def _pruned(gone: list[int]) -> _Search[list[int]]:
    """Without the units that are not needed, the weakest tried first."""
    while len(gone) > 1:
        fewer = [gone[:place] + gone[place + 1 :] for place in range(len(gone) - 1, -1, -1)]
        hit = yield fewer
        if not hit.any():
            break
        gone = fewer[int(hit.argmax())]
    return gone


def together(
    explained: Explained, occluded: Occluded, items: Ints, groups: Sequence[Sequence[int]]
) -> tuple[npt.NDArray[np.float64], Ints]:
    """What a set of units does to an item when all of it is gone, for pairs of both in one batch.

    Args:
        explained: The model bound to the history.
        occluded: Its single removals.
        items: (n_pairs,) columns, each among the contenders.
        groups: The units that go, for each item.

    Returns:
        (n_pairs,) signed change of the score, and (n_pairs,) rank without the set.
    """
    keep = np.ones((len(groups), explained.n_units), np.float32)
    for row, gone in enumerate(groups):
        keep[row, list(gone)] = 0
    scores = asked_of(explained, keep, occluded.columns).astype(np.float64)
    own = scores[np.arange(len(items)), np.searchsorted(occluded.columns, items)]
    ranks = [int(occluded.ranks(scores[row : row + 1], int(item))[0]) for row, item in enumerate(items)]
    return occluded.whole[items].astype(np.float64) - own, np.array(ranks, np.int64)
