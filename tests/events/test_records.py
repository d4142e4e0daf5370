"""Text into records: shapes of CSV files, and that the database's reader agrees where it is used."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

from persmark.events.formats import Format, check_reading, digest, reading_of
from persmark.events.head import look, read_head
from persmark.events.propose import unique_names
from persmark.events.records import Rejects, csv_records, lines_of
from persmark.events.stage import records
from tests.events.files import write


def table(path: Path, content: str | bytes) -> list[dict[str, str | None]]:
    """A file's rows, nothing about it being known beforehand."""
    head, _ = look(write(path, content))
    names = unique_names(head.names)
    rejects = Rejects()
    rows = [dict(zip(names, cells, strict=True)) for _, _, cells in records(path, head.form, names, rejects)]
    assert not rejects.rows
    return rows


# The shapes of csv-spectrum, typed anew.
SPECTRUM: dict[str, tuple[str, list[dict[str, str]]]] = {
    "comma in quotes": (
        'first,last,address\nAda,Berg,"1 Lane, Town, ST"\n',
        [{"first": "Ada", "last": "Berg", "address": "1 Lane, Town, ST"}],
    ),
    "empty": ('a,b,c\n1,"",""\n2,3,4\n', [{"a": "1", "b": "", "c": ""}, {"a": "2", "b": "3", "c": "4"}]),
    "escaped quotes": (
        'a,b\n1,"ha ""ha"" ha"\n3,4\n',
        [{"a": "1", "b": 'ha "ha" ha'}, {"a": "3", "b": "4"}],
    ),
    "json": (
        'key,val\n1,"{""type"": ""Point"", ""at"": [2.0, 0.5]}"\n',
        [{"key": "1", "val": '{"type": "Point", "at": [2.0, 0.5]}'}],
    ),
    "newlines": (
        'a,b,c\n1,2,3\n"Once upon \na time",5,6\n7,8,9\n',
        [
            {"a": "1", "b": "2", "c": "3"},
            {"a": "Once upon \na time", "b": "5", "c": "6"},
            {"a": "7", "b": "8", "c": "9"},
        ],
    ),
    "quotes and newlines": (
        'a,b\n1,"ha\n""ha""\nha"\n3,4\n',
        [{"a": "1", "b": 'ha\n"ha"\nha'}, {"a": "3", "b": "4"}],
    ),
    "simple": ("a,b,c\n1,2,3\n", [{"a": "1", "b": "2", "c": "3"}]),
    "other scripts": ("a,b,c\n1,2,3\n4,5,ʤ 张\n", [{"a": "1", "b": "2", "c": "3"}, {"a": "4", "b": "5", "c": "ʤ 张"}]),
}  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", SPECTRUM)
def test_the_shapes_of_csv_spectrum(tmp_path: Path, name: str, end: str) -> None:
    content, rows = SPECTRUM[name]
    expected = [{key: cell.replace("\n", end) for key, cell in row.items()} for row in rows]
    assert table(tmp_path / "x.csv", content.replace("\n", end)) == expected


@pytest.mark.parametrize(
    ("content", "names", "n_rows"),
    [
        ("Region,,Measures,\nuser_id,event_type,event_time,value\nu,view,2026-01-01,1\n", "user_id event_type event_time value", 1),
        ("User,Event,Event,Value\nId,Type,Time,EUR\nu,view,2026-01-01,1\nv,view,2026-01-02,2\n", "User Id,Event Type,Event Time,Value EUR", 2),
        ("user_id,1001,1002\nu,1,\nv,,2\n", "user_id 1001 1002", 2),
        ("colour,size\nred,big\nblue,big\n", "colour size", 2),
        ("red,big\nblue,big\nred,small\n", "c1 c2", 3),
        ("1|2268318|pv\n2|3|buy\n", "c1 c2 c3", 2),
        ("one\ntwo words\n", "one", 1),
    ],
)  # fmt: skip
def test_the_header_is_found(tmp_path: Path, content: str, names: str, n_rows: int) -> None:
    head, _ = look(write(tmp_path / "x.csv", content))
    assert head.names == (names.split(",") if "," in names else names.split())
    rejects = Rejects()
    path = tmp_path / "x.csv"
    assert len(list(records(path, head.form, head.names, rejects))) == n_rows
    assert not rejects.rows


