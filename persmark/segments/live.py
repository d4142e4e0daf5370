"""Counts beside every part of a rule while it is written: each condition is asked of the store once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from persmark.segments.drafts import ALL, NOT_ALL, Part, Place, finished, part_at, remove, walk
from persmark.segments.rules import Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Marks = NDArray[np.bool_]

MarksOf = Callable[[Rule], "Marks"]


@dataclass(frozen=True)
class PartCount:
    """How many users one part of a draft speaks of.

    Attributes:
        part: Where it stands and what it says.
        n_users: For whom it holds on its own; None for a group without any condition.
        n_left: After it and the parts before it in its group, as the group joins them: those who are
            left where all must hold, those reached so far where one is enough. None as above.
        n_without: Users of the whole rule if this part were taken out. None as above, and for the whole.
    """

    part: Part
    n_users: int | None
    n_left: int | None
    n_without: int | None


def conditions(draft: Rule) -> list[Rule]:
    """The conditions of a draft without the `not`s around them, each once."""
    found: list[Rule] = []
    for part in walk(draft):
        if part.join is None and part.rule not in found:
            found.append(part.rule)
    return found


def holds(draft: Rule, n_all: int, marks_of: MarksOf) -> Marks:
    """For each user whether the finished draft holds; nothing asked is everyone.

    Args:
        draft: See `persmark.segments.drafts`.
        n_all: How many users there are.
        marks_of: Condition -> for each user whether it holds.
    """
    rule = finished(draft)
    return np.ones(n_all, np.bool_) if rule is None else _holds(part_at(rule, ()), rule, n_all, marks_of)


def _holds(part: Part, rule: Rule, n_all: int, marks_of: MarksOf) -> Marks:
    if part.join is None:
        found = marks_of(part.rule)
        return ~found if part.opposite else found
    every = part.join in {ALL, NOT_ALL}
    inside = [
        _holds(part_at(rule, (*part.place, step)), rule, n_all, marks_of) for step in range(part.n_parts)
    ]
    found = _running(inside, every)[-1] if inside else np.ones(n_all, np.bool_)
    return ~found if part.opposite else found


def _running(inside: Sequence[Marks], every: bool) -> list[Marks]:
    """What holds after each part: all so far, or any so far."""
    found: list[Marks] = []
    for one in inside:
        if found:
            found.append(found[-1] & one if every else found[-1] | one)
        else:
            found.append(one)
    return found


def part_counts(draft: Rule, n_all: int, marks_of: MarksOf) -> list[PartCount]:
    """The counts of every part, a group before what it holds, in the order of reading.

    Args:
        draft: See `persmark.segments.drafts`.
        n_all: How many users there are.
        marks_of: Condition -> for each user whether it holds.
    """
    left = dict(_left(draft, n_all, marks_of, ()))
    counted = []
    for part in walk(draft):
        if finished(part.whole) is None:
            counted.append(PartCount(part, None, None, None))
            continue
        alone = holds(part.whole, n_all, marks_of)
        without = None
        if part.place:
            without = int(holds(remove(draft, part.place), n_all, marks_of).sum())
        counted.append(PartCount(part, int(alone.sum()), left.get(part.place), without))
    return counted


def _left(draft: Rule, n_all: int, marks_of: MarksOf, place: Place) -> Iterator[tuple[Place, int]]:
    """Place -> users after it and those before it in its group."""
    around = part_at(draft, place)
    steps, inside = [], []
    for step in range(around.n_parts):
        part = part_at(draft, (*place, step))
        if part.join is not None:
            yield from _left(draft, n_all, marks_of, part.place)
        if finished(part.whole) is not None:
            steps.append(part.place)
            inside.append(holds(part.whole, n_all, marks_of))
    running = _running(inside, around.join in {ALL, NOT_ALL})
    yield from zip(steps, (int(one.sum()) for one in running), strict=True)
    if not place:
        yield (), int(holds(draft, n_all, marks_of).sum())
