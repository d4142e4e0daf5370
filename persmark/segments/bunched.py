"""Shares of events with intervals over users: events of one user come in bunches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from persmark.segments.intervals import LEVEL, Numbers, share_interval


@dataclass(frozen=True)
class Bunches:
    """Sums over the users of one group, by the places their events fall into.

    Attributes:
        n: Events at each place, (P,).
        squares: Sum of the users' squared counts at each place, (P,).
        products: Sum of the users' counts at each place times all their events, (P,).
        n_all: Events in all.
        all_squares: Sum of the users' squared numbers of events.
        n_users: Users with any event.
    """

    n: Numbers
    squares: Numbers
    products: Numbers
    n_all: float
    all_squares: float
    n_users: float


def bunched_shares(found: Bunches, level: float = LEVEL) -> tuple[Numbers, Numbers, Numbers]:
    """The share of the events at each place, with a score interval at the effective sample size.

    The error is that of a ratio over users, and the events are worth as many independent ones as would
    have it. At a place where few users were seen the error is itself hardly known: one event of one user
    looks exact. So no place's events are worth more than by the mean bunching of all places together,
    and Student's quantile stands in for the normal one.

    Args:
        found: Of one group.
        level: Of each interval, 0 to below 1.

    Returns:
        Share, low, high, each (P,); NaN without events, low and high also below two users.

    Source: Cochran (1977), Sampling Techniques, 3rd ed., section 2.11 (variance of a ratio estimate); Korn
    & Graubard (1998), Survey Methodology 24(2), 193-201 (effective sample size, degrees of freedom); Rao &
    Scott (1981), JASA 76, 221-230 (mean design effect).
    """
    from scipy.special import ndtri, stdtrit

    n_users = found.n_users
    with np.errstate(invalid="ignore", divide="ignore"):
        share = found.n / found.n_all
        away = found.squares - 2 * share * found.products + share**2 * found.all_squares
        variance = np.maximum(away, 0.0) * n_users / np.float64(n_users - 1) / found.n_all**2
        binomial = share * (1 - share)
        own = np.where(variance > 0, binomial / variance, np.inf)
        bunching = found.n_all * variance.sum() / binomial.sum()
        # Where no error is seen at all, each user is worth one event.
        shared = found.n_all / max(bunching, 1.0) if bunching > 0 else n_users
        # A score interval at so many events with the normal quantile is one with Student's at `worth`.
        quantile = 0.5 + level / 2
        student = stdtrit(max(n_users - 1, 1), quantile)
        worth = np.minimum(own, shared) * (ndtri(quantile) / student) ** 2
        low, high = share_interval(share * worth, worth, level)
    known = n_users > 1
    return share, np.where(known, low, np.nan), np.where(known, high, np.nan)
