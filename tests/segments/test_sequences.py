"""Sequences and money by hand, second by second."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from persmark.errors import InputError
from persmark.profiles import build_profiles
from persmark.segments import count, members
from persmark.store import Reader
from tests.profiles.made import event, workspace

VIEW, CART, BUY = {"event_type": "view"}, {"event_type": "cart"}, {"event_type": "purchase"}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """As of 2026-03-31: `at once` does all in one second, `week` buys exactly 7 days after the view."""
    made = workspace(
        tmp_path_factory.mktemp("sequences"),
        [
            event("at once", "view", "2026-03-10T10:00:00", "milk"),
            event("at once", "cart", "2026-03-10T10:00:00", "milk"),
            event("at once", "purchase", "2026-03-10T10:00:00", "milk", value=10),
            event("week", "view", "2026-03-01T00:00:00", "milk"),
            event("week", "purchase", "2026-03-08T00:00:00", "loaf", value=4),
            event("week", "refund", "2026-03-08T00:00:01", "loaf", value=-4),
            event("late", "view", "2026-01-01T00:00:00", "loaf"),
            event("late", "view", "2026-03-01T00:00:00", "loaf"),
            event("late", "purchase", "2026-03-08T00:00:01", "milk"),
            event("back", "purchase", "2026-03-01T00:00:00", "milk", value=2.5),
            event("back", "view", "2026-03-02T00:00:00", "milk"),
            # The nearest view lies before the cart, the only one in time after it.
            event("path", "view", "2026-03-01T00:00:00", "milk"),
            event("path", "cart", "2026-03-03T00:00:00", "milk"),
            event("path", "view", "2026-03-04T00:00:00", "loaf"),
            event("path", "purchase", "2026-03-05T00:00:00", "milk", value=30),
            # Before the first second that computers count from, and across it.
            event("old", "view", "1969-12-31T23:59:59", "milk"),
            event("old", "purchase", "1970-01-01T00:00:01", "milk", value=1),
        ],
        items=[{"item_id": "milk", "category": "dairy"}, {"item_id": "loaf", "category": "bread"}],
    )
    build_profiles(made, as_of=datetime(2026, 3, 31), actor="test")
    with made.reader() as opened:
        yield opened


def sequence(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"sequence": list(steps), **more}


SECOND = 1 / 86_400


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (sequence(VIEW, BUY), ["late", "old", "path", "week"]),
        (sequence(VIEW, BUY, within_days=7), ["old", "path", "week"]),
        (sequence(VIEW, BUY, within_days=7 + SECOND), ["late", "old", "path", "week"]),
        (sequence(VIEW, BUY, within_days=7 - SECOND), ["old", "path"]),
        (sequence(VIEW, BUY, within_days=2 * SECOND), ["old"]),
        (sequence(VIEW, BUY, within_days=SECOND), []),
        (sequence(VIEW, BUY, within_days=SECOND / 4), []),
        (sequence(BUY, VIEW, within_days=7), ["back"]),
        (sequence(VIEW, VIEW), ["late", "path"]),
        (sequence(VIEW, VIEW, within_days=3), ["path"]),
        (sequence({}, {}), ["back", "late", "old", "path", "week"]),
        (sequence(VIEW, BUY, last_days=30.5), ["late", "path", "week"]),
        # 2026-03-01 is exactly 30 days before, so outside the last 30.
        (sequence(VIEW, BUY, last_days=30), ["path"]),
        (sequence({"category": "dairy"}, {"category": "bread"}, within_days=7), ["path", "week"]),
        (sequence(VIEW, {**BUY, "category": "dairy"}, within_days=8), ["late", "old", "path"]),
        (sequence(VIEW, CART, BUY), ["path"]),
        (sequence(VIEW, CART, BUY, within_days=4), ["path"]),
        (sequence(VIEW, CART, BUY, within_days=4 - SECOND), []),
        (sequence(VIEW, VIEW, BUY), ["late", "path"]),
        (sequence(VIEW, VIEW, BUY, within_days=4), ["path"]),
        (sequence(VIEW, VIEW, BUY, within_days=3), []),
        (sequence(VIEW, VIEW, VIEW), []),
        (sequence({}, {}, {}, within_days=7 + SECOND), ["path", "week"]),
        (sequence({}, {}, {}, {}), ["path"]),
        (sequence({}, CART, {}, BUY), ["path"]),
        (sequence(CART, {}, {}, within_days=2), ["path"]),
        (sequence(CART, {}, {}, within_days=1), []),
        ({"events": {**BUY, "spent_at_least": 10}}, ["at once", "path"]),
        ({"events": {**BUY, "spent_at_least": 2.5, "spent_at_most": 10}}, ["at once", "back", "week"]),
        # Without such events, and where no event has a value, nothing was spent.
        ({"events": {**BUY, "spent_at_most": 0}}, ["late"]),
        ({"events": {"spent_at_least": 0, "spent_at_most": 0}}, ["late", "week"]),
        ({"events": {**CART, "spent_at_most": 5}}, ["at once", "back", "late", "old", "path", "week"]),
        ({"events": {**BUY, "at_least": 1, "spent_at_most": 2.5}}, ["back", "late", "old"]),
        ({"events": {**BUY, "at_most": 0, "spent_at_most": 2.5}}, []),
        ({"events": {**CART, "at_most": 0, "spent_at_most": 2.5}}, ["back", "late", "old", "week"]),
        ({"events": {"event_type": "refund", "spent_at_least": -4, "at_least": 1}}, ["week"]),
        ({"events": {"event_type": "refund", "spent_at_most": -1}}, ["week"]),
        ({"events": {**VIEW, "at_least": 1, "until_days": 30}}, ["late", "old", "path", "week"]),
        ({"events": {**VIEW, "at_least": 1, "within_days": 60, "until_days": 29}},
         ["back", "late", "path", "week"]),
        ({"events": {**VIEW, "at_most": 0, "until_days": 30}}, ["at once", "back"]),
    ],
    ids=str,
)  # fmt: skip
def test_members(reader: Reader, rule: dict[str, Any], expected: list[str]) -> None:
    assert members(reader, rule)["user_id"].to_pylist() == expected


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (sequence(VIEW), r"'sequence' must be a list of 2 to 10 values"),
        ({"sequence": VIEW}, r"'sequence' must be a list of 2 to 10 values"),
        (sequence(*[VIEW] * 11), r"'sequence' must be a list of 2 to 10 values"),
        (sequence(VIEW, "buy"), r"must say what event it is\. Received: 'buy'\. Available: event_type"),
        (sequence(VIEW, {"at_least": 1}), r"must not have other keys\. Received: 'at_least'"),
        (sequence(VIEW, {"event_type": []}), r"'event_type' must be a list of 1 to 10,000 values"),
        (sequence(VIEW, BUY, within_days=0), r"'within_days' must be above 0"),
        (sequence(VIEW, BUY, last_days="7"), r"'last_days' must be a number\. Received: '7'"),
        (sequence(VIEW, BUY, within=7), r"Received: 'within'\. Did you mean within_days\?"),
        ({"events": {"spent_at_least": "much"}}, r"'spent_at_least' must be a number\. Received: 'much'"),
        ({"events": {"spent_at_least": 2, "spent_at_most": 1}}, r"must not be above 'spent_at_most'"),
        ({"events": {"at_least": 1, "within_days": 7, "until_days": 7}},
         r"'until_days' must be below 'within_days'\. Received: \[7, 7\]"),
    ],
    ids=str,
)  # fmt: skip
def test_refusals(reader: Reader, rule: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        count(reader, rule)
