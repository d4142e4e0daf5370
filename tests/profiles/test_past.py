"""Profiles of another moment or of the first files: worked out beside those that are published."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from persmark.errors import EmptyError
from persmark.profiles import build_profiles, profiles_as_of
from persmark.store import Workspace, create_workspace
from tests.events.files import csv_of, load, write

ODD = '"o\'Neil ""张"" 😀%"'
MIDDAY = datetime(2026, 1, 2, 12)
FIRST = csv_of([
    f"{ODD},a,view,2026-01-01 10:00:00,",
    f"{ODD},a,purchase,2026-01-01 10:20:00,5",
    "b,a,view,2026-01-02 09:00:00,",
    "b,b,purchase,2026-01-03 09:00:00,8",
])  # fmt: skip
# Among them one event inside a session of the first file, and one user who was not there.
SECOND = csv_of([f"{ODD},b,click,2026-01-01 10:10:00,", f"{ODD},a,view,2026-01-01 10:40:00,",
                 "c,a,view,2026-01-01 10:00:00,"])  # fmt: skip


@pytest.fixture
def loaded(tmp_path: Path) -> Workspace:
    made = create_workspace("made", root=tmp_path)
    load(made, write(tmp_path / "a.csv", FIRST))
    load(made, write(tmp_path / "b.csv", SECOND))
    return made


def published(made: Workspace) -> list[dict[str, object]]:
    with made.reader() as reader:
        return reader.table("SELECT * FROM profiles ORDER BY user_id").to_pylist()


def test_another_moment_is_what_a_build_of_then_publishes(loaded: Workspace) -> None:
    build_profiles(loaded, actor="test")
    before = (loaded.versions(), published(loaded), sorted(loaded.folder.rglob("*")))
    with loaded.write("scores"):  # the one write that goes on does not stand in the way
        then = profiles_as_of(loaded, MIDDAY.replace(tzinfo=UTC)).to_pylist()
    assert (loaded.versions(), published(loaded), sorted(loaded.folder.rglob("*"))) == before
    assert [(row["user_id"], row["n_events"], row["n_purchases"]) for row in then] == [
        ("b", 1, 0), ("c", 1, 0), ("o'Neil \"张\" 😀%", 4, 1),
    ]  # fmt: skip
    build_profiles(loaded, as_of=MIDDAY, actor="test")
    assert published(loaded) == then


def test_the_first_files_alone_are_what_stood_before_the_others(tmp_path: Path, loaded: Workspace) -> None:
    alone = create_workspace("alone", root=tmp_path)
    load(alone, write(tmp_path / "a.csv", FIRST))
    moment = datetime(2026, 1, 3, 9)
    build_profiles(alone, as_of=moment, actor="test")
    found = profiles_as_of(loaded, moment, up_to_source=1).to_pylist()
    assert found == published(alone)
    both = profiles_as_of(loaded, moment, up_to_source=2).to_pylist()
    assert [row["n_sessions"] for row in found] == [2, 1]
    assert [row["n_sessions"] for row in both] == [2, 1, 1]
    assert both == profiles_as_of(loaded, moment).to_pylist()


def test_nothing_by_then_is_refused(loaded: Workspace) -> None:
    with pytest.raises(EmptyError, match="Profiles need an event up to 2020-01-01 00:00"):
        profiles_as_of(loaded, datetime(2020, 1, 1))
    with pytest.raises(EmptyError, match="Profiles need an event up to"):
        profiles_as_of(loaded, MIDDAY, up_to_source=0)
