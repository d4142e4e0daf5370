"""What people attend to, without any model: how it moved between two periods, and where it tires.

Shares are those of the mean user, so that the busiest do not speak for the others; intervals are over
users, since a user's events come together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from persmark.errors import EmptyError, InputError
from persmark.recommend import last_second
from persmark.segments.intervals import share_interval
from persmark.settings import settings
from persmark.store import Reader, read_sql
from persmark.text import text

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PACKAGE = "persmark.attention"
DIMENSIONS = ("category", "brand", "channel", "hour", "event_type")
FIGURES = ("attention", "dwell", "spend")
LEVEL = 0.95
# Contacts in the window before; more are one row.
MOST_CONTACTS = 6
WINDOWS = (7, 30)


@dataclass(frozen=True)
class Periods:
    """Two stretches of local days, the ends exclusive.

    Raises:
        InputError: One of them is empty, or they overlap.
    """

    before_from: date
    before_until: date
    now_from: date
    now_until: date

    def __post_init__(self) -> None:
        if not (self.before_from < self.before_until <= self.now_from < self.now_until):
            raise InputError(
                text(
                    "Two periods must follow each other. Received: {a} to {b}, {c} to {d}.",
                    a=self.before_from, b=self.before_until, c=self.now_from, d=self.now_until,
                ),
                hint="Choose a later end, or an earlier beginning.",
            )  # fmt: skip


def shifts(
    reader: Reader, dimension: str, periods: Periods, *, users: Sequence[str] | None = None
) -> pd.DataFrame:
    """How attention, dwell and spend moved from one period to the next.

    Args:
        reader: The workspace.
        dimension: `category`, `brand`, `channel`, `hour` (0 to 23, the workspace's clock) or
            `event_type`.
        periods: Which days.
        users: Only these; all where left out.

    Returns:
        A row per name, most attention now first: `name`, `n_users` (active in both periods),
        `n_spenders`, `n_dwelling` (of them, with spend or dwell in both), `n_attending` (with an event on
        the name), and for `attention`, `dwell`, `spend`: `<figure>_before`, `<figure>_now`,
        `<figure>_change` with `<figure>_low` and `<figure>_high` (95%, paired over users, at the level of
        all names at once by Bonferroni); NaN where nobody has any. `rising`: attention has clearly risen
        and spend has not.

    Raises:
        InputError: The dimension is unknown.
        EmptyError: Nobody of the users is active in both periods.
    """
    if dimension not in DIMENSIONS:
        raise InputError(
            text("A dimension must be known. Received: {name}.", name=dimension),
            hint=text("Available: {names}.", names=", ".join(DIMENSIONS)),
        )
    values = settings()
    found = reader.frame(
        read_sql(_PACKAGE, "shifts"),
        {
            "dimension": dimension,
            "before_from": periods.before_from,
            "before_until": periods.before_until,
            "now_from": periods.now_from,
            "now_until": periods.now_until,
            "session_gap_minutes": values.events.session_gap_minutes,
            "dwell_cap_minutes": values.profiles.dwell_cap_minutes,
        },
        inputs={"chosen": _chosen(reader, users)},
    )
    if found.empty:
        raise EmptyError(
            text("A comparison of two periods needs users who are active in both. Received: none."),
            title="Nobody to compare",
            hint="Choose longer periods, or more users.",
        )
    table = found[["name", "n_users", "n_spenders", "n_dwelling", "n_attending"]].copy()
    counts = {"attention": "n_users", "dwell": "n_dwelling", "spend": "n_spenders"}
    for figure, count in counts.items():
        n = found[count].to_numpy(np.float64)
        before, now = (found[f"{when}_{figure}"].to_numpy(np.float64) for when in ("before", "now"))
        change, reach = _change(before, now, found[f"{figure}_squares"].to_numpy(np.float64), n)
        with np.errstate(invalid="ignore", divide="ignore"):
            table[f"{figure}_before"] = np.where(n > 0, np.nan_to_num(before) / n, np.nan)
            table[f"{figure}_now"] = np.where(n > 0, np.nan_to_num(now) / n, np.nan)
        table[f"{figure}_change"] = change
        table[f"{figure}_low"], table[f"{figure}_high"] = change - reach, change + reach
    table["rising"] = (table["attention_low"] > 0) & ~(table["spend_low"] > 0)
    return table


def _change(
    before: NDArray[np.float64],
    now: NDArray[np.float64],
    squares: NDArray[np.float64],
    n: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean change of a share over users, and the half-width of its interval; NaN below two users."""
    from scipy.special import stdtrit

    level = 1 - (1 - LEVEL) / max(len(n), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (np.nan_to_num(now) - np.nan_to_num(before)) / n
        variance = np.maximum(np.nan_to_num(squares) - n * mean**2, 0.0) / (n - 1)
        reach = stdtrit(np.maximum(n - 1, 1), 0.5 + level / 2) * np.sqrt(variance / n)
    return np.where(n > 0, mean, np.nan), np.where(n > 1, reach, np.nan)


def fatigue(reader: Reader, window_days: int, *, users: Sequence[str] | None = None) -> pd.DataFrame:
    """How often contacts are answered, by how many the user had received in the days before.

    A response is any own event within `response_days` after the contact (settings of the profiles). It
    is no effect of the contact: people who buy often are also written to often. Only a holdout tells.

    Args:
        reader: The workspace.
        window_days: How far back earlier contacts are counted.
        users: Only these; all where left out.

    Returns:
        `n_before` (0 to `MOST_CONTACTS`, the last one and more), `n_contacts`, `n_users`, `n_answered`,
        `rate`, `low`, `high` (95%, a user's contacts counted together). Empty where nobody was contacted.
    """
    last = last_second(reader)
    found = reader.frame(
        read_sql(_PACKAGE, "fatigue"),
        {
            "window_s": window_days * 86_400,
            "most": MOST_CONTACTS,
            "response_days": settings().profiles.response_days,
            "last_s": last,
        },
        inputs={"chosen": _chosen(reader, users)},
    )
    n = found["n_contacts"].to_numpy(np.float64)
    answered = found["n_answered"].to_numpy(np.float64)
    n_users = found["n_users"].to_numpy(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = answered / n
        away = (
            found["answer_squares"].to_numpy(np.float64)
            - 2 * rate * found["products"].to_numpy(np.float64)
            + rate**2 * found["contact_squares"].to_numpy(np.float64)
        )
        error = np.sqrt(np.maximum(away, 0.0) * n_users / (n_users - 1)) / n
        # So many independent contacts would leave as much doubt; where none is seen, as many as users.
        worth = np.where(error > 0, rate * (1 - rate) / error**2, n_users)
    low, high = share_interval(rate * worth, worth)
    table = found[["n_before", "n_contacts", "n_users", "n_answered"]].copy()
    table["rate"] = rate
    table["low"] = np.where(n_users > 1, low, np.nan)
    table["high"] = np.where(n_users > 1, high, np.nan)
    return table


def _chosen(reader: Reader, users: Sequence[str] | None) -> pa.Table:
    if users is not None:
        return pa.table({"user_id": pa.array(sorted(set(users)), pa.string())})
    return reader.table("SELECT DISTINCT user_id FROM events ORDER BY user_id", limit_ms=None)
