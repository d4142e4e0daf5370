"""What was done, to what, and for how much."""

from __future__ import annotations

from decimal import Decimal
from difflib import get_close_matches

from persmark.columns import EVENT_TYPES
from persmark.events.names import fold
from persmark.events.quality.finding import (
    FINE,
    LOOK,
    PROBLEM,
    Finding,
    Look,
    example,
    level_of,
    percent,
    shown,
)
from persmark.events.rules import Cap, FoldType
from persmark.events.vocabulary import EVENT_TYPE_NAMES
from persmark.text import text

# More than so many kinds tell a model little of each (Amazon Personalize Developer Guide, "Analyzing
# quality and quantity of data in datasets").
_MOST_TYPES = 10
_MOST_CATEGORIES = 30
_MOST_UNKNOWN = 20  # unknown event types that get a line of their own
_FACTOR = 10  # an amount this many times above what 99 of 100 sales stay below is an outlier
_LEAST_SALES = 100  # below that, one sale in a hundred is no sale
_SHARED_BY = 2


def behaviour_findings(look: Look) -> list[Finding]:
    """Event types, items, orders, refunds, currencies and amounts."""
    return [
        *_types(look), *_items(look), _orders(look), *_refunds(look), *_currencies(look), *_channels(look),
        *_values(look),
    ]  # fmt: skip


def nearest_type(name: str) -> str | None:
    """The behaviour that a spelling surely means, or comes close to; None where there is none."""
    short = fold(name)
    if short in EVENT_TYPE_NAMES:
        return EVENT_TYPE_NAMES[short]
    spelled = {**{fold(one): one for one in EVENT_TYPES}, **EVENT_TYPE_NAMES}
    close = get_close_matches(short, list(spelled), n=1, cutoff=0.8)
    return spelled[close[0]] if close else None


def _types(look: Look) -> list[Finding]:
    types = look.rows("types")
    n_types = len(types)
    known = {row["event_type"] for row in types if row["event_type"] in EVENT_TYPES}
    unknown = [row for row in types if row["event_type"] not in EVENT_TYPES]
    n_unknown = sum(int(row["n_events"]) for row in unknown)
    found = [
        Finding(
            key="many_types",
            level=FINE if n_types <= _MOST_TYPES else LOOK,
            title=text("Event types"),
            text=text(
                "There are {n} event types; with more than {most}, fold those that mean the same.", n=n_types,
                most=_MOST_TYPES,
            ),
            n=n_types,
            of=_MOST_TYPES,
            examples=tuple(
                text("{type}: {n} events", type=shown(row["event_type"]), n=int(row["n_events"]))
                for row in types[:5]
            ),
        ),
        Finding(
            key="unknown_types",
            level=level_of(n_unknown, look.n_events, problem=0.5),
            title=text("Unknown event types"),
            text=text(
                "{n} of {of} events are of {n_types} types that have no common name.", n=n_unknown,
                of=look.n_events, n_types=len(unknown),
            )
            if unknown
            else text("All of {of} events are of types with a common name.", of=look.n_events),
            n=n_unknown,
            of=look.n_events,
            examples=tuple(example(row["event_type"]) for row in unknown[:5]),
        ),
    ]  # fmt: skip
    for row in unknown[:_MOST_UNKNOWN]:
        name, n = row["event_type"], int(row["n_events"])
        near = nearest_type(name)
        if near is None or near == name:
            continue
        found.append(
            Finding(
                key="type_spelling",
                level=LOOK,
                title=text("Another spelling"),
                text=text(
                    "{n} of {of} events are of type '{old}', which may be '{new}'{known}.", n=n,
                    of=look.n_events, old=shown(name), new=near,
                    known=text(", a type that is there as well") if near in known else "",
                ),
                n=n,
                of=look.n_events,
                examples=(example(name),),
                fix=FoldType(name, near),
            )
        )  # fmt: skip
    return found


def _items(look: Look) -> list[Finding]:
    (row,) = look.rows("items")
    n_items, n_once, n_known = int(row["n_items"]), int(row["n_once"]), int(row["n_known"])
    found = []
    if n_items:
        found.append(
            Finding(
                key="items_once",
                level=FINE if 2 * n_once <= n_items else LOOK,
                title=text("Items with one event"),
                text=text(
                    "{n} of {of} items ({share} %) have a single event.", n=n_once, of=n_items,
                    share=percent(n_once, n_items),
                ),
                n=n_once,
                of=n_items,
            )
        )  # fmt: skip
    if not n_known:
        return found
    unused, unknown = int(row["n_without_events"]), int(row["n_events_unknown"])
    found.append(
        Finding(
            key="items_unused",
            level=FINE if 2 * unused <= n_known else LOOK,
            title=text("Items without events"),
            text=text(
                "{n} of {of} items of the catalogue ({share} %) have no event.", n=unused, of=n_known,
                share=percent(unused, n_known),
            ),
            n=unused,
            of=n_known,
            examples=(example(row["an_unused"]),) if unused else (),
        )
    )  # fmt: skip
    found.append(
        Finding(
            key="items_unknown",
            level=level_of(unknown, int(row["n_events"]), problem=0.3),
            title=text("Items not in the catalogue"),
            text=text(
                "{n} of {of} events name one of {n_items} items that the catalogue does not hold.", n=unknown,
                of=int(row["n_events"]), n_items=int(row["n_unknown"]),
            )
            if unknown
            else text("The catalogue holds every item of {of} events.", of=int(row["n_events"])),
            n=unknown,
            of=int(row["n_events"]),
            examples=(example(row["an_unknown"]),) if unknown else (),
        )
    )  # fmt: skip
    return found


