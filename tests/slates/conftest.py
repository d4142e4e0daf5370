"""A shop of ten events: three buyers, one who only registered, coupons, a mailer and two articles."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from persmark.recommend import load_interactions, recommender
from persmark.store import create_workspace
from tests.conftest import copied

AS_OF = datetime(2024, 3, 31, 12)
ODD = "O'Neil 王芳 🛒"
EVENTS = [
    ("ann", "milk", "purchase", 10, None),
    ("ann", "milk", "purchase", 20, None),
    ("ann", "milk", "purchase", 30, None),
    ("ann", "bread", "purchase", 25, None),
    (ODD, "tea", "purchase", 30, None),
    (ODD, "bread", "purchase", 29, None),
    ("dan", "tea", "purchase", 30, None),
    ("dan", "milk", "purchase", 1, None),
    ("dan", "=apple", "purchase", 15, None),
    ("ann", None, "campaign_received", 5, "C1"),
]
ITEMS = [
    ("milk", "product", "Milk, 1 l", "dairy", "A", "1.5"),
    ("bread", "product", "Bread", "bakery", "A", "2"),
    ("tea", "product", "Tea \"green\"", "drinks", "B", "4"),
    ("ad1", "ad", "Milk 10% off", None, None, None),
    ("ad2", "ad", "Breakfast week", None, None, None),
    ("ad3", "ad", "Tea week", None, None, None),
    ("ad4", "ad", "Over", None, None, None),
    ("news1", "content", "What cows eat", "dairy", None, None),
    ("news2", "content", "Tea in 中国", "drinks", None, None),
]  # fmt: skip
MARCH, APRIL = date(2024, 3, 1), date(2024, 4, 10)
OFFERS = [
    ("ad1", "milk", "C1", "coupon", MARCH, APRIL),
    ("ad2", "milk", "C1", "coupon", MARCH, APRIL),
    ("ad2", "bread", "C1", "coupon", MARCH, APRIL),
    ("ad3", "tea", "C2", "coupon", MARCH, None),
    ("ad4", "bread", "C1", "coupon", MARCH, date(2024, 3, 30)),
    (None, "milk", None, "mailer", date(2024, 3, 31), date(2024, 4, 6)),
]


def fill(workspace, *, events=EVENTS, items=ITEMS, offers=OFFERS, users=("carl",)):
    """Publish rows as the workspace's events and catalogue."""
    with workspace.write("events") as w:
        times = [datetime(2024, 3, day, 12) for *_, day, _ in events]
        w.put(
            "events",
            pa.table(
                {
                    "user_id": pa.array([row[0] for row in events], pa.string()),
                    "item_id": pa.array([row[1] for row in events], pa.string()),
                    "event_type": pa.array([row[2] for row in events], pa.string()),
                    "event_time": pa.array(times, pa.timestamp("us")),
                    "campaign_id": pa.array([row[4] for row in events], pa.string()),
                    "local_date": pa.array([time.date() for time in times], pa.date32()),
                }
            ),
        )
        w.run(
            "CREATE TABLE out.event_counts AS SELECT local_date, local_hour, event_type, source_id,"
            " COUNT(*) AS n_events, CAST(0 AS DECIMAL(18,4)) AS value FROM out.events GROUP BY ALL"
        )
    with workspace.write("catalogue") as w:
        names = ("item_id", "kind", "title", "category", "brand")
        w.put(
            "items",
            pa.table(
                {name: pa.array([row[n] for row in items], pa.string()) for n, name in enumerate(names)}
                | {
                    "price": pa.array(
                        [Decimal(row[5]) if row[5] else None for row in items], pa.decimal128(18, 4)
                    )
                }
            ),
        )
        names = ("offer_id", "item_id", "campaign_id", "channel")
        w.put(
            "item_offers",
            pa.table(
                {name: pa.array([row[n] for row in offers], pa.string()) for n, name in enumerate(names)}
                | {
                    "starts_on": pa.array([row[4] for row in offers], pa.date32()),
                    "ends_on": pa.array([row[5] for row in offers], pa.date32()),
                    "n_places": pa.array([1] * len(offers), pa.int32()),
                }
            ),
        )
        w.put("users", pa.table({"user_id": pa.array(list(users), pa.string())}))
    return workspace


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    return fill(
        create_workspace("shop", time_zone="America/New_York", root=tmp_path_factory.mktemp("slates"))
    )


@pytest.fixture
def workspace(made_once, tmp_path):
    return copied(made_once, tmp_path)


@pytest.fixture
def reader(workspace):
    with workspace.reader() as opened:
        yield opened


@pytest.fixture
def repeat(reader):
    return recommender("repeat").train(load_interactions(reader))
