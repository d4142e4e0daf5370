"""A mapping is remembered under a name, and the next file of the same shape uses it by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from persmark import events
from persmark.errors import InputError, NotFoundError
from persmark.events import Mapping
from persmark.store import Workspace
from tests.conftest import HARD
from tests.events.files import csv_of, event_rows, load, write

HEADER = f"who,what,when,{HARD.replace(chr(34), '')}"
MINE = Mapping("events", {"user_id": "what", "event_time": "when"}, event_type="like", time_zone="Asia/Tokyo")
ROW = "a,b,2026-01-02 09:00:00,1"


def file_of(path: Path, *rows: str) -> Path:
    return write(path, csv_of(rows or [ROW], HEADER))


def names(workspace: Workspace) -> list[str]:
    return [one.name for one in events.saved_mappings(workspace)]


def test_the_next_file_of_the_shape_uses_it_by_itself_and_says_so(empty: Workspace, tmp_path: Path) -> None:
    load(empty, file_of(tmp_path / "may.csv"), mapping=MINE)
    events.rename_mapping(empty, "may.csv", HARD)
    second = load(empty, file_of(tmp_path / "june.csv", "x,y,2026-06-02 09:00:00,1"))
    assert (second.read_as, second.questions) == (HARD, [f"Read as '{HARD}', used for may.csv before."])
    assert event_rows(empty, "user_id, event_type, CAST(event_time AS VARCHAR)") == [
        ("b", "like", "2026-01-02 00:00:00"), ("y", "like", "2026-06-02 00:00:00"),
    ]  # fmt: skip
    (saved,) = events.saved_mappings(empty)
    assert (saved.name, saved.mapping, saved.files) == (HARD, MINE, ("june.csv", "may.csv"))
    assert saved.columns == tuple(HEADER.split(","))
    assert [one.read_as for one in events.ledger(empty)] == [HARD, HARD]


def test_another_choice_is_kept_beside_it_and_the_last_one_used_comes_first(
    empty: Workspace, tmp_path: Path
) -> None:
    load(empty, file_of(tmp_path / "a.csv"), mapping=MINE)
    other = replace(MINE, columns={"user_id": "who", "event_time": "when"})
    assert load(empty, file_of(tmp_path / "b.csv"), mapping=other).read_as == "b.csv"
    assert names(empty) == ["b.csv", "a.csv"]
    assert load(empty, file_of(tmp_path / "c.csv")).read_as == "b.csv"
    # The same choice typed anew is the one that is saved, and a name that is given wins.
    assert load(empty, file_of(tmp_path / "d.csv"), mapping=MINE).read_as == "a.csv"
    assert load(empty, file_of(tmp_path / "e.csv"), mapping="b.csv").read_as == "b.csv"
    assert names(empty) == ["b.csv", "a.csv"]


def test_none_can_be_chosen_and_one_can_be_forgotten(empty: Workspace, tmp_path: Path) -> None:
    load(empty, file_of(tmp_path / "a.csv"), mapping=MINE)
    with pytest.raises(InputError, match=r"^Column 'user_id' must be found in b\.csv\."):
        events.load(empty, file_of(tmp_path / "b.csv"), use_saved=False, kind="events")
    events.delete_mapping(empty, "a.csv")
    assert names(empty) == []
    with pytest.raises(InputError, match=r"^Column 'user_id' must be found in b\.csv\."):
        events.load(empty, file_of(tmp_path / "b.csv"), kind="events")
    assert events.ledger(empty)[0].read_as == "a.csv"


def test_a_file_of_another_shape_does_not_take_a_name_away(empty: Workspace, tmp_path: Path) -> None:
    load(empty, file_of(tmp_path / "a.csv"), mapping=MINE)
    plain = write(tmp_path / "a.csv", csv_of(["u,2026-01-01,view"], "user_id,event_time,event_type"))
    assert load(empty, plain).read_as == "a.csv (2)"
    assert names(empty) == ["a.csv (2)", "a.csv"]
    assert events.saved_mapping(empty, "a.csv").mapping == MINE


def test_names_are_checked(empty: Workspace, tmp_path: Path) -> None:
    events.save_mapping(empty, "one", MINE, ["a"])
    events.save_mapping(empty, "two", MINE, ["b"])
    with pytest.raises(
        NotFoundError, match=r"^A saved mapping must exist\. Received: three\. Available: two, one\.$"
    ):
        events.saved_mapping(empty, "three")
    with pytest.raises(InputError, match=r"^A mapping's name must be free\. Received: two\.$"):
        events.rename_mapping(empty, "one", "two")
    for bad in ("", "  ", "a\nb", "x" * 121):
        with pytest.raises(InputError, match=r"^A mapping's name must be 1 to 120 printable characters\."):
            events.rename_mapping(empty, "one", bad)
    assert sorted(names(empty)) == ["one", "two"]


TORN = Mapping("events", {"user_id": "user", "event_time": "date", "value": "value"}, "dmy", decimal=",")


def test_dates_and_numbers_that_speak_for_themselves_outweigh_it(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "a.csv", "user;date;value\na;13/02/2024;1,50\n"), mapping=TORN)
    load(empty, write(tmp_path / "b.csv", "user;date;value\nb;02/14/2024;0.125\n"))
    assert event_rows(empty, "user_id, CAST(event_time AS DATE)::VARCHAR, value::VARCHAR") == [
        ("a", "2024-02-13", "1.5000"), ("b", "2024-02-14", "0.1250"),
    ]  # fmt: skip
    # Both ways were seen: what leaves it open is asked again.
    open_one = write(tmp_path / "c.csv", "user;date;value\nc;01/02/2024;1.5\n")
    with pytest.raises(InputError, match=r"^A file's meaning must not be guessed: Is 01/02/2024 day first"):
        events.load(empty, open_one, kind="events")
