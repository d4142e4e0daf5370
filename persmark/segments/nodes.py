"""A checked rule: the tree that `parse` makes of its JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Rule: TypeAlias = Mapping[str, Any]

# Field of an event or of its item -> the values that fit.
Fields: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class ColumnIs:
    """A profile column compared with a value; `value` is a tuple for `in`, `not in`, `between`."""

    column: str
    kind: str
    operator: str
    value: Any = None


@dataclass(frozen=True)
class EventCount:
    """How many events that fit `fields` a user has, and what money they come to.

    Attributes:
        fields: What an event must be.
        at_least: Fewest events; None = no bound on that side, as for all of them.
        at_most: Most events.
        within_days: Only events later than so many days before `as_of`.
        until_days: Only events not later than so many days before `as_of`.
        spent_at_least: Least sum of their `value`; a user without such events has 0.
        spent_at_most: Greatest sum of their `value`.
    """

    fields: Fields
    at_least: int | None = None
    at_most: int | None = None
    within_days: float | None = None
    until_days: float | None = None
    spent_at_least: float | None = None
    spent_at_most: float | None = None


@dataclass(frozen=True)
class EventSequence:
    """One event after the other, each at a later second than the one before.

    Attributes:
        steps: What each event must be, in time.
        within_days: From the first event to the last at most so long; None = any time.
        last_days: Only events later than so many days before `as_of`.
    """

    steps: tuple[Fields, ...]
    within_days: float | None = None
    last_days: float | None = None


@dataclass(frozen=True)
class PredictionIs:
    """A published prediction compared with a value; `value` is a tuple for `in`, `not in`, `between`."""

    target: str
    operator: str
    value: Any = None


@dataclass(frozen=True)
class OnList:
    """Membership of a kept list of users: a found group, a lookalike list, an upload."""

    name: str


@dataclass(frozen=True)
class InSegment:
    """Membership of another segment, with what that segment asks."""

    name: str
    node: Node


@dataclass(frozen=True)
class Both:
    """All (`every`) or at least one of the parts; no parts and `every` = everyone."""

    every: bool
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Opposite:
    """The users that `part` leaves out."""

    part: Node


Leaf: TypeAlias = ColumnIs | EventCount | EventSequence | PredictionIs | OnList
Node: TypeAlias = Leaf | InSegment | Both | Opposite


def leaves(node: Node) -> Iterator[Leaf]:
    """The conditions of a rule in reading order, those of the segments it speaks of included."""
    if isinstance(node, Both):
        for part in node.parts:
            yield from leaves(part)
    elif isinstance(node, Opposite):
        yield from leaves(node.part)
    elif isinstance(node, InSegment):
        yield from leaves(node.node)
    else:
        yield node
