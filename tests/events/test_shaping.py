"""Nested, listed and wide records become events; what a value and a spelling mean."""

# ruff: noqa: E501 (one record a line)
from __future__ import annotations

import csv
import importlib
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from persmark.errors import FileRefusedError, InputError
from persmark.events import Mapping, propose, rejects_file
from persmark.events.guesses import guess_time
from persmark.events.shaping import Shaper, cell
from persmark.store import Workspace, create_workspace
from tests.conftest import HARD
from tests.events.files import counts, csv_of, event_rows, lines_rejected, load, write

PLAIN = "user_id, item_id, event_type, CAST(value AS DOUBLE), CAST(quantity AS DOUBLE)"


@pytest.fixture
def shop(data_folder: Path) -> Workspace:
    return create_workspace("shop", time_zone="UTC")


def texts(one: dict[str, Any], **how: Any) -> list[dict[str, str | None]]:
    return [{name: cell(value) for name, value in row.items()} for row in Shaper(**how).rows(one)]


def test_nested_objects_become_dotted_columns() -> None:
    one = {
        "a": {"b": {"c": 1, "张 😀": "x"}, "none": None},
        "tags": [1, {"d": True}],
        "big": 9007199254740993,
    }
    assert texts(one) == [
        {
            "a.b.c": "1",
            "a.b.张 😀": "x",
            "a.none": None,
            "tags": '[1, {"d": true}]',
            "big": "9007199254740993",
        }
    ]


def test_two_keys_that_spell_one_column_are_both_kept() -> None:
    assert texts({"a.b": "1", "a": {"b": "2"}}) == [{"a.b": "1", "a.b (2)": "2"}]


def test_arrays_of_keys_and_values_are_columns() -> None:
    params = [
        {"key": "page", "value": {"string_value": HARD, "int_value": None}},
        {"key": "n", "value": {"int_value": "7"}},
        {"key": "tier", "value": {"string_value": "gold", "set_timestamp_micros": "5"}},
        {"key": "plain", "value": "x"},
    ]
    assert texts({"event_params": params}) == [
        {
            "event_params.page": HARD, "event_params.n": "7", "event_params.tier": "gold",
            "event_params.tier.set_timestamp_micros": "5", "event_params.plain": "x",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        ([{"id": "a"}, {"id": "b", "n": 2}], [{"o": "1", "lines[].id": "a"}, {"o": "1", "lines[].id": "b", "lines[].n": "2"}]),
        ([], [{"o": "1"}]),
        (None, [{"o": "1", "lines": None}]),
        (["x", "y"], [{"o": "1", "lines[]": "x"}, {"o": "1", "lines[]": "y"}]),
        ('[{"id": "a"}]', [{"o": "1", "lines[].id": "a"}]),
        ("[broken", [{"o": "1", "lines": "[broken"}]),
    ],
)  # fmt: skip
def test_each_element_of_an_exploded_array_is_a_row(lines: Any, rows: list[dict[str, str]]) -> None:
    assert texts({"o": "1", "lines": lines}, explode="lines") == rows


def test_numbers_stay_as_they_were_written(shop: Workspace, tmp_path: Path) -> None:
    written = '{"user_id": 1.10, "event_time": 1767261600, "item_id": 1e5, "ver": 2.50}\n'
    load(shop, write(tmp_path / "x.jsonl", written))
    assert event_rows(shop, "user_id, item_id, properties") == [("1.10", "1e5", '{"ver":"2.50"}')]


ORDERS = Mapping(
    "events",
    {"user_id": "user", "event_time": "at", "item_id": "lines[].sku", "value": "lines[].price", "quantity": "lines[].n", "event_id": "id"},
    value_of="unit",
    explode="lines",
)  # fmt: skip


def order(number: int, *items: tuple[str, Any, Any], **more: Any) -> str:
    products = [{"sku": sku, "price": price, "n": n} for sku, price, n in items]
    return json.dumps(
        {"id": f"e{number}", "user": "u'1 张", "at": f"2026-01-0{number}", "lines": products, **more},
        ensure_ascii=False,
    )


