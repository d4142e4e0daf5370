"""Every feature has a value that was worked by hand, on one table of ten rows."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from persmark.errors import InputError
from persmark.profiles import FEATURES, attention_of, attention_over_all, build_profiles, profile
from persmark.store import Workspace
from tests.profiles.made import event, workspace

ODD = 'o\'Neil "张" 😀%'
WINE = 'wine "红" & o\'more'
AS_OF = datetime(2026, 3, 31, 12)
TEN_ROWS = [
    event(ODD, "purchase", "2025-06-01T10:00:00", "a", value=10, discount=0, order_id="o1"),
    event(ODD, "purchase", "2026-01-10T08:00:00", "a", value=10, discount=2, order_id="o2", channel="store"),
    event(ODD, "purchase", "2026-01-10T08:00:00", "b", value=30, order_id="o2", channel="store"),
    event(ODD, "campaign_received", "2026-03-01T09:00:00", channel="mail"),
    event(ODD, "view", "2026-03-02T20:00:00", "c", channel="web"),
    event(ODD, "click", "2026-03-02T20:01:30", "c", channel="web"),
    event(ODD, "cart", "2026-03-02T20:15:00", "b", channel="web"),
    event(ODD, "coupon_redeemed", "2026-03-10T18:00:00", "b", channel="store"),
    event(ODD, "purchase", "2026-03-10T18:00:00", "b", value=20, order_id="o3", channel="store"),
    event(ODD, "campaign_received", "2026-03-28T12:00:00", channel="mail"),
]
ITEMS = [
    {"item_id": "a", "category": "bread", "brand": "Acme", "price": Decimal(2)},
    {"item_id": "e", "category": "bread", "brand": "Acme", "price": Decimal(6)},
    {"item_id": "b", "category": "dairy", "brand": "Bon", "price": Decimal(4)},
    {"item_id": "c", "category": WINE, "brand": "Acme", "price": Decimal(9)},
]


def halved(days: int, hours: int = 0, minutes: int = 0, seconds: int = 0) -> float:
    """What an event still weighs that lies so long before the last own one, on 2026-03-10 at 18:00."""
    return float(0.5 ** ((days + hours / 24 + minutes / 1440 + seconds / 86400) / 42))


BREAD = halved(282, 8) + halved(59, 10)
DAIRY = halved(59, 10) + halved(7, 21, 45) + 1
LOOKED = halved(7, 22) + halved(7, 21, 58, 30)
TOUCHED = BREAD + DAIRY + LOOKED

EXPECTED: dict[str, Any] = {
    "user_id": ODD,
    "as_of": AS_OF,
    "first_event_time": datetime(2025, 6, 1, 10),
    "last_event_time": datetime(2026, 3, 28, 12),
    "tenure_days": 303,
    "inactive_days": 3,
    "n_events": 10,
    "n_views": 1,
    "n_clicks": 1,
    "n_carts": 1,
    "n_sessions": 4,  # of six, two are mailings alone
    "events_per_session": 2.0,
    "n_purchases": 3,
    "n_items": 2,
    "first_purchase_time": datetime(2025, 6, 1, 10),
    "last_purchase_time": datetime(2026, 3, 10, 18),
    "won_back_time": datetime(2026, 1, 10, 8),  # after 223 days
    "recency_days": 20,
    "frequency": 3,
    "monetary": Decimal(70),
    "average_order_value": 70 / 3,
    "discount_share": 2 / 72,
    "mean_gap_days": 141.0,  # 223 and 59
    "gap_spread_days": 82 * math.sqrt(2),
    "n_coupons_redeemed": 1,
    "n_campaigns_received": 2,
    "n_campaigns_recent": 1,  # the other 30 days and 3 hours ago
    "top_category_1": "dairy",
    "top_category_1_share": DAIRY / TOUCHED,
    "top_category_2": WINE,
    "top_category_2_share": LOOKED / TOUCHED,
    "top_category_3": "bread",
    "top_category_3_share": BREAD / TOUCHED,
    "favourite_brand": "Bon",
    "favourite_brand_share": DAIRY / TOUCHED,
    "favourite_channel": "store",
    "favourite_channel_share": 4 / 7,
    "favourite_daypart": "evening",
    "favourite_daypart_share": 5 / 8,
    "night_share": 0.0,
    "morning_share": 3 / 8,
    "afternoon_share": 0.0,
    "evening_share": 5 / 8,
    "weekend_share": 3 / 8,  # 2025-06-01 was a Sunday, 2026-01-10 a Saturday
    "r_score": 1,
    "f_score": 1,
    "m_score": 1,
    "rfm_segment": "lost",
    "lifecycle": "active",
    "n_events_recent": 2,
    "event_trend": -0.2,  # 2 after 3
    "n_orders_recent": 1,
    "order_trend": 1.0,  # 1 after none
    "spend_recent": Decimal(20),
    "spend_trend": 1.0,
    "minutes_per_session": 15 / 4,
    "dwell_minutes": 11.5,  # 90 s, and 13.5 minutes that count as 10
    "mean_dwell_seconds": 345.0,
    "opportunity_category": WINE,
    "opportunity_share": LOOKED / TOUCHED,
    "price_level": 0.75,  # twice half of bread's mean, twice just that of dairy
    "discounted_order_share": 1 / 2,  # of the two that tell
    "coupon_order_share": 1 / 3,
    "n_campaigns_week": 1,
    "n_campaigns_answered": 1,
    "campaign_response_rate": 1.0,  # the second has days left
    "repeat_share": 2 / 3,  # a again, b anew, b again
    "novelty_share": 1 / 3,
    "items_per_order": 4 / 3,
}


def session(number: int, at: str, *, minutes: int = 0, own: int) -> dict[str, Any]:
    started = datetime.fromisoformat(at)
    ended = started.replace(minute=started.minute + minutes)
    return {"user_id": ODD, "session_no": number, "started_at": started, "ended_at": ended,
            "n_events": max(own, 1), "n_own_events": own}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = workspace(
        tmp_path_factory.mktemp("data"),
        TEN_ROWS,
        items=ITEMS,
        sessions=[
            session(1, "2025-06-01T10:00:00", own=1),
            session(2, "2026-01-10T08:00:00", own=2),
            session(3, "2026-03-01T09:00:00", own=0),
            session(4, "2026-03-02T20:00:00", minutes=15, own=3),
            session(5, "2026-03-10T18:00:00", own=2),
            session(6, "2026-03-28T12:00:00", own=0),
        ],
    )
    build_profiles(made, as_of=AS_OF, actor="test")
    return made


def test_no_feature_is_without_a_value_worked_by_hand() -> None:
    assert EXPECTED.keys() == FEATURES.keys()
    assert None not in EXPECTED.values()
    assert len(TEN_ROWS) == 10


@pytest.fixture(scope="module")
def found(shop: Workspace) -> dict[str, Any]:
    with shop.reader() as reader:
        row = profile(reader, ODD)
    assert row is not None
    return row


@pytest.mark.parametrize("name", FEATURES)
def test_feature(found: dict[str, Any], name: str) -> None:
    wanted = EXPECTED[name]
    # Weights are whole billionths, price ratios whole millionths.
    assert found[name] == (pytest.approx(wanted, abs=1e-8) if isinstance(wanted, float) else wanted)


def test_attention_beside_spend(shop: Workspace) -> None:
    store = 2 * halved(59, 10) + 2
    web = LOOKED + halved(7, 21, 45)
    early = halved(282, 8) + 2 * halved(59, 10)
    with shop.reader() as reader:
        rows = attention_of(reader, ODD).to_pylist()
        assert attention_of(reader, "nobody").num_rows == 0
    wanted = [
        ("brand", "Bon", 3, DAIRY / TOUCHED, 0.0, 5 / 7),
        ("brand", "Acme", 4, 1 - DAIRY / TOUCHED, 1.0, 2 / 7),
        ("category", "dairy", 3, DAIRY / TOUCHED, 0.0, 5 / 7),
        ("category", WINE, 2, LOOKED / TOUCHED, 1.0, 0.0),
        ("category", "bread", 2, BREAD / TOUCHED, 0.0, 2 / 7),
        # What came by no channel counts to none.
        ("channel", "store", 4, store / (store + web), 0.0, 1.0),
        ("channel", "web", 3, web / (store + web), 1.0, 0.0),
        ("daypart", "evening", 5, (web + 2) / (web + 2 + early), 1.0, 2 / 7),
        ("daypart", "morning", 3, early / (web + 2 + early), 0.0, 5 / 7),
    ]
    assert [(row["dimension"], row["name"], row["n_events"]) for row in rows] == [one[:3] for one in wanted]
    for row, (_, _, _, *shares) in zip(rows, wanted, strict=True):
        found = [row["attention_share"], row["dwell_share"], row["spend_share"]]
        assert found == pytest.approx(shares, abs=2e-9)


def test_attention_that_spend_does_not_follow(tmp_path: Path) -> None:
    """Two spenders and one who only looks; each counts the same, however much they do."""
    day = "2026-01-01T{}"
    made = workspace(
        tmp_path,
        [
            event("b", "view", day.format("10:00:00"), "c"),
            event("b", "purchase", day.format("10:00:00"), "a", value=10),
            *(event("s", "view", day.format("10:00:00"), item) for item in "aabc"),
            event("s", "purchase", day.format("10:00:00"), "b", value=1),
            *(event("v", "view", day.format("10:00:00"), "c") for _ in range(2)),
        ],
        items=ITEMS,
    )
    build_profiles(made, actor="test")
    with made.reader() as reader:
        rows = attention_over_all(reader, "category").to_pylist()
        with pytest.raises(
            InputError, match=r"must be a known one\. Received: hour\. Available: category, brand"
        ):
            attention_over_all(reader, "hour")
    # b: bread 1/2, wine 1/2; s: bread 2/5, dairy 2/5, wine 1/5; v: wine 1. Money: bread 1, dairy 1 of two.
    by_name = {row.pop("name"): row for row in rows}
    assert list(by_name) == [WINE, "bread", "dairy"]
    wine, bread, dairy = by_name.values()
    assert [wine[name] for name in ("n_users", "n_spenders", "n_without_spend")] == [3, 2, 2]
    assert [bread[name] for name in ("n_users", "n_spenders", "n_without_spend")] == [2, 2, 1]
    assert wine["attention_share"] == pytest.approx((0.5 + 0.2 + 1) / 3)
    assert wine["spenders_attention_share"] == pytest.approx((0.5 + 0.2) / 2)
    assert [one["spend_share"] for one in (wine, bread, dairy)] == pytest.approx([0, 0.5, 0.5])
    assert [one["gap"] for one in (wine, bread, dairy)] == pytest.approx([0.35, -0.05, -0.3])
    assert wine["dwell_share"] is None