def _orders(look: Look) -> Finding:
    shared = look.rows("shared_orders")
    n = sum(int(row["n_events"]) for row in shared)
    worst = int(shared[0]["n_users"]) if shared else 0
    return Finding(
        key="shared_orders",
        level=FINE if not shared else PROBLEM if worst > 10 * _SHARED_BY else LOOK,
        title=text("Orders of several users"),
        text=text(
            "{orders} order ids with {n} of {of} events belong to several users, one of them to {worst}.",
            orders=len(shared), n=n, of=look.n_events, worst=worst,
        )
        if shared
        else text("No order id among {of} events belongs to more than one user.", of=look.n_events),
        n=n,
        of=look.n_events,
        examples=tuple(
            text("{order}: {n} users", order=shown(row["order_id"]), n=int(row["n_users"]))
            for row in shared[:5]
        ),
    )  # fmt: skip


def _refunds(look: Look) -> list[Finding]:
    rows = look.rows("lone_refunds")
    if not rows:
        return []
    n, of = int(rows[0]["n_alone"]), int(rows[0]["n_refunds"])
    return [
        Finding(
            key="lone_refunds",
            level=level_of(n, of, problem=0.5),
            title=text("Refunds without a purchase"),
            text=text(
                "{n} of {of} refunds ({share} %) have no earlier purchase of that item or order by that "
                "user: it may lie before the data begins.", n=n, of=of, share=percent(n, of),
            )
            if n
            else text("Each of {of} refunds has an earlier purchase.", of=of),
            n=n,
            of=of,
            examples=tuple(
                text("{user}: {item} on {time}", user=shown(row["user_id"]),
                     item=shown(row["item_id"] or "–"), time=row["event_time"])
                for row in rows
            ) if n else (),
        )
    ]  # fmt: skip


def _currencies(look: Look) -> list[Finding]:
    rows = look.rows("currencies")
    if not rows:
        return []
    of = sum(int(row["n_events"]) for row in rows)
    n = of - int(rows[0]["n_events"])
    return [
        Finding(
            key="currencies",
            level=level_of(n, of, problem=0.0),
            title=text("Several currencies"),
            text=text(
                "{n} of {of} amounts are not in {main} but in one of {others} other currencies: "
                "their sum means nothing.",
                n=n, of=of, main=shown(rows[0]["currency"]), others=len(rows) - 1,
            )
            if n
            else text("All of {of} amounts are in {main}.", of=of, main=shown(rows[0]["currency"])),
            n=n,
            of=of,
            examples=tuple(
                text("{currency}: {n} amounts", currency=shown(row["currency"]), n=int(row["n_events"]))
                for row in rows[:5]
            ),
        )
    ]  # fmt: skip


def _channels(look: Look) -> list[Finding]:
    (row,) = look.rows("n_channels")
    n = int(row["n_channels"])
    if not n:
        return []
    return [
        Finding(
            key="channels",
            level=FINE if n <= _MOST_CATEGORIES else LOOK,
            title=text("Channels"),
            text=text(
                "There are {n} channels; more than {most} are too many to compare.",
                n=n,
                most=_MOST_CATEGORIES,
            ),
            n=n,
            of=_MOST_CATEGORIES,
        )
    ]


def _values(look: Look) -> list[Finding]:
    rows = look.rows("value_levels", {"factor": _FACTOR})
    if not rows or int(rows[0]["n_all"] or 0) < _LEAST_SALES:
        return []
    (row,) = rows
    n, of = int(row["n_over"]), int(row["n_all"])
    high = Decimal(row["high"])
    maximum = high * _FACTOR
    return [
        Finding(
            key="value_outliers",
            level=level_of(n, of, problem=0.01),
            title=text("Amounts out of all proportion"),
            text=text(
                "{n} of {of} purchases and refunds are above {maximum}: {factor} times what 99 of 100 stay "
                "below ({high}).", n=n, of=of, maximum=float(maximum), factor=_FACTOR, high=float(high),
            )
            if n
            else text(
                "None of {of} purchases and refunds is above {maximum}: {factor} times what 99 of 100 stay "
                "below ({high}).", of=of, maximum=float(maximum), factor=_FACTOR, high=float(high),
            ),
            n=n,
            of=of,
            examples=(text("the largest: {value}", value=float(row["largest"])),) if n else (),
            fix=Cap("value", maximum) if n and maximum < 10**14 else None,
        )
    ]  # fmt: skip
