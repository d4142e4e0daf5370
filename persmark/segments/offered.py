"""What a condition can speak of in this workspace: values to choose from, the commonest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from persmark.errors import InputError
from persmark.segments.compiling import column, statement, table
from persmark.segments.rules import EVENT_FIELDS, ITEM_FIELDS, near
from persmark.store import Reader, read_sql
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa


def offered_values(reader: Reader, field: str, limit: int = 500) -> list[str]:
    """The values of a field of events or items, by how many rows have them, then by name.

    Args:
        reader: Of what workspace.
        field: One of `EVENT_FIELDS` or `ITEM_FIELDS`.
        limit: At most so many.

    Raises:
        InputError: No such field.
    """
    if field not in (*EVENT_FIELDS, *ITEM_FIELDS):
        raise InputError(
            text("A field to choose from must be one of an event. Received: {name}.", name=field),
            hint=near(field, [*EVENT_FIELDS, *ITEM_FIELDS]),
        )
    source = "items" if field in ITEM_FIELDS else "events"
    place = column(field, source)
    query = exp.Select().select(place).from_(table(source))
    query = query.where(exp.GT(this=exp.Length(this=place.copy()), expression=exp.Literal.number(0)))
    query = query.group_by(place.copy())
    query = query.order_by(exp.Ordered(this=exp.Count(this=exp.Star()), desc=True), place.copy())
    return [str(row[0]) for row in reader.rows(statement(query.limit(max(0, int(limit)))))]


def offered_items(reader: Reader, limit: int = 300) -> pa.Table:
    """The items with most events.

    Returns:
        `item_id`, `title` (null where it has none), `n_events`.
    """
    return reader.table(read_sql("persmark.segments", "offered_items"), {"most": max(0, int(limit))})


def offered_lists(reader: Reader) -> dict[str, int]:
    """Kept lists of users by name -> how many users stand on them."""
    rows = reader.rows(read_sql("persmark.segments", "offered_lists"))
    return {str(name): int(n) for name, n in rows}


def quartiles(reader: Reader, name: str) -> tuple[float, float, float] | None:
    """A quarter, half and three quarters of the users lie at most at these values of a number.

    Args:
        reader: Whose profiles.
        name: A profile column that holds numbers.

    Returns:
        None where no user has a value.
    """
    import numpy as np

    place = exp.cast(column(name, "profiles"), "DOUBLE", dialect="duckdb")
    query = exp.Select().select(exp.alias_(place, "x")).from_(table("profiles"))
    query = query.where(
        exp.Not(this=exp.Paren(this=exp.Is(this=column(name, "profiles"), expression=exp.Null())))
    )
    found = reader.table(statement(query)).column("x").to_numpy()
    if not len(found):
        return None
    low, middle, high = np.quantile(found, (0.25, 0.5, 0.75), method="lower")
    return float(low), float(middle), float(high)
