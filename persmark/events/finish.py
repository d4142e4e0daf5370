"""From typed rows to the events group: repeats, rows already known, sessions, counts, stats."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from persmark.columns import EVENT_TYPES
from persmark.events.ranges import write_sorted
from persmark.events.ruling import CAME, LISTED, Ruling, lay_down
from persmark.settings import settings
from persmark.store import Writer, read_sql

_PACKAGE = "persmark.events"
ORDER = "ORDER BY user_id, event_time, item_id, event_type"

# What makes two events the same where the source gives no event id.
IDENTITY = (
    "item_id", "value", "currency", "quantity", "discount", "order_id", "channel", "campaign_id",
    "event_id", "properties",
)  # fmt: skip


@dataclass(frozen=True)
class Counts:
    """What became of the records that could be read.

    Attributes:
        loaded: Records of which at least one event is new.
        duplicate: Records all of whose events stood already, or repeat earlier ones and are dropped.
        repeated: Loaded events identical to an earlier one of the file.
        n_events: Events of the loaded records that are new.
        n_echoes: Events that stood already and are kept aside, for when the earlier file is undone.
    """

    loaded: int
    duplicate: int
    repeated: int
    n_events: int = 0
    n_echoes: int = 0


def same_row(one: str, other: str) -> str:
    """A condition: two rows without event ids are the same event.

    Args:
        one: Alias of the first table.
        other: Alias of the second.
    """
    keys = ("user_id", "event_time", "event_type", "repeat_no")
    plain = " AND ".join(f"{one}.{name} = {other}.{name}" for name in keys)
    return plain + "".join(f" AND {one}.{name} IS NOT DISTINCT FROM {other}.{name}" for name in IDENTITY)


# What a base file need not have: its readers see NULL.
OPTIONAL = frozenset(IDENTITY) - {"item_id", "value"}

_TIMELINE = ("user_id", "event_time", "item_id", "event_type")
# Events that the user did: a campaign received or an advertisement shown is done to them.
_OWN = "event_type NOT IN ('campaign_received', 'impression')"


def _mark(w: Writer, rows: str) -> None:
    """Mark what starts and ends in `rows`, a table written in the order of `ORDER`."""
    gap = {"gap_seconds": settings().events.session_gap_minutes * 60}
    w.line_up("timeline", rows, _TIMELINE, counts={"own_no": _OWN})
    w.run(read_sql(_PACKAGE, "marks"), gap)
    if w.rows("SELECT 1 FROM marks WHERE misplaced LIMIT 1"):
        w.run(f"CREATE OR REPLACE TEMP TABLE sorted AS SELECT {', '.join(_TIMELINE)} FROM {rows} {ORDER}")
        w.line_up("timeline", "sorted", _TIMELINE, counts={"own_no": _OWN})
        w.run(read_sql(_PACKAGE, "marks"), gap)


# Of a row of `marks`; `place` is its row among the events.
_EDGE = ("starts", "ends", "event_time", "previous_time", "place", "own_no", "own_before")


def _write_sessions(w: Writer) -> None:
    """`out.sessions` from the marks, in their order: that of users, and of time within each."""
    edges = "(SELECT * EXCLUDE (row_no), row_no AS place FROM marks WHERE starts OR ends)"
    w.line_up("edges", edges, _EDGE, carried=["user_id"], counts={"start_no": "starts"})
    following = [f"next_{name}" for name in _EDGE]
    w.line_up(
        "session_edges",
        "edges",
        (),
        carried=["user_id", "start_no", *_EDGE, *following],
        # A user's first row is a start, and comes after the last row of another user.
        highest={"first_no": "CASE WHEN coalesce(previous_ends, true) THEN start_no END"},
    )
    w.run(read_sql(_PACKAGE, "sessions"))


def _number_repeats(w: Writer, table: str) -> int:
    """Give the 2nd, 3rd, ... of identical rows their number; returns how many there are."""
    (found,) = w.rows("SELECT count(*) FROM marks WHERE follows_equal")
    if not found[0]:
        return 0
    # What the file has no column for is the same in all rows.
    held = {row[0] for row in w.rows(f"DESCRIBE {table}")}
    keys = ", ".join(f"e.{name}" for name in IDENTITY if name in held)
    w.run(
        f"""CREATE OR REPLACE TEMP TABLE repeats AS
        SELECT row_id, repeat_no FROM (
            SELECT e.rowid AS row_id, row_number() OVER (
                PARTITION BY e.user_id, e.event_time, e.event_type, {keys}
                ORDER BY e.rowid) - 1 AS repeat_no
            FROM {table} AS e
            SEMI JOIN (SELECT user_id, event_time FROM marks WHERE follows_equal) AS m
                ON m.user_id = e.user_id AND m.event_time = e.event_time)
        WHERE repeat_no > 0"""
    )
    w.run(f"UPDATE {table} SET repeat_no = r.repeat_no FROM repeats AS r WHERE {table}.rowid = r.row_id")
    return int(w.rows("SELECT count(*) FROM repeats")[0][0])


def _drop_known(w: Writer, *, twin: bool) -> tuple[int, int]:
    """Leave out of `fresh` what the workspace holds already, and keep it as echoes.

    Rows are compared as they came, whatever rules made of them since.

    Returns:
        How many rows were left out, and how many of them are echoes.
    """
    held = CAME if w.manifest.group("events").stats.get("n_originals") else "SELECT * FROM events"
    low, high, n_ids = w.rows("SELECT min(event_time), max(event_time), count(event_id) FROM fresh")[0]
    w.run(
        f"""CREATE TEMP TABLE known AS
        SELECT DISTINCT f.rowid AS row_id
        FROM (SELECT * FROM ({held}) WHERE event_time BETWEEN $low AND $high) AS e
        JOIN fresh AS f ON {same_row("e", "f")}""",
        {"low": low, "high": high},
    )
    if n_ids:
        w.run(
            f"""INSERT INTO known SELECT DISTINCT f.rowid
            FROM ({held}) AS e JOIN fresh AS f ON e.event_id = f.event_id
            WHERE f.rowid NOT IN (SELECT row_id FROM known)"""
        )
    n_known, n_fresh = w.rows("SELECT (SELECT count(*) FROM known), (SELECT count(*) FROM fresh)")[0]
    if not n_known:
        return 0, 0
    # A second copy of a file needs none: the file that is undone leaves its rows to it.
    n_echoes = 0 if twin and n_known == n_fresh else int(n_known)
    if n_echoes:
        known = "SELECT * FROM fresh WHERE rowid IN (SELECT row_id FROM known)"
        write_sorted(w, "out.echoes", LISTED, known, order=ORDER)
    w.run("DELETE FROM fresh WHERE rowid IN (SELECT row_id FROM known)")
    return int(n_known), n_echoes


def finish(
    w: Writer,
    *,
    table: str,
    delta: bool,
    ruling: Ruling,
    drop_repeats: bool = False,
    by_line: bool = False,
    twin: bool = False,
) -> Counts:
    """From filled rows to the group's tables: repeats, known rows, rules, sessions, counts, stats.

    Args:
        w: Writing the group `events`.
        table: `out.events` for a base without rules, else `fresh`.
        delta: Whether the rows are added to what stands.
        ruling: The quality rules that hold.
        drop_repeats: Drop rows identical to an earlier one of the same file.
        by_line: One record may have made several rows: `fresh` has one column more, `line`, and
            records are counted by it.
        twin: Whether the same bytes stand loaded in the same way.
    """
    n_records = f"SELECT count({'DISTINCT line' if by_line else '*'}), count(*) FROM {table}"
    n_read, n_events = w.rows(n_records)[0]
    _mark(w, table)
    repeated = _number_repeats(w, table)
    dropped = n_echoes = 0
    if repeated and drop_repeats:
        w.run(f"DELETE FROM {table} WHERE repeat_no > 0")
        dropped, repeated = repeated, 0
    if delta:
        n_known, n_echoes = _drop_known(w, twin=twin)
        dropped += n_known
        repeated = int(w.rows("SELECT count(*) FROM fresh WHERE repeat_no > 0")[0][0])
    n_loaded, n_events = w.rows(n_records)[0] if dropped else (n_read, n_events)
    if table != "out.events":
        lay_down(w, ruling, f"SELECT {LISTED} FROM {table}", keys=_keys(w), order=ORDER, delta=delta)
    marked = not (delta or dropped or ruling.rules)
    conclude(w, delta=delta, ruling=ruling, n_echoes=n_echoes, marked=marked)
    return Counts(int(n_loaded), int(n_read) - int(n_loaded), repeated, int(n_events), n_echoes)


def _keys(w: Writer) -> str:
    """Links between user ids: those that stand, and those of the file that is being loaded."""
    here = w.rows(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = 'out' AND table_name = 'identity_keys'"
    )
    return "SELECT * FROM identity_keys" + (" UNION ALL SELECT * FROM out.identity_keys" if here else "")


def conclude(w: Writer, *, delta: bool, ruling: Ruling, n_echoes: int, marked: bool = False) -> None:
    """Sessions, counts and stats of `out.events`.

    Args:
        w: Writing the group `events`.
        delta: Whether the rows are added to what stands.
        ruling: The quality rules under which they were written.
        n_echoes: Rows of `out.echoes`.
        marked: Whether the marks of just these rows were made already.
    """
    if delta:
        w.run("CREATE TEMP TABLE touched AS SELECT DISTINCT user_id FROM out.events")
        w.run(
            f"""CREATE OR REPLACE TEMP TABLE met AS
            SELECT e.user_id, e.event_time, CAST(NULL AS VARCHAR) AS item_id, e.event_type
            FROM events AS e JOIN touched AS t ON t.user_id = e.user_id
            UNION ALL SELECT user_id, event_time, NULL, event_type FROM out.events {ORDER}"""
        )
        _mark(w, "met")
    elif not marked:
        _mark(w, "out.events")
    _write_sessions(w)
    w.run(read_sql(_PACKAGE, "event_counts"))
    old = w.manifest.group("events").stats if delta else {}
    _stats(w, old)
    sources = set(w.stats["source_ids"])
    for table, n in (("originals", ruling.n_originals), ("echoes", n_echoes)):
        if n:
            sources |= {int(row[0]) for row in w.rows(f"SELECT DISTINCT source_id FROM out.{table}")}
    n_by_rule = {**old.get("rule_events", {})}
    for number, n in ruling.n_events.items():
        n_by_rule[str(number)] = n_by_rule.get(str(number), 0) + n
    w.stats.update(
        source_ids=sorted(sources),
        n_originals=ruling.n_originals + old.get("n_originals", 0),
        n_echoes=n_echoes + old.get("n_echoes", 0),
        rules=ruling.to_json(),
        rules_behind=ruling.behind,
        rule_events=n_by_rule,
    )


def _stats(w: Writer, old: dict[str, Any]) -> None:
    """Facts that pages read instead of scanning events."""
    n_events, n_users, n_items, first, last = w.rows(
        """SELECT count(*), (SELECT count(*) FROM marks WHERE ends), count(DISTINCT item_id),
            min(event_time), max(event_time)
        FROM out.events"""
    )[0]
    if old:
        n_users -= w.rows(
            "SELECT count(DISTINCT s.user_id) FROM sessions AS s JOIN touched AS t ON t.user_id = s.user_id"
        )[0][0]
        n_items -= w.rows(
            """SELECT count(DISTINCT e.item_id) FROM events AS e
            JOIN (SELECT DISTINCT item_id FROM out.events) AS f ON f.item_id = e.item_id"""
        )[0][0]
    by_type = dict(
        w.rows("SELECT event_type, CAST(sum(n_events) AS BIGINT) FROM out.event_counts GROUP BY 1")
    )
    for name, n in old.get("by_type", {}).items():
        by_type[name] = by_type.get(name, 0) + n
    edges = [t.isoformat() if isinstance(t, datetime) else t for t in (first, last)]
    sources = [row[0] for row in w.rows("SELECT DISTINCT source_id FROM out.event_counts")]
    firsts = [t for t in (edges[0], old.get("first_event_time")) if t]
    lasts = [t for t in (edges[1], old.get("last_event_time")) if t]
    w.stats_of["events"].update(
        n_events=int(n_events) + old.get("n_events", 0),
        n_users=int(n_users) + old.get("n_users", 0),
        n_items=int(n_items) + old.get("n_items", 0),
        first_event_time=min(firsts, default=None),
        last_event_time=max(lasts, default=None),
        by_type={
            name: int(n) for name, n in sorted(by_type.items(), key=lambda pair: (-pair[1], str(pair[0])))
        },
        source_ids=sorted({*map(int, sources), *old.get("source_ids", [])}),
        n_deltas=old.get("n_deltas", -1) + 1,
        unknown_types=sorted(str(name) for name in by_type if name not in EVENT_TYPES),
    )
