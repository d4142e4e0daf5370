"""A rule while it is being written: parts with places, and every change as a new rule.

A draft is rule JSON whose outermost part is a group. A place is where a part stands, counted through
the groups from the outermost one: `()` is the whole, `(1,)` its second part, `(1, 0)` the first part
of that. `not` takes no place of its own: it belongs to the part that it turns round. Groups may be
empty while a draft is written; `finished` leaves them out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from persmark.segments.rules import Rule

Place: TypeAlias = tuple[int, ...]

ALL, ANY, NONE, NOT_ALL = "all", "any", "none", "not all"
JOINS = (ALL, ANY, NONE, NOT_ALL)


@dataclass(frozen=True)
class Part:
    """One part of a draft.

    Attributes:
        place: Where it stands.
        rule: Its JSON without the `not` around it.
        opposite: Whether the opposite of it is asked for.
        join: Of a group: `all`, `any`, or with `opposite` `none` (not any), `not all`; None for a condition.
        n_parts: How many parts a group holds; 0 for a condition.
    """

    place: Place
    rule: Rule
    opposite: bool
    join: str | None
    n_parts: int

    @property
    def depth(self) -> int:
        """How many groups stand around it."""
        return len(self.place)

    @property
    def whole(self) -> Rule:
        """Its JSON, the `not` around it included."""
        return {"not": self.rule} if self.opposite else self.rule


def _peeled(rule: object) -> tuple[dict[str, Any], bool]:
    """A rule without the `not`s around it, and whether their number is odd."""
    if not isinstance(rule, Mapping):
        # No part at all, from a link or a paste: kept as one that the check refuses by what it is.
        return {str(rule)[:80]: None}, False
    opposite = False
    while isinstance(rule, dict) and set(rule) == {"not"} and isinstance(rule["not"], dict):
        rule, opposite = rule["not"], not opposite
    return dict(rule), opposite


def _word(rule: Rule) -> str | None:
    """The word that joins a group's parts; None for a condition."""
    for word in (ALL, ANY):
        if set(rule) == {word} and isinstance(rule[word], list | tuple):
            return word
    return None


def draft_of(rule: Rule | None) -> dict[str, Any]:
    """A rule as a draft: its outermost part is a group, `not`s are folded."""
    if not rule:
        return {ALL: []}
    inner, opposite = _peeled(rule)
    if _word(inner) is None:
        return {ALL: [_folded(dict(rule))]}
    found = _folded(dict(inner))
    return {"not": found} if opposite else found


def _folded(rule: Rule) -> dict[str, Any]:
    inner, opposite = _peeled(rule)
    word = _word(inner)
    if word is not None:
        inner = {word: [_folded(one) if isinstance(one, dict) else one for one in inner[word]]}
    return {"not": inner} if opposite else inner


def part_at(draft: Rule, place: Place) -> Part:
    """The part at a place.

    Raises:
        LookupError: Nothing stands there.
    """
    rule = draft
    for step in place:
        inner, _ = _peeled(rule)
        word = _word(inner)
        if word is None:
            raise LookupError(place)
        rule = inner[word][step]
    inner, opposite = _peeled(rule)
    word = _word(inner)
    join = word
    if word is not None and opposite:
        join = NONE if word == ANY else NOT_ALL
    return Part(place, inner, opposite, join, len(inner[word]) if word else 0)


def walk(draft: Rule, place: Place = ()) -> Iterator[Part]:
    """Every part, a group before what it holds, in the order of reading."""
    here = part_at(draft, place)
    yield here
    for step in range(here.n_parts):
        yield from walk(draft, (*place, step))


