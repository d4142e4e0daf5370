"""From a file's cells to events: times, numbers, ids, and what is rejected with which line and why."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from persmark import events
from persmark.errors import FileRefusedError, InputError, NotFoundError
from persmark.events import Mapping, formats
from persmark.store import Workspace
from tests.conftest import HARD
from tests.events.files import (
    HEADER,
    UTC_PLAIN,
    counts,
    csv_of,
    event_rows,
    lines_rejected,
    load,
    rejects_csv,
    write,
)

GOOD = "u,i,view,2026-01-01 00:00:00,1.5"
# Any row that the database's reader does not take makes the whole file be read carefully.
BAD = "u,i,view,not a time,1.5"


def quoted_csv(rows: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def times(workspace: Workspace) -> list[datetime]:
    return [row[0] for row in event_rows(workspace, "event_time")]


@pytest.mark.parametrize("careful", [False, True], ids=["fast", "careful"])
@pytest.mark.parametrize(
    ("time_format", "time_zone", "written", "utc"),
    [
        ("iso", "UTC", "2026-03-08 02:30:00", "2026-03-08 02:30:00"),
        ("iso", "UTC", "2026-03-08T02:30:00.999Z", "2026-03-08 02:30:00"),
        ("iso", "UTC", " 2026-03-08T02:30:00+05:45 ", "2026-03-07 20:45:00"),
        ("iso", "America/New_York", "2026-01-01 00:00:00", "2026-01-01 05:00:00"),
        ("iso", "America/New_York", "2026-07-01 00:00:00", "2026-07-01 04:00:00"),
        ("iso", "America/New_York", "2026-07-01 00:00:00Z", "2026-07-01 00:00:00"),
        ("iso", "Asia/Kathmandu", "2026-01-01", "2025-12-31 18:15:00"),
        ("epoch_s", "America/New_York", "1700000000", "2023-11-14 22:13:20"),
        ("epoch_s", "UTC", "1700000000.5", "2023-11-14 22:13:20"),
        ("epoch_ms", "UTC", "1700000000999", "2023-11-14 22:13:20"),
        ("epoch_us", "UTC", "1700000000999999", "2023-11-14 22:13:20"),
        ("excel", "UTC", "45321.75", "2024-01-30 18:00:00"),
        ("excel", "America/New_York", "45321.75", "2024-01-30 23:00:00"),
        ("dmy", "UTC", "13/02/2024 03:04", "2024-02-13 03:04:00"),
        ("dmy", "Europe/Berlin", "13.02.2024", "2024-02-12 23:00:00"),
        ("dmy", "UTC", "1-2-2024 03:04:05 PM", "2024-02-01 15:04:05"),
        ("mdy", "UTC", "2/13/2024 3:04", "2024-02-13 03:04:00"),
        ("mdy", "UTC", "02/13/2024 12:04 AM", "2024-02-13 00:04:00"),
    ],
)
def test_times_become_utc_by_their_format_and_zone(  # noqa: PLR0917
    empty: Workspace, tmp_path: Path, time_format: str, time_zone: str, written: str, utc: str, careful: bool
) -> None:
    rows = [f"u,i,view,{written},1"] + ([BAD] if careful else [])
    mapping = replace(UTC_PLAIN, time_format=time_format, time_zone=time_zone)
    source = load(empty, write(tmp_path / "x.csv", csv_of(rows)), mapping=mapping)
    assert times(empty) == [datetime.fromisoformat(utc)]
    assert lines_rejected(empty, source) == ([(3, "bad_time")] if careful else [])


NO_TIMES = ("1e300", "nan", "-inf", "99999999999999999999", "0x10", "31/31/2024", HARD[1:6])


@pytest.mark.parametrize("time_format", events.TIME_FORMATS)
def test_a_time_that_is_none_costs_its_row_only(empty: Workspace, tmp_path: Path, time_format: str) -> None:
    good = {"epoch_s": "1700000000", "epoch_ms": "1700000000000", "epoch_us": "1700000000000000",
            "excel": "45321", "dmy": "01/02/2024", "mdy": "01/02/2024", "iso": "2024-01-01", "epoch": "1700000000",
            "compact": "20240101", "named": "1 Feb 2024"}[time_format]  # fmt: skip
    rows = [f"u,i,view,{good},1", *(f"v,i,view,{written},1" for written in NO_TIMES)]
    source = load(
        empty, write(tmp_path / "x.csv", csv_of(rows)), mapping=replace(UTC_PLAIN, time_format=time_format)
    )
    assert counts(source) == (1 + len(NO_TIMES), 1, 0, len(NO_TIMES), 0, 0)
    assert event_rows(empty, "user_id") == [("u",)]
    lost = lines_rejected(empty, source)
    assert [line for line, _ in lost] == list(range(3, 3 + len(NO_TIMES)))
    assert {reason for _, reason in lost} <= {"bad_time", "time_out_of_range"}


def test_times_before_1990_and_after_tomorrow_are_rejected(empty: Workspace, tmp_path: Path) -> None:
    later = datetime.now(UTC) + timedelta(days=3)
    rows = ["u,i,view,1989-12-31 23:59:59,1", "u,i,view,1990-01-01,1", f"u,i,view,{later:%Y-%m-%d},1"]
    source = load(empty, write(tmp_path / "x.csv", csv_of(rows)))
    assert lines_rejected(empty, source) == [(2, "time_out_of_range"), (4, "time_out_of_range")]


@pytest.mark.parametrize(
    ("decimal", "written", "number"),
    [
        (".", "1,234.50", "1234.5"),
        (".", "¥99.90", "99.9"),
        (".", "USD 5", "5"),
        (".", "５．５", "5.5"),
        (".", "1\u00a0000", "1000"),
        (".", "-3", "-3"),
        (".", "1e2", "100"),
        (".", "0.00005", "0.0001"),
        (".", "1_000", "1000"),
        (".", "12,34", None),
        (".", "1.2.3", None),
        (".", "NA", None),
        (".", "1e99", None),
        (".", "5 apples", None),
        (".", "99999999999999999999", None),
        (",", "1.234,50", "1234.5"),
        (",", "9,9", "9.9"),
        (",", "1.234", "1234"),
        (",", "1,2,3", None),
    ],
)
def test_numbers_are_read_as_people_write_them_or_rejected(
    empty: Workspace, tmp_path: Path, decimal: str, written: str, number: str | None
) -> None:
    content = quoted_csv(
        [HEADER.split(","), ["u", "i", "view", "2026-01-01", written], [*GOOD.split(",")[:4], ""]]
    )
    mapping = replace(UTC_PLAIN, decimal=decimal)
    source = load(empty, write(tmp_path / "x.csv", content), mapping=mapping)
    found = event_rows(empty, "value")
    assert found == sorted([(Decimal(number) if number else None,), (None,)][: source.loaded], key=str)
    assert lines_rejected(empty, source) == ([] if number else [(2, "bad_value")])


@pytest.mark.parametrize("careful", [False, True], ids=["fast", "careful"])
def test_ids_are_text_and_only_blank_is_null(empty: Workspace, tmp_path: Path, careful: bool) -> None:
    ids = ["00123", "1e5", "9007199254740993", "NA", "null", "None", "-1", HARD, "张 三"]
    rows = [HEADER.split(","), *([one, one, "view", "2026-01-01", ""] for one in ids)]
    rows += [["b", "", "view", "2026-01-01", ""]] + ([BAD.split(",")] if careful else [])
    load(empty, write(tmp_path / f"{HARD[1:9]} x.csv", quoted_csv(rows)))
    found = event_rows(empty, "user_id, item_id")
    assert sorted(found, key=str) == sorted([*((one, one) for one in ids), ("b", None)], key=str)


def test_rows_without_user_time_or_type_are_rejected_by_name(empty: Workspace, tmp_path: Path) -> None:
    rows = [GOOD, ",i,view,2026-01-01,1", "u,i,,2026-01-01,1", "u,i,view,,1", "  ,i,view,x,1", "u,i,view,x,1"]
    source = load(empty, write(tmp_path / "x.csv", csv_of(rows)))
    assert lines_rejected(empty, source) == [
        (3, "no_user"), (4, "no_event_type"), (5, "no_time"), (6, "no_user"), (7, "bad_time"),
    ]  # fmt: skip
    assert source.rejected_by_reason == {"no_user": 2, "no_event_type": 1, "no_time": 1, "bad_time": 1}


# name -> (lines after the header, rejects by line, skipped, loaded)
DIRT: dict[str, tuple[bytes, list[tuple[int, str]], int, int]] = {
    "long row": (b"u,i,view,2026-01-01,1,extra\nv,i,view,2026-01-01,1\n", [(2, "long_row")], 0, 1),
    "short row": (b"u,i,view\nv,i,view,2026-01-01,1\n", [(2, "short_row")], 0, 1),
    "NUL": (b"u\0,i,view,2026-01-01,1\nv,i,view,2026-01-01,1\n", [(2, "nul_character")], 0, 1),
    "bad byte": ("张,i,view,2026-01-01,1\nu".encode() + b"\xff,i,view,2026-01-01,1\nv,i,view,2026-01-01,1\n",
                 [(3, "bad_encoding")], 0, 2),
    "long line": (b"u," + b"x" * 2_100_000 + b",view,2026-01-01,1\nv,i,view,2026-01-01,1\n",
                  [(2, "line_too_long")], 0, 1),
    "blank lines": (b"\nv,i,view,2026-01-01,1\n\n   \n,,,,\n", [], 4, 1),
    "no last line end": (b"u,i,view,2026-01-01,1\nv,i,view,bad,1", [(3, "bad_time")], 0, 1),
    "CRLF": (b"u,i,view,2026-01-01,1\r\nv,i,view,bad,1\r\n", [(3, "bad_time")], 0, 1),
    "CR": (b"u,i,view,2026-01-01,1\rv,i,view,bad,1\r", [(3, "bad_time")], 0, 1),
    "mixed line ends": (b"u,i,view,2026-01-01,1\r\nv,i,view,2026-01-01,1\nw,i,view,2026-01-01,1\r\n", [], 0, 3),
    "open quote": (b'u,"i,view,2026-01-01,1\nv,i,view,2026-01-01,1\nw,i,view,bad,1\n',
                   [(2, "open_quote"), (4, "bad_time")], 0, 1),
    "open quote far from the end": (b'u,"i,view,2026-01-01,1\n' + b"v,i,view,2026-01-01,1\n" * 300 + b"w,i,view,bad,1\n",
                                    [(2, "open_quote"), (303, "bad_time")], 0, 300),
    "bad quote": (b'u,"i"x,view,2026-01-01,1\nv,i,view,2026-01-01,1\n', [(2, "bad_quote")], 0, 1),
    "values of several lines": (b'u,"a\nb\r\nc",view,2026-01-01,1\nv,"d\ne",view,bad,1\nw,i,view,bad,1\n',
                                [(5, "bad_time"), (7, "bad_time")], 0, 1),
    "several lines, then a short row": (b'u,"a\n\nb",view,2026-01-01,1\nv,i\n', [(5, "short_row")], 0, 1),
    "quotes in quotes": (b'u,"a ""b"" c",view,2026-01-01,1\nv,a"b,view,bad,1\n', [(3, "bad_time")], 0, 1),
}  # fmt: skip


@pytest.mark.parametrize("case", DIRT)
def test_dirt_costs_its_own_line_and_no_other(empty: Workspace, tmp_path: Path, case: str) -> None:
    body, rejected, skipped, loaded = DIRT[case]
    end = b"\r" if case == "CR" else b"\n"
    source = load(empty, write(tmp_path / "x.csv", HEADER.encode() + end + body), mapping=UTC_PLAIN)
    assert lines_rejected(empty, source) == rejected
    assert (source.skipped, source.loaded) == (skipped, loaded)


def test_a_value_of_several_lines_is_kept_whole(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "x.csv", csv_of(['u,"a\nb ""c"", d",view,2026-01-01,1'])))
    assert event_rows(empty, "item_id") == [('a\nb "c", d',)]


def test_rejects_come_back_as_csv_that_no_spreadsheet_runs(empty: Workspace, tmp_path: Path) -> None:
    rows = [
        GOOD,
        '"=cmd()""x"",😀",i,view,bad,1',
        '-5,"two\nlines",view,张,1',
        "u,i,view,2026-01-01,+HYPERLINK(1)",
    ]
    source = load(empty, write(tmp_path / "x.csv", csv_of(rows)))
    written = io.StringIO(rejects_csv(empty, source.source_id), newline="")
    found = [row[1:5] for row in csv.reader(written)]
    assert found == [
        ["line", "reason", "detail", "raw"],
        ["3", "bad_time", "bad", '"=cmd()""x"",😀",i,view,bad,1'],
        ["4", "bad_time", "张", '\'-5,"two\nlines",view,张,1'],
        ["6", "bad_value", "'+HYPERLINK(1)", "u,i,view,2026-01-01,+HYPERLINK(1)"],
    ]
    with pytest.raises(NotFoundError, match=r"^Source 99 must exist\. Received: 99\.$"):
        rejects_csv(empty, 99)


def test_nothing_of_a_rejected_row_stands_in_clear(empty: Workspace, tmp_path: Path) -> None:
    secret = "zoe@example.test"
    rows = [GOOD, f"u,i,view,{secret},1", f"u,i,view,2026-01-01,{secret}", f"{secret},i"]
    source = load(empty, write(tmp_path / "x.csv", csv_of(rows)))
    assert source.rejected == 3
    assert rejects_csv(empty, source.source_id).count(secret) == 5
    for path in empty.folder.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path.name


def test_columns_without_a_target_become_properties(empty: Workspace, tmp_path: Path) -> None:
    header = f'{HEADER},page,"odd ""name"" 😀",empty'
    rows = ['u,i,view,2026-01-01,1,/a?b="c",x y,', "v,i,view,2026-01-01,1,,,", 'w,i,view,bad,1,"a","b",']
    load(empty, write(tmp_path / "x.csv", csv_of([row.replace('"c"', "c") for row in rows], header)))
    found = dict(event_rows(empty, "user_id, properties"))
    assert json.loads(found["u"]) == {"page": "/a?b=c", 'odd "name" 😀': "x y"}
    assert found["v"] is None


def test_ignored_columns_are_left_out(empty: Workspace, tmp_path: Path) -> None:
    mapping = replace(UTC_PLAIN, ignored=("page",))
    load(empty, write(tmp_path / "x.csv", csv_of([GOOD + ",/a"], HEADER + ",page")), mapping=mapping)
    assert event_rows(empty, "properties") == [(None,)]


@pytest.mark.parametrize("kind", ["fast", "careful", "jsonl"])
def test_contacts_beside_events_are_left_out_and_the_proposal_says_so(
    empty: Workspace, tmp_path: Path, kind: str
) -> None:
    secret = "zoe@example.test"
    header = HEADER + ",E-Mail,phone number,zip"
    rows = [f"{GOOD},{secret},{secret},10115"] + ([f"{BAD},,,"] if kind == "careful" else [])
    path = write(tmp_path / "x.csv", csv_of(rows, header))
    if kind == "jsonl":
        lines = [{"user_id": "w", "event_time": "2026-01-01T00:00:00Z"}] * 600
        cells = dict(zip(header.split(","), rows[0].split(","), strict=True))
        path = write(tmp_path / "x.jsonl", "\n".join(json.dumps(line) for line in [*lines, cells]))
    else:
        assert events.propose(path).notes[-1].render() == (
            "Left out, because contacts belong in a file of users: E-Mail, phone number."
        )
    load(empty, path)
    assert json.loads(dict(event_rows(empty, "user_id, properties"))["u"])["zip"] == "10115"
    for file in empty.folder.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file.name


@pytest.mark.parametrize("careful", [False, True], ids=["fast", "careful"])
def test_event_types_are_folded_or_given(empty: Workspace, tmp_path: Path, careful: bool) -> None:
    rows = ["u,Add To Cart,2026-01-01", "v,purchase,2026-01-01", f"w,{HARD[1:7]},2026-01-01"] + [
        "x,view,bad"
    ] * careful
    header = "user_id,event_type,event_time"
    load(empty, write(tmp_path / "x.csv", csv_of(rows, header)))
    assert event_rows(empty, "user_id, event_type") == [("u", "cart"), ("v", "purchase"), ("w", HARD[1:7])]
    assert empty.stats("events")["unknown_types"] == [HARD[1:7]]
    constant = Mapping("events", {"user_id": "user_id", "event_time": "event_time"}, event_type=HARD)
    rows = ["y,2026-01-01"] + ["x,bad"] * careful
    load(empty, write(tmp_path / "y.csv", csv_of(rows, "user_id,event_time")), mapping=constant)
    assert event_rows(empty, "user_id, event_type")[-1] == ("y", HARD)


def test_parquet_and_json_lines_and_gzip_hold_the_same_events(data_folder: Path, tmp_path: Path) -> None:
    from persmark.store import create_workspace

    rows = [
        (HARD, "i", "view", "2026-01-01 00:00:00", "1.50"),
        ("v", None, "view", "2026-01-02 00:00:00", None),
    ]
    names = HEADER.split(",")
    files = [
        write(tmp_path / "a.csv.gz", quoted_csv([names, *[[cell or "" for cell in row] for row in rows]])),
        write(tmp_path / "b.jsonl", "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows)),
        write(tmp_path / "c.ndjson.gz", "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows)),
        write(tmp_path / "e.csv", quoted_csv([names, *[[cell or "" for cell in row] for row in rows]]), "utf-16"),
    ]  # fmt: skip
    typed = pa.table({
        "user_id": [row[0] for row in rows], "item_id": [row[1] for row in rows],
        "event_type": ["view", "view"], "event_time": [datetime.fromisoformat(row[3]) for row in rows],
        "value": pa.array([Decimal("1.5"), None], pa.decimal128(10, 2)),
    })  # fmt: skip
    pq.write_table(typed, tmp_path / "d.parquet")
    found = []
    for n, path in enumerate([*files, tmp_path / "d.parquet"]):
        workspace = create_workspace(f"w{n}")
        assert counts(load(workspace, path)) == (2, 2, 0, 0, 0, 0)
        found.append(event_rows(workspace, "* EXCLUDE source_id"))
    assert all(one == found[0] for one in found[1:])


def test_a_parquet_row_that_cannot_be_read_is_rejected_with_its_row(empty: Workspace, tmp_path: Path) -> None:
    pq.write_table(
        pa.table(
            {"user_id": ["u", None, "w"], "event_time": ["2026-01-01", "2026-01-01", "x"], "a b": [HARD] * 3}
        ),
        tmp_path / "x.parquet",
    )
    source = load(empty, tmp_path / "x.parquet")
    assert lines_rejected(empty, source) == [(2, "no_user"), (3, "bad_time")]
    rows = list(csv.reader(io.StringIO(rejects_csv(empty, source.source_id))))
    assert json.loads(rows[1][4]) == {"event_time": "2026-01-01", "a b": HARD}


def test_parquet_columns_of_like_names_keep_their_own_values(empty: Workspace, tmp_path: Path) -> None:
    names = ["user_id", "event_time", "USER_ID", "user_id", "a b"]
    columns = [["u"], ["2026-01-01"], ["v"], ["w"], [HARD]]
    pq.write_table(pa.table([pa.array(column) for column in columns], names=names), tmp_path / "x.parquet")
    load(empty, tmp_path / "x.parquet")
    ((user_id, properties),) = event_rows(empty, "user_id, properties")
    assert user_id == "u"
    assert json.loads(properties) == {"USER_ID (2)": "v", "user_id (3)": "w", "a b": HARD}


def test_json_lines_that_are_none_are_rejected_by_line(empty: Workspace, tmp_path: Path) -> None:
    lines = [
        '{"user_id": "u", "event_time": "2026-01-01", "deep": {"a": ["张", 1]}}',
        "", "[1]", "{", '{"user_id": 7, "event_time": "2026-01-01"}', "9" * 5000, "[" * 100_000,
        '{"user_id": "\\ud800", "event_time": "2026-01-01"}', '{"event_time": "2026-01-01"}',
        '{"user_id": "n\\u0000", "event_time": "2026-01-01"}',
        '{"user_id": "late", "event_time": "2026-01-01", "new key": 1}',
    ]  # fmt: skip
    source = load(empty, write(tmp_path / "x.jsonl", "\n".join(lines)))
    assert lines_rejected(empty, source) == [
        (3, "bad_json"), (4, "bad_json"), (6, "bad_json"), (7, "bad_json"), (8, "bad_encoding"), (9, "no_user"),
        (10, "nul_character"),
    ]  # fmt: skip
    found = dict(event_rows(empty, "user_id, properties"))
    assert found.keys() == {"u", "7", "late"}
    assert json.loads(found["late"]) == {"new key": "1"}
    assert json.loads(found["u"]) == {"deep.a": '["张", 1]'}


def test_json_keys_that_come_late_are_kept(empty: Workspace, tmp_path: Path) -> None:
    """The look at a file ends after its first rows; what they do not have is not lost."""
    lines = ['{"user_id": "u", "event_time": "2026-01-01T00:00:00Z"}'] * 600
    late = {
        "user_id": "w",
        "event_time": "2026-01-01T00:00:00Z",
        f"page {HARD}": HARD,
        "nothing": None,
        "left out": 1,
    }
    path = write(
        tmp_path / "x.jsonl", "\n".join([*lines, json.dumps(late), '{"user_id": "x", "\\ud800": 1}'])
    )
    mapping = Mapping("events", {"user_id": "user_id", "event_time": "event_time"}, ignored=("left out",))
    source = load(empty, path, mapping=mapping)
    assert lines_rejected(empty, source) == [(602, "bad_encoding")]
    found = dict(event_rows(empty, "user_id, properties"))
    assert json.loads(found["w"]) == {f"page {HARD}": HARD}
    assert found["u"] is None


def test_a_header_with_a_wrong_quote_swallows_no_row(empty: Workspace, tmp_path: Path) -> None:
    header = 'user_id,"item"_id,event_type,event_time,"value'
    columns = {"user_id": "user_id", "event_time": "event_time"}
    for n, written in enumerate(
        (header.replace(',"value', ",value"), header.replace('"item"_id', "item_id") + '"x')
    ):
        source = load(
            empty, write(tmp_path / f"{n}.csv", csv_of([f"a{n},i,view,2026-01-01,1", f"b{n},i,view,2026-01-02,1"], written)),
            mapping=Mapping("events", columns),
        )  # fmt: skip
        assert (source.rows_in, source.loaded) == (2, 2)


def test_a_header_alone_is_kept_with_nought_rows(empty: Workspace, tmp_path: Path) -> None:
    source = load(empty, write(tmp_path / "x.csv", HEADER + "\n"))
    assert counts(source) == (0, 0, 0, 0, 0, 0)
    assert [one.state for one in events.ledger(empty)] == ["loaded"]
    assert empty.versions() == {}


def test_a_preamble_and_a_sep_line_are_skipped_and_lines_stay_right(empty: Workspace, tmp_path: Path) -> None:
    content = "Report\n\nof O'Neil\n" + csv_of([GOOD, "v,i,view,bad,1"]).replace(",", ";")
    source = load(empty, write(tmp_path / "x.csv", content))
    assert counts(source) == (5, 1, 0, 1, 3, 0)
    assert lines_rejected(empty, source) == [(6, "bad_time")]
    again = load(
        empty,
        write(tmp_path / "y.csv", "sep=;\n" + csv_of(["w;i;view;2026-01-01;1"], HEADER.replace(",", ";"))),
    )
    assert counts(again) == (2, 1, 0, 0, 1, 0)


def test_the_sample_takes_no_files(data_folder: Path, tmp_path: Path) -> None:
    from persmark.store import create_workspace

    sample = create_workspace("sample", kind="sample")
    with pytest.raises(InputError) as refused:
        events.load(sample, write(tmp_path / "张.csv", csv_of([GOOD])))
    assert str(refused.value).startswith(
        "The built-in sample must stay as it is. Received: 张.csv for workspace 'sample'. Load it into"
    )
    assert sample.state.count("sources") == 0


def test_ambiguous_dates_wait_for_an_answer(empty: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "x '张.csv", csv_of(["u,i,view,01/02/2024,1"]))
    with pytest.raises(InputError) as refused:
        events.load(empty, path)
    assert str(refused.value) == (
        "A file's meaning must not be guessed: Is 01/02/2024 day first or month first? No date in the first "
        "rows tells. Received: x '张.csv. Answer it on the Events page, or give --mapping with 'time_format' "
        "as one of dmy, mdy."
    )
    assert empty.state.count("sources") == 0
    load(empty, path, mapping=replace(UTC_PLAIN, time_format="mdy"))
    assert times(empty) == [datetime(2024, 1, 2)]


def test_what_was_assumed_is_said(empty: Workspace, tmp_path: Path) -> None:
    source = load(empty, write(tmp_path / "x.csv", csv_of(["u,2026-01-01"], "user,time")))
    assert source.questions == [
        "Times carry no zone: in which zone were they written? (UTC)",
        "The file has no event type: what did its rows record? (purchase)",
    ]


def test_a_saved_mapping_is_used_for_the_next_file_of_that_shape(empty: Workspace, tmp_path: Path) -> None:
    header = "who,what,when"
    mapping = Mapping(
        "events", {"user_id": "who", "event_time": "when"}, "dmy", event_type="view", ignored=("what",)
    )
    load(empty, write(tmp_path / "a.csv", csv_of(["u,x,01/02/2024"], header)), mapping=mapping)
    source = load(empty, write(tmp_path / "b.csv", csv_of(["v,x,03/04/2024"], header)), kind="events")
    assert source.mapping == mapping.to_json()
    assert times(empty) == [datetime(2024, 2, 1), datetime(2024, 4, 3)]


def test_the_last_answer_for_a_shape_is_the_one_that_is_used(empty: Workspace, tmp_path: Path) -> None:
    row = csv_of(["u,i,view,01/02/2024,1"])
    load(empty, write(tmp_path / "b.csv", row), mapping=replace(UTC_PLAIN, time_format="dmy"))
    load(empty, write(tmp_path / "a.csv", row), mapping=replace(UTC_PLAIN, time_format="mdy"))
    source = load(empty, write(tmp_path / "c.csv", row.replace("u,", "w,")))
    assert source.mapping["time_format"] == "mdy"


def test_a_file_that_grows_beyond_any_text_is_refused(empty: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv.gz", csv_of([GOOD] * 2) + "u,i,view,2026-01-01,1\n" * 2_000_000)
    with pytest.raises(
        FileRefusedError, match=r"^A compressed file must not grow more than 200 times\. Received"
    ):
        events.load(empty, path)
    assert empty.state.count("sources") == 0


def test_a_gzip_that_is_cut_after_its_head_is_refused(empty: Workspace, tmp_path: Path) -> None:
    import gzip
    import os

    body = csv_of([f"u{n},{os.urandom(20).hex()},view,2026-01-01,1" for n in range(30_000)])
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(body.encode())[:-5000])
    with pytest.raises(
        FileRefusedError, match=r"^A \.gz file must be readable to its end\. Received: x\.csv\.gz\."
    ):
        events.load(empty, path)
    assert empty.versions() == {}


def test_a_last_row_with_a_user_or_a_time_is_no_footer(empty: Workspace, tmp_path: Path) -> None:
    header = "item_id,user_id,event_type,event_time,value"
    last = "Sum of all fears,,view,2026-01-01 00:00:00,1.5"
    good = "book,u,view,2026-01-01 00:00:00,1.5"
    path = write(tmp_path / "x.csv", csv_of([good, last], header))
    source = load(empty, path, mapping=UTC_PLAIN)
    assert counts(source) == (2, 1, 0, 1, 0, 0)
    assert lines_rejected(empty, source) == [(3, "no_user")]
    shorter = write(tmp_path / "y.csv", csv_of([good, "Total,,,,1.5"], header))
    assert counts(load(empty, shorter, mapping=UTC_PLAIN)) == (2, 0, 1, 0, 1, 0)


def test_values_too_large_to_be_summed_as_one_are_loaded(empty: Workspace, tmp_path: Path) -> None:
    rows = [f"u,{n},purchase,2026-01-01 00:00:00,90000000000000" for n in range(2)]
    load(empty, write(tmp_path / "x.csv", csv_of(rows)), mapping=UTC_PLAIN)
    load(empty, write(tmp_path / "y.csv", csv_of(["v" + rows[0]])), mapping=UTC_PLAIN)
    with empty.reader() as reader:
        assert reader.rows("SELECT sum(value) FROM event_counts") == [(Decimal(270_000_000_000_000),)]


ONCE = '{"user_id": "u", "event_time": "2026-01-01"}'
TWICE = '{"user_id": "a", "event_time": "2026-01-01", "user_id": "b"}'
DEEP = '{"user_id": "a", "event_time": "2026-01-01", "deep": [{"k": 1, "k": 2}]}'


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.jsonl", "\n".join([TWICE, DEEP, ONCE])), ("x.json", f"[{TWICE}, {DEEP},\n{ONCE}]")],
)
def test_a_key_that_comes_twice_loses_nothing_silently(
    empty: Workspace, tmp_path: Path, name: str, content: str
) -> None:
    source = load(empty, write(tmp_path / name, content))
    assert lines_rejected(empty, source) == [(1, "repeated_key"), (2, "repeated_key")]
    assert event_rows(empty, "user_id") == [("u",)]


def test_a_long_look_through_a_file_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_TELL_BYTES", 1 << 22)
    path = write(tmp_path / "long.csv.gz", csv_of(["u1,i1,view,2026-01-01 00:00:00,1.50"] * 300_000))
    told: list[tuple[float, str]] = []
    read = formats.digest(path, "gzip", on_progress=lambda share, said: told.append((share, str(said))))
    assert read.n_lines == 300_001
    assert [said for _, said in told] == ["Looking through 4 MB", "Looking through 8 MB"]
    assert 0 < told[0][0] < told[1][0] <= 1
