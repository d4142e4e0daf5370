"""What is odd about events, found and counted by hand."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from persmark import events
from persmark.events import Mapping, quality
from persmark.events.quality import Cap, DropUsers, Finding, FoldType, ShiftTime
from persmark.events.quality.behaviour import nearest_type
from persmark.events.quality.calendar import best_shift
from persmark.events.quality.finding import shown
from persmark.store import Workspace, create_workspace
from persmark.text import text
from tests.conftest import HARD, copied, house
from tests.events.files import HEADER, UTC_PLAIN, csv_of, load, write

ODD = HARD.replace('"', "")
FULL = f"{HEADER},quantity,order_id,currency,channel"


def found(workspace: Workspace, key: str) -> list[Finding]:
    """Findings of one key; what was kept is what was found."""
    checked = quality.check_quality(workspace)
    assert quality.findings(workspace) == checked
    assert all(len(one.examples) <= 5 and one.level in quality.LEVELS for one in checked)
    assert all(one.text.render() and one.title.render() for one in checked)
    return [one for one in checked if one.key == key]


def one(workspace: Workspace, key: str) -> tuple[str, int, int]:
    (finding,) = found(workspace, key)
    return finding.level, finding.n, finding.of


def examples(finding: Finding) -> list[str]:
    return [example.render() for example in finding.examples]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Ten rows: a repeat, an old one, a lone refund, a negative view, nobody, two currencies, a shared order."""
    rows = [
        f"{ODD},i,purchase,2026-01-05 10:00:00,5,1,o1,EUR,web",
        f"{ODD},i,purchase,2026-01-05 10:00:00,5,1,o1,EUR,web",
        f"{ODD},i,refund,2026-01-06 10:00:00,-5,-1,,EUR,web",
        "b,j,purchase,2026-01-05 11:00:00,7,1,o1,USD,web",
        "b,k,refund,2026-01-05 12:00:00,-7,-1,o9,EUR,web",
        "b,j,Add To Crt,2026-01-05 13:00:00,-1,,,,web",
        "-1,j,view,2026-01-07 10:00:00,,,,,web",
        "jane@shop.de extra,j,view,1999-12-31 23:59:59,,,,,",
        "b,j,view,soon,,,,,",
        "b,,view,2026-01-07 11:00:00,,,,,",
    ]
    folder = tmp_path_factory.mktemp("messy")
    with house(folder):
        made = create_workspace("shop-商店")
        load(made, write(folder / "o'f 张.csv", csv_of(rows, FULL)))
    return made


@pytest.fixture
def messy(made_once: Workspace, data_folder: Path) -> Workspace:
    return copied(made_once, data_folder)


def test_rows_are_counted_with_examples(messy: Workspace) -> None:
    assert one(messy, "rejected") == ("problem", 1, 10)
    assert examples(found(messy, "rejected")[0]) == ["bad_time: 1"]
    assert one(messy, "rejected_times") == ("problem", 1, 10)
    assert one(messy, "repeats") == ("problem", 1, 9)
    (negative,) = found(messy, "negative")
    assert (negative.n, negative.of) == (1, 9)
    assert examples(negative) == ["b: Add To Crt of -1, quantity –, on 2026-01-05 13:00"]
    (old,) = found(messy, "before_2000")
    assert (old.level, old.n) == ("problem", 1)
    assert examples(old) == ["jan…: view on 1999-12-31 23:59"]
    assert one(messy, "future") == ("fine", 0, 9)
    assert one(messy, "duplicates") == ("fine", 0, 10)


def test_blanks_are_counted_among_the_events_that_should_say_it(messy: Workspace) -> None:
    assert one(messy, "filled_item_id") == ("fine", 1, 8)
    assert one(messy, "filled_value") == ("fine", 0, 5)
    assert one(messy, "filled_order_id") == ("fine", 1, 5)
    assert one(messy, "filled_channel") == ("fine", 2, 9)


