"""Moments that are kept: what they hold, how many, when they are stale."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from persmark import actions
from persmark.errors import EmptyError, InputError, NotFoundError
from persmark.profiles import build_profiles, profiles_as_of
from persmark.segments import (
    PUBLISHED,
    drop_snapshot,
    get_snapshot,
    list_snapshots,
    published_snapshot,
    take_snapshot,
    uploads,
)
from persmark.segments.snapshots import snapshot_values
from persmark.settings import settings
from persmark.store import Workspace, create_workspace, open_workspace
from tests.conftest import copied, house
from tests.events.files import csv_of, load, write

ODD = 'o\'Neil "张" 😀%.csv'
FIRST = csv_of(["a,x,purchase,2026-01-01 10:00:00,5", "b,x,view,2026-01-03 10:00:00,"])
SECOND = csv_of(["a,x,purchase,2026-01-05 10:00:00,5", "c,x,view,2026-01-02 10:00:00,"])


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("made")
    with house(folder):
        made = create_workspace("made")
        load(made, write(folder / "a.csv", FIRST))
        load(made, write(folder / "b.csv", SECOND), name=ODD)
        build_profiles(made, actor="test")
    return made


@pytest.fixture
def made(made_once: Workspace, data_folder: Path) -> Workspace:
    return copied(made_once, data_folder)


def test_a_moment_is_kept_as_it_would_have_been_built(made: Workspace) -> None:
    kept = take_snapshot(made, as_of=datetime(2026, 1, 2, 13, tzinfo=UTC))
    assert (kept.snapshot_id, kept.n_users, kept.stale, kept.before) == (1, 2, False, None)
    assert str(kept.title) == "As of 2026-01-02 13:00 UTC"
    with made.reader() as reader:
        columns = profiles_as_of(made, kept.as_of).column_names
        found = snapshot_values(reader, 1, columns)
    assert found.to_pylist() == profiles_as_of(made, kept.as_of).to_pylist()


def test_before_an_upload_only_the_others_count(made: Workspace) -> None:
    assert [(one.source_id, one.name) for one in uploads(made)] == [(2, ODD)]
    kept = take_snapshot(made, before_source=2)
    assert (kept.as_of, kept.up_to_source, kept.before) == (datetime(2026, 1, 3, 10), 1, ODD)
    with made.reader() as reader:
        rows = snapshot_values(reader, kept.snapshot_id, ["user_id", "n_events"]).to_pylist()
    assert rows == [{"user_id": "a", "n_events": 1}, {"user_id": "b", "n_events": 1}]


def test_what_is_asked_in_vain_is_said(made: Workspace) -> None:
    with pytest.raises(
        EmptyError, match=r"must have events of earlier ones. Received: upload 1\. Choose a later"
    ):
        take_snapshot(made, before_source=1)
    with pytest.raises(NotFoundError, match=r"must be a source of events. Received: 9. Available: 2\."):
        take_snapshot(made, before_source=9)
    with pytest.raises(InputError, match=r"of a time or of before an upload\. Received: neither"):
        take_snapshot(made)
    with pytest.raises(InputError, match="Received: both"):
        take_snapshot(made, as_of=datetime(2026, 1, 2), before_source=2)
    with pytest.raises(EmptyError, match="2025-01-01"):
        take_snapshot(made, as_of=datetime(2025, 1, 1))
    with pytest.raises(NotFoundError, match=r"must be one that is kept\. Received: 7\. Available: none\."):
        get_snapshot(made, 7)
    with (
        made.reader() as reader,
        pytest.raises(InputError, match=r"must be one of the profiles\. Received: no"),
    ):
        snapshot_values(reader, PUBLISHED, ["no"])
    with pytest.raises(EmptyError, match="Profiles must have been built"):
        published_snapshot(create_workspace("blank"))


def test_a_few_are_kept_and_the_one_made_first_goes(made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persmark.segments.snapshots.MOST_KEPT", 2)
    first = datetime(2026, 1, 6)
    for days in (0, 2, 1):
        take_snapshot(made, as_of=first - timedelta(days=days))
    kept = list_snapshots(made)
    assert sorted(one.snapshot_id for one in kept) == [2, 3]
    assert [one.as_of for one in kept] == sorted((one.as_of for one in kept), reverse=True)
    drop_snapshot(made, 3)
    assert 3 not in [one.snapshot_id for one in list_snapshots(made)]
    with made.reader() as reader:
        assert sorted({row[0] for row in reader.rows("SELECT snapshot_id FROM snapshots")}) == [2]
        assert snapshot_values(reader, 3, ["user_id"]).num_rows == 0


def test_new_events_make_it_stale_and_leave_it_as_it_was(made: Workspace, tmp_path: Path) -> None:
    kept = take_snapshot(made, as_of=datetime(2026, 1, 4))
    with made.reader() as reader:
        before = snapshot_values(reader, 1, ["user_id", "n_events"]).to_pylist()
    load(made, write(tmp_path / "c.csv", csv_of(["d,x,view,2026-01-03 11:00:00,"])))
    build_profiles(made, actor="test")
    assert not kept.stale
    assert get_snapshot(made, 1).stale
    with made.reader() as reader:
        assert snapshot_values(reader, 1, ["user_id", "n_events"]).to_pylist() == before


def test_it_is_asked_for_by_verb_and_by_who_may(made: Workspace) -> None:
    asked = actions.TakeSnapshot(as_of="2026-01-04T00:00:00")
    with pytest.raises(actions.NotAllowedError, match="must be marketer"):
        actions.run(made, actions.Actor("guest", "viewer"), asked)
    result = actions.run(made, actions.Actor(), asked)
    assert (result["snapshot_id"], result["n_users"], result["as_of"]) == (1, 3, "2026-01-04T00:00:00")
    with pytest.raises(InputError, match=r"A time must be ISO-8601, UTC\. Received: tomorrow\."):
        actions.run(made, actions.Actor(), actions.TakeSnapshot(as_of="tomorrow"))
    actions.run(made, actions.Actor(), actions.DropSnapshot(snapshot_id=1))
    assert list_snapshots(open_workspace("made")) == []


def test_other_settings_make_it_stale(made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    take_snapshot(made, as_of=datetime(2026, 1, 4))
    changed = replace(settings(), profiles=replace(settings().profiles, lost_days=90))
    monkeypatch.setattr("persmark.profiles.build.settings", lambda: changed)
    assert get_snapshot(made, 1).stale


def test_how_far_it_is_is_told(made: Workspace) -> None:
    told: list[float] = []
    take_snapshot(made, as_of=datetime(2026, 1, 4), on_progress=lambda done, _: told.append(done))
    assert told[-1] == 1.0
    assert len(told) > 5
