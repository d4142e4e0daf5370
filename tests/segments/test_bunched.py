"""Shares of events that come in bunches by user, each worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from persmark.segments.bunched import Bunches, bunched_shares


def of(*counts: tuple[int, ...]) -> Bunches:
    """Of users' events by place."""
    x = np.array(counts, dtype=float)
    every = x.sum(1)
    return Bunches(
        x.sum(0), (x**2).sum(0), (x * every[:, None]).sum(0), every.sum(), (every**2).sum(), float(len(x))
    )


def test_one_event_of_one_user_is_not_taken_for_exact() -> None:
    share, low, high = bunched_shares(of((1, 9, 0), (0, 0, 10), (0, 10, 0)))
    assert share == pytest.approx([1 / 30, 19 / 30, 1 / 3])
    # Variances 0.001111, 0.101111 and 0.111111: by its own the first place were worth 29 events. All
    # together are 30 * 0.213333 / 0.486667 = 13.150685 times those of single events, worth 2.28125;
    # t of two degrees of freedom 4.302653: (0.033333 + 4.057605 -+ 4.089701) / 9.115210.
    assert [low[0], high[0]] == pytest.approx([0.000136, 0.897472], abs=2e-5)
    # The last has more doubt of its own: 0.222222 / 0.111111 = 2 events, t * t / 2 = 9.256411:
    # (0.333333 + 4.628206 -+ 4.302653 * sqrt(0.111111 + 4.628206 / 4)) / 10.256411.
    assert [low[2], high[2]] == pytest.approx([0.011330, 0.956170], abs=1e-5)


def test_a_place_that_nobody_was_seen_at_is_as_much_in_doubt_as_the_others() -> None:
    _, low, high = bunched_shares(of((4, 0, 0), (0, 4, 0), (4, 0, 0), (0, 4, 0)))
    # Shares of a half with errors of 0.288675: worth 3 events; t 3.182446: 3.375988 / 4.375988.
    assert (low[2], high[2]) == (0.0, pytest.approx(0.771480, abs=1e-5))


@pytest.mark.parametrize("counts", [((3, 2),), ((0, 0),)], ids=["one user", "no event"])
def test_one_user_is_no_interval(counts: tuple[tuple[int, ...], ...]) -> None:
    _, low, high = bunched_shares(of(*counts))
    assert np.isnan(low).all() and np.isnan(high).all()


def test_users_of_one_habit_are_worth_one_event_each() -> None:
    share, low, high = bunched_shares(of((5, 0), (5, 0), (5, 0)))
    # t * t of two degrees of freedom / 3 = 6.170941.
    assert (share[0], high[0]) == (1.0, 1.0)
    assert low[0] == pytest.approx(1 / 7.170941, abs=1e-6)
