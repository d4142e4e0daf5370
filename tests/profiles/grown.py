"""A small shop that grows by chance, and what a refresh of its profiles should come to."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from persmark.events import compact
from persmark.profiles import build_profiles, refresh_profiles
from persmark.profiles.touched import MOST_TOUCHED
from persmark.store import Workspace, create_workspace, open_workspace
from tests.profiles.made import EVENT, event

USERS = ('o\'Neil "张" 😀%', "b", "c", "d", "é", "f", "g", "h i", "j", "k", "l", "m")
KINDS = ("view", "view", "click", "cart", "purchase", "purchase", "refund", "campaign_received",
         "campaign_received", "impression", "coupon_redeemed", "收藏")  # fmt: skip
START = datetime(2025, 1, 1)
ATTRIBUTES = ("town", 'To"wn', "年龄")

Item = tuple[str | None, str | None, Decimal | None]

# How the store describes these tables; a delta holds all sessions of the users it touches.
GAP = timedelta(minutes=30)


def sessions_of(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs of events without a silence of more than half an hour, of each user."""
    found: list[dict[str, Any]] = []
    ordered = sorted(events, key=lambda one: (one["user_id"], one["event_time"]))
    for user, theirs in groupby(ordered, key=lambda one: one["user_id"]):
        number, last = 0, None
        for one in theirs:
            if last is None or one["event_time"] - last > GAP:
                number += 1
                found.append({"user_id": user, "session_no": number, "started_at": one["event_time"],
                              "n_events": 0, "n_own_events": 0})  # fmt: skip
            last = found[-1]["ended_at"] = one["event_time"]
            found[-1]["n_events"] += 1
            found[-1]["n_own_events"] += one["event_type"] not in ("campaign_received", "impression")
    return found


@dataclass
class Shop:
    """A workspace, and beside it in plain lists what was put there.

    Attributes:
        workspace: What profiles are built from.
        chance: Draws everything.
        events: All rows so far.
        items: item_id -> (category, brand, price).
    """

    workspace: Workspace
    chance: random.Random
    events: list[dict[str, Any]] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)

    def draw(self, n: int, users: Sequence[str], first_day: int, last_day: int) -> list[dict[str, Any]]:
        """Events of some users within some days since the start."""
        rows = []
        for _ in range(n):
            kind = self.chance.choice(KINDS)
            moment = START + timedelta(
                days=self.chance.randint(first_day, last_day),
                minutes=self.chance.choice((0, 5, 20, 60, 1439)),
            )
            money = self.chance.choice((None, 1, 2.5, 10))
            more: dict[str, Any] = {"value": -money if kind == "refund" else money} if money else {}
            if kind == "purchase" and self.chance.random() < 0.3:
                more["discount"] = 1
            if kind != "view":
                more["order_id"] = self.chance.choice((None, "o1", "o2", "o3"))
            item = self.chance.choice((None, "i1", "i2", "i3", "i4"))
            user, channel = self.chance.choice(users), self.chance.choice((None, "web", "app"))
            rows.append(event(user, kind, moment.isoformat(), item, channel=channel, **more))
        return rows

    def append(self, rows: list[dict[str, Any]], *, delta: bool = True) -> None:
        """A further file of events, with all sessions of its users."""
        self.events += rows
        users = {one["user_id"] for one in rows}
        with self.workspace.write("events", delta=delta) as writer:
            writer.put("events", pa.Table.from_pylist(rows, schema=EVENT))
            writer.put(
                "sessions",
                pa.Table.from_pylist(sessions_of([one for one in self.events if one["user_id"] in users])),
            )

    def describe(self, items: dict[str, Item], *, delta: bool = True) -> set[str]:
        """A further file of items; returns those whose category or brand is another now."""
        changed = {name for name, said in items.items() if self.items.get(name, (None, None))[:2] != said[:2]}
        self.items |= items
        with self.workspace.write("catalogue", delta=delta) as writer:
            writer.put(
                "items",
                pa.table({
                    "item_id": pa.array(list(items), pa.string()),
                    "category": pa.array([said[0] for said in items.values()], pa.string()),
                    "brand": pa.array([said[1] for said in items.values()], pa.string()),
                    "price": pa.array([said[2] for said in items.values()], pa.decimal128(18, 4)),
                }),
            )  # fmt: skip
        return changed

    def know(self, users: dict[str, str]) -> None:
        """A further file of users: id -> attributes as JSON."""
        with self.workspace.write("catalogue", delta=True) as writer:
            writer.put("users", pa.table({"user_id": list(users), "attributes": list(users.values())}))

    def users_of(self, items: set[str]) -> set[str]:
        """Who has any event on these items."""
        return {one["user_id"] for one in self.events if one["item_id"] in items}

    def users_between(self, after: datetime, until: datetime | None = None) -> set[str]:
        """Who has an event after one moment and up to another."""
        return {
            one["user_id"]
            for one in self.events
            if one["event_time"] > after and (until is None or one["event_time"] <= until)
        }

    def newest(self) -> datetime:
        """The last event's time."""
        return max(one["event_time"] for one in self.events)


