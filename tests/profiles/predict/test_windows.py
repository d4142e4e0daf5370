"""Moments: nothing that is learned from or chosen by reaches into the test window."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from persmark.profiles.predict.windows import LEAST_HISTORY_DAYS, MOST_PAST, least_days, plan

BEGUN = datetime(2026, 1, 1)


def test_the_last_twelve_weeks_judge() -> None:
    as_of = BEGUN + timedelta(days=365)
    found = plan(BEGUN, as_of, 28)
    assert [(as_of - one).days for one in found.tests] == [84, 56, 28]
    assert [(as_of - one).days for one in found.past] == [112, 140, 168, 196, 224, 252]
    assert found.choice == (found.past[1:], found.past[0])
    assert [(as_of - one).days for one in found.serving] == [28, 56, 84, 112, 140, 168]


def test_a_long_horizon_is_judged_once_and_chosen_by_a_whole_window() -> None:
    as_of = BEGUN + timedelta(days=365)
    found = plan(BEGUN, as_of, 84)
    assert [(as_of - one).days for one in found.tests] == [84]
    earlier, decides = found.choice
    assert (as_of - decides).days == 168
    assert [(as_of - one).days for one in earlier] == [252, 280, 308]


@pytest.mark.parametrize("days", [28, 84])
@pytest.mark.parametrize("history", range(80, 500, 20))
def test_no_past_window_reaches_a_test_window(days: int, history: int) -> None:
    as_of = BEGUN + timedelta(days=history)
    found = plan(BEGUN, as_of, days)
    if found is None:
        assert history < least_days(days)
        return
    horizon = timedelta(days=days)
    assert 0 < len(found.past) <= MOST_PAST
    assert max(found.past) + horizon <= min(found.tests)
    assert max(found.tests) + horizon <= as_of
    assert min(found.past) - BEGUN >= timedelta(days=LEAST_HISTORY_DAYS)
    earlier, decides = found.choice
    if decides is not None:
        assert max(earlier) + horizon <= decides
        assert decides + horizon <= min(found.tests)


def test_a_short_history_is_judged_on_its_last_window_alone() -> None:
    as_of = BEGUN + timedelta(days=90)
    found = plan(BEGUN, as_of, 28)
    assert [(as_of - one).days for one in found.tests] == [28]
    assert [(as_of - one).days for one in found.past] == [56]
    assert found.choice == (found.past, None)


def test_too_short_a_history_has_no_plan() -> None:
    assert plan(BEGUN, BEGUN + timedelta(days=83), 28) is None
    assert plan(BEGUN, BEGUN + timedelta(days=84), 28) is not None
