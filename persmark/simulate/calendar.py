"""The days of the synthetic world, in local time, as UTC seconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from persmark.simulate.draws import Ints


class Calendar:
    """`days` local days that end with `ends_on`.

    Args:
        ends_on: The last day.
        days: How many days.
        time_zone: IANA name of the zone that "local" means.
    """

    def __init__(self, ends_on: date, days: int, time_zone: str) -> None:
        self.days = days
        self.first_day = ends_on - timedelta(days=days - 1)
        self._weekday = self.first_day.weekday()
        zone = ZoneInfo(time_zone)
        midnight = datetime.combine(self.first_day, time())
        self._base = int(midnight.replace(tzinfo=UTC).timestamp())
        # Seconds ahead of UTC by local hour: right across changes to and from summer time.
        self._ahead = np.array([
            int((midnight + timedelta(hours=hour)).replace(tzinfo=zone).utcoffset().total_seconds())  # type: ignore[union-attr]
            for hour in range((days + 1) * 24)
        ], np.int64)  # fmt: skip
        self.end = int(self.utc(np.array([days]), np.array([0]))[0])  # first second after the last day

    def weekday(self, day: int) -> int:
        """0 is Monday."""
        return (self._weekday + day) % 7

    def utc(self, day: Ints, seconds: Ints) -> Ints:
        """Epoch seconds of `seconds` after local midnight of `day` (from 0)."""
        local = day * 86400 + seconds
        out: Ints = self._base + local - self._ahead[local // 3600]
        return out
