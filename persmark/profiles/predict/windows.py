"""Which moments are learned from, which decides between candidates, and which judges.

    | history ... past moments, each with the window after it | test moment | test window |

No window that is learned from, or chosen by, reaches past the test moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from persmark.profiles.predict.targets import AHEAD_DAYS

TEST_DAYS = 84
STEP_DAYS = 28
LEAST_HISTORY_DAYS = 28
MOST_PAST = 6


@dataclass(frozen=True)
class Plan:
    """The moments of one horizon.

    Attributes:
        days: The horizon: how far ahead is predicted.
        tests: Moments whose windows judge, the earliest first; all after the test moment.
        past: Moments that are learned from before judging, the latest first.
        serving: Moments that the served model is learned from, the latest first.
    """

    days: int
    tests: tuple[datetime, ...]
    past: tuple[datetime, ...]
    serving: tuple[datetime, ...]

    @property
    def choice(self) -> tuple[tuple[datetime, ...], datetime | None]:
        """Moments that candidates are fitted to and the later one that decides between them.

        Where the past is too short for a window before that one, nothing: halves of the users decide.
        """
        decides = self.past[0]
        earlier = tuple(one for one in self.past if one + timedelta(days=self.days) <= decides)
        return (earlier, decides) if earlier else (self.past, None)


def _back(latest: datetime, begun: datetime, most: int) -> tuple[datetime, ...]:
    moments = [latest - timedelta(days=STEP_DAYS * step) for step in range(most)]
    return tuple(one for one in moments if (one - begun).days >= LEAST_HISTORY_DAYS)


def plan(begun: datetime, as_of: datetime, days: int) -> Plan | None:
    """The moments of a horizon, or None where the history is too short.

    Judged are the last `TEST_DAYS` days; where they would leave no past to learn from, the last
    `days` days.

    Args:
        begun: Time of the first event.
        as_of: The moment that is predicted from.
        days: The horizon, at most `TEST_DAYS`.
    """
    for test_days in (TEST_DAYS, days):
        judged = as_of - timedelta(days=test_days)
        past = _back(judged - timedelta(days=days), begun, MOST_PAST)
        if past:
            tests = tuple(judged + timedelta(days=at) for at in range(0, test_days - days + 1, days))
            return Plan(days, tests, past, _back(as_of - timedelta(days=days), begun, MOST_PAST))
    return None


def least_days(days: int) -> int:
    """How long a history must be for that horizon."""
    return 2 * days + LEAST_HISTORY_DAYS


assert TEST_DAYS == AHEAD_DAYS  # the longest horizon is judged on one window