def test_the_ledger_counts_records_of_several_events(shop: Workspace, tmp_path: Path) -> None:
    content = [
        order(1, ("a", 2, 3), ("b", 1.5, None)),
        order(2, ("a", 1, 1), ("b", "free", 1)),
        order(3),
        "",
        "{broken",
    ]
    source = load(shop, write(tmp_path / "o.jsonl", "\n".join(content)), mapping=ORDERS)
    # The second order has one bad line and is rejected whole.
    assert counts(source) == (5, 2, 0, 2, 1, 0)
    assert source.n_events == 3
    assert lines_rejected(shop, source) == [(2, "bad_value"), (5, "bad_json")]
    assert event_rows(shop, PLAIN + ", event_id") == [
        ("u'1 张", "a", "purchase", 6.0, 3.0, "e1"),
        ("u'1 张", "b", "purchase", 1.5, None, "e1/2"),
        ("u'1 张", None, "purchase", None, None, "e3"),
    ]
    # One order is new, one has a new line, the others stand.
    later = [order(1, ("a", 2, 3), ("b", 1.5, None), ("c", 1, 1)), order(3), order(4, ("d", 1, 1))]
    again = load(shop, write(tmp_path / "later.jsonl", "\n".join(later)), mapping=ORDERS)
    assert (again.rows_in, again.loaded, again.duplicate, again.n_events) == (3, 2, 1, 2)


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_a_rejected_record_comes_back_whole(shop: Workspace, tmp_path: Path, kind: str) -> None:
    orders = [json.loads(order(1, ("a", "2", 3))), json.loads(order(2, ("a", "1", 1), ("b", "free 😀", 1)))]
    path = tmp_path / f"o.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(orders), path)
    else:
        write(path, json.dumps(orders) if kind == "json" else "\n".join(map(json.dumps, orders)))
    source = load(shop, path, mapping=ORDERS)
    assert (source.rows_in, source.loaded, source.rejected_by_reason) == (2, 1, {"bad_value": 1})
    with rejects_file(shop, source.source_id) as rejects:
        rejects.seek(0)
        records = list(csv.reader(io.StringIO(rejects.read().decode("utf-8-sig"), newline="")))
    at = records[0].index("raw")
    mended = json.loads(records[1][at])
    mended["lines"][1]["price"] = "4"
    records[1][at] = json.dumps(mended)
    fixed = tmp_path / "fixed.csv"
    with fixed.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(records)
    assert counts(load(shop, fixed))[:4] == (1, 1, 0, 0)
    assert event_rows(shop, "item_id, CAST(value AS DOUBLE), event_id") == [
        ("a", 1.0, "e2"),
        ("a", 6.0, "e1"),
        ("b", 4.0, "e2/2"),
    ]


def test_keys_after_the_head_are_kept(shop: Workspace, tmp_path: Path) -> None:
    plain = [json.dumps({"user_id": "u", "event_time": "2026-01-01", "p": {"n": n}}) for n in range(500)]
    late = json.dumps(
        {"user_id": "late", "event_time": "2026-01-01", "p": {"奶 酪": HARD, "email": "a@example.com"}}
    )
    load(shop, write(tmp_path / "x.jsonl", "\n".join([*plain, late])))
    (found,) = event_rows(shop, "CASE WHEN user_id = 'late' THEN properties END")[:1]
    assert json.loads(found[0]) == {"p.奶 酪": HARD}


def test_a_json_array_is_read_element_by_element(shop: Workspace, tmp_path: Path) -> None:
    rows = [
        {"user_id": "u'1", "event_time": "2026-01-01", "item_id": HARD, "event_type": "view"},
        "odd",
        {"user_id": "", "event_time": "2026-01-01", "event_type": "view"},
    ]
    for name, content in (
        ("a.json", json.dumps(rows)),
        ("b.json.gz", json.dumps(rows, ensure_ascii=False, indent=2)),
    ):
        path = write(tmp_path / name, content)
        assert propose(path).format.kind == "json"
        source = load(shop, path)
        assert (source.rows_in, source.loaded + source.duplicate) == (3, 1)
        assert lines_rejected(shop, source) == [(2, "bad_json"), (3, "no_user")]
    assert event_rows(shop, "user_id, item_id") == [("u'1", HARD)]


def test_a_json_array_that_breaks_off_is_refused_whole(shop: Workspace, tmp_path: Path) -> None:
    rows = json.dumps(
        [{"user_id": f"u{n}", "event_time": "2026-01-01", "event_type": "view"} for n in range(2000)]
    )
    with pytest.raises(
        FileRefusedError,
        match=r"^A JSON array must be readable to its end\. Received: o'x\.json, broken at element 2,000\.",
    ):
        load(shop, write(tmp_path / "o'x.json", rows[:-20]))
    assert event_rows(shop) == []


WIDE = csv_of(
    [
        "u'1,2026-01-01,1,,,,,,",
        "u 2,2026-01-02,0,2,,,3,,0.00",
        "u3,2026-01-03,,0,,,,,",
        "u4,2026-01-04,1,,,,,,x",
    ],
    'user,date,Käse,"奶 ""酪"" 😀",Tee,Brot,Milch,Wein,Saft',
)


