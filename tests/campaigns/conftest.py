"""Ten users with names that break careless exports, and three products."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from persmark.profiles import build_profiles
from persmark.store import create_workspace
from tests.conftest import copied

USERS = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-5",
    "@x",
    "'quoted",
    "王芳 🛒",
    'O\'Neil, "Jo"',
    "plain",
    "a b",
    "\ttab",
]
FORMULA = '=HYPERLINK("http://x","Milk, 王")'


def load(workspace, *, users=USERS):
    """One purchase of tea by everybody, a second of milk by the even ones."""
    events = [(user, "tea", 1 + place) for place, user in enumerate(users)]
    events += [(user, "milk", 20) for user in users[::2]]
    times = [datetime(2024, 3, day, 12) for _, _, day in events]
    count = len(events)
    with workspace.write("events") as w:
        w.put(
            "events",
            pa.table(
                {
                    "user_id": pa.array([row[0] for row in events], pa.string()),
                    "item_id": pa.array([row[1] for row in events], pa.string()),
                    "event_type": pa.array(["purchase"] * count, pa.string()),
                    "event_time": pa.array(times, pa.timestamp("us")),
                    "value": pa.array([Decimal(2)] * count, pa.decimal128(18, 4)),
                    "local_date": pa.array([time.date() for time in times], pa.date32()),
                    "local_hour": pa.array([12] * count, pa.int32()),
                    "repeat_no": pa.array([0] * count, pa.int32()),
                }
            ),
        )
    with workspace.write("catalogue") as w:
        w.put(
            "items",
            pa.table(
                {
                    "item_id": pa.array(["milk", "tea", "ad"], pa.string()),
                    "kind": pa.array(["product", "product", "ad"], pa.string()),
                    "title": pa.array([FORMULA, None, "Milk week"], pa.string()),
                }
            ),
        )
    return workspace


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    made = load(create_workspace("shop", root=tmp_path_factory.mktemp("campaigns")))
    build_profiles(made, actor="ada")
    return made


@pytest.fixture
def workspace(made_once, tmp_path):
    return copied(made_once, tmp_path / "data")
