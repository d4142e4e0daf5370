"""Hostile names and files: taken as text or refused; nothing outside the data folder, nothing changed."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from persmark import actions, events
from persmark.errors import PersmarkError
from persmark.events import Mapping
from persmark.store import EngineError, Workspace, list_workspaces
from tests.events.files import HEADER, UTC_PLAIN, csv_of, event_rows, load, write
from tests.shop import ACTOR

GOOD = "u,i,view,2026-01-01 00:00:00,1.5"
FILE_NAMES = [
    "../../x", "..", "/etc/passwd", "a\nb.csv", "a\0b.csv", '";\'--😀张.csv', "x" * 255, "张" * 85, ".hidden",
    "CON", "-rf", "$(id).csv", "%2e%2e%2fx", "tables", "state.sqlite",
]  # fmt: skip
COLUMNS = [
    '"; DROP TABLE events; --', "__proto__", "line", "n_lines", "rest", "reason", "detail", "c1", "$rest_0",
    "rowid", "file_row_number", "raw", "source_id", "a.b", "a[0]", "{x}", "x" * 300, "用户 😀", "constructor",
]  # fmt: skip


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its hash."""
    return {
        str(one.relative_to(folder)): hashlib.sha256(one.read_bytes()).hexdigest()
        for one in sorted(folder.rglob("*"))
        if one.is_file()
    }


@pytest.mark.parametrize("name", FILE_NAMES, ids=range(len(FILE_NAMES)))
def test_a_files_name_is_a_text_and_no_place(empty: Workspace, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "file.csv", csv_of([GOOD]))
    outside = sorted(tmp_path.parent.iterdir()), sorted(tmp_path.iterdir())
    source = load(empty, path, name=name)
    assert source.loaded == 1
    assert events.ledger(empty)[0].name == name
    made = actions.create_workspace_for_upload(ACTOR, name)
    assert made.folder.parent == empty.folder.parent
    assert load(made, path, name=name).loaded == 1
    assert sorted(list_workspaces()) == sorted([empty.name, made.name])
    assert outside == (sorted(tmp_path.parent.iterdir()), sorted(tmp_path.iterdir()))


@pytest.mark.parametrize("name", ["\";'--😀张.csv", "a\nb [1]*?.csv", "x" * 251 + ".csv", "-rf.csv"])
def test_a_path_of_any_name_is_loaded(empty: Workspace, tmp_path: Path, name: str) -> None:
    assert load(empty, write(tmp_path / name, csv_of([GOOD]))).name == name


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_columns_of_any_name_are_kept_as_text(empty: Workspace, tmp_path: Path, kind: str) -> None:
    names = [*HEADER.split(","), *COLUMNS]
    cells = [*GOOD.split(","), *(f"v{n}" for n in range(len(COLUMNS)))]
    path = tmp_path / f"x.{kind}"
    good = dict(zip(names, cells, strict=True))
    bad = good | {"event_time": "bad"}
    if kind == "csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([names, cells, bad.values()])
    elif kind == "jsonl":
        write(path, "".join(json.dumps(one) + "\n" for one in (good, bad)))
    else:
        pq.write_table(pa.Table.from_pylist([good, bad]), path)
    source = load(empty, path, mapping=UTC_PLAIN)
    assert (source.loaded, source.rejected_by_reason) == (1, {"bad_time": 1})
    ((properties,),) = event_rows(empty, "properties")
    assert json.loads(properties) == {name: f"v{n}" for n, name in enumerate(COLUMNS)}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_mapped_column_may_have_any_name(empty: Workspace, tmp_path: Path, column: str) -> None:
    written = f'"{column.replace(chr(34), chr(34) * 2)}",t\nu,2026-01-01\nv,bad\n'
    mapping = Mapping("events", {"user_id": column, "event_time": "t"}, keys={"device": column})
    source = load(empty, write(tmp_path / "x.csv", written), mapping=mapping)
    assert (source.loaded, source.rejected) == (1, 1)
    assert event_rows(empty, "user_id") == [("u",)]


def nested_zip() -> bytes:
    """A zip in a zip in a zip."""
    content = b"user_id,event_time\n"
    for _ in range(3):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("x.csv", content)
        content = out.getvalue()
    return content


REFUSED = {
    "bomb.csv.gz": lambda: gzip.compress(b"user_id,event_time\n" + b"\0" * 300_000_000, 1),
    "text bomb.csv.gz": lambda: gzip.compress(b"user_id,event_time\n" + b"u,2026-01-01\n" * 6_000_000, 9),
    "nested.zip": nested_zip,
    "nested.zip.gz": lambda: gzip.compress(gzip.compress(nested_zip())),
    "wide.csv": lambda: ",".join(f"c{n}" for n in range(100_000)).encode() + b"\n" + b"," * 99_999 + b"\n",
    "wide.jsonl": lambda: json.dumps({f"c{n}": n for n in range(100_000)}).encode() + b"\n",
    "cut.parquet": lambda: b"PAR1" + b"\0" * 1000,
    "empty.csv": lambda: b"",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_changes_nothing(empty: Workspace, tmp_path: Path, name: str) -> None:
    load(empty, write(tmp_path / "good.csv", csv_of([GOOD])))
    (tmp_path / name).write_bytes(REFUSED[name]())
    before = tree(empty.folder / "tables"), (empty.folder / "CURRENT").read_bytes()
    with pytest.raises(PersmarkError) as refused:
        events.load(empty, tmp_path / name)
    assert not isinstance(refused.value, EngineError)
    assert (tree(empty.folder / "tables"), (empty.folder / "CURRENT").read_bytes()) == before
    assert empty.state.count("sources") == 1


def test_a_header_of_ten_thousand_characters_is_a_name(empty: Workspace, tmp_path: Path) -> None:
    name = "名" * 10_000
    source = load(empty, write(tmp_path / "x.csv", f"user_id,event_time,{name}\nu,2026-01-01,v\n"))
    assert source.loaded == 1
    assert json.loads(event_rows(empty, "properties")[0][0]) == {name: "v"}
