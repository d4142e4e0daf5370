"""Published tables: empty, base, deltas, crashes, readers while writing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from persmark.columns import GROUP_OF, TABLES
from persmark.errors import BusyError, InputError
from persmark.store import EngineError, QueryStoppedError, Workspace, exclusive, literal, quoted, read_sql
from persmark.store.manifest import read_manifest
from tests.conftest import HARD


def put(workspace: Workspace, table: str, rows: Sequence[dict[str, Any]], *, delta: bool = False) -> None:
    with workspace.write(GROUP_OF[table], delta=delta) as w:
        w.put(table, pa.Table.from_pylist(list(rows)))


def files(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in (workspace.folder / "tables").iterdir())


@pytest.mark.parametrize("table", TABLES)
def test_before_anything_is_loaded_every_table_is_empty_with_its_columns(
    empty: Workspace, table: str
) -> None:
    with empty.reader() as reader:
        assert reader.rows(f"SELECT * FROM {table}") == []
        assert reader.columns(table) == dict(TABLES[table])


def test_a_base_and_a_delta_are_one_table(empty: Workspace) -> None:
    put(empty, "segment_members", [{"segment": HARD, "user_id": "a"}])
    put(empty, "segment_members", [{"segment": HARD, "user_id": HARD}], delta=True)
    with empty.reader() as reader:
        found = reader.rows("SELECT user_id FROM segment_members WHERE segment = $s", {"s": HARD})
        assert sorted(found) == [(HARD,), ("a",)]
        assert reader.frame("SELECT count(*) AS n FROM segment_members")["n"].tolist() == [2]
        assert reader.value("SELECT user_id FROM segment_members WHERE false") is None
    assert empty.versions() == {"segments": 2}


def test_a_new_base_replaces_base_and_deltas(empty: Workspace) -> None:
    put(empty, "items", [{"item_id": "a"}])
    put(empty, "items", [{"item_id": "b"}], delta=True)
    put(empty, "items", [{"item_id": "c"}])
    with empty.reader() as reader:
        assert reader.rows("SELECT item_id FROM items") == [("c",)]


def test_a_later_row_of_an_item_user_or_session_stands(empty: Workspace) -> None:
    put(empty, "items", [{"item_id": "a", "title": "old"}, {"item_id": HARD, "title": "old"}])
    put(empty, "items", [{"item_id": HARD, "title": "newer"}], delta=True)
    put(empty, "items", [{"item_id": HARD, "title": "newest"}, {"item_id": "c", "title": "x"}], delta=True)
    with empty.reader() as reader:
        found = dict(reader.rows("SELECT item_id, title FROM items"))
    assert found == {"a": "old", HARD: "newest", "c": "x"}


def test_a_delta_of_one_user_replaces_all_of_their_sessions(empty: Workspace) -> None:
    put(empty, "sessions", [{"user_id": "a", "session_no": n, "n_events": 1} for n in (1, 2)])
    put(empty, "sessions", [{"user_id": "a", "session_no": 1, "n_events": 9}], delta=True)
    with empty.reader() as reader:
        assert reader.rows("SELECT session_no, n_events FROM sessions") == [(1, 9)]


def test_the_newest_of_many_files_stands_in_little_memory(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(30):
        put(
            empty,
            "users",
            [{"user_id": f"u{n}", "attributes": None}, {"user_id": f"u{n + 1}", "attributes": str(n)}],
            delta=True,
        )
    monkeypatch.setenv("PERSMARK_MEMORY", "64MB")
    with empty.write("profiles") as w:
        assert w.rows("SELECT count(*), count(attributes), max(attributes) FROM users") == [(31, 1, "29")]
        twice = "SELECT count(*) FROM users AS a JOIN users AS b ON b.user_id = a.user_id"
        assert w.rows(twice) == [(31,)]


def test_a_row_without_key_hides_nothing(empty: Workspace) -> None:
    put(empty, "items", [{"item_id": "a"}])
    put(empty, "items", [{"item_id": None, "title": "nameless"}, {"item_id": "b"}], delta=True)
    with empty.reader() as reader:
        assert reader.value("SELECT count(*) FROM items WHERE item_id = 'a'") == 1


def test_an_exception_publishes_nothing_and_leaves_no_file(empty: Workspace) -> None:
    put(empty, "items", [{"item_id": "a"}])
    before = files(empty)
    with pytest.raises(RuntimeError, match=r"^half way$"), empty.write("catalogue") as w:
        w.put("items", pa.table({"item_id": ["b"]}))
        raise RuntimeError("half way")
    assert files(empty) == before
    assert empty.versions() == {"catalogue": 1}


def test_a_discarded_write_and_an_empty_one_publish_nothing(empty: Workspace) -> None:
    with empty.write("catalogue") as w:
        w.put("items", pa.table({"item_id": ["b"]}))
        w.discarded = True
    with empty.write("catalogue"):
        pass
    assert (empty.versions(), files(empty)) == ({}, [])


def test_what_a_crash_left_behind_is_swept_by_the_next_write(empty: Workspace) -> None:
    put(empty, "items", [{"item_id": "a"}])
    for name in ("catalogue-000002.duckdb.part", "catalogue-000002.duckdb.part.wal", "events-000009.duckdb"):
        (empty.folder / "tables" / name).write_bytes(b"half")
    (empty.folder / "CURRENT.part").write_bytes(b"{")
    with empty.reader() as reader:
        assert reader.rows("SELECT item_id FROM items") == [("a",)]
    put(empty, "items", [{"item_id": "b"}])
    assert files(empty) == ["catalogue-000001.duckdb", "catalogue-000002.duckdb"]
    # The version before stays for readers that are just opening it; older ones go with the next write.
    put(empty, "items", [{"item_id": "c"}])
    put(empty, "items", [{"item_id": "d"}])
    assert files(empty) == [f"catalogue-00000{n}.duckdb" for n in (2, 3, 4)]


def test_a_reader_keeps_its_version_while_others_are_published(empty: Workspace) -> None:
    put(empty, "items", [{"item_id": "1"}])
    with empty.reader() as old:
        for n in range(2, 6):
            put(empty, "items", [{"item_id": str(n)}])
            assert old.rows("SELECT item_id FROM items") == [("1",)]
        with empty.reader() as new:
            assert new.rows("SELECT item_id FROM items") == [("5",)]


def test_a_writer_sees_the_published_tables_and_its_own(empty: Workspace) -> None:
    put(empty, "items", [{"item_id": HARD, "title": HARD}])
    with empty.write("profiles") as w:
        w.run("CREATE TEMP TABLE t AS SELECT item_id FROM items WHERE title = $t", {"t": HARD})
        w.run("CREATE TABLE out.profiles AS SELECT item_id AS user_id FROM t")
        assert w.rows("SELECT * FROM out.profiles") == [(HARD,)]
        w.stats["n_users"] = 1
    assert empty.stats("profiles") == {"n_users": 1}
    assert empty.reads("profiles") == {"catalogue": 1}


def test_several_groups_are_published_together(empty: Workspace) -> None:
    put(empty, "segment_members", [{"segment": "s", "user_id": "u"}])
    with empty.write("events", "catalogue") as w:
        w.put("events", pa.table({"user_id": ["u"], "event_time": [datetime(2026, 1, 1)]}))
        w.put("items", pa.table({"item_id": [HARD]}))
        w.stats_of["events"]["n_events"] = 1
        w.stats_of["catalogue"]["n_items"] = 1
    assert empty.versions() == {"segments": 1, "events": 2, "catalogue": 2}
    assert empty.stats("events") == {"n_events": 1}
    assert empty.stats("catalogue") == {"n_items": 1}
    assert empty.reads("events") == {"segments": 1}
    with empty.reader() as reader:
        assert reader.rows("SELECT e.user_id, i.item_id FROM events e, items i") == [("u", HARD)]


def test_a_group_that_got_no_table_stays_as_it_is(empty: Workspace) -> None:
    put(empty, "items", [{"item_id": "a"}])
    with empty.write("events", "catalogue") as w:
        w.put("events", pa.table({"user_id": ["u"]}))
    assert empty.versions() == {"catalogue": 1, "events": 2}
    assert files(empty) == ["catalogue-000001.duckdb", "events-000002.duckdb"]


def test_profiles_are_stale_once_what_they_read_has_changed(empty: Workspace) -> None:
    put(empty, "events", [{"user_id": "u"}])
    assert not empty.stale("profiles")
    put(empty, "profiles", [{"user_id": "u"}])
    assert not empty.stale("profiles")
    put(empty, "predictions", [{"user_id": "u"}])
    assert not empty.stale("scores")
    put(empty, "items", [{"item_id": "i"}])
    assert empty.stale("profiles")
    put(empty, "profiles", [{"user_id": "u"}])
    assert not empty.stale("profiles")
    assert empty.stale("scores")
    put(empty, "events", [{"user_id": "v"}], delta=True)
    assert empty.stale("profiles")


def test_a_table_of_another_group_is_refused(empty: Workspace) -> None:
    with (
        pytest.raises(
            InputError,
            match=r"^Table 'items' must belong to a group being written\. Received: profiles, scores\.$",
        ),
        empty.write("profiles", "scores") as w,
    ):
        w.put("items", pa.table({"item_id": ["a"]}))


@pytest.mark.parametrize("do", ["run", "rows", "put"])
def test_what_the_database_refuses_is_a_refusal_of_ours(empty: Workspace, do: str) -> None:
    with (
        pytest.raises(EngineError, match=r"^The database could not finish a step\. Received: .*Nothing was"),
        empty.write("catalogue") as w,
    ):
        if do == "put":
            w.put("items", pa.table({"no such column": ["a"]}))
        else:
            getattr(w, do)("SELECT * FROM nowhere")
    assert (empty.versions(), files(empty)) == ({}, [])


HOLD = """
import sys
from pathlib import Path
from persmark.store import exclusive
with exclusive(Path(sys.argv[1]), wait_seconds=0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_of_another_process_is_refused_until_the_first_is_gone(empty: Workspace) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(empty.folder / "write.lock")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True,
    )  # fmt: skip
    assert other.stdout and other.stdin
    try:
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(
                BusyError,
                match=r"^Only one write at a time is possible in a workspace\. Received: a second one\. Wait",
            ),
            empty.write("events", wait_seconds=0.2),
        ):
            pass
        other.kill()
        other.wait()
        with empty.write("events", wait_seconds=5) as w:
            w.put("events", pa.table({"user_id": ["u"]}))
    finally:
        other.kill()
        other.communicate()
    assert empty.versions() == {"events": 1}


