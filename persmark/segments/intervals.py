"""Means, shares and their differences with intervals, for skewed amounts and for groups that overlap.

All of it works on arrays of equal shape and on sums alone, so that no user's value leaves the database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Marks = NDArray[np.bool_]

LEVEL = 0.95
# A bisection over levels: p-values are right to six digits.
_HALVINGS = 24
# Least level of doubt that is told apart; below it a p-value is this.
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Moments:
    """Sums over the users of each group that have a value.

    Attributes:
        n: Users.
        mean: Their mean; NaN where there are none.
        squares: Sum of (x - mean) ** 2.
        cubes: Sum of (x - mean) ** 3.
    """

    n: Numbers
    mean: Numbers
    squares: Numbers
    cubes: Numbers

    def together(self, axis: int) -> Moments:
        """The groups along an axis as one, which must not share users.

        Source: Pebay (2008), Formulas for robust, one-pass parallel computation of covariances and
        arbitrary-order statistical moments, Sandia report SAND2008-6212, eq. 2.1.
        """
        n = self.n.sum(axis)
        known = np.where(self.n > 0, self.mean, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (self.n * known).sum(axis) / n
        away = np.where(self.n > 0, known - np.nan_to_num(np.expand_dims(mean, axis)), 0.0)
        squares = (self.squares + self.n * away**2).sum(axis)
        cubes = (self.cubes + 3 * away * self.squares + self.n * away**3).sum(axis)
        return Moments(n, mean, squares, cubes)

    @property
    def spread(self) -> Numbers:
        """Standard deviation (n - 1); NaN below two users."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.n > 1, np.sqrt(self.squares / (self.n - 1)), np.nan)

    @property
    def error(self) -> Numbers:
        """Standard error of the mean; NaN below two users."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.spread / np.sqrt(self.n)

    @property
    def skew(self) -> Numbers:
        """Sample skewness m3 / m2 ** 1.5; 0 where all values are one."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.sqrt(self.n) * self.cubes / self.squares**1.5
        return np.where(self.squares > 0, found, 0.0)


def _untilted(x: Numbers, tilt: Numbers) -> Numbers:
    """Solve t + tilt t^2 / 3 + tilt^2 t^3 / 27 + tilt / 6 = x for t."""
    safe = np.where(np.abs(tilt) < 1e-9, 1.0, tilt)
    found = 3 / safe * (np.cbrt(1 + safe * (x - safe / 6)) - 1)
    return np.where(np.abs(tilt) < 1e-9, x, found)


def mean_interval(found: Moments, level: float | Numbers = LEVEL) -> tuple[Numbers, Numbers]:
    """Interval of a mean that follows the skew of its values.

    The t statistic of skewed values is itself skewed by skew / sqrt(n); Hall's cubic transformation
    takes that off, and Student's quantiles apply to what is left. Without skew it is Student's
    interval. NaN where there are fewer than two users, or no spread to tell an error from.

    Args:
        found: Of each group.
        level: Of the interval, 0 to below 1.

    Source: Hall (1992), On the removal of skewness by transformation, Journal of the Royal Statistical
    Society B 54(1), 221-228, the monotone cubic; Zhou & Dinh (2005), Biostatistics 6(2), 187-200, who
    compare it for skewed costs.
    """
    from scipy.special import stdtrit

    with np.errstate(invalid="ignore", divide="ignore"):
        tilt = found.skew / np.sqrt(found.n)
        quantile = stdtrit(np.maximum(found.n - 1, 1), 0.5 + np.asarray(level) / 2)
        error = np.where(found.squares > 0, found.error, np.nan)
        low = found.mean - error * _untilted(quantile, tilt)
        high = found.mean - error * _untilted(-quantile, tilt)
    return low, high


