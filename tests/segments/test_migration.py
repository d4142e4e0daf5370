"""Who moved between two moments: by hand, against pandas, and that all sums come out even."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from persmark import events
from persmark.errors import InputError
from persmark.profiles import build_profiles
from persmark.segments import (
    BY_CLAUSES,
    ENTERED,
    GONE,
    LEFT,
    NEW,
    NO_VALUE,
    PUBLISHED,
    STAYED,
    Migration,
    count,
    flow,
    get_snapshot,
    list_snapshots,
    migrate,
    published_snapshot,
    take_snapshot,
    then_and_now,
    users_of_flow,
)
from persmark.store import Workspace, create_workspace
from tests.events.files import csv_of, load, write
from tests.profiles.made import event, workspace

ODD = 'o\'Neil "张" 😀%'
BEFORE, AFTER = datetime(2026, 1, 31, 23, 59, 59), datetime(2026, 3, 31, 23, 59, 59)
RULE = {"all": [
    {"column": "recency_days", "is": "<=", "value": 60},
    {"column": "n_purchases", "is": ">=", "value": 2},
]}  # fmt: skip
# Ten purchases. `ODD` bought lately and leaves; b lacked an order; c lacked both; d is new; e stays.
BOUGHT = [
    (ODD, "2026-01-01"), (ODD, "2026-01-20"), ("b", "2026-01-25"), ("b", "2026-03-20"),
    ("c", "2025-11-01"), ("c", "2026-03-30"), ("d", "2026-03-01"), ("d", "2026-03-02"),
    ("e", "2026-01-30"), ("e", "2026-01-31"),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = workspace(
        tmp_path_factory.mktemp("moved"),
        [event(user, "purchase", f"{day}T12:00:00", "milk", value=1) for user, day in BOUGHT],
        items=[{"item_id": "milk", "category": ODD}],
    )
    build_profiles(made, as_of=AFTER, actor="test")
    take_snapshot(made, as_of=BEFORE)
    return made


def moved(shop: Workspace, rule: dict[str, Any], before: int = 1, after: int = PUBLISHED) -> Migration:
    with shop.reader() as reader:
        return migrate(reader, rule, get_snapshot(shop, before), get_snapshot(shop, after))


def named(found: Migration, move: str, way: int | None = None) -> list[str]:
    return sorted(found.users(move, way).column("user_id").to_pylist())


def test_a_migration_worked_by_hand(shop: Workspace) -> None:
    found = moved(shop, RULE)
    assert (found.n_before, found.n_entered, found.n_left, found.n_after) == (2, 3, 1, 4)
    assert (found.n_stayed, found.n_new, found.n_gone) == (1, 1, 0)
    assert {(way.move, way.reason, way.clauses): named(found, way.move, place)
            for place, way in enumerate(found.ways)} == {
        (ENTERED, BY_CLAUSES, (1,)): ["b"],
        (ENTERED, BY_CLAUSES, (0, 1)): ["c"],
        (ENTERED, NEW, ()): ["d"],
        (LEFT, BY_CLAUSES, (0,)): [ODD],
    }  # fmt: skip
    assert named(found, STAYED) == ["e"]
    recency, orders = found.clauses
    assert str(recency.sentence) == "Recency is at most 60 days"
    assert (recency.n_entered, recency.n_entered_alone, recency.n_left, recency.n_left_alone) == (1, 0, 1, 1)
    assert (orders.n_entered, orders.n_entered_alone, orders.n_left, orders.n_left_alone) == (2, 1, 0, 0)


def test_the_same_migration_out_of_the_purchases_alone(shop: Workspace) -> None:
    """Without profiles: recency and orders counted from the ten rows by pandas."""
    bought = pd.DataFrame(BOUGHT, columns=["user", "day"])
    bought["day"] = pd.to_datetime(bought["day"] + "T12:00:00")

    def holds(moment: datetime) -> pd.DataFrame:
        seen = bought[bought["day"] <= moment].groupby("user")["day"]
        recency = (pd.Timestamp(moment) - seen.max()).dt.days
        return pd.DataFrame({"c0": recency <= 60, "c1": seen.count() >= 2})

    first, second = holds(BEFORE), holds(AFTER)
    was, is_ = set(first.index[first.all(axis=1)]), set(second.index[second.all(axis=1)])
    found = moved(shop, RULE)
    assert (named(found, ENTERED), named(found, LEFT)) == (sorted(is_ - was), sorted(was - is_))
    assert named(found, STAYED) == sorted(was & is_)
    assert found.n_new == len((is_ - was) - set(first.index))
    both = first.index.intersection(second.index)
    turned = first.loc[both] != second.loc[both]
    for place, clause in enumerate(found.clauses):
        flips = set(turned.index[turned[f"c{place}"]])
        assert clause.n_entered == len(flips & (is_ - was))
        assert clause.n_left == len(flips & (was - is_))


def test_turned_round_who_entered_has_left(shop: Workspace) -> None:
    there, back = moved(shop, RULE), moved(shop, RULE, before=PUBLISHED, after=1)
    assert (back.n_entered, back.n_left, back.n_before) == (there.n_left, there.n_entered, there.n_after)
    assert [way.reason for way in back.ways if way.reason != BY_CLAUSES] == [GONE]


def test_a_rule_around_one_condition_or_a_segments_name_is_looked_into(shop: Workspace) -> None:
    with shop.reader() as reader:
        ends = get_snapshot(shop, 1), published_snapshot(shop)
        inside = migrate(reader, {"all": [{"segment": ODD}]}, *ends, saved={ODD: RULE})
    assert len(inside.clauses) == 2
    assert inside.ways == moved(shop, RULE).ways
    everyone = moved(shop, {"all": []})
    assert [(way.reason, way.n_users) for way in everyone.ways] == [(NEW, 1)]


def test_one_moment_twice_is_refused(shop: Workspace) -> None:
    with pytest.raises(
        InputError, match=r"must have two different moments\. Received: As of 2026-01-31 23:59"
    ):
        moved(shop, RULE, before=1, after=1)


def test_a_flow_adds_up_to_both_sizes(shop: Workspace) -> None:
    with shop.reader() as reader:
        ends = get_snapshot(shop, 1), published_snapshot(shop)
        table = {(row["origin"], row["target"]): row["n_users"]
                 for row in flow(reader, "lifecycle", *ends).to_pylist()}  # fmt: skip
        # First purchases up to 30 days ago are new, but that of c, 91 days ago; later `ODD` bought last
        # 70 days ago, b, c and e up to 60, and the first of d was 30 days ago.
        assert table == {
            ("new", "at_risk"): 1, ("new", "active"): 2, ("at_risk", "active"): 1, (NEW, "new"): 1,
        }  # fmt: skip
        users = users_of_flow(reader, "lifecycle", *ends, origin=NEW, target="new")
        assert users.column("user_id").to_pylist() == ["d"]
        named_flow = flow(reader, "top_category_2", *ends).to_pylist()
    assert {(row["origin"], row["target"]) for row in named_flow} == {(NO_VALUE, NO_VALUE), (NEW, NO_VALUE)}


def test_users_are_listed_with_their_figures_of_both_moments(shop: Workspace) -> None:
    with shop.reader() as reader:
        ends = get_snapshot(shop, 1), published_snapshot(shop)
        users = moved(shop, RULE).users(ENTERED)
        rows = {row["user_id"]: row for row in then_and_now(reader, users, *ends, 10).to_pylist()}
        assert then_and_now(reader, users, *ends, 2).num_rows == 2
    assert (rows["b"]["n_purchases_before"], rows["b"]["n_purchases_after"]) == (1, 2)
    assert (rows["d"]["recency_days_before"], rows["d"]["recency_days_after"]) == (None, 29)


def test_users_of_an_undone_load_are_gone(tmp_path: Path) -> None:
    made = create_workspace("made", root=tmp_path)
    load(made, write(tmp_path / "a.csv", csv_of(["a,x,purchase,2026-01-01 10:00:00,5"])))
    later = csv_of(["b,x,purchase,2026-01-02 10:00:00,5", "a,x,purchase,2026-01-02 11:00:00,5"])
    load(made, write(tmp_path / "b.csv", later))
    build_profiles(made, actor="test")
    take_snapshot(made, as_of=datetime(2026, 1, 2, 12))
    events.undo_load(made, 2)
    build_profiles(made, actor="test")
    assert [one.stale for one in list_snapshots(made)] == [True]
    found = moved(made, {"column": "n_purchases", "is": ">=", "value": 1})
    assert (found.n_before, found.n_left, found.n_gone, found.n_after) == (2, 1, 1, 1)
    assert [(way.reason, way.n_users) for way in found.ways] == [(GONE, 1)]


RULES: tuple[dict[str, Any], ...] = (
    RULE,
    {"any": [*RULE["all"], {"events": {"event_type": "view", "at_least": 2, "within_days": 20}}]},
    {"not": {"column": "lifecycle", "is": "=", "value": "active"}},
    {"all": [
        {"any": [{"column": "n_events", "is": ">=", "value": 6}, {"segment": "lifecycle: at_risk"}]},
        {"events": {"category": ODD, "at_least": 1, "within_days": 45}},
        {"not": {"events": {"event_type": "purchase", "at_least": 1, "within_days": 10}}},
    ]},
)  # fmt: skip


def even(found: Migration) -> None:
    """Every sum that must come out."""
    assert found.n_before + found.n_entered - found.n_left == found.n_after
    assert found.n_stayed + found.n_left == found.n_before
    for move, n in ((ENTERED, found.n_entered), (LEFT, found.n_left)):
        ways = [way for way in found.ways if way.move == move]
        assert sum(way.n_users for way in ways) == n == found.users(move).num_rows
        assert len({(way.reason, way.clauses) for way in ways}) == len(ways)
        assert all(way.clauses for way in ways if way.reason == BY_CLAUSES)
        strange = found.n_new if move == ENTERED else found.n_gone
        assert sum(way.n_users for way in ways if way.reason != BY_CLAUSES) == strange
        for place, clause in enumerate(found.clauses):
            with_it = [way for way in ways if place in way.clauses]
            turned, alone = (
                (clause.n_entered, clause.n_entered_alone) if move == ENTERED
                else (clause.n_left, clause.n_left_alone)
            )  # fmt: skip
            assert turned == sum(way.n_users for way in with_it)
            assert alone == sum(way.n_users for way in with_it if len(way.clauses) == 1)
    assert len(set(found.moves.column("user_id").to_pylist())) == found.moves.num_rows


def test_sums_come_out_even_on_random_moments(tmp_path: Path) -> None:
    rng = np.random.default_rng(31)
    start = datetime(2026, 1, 1)
    rows = []
    for _ in range(400):
        at = start + timedelta(hours=int(rng.integers(0, 120 * 24)))
        user = f"{ODD}{int(rng.integers(40) ** 2 // 40)}"
        kind = "purchase" if rng.random() < 0.4 else "view"
        rows.append(event(user, kind, at.isoformat(), f"i{rng.integers(4)}", value=1))
    items = [{"item_id": f"i{n}", "category": ODD if n % 2 else "other"} for n in range(4)]
    made = workspace(tmp_path, rows, items=items)
    moments = sorted(
        start + timedelta(days=int(day)) for day in rng.choice(np.arange(20, 119), 3, replace=False)
    )
    for moment in moments[:2]:
        take_snapshot(made, as_of=moment)
    build_profiles(made, as_of=moments[1], actor="test")
    with made.reader() as reader:
        sizes = [count(reader, rule) for rule in RULES]
    build_profiles(made, as_of=moments[2], actor="test")
    n_moved = 0
    with made.reader() as reader:
        every = [*list_snapshots(made), published_snapshot(made)]
        for ends in itertools.permutations(every, 2):
            for size, rule in zip(sizes, RULES, strict=True):
                found = migrate(reader, rule, *ends)
                even(found)
                # What a build of that very moment counts.
                assert ends[0].as_of != moments[1] or found.n_before == size
                assert ends[1].as_of != moments[1] or found.n_after == size
                n_moved += found.n_entered + found.n_left
            table = flow(reader, "lifecycle", *ends).to_pandas()
            assert table[table["origin"] != NEW]["n_users"].sum() == ends[0].n_users
            assert table[table["target"] != GONE]["n_users"].sum() == ends[1].n_users
    assert n_moved > 50


def test_events_of_later_uploads_do_not_count_before_them(tmp_path: Path) -> None:
    made = create_workspace("made", root=tmp_path)
    load(
        made,
        write(tmp_path / "a.csv", csv_of(["a,x,view,2026-01-01 10:00:00,", "b,x,view,2026-01-05 10:00:00,"])),
    )
    # Older than the last event of the first file, and loaded after it.
    load(made, write(tmp_path / "b.csv", csv_of(["a,x,view,2026-01-02 10:00:00,"])))
    build_profiles(made, actor="test")
    take_snapshot(made, before_source=2)
    found = moved(made, {"events": {"event_type": "view", "at_least": 2}})
    assert (found.n_before, found.n_entered, found.n_after) == (0, 1, 1)
    assert named(found, ENTERED) == ["a"]


def test_a_kept_list_is_said_to_be_of_today(shop: Workspace) -> None:
    with shop.write("segments") as writer:
        writer.put("segment_members", pa.table({"segment": [ODD], "user_id": ["b"]}))
    found = moved(shop, {"all": [RULE["all"][1], {"members": ODD}]})
    assert (found.n_before, found.n_after) == (0, 1)
    assert [str(one) for one in found.of_today] == [f"is on the list “{ODD}”"]
    assert moved(shop, RULE).of_today == ()
