"""What a file's columns mean, as SQL: event type, value, time in the workspace's zone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Map
from datetime import UTC, datetime, timedelta

from persmark.columns import EVENT_TYPES, PURCHASE, REFUND, TABLES
from persmark.events.clock import shift_sql
from persmark.events.mapping import Mapping
from persmark.events.vocabulary import EVENT_TYPE_NAMES
from persmark.settings import settings
from persmark.store import literal, quoted

_LOCAL = quoted("event time on the clock of the workspace")


def latest() -> datetime:
    """No event may lie later, UTC: clocks run ahead by hours, not by days."""
    return datetime.now(UTC).replace(tzinfo=None) + timedelta(days=settings().events.future_days)


def earliest(mapping: Mapping) -> datetime:
    """No event of a file may lie earlier, UTC."""
    return datetime(mapping.earliest_year or settings().events.earliest_year, 1, 1)


def typed_select(
    values: Map[str, str],
    source: str,
    *,
    time_zone: str,
    source_id: int,
    mapping: Mapping | None = None,
    extra: Sequence[str] = (),
    order: str = "",
    unfilled: Collection[str] = (),
) -> str:
    """A SELECT of the events table's columns.

    Args:
        values: Column -> SQL expression over `source`; what is missing becomes NULL. `event_time`
            must be a UTC TIMESTAMP in whole seconds.
        source: What stands after FROM.
        time_zone: The workspace's, for the local columns.
        source_id: Whose rows these are.
        mapping: What a value is money of, and which rows are refunds: their value is negative. Holes:
            `$refund_prefix`, where it has one.
        extra: Columns of `source` that come after the table's own.
        order: ORDER BY of what is read, before what follows from it is computed: a sort carries less
            then.
        unfilled: Columns that are left out where nothing fills them: what a file does not have costs
            as much to write as what it has, and readers see NULL either way.
    """
    shift = shift_sql("event_time", time_zone, until_year=datetime.now(UTC).year + 1)
    made = {
        **values,
        "local_date": f"CAST({_LOCAL} AS DATE)",
        "local_hour": f"extract(hour FROM {_LOCAL})",
        "source_id": str(int(source_id)),
        "repeat_no": "0",
        "by_rule": "0",
    }
    inner = [name for name in TABLES["events"] if name in values]
    first = ", ".join(f"{values[name]} AS {quoted(name)}" for name in inner)
    meant = {name: quoted(name) for name in inner} | (_meant(mapping, values) if mapping else {})
    outer = ", ".join(
        f"CAST({meant.get(name) or made.get(name, 'NULL')} AS {kind}) AS {quoted(name)}"
        for name, kind in TABLES["events"].items()
        if name in made or name not in unfilled
    )
    more = "".join(f", {quoted(name)}" for name in extra)
    read = f"(SELECT {first}{more} FROM {source} {order})"
    return f"SELECT {outer}{more} FROM (SELECT *, event_time + to_seconds({shift}) AS {_LOCAL} FROM {read})"


def _meant(mapping: Mapping, values: Map[str, str]) -> dict[str, str]:
    """Event type and value as the mapping derives them from columns that were read."""
    signs = (
        ["starts_with(order_id, $refund_prefix)"] if mapping.refund_prefix and "order_id" in values else []
    )
    if mapping.negative_refunds:
        signs += [f"coalesce({name} < 0, false)" for name in ("quantity", "value") if name in values]
    kind = "event_type"
    if signs:
        bought = f"event_type = {literal(PURCHASE)} AND ({' OR '.join(signs)})"
        kind = f"CASE WHEN {bought} THEN {literal(REFUND)} ELSE event_type END"
    if "value" not in values:
        return {"event_type": kind}
    amount = "value"
    if mapping.value_of == "unit" and "quantity" in values:
        amount = "CAST(value * coalesce(quantity, 1) AS DECIMAL(18,4))"
    return {
        "event_type": kind,
        "value": f"CASE WHEN {kind} = {literal(REFUND)} THEN -abs({amount}) ELSE {amount} END",
    }


def event_type_sql(column: str | None, mapping: Mapping, params: dict[str, object]) -> str:
    """A behaviour in our vocabulary: as the mapping says, else by any known spelling, else as it came."""
    if column is None:
        params["event_type"] = mapping.event_type
        return "$event_type"
    branches = []
    for position, (raw, name) in enumerate(mapping.event_types.items()):
        params[f"raw_{position}"], params[f"name_{position}"] = raw, name
        branches.append(f"WHEN {column} = $raw_{position} THEN $name_{position}")
    params["spellings"], params["meanings"] = list(EVENT_TYPE_NAMES), list(EVENT_TYPE_NAMES.values())
    folded = f"regexp_replace(lower({column}), '[^\\p{{L}}\\p{{N}}]+', '', 'g')"
    meaning = f"list_extract($meanings, list_position($spellings, {folded}))"
    # Told apart first, so that only what no branch knows is folded letter by letter; one by one, because
    # the database makes a join of a list of values.
    branches += [f"WHEN {column} = {literal(name)} THEN {literal(name)}" for name in EVENT_TYPES]
    return f"CASE {' '.join(branches)} ELSE coalesce({meaning}, {column}) END"


def whole(column: str, target: str, mapping: Mapping) -> str:
    """An id without the decimal point that a number column gave it."""
    if target not in mapping.whole_ids:
        return column
    return f"regexp_replace({column}, '^(\\d+)\\.0+$', '\\1')"


# Columns worked out of the file's own, once for each row.