def test_a_column_under_seventy_percent_is_worth_a_look(empty: Workspace, tmp_path: Path) -> None:
    rows = [f"a,{'i' if n < 6 else ''},view,2026-01-01 10:00:0{n}," for n in range(9)]
    load(empty, write(tmp_path / "a.csv", csv_of(rows)))
    assert one(empty, "filled_item_id") == ("look", 3, 9)
    assert found(empty, "filled_value") == []


def test_nobody_is_named_and_may_be_left_out(messy: Workspace) -> None:
    (nobody,) = found(messy, "anonymous")
    assert (nobody.level, nobody.n, nobody.of, nobody.fix) == ("problem", 1, 9, DropUsers(users=("-1",)))
    assert examples(nobody) == ["-1: 1 events"]
    quality.save_rule(messy, nobody.fix)
    quality.apply_rules(messy)
    assert quality.findings(messy) is None
    assert one(messy, "anonymous") == ("fine", 0, 8)


def test_a_refund_needs_an_earlier_purchase_of_the_item_or_the_order(messy: Workspace) -> None:
    (lone,) = found(messy, "lone_refunds")
    assert (lone.level, lone.n, lone.of) == ("problem", 1, 2)
    assert examples(lone) == ["b: k on 2026-01-05 12:00"]


def test_orders_of_several_users_and_currencies_that_mix(messy: Workspace) -> None:
    (shared,) = found(messy, "shared_orders")
    assert (shared.level, shared.n, shared.of, examples(shared)) == ("look", 3, 9, ["o1: 2 users"])
    (mixed,) = found(messy, "currencies")
    assert (mixed.level, mixed.n, mixed.of, examples(mixed)) == (
        "problem",
        1,
        5,
        ["EUR: 4 amounts", "USD: 1 amounts"],
    )


def test_a_spelling_is_offered_its_common_name(messy: Workspace) -> None:
    assert one(messy, "unknown_types") == ("look", 1, 9)
    (spelling,) = found(messy, "type_spelling")
    assert spelling.fix == FoldType("Add To Crt", "cart")
    assert spelling.text.render() == "1 of 9 events are of type 'Add To Crt', which may be 'cart'."


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Add To Cart", "cart"),
        ("purchse", "purchase"),
        ("加购", "cart"),
        ("zzz", None),
        (ODD, None),
        ("", None),
    ],
)
def test_the_nearest_type_is_close_or_none(name: str, nearest: str | None) -> None:
    assert nearest_type(name) == nearest


def test_users_who_do_too_much_in_an_hour_are_bots(empty: Workspace, tmp_path: Path) -> None:
    rows = [f"{ODD},i,view,2026-01-01 10:{n // 60:02}:{n % 60:02}," for n in range(501)]
    rows += [f"mailed,i,impression,2026-01-01 10:{n // 60:02}:{n % 60:02}," for n in range(501)]
    load(empty, write(tmp_path / "a.csv", csv_of([*rows, "b,i,view,2026-01-01 10:00:00,"])))
    (bots,) = found(empty, "bots")
    assert (bots.level, bots.n, bots.of, bots.fix) == ("problem", 1, 3, DropUsers(per_hour=500))
    assert examples(bots) == [f"{ODD}: 501 events in the hour from 2026-01-01 10:00"]
    quality.save_rule(empty, bots.fix)
    quality.apply_rules(empty)
    assert one(empty, "bots") == ("fine", 0, 2)


def test_a_device_of_many_is_told_and_not_shown(empty: Workspace, tmp_path: Path) -> None:
    keys = Mapping("events", UTC_PLAIN.columns, keys={"device": "device"})
    rows = [f"u{n},i,view,2026-01-01 10:00:00,,till {ODD}" for n in range(11)]
    load(
        empty,
        write(tmp_path / "a.csv", csv_of([*rows, "z,i,view,2026-01-01 10:00:00,,d2"], f"{HEADER},device")),
        mapping=keys,
    )
    (crowd,) = found(empty, "crowds")
    assert (crowd.level, crowd.n, crowd.of, examples(crowd)) == ("look", 1, 2, ["one device: 11 user ids"])


