"""A file of events into the workspace: the fast way where it reconciles, else the careful one."""

from __future__ import annotations

import json
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from persmark.columns import EVENT_TYPES, TABLES
from persmark.events.clock import shift_sql
from persmark.events.mapping import TARGETS, Mapping
from persmark.events.stage import Rejects, SourceFile, raw_lines, stage_columns, staged
from persmark.jobs import OnProgress
from persmark.settings import settings
from persmark.store import EngineError, Workspace, Writer, literal, quoted, read_sql
from persmark.text import text

_PACKAGE = "persmark.events"
ORDER = "ORDER BY user_id, event_time, item_id, event_type"

# What makes two events the same where the source gives no event id.
IDENTITY = (
    "item_id", "value", "currency", "quantity", "discount", "order_id", "channel", "campaign_id",
    "event_id", "properties",
)  # fmt: skip
_NUMBERS = ("value", "quantity", "discount")
_TEXTS = ("item_id", "currency", "order_id", "channel", "campaign_id", "event_id")
_ITEM_COLUMNS = {
    "title": "item_title", "category": "item_category", "brand": "item_brand", "price": "item_price",
}  # fmt: skip


@dataclass
class Filled:
    """What reading a file left in the table that is being built.

    Attributes:
        rejects: Rows that are not in it.
        n_records: Physical records, counted apart from the loading.
    """

    rejects: Rejects
    n_records: int


@dataclass(frozen=True)
class Counts:
    """What became of the rows that could be read."""

    loaded: int
    duplicate: int
    repeated: int


def _latest() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None) + timedelta(days=settings().events.future_days)


def _earliest() -> datetime:
    return datetime(settings().events.earliest_year, 1, 1)


def typed_select(values: Map[str, str], source: str, *, time_zone: str, source_id: int) -> str:
    """A SELECT of the events table's columns.

    Args:
        values: Column -> SQL expression over `source`; what is missing becomes NULL. `event_time`
            must be a UTC TIMESTAMP in whole seconds.
        source: What stands after FROM.
        time_zone: The workspace's, for the local columns.
        source_id: Whose rows these are.
    """
    shift = shift_sql("event_time", time_zone, until_year=datetime.now(UTC).year + 1)
    made = {
        **values,
        "local_date": f"CAST(event_time + to_seconds({shift}) AS DATE)",
        "local_hour": f"CAST((CAST(epoch(event_time) AS BIGINT) + ({shift})) // 3600 % 24 AS INTEGER)",
        "source_id": str(int(source_id)),
        "repeat_no": "0",
    }
    inner = [name for name in TABLES["events"] if name in values]
    first = ", ".join(f"{values[name]} AS {quoted(name)}" for name in inner)
    outer = ", ".join(
        f"CAST({quoted(name) if name in values else made.get(name, 'NULL')} AS {kind}) AS {quoted(name)}"
        for name, kind in TABLES["events"].items()
    )
    return f"SELECT {outer} FROM (SELECT {first} FROM {source})"


def _event_type_sql(column: str | None, mapping: Mapping, params: dict[str, object]) -> str:
    if column is None:
        params["event_type"] = mapping.event_type
        return "$event_type"
    if not mapping.event_types:
        return column
    branches = []
    for position, (raw, name) in enumerate(mapping.event_types.items()):
        params[f"raw_{position}"], params[f"name_{position}"] = raw, name
        branches.append(f"WHEN $raw_{position} THEN $name_{position}")
    return f"CASE {column} {' '.join(branches)} ELSE {column} END"


def _fast_time(mapping: Mapping) -> tuple[str, str] | None:
    """The CSV reader's type for the time column, and how it becomes UTC; None = careful only."""
    column = quoted(mapping.columns["event_time"])
    if mapping.time_format == "iso":
        return "TIMESTAMPTZ", f"date_trunc('second', timezone('UTC', {column}))"
    unit = {"epoch_s": "* 1000000", "epoch_ms": "* 1000", "epoch_us": ""}.get(mapping.time_format)
    if unit is None:
        return None
    # As fractions, so that half a second is cut off and not rounded up; what no clock shows raises.
    return "DOUBLE", f"date_trunc('second', make_timestamp(CAST({column} {unit} AS BIGINT)))"


