"""From UTC to the workspace's clock, as plain SQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_FIRST_YEAR = 1990


def _offset(moment: datetime, zone: ZoneInfo) -> int:
    shift = moment.astimezone(zone).utcoffset()
    return int(shift.total_seconds()) if shift else 0


@cache
def changes(time_zone: str, until_year: int) -> tuple[tuple[datetime, int], ...]:
    """When a zone's offset changes, from 1990 on.

    Returns:
        (UTC instant, offset in seconds east of UTC from then on), in time order; the first entry
        holds from the beginning.
    """
    zone = ZoneInfo(time_zone)
    day = timedelta(days=1)
    moment = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    end = datetime(until_year + 1, 1, 1, tzinfo=UTC)
    found = [(moment, _offset(moment, zone))]
    while moment < end:
        following = moment + day
        if _offset(following, zone) != found[-1][1]:
            low, high = moment, following
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0) if middle.microsecond else middle
                if middle <= low:
                    break
                low, high = (low, middle) if _offset(middle, zone) != found[-1][1] else (middle, high)
            found.append((high, _offset(high, zone)))
        moment = following
    return tuple(found)


def shift_sql(column: str, time_zone: str, *, until_year: int) -> str:
    """Seconds to add to a UTC timestamp to get local time, as an SQL expression.

    A chain of comparisons, newest first, costs a tenth of a time-zone function at ten million
    rows and means the same on every engine.
    """
    known = changes(time_zone, until_year)
    if len(known) == 1:
        return str(known[0][1])
    branches = " ".join(
        f"WHEN {column} >= TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}' THEN {offset}"
        for moment, offset in reversed(known[1:])
    )
    return f"CASE {branches} ELSE {known[0][1]} END"


def local_time_sql(column: str) -> str:
    """A text's date and time where it carries no zone, as an SQL expression; NULL for all others.

    What does not stand in one of two exact shapes is left to the time-zone functions. Both are as long,
    and are told apart before they are read: a shape that does not fit costs ten times one that does.
    """
    read = "try_strptime({column}, '%Y-%m-%d{between}%H:%M:%S')"
    with_t, with_space = (read.format(column=column, between=one) for one in "T ")
    return f"""CASE WHEN strlen({column}) <> 19 OR contains({column}, '/') THEN NULL
        WHEN contains({column}, 'T') THEN {with_t} ELSE {with_space} END"""


def ambiguous_zone_sql(column: str) -> str:
    """Whether a text ends in letters that name several zones, as an SQL expression.

    CST is China's and Chicago's; the database takes one of them without a word. As a pattern, because
    the database makes a join of all rows of a list of values, even where hardly any row asks for it.
    """
    return f"regexp_matches({column}, ' [ABCGIMS]ST *$')"


def utc_sql(local: str, column: str, time_zone: str, *, until_year: int) -> str:
    """UTC, in whole seconds, of ISO texts, as an SQL expression.

    What carries no zone is read on the zone's clock, as the database's time-zone functions do: an hour
    that comes twice is the second one, one that is left out is counted on from before. A chain of
    comparisons costs a tenth of them; they read what carries a zone or a fraction.

    Args:
        local: The column of `local_time_sql`.
        column: The texts. The session's time zone is `time_zone`.
        time_zone: IANA name.
        until_year: Last year whose clock changes are known.
    """
    known = changes(time_zone, until_year)
    branches = " ".join(
        f"WHEN {local} >= TIMESTAMP '{moment + timedelta(seconds=offset):%Y-%m-%d %H:%M:%S}' THEN {offset}"
        for moment, offset in reversed(known[1:])
    )
    shift = f"CASE {branches} ELSE {known[0][1]} END" if branches else str(known[0][1])
    # Before the first year that is known, and past the last, only the database knows the clock.
    low, high = f"TIMESTAMP '{_FIRST_YEAR}-01-02 00:00:00'", f"TIMESTAMP '{until_year}-12-31 00:00:00'"
    return f"""CASE WHEN {local} BETWEEN {low} AND {high} THEN {local} - to_seconds({shift})
        WHEN {ambiguous_zone_sql(column)} THEN NULL
        ELSE date_trunc('second', timezone('UTC', CAST({column} AS TIMESTAMPTZ))) END"""
