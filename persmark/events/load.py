"""A file of events into the workspace: the fast way where it reconciles, else the careful one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from persmark.columns import EVENT_TYPES, TABLES
from persmark.events.clock import local_time_sql, utc_sql
from persmark.events.finish import OPTIONAL, ORDER, Counts, finish
from persmark.events.formats import known_to_database
from persmark.events.identity import BLOCKED
from persmark.events.links import agree, brings_new, capture, key_pairs, link_notes
from persmark.events.mapping import Mapping
from persmark.events.meaning import earliest, event_type_sql, latest, typed_select, whole
from persmark.events.persons import Named, holds_email, pseudonymise, withheld_notes, withhold_emails
from persmark.events.records import Rejects
from persmark.events.ruling import Ruling
from persmark.events.stage import SourceFile
from persmark.events.staging import Filled, collect_rejects, stage
from persmark.jobs import OnProgress
from persmark.store import EngineError, Workspace, Writer, literal, quoted, read_sql
from persmark.text import Text, text

_PACKAGE = "persmark.events"

_TYPES_TOLD = 8
_NUMBERS = ("value", "quantity", "discount")
_FINE = "DECIMAL(18,8)"  # holds what rounding to four decimals would lose, noise of floats apart
_TEXTS = ("item_id", "currency", "order_id", "channel", "campaign_id", "event_id")
_ITEM_COLUMNS = {
    "title": "item_title", "category": "item_category", "brand": "item_brand", "price": "item_price",
}  # fmt: skip


_LOCAL_TIME = "time without zone"
_WRITTEN_TYPE = "event type as written"
_CUT = " to four decimals"


def _trimmed(column: str) -> str:
    """`nullif(trim(column), '')` for a quarter of its cost: few cells begin or end with a space.

    `trim` takes off every space separator of Unicode, no-break and ideographic ones too, so whatever
    is longer in bytes than in characters goes through it.
    """
    return f"""CASE WHEN {column} < '!' OR suffix({column}, ' ') OR strlen({column}) <> length({column})
        THEN nullif(trim({column}), '') ELSE {column} END"""


def _fast_time(mapping: Mapping) -> tuple[str, str] | None:
    """The CSV reader's type for the time column, and how it becomes UTC; None = careful only."""
    column = quoted(mapping.columns["event_time"])
    if mapping.time_format == "iso":
        until = datetime.now(UTC).year
        return "VARCHAR", utc_sql(quoted(_LOCAL_TIME), column, mapping.time_zone, until_year=until)
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
    clean = known_to_database(form) and file.read.clean and not file.read.doubtful
    clean = clean and mapping.decimal == "." and mapping.phone_ids != "phone"
    if not clean or time_type is None or any(mapping.columns.get(c) for c in _ITEM_COLUMNS.values()):
        return None
    if (
        mapping.shaped
        or file.header
        or {_LOCAL_TIME, _WRITTEN_TYPE, *(name + _CUT for name in _NUMBERS)} & set(names)
    ):
        return None
    types = dict.fromkeys(names, "VARCHAR")
    types[mapping.columns["event_time"]] = time_type[0]
    for number in _NUMBERS:
        if column := mapping.columns.get(number):
            types[column] = _FINE
    worked_out: dict[str, str] = {}
    params: dict[str, object] = {}
    values = {"event_time": time_type[1]}
    for name in ("user_id", *_TEXTS):
        if column := mapping.columns.get(name):
            values[name] = whole(_trimmed(quoted(column)), name, mapping)
    for name in _NUMBERS:
        if column := mapping.columns.get(name):
            kind_of, cut = TABLES["events"][name], name + _CUT
            worked_out[cut] = f"CAST({quoted(column)} AS {kind_of})"
            # What would be rounded is counted, and said, by the careful way.
            values[name] = f"""CASE WHEN {quoted(column)} <> {quoted(cut)}
                THEN CAST(error('rounded') AS {kind_of}) ELSE {quoted(cut)} END"""
    kind = mapping.columns.get("event_type")
    values["event_type"] = event_type_sql(quoted(_WRITTEN_TYPE) if kind else None, mapping, params)
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
        nullstr = $blanks, max_line_size = 2000000, store_rejects = true, rejects_limit = 0)"""
    reading: dict[str, object] = {
        "path": str(path),
        "header": form.header,
        "skip": form.skip_lines,
        "delimiter": form.delimiter,
        "quote": form.quote,
        "columns": types,
        "compression": form.compression,
        # Where nothing is quoted, databases write NULL so.
        "blanks": [""] if form.quote else ["", "\\N"],
    }
    params |= reading
    # Times without a zone are read in the mapping's; those that carry one keep it.
    w.run(f"SET TimeZone = {literal(mapping.time_zone)}")
    if file.read.has_at and holds_email(w, mapping, names, source, reading):
        return None
    if mapping.keys and not key_pairs(w, mapping, source, reading):
        return None
    if time_type[0] == "VARCHAR":
        worked_out[_LOCAL_TIME] = local_time_sql(quoted(mapping.columns["event_time"]))
    if kind:
        # Beside the row and not inside the choice of a meaning, where each branch would do it again.
        worked_out[_WRITTEN_TYPE] = _trimmed(quoted(kind))
    more = "".join(f", {sql} AS {quoted(name)}" for name, sql in worked_out.items())
    source = f"(SELECT *{more} FROM {source})"
    # Rows that become refunds get another place among those of the same second.
    early = not (mapping.refund_prefix or mapping.negative_refunds)
    published = table.startswith("out.")
    select = typed_select(
        values, source, time_zone=time_zone, source_id=source_id, mapping=mapping,
        order=ORDER if early else "", unfilled=OPTIONAL if published else (),
    )  # fmt: skip
    if mapping.refund_prefix and "order_id" in values:
        params["refund_prefix"] = mapping.refund_prefix
    kept = "TABLE" if published else "TEMP TABLE"
    try:
        w.run(f"CREATE {kept} {table} AS {select} {'' if early else ORDER}", params)
        checked = w.rows(
            f"""SELECT count(*), count(*) FILTER (WHERE user_id IS NULL OR event_type IS NULL
                    OR event_time IS NULL OR event_time < $earliest OR event_time > $latest),
                (SELECT count(*) FROM reject_errors) FROM {table}""",
            {"earliest": earliest(mapping), "latest": latest()},
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


def careful_fill(
    workspace: Workspace,
    w: Writer,
    table: str,
    file: SourceFile,
    *,
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
            "earliest": earliest(mapping),
            "latest": latest(),
            "has_event_type": "event_type" in mapping.columns,
            "blocked": BLOCKED,
            "of_unit": mapping.value_of == "unit",
        },
    )
    if n := _n_rounded(w):
        filled.notes.append(text("{n} rows have numbers with more than four decimals, rounded to four.", n=n))
    for target in mapping.whole_ids:
        w.run(f"UPDATE typed SET {quoted(target)} = {whole(quoted(target), target, mapping)}")
    collect_rejects(w, file, filled)
    named = pseudonymise(workspace, w, mapping, source_id=source_id)
    n_withheld = withhold_emails(w, (*_TEXTS, "event_type", "properties"))
    if _describes_items(mapping):
        # Items are described out of the staged text.
        n_withheld += withhold_emails(w, ("item_id", *_ITEM_COLUMNS.values()), table="stage")
    n_links = capture(
        workspace, w, mapping, rows="(FROM typed WHERE reason IS NULL)", named=named, source_id=source_id
    )
    filled.notes += [*named.notes(), *withheld_notes(n_withheld), *link_notes(n_links)]
    filled.n_links = n_links
    params: dict[str, object] = {}
    values = {name: name for name in ("user_id", "event_time", *_TEXTS, *_NUMBERS, "properties")}
    values["event_type"] = event_type_sql(
        "event_type" if "event_type" in mapping.columns else None, mapping, params
    )
    select = typed_select(
        values,
        "typed WHERE reason IS NULL",
        time_zone=workspace.time_zone,
        source_id=source_id,
        mapping=mapping,
        extra=("line",) if mapping.by_line else (),
    )
    if mapping.refund_prefix:
        params["refund_prefix"] = mapping.refund_prefix
    kept = "TABLE" if table.startswith("out.") else "TEMP TABLE"
    w.run(f"CREATE {kept} {table} AS {select} {ORDER}", params)
    return filled


def _n_rounded(w: Writer) -> int:
    """Rows of `typed` whose numbers have a fifth to eighth decimal: floats are noise beyond them."""
    rounded = " OR ".join(
        f"({name}_text IS NOT NULL AND regexp_matches({name}_text, $fine))" for name in _NUMBERS
    )
    fine = r"[.,．，]\d{4}\d{0,3}[1-9]|[eE]-\d"
    return int(
        w.rows(f"SELECT count(*) FROM typed WHERE reason IS NULL AND ({rounded})", {"fine": fine})[0][0]
    )


def _describes_items(mapping: Mapping) -> bool:
    described = {*mapping.columns, *mapping.fallbacks} & set(_ITEM_COLUMNS.values())
    return bool(described) and "item_id" in mapping.columns


def fill_items(w: Writer, mapping: Mapping) -> None:
    """Items described beside the events of `stage`, the last description of each.

    What the catalogue knows of an item beyond that is kept.
    """
    if not _describes_items(mapping):
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


def load_events(
    workspace: Workspace,
    w: Writer,
    file: SourceFile,
    *,
    source_id: int,
    on_progress: OnProgress,
) -> tuple[Filled, Counts]:
    """Read a file into the groups that `w` is writing; nothing is published here."""
    # A file of users may have left links there and no events, or rules all of them out.
    stats = w.manifest.group("events").stats
    delta = bool(stats.get("n_events") or stats.get("n_originals"))
    if file.mapping.keys:
        agree(workspace)
    ruling = Ruling.of(workspace, w, delta=delta)
    # Where rules hold, what they make of the rows is written after them.
    table = "fresh" if delta or ruling.rules or file.mapping.by_line else "out.events"
    on_progress(0.1, text("Reading {n} lines", n=file.read.n_lines))
    filled = fast_fill(w, table, file, time_zone=workspace.time_zone, source_id=source_id)
    if filled is None:
        filled = careful_fill(workspace, w, table, file, source_id=source_id, on_progress=on_progress)
        fill_items(w, file.mapping)
    elif file.mapping.keys:
        filled.n_links = capture(
            workspace, w, file.mapping, rows="key_pairs", named=Named(), source_id=source_id
        )
        filled.notes += link_notes(filled.n_links)
    filled.new_links = bool(filled.n_links) and brings_new(w)
    on_progress(0.7, text("Finding repeats and sessions"))
    counts = finish(
        w,
        table=table,
        delta=delta,
        ruling=ruling,
        drop_repeats=file.mapping.drop_repeats,
        by_line=file.mapping.by_line,
        twin=has_twin(workspace, file),
    )
    filled.notes += _kept_types(w, file.mapping)
    # Nothing but echoes: the events are those that stood.
    w.same_rows = not counts.n_events and not set(file.mapping.columns) & set(_ITEM_COLUMNS.values())
    return filled, counts


def _kept_types(w: Writer, mapping: Mapping) -> list[Text]:
    """Which event types of the file are none of ours and stay as they came."""
    if "event_type" not in mapping.columns:
        return []
    rows = w.rows(
        """SELECT event_type, CAST(sum(n_events) AS BIGINT) FROM out.event_counts
        WHERE event_type NOT IN (SELECT unnest($ours)) GROUP BY 1 ORDER BY 2 DESC, 1""",
        {"ours": [*EVENT_TYPES, *mapping.event_types.values()]},
    )
    if not rows:
        return []
    named = ", ".join(f"{name} ({n:,})" for name, n in rows[:_TYPES_TOLD])
    return [
        text("{n} event types are kept as they are: {names}.",
             n=len(rows), names=named + (", …" if len(rows) > _TYPES_TOLD else ""))
    ]  # fmt: skip


def has_twin(workspace: Workspace, file: SourceFile) -> bool:
    """Whether the same bytes stand loaded, read in the same way."""
    rows = workspace.state.rows("sources", {"sha256": file.read.sha256, "kind": "events", "state": "loaded"})
    mapping = json.loads(json.dumps(file.mapping.to_json()))
    return any(json.loads(row["mapping"]) == mapping for row in rows)