def fast_fill(
    w: Writer,
    table: str,
    file: SourceFile,
    *,
    time_zone: str,
    source_id: int,
) -> Filled | None:
    """Read a clean CSV with the database's own reader into `table`.

    Returns:
        None where the file is not of the kinds it reads, or its rows do not add up: nothing of it
        is kept then.
    """
    form, mapping, names, path = file.form, file.mapping, file.names, file.path
    time_type = _fast_time(mapping)
    clean = form.kind == "csv" and file.read.clean and mapping.decimal == "."
    if not clean or time_type is None or any(mapping.columns.get(c) for c in _ITEM_COLUMNS.values()):
        return None
    types = dict.fromkeys(names, "VARCHAR")
    types[mapping.columns["event_time"]] = time_type[0]
    for number in _NUMBERS:
        if column := mapping.columns.get(number):
            types[column] = TABLES["events"][number]
    params: dict[str, object] = {}
    values = {"event_time": time_type[1]}
    for name in ("user_id", *_TEXTS):
        if column := mapping.columns.get(name):
            values[name] = f"nullif(trim({quoted(column)}), '')"
    for name in _NUMBERS:
        if column := mapping.columns.get(name):
            values[name] = quoted(column)
    kind = mapping.columns.get("event_type")
    values["event_type"] = _event_type_sql(
        f"nullif(trim({quoted(kind)}), '')" if kind else None, mapping, params
    )
    if rest := mapping.rest(names):
        for position, name in enumerate(rest):
            params[f"rest_{position}"] = name
        pairs = ", ".join(f"$rest_{at}, nullif({quoted(name)}, '')" for at, name in enumerate(rest))
        # Merging drops the keys that hold NULL, so that blanks take no room.
        values["properties"] = (
            f"nullif(CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR), '{{}}')"
        )
    source = """read_csv($path, auto_detect = false, header = $header, skip = $skip, delim = $delimiter,
        quote = $quote, escape = $quote, columns = $columns, compression = $compression,
        max_line_size = 2000000, store_rejects = true, rejects_limit = 0)"""
    params |= {
        "path": str(path),
        "header": form.header,
        "skip": form.skip_lines,
        "delimiter": form.delimiter,
        "quote": form.quote,
        "columns": types,
        "compression": form.compression,
    }
    # Times without a zone are read in the mapping's; those that carry one keep it.
    w.run(f"SET TimeZone = {literal(mapping.time_zone)}")
    select = typed_select(values, source, time_zone=time_zone, source_id=source_id)
    kept = "TABLE" if table.startswith("out.") else "TEMP TABLE"
    try:
        w.run(f"CREATE {kept} {table} AS {select} {ORDER}", params)
        checked = w.rows(
            f"""SELECT count(*), count(*) FILTER (WHERE user_id IS NULL OR event_type IS NULL
                    OR event_time IS NULL OR event_time < $earliest OR event_time > $latest),
                (SELECT count(*) FROM reject_errors) FROM {table}""",
            {"earliest": _earliest(), "latest": _latest()},
        )
        n_rows, n_bad, n_rejected = checked[0]
    except EngineError:
        n_rows, n_bad, n_rejected = -1, 0, 0
    expected = file.read.n_lines - form.skip_lines - int(form.header)
    if n_rows != expected or n_bad or n_rejected:
        w.run(f"DROP TABLE IF EXISTS {table}")
        return None
    rejects = Rejects()
    if form.skip_lines:
        rejects.skip("preamble", form.skip_lines)
    return Filled(rejects, expected + form.skip_lines)


