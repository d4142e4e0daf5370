"""Means, shares and differences, each worked by hand; what an interval promises, tried on skewed money."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import stdtrit

from persmark.experiments import rate_difference, wilson
from persmark.segments.intervals import (
    Moments,
    Two,
    adjusted,
    doubt,
    mean_difference,
    mean_interval,
    share_difference,
    share_interval,
)

NEVER = np.zeros(1)
NOBODY = Moments(NEVER, np.full(1, np.nan), NEVER, NEVER)


def of(*values: float) -> Moments:
    """Sums of one group, (1,)."""
    x = np.array(values)
    away = x - x.mean()
    return Moments(*(np.array([one]) for one in (float(len(x)), x.mean(), (away**2).sum(), (away**3).sum())))


def test_without_skew_it_is_students_interval() -> None:
    low, high = mean_interval(of(1, 2, 3))
    # 2 -+ 4.302653 * 1 / sqrt(3)
    assert [low[0], high[0]] == pytest.approx([2 - 2.484138, 2 + 2.484138], abs=1e-6)


def test_a_long_tail_to_the_right_moves_the_interval_to_the_right() -> None:
    low, high = mean_interval(of(1, 2, 3, 4, 10))
    # n 5, mean 4, squares 50, cubes 180: error 1.581139, skew 1.138420, tilt 0.509117, t 2.776445.
    # t of the ends: 3 / tilt * (cbrt(1 + tilt * (-+2.776445 - tilt / 6)) - 1) = 1.96416 and -10.43045.
    assert [low[0], high[0]] == pytest.approx([4 - 1.581139 * 1.96416, 4 + 1.581139 * 10.43045], abs=1e-3)


@pytest.mark.parametrize("values", [(5.0,), (7.0, 7.0, 7.0)], ids=["one user", "no spread"])
def test_nothing_to_tell_an_error_from_is_no_interval(values: tuple[float, ...]) -> None:
    assert np.isnan(mean_interval(of(*values))).all()


def test_skewed_money_is_covered_better_than_by_student() -> None:
    rng = np.random.default_rng(7)
    x = rng.lognormal(0, 1, (4000, 20))
    mean = x.mean(1)
    away = x - mean[:, None]
    found = Moments(np.full(4000, 20.0), mean, (away**2).sum(1), (away**3).sum(1))
    low, high = mean_interval(found)
    reach = stdtrit(19, 0.975) * found.error
    truth = np.exp(0.5)
    covered = ((low <= truth) & (truth <= high)).mean()
    by_student = ((mean - reach <= truth) & (truth <= mean + reach)).mean()
    assert covered > 0.90
    assert covered > by_student + 0.03


@pytest.mark.parametrize(("n_with", "n"), [(8, 10), (0, 3), (5, 5), (1, 200)])
def test_shares_have_wilsons_interval(n_with: int, n: int) -> None:
    low, high = share_interval(np.array([float(n_with)]), np.array([float(n)]))
    assert (low[0], high[0]) == pytest.approx(wilson(n_with, n), abs=1e-12)
    assert np.isnan(share_interval(NEVER, NEVER)).all()


def test_groups_that_share_no_user_are_put_together_exactly() -> None:
    one, other = of(1, 2, 3), of(4, 10)
    empty = Moments(np.zeros(1), np.full(1, np.nan), np.zeros(1), np.zeros(1))
    stacked = Moments(*(np.stack(parts) for parts in zip(
        *((m.n, m.mean, m.squares, m.cubes) for m in (one, empty, other)), strict=True)))  # fmt: skip
    whole, typed = stacked.together(0), of(1, 2, 3, 4, 10)
    for name in ("n", "mean", "squares", "cubes"):
        assert getattr(whole, name) == pytest.approx(getattr(typed, name))


def shares(n_with: int, n: int) -> Moments:
    """Zeros and ones as sums."""
    return of(*([1.0] * n_with + [0.0] * (n - n_with))) if n else NOBODY


def test_users_in_both_groups_count_once_in_the_difference_of_means() -> None:
    two = Two(of(1, 2, 3, 4), of(3, 4, 5, 6), of(1, 2), of(3, 4), of(5, 6))
    low, high = mean_difference(two)
    # Each user moves it by (x - 2.5) / 4 if in the first, less (x - 4.5) / 4 if in the second:
    # -3/8, -1/8, 1/2, 1/2, -1/8, -3/8; the cubes add up to 0.140625.
    # Variances 5/12 each, covariance (0.5 * -1.5 + 1.5 * -0.5) / 12 = -1/8: together 13/12, error 1.040833,
    # tilt 0.140625 / 1.040833 ** 3 = 0.124717. The parts' squares 5/32, 1/2, 5/32, twice each for n - 1 of
    # one: 1.625 ** 2 / (2 * 0.3125 ** 2 + 1) = 2.20918 degrees of freedom, t 3.934926.
    # Ends 3 / tilt * (cbrt(1 + tilt * (-+t - tilt / 6)) - 1): 3.40838 and -4.87808.
    assert [low[0], high[0]] == pytest.approx([-2 - 1.040833 * 3.40838, -2 + 1.040833 * 4.87808], abs=1e-4)


def test_groups_without_a_shared_user_differ_as_welch_says() -> None:
    two = Two(of(1, 2, 3), of(4, 5, 6), of(1, 2, 3), NOBODY, of(4, 5, 6))
    low, high = mean_difference(two)
    # -3 -+ t of 4 degrees of freedom, 2.776445, times sqrt(1/3 + 1/3)
    assert [low[0], high[0]] == pytest.approx([-3 - 2.266958, -3 + 2.266958], abs=1e-5)


def test_a_group_against_itself_has_a_difference_of_nothing() -> None:
    for one, found in ((of(1, 2, 3, 10), mean_difference), (shares(3, 7), share_difference)):
        low, high = found(Two(one, one, NOBODY, one, NOBODY))
        assert [low[0], high[0]] == [0.0, 0.0]


def test_a_difference_of_one_user_or_of_equal_values_has_no_interval() -> None:
    for two in (
        Two(of(1), of(4, 5, 6), of(1), NOBODY, of(4, 5, 6)),
        Two(of(2, 2), of(3, 3), of(2, 2), NOBODY, of(3, 3)),
    ):
        assert np.isnan(mean_difference(two)).all()


def test_independent_shares_differ_as_newcombe_says() -> None:
    two = Two(shares(56, 70), shares(48, 80), shares(56, 70), NOBODY, shares(48, 80))
    low, high = share_difference(two)
    # Newcombe (1998), table II, example a, method 10: 0.0524 to 0.3339.
    assert [low[0], high[0]] == pytest.approx([0.0524, 0.3339], abs=5e-5)
    ours = rate_difference(56, 70, 48, 80)
    assert (low[0], high[0]) == pytest.approx((ours.low, ours.high))


def test_shared_users_come_into_a_difference_of_shares_by_their_surplus() -> None:
    """8 of 10 against 10 of 20, of whom 5 (all with) are in both."""
    two = Two(shares(8, 10), shares(10, 20), shares(3, 5), shares(5, 5), shares(5, 15))
    low, high = share_difference(two)
    parts = [(0.5, 3, 5), (0.5 - 0.25, 5, 5), (-0.75, 5, 15)]
    down = up = 0.0
    for weight, n_with, n in parts:
        ends = [weight * end for end in wilson(n_with, n)]
        down += (weight * n_with / n - min(ends)) ** 2
        up += (max(ends) - weight * n_with / n) ** 2
    assert (low[0], high[0]) == pytest.approx((0.3 - down**0.5, 0.3 + up**0.5))


def test_a_p_value_is_where_the_interval_touches_zero() -> None:
    found = of(1, 2, 3)
    # t = 2 / (1 / sqrt(3)) = 3.4641 with 2 degrees of freedom: p = 0.0742.
    assert doubt(lambda level: mean_interval(found, level), (1,))[0] == pytest.approx(0.0742, abs=5e-5)
    flat = of(2, 2)
    assert np.isnan(doubt(lambda level: mean_interval(flat, level), (1,))).all()


def test_p_values_are_adjusted_for_their_number() -> None:
    # In order 0.01, 0.03, 0.04, 0.2: times 4/1, 4/2, 4/3, 1, each at most the next.
    found = adjusted(np.array([0.01, 0.04, np.nan, 0.03, 0.2]))
    assert found[[0, 1, 3, 4]] == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.2])
    assert np.isnan(found[2])
    assert np.isnan(adjusted(np.full(2, np.nan))).all()
