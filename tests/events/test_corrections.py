"""Rejected rows are downloaded, fixed in a spreadsheet, uploaded again, and exactly those appear."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from persmark import events
from persmark.errors import FileRefusedError, InputError
from persmark.events import Mapping, Source
from persmark.store import Workspace, create_workspace
from tests.conftest import HARD
from tests.events.files import (
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
BAD = [
    '"O\'Neil ""张"" 😀","two\nlines",view,yesterday,5',  # line 3
    "w,k,purchase,2026-01-03,viel",  # line 5
    "x,k,view,2026-01-03,1,more",
    '-5,"k,view,2026-01-03,1',
    "y,k,view,2026-01-04",
]


def mended(
    workspace: Workspace, source: Source, path: Path, fix: Callable[[int, str], str], **form: str
) -> Path:
    """The download as somebody saves it from a spreadsheet: `fix` gets line and raw text, escapes on."""
    rows = list(csv.reader(io.StringIO(rejects_csv(workspace, source.source_id), newline="")))
    place = rows[0].index("raw")
    for row in rows[1:]:
        row[place] = fix(int(row[1]), row[place])
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=form.get("delimiter", ",")).writerows(rows)
    return write(path, out.getvalue(), form.get("encoding", "utf-8"))


def fix_csv(line: int, raw: str) -> str:
    return {
        3: raw.replace("yesterday", "2026-01-02 10:00:00"),
        5: raw.replace("viel", "9.50"),
        6: raw.removesuffix(",more"),
        7: raw.replace('"', ""),
        8: raw,
    }[line]


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16"), (",", "gb18030")]
)
def test_exactly_the_fixed_rows_appear(
    empty: Workspace, tmp_path: Path, delimiter: str, encoding: str
) -> None:
    source = load(empty, write(tmp_path / "shop.csv", csv_of([GOOD, *BAD])), mapping=UTC_PLAIN)
    assert counts(source) == (6, 1, 0, 5, 0, 0)
    path = mended(
        empty, source, tmp_path / "rejected-1.csv",
        lambda line, raw: fix_csv(line, raw.replace("😀", "") if encoding == "gb18030" else raw),
        delimiter=delimiter, encoding=encoding,
    )  # fmt: skip
    back = load(empty, path)
    assert counts(back) == (5, 4, 0, 1, 0, 0)
    assert (back.corrects, back.questions[0]) == (1, "Corrections of shop.csv.")
    assert lines_rejected(empty, back) == [(8, "short_row")]
    name = 'O\'Neil "张" ' + ("" if encoding == "gb18030" else "😀")
    assert [row[:3] for row in event_rows(empty)] == [
        ("-5", "k", "view"), (name.strip(), "two\nlines", "view"), ("u", "i", "view"),
        ("w", "k", "purchase"), ("x", "k", "view"),
    ]  # fmt: skip
    again = load(empty, path)
    assert counts(again) == (5, 0, 4, 1, 0, 0)
    third = mended(empty, back, tmp_path / "third.csv", lambda line, raw: raw + ",2")
    last = load(empty, third)
    assert (counts(last), last.corrects) == ((1, 1, 0, 0, 0, 0), 2)


def test_a_fixed_row_that_stands_already_is_a_duplicate_and_a_blank_one_is_left_out(
    empty: Workspace, tmp_path: Path
) -> None:
    source = load(empty, write(tmp_path / "a.csv", csv_of([GOOD, BAD[1], BAD[4]])), mapping=UTC_PLAIN)
    path = mended(empty, source, tmp_path / "r.csv", lambda line, raw: GOOD if line == 3 else " ")
    assert counts(load(empty, path)) == (2, 0, 1, 0, 1, 0)


def test_a_row_still_bad_is_rejected_under_its_own_line_with_what_was_typed(
    empty: Workspace, tmp_path: Path
) -> None:
    source = load(empty, write(tmp_path / "a.csv", csv_of([GOOD, *BAD])), mapping=UTC_PLAIN)
    path = mended(
        empty, source, tmp_path / "r.csv",
        {5: "w,k,purchase,2026-01-03,zehn", 7: 'a "b,"c'}.get,
    )  # fmt: skip
    back = load(empty, path)
    assert back.loaded == 0
    found = {row[1]: row[2:5] for row in csv.reader(io.StringIO(rejects_csv(empty, 2), newline=""))}
    assert found["5"] == ["bad_value", "zehn", "w,k,purchase,2026-01-03,zehn"]
    assert found["7"][2] == 'a "b,"c'
    assert found["3"] == ["bad_time", "yesterday", BAD[0]]


def test_bytes_that_were_no_text_stay_rejected_until_they_are_typed_anew(
    empty: Workspace, tmp_path: Path
) -> None:
    raw = (
        csv_of([*(f"李四{n}😀,i,view,2026-01-02,1" for n in range(9)), "張三,i,view,2026-01-02,1"])
        .encode()
        .replace("三".encode(), b"\xe4\xff")
    )
    source = load(empty, write(tmp_path / "a.csv", raw), mapping=UTC_PLAIN)
    assert source.rejected_by_reason == {"bad_encoding": 1}
    same = mended(empty, source, tmp_path / "r.csv", lambda line, raw: raw)
    assert counts(load(empty, same)) == (1, 0, 0, 1, 0, 0)
    fixed = mended(empty, source, tmp_path / "r.csv", lambda line, raw: raw.replace("\ufffd", "三"))
    assert load(empty, fixed).loaded == 1


def test_json_lines_and_parquet_come_back_by_their_own_names(empty: Workspace, tmp_path: Path) -> None:
    rows = [
        {"user_id": "u", "event_time": "2026-01-01", "event_type": "view", "a b": 1},
        {"user_id": HARD, "event_time": "soon", "event_type": "view", "a b": "=x"},
    ]
    written = "\n".join([json.dumps(rows[0]), json.dumps(rows[1], ensure_ascii=False), "{broken"]) + "\n"
    source = load(empty, write(tmp_path / "a.jsonl", written))
    third = json.dumps({**rows[0], "user_id": "z"})
    path = mended(
        empty, source, tmp_path / "r.csv",
        lambda line, raw: raw.replace("soon", "2026-01-02") if line == 2 else third,
    )  # fmt: skip
    assert counts(load(empty, path)) == (2, 2, 0, 0, 0, 0)
    assert (HARD, '{"a b":"=x"}') in event_rows(empty, "user_id, properties")

    other = create_workspace("parquet")
    table = pa.table({
        "customer": ["u", None], "when": ["2026-01-01", "2026-01-02"],
        "amount": [1.5, 2.25], "x y": ["p", "q"],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet")
    mapping = Mapping("events", {"user_id": "customer", "event_time": "when", "value": "amount"})
    source = load(other, tmp_path / "a.parquet", mapping=mapping)
    assert source.rejected_by_reason == {"no_user": 1}
    path = mended(
        other, source, tmp_path / "r.csv", lambda line, raw: json.dumps({**json.loads(raw), "customer": HARD})
    )
    assert counts(load(other, path)) == (1, 1, 0, 0, 0, 0)
    assert [str(cell) for cell in event_rows(other, "user_id, value, properties")[0]] == [
        HARD, "2.2500", '{"x y":"q"}',
    ]  # fmt: skip


def test_files_of_items_and_of_users_are_corrected_too(empty: Workspace, tmp_path: Path) -> None:
    items = load(
        empty, write(tmp_path / "items.csv", "item_id,title,price\ni,A,1\nj,B,cheap\n"), kind="items"
    )
    back = mended(empty, items, tmp_path / "r.csv", lambda line, raw: raw.replace("cheap", "2"))
    assert counts(load(empty, back)) == (1, 1, 0, 0, 0, 0)
    users = load(empty, write(tmp_path / "users.csv", "user_id,city\nu,Köln\n,张\n"), kind="users")
    back = mended(empty, users, tmp_path / "r.csv", lambda line, raw: "v" + raw)
    assert counts(load(empty, back)) == (1, 1, 0, 0, 0, 0)
    with empty.reader() as reader:
        assert reader.rows("SELECT user_id FROM users ORDER BY 1") == [("u",), ("v",)]


def test_a_file_in_another_encoding_and_decimal_comma_is_read_as_before(
    empty: Workspace, tmp_path: Path
) -> None:
    written = "user_id;event_time;value\nu;13/02/2024 10:00;1,50\nMüller;14/02/2024 10:00;2,2,5\n"
    source = load(empty, write(tmp_path / "a.csv", written, "cp1252"))
    assert source.rejected_by_reason == {"bad_value": 1}
    back = mended(empty, source, tmp_path / "r.csv", lambda line, raw: raw.replace("2,2,5", "2,25"))
    assert load(empty, back).loaded == 1
    assert [str(row[1]) for row in event_rows(empty, "user_id, value")] == ["2.2500", "1.5000"]


def test_corrections_that_lost_their_way_are_refused(empty: Workspace, tmp_path: Path) -> None:
    source = load(empty, write(tmp_path / "a.csv", csv_of([GOOD, BAD[1]])), mapping=UTC_PLAIN)
    path = mended(empty, source, tmp_path / "r.csv", lambda line, raw: GOOD)
    before = empty.versions()
    with pytest.raises(
        InputError, match=r"^Corrections must belong to a file of this workspace\. Received: persmark-1-"
    ):
        events.load(create_workspace("other"), path)
    good = path.read_text()
    for old, new in (
        ("persmark-1", "persmark-7"),
        (",3,", ",99,"),
        (",3,", ",x,"),
        ("bad_value,", "bad_value\n"),
    ):
        path.write_text(good.replace(old, new))
        with pytest.raises(
            (InputError, FileRefusedError), match=r"^(Corrections|Each row of corrections) must"
        ):
            events.load(empty, path)
    assert empty.versions() == before
    assert empty.state.count("sources") == 1
    assert list((empty.folder / "tmp").iterdir()) == []


def test_rows_that_list_several_events_come_back_whole(empty: Workspace, tmp_path: Path) -> None:
    good = {"user_id": "u", "event_time": "2026-01-01", "items": [{"item_id": "a"}, {"item_id": "b"}]}
    bad = {**good, "user_id": HARD, "event_time": "soon"}
    mapping = Mapping(
        "events",
        {"user_id": "user_id", "event_time": "event_time", "item_id": "items[].item_id"},
        explode="items",
    )
    written = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in (good, bad))
    source = load(empty, write(tmp_path / "a.jsonl", written), mapping=mapping)
    assert (source.rejected_by_reason, source.n_events) == ({"bad_time": 1}, 2)
    path = mended(empty, source, tmp_path / "r.csv", lambda line, raw: raw.replace("soon", "2026-01-02"))
    back = load(empty, path)
    assert (back.loaded, back.n_events, back.corrects) == (1, 2, 1)
    assert event_rows(empty, "user_id, item_id") == [(HARD, "a"), (HARD, "b"), ("u", "a"), ("u", "b")]

    other = create_workspace("listed")
    cells = [["u", "2026-01-01", json.dumps(good["items"])], [HARD, "soon", json.dumps(good["items"])]]
    with (tmp_path / "b.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["user_id", "event_time", "items"], *cells])
    source = load(other, tmp_path / "b.csv", mapping=mapping)
    assert source.rejected_by_reason == {"bad_time": 1}
    path = mended(other, source, tmp_path / "r.csv", lambda line, raw: raw.replace("soon", "2026-01-02"))
    assert load(other, path).n_events == 2
    assert event_rows(other, "user_id, item_id") == [(HARD, "a"), (HARD, "b"), ("u", "a"), ("u", "b")]
