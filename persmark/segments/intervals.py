"""Means, shares and their differences with intervals, for skewed amounts and for groups that overlap.

All of it works on arrays of equal shape and on sums alone, so that no user's value leaves the database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

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
    return np.where(n_with == 0, 0.0, low), np.where(n_with == n, 1.0, high)


def correlation(one: Moments, other: Moments, both: Moments) -> Numbers:
    """How two groups' means move together because some users are in both; 0 without such users.

    Args:
        one: One group.
        other: The other one.
        both: The users of both.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        shared = both.squares + both.n * (both.mean - one.mean) * (both.mean - other.mean)
        scale = np.sqrt(one.n * (one.n - 1) * other.n * (other.n - 1))
        found = shared / scale / (one.error * other.error)
    return np.clip(np.where(both.n > 0, np.nan_to_num(found), 0.0), -1.0, 1.0)


def difference_interval(
    estimates: tuple[Numbers, Numbers],
    first: tuple[Numbers, Numbers],
    second: tuple[Numbers, Numbers],
    together: Numbers,
) -> tuple[Numbers, Numbers]:
    """Interval of first minus second out of the interval of each.

    Args:
        estimates: The two means or shares.
        first: Low and high of the first.
        second: Low and high of the second.
        together: Correlation of the two estimates; see `correlation`.

    Source: Zou & Donner (2008), Construction of confidence limits about effect measures: a general
    approach, Statistics in Medicine 27, 1693-1702 (MOVER); of independent shares it is Newcombe's
    hybrid score interval (1998, Statistics in Medicine 17, 873-890, method 10).
    """
    (a, b), (a_low, a_high), (b_low, b_high) = estimates, first, second

    def reach(one: Numbers, other: Numbers) -> Numbers:
        return np.sqrt(np.maximum(one**2 + other**2 - 2 * together * one * other, 0.0))

    with np.errstate(invalid="ignore"):
        return a - b - reach(a - a_low, b_high - b), a - b + reach(a_high - a, b - b_low)


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
