"""What real exports contain, loaded with nothing said about it: the exact table, or the exact reason."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from persmark import events
from persmark.errors import FileRefusedError, InputError
from persmark.events import Mapping
from persmark.store import Workspace
from tests.events.files import HEADER, UTC_PLAIN, event_rows, lines_rejected, load, write

DAY = "2026-01-01T00:00:00Z"
U = f"u,i,view,{DAY},1.50"  # the row that every case keeps
KEPT = ("u", "i", "view", Decimal("1.5"))


def zstd(raw: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(raw)
    return bytes(out.getvalue())


@dataclass(frozen=True)
class Case:
    """A file and what must come of it.

    Attributes:
        raw: Its bytes, or text in UTF-8.
        rows: (user, item, event type, value) of its events.
        rejected: (line, reason).
        skipped: Records that are no data.
        notes: Beginnings of what is said beyond the usual.
        mapping: How it is read; None = as proposed.
    """

    raw: str | bytes
    rows: Sequence[tuple[Any, ...]] = (KEPT,)
    rejected: Sequence[tuple[int, str]] = ()
    skipped: int = 0
    notes: Sequence[str] = ()
    mapping: Mapping | None = None


def lines(*body: str, header: str = HEADER, end: str = "\n") -> str:
    return end.join([header, *body]) + end


def value(written: str, read: str | None, *, mapping: Mapping | None = None) -> Case:
    quoted = f'"{written}"' if "," in written else written
    row = ("v", "j", "cart", Decimal(read)) if read else None
    return Case(
        lines(U, f"v,j,cart,{DAY},{quoted}"),
        (KEPT, row) if row else (KEPT,),
        [] if read else [(3, "bad_value")],
        mapping=mapping,
    )


def user(written: str) -> Case:
    return Case(lines(U, f"{written},j,cart,{DAY},"), (KEPT, (written, "j", "cart", None)))


LONG = f"u,{'x' * 3_000_000},view,{DAY},1"
V = f"v,j,cart,{DAY},2"
VROW = ("v", "j", "cart", Decimal(2))
SEMI = HEADER.replace(",", ";")

CASES: dict[str, Case] = {
    # Bytes, line ends, compression.
    "UTF-8 mark": Case("\ufeff" + lines(U)),
    "CR": Case(lines(U, V, end="\r"), (KEPT, VROW)),
    "CRLF": Case(lines(U, V, end="\r\n"), (KEPT, VROW)),
    "mixed line ends": Case(f"{HEADER}\r\n{U}\n{V}\r\nw,k,view,{DAY},3\n", (KEPT, VROW, ("w", "k", "view", Decimal(3)))),
    "no last line end": Case(lines(U, V).rstrip("\n"), (KEPT, VROW)),
    "gzip": Case(gzip.compress(lines(U).encode())),
    "two gzip members": Case(gzip.compress(lines(U).encode()) + gzip.compress((V + "\n").encode()), (KEPT, VROW)),
    "zstd": Case(zstd(lines(U).encode())),
    "two zstd frames": Case(zstd(lines(U).encode()) + zstd((V + "\n").encode()), (KEPT, VROW)),
    "zstd, read carefully": Case(zstd(lines(U, "v,j").encode()), rejected=[(3, "short_row")]),
    "UTF-16": Case(lines(U).encode("utf-16")),
    "latin-1": Case(lines(f"Zoë,Cafés,view,{DAY},1").encode("latin-1"), [("Zoë", "Cafés", "view", Decimal(1))]),
    "GBK": Case(lines(f"张三,牛奶,浏览,{DAY},1").encode("gbk"), [("张三", "牛奶", "view", Decimal(1))]),
    "GB18030": Case(lines(f"张三,牛奶𠀀,浏览,{DAY},1").encode("gb18030"), [("张三", "牛奶𠀀", "view", Decimal(1))]),
    # Dialect.
    "semicolons and a decimal comma": Case(lines(f"u;i;view;{DAY};1,50", f"v;j;cart;{DAY};1.234,50", header=SEMI), (KEPT, ("v", "j", "cart", Decimal("1234.5")))),
    "tabs": Case(lines(U, V).replace(",", "\t"), (KEPT, VROW)),
    "pipes": Case(lines(U, V).replace(",", "|"), (KEPT, VROW)),
    "Hive's delimiter and NULL": Case(lines(U, f"v,\\N,cart,{DAY},\\N").replace(",", "\x01"), (KEPT, ("v", None, "cart", None))),
    "two colons": Case(lines(U, f'v,"j,cart,{DAY},2').replace(",", "::"), (KEPT, ("v", '"j', "cart", Decimal(2)))),
    "carets": Case(lines(U, V).replace(",", "^"), (KEPT, VROW)),
    "tildes": Case(lines(U, V).replace(",", "~"), (KEPT, VROW)),
    "blanks after commas": Case(lines(U, f'v,"j, k",cart,{DAY},2').replace(",", ", ").replace("j,  k", "j, k"), (KEPT, ("v", "j, k", "cart", Decimal(2)))),
    "blanks between cells": Case(lines(U, V).replace(",", " "), (KEPT, VROW)),
    "a blank before a quote": Case(lines(U, f'v, "j,k" ,cart,{DAY},2'), (KEPT, ("v", "j,k", "cart", Decimal(2)))),
    "quotes with a blank between": Case(lines(U, f'v,"j" "k",cart,{DAY},2'), (KEPT, ("v", 'j" "k', "cart", Decimal(2))), notes=["1 lines have stray quotes"]),
    "single quotes": Case(lines(U, f"v,'j,''k',cart,{DAY},2", f"w,'l,m',view,{DAY},3"), (KEPT, ("v", "j,'k", "cart", Decimal(2)), ("w", "l,m", "view", Decimal(3)))),
    "backslash escapes": Case(lines(U, f'v,"a \\"j\\", C:\\new \\\\",cart,{DAY},2'), (KEPT, ("v", 'a "j", C:\\new \\', "cart", Decimal(2)))),
    "backslashes that escape nothing": Case(lines(U, f'v,"C:\\temp\\",cart,{DAY},2'), (KEPT, ("v", "C:\\temp\\", "cart", Decimal(2)))),
    "a sep line": Case("sep=;\n" + lines(U.replace(",", ";"), header=SEMI), skipped=1),
    # The table among other lines.
    "preamble": Case("Shop export\nof 2026-01-02\n\n" + lines(U, V), (KEPT, VROW), skipped=3),
    "preamble with delimiters": Case("Report,,,,\n,,,,\n" + lines(U, V), (KEPT, VROW), skipped=2),
    "Total footer": Case(lines(U, V, "Total,,,,3.50"), (KEPT, VROW), skipped=1, notes=["1 lines after the table were skipped"]),
    "Total footer of one cell": Case(lines(U, V, "", "Grand total: 3.50"), (KEPT, VROW), skipped=2, notes=["1 lines after"]),
    "row count footer": Case(lines(U, V, "(2 rows affected)"), (KEPT, VROW), skipped=1, notes=["1 lines after"]),
    "Chinese footer": Case(lines(U, V, "合计,,,,3.5", "导出时间：2026-01-02"), (KEPT, VROW), skipped=2, notes=["2 lines after"]),
    "Total in the middle": Case(lines(U, "Total,,,,1.50", V), (KEPT, VROW), [(3, "no_time")]),
    "a user called total": Case(lines(U, f"Total,j,cart,{DAY},2"), (KEPT, ("Total", "j", "cart", Decimal(2)))),
    "header again": Case(lines(U, HEADER, V), (KEPT, VROW), skipped=1, notes=["1 repeated header"]),
    "units below the header": Case(lines("text,text,text,UTC,EUR", U, V), (KEPT, VROW), skipped=1, notes=["1 more header"]),
    "another table below": Case(lines(U, "", "item_id,title,price", "i,Milk,1.50"), skipped=1, rejected=[(4, "other_table"), (5, "other_table")]),
    "another table of the same width": Case(lines(U, "item_id,user_id,event_type,event_time,value", V), rejected=[(3, "other_table"), (4, "other_table")]),
    "blank lines": Case(lines("", U, "  ", ",,,,", V, ""), (KEPT, VROW), skipped=4),
    "a header with too many blank names": Case(lines(U, V, header="user_id,,item_id,event_type,event_time,value"), (KEPT, VROW)),
    "a delimiter after every row": Case(lines(U + ",", V + ","), (KEPT, VROW)),
    "header only": Case(lines(), ()),
    # Ragged and broken rows.
    "long row": Case(lines(U, V + ",extra"), rejected=[(3, "long_row")]),
    "a row that slid to the right": Case(lines(f"u,{DAY},view,1.50,i", f"v,{DAY},cart,,2,", header="user_id,event_time,event_type,value,item_id"), rejected=[(3, "long_row")]),
    "short row": Case(lines(U, "v,j,cart"), rejected=[(3, "short_row")]),
    "short row, blanks by the mapping": Case(lines(U, f"v,j,cart,{DAY}"), (KEPT, ("v", "j", "cart", None)), notes=["1 lines have too few cells"], mapping=replace(UTC_PLAIN, short_rows="null")),
    "NUL": Case(lines(U, f"v\0,j,cart,{DAY},2"), rejected=[(3, "nul_character")]),
    "a byte that is no UTF-8": Case(lines(U, f"张,j,cart,{DAY},2").encode() + b"w\xff,k,view,2026-01-01,1\n", (KEPT, ("张", "j", "cart", Decimal(2))), [(4, "bad_encoding")]),
    "a line of 3 MB": Case(lines(U, LONG, V), (KEPT, VROW), [(3, "line_too_long")]),
    "an open quote": Case(lines(U, f'w,"k,view,{DAY},1', *[V] * 400), (KEPT, *[VROW] * 400), [(3, "open_quote")]),
    "an open quote at the end": Case(lines(U, V, f'w,"k,view,{DAY},1'), (KEPT, VROW), [(4, "open_quote")]),
    "two open quotes": Case(lines(U, f'w,"k,view,{DAY},1', V, f'w,"k,view,{DAY},1', V), (KEPT, VROW, VROW), [(3, "open_quote"), (5, "open_quote")]),
    "a stray quote in a quoted cell": Case(lines(U, f'v,"5" plate",cart,{DAY},2'), (KEPT, ("v", '5" plate', "cart", Decimal(2))), notes=["1 lines have stray quotes"]),
    "a stray quote before one": Case(lines(U, f'v,""j",cart,{DAY},2'), rejected=[(3, "bad_quote")]),
    "a quote in the middle of a cell": Case(lines(U, f'v,5" plate,cart,{DAY},2'), (KEPT, ("v", '5" plate', "cart", Decimal(2)))),
    "a cell of several lines": Case(lines(U, f'v,"j\n""k"", l",cart,{DAY},2'), (KEPT, ("v", 'j\n"k", l', "cart", Decimal(2)))),
    # Ids are text; only blank is null.
    "00123": user("00123"),
    "1e5": user("1e5"),
    "NA": user("NA"),
    "null": user("null"),
    "None": user("None"),
    "ids beyond 2^53": Case(lines(f"9007199254740993,i,view,{DAY},1", f"12345678901234567890,j,cart,{DAY},2"), (("9007199254740993", "i", "view", Decimal(1)), ("12345678901234567890", "j", "cart", Decimal(2)))),
    "a formula": Case(lines(U, f"v,=cmd(),cart,{DAY},2"), (KEPT, ("v", "=cmd()", "cart", Decimal(2)))),
    # Numbers.
    "1,234.50": value("1,234.50", "1234.5"),
    "¥99.90": value("¥99.90", "99.9"),
    "full-width digits": value("９９．５", "99.5"),
    "a no-break space": value("1\u00a0234", "1234"),
    "5 apples": value("5 apples", None),
    "blanks that part no thousands": value("1 2", None),
    "a currency between digits": value("1$5", None),
    "a currency and a blank": value("- USD 1,000.5", "-1000.5"),
    "noughts before thousands": value("0,125", None),
    "a minus sign": value("−5", "-5"),
    "more than four decimals": Case(lines(U, f"v,j,cart,{DAY},1.23456"), (KEPT, ("v", "j", "cart", Decimal("1.2346"))), notes=["1 rows have numbers with more than four decimals, rounded to four."]),
    "a small number": Case(lines(U, f"v,j,cart,{DAY},1e-5"), (KEPT, ("v", "j", "cart", Decimal(0))), notes=["1 rows have numbers with more than four"]),
    "noise of floats": value("0.30000000000000004", "0.3"),
    "a sign that is told by others": Case(lines(f"u;i;view;{DAY};1,50", f"v;j;cart;{DAY};1.234", header=SEMI), (KEPT, ("v", "j", "cart", Decimal(1234)))),
    # Times.
    "months by name": Case(lines("u,i,view,5 Mar 2024 10:00,1.50", 'v,j,cart,"Mar 7, 2024, 3:04:05 PM",2', "w,k,view,31 Feb 2024,1"), (KEPT, VROW), [(4, "bad_time")]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_dirty_file_gives_its_table_or_the_reason(empty: Workspace, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    source = load(empty, write(tmp_path / "x.dat", case.raw), mapping=case.mapping)
    assert lines_rejected(empty, source) == list(case.rejected)
    found = event_rows(empty, "user_id, item_id, event_type, value") if source.loaded else []
    assert sorted(found, key=str) == sorted(case.rows, key=str)
    assert (source.loaded, source.skipped) == (len(case.rows), case.skipped)
    said = [note for note in source.questions if "zone" not in note]
    assert [note[: len(start)] for note, start in zip(said, case.notes, strict=True)] == list(case.notes)


def _zip(name: str, inside: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr(name, inside)
    return out.getvalue()


REFUSED = {
    "empty": (b"", "A file must hold at least a header. Received: x.dat, which is empty."),
    "mark only": (b"\xef\xbb\xbf", "A file must hold at least a header. Received: x.dat, which is empty."),
    "zip": (_zip("x.csv", b"a,b\n"), "A file must be CSV, TSV, Parquet or JSON lines. Received: x.dat, a zip or Excel file."),
    "zip in a zip": (_zip("y.zip", _zip("x.csv", b"a\n")), "A file must be CSV, TSV, Parquet or JSON lines. Received: x.dat, a zip"),
    "zip in gzip": (gzip.compress(_zip("x.csv", b"a\n" * 500)), "A file must be CSV, TSV, Parquet or JSON lines. Received: x.dat, which is no text."),
    "gzip in gzip": (gzip.compress(gzip.compress(lines(*[U] * 500).encode())), "A file must be CSV, TSV, Parquet or JSON lines. Received: x.dat, which is no text."),
    "cut gzip": (gzip.compress(lines(*(f"u{n},i{n * 7919 % 997},view,{DAY},{n}" for n in range(9000))).encode())[:-9], "A .gz file must be readable to its end. Received: x.dat. It may be cut off"),
    "cut zstd": (zstd(lines(*(f"u{n},i{n * 7919 % 997},view,{DAY},{n}" for n in range(9000))).encode())[:-9], "A .zst file must be readable to its end. Received: x.dat. It may be cut off"),
    "names are missing": (lines(U, V, header="user_id,event_type,event_time,value").encode(), "A header must name every column. Received: x.dat with 4 names over rows of 5 cells. Add what is missing"),
    "1.234 beside semicolons": (lines(f"u;i;view;{DAY};1.234", header=SEMI).encode(), "A file's meaning must not be guessed: Does 1.234 mean thousands or decimals"),
    "01/02/2024 only": (lines("u,i,view,01/02/2024,1").encode(), "A file's meaning must not be guessed: Is 01/02/2024 day first or month first?"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_taken_is_refused_with_its_rule(empty: Workspace, tmp_path: Path, name: str) -> None:
    raw, message = REFUSED[name]
    path = tmp_path / "x.dat"
    path.write_bytes(raw)
    with pytest.raises((FileRefusedError, InputError)) as refused:
        events.load(empty, path)
    assert str(refused.value).startswith(message)
    assert empty.versions() == {}
    assert empty.state.count("sources") == 0


def test_more_in_the_header_than_in_the_rows_is_left_to_the_rule_of_short_rows(
    empty: Workspace, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.csv", lines(U, V, header=HEADER + ",page"))
    assert load(empty, path).rejected_by_reason == {"short_row": 2}
    mapping = replace(UTC_PLAIN, short_rows="null")
    assert load(empty, path, mapping=mapping).loaded == 2


def test_repeated_and_blank_headers_are_told_apart(tmp_path: Path) -> None:
    found = events.propose(
        write(tmp_path / "x.csv", lines(f"u,{DAY},1,2,3", header="user_id,event_time,A,a,"))
    )
    assert found.columns == ("user_id", "event_time", "A", "a (2)", "column 5")


@pytest.mark.parametrize(
    ("reading", "columns", "preview"),
    [
        ({"delimiter": ";"}, ["a,b", "c"], [["1,2", "3"]]),
        ({"delimiter": ","}, ["a", "b;c"], [["1", "2;3"]]),
        ({"header": False, "delimiter": ";"}, ["c1", "c2"], [["a,b", "c"], ["1,2", "3"]]),
        ({"skip_lines": 1, "header": False, "delimiter": ";"}, ["c1", "c2"], [["1,2", "3"]]),
    ],
)  # fmt: skip
def test_what_a_person_fixes_is_not_looked_for(
    tmp_path: Path, reading: dict[str, Any], columns: list[str], preview: list[list[str]]
) -> None:
    found = events.propose(write(tmp_path / "x.csv", "a,b;c\n1,2;3\n"), reading=reading)
    assert list(found.columns) == columns
    assert found.preview.to_numpy().tolist() == preview
    assert {key: getattr(found.format, key) for key in reading} == reading


def test_an_encoding_can_be_fixed(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", lines(f"u,Cafés,view,{DAY},1"), "cp1252")
    assert events.propose(path, reading={"encoding": "cp1250"}).preview["item_id"].tolist() == ["Cafés"]
    assert events.propose(path, reading={"encoding": "gbk"}).preview["item_id"].tolist() != ["Cafés"]


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        ({"encoding": "no such"}, "A file's 'encoding' must be the name of an encoding, such as utf-8, gb18030 or cp1252. Received: 'no such'."),
        ({"encoding": "base64"}, "A file's 'encoding' must be the name of an encoding"),
        ({"delimiter": ""}, "A file's 'delimiter' must be one to four characters, no quote and no line end. Received: ''."),
        ({"delimiter": '"'}, "A file's 'delimiter' must be one to four"),
        ({"quote": "x"}, "A file's 'quote' must be a double quote, a single quote, or empty for none. Received: 'x'."),
        ({"escape": "\\"}, "A file's 'escape' must be doubled or backslash. Received: '\\\\'."),
        ({"header": "yes"}, "A file's 'header' must be true or false. Received: 'yes'."),
        ({"header_rows": 0}, "A file's 'header_rows' must be a number from 1 to 5. Received: 0."),
        ({"skip_lines": -1}, "A file's 'skip_lines' must be a number from 0 to 1,000. Received: -1."),
        ({"kind": "csv"}, "What is fixed of a file's form must be known. Received: kind. Available: encoding, delimiter"),
    ],
)  # fmt: skip
def test_what_a_person_fixes_must_be_possible(tmp_path: Path, reading: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        events.propose(write(tmp_path / "x.csv", lines(U)), reading=reading)
    assert str(refused.value).startswith(message)
