"""Quality rules: read, saved, applied to all events and to new ones, and taken back."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from persmark import events
from persmark.errors import InputError, NotFoundError
from persmark.events import quality
from persmark.events.quality import Cap, DropUsers, FoldType, MergeUsers, Rule, ShiftTime
from persmark.store import Workspace, create_workspace
from persmark.text import Text
from tests.conftest import HARD, copied, house
from tests.events.files import csv_of, event_rows, load, write

ODD = HARD.replace('"', "")
ODD_TYPE = "Add2Cart 加购 😀"
ROWS = [
    f"{ODD},i,{ODD_TYPE},2026-01-01 00:30:00,900", "b,i,purchase,2026-01-01 01:00:00,1000.5", "b,i,refund,2026-01-02 01:00:00,-1000.5",
    "bot,i,view,2026-01-01 10:00:00,", "bot,j,view,2026-01-01 10:59:59,", "bot,k,view,2026-01-01 11:00:00,",
]  # fmt: skip
ALL = "user_id, item_id, event_type, event_time, value, local_date, local_hour, by_rule"


def apply(workspace: Workspace, *rules: Rule) -> quality.Applied:
    for rule in rules:
        quality.save_rule(workspace, rule)
    return quality.apply_rules(workspace)


def everything(workspace: Workspace) -> Any:
    with workspace.reader() as reader:
        return {
            table: reader.rows(f"SELECT * FROM {table} ORDER BY ALL")
            for table in ("events", "originals", "echoes", "sessions", "event_counts", "identities")
        }


def originals(workspace: Workspace, columns: str = ALL) -> list[Any]:
    with workspace.reader() as reader:
        return reader.rows(f"SELECT {columns} FROM originals ORDER BY ALL")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("loaded")
    with house(folder):
        made = create_workspace("shop-商店")
        load(made, write(folder / "o'f 张.csv", csv_of(ROWS)))
    return made


@pytest.fixture
def shop(loaded: Workspace, data_folder: Path) -> Workspace:
    return copied(loaded, data_folder)


RULES = [
    (ShiftTime(3, -3600), {"kind": "shift_time", "source_id": 3, "seconds": -3600}, "Events of source 3 happened 1 h earlier than they say"),
    (ShiftTime(3, 5400), {"kind": "shift_time", "source_id": 3, "seconds": 5400}, "Events of source 3 happened 90 min later than they say"),
    (ShiftTime(3, 61), {"kind": "shift_time", "source_id": 3, "seconds": 61}, "Events of source 3 happened 61 s later than they say"),
    (FoldType(ODD_TYPE, "cart"), {"kind": "fold_type", "from": ODD_TYPE, "to": "cart"}, f"Event type '{ODD_TYPE}' counts as 'cart'"),
    (Cap("value", Decimal("500")), {"kind": "cap", "column": "value", "maximum": "500"}, "A value above 500 counts as 500"),
    (MergeUsers(), {"kind": "merge_users", "limit": 10, "apart": []}, "User ids that share a key are one user, unless more than 10 share it"),
    (MergeUsers(3, ((ODD, "a"),)), {"kind": "merge_users", "limit": 3, "apart": [[ODD, "a"]]}, "User ids that share a key are one user, unless more than 3 share it; 1 pairs stay apart"),
    (DropUsers(per_hour=500), {"kind": "drop_users", "per_hour": 500}, "Users with more than 500 events in one hour are left out"),
    (DropUsers(users=("-1", ODD)), {"kind": "drop_users", "users": ["-1", ODD]}, f"Users '-1', '{ODD}' are left out"),
    (DropUsers(users=("a", "b", "c", "d")), {"kind": "drop_users", "users": ["a", "b", "c", "d"]}, "Users 'a', 'b', 'c' and 1 more are left out"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "raw", "sentence"), RULES, ids=lambda one: str(one)[:30])
def test_a_rule_is_a_json_object_and_a_sentence(rule: Rule, raw: dict[str, Any], sentence: str) -> None:
    assert rule.to_json() == raw
    assert Rule.from_json(raw) == rule
    assert rule.sentence().render() == sentence


REFUSED = [
    ("x", "A quality rule must be a JSON object of a known 'kind'. Received: x. Available: shift_time, fold_type, cap, merge_users, drop_users."),
    ({}, "A quality rule must be a JSON object of a known 'kind'. Received: None. "),
    ({"kind": ["cap"]}, "A quality rule must be a JSON object of a known 'kind'. Received: ['cap']. "),
    ({"kind": "cap", "column": "value"}, "A quality rule 'cap' must have an amount from 0 with at most four decimals as 'maximum'. Received: None."),
    ({"kind": "cap", "column": "value", "maximum": "NaN"}, "A quality rule 'cap' must have an amount from 0 with at most four decimals as 'maximum'. Received: NaN."),
    ({"kind": "cap", "column": "value", "maximum": "1.00001"}, "A quality rule 'cap' must have an amount from 0 with at most four decimals as 'maximum'. Received: 1.00001."),
    ({"kind": "cap", "column": "; DROP", "maximum": 1}, "A quality rule 'cap' must have a known 'column'. Received: ; DROP. Available: value, quantity, discount."),
    ({"kind": "fold_type", "from": "a", "to": "a"}, "A quality rule 'fold_type' must change the event type. Received: a."),
    ({"kind": "fold_type", "from": "a", "to": " "}, "A quality rule 'fold_type' must have a text as 'to'. Received:  ."),
    ({"kind": "shift_time", "source_id": 1, "seconds": 0}, "A quality rule 'shift_time' must shift by 1 second to 400 days. Received: 0."),
    ({"kind": "shift_time", "source_id": True, "seconds": 1}, "A quality rule 'shift_time' must have a whole number of at least 1 as 'source_id'. Received: True."),
    ({"kind": "merge_users", "limit": 1}, "A quality rule 'merge_users' must have a whole number of at least 2 as 'limit'. Received: 1."),
    ({"kind": "merge_users", "apart": [["a"]]}, "A quality rule 'merge_users' must have pairs of user ids as 'apart'. Received: [['a']]."),
    ({"kind": "drop_users"}, "A quality rule 'drop_users' must have either 'per_hour' or 'users'. Received: neither."),
    ({"kind": "drop_users", "users": []}, "A quality rule 'drop_users' must have a list of user ids as 'users'. Received: []."),
    ({"kind": "drop_users", "per_hour": 5, "user": 1}, "A quality rule 'drop_users' must have no other keys than its own. Received: user. Available: per_hour, users."),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "message"), REFUSED, ids=lambda one: str(one)[:50])
def test_what_is_no_rule_is_refused(raw: object, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Rule.from_json(raw)
    assert str(refused.value).startswith(message)


def test_a_spelling_is_folded_and_both_ways_of_it_stand_in_the_tables(shop: Workspace) -> None:
    before = everything(shop)
    content = shop.manifest().group("events").content
    applied = apply(shop, FoldType(ODD_TYPE, "cart"))
    assert applied == quality.Applied(n_events=6, n_changed=1, n_left_out=0)
    assert event_rows(shop, ALL)[0] == (
        ODD, "i", "cart", datetime(2026, 1, 1, 0, 30), Decimal(900), date(2026, 1, 1), 0, 1,
    )  # fmt: skip
    assert originals(shop, "user_id, event_type, by_rule") == [(ODD, ODD_TYPE, 1)]
    assert shop.stats("events")["by_type"] == {"view": 3, "cart": 1, "purchase": 1, "refund": 1}
    assert shop.manifest().group("events").content > content
    (saved,) = quality.saved_rules(shop)
    assert (saved.active, saved.applied, saved.n_events) == (True, True, 1)
    quality.switch_rule(shop, 1, active=False)
    assert quality.rules_pending(shop)
    assert apply(shop) == quality.Applied(6, 0, 0)
    assert everything(shop) == before
    assert not quality.rules_pending(shop)


def test_folds_follow_each_other_in_the_order_they_were_saved(shop: Workspace) -> None:
    apply(shop, FoldType("view", "look"), FoldType("look", "glance"), FoldType(ODD_TYPE, "look"))
    assert shop.stats("events")["by_type"] == {"glance": 3, "look": 1, "purchase": 1, "refund": 1}
    assert [one.n_events for one in quality.saved_rules(shop)] == [3, 3, 1]
    assert originals(shop, "event_type, by_rule") == [(ODD_TYPE, 3), *[("view", 1)] * 3]
    # And back to where it began: nothing is changed at all.
    apply(shop, FoldType("glance", "view"))
    assert shop.stats("events")["by_type"] == {"view": 3, "look": 1, "purchase": 1, "refund": 1}
    assert originals(shop, "event_type") == [(ODD_TYPE,)]


def test_a_shifted_event_falls_on_its_new_local_hour_and_day(data_folder: Path, tmp_path: Path) -> None:
    workspace = create_workspace("kathmandu", time_zone="Asia/Kathmandu")  # UTC + 5:45
    load(
        workspace,
        write(
            tmp_path / "1.csv", csv_of(["a,i,view,2026-01-01 18:00:00Z,", "a,j,view,2026-01-01 18:40:00Z,"])
        ),
    )
    load(workspace, write(tmp_path / "2.csv", csv_of(["a,k,view,2026-01-01 18:00:00Z,"])))
    apply(workspace, ShiftTime(1, -1800), ShiftTime(1, -600))
    assert event_rows(workspace, "item_id, event_time, local_date, local_hour, by_rule") == [
        ("i", datetime(2026, 1, 1, 17, 20), date(2026, 1, 1), 23, 2),
        ("j", datetime(2026, 1, 1, 18, 0), date(2026, 1, 1), 23, 2),
        ("k", datetime(2026, 1, 1, 18, 0), date(2026, 1, 1), 23, 0),
    ]
    apply(workspace, ShiftTime(2, 900))
    assert event_rows(workspace, "item_id, event_time, local_date, local_hour")[2] == (
        "k", datetime(2026, 1, 1, 18, 15), date(2026, 1, 2), 0,
    )  # fmt: skip
    assert workspace.stats("events")["last_event_time"] == "2026-01-01T18:15:00"


def test_a_cap_holds_for_purchases_and_refunds_alike(shop: Workspace) -> None:
    applied = apply(shop, Cap("value", Decimal("950.25")), Cap("value", Decimal(2000)))
    assert applied.n_changed == 2
    assert event_rows(shop, "event_type, value") == [
        (ODD_TYPE, Decimal(900)), ("purchase", Decimal("950.25")), ("refund", Decimal("-950.25")), *[("view", None)] * 3,
    ]  # fmt: skip


def test_users_with_too_many_events_in_one_hour_are_left_out(shop: Workspace, tmp_path: Path) -> None:
    before = everything(shop)
    assert apply(shop, DropUsers(per_hour=2)) == quality.Applied(6, 0, 0)  # two events at ten, one at eleven
    quality.switch_rule(shop, 1, active=False)
    assert apply(shop, DropUsers(per_hour=1)) == quality.Applied(3, 0, 3)
    assert {row[0] for row in event_rows(shop)} == {ODD, "b"}
    assert shop.stats("events")["n_users"] == 2
    assert [one.n_events for one in quality.saved_rules(shop)] == [0, 3]
    # New rows of a user who was too busy before are left out at once.
    source = load(
        shop,
        write(
            tmp_path / "2.csv", csv_of(["bot,i,view,2026-02-01 10:00:00,", "b,i,view,2026-02-01 10:00:00,"])
        ),
    )
    assert (source.loaded, source.n_events) == (2, 2)
    assert shop.stats("events")["n_events"] == 4
    assert not quality.rules_pending(shop)
    # A user whom the new rows make too busy had rows before: all must be written anew.
    load(shop, write(tmp_path / "3.csv", csv_of(["b,j,view,2026-02-01 10:30:00,"])))
    assert quality.rules_pending(shop)
    assert apply(shop).n_events == 1
    assert not quality.rules_pending(shop)
    for rule in quality.saved_rules(shop):
        quality.switch_rule(shop, rule.rule_id, active=False)
    for source_id in (3, 2):
        events.undo_load(shop, source_id)
    assert everything(shop) == before


def test_where_all_events_are_left_out_they_are_known_all_the_same(shop: Workspace, tmp_path: Path) -> None:
    assert apply(shop, DropUsers(users=(ODD, "b", "bot"))).n_events == 0
    assert (
        load(shop, write(tmp_path / "2.csv", csv_of([*ROWS[:2], "c,i,view,2026-01-01 10:00:00,"]))).duplicate
        == 2
    )
    assert [row[0] for row in event_rows(shop)] == ["c"]
    quality.switch_rule(shop, 1, active=False)
    assert apply(shop) == quality.Applied(7, 0, 0)


def test_named_users_are_left_out_by_either_id(shop: Workspace) -> None:
    assert apply(shop, DropUsers(users=(ODD, "nobody"))) == quality.Applied(5, 0, 1)
    assert ODD not in {row[0] for row in event_rows(shop)}


def link(workspace: Workspace, *links: tuple[str, str, int]) -> None:
    """Links as loading a file with key columns writes them."""
    source, digest, number = zip(*links, strict=True)
    keys = {
        "source_user_id": source,
        "key": ["email"] * len(links),
        "digest": digest,
        "source_id": pa.array(number, pa.int32()),
    }
    with workspace.write("events") as w:
        for table in ("events", "sessions", "event_counts"):
            w.run(f"CREATE TABLE out.{table} AS SELECT * FROM {table}")
        w.put("identity_keys", pa.table(keys))
        w.stats.update(w.manifest.group("events").stats)


def test_merged_users_are_one_and_come_apart_again(shop: Workspace) -> None:
    link(shop, (ODD, "x1", 1), ("b", "x1", 1), ("bot", "x2", 1))
    before = everything(shop)
    assert apply(shop, MergeUsers()) == quality.Applied(6, 1, 0)
    assert {row[0] for row in event_rows(shop)} == {"b", "bot"}
    with shop.reader() as reader:
        assert reader.rows("SELECT * FROM identities") == [(ODD, "b", 1, "email")]
    assert shop.stats("events")["n_users"] == 2
    apply(shop, MergeUsers(apart=((ODD, "b"),)))
    assert [one.active for one in quality.saved_rules(shop)] == [False, True]
    quality.switch_rule(shop, 1, active=True)
    assert [one.active for one in quality.saved_rules(shop)] == [True, False]
    quality.switch_rule(shop, 1, active=False)
    apply(shop)
    assert everything(shop) == before


def test_kinds_are_applied_in_their_order_whatever_was_saved_first(shop: Workspace) -> None:
    """The refund of b is capped, then b is one with the first user, who is then left out."""
    link(shop, (ODD, "x1", 1), ("b", "x1", 1))
    before = everything(shop)
    applied = apply(
        shop,
        DropUsers(users=("b",)),
        MergeUsers(),
        Cap("value", Decimal(950)),
        FoldType(ODD_TYPE, "cart"),
        ShiftTime(1, 60),
    )
    assert applied == quality.Applied(n_events=3, n_changed=3, n_left_out=3)
    assert [one.n_events for one in quality.saved_rules(shop)] == [3, 1, 2, 1, 6]
    assert event_rows(shop, "user_id, event_time, by_rule")[0] == ("bot", datetime(2026, 1, 1, 10, 1), 5)
    assert originals(shop, "user_id, by_rule")[0] == (ODD, 5)
    for one in quality.saved_rules(shop):
        quality.switch_rule(shop, one.rule_id, active=False)
    apply(shop)
    assert everything(shop) == before


def test_new_rows_are_known_by_how_they_came_and_ruled_at_once(shop: Workspace, tmp_path: Path) -> None:
    apply(shop, FoldType(ODD_TYPE, "cart"), Cap("value", Decimal(950)))
    again = load(
        shop, write(tmp_path / "again.csv", csv_of([*ROWS[:3], f"c,i,{ODD_TYPE},2026-01-05 10:00:00,5000"]))
    )
    assert (again.loaded, again.duplicate) == (1, 3)
    assert event_rows(shop, ALL)[-1][:5] == ("c", "i", "cart", datetime(2026, 1, 5, 10), Decimal(950))
    stats = shop.stats("events")
    assert (stats["n_events"], stats["n_originals"], stats["n_echoes"], stats["source_ids"]) == (
        7,
        4,
        3,
        [1, 2],
    )
    assert [one.n_events for one in quality.saved_rules(shop)] == [2, 3]
    before = everything(shop)
    events.compact(shop)
    assert everything(shop)["events"] == before["events"]
    assert everything(shop)["originals"] == before["originals"]
    assert not quality.rules_pending(shop)


def test_the_first_file_is_loaded_under_the_rules_that_stand(empty: Workspace, tmp_path: Path) -> None:
    quality.save_rule(empty, FoldType("view", "look"))
    assert not quality.rules_pending(empty)
    assert quality.apply_rules(empty) == quality.Applied(0, 0, 0)
    source = load(empty, write(tmp_path / "1.csv", csv_of(ROWS)))
    assert (source.loaded, empty.stats("events")["by_type"]["look"]) == (6, 3)
    assert not quality.rules_pending(empty)


def test_a_rule_that_changes_nothing_makes_nothing_stale(shop: Workspace) -> None:
    content = shop.manifest().group("events").content
    assert apply(shop, FoldType("nowhere", "view")) == quality.Applied(6, 0, 0)
    assert shop.manifest().group("events").content == content
    version = shop.versions()
    assert quality.apply_rules(shop) == quality.Applied(6, 0, 0)
    assert shop.versions() == version


def test_rules_that_are_not_applied_to_the_end_are_not_applied_at_all(shop: Workspace) -> None:
    before, version = everything(shop), shop.versions()

    def stop(fraction: float, message: Text) -> None:
        if fraction >= 0.7:
            raise KeyboardInterrupt

    quality.save_rule(shop, FoldType("view", "look"))
    with pytest.raises(KeyboardInterrupt):
        quality.apply_rules(shop, on_progress=stop)
    assert (everything(shop), shop.versions(), quality.rules_pending(shop)) == (before, version, True)
    assert quality.apply_rules(shop).n_changed == 3


def test_a_rule_saved_twice_is_one_and_a_wrong_one_is_refused(shop: Workspace) -> None:
    assert [quality.save_rule(shop, FoldType("a", "b")) for _ in range(2)] == [1, 1]
    with pytest.raises(NotFoundError, match=r"^Quality rule 7 must exist\. Received: 7\. Available: 1\.$"):
        quality.switch_rule(shop, 7, active=False)
    with pytest.raises(
        InputError, match=r"^A quality rule must name a source of this workspace\. Received: 9\.$"
    ):
        quality.save_rule(shop, ShiftTime(9, 60))


def test_events_without_rules_keep_no_second_copy(shop: Workspace, tmp_path: Path) -> None:
    load(shop, write(tmp_path / "2.csv", csv_of(["z,i,view,2026-01-09 10:00:00,"])))
    held = {table for tables in shop.manifest().group("events").tables for table in tables}
    assert held == {"events", "sessions", "event_counts"}
