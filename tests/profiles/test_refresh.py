"""A refresh comes to what a whole build comes to, and counts the touched users only."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from persmark import actions
from persmark.events import compact, quality, undo_load
from persmark.profiles import build_profiles, profile, refresh_profiles
from persmark.store import Workspace, create_workspace
from persmark.store.manifest import read_manifest, write_manifest
from tests.events.files import csv_of, load, write
from tests.profiles.grown import assert_same, built_whole, grow, published
from tests.profiles.made import EVENT, event, workspace

ODD = 'o\'Neil "张" 😀%'
ODD_CSV = '"o\'Neil ""张"" 😀%"'
OTHERS = ("b", "c", "d")


@pytest.mark.parametrize("seed", [2, 9])
def test_a_chain_of_refreshes_comes_to_a_whole_build(tmp_path: Path, seed: int) -> None:
    assert grow(tmp_path, seed) > 0


def append(made: Workspace, *rows: dict[str, Any]) -> None:
    with made.write("events", delta=True) as writer:
        writer.put("events", table(rows))


def table(rows: Any) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=EVENT)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """Four buyers of one thing each."""
    made = workspace(
        tmp_path,
        [event(user, "purchase", "2026-01-01T10:00:00", "a", value=10) for user in (ODD, *OTHERS)],
        items=[{"item_id": "a", "category": "dairy", "brand": "Acme"}],
    )
    build_profiles(made, actor="test")
    return made


def of(made: Workspace, user: str, *names: str) -> list[Any]:
    with made.reader() as reader:
        found = profile(reader, user)
    assert found is not None
    return [found[name] for name in names]


def test_the_others_are_carried_forward_without_a_look_at_their_events(shop: Workspace) -> None:
    """Behind its back everybody's events are made dearer; only the touched user is seen to be so."""
    with shop.write("events") as writer:
        writer.same_rows = True
        writer.run("CREATE TABLE out.events AS SELECT * REPLACE (value * 100 AS value) FROM events")
    append(shop, event(ODD, "view", "2026-03-12T10:00:00", "a"))
    made = refresh_profiles(shop, actor="me")
    assert (made.n_users, made.n_refreshed, made.as_of) == (4, 1, datetime(2026, 3, 12, 10))
    assert shop.stats("profiles")["n_refreshed"] == 1
    names = ("monetary", "as_of", "recency_days", "inactive_days", "tenure_days", "lifecycle", "m_score")
    assert of(shop, ODD, *names) == [1000, made.as_of, 70, 0, 70, "at_risk", 4]
    assert of(shop, "b", *names) == [10, made.as_of, 70, 70, 70, "at_risk", 1]
    build_profiles(shop, actor="me")
    assert of(shop, "b", "monetary") == [1000]
    audited = [json.loads(row["result"])["n_refreshed"] for row in shop.state.rows("audit")]
    assert audited == [4, 1, 4]


def test_contacts_leave_the_window_by_themselves(shop: Workspace) -> None:
    """A mailing to b on the 2nd of January counts for 30 days, whoever's events come after it."""
    append(shop, event("b", "campaign_received", "2026-01-02T00:00:00"))
    refresh_profiles(shop, actor="test")
    for at, n in (("2026-01-31T23:59:59", 1), ("2026-02-01T00:00:00", 0)):
        append(shop, event("c", "view", at))
        assert refresh_profiles(shop, actor="test").n_refreshed == 1
        assert of(shop, "b", "n_campaigns_received", "n_campaigns_recent") == [1, n]


def test_who_was_won_back_is_told_when_the_silence_ended(shop: Workspace) -> None:
    append(shop, event("b", "purchase", "2026-08-01T00:00:00", "a"))
    refresh_profiles(shop, actor="test")
    assert of(shop, "b", "lifecycle", "won_back_time") == ["won_back", datetime(2026, 8, 1)]
    append(shop, event("c", "view", "2026-10-01T00:00:00"))
    assert refresh_profiles(shop, actor="test").n_refreshed == 1
    assert of(shop, "b", "lifecycle", "recency_days") == ["at_risk", 61]


def test_an_item_of_another_category_touches_its_users(shop: Workspace) -> None:
    append(shop, event("b", "view", "2026-01-02T00:00:00", "new"))
    assert refresh_profiles(shop, actor="test").n_refreshed == 1
    with shop.write("catalogue", delta=True) as writer:
        writer.put("items", pa.table({"item_id": ["new", "nobody's"], "category": ["wine", "wine"]}))
    assert refresh_profiles(shop, actor="test").n_refreshed == 1
    assert of(shop, "b", "top_category_1", "top_category_2") == ["wine", "dairy"]
    with shop.write("catalogue", delta=True) as writer:
        writer.put("items", pa.table({"item_id": ["new"], "category": ["wine"], "title": ["Red"]}))
    assert refresh_profiles(shop, actor="test").n_refreshed == 0  # a title is not in the profiles
    assert_same(published(shop), built_whole(shop, None))