def test_an_amount_far_above_the_others_may_be_capped(empty: Workspace, tmp_path: Path) -> None:
    rows = [f"u{n},i,purchase,2026-01-01 10:00:00,{1 if n < 198 else 2}" for n in range(199)]
    path = write(tmp_path / "a.csv", csv_of([*rows, "z,i,purchase,2026-01-01 10:00:00,10.01"]))
    load(empty, path)
    (over,) = found(empty, "value_outliers")  # 99 of 100 stay at 1, so that 10 is the line
    assert (over.level, over.n, over.of, over.fix) == ("look", 1, 200, Cap("value", Decimal(10)))
    assert examples(over) == ["the largest: 10.01"]


def hours(*counts: int) -> np.ndarray:
    return np.array([*counts, *[0] * (24 - len(counts))], float)


@pytest.mark.parametrize("shift", [-11, -3, 0, 1, 12])
def test_a_turned_day_is_turned_back(shift: int) -> None:
    day = hours(1, 2, 4, 9, 16, 9, 5, 3)
    best, fits, _ = best_shift(np.roll(day, -shift), day)
    assert (best, round(fits, 9)) == (shift, 1.0)


def test_a_day_without_ups_and_downs_says_nothing() -> None:
    assert best_shift(np.ones(24), hours(5, 9, 1))[1:] == (0.0, 0.0)


def day_of(prefix: str, shift: int, n_days: int) -> list[str]:
    """Sixty events a day, most of them in the afternoon, on a clock that is `shift` hours ahead."""
    busy = [12] * 2 + [13] * 6 + [14] * 14 + [15] * 20 + [16] * 10 + [17] * 5 + [18] * 3
    return [
        f"{prefix}{n % 9},i,view,2026-01-{day + 1:02} {hour + shift:02}:{n % 60:02}:00,"
        for day in range(n_days)
        for n, hour in enumerate(busy)
    ]


def test_a_source_whose_clock_is_ahead_is_offered_the_way_back(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "1.csv", csv_of(day_of("u", 0, 9))))
    load(empty, write(tmp_path / "2.csv", csv_of(day_of("v", 5, 4))))
    (clock,) = found(empty, "clock")
    assert (clock.level, clock.source_id, clock.n, clock.fix) == ("problem", 2, 240, ShiftTime(2, -5 * 3600))
    quality.save_rule(empty, clock.fix)
    quality.apply_rules(empty)
    assert one(empty, "clock") == ("fine", 0, 1)


def test_days_that_lack_events_and_days_unlike_the_others(empty: Workspace, tmp_path: Path) -> None:
    """Three weeks of 60 events a day, one day without and one with six times as many."""
    rows = [row for row in day_of("u", 0, 27) if "2026-01-14" not in row]
    again = [row.replace(",i,", f",j{n},") for n in range(5) for row in rows if "2026-01-21" in row]
    load(empty, write(tmp_path / "a.csv", csv_of([*rows, *again])))
    (gaps,) = found(empty, "gaps")
    assert (gaps.level, gaps.n, gaps.of, examples(gaps)) == ("look", 1, 27, ["2026-01-14"])
    (volume,) = found(empty, "volume")
    assert (volume.n, examples(volume)) == (1, ["2026-01-21: 360 events, usually 60"])
    with empty.reader() as reader:
        days = quality.volume_by_day(reader)
        by_hour = quality.hours_by_source(reader)
    assert len(days) == 27
    assert list(days["n_events"][12:15]) == [60, 0, 60]
    assert (len(by_hour), by_hour["share"].sum(), by_hour["n_events"][15]) == (24, pytest.approx(1), 620)


