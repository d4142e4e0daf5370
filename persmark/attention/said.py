"""Events in words: which ones speak for an item, and without which it would not be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from persmark.columns import CART, CLICK, LIKE, PURCHASE, VIEW
from persmark.recommend import Interactions
from persmark.recommend.profile_fields import field_title
from persmark.text import Text, text

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# One event, several events.
_NOUNS: Mapping[str, tuple[str, str]] = MappingProxyType({
    PURCHASE: ("the purchase of {what}", "the {n} purchases of {what}"),
    VIEW: ("the look at {what}", "the {n} looks at {what}"),
    CLICK: ("the click on {what}", "the {n} clicks on {what}"),
    CART: ("{what} in the cart", "{what} in the cart {n} times"),
    LIKE: ("the like of {what}", "the {n} likes of {what}"),
})  # fmt: skip
_OTHER = ("the event on {what}", "the {n} events on {what}")
_ONE_HABIT, _HABIT = "{events} speaks most for it", "{events} speak most for it"
# Names told in one sentence; the rest are counted.
MOST_NAMED = 2


@dataclass(frozen=True, eq=False)
class Past:
    """The events that an explanation can take away, oldest first.

    Args:
        item_ids: (n_events,) ids.
        titles: Their titles, ids where there are none.
        categories: "" where unknown.
        event_types: Names.
        times: (n_events,) epoch seconds.
        time_zone: Of the days and months in words.
    """

    item_ids: tuple[str, ...]
    titles: tuple[str, ...]
    categories: tuple[str, ...]
    event_types: tuple[str, ...]
    times: Ints
    time_zone: str

    def __len__(self) -> int:
        return len(self.item_ids)

    @classmethod
    def of(
        cls,
        history: Interactions,
        chosen: Ints,
        titles: Mapping[str, str],
        categories: Mapping[str, str],
        time_zone: str,
    ) -> Self:
        """The chosen events (places) of one user."""
        ids = tuple(str(one) for one in history.item_ids[history.item[chosen]])
        return cls(
            item_ids=ids,
            titles=tuple(titles.get(one, one) for one in ids),
            categories=tuple(categories.get(one) or "" for one in ids),
            event_types=tuple(history.event_types[kind] for kind in history.event_type[chosen]),
            times=history.time[chosen],
            time_zone=time_zone,
        )

    def local(self, place: int) -> datetime:
        """When one event was, by the workspace's clock."""
        return datetime.fromtimestamp(int(self.times[place]), UTC).astimezone(ZoneInfo(self.time_zone))


def when(past: Past, chosen: Sequence[int]) -> Text:
    """The day of one event, the month or months of several."""
    first, last = (
        past.local(min(chosen, key=lambda at: past.times[at])),
        past.local(max(chosen, key=lambda at: past.times[at])),
    )
    if first.date() == last.date():
        return text("on {day}", day=f"{first.day} {first:%b %Y}")
    if (first.year, first.month) == (last.year, last.month):
        return text("in {month}", month=f"{first:%B %Y}")
    if first.year == last.year:
        return text("from {first} to {last}", first=f"{first:%B}", last=f"{last:%B %Y}")
    return text("from {first} to {last}", first=f"{first:%B %Y}", last=f"{last:%B %Y}")


def told(past: Past, chosen: Sequence[int]) -> Text:
    """Some events in words: "the 3 purchases of Corn Flakes in May 2017".

    Events on one item are told by its title, on several items of one category by the category; else
    the items with most events are named and the rest are counted.
    """
    kinds = {past.event_types[at] for at in chosen}
    one, many = _NOUNS.get(next(iter(kinds)), _OTHER) if len(kinds) == 1 else _OTHER
    items = list(dict.fromkeys(past.item_ids[at] for at in chosen))
    groups = {past.categories[at] for at in chosen}
    what: Text | str
    if len(items) == 1:
        what = past.titles[chosen[0]]
    elif len(groups) == 1 and "" not in groups:
        what = next(iter(groups))
    else:
        counted = {item: sum(past.item_ids[at] == item for at in chosen) for item in items}
        order = sorted(items, key=lambda item: (-counted[item], items.index(item)))
        title_of = {past.item_ids[at]: past.titles[at] for at in chosen}
        named = [title_of[item] for item in order[:MOST_NAMED]]
        rest = len(items) - len(named)
        what = text("{named} and {n} more items", named=", ".join(named), n=rest)
        if rest == 1:
            what = text("{named} and 1 more item", named=", ".join(named))
        if rest == 0:
            what = text("{first} and {last}", first=named[0], last=named[1])
    said = Text(one, {"what": what}) if len(chosen) == 1 else Text(many, {"what": what, "n": len(chosen)})
    return text("{events} {when}", events=said, when=when(past, chosen))