def test_what_cannot_be_told_apart_is_built_whole(shop: Workspace) -> None:
    late = event("b", "view", "2026-01-05T00:00:00")

    def refreshed(**more: Any) -> int:
        return refresh_profiles(shop, actor="test", **more).n_refreshed

    append(shop, late)
    assert refreshed(as_of=datetime(2026, 1, 4)) == 1
    assert of(shop, "b", "n_events", "n_views") == [1, 0]  # the new event lies after that moment
    assert refreshed() == 1
    assert of(shop, "b", "n_events", "n_views") == [2, 1]
    assert refreshed(as_of=datetime(2026, 1, 4)) == 4  # back in time
    append(shop, late, *(event(user, "view", "2026-01-06T00:00:00") for user in OTHERS))
    assert refreshed() == 4  # theirs is more than half of all events
    with shop.write("events") as writer:
        writer.run("CREATE TABLE out.events AS SELECT * FROM events WHERE event_type = 'purchase'")
    assert refreshed() == 4  # rewritten, as an undo and a rule do
    with shop.write("catalogue") as writer:
        writer.put("items", pa.table({"item_id": ["a"], "category": ["wine"]}))
    assert refreshed() == 4
    assert of(shop, "b", "top_category_1", "n_events") == ["wine", 1]
    manifest = read_manifest(shop.folder)
    for changed in ({"recipe": "of before"}, {"settings": {"contact_days": 7}}):
        group = manifest.group("profiles")
        older = replace(group, stats={**group.stats, **changed})
        write_manifest(shop.folder, replace(manifest, groups={**manifest.groups, "profiles": older}))
        assert refreshed() == 4
        manifest = read_manifest(shop.folder)


def test_loads_refresh_whom_they_touch(tmp_path: Path) -> None:
    """Through the files a person has: new days, the same file again, users, an undo, a compaction."""
    made = create_workspace("loaded", root=tmp_path)
    owner = actions.Actor()

    def loaded(name: str, content: str) -> dict[str, Any]:
        request = actions.LoadFiles((str(write(tmp_path / name, content)),))
        actions.run(made, owner, request)
        return made.stats("profiles")

    first = [f"{user},a,purchase,2026-01-0{n + 1} 10:00:00,5" for n, user in enumerate((ODD_CSV, *OTHERS))]
    assert loaded("a.csv", csv_of(first))["n_refreshed"] == 4
    more = csv_of(["e,a,view,2026-01-06 10:00:00,", "b,a,refund,2026-01-05 10:00:00,-5"])
    assert loaded("b.csv", more)["n_refreshed"] == 2
    version = made.versions()["profiles"]
    assert loaded("again.csv", more)["n_refreshed"] == 2
    assert made.versions()["profiles"] == version  # nothing new: nothing was published
    assert actions.run(made, owner, actions.BuildProfiles())["n_refreshed"] == 0
    assert loaded("users.csv", "user_id,town\nb,Łódź\nc,x\n")["n_refreshed"] == 0
    assert of(made, "b", "attribute_town", "monetary") == ["Łódź", Decimal(0)]
    assert_same(published(made), built_whole(made, None))
    compact(made)
    assert loaded("c.csv", csv_of(["c,a,view,2026-01-07 10:00:00,"]))["n_refreshed"] == 1
    assert_same(published(made), built_whole(made, None))
    undo_load(made, 1)
    assert refresh_profiles(made, actor="test").n_refreshed == 3  # of all three that are left
    with pytest.raises(AssertionError):
        of(made, ODD, "n_events")
    assert_same(published(made), built_whole(made, None))


def test_rules_are_seen_through(tmp_path: Path) -> None:
    """A rule applied to what stands builds all; files loaded under it touch their users alone."""
    made = create_workspace("ruled", root=tmp_path)
    rows = [f"{user},a,purchase,2026-01-0{n + 1} 10:00:00,50" for n, user in enumerate(("a", *OTHERS))]
    load(made, write(tmp_path / "a.csv", csv_of(rows)))
    assert refresh_profiles(made, actor="test").n_refreshed == 4
    quality.save_rule(made, quality.Cap("value", Decimal(20)))
    quality.save_rule(made, quality.DropUsers(users=("d",)))
    quality.apply_rules(made)
    assert refresh_profiles(made, actor="test").n_refreshed == 3
    assert of(made, "b", "monetary") == [20]
    more = [f"{user},a,purchase,2026-01-07 10:00:00,30" for user in ("b", "d")]
    load(made, write(tmp_path / "b.csv", csv_of(more)))
    assert refresh_profiles(made, actor="test").n_refreshed == 1
    assert of(made, "b", "monetary", "n_purchases") == [40, 2]
    assert_same(published(made), built_whole(made, None))