def _changed(
    draft: Rule, place: Place, change: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> dict[str, Any]:
    """The draft with the part at a place, its `not` included, put through `change`; None removes it."""
    if not place:
        found = change(copy.deepcopy(dict(draft)))
        return {ALL: []} if found is None else draft_of(found)
    inner, opposite = _peeled(draft)
    word = _word(inner)
    if word is None:
        raise LookupError(place)
    parts = list(inner[word])
    step, rest = place[0], place[1:]
    if rest:
        parts[step] = _changed_below(parts[step], rest, change)
    else:
        found = change(copy.deepcopy(parts[step]))
        parts[step : step + 1] = [] if found is None else [_folded(found)]
    return {"not": {word: parts}} if opposite else {word: parts}


_changed_below = _changed


def add(draft: Rule, group: Place, condition: Rule) -> dict[str, Any]:
    """A part put at the end of a group."""

    def put(found: dict[str, Any]) -> dict[str, Any]:
        inner, opposite = _peeled(found)
        word = _word(inner)
        if word is None:
            raise LookupError(group)
        made = {word: [*inner[word], _folded(condition)]}
        return {"not": made} if opposite else made

    return _changed(draft, group, put)


def replace(draft: Rule, place: Place, condition: Rule) -> dict[str, Any]:
    """Another condition in the place of one; whether its opposite is asked for stays."""
    opposite = part_at(draft, place).opposite
    return _changed(draft, place, lambda _: {"not": dict(condition)} if opposite else dict(condition))


def remove(draft: Rule, place: Place) -> dict[str, Any]:
    """The part taken out; a draft without any is everyone."""
    return _changed(draft, place, lambda _: None)


def turn_round(draft: Rule, place: Place) -> dict[str, Any]:
    """The opposite of the part."""
    return _changed(draft, place, lambda found: {"not": found})


def duplicate(draft: Rule, place: Place) -> dict[str, Any]:
    """The part once more, right behind it."""
    twin = part_at(draft, place).whole
    return _with_parts(
        draft, place[:-1], lambda parts: parts.insert(place[-1] + 1, copy.deepcopy(dict(twin)))
    )


def wrap(draft: Rule, place: Place, join: str = ANY) -> dict[str, Any]:
    """The part inside a group of its own, ready for others to join it."""
    return _changed(draft, place, lambda found: _joined([found], join))


def unwrap(draft: Rule, place: Place) -> dict[str, Any]:
    """The parts of a group put where the group stood.

    What the rule asks changes unless the group is joined as the one around it.
    """
    here = part_at(draft, place)
    if here.join is None or not place:
        return dict(draft)
    inside = list(here.rule[_word(here.rule) or ALL])

    def open_up(parts: list[Any]) -> None:
        parts[place[-1] : place[-1] + 1] = inside

    return _with_parts(draft, place[:-1], open_up)


def set_join(draft: Rule, place: Place, join: str) -> dict[str, Any]:
    """The parts of a group joined otherwise."""
    here = part_at(draft, place)
    return _changed(draft, place, lambda _: _joined(list(here.rule[_word(here.rule) or ALL]), join))


def move(draft: Rule, place: Place, by: int) -> dict[str, Any]:
    """The part moved up (-1) or down (1) among those of its group; at the end it stays."""

    def shift(parts: list[Any]) -> None:
        target = min(max(place[-1] + by, 0), len(parts) - 1)
        parts.insert(target, parts.pop(place[-1]))

    return _with_parts(draft, place[:-1], shift)


def move_into(draft: Rule, place: Place, group: Place) -> dict[str, Any]:
    """The part moved to the end of another group, which must not lie inside of it."""
    if group[: len(place)] == place:
        raise LookupError(group)
    moved = part_at(draft, place).whole
    left = remove(draft, place)
    # What stood behind the part in a group on the way moved up by one.
    depth = len(place) - 1
    if len(group) > depth and group[:depth] == place[:depth] and group[depth] > place[depth]:
        group = (*group[:depth], group[depth] - 1, *group[depth + 1 :])
    return add(left, group, moved)


def finished(draft: Rule) -> dict[str, Any] | None:
    """The draft as a rule: groups without a condition left out; None where nothing is asked."""
    inner, opposite = _peeled(draft)
    word = _word(inner)
    if word is None:
        return {"not": inner} if opposite else inner
    parts = [kept for kept in (finished(one) for one in inner[word]) if kept is not None]
    if not parts:
        return None
    return {"not": {word: parts}} if opposite else {word: parts}


def _joined(parts: list[Any], join: str) -> dict[str, Any]:
    made = {ALL if join in {ALL, NOT_ALL} else ANY: parts}
    return {"not": made} if join in {NONE, NOT_ALL} else made


def _with_parts(draft: Rule, group: Place, change: Callable[[list[Any]], None]) -> dict[str, Any]:
    """The draft with the list of a group's parts changed in place."""

    def put(found: dict[str, Any]) -> dict[str, Any]:
        inner, opposite = _peeled(found)
        word = _word(inner)
        if word is None:
            raise LookupError(group)
        parts = list(inner[word])
        change(parts)
        made: dict[str, Any] = {word: parts}
        return {"not": made} if opposite else made

    return _changed(draft, group, put)
