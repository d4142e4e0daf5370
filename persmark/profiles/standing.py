"""One user's figures beside those of other users: what is typical of them, and how many have less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from persmark.errors import InputError
from persmark.profiles.look import profile_columns
from persmark.profiles.person import EVERYONE, Members
from persmark.store import Reader, quoted
from persmark.text import text

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBERS = ("INTEGER", "BIGINT", "DOUBLE", "FLOAT", "DECIMAL")
_LEFT_OUT = ("r_score", "f_score", "m_score", "frequency")  # ranks already, or a figure under a second name


def compared_features(columns: Mapping[str, str]) -> list[str]:
    """Profile columns that are numbers a user can have more or less of than others."""
    return [name for name, dtype in columns.items() if dtype.startswith(_NUMBERS) and name not in _LEFT_OUT]


def _within(among: Members) -> str:
    return "true" if among is EVERYONE else f"p.user_id IN ({among[0]})"


def _columns(reader: Reader, names: Sequence[str], where: str, asked: Mapping[str, object]) -> pa.Table:
    """Columns of some users' profiles, as numbers."""
    if not names:
        return pa.table({})
    held = ", ".join(f"CAST(p.{quoted(name)} AS DOUBLE) AS {quoted(name)}" for name in names)
    return reader.table(f"SELECT {held} FROM profiles AS p WHERE {where}", asked)


def _checked(reader: Reader, features: Sequence[str]) -> list[str]:
    there = compared_features(profile_columns(reader))
    for name in features:
        if name not in there:
            raise InputError(
                text("A feature to compare must be a number of the profiles. Received: {name}.", name=name),
                hint=text("Available: {names}.", names=", ".join(there)),
            )
    return list(features)


def typical(reader: Reader, features: Sequence[str], among: Members = EVERYONE) -> pa.Table:
    """What is typical of some users, feature by feature, in one pass over their profiles.

    Args:
        reader: Whose profiles.
        features: Some of `compared_features`.
        among: Which users.

    Returns:
        `feature`, `n_users` (of those with a value), `low`, `median`, `high` (a quarter of them have
        less than `low`, a quarter more than `high`; NULL where nobody has a value), in the order asked for.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: A feature is none.
    """
    names = _checked(reader, features)
    if not names:
        return pa.table({"feature": [], "n_users": [], "low": [], "median": [], "high": []})
    found = _columns(reader, names, _within(among), among[1])
    counts, quartiles = [], []
    for name in names:
        # A column, not rows: quartiles interpolate between the two middle ones, as a median does.
        values = found.column(name).drop_null().to_numpy()
        counts.append(len(values))
        quartiles.append(np.quantile(values, (0.25, 0.5, 0.75)) if len(values) else (None, None, None))
    low, median, high = zip(*quartiles, strict=True)
    return pa.table(
        {
            "feature": pa.array(names, pa.string()),
            "n_users": pa.array(counts, pa.int64()),
            "low": pa.array(low, pa.float64()),
            "median": pa.array(median, pa.float64()),
            "high": pa.array(high, pa.float64()),
        }
    )


def standing(reader: Reader, user_id: str, features: Sequence[str], among: Members = EVERYONE) -> pa.Table:
    """How many of some users have less than one user of each feature, and as much.

    Args:
        reader: Whose profiles.
        user_id: Who is compared; need not be among them.
        features: Some of `compared_features`.
        among: Whom with.

    Returns:
        `feature`, `value` (the user's; NULL where they have none), `n_users` (of those with a value),
        `n_less`, `n_equal` (themselves included, where they are among them), `percentile` (0 to 1: the
        share that has less, plus half the share that has as much; NULL without a value or without
        users), in the order asked for. Nothing for a user without profile.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: A feature is none.

    Source: ties count half, the mid-rank; J. Roscoe, Fundamental Research Statistics, 2nd ed., 1975,
    percentile rank.
    """
    names = _checked(reader, features)
    if not names:
        return pa.table({"feature": [], "value": [], "n_users": [], "n_less": [], "n_equal": [],
                         "percentile": []})  # fmt: skip
    mine = _columns(reader, names, "p.user_id = $user_id", {"user_id": user_id})
    if not mine.num_rows:
        names = []
    theirs = _columns(reader, names, _within(among), among[1])
    values = [mine.column(name)[0].as_py() for name in names]
    users, less, equal = [], [], []
    for name, value in zip(names, values, strict=True):
        # Whole columns, counted where they lie: forty counts in one statement take the engine longer.
        column = theirs.column(name).drop_null().to_numpy()
        users.append(len(column))
        less.append(int(np.count_nonzero(column < value)) if value is not None else 0)
        equal.append(int(np.count_nonzero(column == value)) if value is not None else 0)
    ranks = [
        (below + 0.5 * same) / n if n and value is not None else None
        for value, n, below, same in zip(values, users, less, equal, strict=True)
    ]
    return pa.table(
        {
            "feature": pa.array(names, pa.string()),
            "value": pa.array(values, pa.float64()),
            "n_users": pa.array(users, pa.int64()),
            "n_less": pa.array(less, pa.int64()),
            "n_equal": pa.array(equal, pa.int64()),
            "percentile": pa.array(ranks, pa.float64()),
        }
    )
