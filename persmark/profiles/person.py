"""One user looked at: finding them, their place among others, their events over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from persmark.errors import InputError
from persmark.profiles.look import profile_columns
from persmark.store import Reader, read_sql
from persmark.text import text

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PACKAGE = "persmark.profiles"
# A statement that lists users in a column `user_id`, and the values of its `$name` holes, as
# `segments.to_sql` gives them.
Members = tuple[str, Mapping[str, Any]]
EVERYONE: Members = ("SELECT user_id FROM profiles", {})

# Points of one timeline: about a thousand are told apart on a screen, and drawn without delay.
MOST_POINTS = 1_200
MOST_ROWS = 1_000  # of one page of events
# An opportunity: a twentieth of the attention in three events or more, and less than half that of the money.
MUCH_ATTENTION, LEAST_EVENTS, LITTLE_SPEND = 0.05, 3, 0.5
_LONGEST_ID_COMPARED = 100  # edit distances of longer ids cost much and find nobody
_EARLIEST = datetime(1900, 1, 1)
_LATEST = datetime(9999, 1, 1)


def among_sql(name: str, among: Members) -> str:
    """The statement `sql/{name}.sql` with `among` in the place of its table of that name."""
    return read_sql(PACKAGE, name).replace('"among"', f"({among[0]})")


def near_users(reader: Reader, wanted: str, limit: int = 6) -> list[str]:
    """Ids most like one that nobody has: the same letters in other case, one or two letters apart, else
    those beside it in order.

    Source: V. Levenshtein, Binary codes capable of correcting deletions, insertions and reversals,
    Soviet Physics Doklady 10(8), 1966.

    Raises:
        EmptyError: Profiles have not been built.
    """
    profile_columns(reader)
    asked = {
        "wanted": wanted[:_LONGEST_ID_COMPARED],
        "most": max(0, int(limit)),
        "beside": max(1, int(limit) // 2),
    }
    found = reader.table(read_sql(PACKAGE, "near_users"), asked)
    return [str(user) for user in found.column("user_id").to_pylist()]


def exists(reader: Reader, user_id: str) -> bool:
    """Whether there is a profile of that very id."""
    profile_columns(reader)
    return bool(reader.rows("SELECT 1 FROM profiles WHERE user_id = $user_id LIMIT 1", {"user_id": user_id}))


def joined_to(reader: Reader, source_user_id: str) -> str | None:
    """The user that an id of a file was joined to; None for one that was not, or is not there."""
    found = reader.rows(
        "SELECT min(user_id) FROM identities WHERE source_user_id = $id AND user_id <> $id",
        {"id": source_user_id},
    )
    return None if found[0][0] is None else str(found[0][0])


@dataclass(frozen=True)
class Place:
    """Where a user stands among some users in the order of their ids.

    Attributes:
        n_users: How many there are.
        place: From 1; for one who is not among them, where they would stand.
        holds: Whether the user is one of them.
        previous: The id before theirs; None for the first.
        following: The id behind theirs; None for the last.
        first: The first id of all; None where there are none.
        last: The last id of all.
    """

    n_users: int
    place: int
    holds: bool
    previous: str | None
    following: str | None
    first: str | None
    last: str | None


def place_of(reader: Reader, user_id: str, among: Members = EVERYONE) -> Place:
    """A user's place among some users, and who stands beside them.

    Args:
        reader: Whose profiles.
        user_id: Need not be one of them.
        among: Whom to look at.

    Raises:
        EmptyError: Profiles have not been built.
    """
    profile_columns(reader)
    asked = {**among[1], "user_id": user_id}
    (row,) = reader.table(among_sql("neighbours", among), asked).to_pylist()
    return Place(
        n_users=int(row["n_users"]),
        place=int(row["n_before"]) + 1,
        holds=bool(row["n_here"]),
        previous=row["previous"],
        following=row["following"],
        first=row["first_one"],
        last=row["last_one"],
    )


def any_user(reader: Reader, salt: str, among: Members = EVERYONE) -> str | None:
    """One of some users, drawn by a digest of the salt and the id; None where there are none.

    Raises:
        EmptyError: Profiles have not been built.
    """
    profile_columns(reader)
    found = reader.rows(among_sql("any_user", among), {**among[1], "salt": salt})
    return str(found[0][0]) if found else None


@dataclass(frozen=True)
class Timeline:
    """One user's events over time, as finely as they can be told apart.

    Attributes:
        grain: What one row is: a `moment` (an order, or events of one type at one moment), or all
            events of one type in a local `day`, `week` or `month`.
        events: `event_type`, `event_time` (first of the row, UTC), `local_date` (first day of the
            period; null where the grain is a moment), `n_events`, `n_items`, `value` (sum, refunds
            negative, null where none is told), `currency`, `order_id`, `campaign_id` (one of them),
            `n_campaigns`, `channel` (one of them); in time.
        sessions: `started_at`, `ended_at` (UTC), `local_date` (first day of the period), `n_sessions`,
            `n_events`; in time. Sessions of the user's own events only.
        n_by_type: Event type -> events, all of the span.
    """

    grain: str
    events: pa.Table
    sessions: pa.Table
    n_by_type: Mapping[str, int]

    @property
    def n_events(self) -> int:
        """All of the span."""
        return sum(self.n_by_type.values())


def timeline(
    reader: Reader, user_id: str, *, since: datetime | None = None, most_points: int = MOST_POINTS
) -> Timeline:
    """One user's events since a moment, at the finest grain that keeps to a number of points.

    Args:
        reader: Whose events.
        user_id: Whose; an unknown one has none.
        since: Naive UTC; all of them by default.
        most_points: At most so many rows, unless months themselves are more.
    """
    asked: dict[str, Any] = {"user_id": user_id, "since": since or _EARLIEST}
    events = reader.table(read_sql(PACKAGE, "user_moments"), {**asked, "most": most_points + 1})
    if events.num_rows <= most_points:
        grain, sessions = "moment", reader.table(read_sql(PACKAGE, "user_sessions"), asked)
    else:
        ((n_days, n_weeks),) = reader.rows(read_sql(PACKAGE, "user_span"), asked)
        grain = "day" if n_days <= most_points else "week" if n_weeks <= most_points else "month"
        asked["grain"] = grain
        events = reader.table(read_sql(PACKAGE, "user_periods"), asked)
        sessions = reader.table(read_sql(PACKAGE, "user_session_periods"), asked)
    counts: dict[str, int] = {}
    for name, n in zip(
        *(events.column(each).to_pylist() for each in ("event_type", "n_events")), strict=True
    ):
        counts[name] = counts.get(name, 0) + n
    return Timeline(grain=grain, events=events, sessions=sessions, n_by_type=counts)


def events_page(
    reader: Reader,
    user_id: str,
    *,
    page: int = 1,
    rows: int = 50,
    event_type: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> pa.Table:
    """One page of a user's events, newest first, with the items' titles.

    Args:
        reader: Whose events.
        user_id: Whose.
        page: From 1; a page behind the last one is empty.
        rows: Of a page, 1 to `MOST_ROWS`.
        event_type: Only these; all by default.
        since: From then on, naive UTC.
        until: Before then, naive UTC.

    Returns:
        `event_time`, `event_type`, `item_id`, `title`, `category`, `brand`, `value`, `currency`,
        `quantity`, `discount`, `order_id`, `channel`, `campaign_id`.

    Raises:
        InputError: `page` or `rows` is out of range.
    """
    if page < 1 or not 1 <= rows <= MOST_ROWS:
        raise InputError(
            text(
                "A page must be 1 or more, of 1 to {most} rows. Received: page {page} of {rows} rows.",
                most=MOST_ROWS, page=page, rows=rows,
            )
        )  # fmt: skip
    asked = {
        "user_id": user_id,
        "event_type": event_type,
        "since": since or _EARLIEST,
        "until": until or _LATEST,
        "most": rows,
        "skip": (page - 1) * rows,
    }
    return reader.table(read_sql(PACKAGE, "user_events"), asked)


def attention_without_spend(shares: pd.DataFrame) -> pd.DataFrame:
    """What has much of a user's attention and little of their money: an opportunity.

    Much is `MUCH_ATTENTION` of it in at least `LEAST_EVENTS` events; little is a share of the spend of
    less than half of that. The bounds are conventions: fewer events could be chance.

    Args:
        shares: Columns: `n_events`, `attention_share`, `spend_share`, of one dimension.

    Returns:
        Those rows, the widest gap first; none where nothing was spent at all.
    """
    much = (shares["attention_share"] >= MUCH_ATTENTION) & (shares["n_events"] >= LEAST_EVENTS)
    spent = shares["spend_share"].astype(float)
    found = shares[much & (spent < LITTLE_SPEND * shares["attention_share"])]
    gap = found["attention_share"] - found["spend_share"].astype(float)
    return found.loc[gap.sort_values(ascending=False, kind="stable").index]
