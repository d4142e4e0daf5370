"""Attention: how each user's own events and dwell spread over what they touch, beside their spend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from persmark.errors import InputError
from persmark.store import Reader, Writer, quoted, read_sql
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa

_PACKAGE = "persmark.profiles"
_WALKED = ("user_id", "event_time")
_CARRIED = ("item_id", "event_type", "channel", "local_hour", "value")

# Dimension -> the step that picks each user's favourites from it.
DIMENSIONS: Mapping[str, str | None] = MappingProxyType(
    {
        "category": "top_categories",
        "brand": "favourite_brands",
        "channel": "favourite_channels",
        "daypart": None,
    }
)
STEPS = (
    "own_events", "own_sorted", "touches", "attention_names", "favourites_empty", "sums", "totals",
    "attention_rows", *(step for step in DIMENSIONS.values() if step), "attention_kept",
)  # fmt: skip
# What the favourite of a dimension has most of; the decayed weight by default.
_RANKED_BY = {"channel": "n_events"}
_TABLES = ("attention_users", "attention_names", "attention_rows")

# Users whose sums are held at once.
USERS_AT_ONCE = 50_000


def walk(writer: Writer, values: Mapping[str, Any], *, in_order: bool) -> None:
    """Fill the temporary table `touches`: every own event with its weight, dwell and spend.

    Args:
        writer: With the temporary tables `seen`, `base`, `item_numbers` and `channel_numbers`.
        values: What fills the holes of the statement.
        in_order: Whether `seen` is expected in the order of users and times; where it turns out not
            to be, it is sorted.
    """
    writer.run(read_sql(_PACKAGE, "own_events"))
    if in_order:
        writer.line_up("walk", "own_events", _WALKED, carried=_CARRIED)
        writer.run(read_sql(_PACKAGE, "touches"), values)
        if not writer.rows("SELECT 1 FROM touches WHERE misplaced LIMIT 1"):
            return
    writer.run(read_sql(_PACKAGE, "own_sorted"))
    writer.line_up("walk", "own_sorted", _WALKED, carried=_CARRIED)
    writer.run(read_sql(_PACKAGE, "touches"), values)
    writer.run("DROP VIEW walk")
    writer.run("DROP TABLE own_sorted")


def forget(writer: Writer) -> None:
    """Let go of what `walk` and `spread` held in memory."""
    for table in ("touches", "sums", "totals"):
        writer.run(f"DROP TABLE IF EXISTS {table}")


def spread(writer: Writer, n_users: int, *, refreshing: bool) -> Iterator[float]:
    """Fill the tables of `attention` and the users' favourites.

    Args:
        writer: With the temporary table `touches`.
        n_users: Users that were counted.
        refreshing: Carry on the attention of the users that were not.

    Yields:
        The part of the work that is done.
    """
    for table in _TABLES:
        writer.create(table)
    for step in ("attention_names", "favourites_empty"):
        writer.run(read_sql(_PACKAGE, step))
    listed = writer.rows("SELECT dimension, min(name_no) - 1, count(*) FROM names GROUP BY dimension")
    holes = {
        dimension: {"before": before, "width": n + 1, "most": 9 * 10**18 // (n + 1) - 1}
        for dimension, before, n in listed
    }
    firsts = range(1, n_users + 1, USERS_AT_ONCE)
    for done, first in enumerate(firsts, start=1):
        at_once = {"first_user": first, "past_user": first + USERS_AT_ONCE}
        for dimension, favourites in DIMENSIONS.items():
            if dimension not in holes:
                continue
            numbered = quoted(f"{dimension}_no")
            writer.run(read_sql(_PACKAGE, "sums").replace('"dimension_no"', numbered), at_once)
            for step in ("totals", "attention_rows", *([favourites] if favourites else ())):
                sql = read_sql(_PACKAGE, step).replace('"ranked_by"', _RANKED_BY.get(dimension, "weight"))
                filled = {name: value for name, value in holes[dimension].items() if f"${name}" in sql}
                writer.run(sql, filled)
        yield done / len(firsts)
    if refreshing:
        writer.run(read_sql(_PACKAGE, "attention_kept"))
    forget(writer)


def attention_of(reader: Reader, user_id: str) -> pa.Table:
    """What one user's attention goes to, most first within each dimension.

    Returns:
        `dimension` (`category`, `brand`, `channel` or `daypart`), `name`, `n_events` (own ones),
        `attention_share` (of the decayed events), `dwell_share` (NULL without dwell), `spend_share`
        (NULL without spend). No rows where there is no such user.
    """
    return reader.table(read_sql(_PACKAGE, "attention_of"), {"user_id": user_id})


def attention_over_all(reader: Reader, dimension: str) -> pa.Table:
    """What all users' attention goes to, beside what they spend on; each user counts the same.

    Args:
        reader: Whose profiles.
        dimension: `category`, `brand`, `channel` or `daypart`.

    Returns:
        One row per name, most attention first: `name`, `n_users` (with attention to it),
        `n_spenders` (of those, with spend in this dimension), `n_without_spend` (of the spenders, those
        who spent nothing on it), `attention_share`, `dwell_share` and `spend_share` (means over the
        users who have any; those of the spenders alone in `spenders_attention_share`), `gap`
        (`spenders_attention_share` less `spend_share`: attention that spend does not follow).

    Raises:
        InputError: There is no such dimension.
    """
    if dimension not in DIMENSIONS:
        raise InputError(
            text("A dimension of attention must be a known one. Received: {name}.", name=dimension),
            hint=text("Available: {names}.", names=", ".join(DIMENSIONS)),
        )
    return reader.table(read_sql(_PACKAGE, "attention_over_all"), {"dimension": dimension})


def opportunities(reader: Reader) -> pa.Table:
    """Attention without spend, over all users: where each spender looks most and never paid for anything.

    Returns:
        `name` (a category), `n_users` (whose opportunity it is, see `opportunity_category`),
        `mean_attention_share` (of theirs); most users first.
    """
    return reader.table(read_sql(_PACKAGE, "opportunities"))