def test_dates_without_times_and_moments_of_many_events(empty: Workspace, tmp_path: Path) -> None:
    rows = [f"u{n},i,view,2026-01-{1 + n % 28:02}," for n in range(140)]
    load(
        empty,
        write(
            tmp_path / "a.csv", csv_of([*rows, *(f"v{n},i,view,2026-01-05 09:00:01," for n in range(110))])
        ),
    )
    (dates,) = found(empty, "same_time")
    assert (dates.level, dates.n, dates.of, dates.source_id) == ("look", 140, 250, 1)
    assert "stand at 00:00:00" in dates.text.render()
    (instant,) = found(empty, "same_instant")
    assert (instant.n, examples(instant)) == (110, ["2026-01-05 09:00: 110 events"])


def test_items_beside_the_catalogue(empty: Workspace, tmp_path: Path) -> None:
    load(
        empty,
        write(
            tmp_path / "a.csv",
            csv_of(["a,i,view,2026-01-01,", "b,i,view,2026-01-01,", f"b,{ODD},view,2026-01-01,"]),
        ),
    )
    assert found(empty, "items_unused") == []
    load(empty, write(tmp_path / "items.csv", "item_id,title\ni,Milk\nj,Bread\n"), kind="items")
    assert one(empty, "items_unused") == ("fine", 1, 2)
    (unknown,) = found(empty, "items_unknown")
    assert (unknown.level, unknown.n, unknown.of, examples(unknown)) == ("problem", 1, 3, [ODD])
    assert one(empty, "items_once") == ("fine", 1, 2)
    assert one(empty, "few_users") == ("problem", 1, 2)
    assert one(empty, "users_once") == ("fine", 1, 2)


def test_sources_are_spoken_of_where_they_stand_out(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "1.csv", csv_of(["a,i,view,2026-01-01 10:00:00,", "a,i,view,bad,"])))
    load(
        empty,
        write(tmp_path / "2.csv", csv_of(["a,i,view,2026-01-01 10:00:00,", "b,i,view,1999-01-01 10:00:00,"])),
    )
    assert [(f.source_id, f.n, f.of) for f in found(empty, "rejected")] == [(None, 1, 4), (1, 1, 2)]
    assert [(f.source_id, f.n, f.of) for f in found(empty, "duplicates")] == [(None, 1, 4), (2, 1, 2)]
    assert [(f.source_id, f.n, f.of) for f in found(empty, "before_2000")] == [(None, 1, 2), (2, 1, 1)]


def test_a_workspace_without_events_has_nothing_to_look_at(empty: Workspace, tmp_path: Path) -> None:
    assert quality.findings(empty) is None
    assert quality.check_quality(empty) == []
    load(empty, write(tmp_path / "1.csv", csv_of(["a,i,view,bad,"])))
    assert one(empty, "rejected") == ("problem", 1, 1)
    with empty.reader() as reader:
        assert len(quality.volume_by_day(reader)) == len(quality.hours_by_source(reader)) == 0


def test_what_was_found_holds_until_rows_change(messy: Workspace, tmp_path: Path) -> None:
    checked = quality.check_quality(messy)
    events.compact(messy)
    assert quality.findings(messy) == checked
    load(messy, write(tmp_path / "2.csv", csv_of(["c,i,view,2026-01-01 10:00:00,"])))
    assert quality.findings(messy) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("+49 151 2345678", "+49…"),
        ("13812345678", "138…"),
        ("a@b.de", "a@b…"),
        ("u" * 80, "u" * 59 + "…"),
        (ODD, ODD),
        (12, "12"),
    ],
)
def test_examples_cover_contacts(value: object, said: str) -> None:
    assert shown(value) == said


def test_a_finding_comes_back_as_it_was_kept() -> None:
    finding = Finding(
        "k", "look", text("t"), text("{a} {b} {c} {d}", a=1, b=date(2026, 1, 2), c=datetime(2026, 1, 2, 3), d=text("in {x}", x=0.5)),
        1, 2, 3, (text("e"),), DropUsers(users=(ODD,)),
    )  # fmt: skip
    assert Finding.from_json(finding.to_json()) == finding