def test_threads_take_the_lock_one_after_the_other(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(_: int) -> None:
        with exclusive(tmp_path / "lock", wait_seconds=30):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(12)))
    assert max(most) == 1


def test_eight_threads_on_one_reader_get_their_own_rows(empty: Workspace) -> None:
    rows = [{"user_id": str(n), "segment": "s"} for n in range(1000)]
    put(empty, "segment_members", rows)
    sql = "SELECT user_id, CAST(user_id AS INTEGER) * 2 FROM segment_members WHERE user_id = $u"
    with empty.reader() as reader, ThreadPoolExecutor(8) as pool:

        def ask(n: int) -> bool:
            if n % 3 == 0:
                return reader.table(sql, {"u": str(n)}).column(0).to_pylist() == [str(n)]
            return reader.rows(sql, {"u": str(n)}) == [(str(n), 2 * n)]

        assert all(pool.map(ask, range(1000)))


def test_readers_and_a_writer_at_once_never_see_half(empty: Workspace) -> None:
    put(empty, "items", [{"item_id": "0", "title": "0"}] * 3)
    stop = threading.Event()
    wrong: list[object] = []

    def look() -> None:
        while not stop.is_set():
            with empty.reader() as reader:
                found = reader.rows("SELECT count(*), count(DISTINCT title) FROM items")
                if found != [(3, 1)]:
                    wrong.append(found)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(12):
        put(empty, "items", [{"item_id": str(n), "title": str(n)}] * 3)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_query_past_its_limit_is_stopped_and_the_reader_lives_on(empty: Workspace) -> None:
    with empty.reader() as reader:
        with pytest.raises(QueryStoppedError, match=r"^A query must end within 0\.05 s\. Received: one that"):
            reader.rows("SELECT count(*) FROM range(100000000000) WHERE range % 7 = 3", limit_ms=50)
        assert reader.value("SELECT 1") == 1