def new_shop(root: Path, seed: int) -> Shop:
    """Some users of the first half year, and two items."""
    shop = Shop(create_workspace("grown", root=root), random.Random(seed))
    shop.append(shop.draw(40, USERS[:9], 0, 180), delta=False)
    shop.describe(
        {"i1": ("dairy", "Acme", Decimal(3)), "i2": ("bread", None, None), "i5": ("dairy", None, Decimal(9))},
        delta=False,
    )
    return shop


Published = tuple[list[dict[str, Any]], dict[str, Any], list[dict[str, Any]]]


def published(workspace: Workspace) -> Published:
    """The profiles by user, what was published about them but for how they came about, and the attention."""
    with workspace.reader() as reader:
        rows = reader.table("SELECT * FROM profiles ORDER BY user_id").to_pylist()
        attention = reader.table("SELECT * FROM attention ORDER BY user_id, dimension, name").to_pylist()
    stats = {key: value for key, value in workspace.stats("profiles").items() if key != "n_refreshed"}
    return rows, stats, attention


def built_whole(workspace: Workspace, as_of: datetime | None) -> Published:
    """What a whole build publishes, in a copy of the workspace."""
    root = workspace.folder.parent / "whole"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(workspace.folder, root / workspace.name)
    copy = open_workspace(workspace.name, root=root)
    build_profiles(copy, as_of=as_of, actor="test")
    return published(copy)


def assert_same(found: Published, wanted: Published) -> None:
    """Equal, floats to 1e-9 of one; shares of attention to the last digit."""
    (rows, stats, attention), (whole, whole_stats, whole_attention) = found, wanted
    assert [row["user_id"] for row in rows] == [row["user_id"] for row in whole]
    assert attention == whole_attention
    for row, other in zip(rows, whole, strict=True):
        assert row.keys() == other.keys()
        for name, value in other.items():
            if isinstance(value, float):
                assert math.isclose(row[name], value, rel_tol=0, abs_tol=1e-9), (row["user_id"], name)
            else:
                assert row[name] == value, (row["user_id"], name)
    assert stats == whole_stats


def assert_sums_to_one(attention: list[dict[str, Any]]) -> None:
    """The shares of each user within each dimension, where there are any."""
    for _, rows in groupby(attention, key=lambda row: (row["user_id"], row["dimension"])):
        theirs = list(rows)
        for name in ("attention_share", "dwell_share", "spend_share"):
            shares = [row[name] for row in theirs]
            if None in shares:
                assert shares == [None] * len(shares)
            else:
                assert math.isclose(sum(shares), 1, abs_tol=len(shares) * 1e-9)


def step(shop: Shop, day: int) -> tuple[set[str], datetime | None]:
    """One change by chance; returns whom it touches and as of when to refresh."""
    chance = shop.chance
    if chance.random() < 0.25:
        attributes = {key: str(chance.randint(1, 3)) for key in ATTRIBUTES if chance.random() < 0.6}
        shop.know({user: json.dumps(attributes) for user in chance.sample(USERS, 3)})
    kind = chance.choice(("events", "events", "events", "late", "items", "compact", "later", "nothing"))
    if kind == "events":
        users = chance.sample(USERS, chance.randint(1, 4))
        shop.append(rows := shop.draw(chance.randint(1, 6), users, day, day + 40))
        # A moment before some of the new events, or the last one's.
        moment = START + timedelta(days=day + 20) if chance.random() < 0.3 else None
        return {row["user_id"] for row in rows}, moment
    if kind == "late":
        shop.append(rows := shop.draw(3, chance.sample(USERS, 2), 0, 100))
        return {row["user_id"] for row in rows}, None
    if kind == "items":
        named = {
            f"i{chance.randint(1, 4)}": (
                chance.choice(("dairy", "bread", "wine")),
                "Bon",
                chance.choice((None, Decimal(1), Decimal(7))),
            )
            for _ in "ab"
        }  # fmt: skip
        return shop.users_of(shop.describe(named)), None
    if kind == "compact":
        compact(shop.workspace)
    if kind == "later":
        return set(), shop.newest() + timedelta(days=chance.choice((1, 29, 31, 61, 200)))
    return set(), None


def grow(root: Path, seed: int) -> int:
    """Four changes, each followed by a refresh; returns how many counted only some users."""
    shop = new_shop(root, seed)
    before = build_profiles(shop.workspace, actor="test")
    n_partial = 0
    for number in range(4):
        touched, as_of = step(shop, 181 + 40 * number)
        moment = as_of or shop.newest()
        n_events = {row["user_id"]: row["n_events"] for row in published(shop.workspace)[0]}
        touched |= shop.users_between(before.as_of)
        made = refresh_profiles(shop.workspace, as_of=as_of, actor="test")
        rows, _, attention = found = published(shop.workspace)
        assert_same(found, built_whole(shop.workspace, as_of))
        whole = moment < before.as_of or (
            sum(n_events.get(user, 0) for user in touched) > MOST_TOUCHED * sum(n_events.values())
        )
        assert made.n_users == len(rows)
        assert made.n_refreshed == (len(rows) if whole else len(touched & {row["user_id"] for row in rows}))
        assert_sums_to_one(attention)
        n_partial += 0 < made.n_refreshed < made.n_users
        before = made
    return n_partial