def _stage_parquet(w: Writer, path: Path, mapping: Mapping, names: Sequence[str]) -> None:
    columns = ["file_row_number + 1 AS line", "1 AS n_lines"]
    for target in TARGETS[mapping.kind]:
        column = mapping.columns.get(target)
        columns.append(
            f"CAST({quoted(column)} AS VARCHAR) AS {quoted(target)}"
            if column
            else f"CAST(NULL AS VARCHAR) AS {quoted(target)}"
        )
    params: dict[str, object] = {"path": str(path)}
    rest = mapping.rest(names)
    if rest:
        for position, name in enumerate(rest):
            params[f"rest_{position}"] = name
        pairs = ", ".join(f"$rest_{at}, CAST({quoted(name)} AS VARCHAR)" for at, name in enumerate(rest))
        columns.append(f"CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR) AS rest")
    else:
        columns.append("CAST(NULL AS VARCHAR) AS rest")
    w.run(
        f"""CREATE TEMP TABLE stage AS SELECT {", ".join(columns)}
        FROM read_parquet($path, file_row_number = true)""",
        params,
    )


def stage(w: Writer, file: SourceFile, on_progress: OnProgress) -> Filled:
    """Every record as text into the temporary table `stage`, or into the rejects."""
    w.run("SET TimeZone = 'UTC'")
    path, form, mapping = file.path, file.form, file.mapping
    if form.kind == "parquet":
        _stage_parquet(w, path, mapping, file.names)
        return Filled(
            Rejects(), int(w.rows("SELECT count(*) FROM read_parquet($path)", {"path": str(path)})[0][0])
        )
    rejects = Rejects()
    declared = ", ".join(
        ["line BIGINT", "n_lines INTEGER", *(f"{quoted(n)} VARCHAR" for n in stage_columns(mapping.kind))]
    )
    w.run(f"CREATE TEMP TABLE stage ({declared})")
    total = 0
    for batch in staged(file, rejects):
        w.rows("INSERT INTO stage BY NAME SELECT * FROM batch", inputs={"batch": batch})
        total += batch.num_rows
        on_progress(
            0.1 + 0.5 * min(total / max(file.read.n_lines, 1), 1.0),
            text("Reading carefully: {n} of about {all} lines", n=total, all=file.read.n_lines),
        )
    return Filled(rejects, total + len(rejects.rows) + sum(rejects.skipped.values()))


def collect_rejects(w: Writer, file: SourceFile, filled: Filled) -> None:
    """Move rows that `typed` could not read to the rejects, with their raw text."""
    bad = w.rows("SELECT line, n_lines, reason, detail FROM typed WHERE reason IS NOT NULL ORDER BY line")
    if file.form.kind == "parquet":
        raw = {
            line: json.dumps(
                {k: v for k, v in zip(names, cells, strict=True) if v is not None} | json.loads(rest or "{}"),
                ensure_ascii=False,
            )
            for names in [[row[0] for row in w.rows("DESCRIBE stage")][2:-1]]
            for line, _, *cells, rest in w.rows(
                "SELECT s.* FROM stage s JOIN typed t ON t.line = s.line WHERE t.reason IS NOT NULL"
            )
        }
    else:
        raw = raw_lines(file.path, file.form, {line: n for line, n, _, _ in bad})
    filled.rejects.rows.extend((line, reason, detail, raw.get(line, "")) for line, _, reason, detail in bad)


def careful_fill(
    w: Writer,
    table: str,
    file: SourceFile,
    *,
    time_zone: str,
    source_id: int,
    on_progress: OnProgress,
) -> Filled:
    """Read any file record by record into `table`; what cannot be read is in the rejects."""
    filled = stage(w, file, on_progress)
    mapping = file.mapping
    w.run(read_sql(_PACKAGE, "number_of"))
    w.run(f"SET TimeZone = {literal(mapping.time_zone)}")
    w.run(
        read_sql(_PACKAGE, "typed_events"),
        {
            "time_format": mapping.time_format,
            "time_zone": mapping.time_zone,
            # Parquet holds numbers as numbers; their text always has a point.
            "decimal": "." if file.form.kind == "parquet" else mapping.decimal,
            "earliest": _earliest(),
            "latest": _latest(),
            "has_event_type": "event_type" in mapping.columns,
        },
    )
    collect_rejects(w, file, filled)
    params: dict[str, object] = {}
    values = {name: name for name in ("user_id", "event_time", *_TEXTS, *_NUMBERS, "properties")}
    values["event_type"] = _event_type_sql(
        "event_type" if "event_type" in mapping.columns else None, mapping, params
    )
    select = typed_select(values, "typed WHERE reason IS NULL", time_zone=time_zone, source_id=source_id)
    kept = "TABLE" if table.startswith("out.") else "TEMP TABLE"
    w.run(f"CREATE {kept} {table} AS {select} {ORDER}", params)
    return filled


