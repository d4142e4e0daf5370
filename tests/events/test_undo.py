"""Undoing loads: in whatever order files go, the events are those of the files that are left."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from persmark import events
from persmark.errors import InputError
from persmark.events import quality
from persmark.events.quality import FoldType, ShiftTime
from persmark.store import Workspace, create_workspace
from tests.conftest import HARD
from tests.events.files import HEADER, csv_of, event_rows, load, write

ODD = HARD.replace('"', "")
X, Y, Z = (f"{user},i,view,2026-01-01 10:00:00,1" for user in (ODD, "b", "c"))
WITH_IDS = f"{HEADER},event_id"
EVERYTHING = "user_id, item_id, event_type, event_time, value, event_id, local_date, local_hour, repeat_no"


def tables(workspace: Workspace) -> tuple[Any, ...]:
    """What the events group says, but for whose rows they are."""
    with workspace.reader() as reader:
        sessions = reader.rows("SELECT * FROM sessions ORDER BY ALL")
        counts = reader.rows(
            """SELECT local_date, local_hour, event_type, CAST(sum(n_events) AS BIGINT), sum(value)
            FROM event_counts GROUP BY ALL ORDER BY ALL"""
        )
    stats = workspace.stats("events")
    kept = {key: stats[key] for key in ("n_events", "n_users", "n_items", "by_type", "last_event_time")}
    return event_rows(workspace, EVERYTHING), sessions, counts, kept


def by_source(workspace: Workspace, table: str = "events") -> list[Any]:
    with workspace.reader() as reader:
        return reader.rows(f"SELECT source_id, user_id, repeat_no FROM {table} ORDER BY ALL")


def test_what_a_later_file_brought_too_stays_when_the_earlier_one_goes(
    empty: Workspace, tmp_path: Path
) -> None:
    load(empty, write(tmp_path / "1.csv", csv_of([X, Y])))
    later = load(empty, write(tmp_path / "2.csv", csv_of([Y, Z])))
    assert (later.loaded, later.duplicate) == (1, 1)
    assert by_source(empty, "echoes") == [(2, "b", 0)]
    assert events.undo_load(empty, 1) == 2
    assert by_source(empty) == [(2, "b", 0), (2, "c", 0)]
    assert by_source(empty, "echoes") == []
    (now, _) = events.ledger(empty)
    assert (now.loaded, now.duplicate, now.n_events, now.state) == (2, 0, 2, "loaded")


def test_the_largest_number_of_repeats_counts_among_the_files_that_are_left(
    empty: Workspace, tmp_path: Path
) -> None:
    for name, n in (("1", 2), ("2", 1), ("3", 3)):
        load(empty, write(tmp_path / f"{name}.csv", csv_of([X] * n)))
    assert by_source(empty) == [(1, ODD, 0), (1, ODD, 1), (3, ODD, 2)]
    events.undo_load(empty, 1)
    assert by_source(empty) == [(2, ODD, 0), (3, ODD, 1), (3, ODD, 2)]
    assert by_source(empty, "echoes") == [(3, ODD, 0)]
    events.undo_load(empty, 3)
    assert by_source(empty) == [(2, ODD, 0)]


def test_the_same_bytes_take_the_place_of_those_that_go(empty: Workspace, tmp_path: Path) -> None:
    """No row is kept twice for a second copy of a file."""
    path = write(tmp_path / "1.csv", csv_of([X, X, Y]))
    before = load(empty, path), tables(empty)
    for _ in range(2):
        again = load(empty, path, name="renamed.csv")
        assert (again.loaded, again.duplicate) == (0, 3)
    assert by_source(empty, "echoes") == []
    version = empty.versions()
    events.undo_load(empty, 2)
    assert (empty.versions(), [one.state for one in events.ledger(empty)]) == (
        version, ["loaded", "undone", "loaded"],
    )  # fmt: skip
    assert events.undo_load(empty, 1) == 3
    assert tables(empty) == before[1]
    assert by_source(empty) == [(3, ODD, 0), (3, ODD, 1), (3, "b", 0)]
    heir = events.ledger(empty)[0]
    assert (heir.loaded, heir.duplicate, heir.repeated) == (3, 0, 1)
    assert events.undo_load(empty, 3) == 0


def test_a_copy_comes_after_a_file_between_them(empty: Workspace, tmp_path: Path) -> None:
    first = write(tmp_path / "1.csv", csv_of([X, Y]))
    load(empty, first)
    load(empty, write(tmp_path / "2.csv", csv_of([Y, Z])))
    load(empty, first)
    assert events.undo_load(empty, 1) == 3
    assert by_source(empty) == [(2, "b", 0), (2, "c", 0), (3, ODD, 0)]
    assert by_source(empty, "echoes") == [(3, "b", 0)]
    assert events.undo_load(empty, 2) == 2
    assert by_source(empty) == [(3, ODD, 0), (3, "b", 0)]


def test_an_event_id_is_the_event_whatever_else_its_row_says(empty: Workspace, tmp_path: Path) -> None:
    rows = [f"{X},e1", f"{Y},e2"]
    load(empty, write(tmp_path / "1.csv", csv_of(rows, WITH_IDS)))
    other = [f"{Z},e1", f"{ODD},j,cart,2026-01-02 09:00:00,5,e1"]
    load(empty, write(tmp_path / "2.csv", csv_of(other, WITH_IDS)))
    assert by_source(empty) == [(1, ODD, 0), (1, "b", 0)]
    assert events.undo_load(empty, 1) == 2
    assert event_rows(empty, "user_id, event_type, event_id, source_id") == [
        (ODD, "cart", "e1", 2), ("c", "view", "e1", 2),
    ]  # fmt: skip


def test_a_file_of_items_is_not_undone(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / f"{ODD[1:9]}.csv", "item_id,title\ni,Milk\n"), kind="items")
    with pytest.raises(InputError, match=r"^A load that is undone must be of events\. Received: O'Neil "):
        events.undo_load(empty, 1)
    assert [one.state for one in events.ledger(empty)] == ["loaded"]


# Few different rows in several files, so that most of them overlap.
POOL = [*(f"{row}," for row in (X, Y, Z)), f"{X},e1", f"{Y},e1", f"{Z},e2"]


@pytest.mark.parametrize("seed", [2, 3, 115])
def test_any_order_of_undoing_leaves_what_the_other_files_alone_would_load(
    data_folder: Path, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    files: list[Path] = []
    for number in range(4):
        again = number and draw.random() < 0.4
        content = draw.choice(files).read_text() if again else csv_of(
            [draw.choice(POOL) for _ in range(draw.randint(1, 5))], WITH_IDS
        )  # fmt: skip
        files.append(write(tmp_path / f"{number}.csv", content))
    rules = [FoldType("view", "ansehen"), ShiftTime(2, -7200)] if seed % 2 else []
    undone = create_workspace("undone")
    for path in files:
        load(undone, path)
    for rule in rules:
        quality.save_rule(undone, rule)
    order = draw.sample(range(1, 5), 4)
    for n_gone in range(1, 4):
        events.undo_load(undone, order[n_gone - 1])
        # A copy that goes takes no event with it, and nothing is written then.
        quality.apply_rules(undone)
        left = [number for number in range(1, 5) if number not in order[:n_gone]]
        alone = create_workspace(f"alone-{n_gone}")
        for number in range(1, 5):
            # Rules speak of sources by their number: those that went are loaded and undone at once.
            load(alone, files[number - 1])
            if number not in left:
                events.undo_load(alone, number)
        for rule in rules:
            quality.save_rule(alone, rule)
        quality.apply_rules(alone)
        assert tables(undone) == tables(alone), (seed, order, left)
        assert by_source(undone) == by_source(alone)
