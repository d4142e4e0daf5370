"""What a file that is undone leaves: rows that later files brought as well come back under those.

An event stands under the first file that brought it; the rows of later files that are the same events
are echoes, kept in full. When the first file is undone, the next one's echoes take its place, so that
the events are those that loading the other files alone would have made, in whatever order files go.
"""

from __future__ import annotations

from persmark.columns import TABLES
from persmark.events.finish import IDENTITY, ORDER, same_row
from persmark.events.ranges import write_sorted
from persmark.events.ruling import CAME, LISTED
from persmark.store import Writer, quoted

_GONE = "(SELECT gone FROM undone)"
_HEIR = "(SELECT heir FROM undone)"
_RENAMED = ", ".join(
    f"CASE WHEN source_id = {_GONE} THEN {_HEIR} ELSE source_id END AS source_id"
    if name == "source_id"
    else quoted(name)
    for name in TABLES["events"]
)
_COUNTED = "count(*), count(*) FILTER (WHERE repeat_no > 0)"
# What makes rows one event: the id where there is one, else everything.
_KEY = "event_id, " + ", ".join(
    f"CASE WHEN event_id IS NULL THEN {name} END"
    for name in ("user_id", "event_time", "event_type", "repeat_no", *IDENTITY)
    if name != "event_id"
)


def _matches(ids: bool, wanted: str) -> str:
    """SELECT of rows of `gone_rows` g beside the candidates c that are the same events."""
    by_row = f"SELECT {wanted} FROM gone_rows AS g JOIN candidates AS c ON {same_row('g', 'c')}"
    by_id = f"SELECT {wanted} FROM gone_rows AS g JOIN candidates AS c ON g.event_id = c.event_id"
    return f"{by_row} UNION {by_id}" if ids else f"{by_row} GROUP BY ALL"


def take_out(w: Writer, source_id: int, heir: int | None) -> tuple[str, dict[int, tuple[int, int]], int]:
    """Leave a source out of the events as they came; writes `out.echoes` where echoes are left.

    Args:
        w: Writing the group `events`.
        source_id: Which source.
        heir: Another load of the same bytes, which takes its rows over.

    Returns:
        SELECT of the rows as they came that are left; by source the events that came back or changed
        hands, and how many of them are repeats; rows of `out.echoes`.
    """
    w.run(
        "CREATE TEMP TABLE undone AS SELECT CAST($gone AS INTEGER) AS gone, CAST($heir AS INTEGER) AS heir",
        {"gone": source_id, "heir": heir},
    )
    rest = f"SELECT {LISTED} FROM ({CAME}) WHERE source_id <> {_GONE}"
    if not w.manifest.group("events").stats.get("n_echoes"):
        if heir is None:
            return rest, {}, 0
        n, n_repeats = w.rows(f"SELECT {_COUNTED} FROM ({CAME}) WHERE source_id = {_GONE}")[0]
        return f"SELECT {_RENAMED} FROM ({CAME})", {heir: (int(n), int(n_repeats))}, 0
    w.run(f"CREATE TEMP TABLE candidates AS SELECT {LISTED} FROM echoes WHERE source_id <> {_GONE}")
    kept = "VIEW" if heir is None else "TABLE"
    w.run(f"CREATE TEMP {kept} gone_rows AS SELECT {LISTED} FROM ({CAME}) WHERE source_id = {_GONE}")
    ids = bool(w.rows("SELECT 1 FROM candidates WHERE event_id IS NOT NULL LIMIT 1"))
    w.run(
        f"""CREATE TEMP TABLE restored AS SELECT row_id, source_id FROM (
            SELECT c.rowid AS row_id, c.source_id, min(c.source_id) OVER (PARTITION BY {_KEY}) AS first_source
            FROM candidates AS c
            WHERE c.rowid IN (SELECT row_id FROM ({_matches(ids, "c.rowid AS row_id")}))
        ) WHERE source_id = first_source AND source_id < coalesce({_HEIR}, source_id + 1)"""
    )
    back = f"SELECT {LISTED} FROM candidates WHERE rowid IN (SELECT row_id FROM restored)"
    left = f"SELECT {LISTED} FROM candidates WHERE rowid NOT IN (SELECT row_id FROM restored)"
    came = f"{rest} UNION ALL {back}"
    moved = {
        int(number): (int(n), int(n_repeats))
        for number, n, n_repeats in w.rows(f"SELECT source_id, {_COUNTED} FROM ({back}) GROUP BY source_id")
    }
    if heir is not None:
        won = f"""SELECT row_id FROM ({_matches(ids, "g.rowid AS row_id, c.rowid AS candidate")})
            WHERE candidate IN (SELECT row_id FROM restored)"""
        came += f" UNION ALL SELECT {_RENAMED} FROM gone_rows WHERE rowid NOT IN ({won})"
        left += f"""
            UNION ALL SELECT {_RENAMED} FROM gone_rows WHERE rowid IN ({won})
            UNION ALL SELECT {_RENAMED} FROM echoes WHERE source_id = {_GONE}"""
        n, n_repeats = w.rows(f"SELECT {_COUNTED} FROM gone_rows WHERE rowid NOT IN ({won})")[0]
        moved[heir] = int(n), int(n_repeats)
    write_sorted(w, "out.echoes", LISTED, left, order=ORDER)
    n_echoes = int(w.rows("SELECT count(*) FROM out.echoes")[0][0])
    if not n_echoes:
        w.run("DROP TABLE out.echoes")
    return came, moved, n_echoes


def take_keys_out(w: Writer, heir: int | None) -> None:
    """The links between user ids without those of the source that is undone, into `out.identity_keys`."""
    if not w.rows("SELECT 1 FROM identity_keys LIMIT 1"):
        return
    columns = ", ".join(map(quoted, TABLES["identity_keys"]))
    number = f"CASE WHEN source_id = {_GONE} THEN {_HEIR} ELSE source_id END"
    renamed = columns.replace(quoted("source_id"), f"{number} AS source_id")
    w.run(
        f"CREATE TABLE out.identity_keys AS SELECT {columns} FROM identity_keys WHERE source_id <> {_GONE}"
        if heir is None
        else f"CREATE TABLE out.identity_keys AS SELECT {renamed} FROM identity_keys"
    )
