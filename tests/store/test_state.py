"""Small state: round trips, refusals, transactions, threads, processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from persmark.errors import InputError
from persmark.store import State
from tests.conftest import HARD

TABLES = {
    "notes": {"note_id": "INTEGER PRIMARY KEY", "name": "TEXT NOT NULL", "size": "REAL", "raw": "BLOB"},
    "keys": {"name": "TEXT PRIMARY KEY", "value": "TEXT"},
}


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "o'f 张 😀.sqlite", TABLES)


def test_a_row_comes_back_as_it_was_put(state: State) -> None:
    row = {"name": HARD, "size": 0.1, "raw": b"\x00\xff"}
    number = state.add("notes", row)
    assert state.rows("notes") == [{"note_id": number, **row}]
    assert State(state.path, TABLES).rows("notes", {"name": HARD}) == [{"note_id": number, **row}]


def test_where_finds_nothing_as_well_as_something(state: State) -> None:
    state.add_many("notes", [{"name": "a", "size": None}, {"name": "b", "size": 2.0}])
    assert [row["name"] for row in state.rows("notes", {"size": None})] == ["a"]
    assert state.rows("notes", {"name": "a' OR 1=1 --"}) == []
    assert state.count("notes") == 2
    assert state.count("notes", {"name": "b", "size": 2.0}) == 1


def test_order_limit_and_offset(state: State) -> None:
    state.add_many("notes", ({"name": name} for name in "bca"))
    assert [row["name"] for row in state.rows("notes")] == ["b", "c", "a"]
    assert [row["name"] for row in state.rows("notes", order="name")] == ["a", "b", "c"]
    assert [row["name"] for row in state.rows("notes", order="name DESC", limit=1, offset=1)] == ["b"]


def test_put_replaces_by_key_and_change_and_drop_count(state: State) -> None:
    state.put("keys", {"name": HARD, "value": "1"})
    state.put("keys", {"name": HARD, "value": "2"})
    state.put_many("keys", [{"name": HARD, "value": "3"}, {"name": "x", "value": None}])
    assert state.rows("keys", {"name": HARD}) == [{"name": HARD, "value": "3"}]
    assert state.change("keys", {"name": HARD}, {"value": "4"}) == 1
    assert state.change("keys", {"name": "nobody"}, {"value": "4"}) == 0
    assert state.drop("keys", {"name": HARD}) == 1
    assert state.count("keys") == 1
    state.add_many("keys", [])
    assert state.count("keys") == 1


CALLS: dict[str, Callable[[State, str], object]] = {
    "rows": lambda state, table: state.rows(table),
    "count": lambda state, table: state.count(table),
    "add": lambda state, table: state.add(table, {"name": "x"}),
    "put": lambda state, table: state.put(table, {"name": "x"}),
    "change": lambda state, table: state.change(table, {}, {"name": "x"}),
    "drop": lambda state, table: state.drop(table, {}),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_table_is_refused_with_those_there_are(state: State, call: str) -> None:
    with pytest.raises(
        InputError, match=r"^Table 'no\"t' must be declared\. Received: no\"t\. Available: notes, keys\.$"
    ):
        CALLS[call](state, 'no"t')


COLUMN_CALLS: dict[str, Callable[[State, str], object]] = {
    "where": lambda state, column: state.rows("keys", {column: 1}),
    "order": lambda state, column: state.rows("keys", order=column),
    "count": lambda state, column: state.count("keys", {column: 1}),
    "add": lambda state, column: state.add("keys", {column: 1}),
    "change": lambda state, column: state.change("keys", {}, {column: 1}),
    "drop": lambda state, column: state.drop("keys", {column: 1}),
}


@pytest.mark.parametrize("call", COLUMN_CALLS)
def test_an_unknown_column_is_refused_with_those_there_are(state: State, call: str) -> None:
    column = 'val"ue--'
    with pytest.raises(InputError) as refused:
        COLUMN_CALLS[call](state, column)
    assert str(refused.value) == (
        f"Columns of 'keys' must be declared. Received: {column}. Available: name, value."
    )


def test_a_broken_transaction_leaves_nothing(state: State) -> None:
    with pytest.raises(RuntimeError, match=r"^stop$"), state.transaction():
        state.add("notes", {"name": "a"})
        with state.transaction():
            state.put("keys", {"name": "a", "value": "1"})
        assert state.count("notes") == 1
        raise RuntimeError("stop")
    assert (state.count("notes"), state.count("keys")) == (0, 0)
    with state.transaction():
        state.add("notes", {"name": "a"})
    assert state.count("notes") == 1


def test_other_threads_do_not_see_an_open_transaction(state: State) -> None:
    with state.transaction(), ThreadPoolExecutor(1) as pool:
        state.add("notes", {"name": "a"})
        assert pool.submit(state.count, "notes").result() == 0
    assert state.count("notes") == 1


def test_threads_lose_no_row(state: State) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda n: state.add("notes", {"name": str(n)}), range(64)))
    assert len(set(numbers)) == 64
    assert {row["name"] for row in state.rows("notes")} == {str(n) for n in range(64)}


def _count_up(path: str) -> None:
    state = State(Path(path), TABLES)
    for _ in range(10):
        with state.transaction():
            (row,) = state.rows("keys", {"name": "n"}) or [{"value": "0"}]
            state.put("keys", {"name": "n", "value": str(int(row["value"]) + 1)})


def test_processes_that_begin_together_lose_no_step(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.map(_count_up, [str(path)] * 4, chunksize=1)
    assert State(path, TABLES).rows("keys") == [{"name": "n", "value": "40"}]


def test_a_column_declared_later_is_added_to_an_older_file(state: State) -> None:
    state.add("notes", {"name": "old"})
    wider = {**TABLES, "notes": {**TABLES["notes"], "colour": "TEXT NOT NULL"}}
    newer = State(state.path, wider)
    newer.add("notes", {"name": "new", "colour": "red"})
    assert [row["colour"] for row in newer.rows("notes")] == [None, "red"]