def test_a_column_for_each_product_is_noticed_and_turned(shop: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "w.csv", WIDE.replace(",x\n", ",1\n"))
    found = propose(path)
    assert list(found.mapping.unpivot) == ["Käse", '奶 "酪" 😀', "Tee", "Brot", "Milch", "Wein", "Saft"]
    assert [question.key for question in found.questions] == ["unpivot_into", "time_zone", "event_type"]
    mapping = Mapping("events", {"user_id": "user", "event_time": "date"}, unpivot=found.mapping.unpivot)
    source = load(shop, write(tmp_path / "w.csv", WIDE), mapping=mapping)
    assert counts(source) == (4, 2, 0, 1, 1, 0)
    assert (source.n_events, lines_rejected(shop, source)) == (3, [(5, "bad_quantity")])
    assert event_rows(shop, PLAIN) == [
        ("u 2", "Milch", "purchase", None, 3.0),
        ("u 2", '奶 "酪" 😀', "purchase", None, 2.0),
        ("u'1", "Käse", "purchase", None, 1.0),
    ]


SPELLINGS = {"Add2Cart": "cart", "ORDER_COMPLETED": "purchase", "加购": "cart", "sign-up": "signup", "Odd One 😀": "Odd One 😀", "pv": "view"}  # fmt: skip


@pytest.mark.parametrize("fast", [True, False])
def test_every_spelling_is_folded_also_after_the_head(
    shop: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    if not fast:
        monkeypatch.setattr(
            importlib.import_module("persmark.events.load"), "fast_fill", lambda *_, **__: None
        )
    rows = ["head,i,view,2026-01-01T00:00:00Z,"] * 500
    rows += [f"{name},i,{raw},2026-01-01T00:00:00Z," for raw, name in SPELLINGS.items()]
    source = load(shop, write(tmp_path / "x.csv", csv_of(rows)))
    found = [row for row in event_rows(shop, "user_id, event_type") if row[0] != "head"]
    assert found == sorted((name, name) for name in SPELLINGS.values())
    assert "1 event types are kept as they are: Odd One 😀 (1)." in source.questions


def test_what_the_mapping_says_of_a_type_outweighs_the_vocabulary(shop: Workspace, tmp_path: Path) -> None:
    mapping = Mapping(
        "events",
        {name: name for name in ("user_id", "event_type", "event_time")},
        event_types={"buy": "buy", "view": "impression"},
    )
    rows = ["a,buy,2026-01-01", "b,view,2026-01-01", "c,Buy,2026-01-01"]
    load(shop, write(tmp_path / "x.csv", csv_of(rows, "user_id,event_type,event_time")), mapping=mapping)
    assert event_rows(shop, "user_id, event_type") == [("a", "buy"), ("b", "impression"), ("c", "purchase")]


@pytest.mark.parametrize("fast", [True, False])
def test_refunds_count_negative_however_they_are_written(
    shop: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    if not fast:
        monkeypatch.setattr(
            importlib.import_module("persmark.events.load"), "fast_fill", lambda *_, **__: None
        )
    names = ("user_id", "event_type", "event_time", "value", "quantity", "order_id")
    mapping = Mapping(
        "events", {name: name for name in names}, value_of="unit", refund_prefix="C", negative_refunds=True
    )
    rows = [
        "a,purchase,2026-01-01,2.5,4,1",
        "b,purchase,2026-01-01,2.5,-4,2",
        "c,refund,2026-01-01,2.5,4,3",
        "d,purchase,2026-01-01,2.5,1,C4",
        "e,view,2026-01-01,-1,,C5",
    ]
    load(shop, write(tmp_path / "x.csv", csv_of(rows, ",".join(names))), mapping=mapping)
    assert event_rows(shop, "user_id, event_type, CAST(value AS DOUBLE)") == [
        ("a", "purchase", 10.0), ("b", "refund", -10.0), ("c", "refund", -10.0), ("d", "refund", -2.5), ("e", "view", -1.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "form", "written"),
    [
        (["1767261600", "1767261600123"], "epoch", "2026-01-01 10:00:00"),
        (["20260101100000"], "compact", "2026-01-01 10:00:00"),
        (["2026年1月1日 10:00:00"], "iso", "2026-01-01 10:00:00"),
        (["2026-01-01 12:00:00 +0200", "2026-01-01 10:00:00 UTC"], "iso", "2026-01-01 10:00:00"),
    ],
)
def test_times_as_exports_write_them(
    shop: Workspace, tmp_path: Path, values: list[str], form: str, written: str
) -> None:
    assert guess_time(values)[0] == form
    mapping = Mapping("events", {"user_id": "u", "event_time": "t"}, form)
    load(shop, write(tmp_path / "x.csv", csv_of([f"u,{value}" for value in values], "u,t")), mapping=mapping)
    assert {str(row[0]) for row in event_rows(shop, "event_time")} == {written}


def test_mixed_units_of_time_are_asked(shop: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", csv_of(["u,1767261600", "u,1767261600123"], "user,timestamp"))
    with pytest.raises(
        InputError,
        match=r"Times are numbers of 2 lengths, 1767261600 and 1767261600123: does the length tell its unit\?",
    ):
        load(shop, path)
