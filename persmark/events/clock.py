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
