"""Refunds and cancellations net off: money always, orders where they were given back in full."""

from __future__ import annotations

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