@pytest.mark.parametrize("read", ["table", "rows", "frame"])
def test_a_reader_too_speaks_of_what_the_database_refuses_in_one_line(empty: Workspace, read: str) -> None:
    with empty.reader() as reader:
        with pytest.raises(EngineError, match=r"^The database could not finish a step\. Received: .*o'f 张"):
            getattr(reader, read)("SELECT CAST($name AS INTEGER)", {"name": "o'f 张"})
        assert reader.value("SELECT 1") == 1


def test_rows_come_in_the_order_asked_for(empty: Workspace) -> None:
    with empty.reader() as reader:
        found = reader.table("SELECT range AS n FROM range(300000) ORDER BY n DESC").column("n").to_pylist()
    assert found == list(range(299_999, -1, -1))


def test_arrow_inputs_are_seen_under_their_names_in_that_call_only(empty: Workspace) -> None:
    wanted = pa.table({"user_id": [HARD]})
    with empty.reader() as reader:
        assert reader.rows("SELECT user_id FROM wanted", inputs={"wanted": wanted}) == [(HARD,)]
        assert reader.frame("SELECT * FROM wanted", inputs={"wanted": wanted})["user_id"].tolist() == [HARD]


@pytest.mark.parametrize("name", [HARD, 'a"b', "a b", ""])
def test_identifiers_and_paths_of_any_kind_are_quoted(empty: Workspace, name: str) -> None:
    assert quoted('a"b') == '"a""b"'
    assert literal("a'b") == "'a''b'"
    if name:
        with empty.reader() as reader:
            assert reader.frame(f"SELECT 1 AS {quoted(name)}").columns.tolist() == [name]
    with empty.reader() as reader:
        assert reader.value(f"SELECT {literal(name)}") == name


def test_the_manifest_before_anything_is_version_nought(empty: Workspace) -> None:
    found = read_manifest(empty.folder)
    assert (found.version, found.files(), found.group("events").files) == (0, frozenset(), ())


def test_sql_files_are_found_beside_their_modules() -> None:
    assert "out.sessions" in read_sql("persmark.events", "sessions")
    with pytest.raises(FileNotFoundError):
        read_sql("persmark.events", "nothing")