def test_the_way_a_file_is_read_can_be_fixed_as_it_was_found(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "Report\na;'b;c'\n1;'2;3'\n4;'5'\n")
    form, _ = read_head(path)
    assert (form.delimiter, form.quote, form.skip_lines) == (";", "'", 1)
    check_reading(reading_of(form))
    assert read_head(path, reading_of(form))[0] == form


def test_what_the_database_takes_its_own_way_is_doubtful(tmp_path: Path) -> None:
    cases = {
        "a,b\n1,2\n": False,
        'a,b\n1, "2"\n': True,
        'a,b\n1,"2" \n': True,
        'a,b\n1,"2" "3"\n': True,
        'a,b\n1,"say "", ""x"" "" y"\n': False,
        'a,b\n1,say "x" , y\n': False,
        "a,b\n1,2,\n3,4\n": True,
        'a,b\n1,2,"",""\n3,4\n': True,
        "a,b\n1,\n,\n": False,
        'a,b\n"1,1",\n3,4\n': False,
    }
    for content, doubtful in cases.items():
        for end in ("\n", "\r\n"):
            path = write(tmp_path / "x.csv", content.replace("\n", end))
            assert digest(path, "none", Format(), width=2).doubtful == doubtful, content
    # A line that two chunks share.
    long = "a,b\n" + f"{'x' * 1000},\n" * 4190 + f"{'y' * 10_000},1,\n" + "1,2\n"
    assert digest(write(tmp_path / "x.csv", long), "none", Format(), width=2).doubtful


DIALECTS = [(",", '"'), (";", '"'), ("\t", '"'), ("|", "'"), ("::", ""), ("\x01", ""), (" ", '"')]


def _from_database(
    connection: duckdb.DuckDBPyConnection, path: Path, form: Format
) -> list[tuple[Any, ...]] | None:
    rejected = "SELECT count(*) FROM reject_errors"
    try:
        rows = connection.execute(
            """SELECT * FROM read_csv($path, auto_detect = false, header = true, skip = 0, delim = $delimiter,
            quote = $quote, escape = $quote, nullstr = $blanks, store_rejects = true, rejects_limit = 0,
            columns = {'a': 'VARCHAR', 'b': 'VARCHAR', 'c': 'VARCHAR'})""",
            {
                "path": str(path),
                "delimiter": form.delimiter,
                "quote": form.quote,
                "blanks": [""] if form.quote else ["", "\\N"],
            },
        ).fetchall()
        n_rejected = connection.execute(rejected).fetchall()[0][0]
        connection.execute("DROP TABLE reject_errors")
        connection.execute("DROP TABLE reject_scans")
    except duckdb.Error:
        return None
    return None if n_rejected else rows


def test_the_database_reads_what_is_not_doubtful_as_the_careful_reader_does(tmp_path: Path) -> None:
    chance = random.Random(7)
    path = tmp_path / "x.csv"
    compared = 0
    connection = duckdb.connect()
    for _ in range(700):
        delimiter, quote = chance.choice(DIALECTS)
        form = Format(delimiter=delimiter, quote=quote)
        q = quote or '"'
        signs = [
            "a",
            "b",
            " ",
            "  ",
            q,
            q + q,
            delimiter,
            delimiter + q,
            q + delimiter,
            "\\",
            "é",
            "\t",
            "'",
            "\\N",
        ]

        def cell(signs: list[str] = signs) -> str:
            return "".join(chance.choice(signs) for _ in range(chance.randint(0, 8)))

        rows = [delimiter.join(["x", cell(), "e"]) if chance.random() < 0.7 else cell() for _ in range(2)]
        write(path, delimiter.join("abc") + "\n" + "\n".join(rows) + "\n")
        read = digest(path, "none", form, width=3)
        found = None if read.doubtful else _from_database(connection, path, form)
        if found is None or len(found) != read.n_lines - 1:
            continue
        compared += 1
        rejects = Rejects()
        careful = [
            tuple(one or None for one in cells)
            for _, _, cells in csv_records(lines_of(path, form), form, 3, rejects)
        ]
        assert (careful, rejects.rows) == ([tuple(one or None for one in row) for row in found], []), rows
    connection.close()
    assert compared > 50
