"""Local times become UTC by plain comparisons as the database's own time-zone functions do it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from persmark.events.clock import changes, local_time_sql, utc_sql
from persmark.store import Workspace, create_workspace, literal
from tests.events.files import UTC_PLAIN, csv_of, event_rows, load, write

UNTIL = 2026
OTHERS = (
    "2026-04-02T00:00:02", "1980-01-01 00:00:00", "2050-07-01 00:00:00", "2026-04-02 00:00:02Z",
    "2026-04-02 00:00+02", "2026-04-02 00:00:02.999", "2026-04-02", "2026-04-02 00:00:2Z",
    " 2026-04-02 00:00:02", "2026-4-2 1:2:3", "2026-4-02 1:0:00-05", "2026-4-02 1:0+01:00",
    "2026/04/02 00:00:02", "2026-04-02 24:00:00", "2026-04-02  00:00:2",
)  # fmt: skip


@pytest.mark.parametrize(
    "zone",
    ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata"],
)
def test_local_times_around_every_change_of_the_clock(tmp_path, zone: str) -> None:
    around = {
        f"{moment.replace(tzinfo=None) + timedelta(seconds=offset + step):%Y-%m-%d %H:%M:%S}"
        for moment, offset in changes(zone, UNTIL)[1:]
        for step in (-7200, -3601, -3600, -1801, -1800, -1, 0, 1, 1800, 3599, 3600, 7200)
    }
    written = pa.table({"t": sorted({*around, *OTHERS})})
    with create_workspace("w", root=tmp_path).write("events") as w:
        w.run(f"SET TimeZone = {literal(zone)}")
        differing = w.rows(
            f"""SELECT t FROM (SELECT *, {local_time_sql("t")} AS l FROM handed)
            WHERE {utc_sql("l", "t", zone, until_year=UNTIL)}
                IS DISTINCT FROM date_trunc('second', timezone('UTC', CAST(t AS TIMESTAMPTZ)))""",
            inputs={"handed": written},
        )
        w.discarded = True
    assert differing == []


@pytest.mark.parametrize("more", [[], ["z,i,view,2026-01-01,bad"]], ids=["fast", "careful"])
def test_letters_that_name_several_zones_are_not_guessed(
    empty: Workspace, tmp_path: Path, more: list[str]
) -> None:
    rows = ["u,i,view,2026-01-01 10:00:00 CST,1", "v,i,view,2026-01-01 10:00:00 UTC,1", *more]
    source = load(empty, write(tmp_path / "x.csv", csv_of(rows)), mapping=UTC_PLAIN)
    assert source.rejected_by_reason["bad_time"] == 1
    assert event_rows(empty, "user_id, event_time::VARCHAR") == [("v", "2026-01-01 10:00:00")]