def fill_items(w: Writer, mapping: Mapping) -> None:
    """Items described beside the events of `stage`, the last description of each.

    What the catalogue knows of an item beyond that is kept.
    """
    if (
        not any(mapping.columns.get(column) for column in _ITEM_COLUMNS.values())
        or "item_id" not in mapping.columns
    ):
        return
    w.create("items")
    w.run(
        f"""INSERT INTO {w.place("items")} BY NAME
        WITH described AS (
            SELECT nullif(trim(item_id), '') AS item_id,
                arg_max(nullif(trim(item_title), ''), line) AS title,
                arg_max(nullif(trim(item_category), ''), line) AS category,
                arg_max(nullif(trim(item_brand), ''), line) AS brand,
                arg_max(number_of(item_price, $decimal), line) AS price
            FROM stage WHERE nullif(trim(item_id), '') IS NOT NULL GROUP BY 1
        )
        SELECT d.item_id, coalesce(i.kind, 'product') AS kind, coalesce(d.title, i.title) AS title,
            coalesce(d.category, i.category_path) AS category_path,
            coalesce(d.category, i.category) AS category, coalesce(d.brand, i.brand) AS brand,
            coalesce(d.price, i.price) AS price, i.currency, i.text, i.image, i.attributes
        FROM described AS d LEFT JOIN items AS i ON i.item_id = d.item_id
        ORDER BY d.item_id""",
        {"decimal": mapping.decimal},
    )


def _mark(w: Writer, timeline: str) -> None:
    w.run(f"CREATE OR REPLACE TEMP VIEW timeline AS {timeline}")
    w.run(read_sql(_PACKAGE, "marks"), {"gap_seconds": settings().events.session_gap_minutes * 60})


def _number_repeats(w: Writer, table: str) -> int:
    """Give the 2nd, 3rd, ... of identical rows their number; returns how many there are."""
    (found,) = w.rows("SELECT count(*) FROM marks WHERE follows_equal")
    if not found[0]:
        return 0
    w.run(
        f"""CREATE OR REPLACE TEMP TABLE repeats AS
        SELECT row_id, repeat_no FROM (
            SELECT e.rowid AS row_id, row_number() OVER (
                PARTITION BY e.user_id, e.event_time, e.event_type, {", ".join("e." + c for c in IDENTITY)}
                ORDER BY e.rowid) - 1 AS repeat_no
            FROM {table} AS e
            SEMI JOIN (SELECT user_id, event_time FROM marks WHERE follows_equal) AS m
                ON m.user_id = e.user_id AND m.event_time = e.event_time)
        WHERE repeat_no > 0"""
    )
    w.run(f"UPDATE {table} SET repeat_no = r.repeat_no FROM repeats AS r WHERE {table}.rowid = r.row_id")
    return int(w.rows("SELECT count(*) FROM repeats")[0][0])


