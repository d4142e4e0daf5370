"""What was appended to a table since an earlier content version, and how it stood before."""

from __future__ import annotations

import json

import pyarrow as pa

from persmark.store import Reader, Workspace
from persmark.store.manifest import MANIFEST, read_manifest
from tests.conftest import HARD


def put(workspace: Workspace, *names: str, delta: bool = True, price: int = 1, same: bool = False) -> None:
    with workspace.write("catalogue", delta=delta) as w:
        w.same_rows = same
        w.put("items", pa.table({"item_id": list(names), "price": [price] * len(names)}))


def rows(reader: Reader, select: str | None) -> list[tuple[str, int]]:
    assert select is not None
    found = reader.rows(f"SELECT item_id, CAST(price AS INTEGER) FROM ({select}) ORDER BY ALL")
    return [(name, price) for name, price in found]


def test_files_after_a_content_version_are_told_from_those_before(empty: Workspace) -> None:
    put(empty, "a", HARD, delta=False)
    put(empty, HARD, price=2)
    put(empty, "c", price=3)
    with empty.reader() as reader:
        assert rows(reader, reader.rows_before("items", 1)) == [(HARD, 1), ("a", 1)]
        assert rows(reader, reader.rows_added("items", 1)) == [(HARD, 2), ("c", 3)]
        assert rows(reader, reader.rows_before("items", 2)) == [(HARD, 2), ("a", 1)]
        assert rows(reader, reader.rows_added("items", 2)) == [("c", 3)]
        assert rows(reader, reader.rows_added("items", 3)) == []
        # Before anything stood, all of it is new.
        assert rows(reader, reader.rows_before("items", 0)) == []
        assert len(rows(reader, reader.rows_added("items", 0))) == 3


def test_rows_in_other_files_are_as_old_as_they_were(empty: Workspace) -> None:
    put(empty, "a", delta=False)
    put(empty, "b")
    put(empty, "a", "b", delta=False, same=True)
    put(empty, "c", price=3)
    with empty.reader() as reader:
        assert rows(reader, reader.rows_added("items", 2)) == [("c", 3)]
        assert rows(reader, reader.rows_before("items", 2)) == [("a", 1), ("b", 1)]
        # Which of the base's rows came after the first file is lost.
        assert reader.rows_added("items", 1) is None


def test_after_other_rows_took_their_place_nothing_is_told_apart(empty: Workspace) -> None:
    put(empty, "a", delta=False)
    put(empty, "b", delta=False)
    put(empty, "c")
    with empty.reader() as reader:
        assert reader.rows_added("items", 1) is None
        assert rows(reader, reader.rows_added("items", 2)) == [("c", 1)]


def test_files_of_a_manifest_without_their_versions_are_not_told_apart(empty: Workspace) -> None:
    put(empty, "a", delta=False)
    put(empty, "b")
    path = empty.folder / MANIFEST
    raw = json.loads(path.read_text("utf-8"))
    del raw["groups"]["catalogue"]["contents"]
    path.write_text(json.dumps(raw), "utf-8")
    assert read_manifest(empty.folder).group("catalogue").contents == (2, 2)
    with empty.reader() as reader:
        assert reader.rows_added("items", 1) is None
        assert rows(reader, reader.rows_added("items", 2)) == []
    put(empty, "c")
    with empty.reader() as reader:
        assert rows(reader, reader.rows_added("items", 2)) == [("c", 1)]
