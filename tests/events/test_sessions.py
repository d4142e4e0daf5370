"""Sessions, local time, and figures that hold over base, deltas and compaction."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from persmark import events
from persmark.columns import TABLES
from persmark.errors import NotFoundError
from persmark.events.clock import changes
from persmark.events.compact import publish_without
from persmark.events.ledger import recover
from persmark.store import Workspace, create_workspace
from tests.conftest import HARD
from tests.events.files import HEADER, csv_of, event_rows, load, write

ODD = HARD.replace('"', "")


def at(*moments: str, user: str = ODD) -> str:
    """One view at each of these times of 2026-01-01."""
    return csv_of(f"{user},i,view,2026-01-01 {moment},1" for moment in moments)


def sessions(workspace: Workspace) -> list[Any]:
    with workspace.reader() as reader:
        return [
            (user, number, f"{start:%H:%M:%S}", f"{end:%H:%M:%S}", n)
            for user, number, start, end, n in reader.rows(
                "SELECT user_id, session_no, started_at, ended_at, n_events FROM sessions ORDER BY ALL"
            )
        ]


def test_a_silence_of_thirty_minutes_is_one_session_one_second_more_is_two(
    empty: Workspace, tmp_path: Path
) -> None:
    load(empty, write(tmp_path / "a.csv", at("10:00:00", "10:30:00", "11:00:01", "11:00:01", "11:20:00")))
    assert sessions(empty) == [(ODD, 1, "10:00:00", "10:30:00", 2), (ODD, 2, "11:00:01", "11:20:00", 3)]


def test_an_event_that_comes_later_may_bridge_two_sessions(empty: Workspace, tmp_path: Path) -> None:
    load(
        empty,
        write(tmp_path / "a.csv", at("10:00:00", "11:00:00") + at("09:00:00", user="b").split("\n", 1)[1]),
    )
    assert len(sessions(empty)) == 3
    load(empty, write(tmp_path / "b.csv", at("10:30:00")))
    assert sessions(empty) == [(ODD, 1, "10:00:00", "11:00:00", 3), ("b", 1, "09:00:00", "09:00:00", 1)]


def test_an_event_before_the_first_session_renumbers_them(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "a.csv", at("10:00:00")))
    load(empty, write(tmp_path / "b.csv", at("08:00:00", "12:00:00")))
    assert [one[1:3] for one in sessions(empty)] == [(1, "08:00:00"), (2, "10:00:00"), (3, "12:00:00")]


@pytest.mark.parametrize(
    ("zone", "utc", "local_date", "local_hour"),
    [
        ("America/New_York", "2026-03-08 06:59:59", date(2026, 3, 8), 1),
        ("America/New_York", "2026-03-08 07:00:00", date(2026, 3, 8), 3),
        ("America/New_York", "2026-11-01 05:59:59", date(2026, 11, 1), 1),
        ("America/New_York", "2026-11-01 06:00:00", date(2026, 11, 1), 1),
        ("America/New_York", "2026-11-01 07:00:00", date(2026, 11, 1), 2),
        ("America/New_York", "2026-01-01 04:59:59", date(2025, 12, 31), 23),
        ("Asia/Kathmandu", "2026-01-01 18:14:59", date(2026, 1, 1), 23),
        ("Asia/Kathmandu", "2026-01-01 18:15:00", date(2026, 1, 2), 0),
        ("Australia/Lord_Howe", "2026-04-04 14:59:59", date(2026, 4, 5), 1),
        ("Australia/Lord_Howe", "2026-04-04 15:00:00", date(2026, 4, 5), 1),
        ("Australia/Lord_Howe", "2026-04-04 15:30:00", date(2026, 4, 5), 2),
        ("UTC", "2026-01-01 00:00:00", date(2026, 1, 1), 0),
    ],
)  # fmt: skip
def test_local_date_and_hour_follow_the_workspaces_clock(  # noqa: PLR0917
    data_folder: Path, tmp_path: Path, zone: str, utc: str, local_date: date, local_hour: int
) -> None:
    workspace = create_workspace("zone", time_zone=zone)
    load(workspace, write(tmp_path / "x.csv", csv_of([f"u,i,view,{utc}Z,1"])))
    assert event_rows(workspace, "local_date, local_hour") == [(local_date, local_hour)]


def test_offset_changes_are_found_to_the_second() -> None:
    found = [(f"{moment:%Y-%m-%d %H:%M:%S}", offset) for moment, offset in changes("America/New_York", 2026)]
    assert found[-2:] == [("2026-03-08 07:00:00", -14_400), ("2026-11-01 06:00:00", -18_000)]
    assert len(changes("UTC", 2026)) == 1


DAYS = [
    csv_of(
        [
            "a,i1,view,2026-01-01 10:00:00,1",
            "b,i2,purchase,2026-01-01 10:00:00,5",
            "a,i1,view,2026-01-01 10:20:00,1",
        ]
    ),
    csv_of(
        [
            "a,i3,purchase,2026-01-02 10:00:00,2.5",
            "c,i2,view,2026-01-02 10:00:00,",
            "a,i1,view,2026-01-01 10:40:00,1",
        ]
    ),
    csv_of(
        [
            "c,,search,2026-01-03 10:00:00,",
            "b,i2,purchase,2026-01-01 10:00:00,5",
            "d,i9,view,2025-12-31 10:00:00,",
        ]
    ),
]


def facts(workspace: Workspace) -> dict[str, Any]:
    stats = workspace.stats("events")
    with workspace.reader() as reader:
        seen = events.overview(workspace, reader)
        counts = reader.rows(
            """SELECT local_date, local_hour, event_type, source_id, CAST(sum(n_events) AS BIGINT), sum(value)
            FROM event_counts GROUP BY ALL ORDER BY ALL"""
        )
        days = seen.by_day.sort_values(["local_date", "event_type"]).astype(str).to_dict("list")
        by_type = seen.by_type.sort_values("event_type").astype(str).to_dict("list")
    return {"stats": {**stats, "n_deltas": 0}, "counts": counts, "days": days, "types": by_type,
            "sessions": sessions(workspace), "events": event_rows(workspace, "*")}  # fmt: skip


def test_base_and_deltas_say_what_one_base_says(empty: Workspace, tmp_path: Path) -> None:
    for n, day in enumerate(DAYS):
        load(empty, write(tmp_path / f"{n}.csv", day))
    stats = empty.stats("events")
    assert (stats["n_events"], stats["n_users"], stats["n_items"], stats["n_deltas"]) == (8, 4, 4, 2)
    assert (stats["first_event_time"], stats["last_event_time"]) == (
        "2025-12-31T10:00:00",
        "2026-01-03T10:00:00",
    )
    assert stats["by_type"] == {"view": 5, "purchase": 2, "search": 1}
    assert stats["source_ids"] == [1, 2, 3]
    before = facts(empty)
    assert events.compact(empty) == 8
    assert facts(empty) == before
    assert empty.stats("events")["n_deltas"] == 0
    assert empty.as_of() == datetime(2026, 1, 3, 10)


def test_undoing_a_load_takes_its_rows_and_its_rows_only(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "0.csv", DAYS[0]))
    before = facts(empty)
    second = load(empty, write(tmp_path / "1.csv", DAYS[1]))
    assert events.undo_load(empty, second.source_id) == 3
    assert facts(empty) == before
    assert [one.state for one in events.ledger(empty)] == ["undone", "loaded"]
    with pytest.raises(NotFoundError, match=r"^Source 2 must be a loaded events file\. Received: 2\.$"):
        events.undo_load(empty, second.source_id)
    again = load(empty, write(tmp_path / "1.csv", DAYS[1]))
    assert (again.source_id, again.loaded) == (3, 3)


def test_a_load_whose_events_are_gone_is_not_said_to_stand(empty: Workspace, tmp_path: Path) -> None:
    """A crash between the publication without a source and the note of it."""
    load(empty, write(tmp_path / "0.csv", DAYS[0]))
    load(empty, write(tmp_path / "1.csv", DAYS[1]))
    load(empty, write(tmp_path / "again.csv", DAYS[1]))
    (second,) = empty.state.rows("sources", {"source_id": 2})
    assert publish_without(empty, second) == (6, {3: (3, 0)})
    recover(empty)
    assert [(one.source_id, one.state) for one in events.ledger(empty)] == [
        (3, "loaded"),
        (2, "undone"),
        (1, "loaded"),
    ]


def test_undoing_the_only_load_leaves_an_empty_workspace_that_loads_again(
    empty: Workspace, tmp_path: Path
) -> None:
    path = write(tmp_path / "0.csv", DAYS[0])
    events.undo_load(empty, load(empty, path).source_id)
    assert (empty.stats("events")["n_events"], empty.as_of(), sessions(empty)) == (0, None, [])
    with empty.reader() as reader:
        assert events.overview(empty, reader).n_users == 0
    assert load(empty, path).loaded == 3
    assert len(sessions(empty)) == 2


def test_an_empty_workspace_has_an_overview(empty: Workspace) -> None:
    with empty.reader() as reader:
        seen = events.overview(empty, reader)
    assert (seen.n_events, seen.first_event_time, len(seen.by_day), len(seen.by_hour), len(seen.by_type)) == (
        0,
        None,
        0,
        0,
        0,
    )
    assert seen.stale_days(datetime(2026, 1, 1)) is None


def test_staleness_is_days_since_the_last_event(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "0.csv", DAYS[0]))
    with empty.reader() as reader:
        assert events.overview(empty, reader).stale_days(datetime(2026, 1, 2, 22, 20)) == 1.5


@pytest.mark.parametrize("published", [False, True])
def test_a_load_that_a_crash_interrupted_is_settled_by_what_was_published(
    empty: Workspace, tmp_path: Path, published: bool
) -> None:
    """A crash after the publication, or before it, leaves the source pending."""
    first = load(empty, write(tmp_path / "0.csv", DAYS[0]))
    row = empty.state.rows("sources")[0]
    if published:
        empty.state.change("sources", {"source_id": 1}, {"state": "pending"})
    else:
        empty.state.add("sources", {**row, "source_id": 2, "state": "pending"})
        empty.state.add("rejects", {"source_id": 2, "line": 2, "reason": "x", "detail": "", "raw": b""})
    # The ledger tells the truth before anybody settled it.
    assert [(one.source_id, one.state) for one in events.ledger(empty)] == [(first.source_id, "loaded")]
    recover(empty)
    assert [(one["source_id"], one["state"]) for one in empty.state.rows("sources")] == [(1, "loaded")]
    assert empty.state.count("rejects") == 0
    assert load(empty, write(tmp_path / "1.csv", DAYS[1])).source_id == 2


def test_columns_that_no_file_fills_are_not_written_and_are_null_to_readers(empty: Workspace, tmp_path: Path):
    again = "u,i,view,2026-01-01 10:00:00,1.5"
    source = load(empty, write(tmp_path / "x.csv", csv_of([again, "v,i,view,2026-01-01 10:00:00,", again])))
    load(
        empty, write(tmp_path / "y.csv", csv_of(["w,j,view,2026-01-02 10:00:00,2,EUR"], f"{HEADER},currency"))
    )
    assert (source.loaded, source.repeated) == (3, 1)
    with empty.reader() as reader:
        written = reader.rows(
            """SELECT column_name FROM duckdb_columns()
            WHERE database_name = 'events_0' AND table_name = 'events'"""
        )
        assert reader.columns("events") == dict(TABLES["events"])
        rows = reader.rows("SELECT user_id, value, currency, repeat_no, properties FROM events ORDER BY ALL")
    assert not {"currency", "properties"} & {name for (name,) in written}
    assert rows == [
        ("u", Decimal("1.5"), None, 0, None),
        ("u", Decimal("1.5"), None, 1, None),
        ("v", None, None, 0, None),
        ("w", Decimal("2"), "EUR", 0, None),
    ]
