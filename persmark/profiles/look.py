"""Looking at profiles: one user, a search, a feature over all users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from persmark.errors import EmptyError, InputError
from persmark.profiles.catalogue import ATTRIBUTE_PREFIX, FEATURES, Feature, attribute_feature
from persmark.store import Reader, quoted, read_sql
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BINS = 200


def profile_columns(reader: Reader) -> dict[str, str]:
    """Column -> DuckDB type of the published profiles.

    Raises:
        EmptyError: Profiles have not been built.
    """
    columns = reader.columns("profiles")
    if "n_events" not in columns:
        raise EmptyError(
            text("Profiles must be built first. Received: a workspace without any."),
            title="No profiles yet", hint="Build profiles on the Profiles page, or with `profiles`.",
        )  # fmt: skip
    return columns


def feature_catalogue(reader: Reader) -> list[Feature]:
    """The entry of every column that this workspace's profiles have, attributes included.

    Raises:
        EmptyError: Profiles have not been built.
    """
    keys: dict[str, str] = reader.manifest.group("profiles").stats.get("attributes", {})
    return [
        FEATURES[name] if name in FEATURES else attribute_feature(name, keys.get(name))
        for name in profile_columns(reader)
    ]


def profile(reader: Reader, user_id: str) -> dict[str, Any] | None:
    """One user's row as column -> value; None where there is no such user."""
    rows = reader.table("SELECT * FROM profiles WHERE user_id = $user_id", {"user_id": user_id}).to_pylist()
    return dict(rows[0]) if rows else None


def search_users(reader: Reader, wanted: str, limit: int = 20) -> pa.Table:
    """Users whose id begins with the text, then those that hold it elsewhere, each by id.

    Args:
        reader: Whose profiles.
        wanted: Part of a user id, exactly as written; empty finds the first users.
        limit: At most so many.

    Returns:
        `user_id`, `n_events`, `n_purchases`, `monetary`, `recency_days`, `rfm_segment`, `lifecycle`.

    Raises:
        EmptyError: Profiles have not been built.
    """
    profile_columns(reader)
    return reader.table(
        read_sql("persmark.profiles", "search_users"), {"wanted": wanted, "most": max(0, int(limit))}
    )


def bins_sql(
    feature: str, dtype: str, bins: int, *, table: str = "profiles"
) -> tuple[str, dict[str, int | bool]]:
    """The statement that counts one feature in bins, and its parameters. `table` is ours, never data."""
    column = quoted(feature)
    params: dict[str, int | bool] = {"bins": bins}
    if dtype == "VARCHAR":
        name = "text_bins"
    else:
        name = "number_bins"
        params["whole"] = dtype in {"INTEGER", "BIGINT"}
        if dtype == "TIMESTAMP":
            column = f"epoch({column})"
    sql = read_sql("persmark.profiles", name).replace('"feature"', column).replace('"table"', table)
    return sql, params


def distribution(reader: Reader, feature: str, bins: int = 20) -> pa.Table:
    """How one feature spreads over the users.

    Numbers fall into equal bins from the least value to the 99th percentile, the last one open to
    the greatest; times likewise, in seconds since 1970 UTC; names are listed by the number of users.

    Args:
        reader: Whose profiles.
        feature: A column of `profiles`.
        bins: At most so many bins or names, 1 to 200.

    Returns:
        `bin` (0 = users without a value, then from 1), `value` (a name, else NULL), `low` (inclusive),
        `high` (exclusive, but for the last bin), `n_users`.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: There is no such feature, or `bins` is out of range.
    """
    columns = profile_columns(reader)
    if feature not in columns:
        raise InputError(
            text("A feature must be a column of the profiles. Received: {name}.", name=feature),
            hint=text("Available: {names}.", names=", ".join(columns)),
        )
    if not 1 <= bins <= MOST_BINS:
        raise InputError(text("bins must be 1 to {most}. Received: {bins}.", most=MOST_BINS, bins=bins))
    sql, params = bins_sql(feature, columns[feature], bins)
    return reader.table(sql, params)


def summary(reader: Reader) -> dict[str, Any]:
    """What the build published about all profiles, without a scan.

    Returns:
        `n_users`, `as_of` (ISO, UTC), `settings`, `attributes` (column -> key), `rfm_segment` and
        `lifecycle` (name -> users), `features` (name -> bins as in `distribution`).

    Raises:
        EmptyError: Profiles have not been built.
    """
    profile_columns(reader)
    return dict(reader.manifest.group("profiles").stats)


def rfm_cells(reader: Reader) -> pa.Table:
    """Users in each cell of the grid of recency and frequency scores.

    Returns:
        `recency_score`, `frequency_score` (1 to 5, 5 = best), `n_users`; empty cells are left out.

    Raises:
        EmptyError: Profiles have not been built.
    """
    profile_columns(reader)
    return reader.table(read_sql("persmark.profiles", "rfm_cells"))


def user_history(reader: Reader, user_id: str, limit: int = 100) -> pa.Table:
    """One user's events, newest first, with the items' titles.

    Returns:
        `event_time`, `event_type`, `item_id`, `title`, `kind`, `category`, `brand`, `value`, `currency`,
        `quantity`, `order_id`, `channel`, `campaign_id`.
    """
    return reader.table(
        read_sql("persmark.profiles", "user_history"), {"user_id": user_id, "most": max(0, int(limit))}
    )


__all__ = [
    "ATTRIBUTE_PREFIX",
    "bins_sql",
    "distribution",
    "feature_catalogue",
    "profile",
    "profile_columns",
    "rfm_cells",
    "search_users",
    "summary",
    "user_history",
]
