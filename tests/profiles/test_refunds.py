"""Refunds and cancellations net off: money always, orders where they were given back in full."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from persmark.profiles import build_profiles, profile
from tests.profiles.made import event, workspace

NAMES = ("n_purchases", "monetary", "average_order_value", "last_purchase_time", "lifecycle", "n_events")
DAY = "2026-01-{:02}T10:00:00"


def buy(day: int, item: str | None, value: float | None, order: str | None = None) -> dict[str, Any]:
    more = {} if value is None else {"value": value}
    return event("张 O'N", "purchase", DAY.format(day), item, order_id=order, **more)


def give(day: int, item: str | None, value: float | None, order: str | None = None) -> dict[str, Any]:
    more = {} if value is None else {"value": value}
    return event("张 O'N", "refund", DAY.format(day), item, order_id=order, **more)


TWO_ORDERS = [buy(1, "a", 10, "1"), buy(1, "b", 5, "1"), buy(9, "a", 10, "2")]

# What happened -> orders, money, mean order, day of the last order.
CASES: dict[str, tuple[list[dict[str, Any]], tuple[int, float | None, float | None, int | None]]] = {
    "nothing given back": (TWO_ORDERS, (2, 25, 12.5, 9)),
    "a part of an order, under its id": ([*TWO_ORDERS, give(10, "b", -5, "1")], (2, 20, 12.5, 9)),
    "a part of a line, under another id": ([*TWO_ORDERS, give(10, "a", -4, "C3")], (2, 21, 12.5, 9)),
    "an order in full, under its id": ([*TWO_ORDERS, give(10, None, -10, "2")], (1, 15, 15, 1)),
    "an order in full, line by line": (
        [*TWO_ORDERS, give(10, "a", -10, "1"), give(11, "b", -5, "1")], (1, 10, 10, 9),
    ),
    "an order in full, under another id": (
        # The other purchase of a is the later one, but it came after.
        [*TWO_ORDERS, give(8, "a", -10, "C3"), give(8, "b", -5, "C3")], (1, 10, 10, 9),
    ),
    "the latest of equal purchases": ([*TWO_ORDERS, give(10, "a", -10, "C3")], (1, 15, 15, 1)),
    "then the one before it": (
        [*TWO_ORDERS, give(10, "a", -10, "C3"), give(11, "a", -10, "C4"), give(11, "b", -5)],
        (0, 0, None, None),
    ),
    "bought again after it was given back": (
        [*TWO_ORDERS, give(10, "a", -10, "C3"), buy(12, "a", 10, "4")], (2, 25, 12.5, 12),
    ),
    "a refund without order": ([*TWO_ORDERS, give(10, "a", -10)], (1, 15, 15, 1)),
    "a refund without order and item": ([*TWO_ORDERS, give(10, None, -10)], (2, 15, 12.5, 9)),
    "of something bought before the file begins": (
        [give(1, "a", -10, "C0"), buy(2, "a", 10, "1"), give(3, "z", -7, "C1")], (1, -7, 10, 2),
    ),
    "half under its id and half under another": (
        [*TWO_ORDERS, give(2, "a", -10, "1"), give(3, "b", -5, "C3")], (1, 10, 10, 9),
    ),
    "without order ids": ([buy(1, "a", 10), buy(9, "a", 10), give(10, "a", -10)], (1, 10, 10, 1)),
    "without money": (
        [buy(1, "a", None, "1"), buy(1, "b", None, "1"), buy(9, "a", None, "2"), give(10, "a", None)],
        (1, None, None, 1),
    ),
    "a line of two, without money": (
        [buy(1, "a", None, "1"), buy(1, "b", None, "1"), give(10, "a", None, "1")], (1, None, None, 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_was_given_back(tmp_path: Path, name: str) -> None:
    events, (n_orders, money, mean, last) = CASES[name]
    other = event("other", "purchase", DAY.format(1), "a", order_id="C3", value=10)
    made = workspace(tmp_path, [*events, other])
    build_profiles(made, as_of=datetime(2026, 1, 31), actor="test")
    with made.reader() as reader:
        found, untouched = profile(reader, "张 O'N"), profile(reader, "other")
    assert found is not None
    assert untouched is not None
    assert [found[key] for key in NAMES] == [
        n_orders,
        None if money is None else Decimal(money),
        mean,
        datetime(2026, 1, last, 10) if last else None,
        "new" if last else "never_purchased",
        len(events),
    ]
    assert found["frequency"] == n_orders
    assert (untouched["n_purchases"], untouched["monetary"]) == (1, 10)


def test_before_it_was_given_back_the_order_stood(tmp_path: Path) -> None:
    made = workspace(tmp_path, [*TWO_ORDERS, give(10, "a", -10, "C3")])
    build_profiles(made, as_of=datetime(2026, 1, 10), actor="test")
    with made.reader() as reader:
        found = profile(reader, "张 O'N")
    assert found is not None
    assert (found["n_purchases"], found["monetary"]) == (2, 25)


def kept_orders(events: list[dict[str, Any]]) -> int:
    """The rule read aloud: one user's orders that were not given back in full."""
    orders: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    back: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    piles: dict[Any, list[dict[str, Any]]] = defaultdict(list)

    def order_of(line: dict[str, Any]) -> Any:
        return line["order_id"] or line["event_time"]

    for line in events:
        if line["event_type"] == "purchase":
            orders[order_of(line)].append(line)
    for one in sorted(
        events,
        key=lambda one: (one["event_time"], one["event_type"] == "refund", one["order_id"] or "~"),
    ):
        amount = abs(one.get("value", 0))
        pile = piles[one["item_id"], amount]
        if one["event_type"] == "purchase":
            pile.append(one)
        elif one["order_id"] in orders:
            back[one["order_id"]].append(one)
        elif one["item_id"] and pile:
            taken = pile.pop()
            back[order_of(taken)].append({"value": -taken["value"]} if "value" in taken else {})
    n_kept = 0
    for name, lines in orders.items():
        money = [line["value"] for line in lines if "value" in line]
        given = back[name]
        if not given:
            n_kept += 1
        elif money:
            n_kept += sum(money) + sum(one.get("value", 0) for one in given) > 0
        else:
            n_kept += len(given) < len(lines)
    return n_kept


@pytest.mark.parametrize("seed", [0, 1])
def test_purchases_and_refunds_by_chance(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    events = []
    for user in range(150):
        for _ in range(chance.randint(1, 14)):
            kind = chance.choice(("purchase", "purchase", "refund"))
            money = chance.choice((None, 5, 10))
            sign = -1 if kind == "refund" else 1
            events.append(
                event(
                    f"u{user}", kind, DAY.format(chance.randint(1, 9)), chance.choice(("a", "a", "b", None)),
                    order_id=chance.choice((None, "1", "2", "3", "C4")),
                    **({} if money is None else {"value": sign * money}),
                )
            )  # fmt: skip
    made = workspace(tmp_path, events)
    build_profiles(made, actor="test")
    with made.reader() as reader:
        found = dict(reader.rows("SELECT user_id, n_purchases FROM profiles"))
    theirs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in events:
        theirs[one["user_id"]].append(one)
    assert found == {user: kept_orders(rows) for user, rows in theirs.items()}
    assert len(events) > sum(found.values()) > 0