def _drop_known(w: Writer) -> int:
    """Leave out of `fresh` what the workspace holds already; returns how many rows."""
    equal = " AND ".join(f"e.{name} IS NOT DISTINCT FROM f.{name}" for name in IDENTITY)
    low, high, n_ids = w.rows("SELECT min(event_time), max(event_time), count(event_id) FROM fresh")[0]
    w.run(
        f"""CREATE TEMP TABLE known AS
        SELECT DISTINCT f.rowid AS row_id
        FROM (SELECT * FROM events WHERE event_time BETWEEN $low AND $high) AS e
        JOIN fresh AS f ON e.user_id = f.user_id AND e.event_time = f.event_time
            AND e.event_type = f.event_type AND e.repeat_no = f.repeat_no AND {equal}""",
        {"low": low, "high": high},
    )
    if n_ids:
        w.run(
            """INSERT INTO known SELECT DISTINCT f.rowid
            FROM events AS e JOIN fresh AS f ON e.event_id = f.event_id
            WHERE f.rowid NOT IN (SELECT row_id FROM known)"""
        )
    n_known = int(w.rows("SELECT count(*) FROM known")[0][0])
    if n_known:
        w.run("DELETE FROM fresh WHERE rowid IN (SELECT row_id FROM known)")
    return n_known


def finish(w: Writer, *, table: str, delta: bool, drop_repeats: bool = False) -> Counts:
    """From filled rows to the group's tables: repeats, known rows, sessions, counts, stats.

    Args:
        w: Writing the group `events`.
        table: `out.events` for a base, `fresh` for a delta.
        delta: Whether the rows are added to what stands.
        drop_repeats: Drop rows identical to an earlier one of the same file.
    """
    (n_read,) = w.rows(f"SELECT count(*) FROM {table}")[0]
    _mark(w, f"SELECT user_id, event_time, item_id, event_type FROM {table}")
    repeated = _number_repeats(w, table)
    duplicate = 0
    if repeated and drop_repeats:
        w.run(f"DELETE FROM {table} WHERE repeat_no > 0")
        duplicate, repeated = repeated, 0
    old = w.manifest.group("events").stats if delta else {}
    if delta:
        duplicate += _drop_known(w)
        w.run(f"CREATE TABLE out.events AS SELECT * FROM fresh {ORDER}")
        w.run("CREATE TEMP TABLE touched AS SELECT DISTINCT user_id FROM fresh")
        _mark(
            w,
            """SELECT e.user_id, e.event_time, CAST(NULL AS VARCHAR) AS item_id, e.event_type
            FROM events AS e JOIN touched AS t ON t.user_id = e.user_id
            UNION ALL SELECT user_id, event_time, NULL, event_type FROM fresh""",
        )
        repeated = int(w.rows("SELECT count(*) FROM out.events WHERE repeat_no > 0")[0][0])
    elif duplicate:
        _mark(w, "SELECT user_id, event_time, item_id, event_type FROM out.events")
    w.run(read_sql(_PACKAGE, "sessions"))
    w.run(read_sql(_PACKAGE, "event_counts"))
    _stats(w, old)
    return Counts(int(n_read) - duplicate, duplicate, repeated)


def _stats(w: Writer, old: dict[str, Any]) -> None:
    """Facts that pages read instead of scanning events."""
    n_events, n_users, n_items, first, last = w.rows(
        """SELECT count(*), count(DISTINCT user_id), count(DISTINCT item_id), min(event_time), max(event_time)
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


def load_events(
    workspace: Workspace,
    w: Writer,
    file: SourceFile,
    *,
    source_id: int,
    on_progress: OnProgress,
) -> tuple[Filled, Counts]:
    """Read a file into the groups that `w` is writing; nothing is published here."""
    delta = bool(w.manifest.group("events").files)
    table = "fresh" if delta else "out.events"
    options: dict[str, Any] = {"time_zone": workspace.time_zone, "source_id": source_id}
    on_progress(0.1, text("Reading {n} lines", n=file.read.n_lines))
    filled = fast_fill(w, table, file, **options)
    if filled is None:
        filled = careful_fill(w, table, file, on_progress=on_progress, **options)
        fill_items(w, file.mapping)
    on_progress(0.7, text("Finding repeats and sessions"))
    counts = finish(w, table=table, delta=delta, drop_repeats=file.mapping.drop_repeats)
    return filled, counts