def share_interval(n_with: Numbers, n: Numbers, level: float | Numbers = LEVEL) -> tuple[Numbers, Numbers]:
    """Score interval of a share; NaN of nobody.

    Source: Wilson (1927), JASA 22, 209-212.
    """
    from scipy.special import ndtri

    z = ndtri(0.5 + np.asarray(level) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = n_with / n
        middle = rate + z * z / (2 * n)
        reach = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
        whole = 1 + z * z / n
        low, high = (middle - reach) / whole, (middle + reach) / whole
    # At the ends the formula is exact, its arithmetic is not.
    low, high = np.where(n_with == 0, 0.0, low), np.where(n_with == n, 1.0, high)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


@dataclass(frozen=True)
class Two:
    """Two groups and the three parts that they are made of, which share no user.

    Attributes:
        one: The first group.
        other: The second.
        first: Users of the first alone.
        both: Users of both.
        second: Users of the second alone.
    """

    one: Moments
    other: Moments
    first: Moments
    both: Moments
    second: Moments

    @property
    def same(self) -> Marks:
        """Whether both groups are the same users."""
        found: Marks = (self.first.n == 0) & (self.second.n == 0)
        return found


def mean_difference(two: Two, level: float | Numbers = LEVEL) -> tuple[Numbers, Numbers]:
    """Interval of the first mean minus the second, for groups that may share users.

    Each user moves the difference by their part in the first mean less their part in the second; the
    error and the skew of the difference are those of the sum over users, so one who is in both counts
    once. Without such users it is Welch's interval after Hall's correction. NaN where there is no spread
    to tell an error from; nothing where both groups are the same users.

    Source: Zhou & Dinh (2005), Nonparametric confidence intervals for the one- and two-sample problems,
    Biostatistics 6(2), 187-200 (Hall's transformation of two samples); Särndal, Swensson & Wretman
    (1992), Model Assisted Survey Sampling, section 5.5 (linearised domain means); Welch (1947),
    Biometrika 34, 28-35 (degrees of freedom, here over the three parts).
    """
    from scipy.special import stdtrit

    one, other = two.one, two.other
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = (
            (two.first, 1 / one.n, -one.mean / one.n),
            (two.both, 1 / one.n - 1 / other.n, other.mean / other.n - one.mean / one.n),
            (two.second, -1 / other.n, other.mean / other.n),
        )
        cubes = sum((_cubes(part, slope, start) for part, slope, start in moved), start=np.zeros(one.n.shape))
        both = two.both
        shared = both.squares + both.n * (both.mean - one.mean) * (both.mean - other.mean)
        scale = np.sqrt(one.n * (one.n - 1) * other.n * (other.n - 1))
        covariance = np.where(both.n > 0, shared / scale, 0.0)
        variance = one.error**2 + other.error**2 - 2 * covariance
        # Each part brings its own doubt about the error: of two parts alone it is Welch's.
        brought = [_moved_squares(part, slope, start) for part, slope, start in moved]
        doubts = [
            found**2 / np.maximum(part.n - 1, 1) for found, (part, _, _) in zip(brought, moved, strict=True)
        ]
        freedom = sum(brought, start=np.zeros(one.n.shape)) ** 2 / sum(doubts, start=np.zeros(one.n.shape))
        error = np.where(variance > 0, np.sqrt(np.maximum(variance, 0.0)), np.nan)
        tilt = cubes / error**3
        quantile = stdtrit(np.maximum(freedom, 1), 0.5 + np.asarray(level) / 2)
        apart = one.mean - other.mean
        low, high = apart - error * _untilted(quantile, tilt), apart - error * _untilted(-quantile, tilt)
    known = (one.n > 1) & (other.n > 1)
    return (
        np.where(two.same & known, 0.0, np.where(known, low, np.nan)),
        np.where(two.same & known, 0.0, np.where(known, high, np.nan)),
    )


def _moved_squares(part: Moments, slope: Numbers, start: Numbers) -> Numbers:
    """What a part brings to the variance of a sum of slope * x + start, by its own n - 1."""
    at = slope * part.mean + start
    found = (slope**2 * part.squares + part.n * at**2) * part.n / np.maximum(part.n - 1, 1)
    return np.where(part.n > 0, found, 0.0)


def _cubes(part: Moments, slope: Numbers, start: Numbers) -> Numbers:
    """Sum of (slope * x + start) ** 3 over a part."""
    at = slope * part.mean + start
    found = slope**3 * part.cubes + 3 * slope**2 * part.squares * at + part.n * at**3
    return np.where(part.n > 0, found, 0.0)


def share_difference(two: Two, level: float | Numbers = LEVEL) -> tuple[Numbers, Numbers]:
    """Interval of the first share minus the second, for groups that may share users.

    The difference is a weighted sum of the shares of the three parts, which are independent: that of the
    users of both comes in with what they are more of the one group than of the other. Without such users
    it is Newcombe's hybrid score interval.

    Source: Zou, Huang & Zhang (2009), A note on confidence interval estimation for a linear function of
    binomial proportions, Computational Statistics & Data Analysis 53, 1080-1085; Newcombe (1998),
    Statistics in Medicine 17, 873-890, method 10.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = (
            two.first.n / two.one.n,
            two.both.n / two.one.n - two.both.n / two.other.n,
            -two.second.n / two.other.n,
        )
        below, above = np.zeros(two.one.n.shape), np.zeros(two.one.n.shape)
        for part, weight in zip((two.first, two.both, two.second), weights, strict=True):
            share = np.nan_to_num(part.mean)
            low, high = (np.nan_to_num(end) for end in share_interval(np.rint(part.n * share), part.n, level))
            down, up = weight * (share - low), weight * (high - share)
            # A negative weight turns the ends round.
            below += np.where(weight > 0, down, up) ** 2
            above += np.where(weight > 0, up, down) ** 2
        apart = two.one.mean - two.other.mean
        return apart - np.sqrt(below), apart + np.sqrt(above)


def adjusted(p_values: Numbers) -> Numbers:
    """P-values adjusted for their number: below q, and a share of at most q is false among those below.

    NaN (nothing could be tested) stays and does not count.

    Source: Benjamini & Hochberg (1995), Journal of the Royal Statistical Society B 57(1), 289-300.
    """
    found = np.full(p_values.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    if not len(tested):
        return found
    order = tested[np.argsort(p_values[tested], kind="stable")]
    scaled = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return found


def doubt(interval: Callable[[Numbers], tuple[Numbers, Numbers]], shape: tuple[int, ...]) -> Numbers:
    """P-values that fit an interval: 1 minus the largest level at which it excludes 0.

    Args:
        interval: Level (one for each figure) -> low and high; wider at higher levels.
        shape: Of the figures.

    Returns:
        At least `_SMALLEST`, at most 1; NaN where there is no interval.
    """
    low = np.full(shape, np.log(_SMALLEST))
    high = np.zeros(shape)
    known = ~np.isnan(interval(np.full(shape, LEVEL))[0])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below, above = interval(1 - np.exp(middle))
        excluded = (below > 0) | (above < 0)
        high = np.where(excluded, middle, high)
        low = np.where(excluded, low, middle)
    return np.where(known, np.exp(high), np.nan)