@dataclass(frozen=True)
class Habit:
    """All events on one item, which together speak most for what is explained.

    Args:
        events: Their places.
        rank_without: Of the explained item when all of them are gone, from 1.
    """

    events: tuple[int, ...]
    rank_without: int


def said_of(
    past: Past,
    fields: Sequence[str],
    effects: Floats,
    gone: tuple[int, ...] | None,
    *,
    rank: int,
    k: int,
    habit: Habit | None = None,
) -> Text:
    """One sentence on one item.

    Args:
        past: The events.
        fields: Names of the profile's fields, which follow the events among the units.
        effects: (n_units,) signed change of the score.
        gone: The units without which it is not among the first k; None where there are none.
        rank: Of the item, from 1.
        k: Slate length.
        habit: What carries it where no set was found without which it goes; the single event that does
            most where left out.
    """
    n = len(past)
    if gone:
        events, others = [at for at in gone if at < n], [fields[at - n] for at in gone if at >= n]
        parts: list[Text | str] = [told(past, events)] if events else []
        if others:
            parts.append(
                text("what is known of them ({fields})", fields=", ".join(field_title(one) for one in others))
            )
        what = parts[0] if len(parts) == 1 else text("{a} and {b}", a=parts[0], b=parts[1])
        return text("without {what} this would not be among the first {k}", what=what, k=k)
    own = effects[:n]
    if habit is not None:
        return _said_of_habit(told(past, habit.events), len(habit.events), habit.rank_without, rank, k)
    if n and own.max() > 0:
        best = int(np.lexsort((-np.arange(n), -own))[0])
        held = told(past, [best])
        if rank <= k:
            return text("{events} speaks most for it; it would stay among the first {k} without it",
                        events=held, k=k)  # fmt: skip
        return text("{events} speaks most for it; it is number {rank}", events=held, rank=rank)
    if len(effects) > n and effects[n:].max() > 0:
        field = field_title(fields[int(effects[n:].argmax())])
        return text("nothing they did speaks for it; what is known of them does ({field})", field=field)
    return text("nothing they did speaks for it: it is popular")


def _said_of_habit(events: Text, n_events: int, without: int, rank: int, k: int) -> Text:
    one = n_events == 1
    if rank > k:
        said = _ONE_HABIT if one else _HABIT
        return text(said + "; it is number {rank}", events=events, rank=rank)
    if without <= rank:
        said = f"{_ONE_HABIT}; it would stay" if one else f"{_HABIT}; it would stay"
        them = "it" if one else "them"
        return text(f"{said} number {{rank}} without {them}", events=events, rank=rank)
    said = f"{_ONE_HABIT}; without it," if one else f"{_HABIT}; without them"
    return text(
        f"{said} it would be number {{without}} instead of {{rank}}",
        events=events, without=without, rank=rank,
    )  # fmt: skip


def carried_by(past: Past, habit: Habit, *, k: int | None) -> Text:
    """What carries an item, in the few words of a card.

    Args:
        past: The events.
        habit: Those that carry it.
        k: Slate length, where not being among the first k may be told; else None.
    """
    events, one = told(past, habit.events), len(habit.events) == 1
    if k is not None and habit.rank_without > k:
        return text("without {what} this would not be among the first {k}", what=events, k=k)
    return text(_ONE_HABIT if one else _HABIT, events=events)
