"""Do the intervals of Compare hold what they promise, on real money?

    PERSMARK_DATA=FOLDER python tests/benchmarks/check_intervals.py [--workspace sample] [--draws 4000]

The users of a workspace stand for the whole population, whose mean and median spend are known. Small groups
are drawn from them with replacement, each gets its interval, and the share of intervals that hold the
truth is printed beside Student's: 95% is meant. The same for the difference of two groups of which a part
is shared (the truth is no difference), and the spread that asks for it. Then shares of own events by hour
of the day, whose events come in bunches by user: the mean over hours, the worst hour, and how often an hour
is off the truth at the level that 24 at once ask for (0.2% is meant).
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.special import stdtrit
from scipy.stats import skew

from persmark.segments.bunched import Bunches, bunched_shares
from persmark.segments.intervals import Moments, Numbers, Two, mean_difference, mean_interval
from persmark.store import Reader, open_workspace

_SIZES = (10, 20, 50, 100, 200, 500)
_SHARED = (0.0, 0.25, 0.75)


def _of(x: Numbers) -> Moments:
    """Sums of each row."""
    mean = x.mean(1)
    away = x - mean[:, None]
    n = np.full(len(x), float(x.shape[1]))
    return Moments(n, mean, (away**2).sum(1), (away**3).sum(1))


def _held(low: Numbers, high: Numbers, truth: float) -> float:
    return float(((low <= truth) & (truth <= high)).mean())


def main() -> None:
    """Print coverage by size of group."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", default="sample")
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    with open_workspace(options.workspace).reader() as reader:
        money = reader.frame("SELECT CAST(coalesce(monetary, 0) AS DOUBLE) AS m FROM profiles")[
            "m"
        ].to_numpy()
        hours = _by_hour(reader)
    truth = float(money.mean())
    print(f"{len(money):,} users, mean {truth:,.0f}, skew {skew(money):.2f}; {options.draws:,} draws a line")
    print(
        f"{'users':>6} {'ours':>7} {'Student':>8}   difference, shared part "
        + "  ".join(f"{s:.0%}" for s in _SHARED)
    )
    for n in _SIZES:
        x = rng.choice(money, (options.draws, n))
        found = _of(x)
        ours = _held(*mean_interval(found), truth)
        reach = stdtrit(n - 1, 0.975) * found.error
        students = _held(found.mean - reach, found.mean + reach, truth)
        apart = []
        for shared in _SHARED:
            k = round(shared * n)
            y = np.concatenate([x[:, :k], rng.choice(money, (options.draws, n - k))], axis=1)
            two = Two(
                found, _of(y), _of(x[:, k:]), _of(x[:, :k]) if k else _nobody(options.draws), _of(y[:, k:])
            )
            apart.append(_held(*mean_difference(two), 0.0))
        print(f"{n:6} {ours:7.1%} {students:8.1%}   {'':24}" + "  ".join(f"{one:.1%}" for one in apart))

    _check_hours(hours, rng, max(options.draws // 4, 1))


def _by_hour(reader: Reader) -> Numbers:
    """Own events of each user by hour of the day, (U, 24)."""
    found = reader.frame(
        "SELECT user_id, local_hour, count(*) AS n FROM events "
        "WHERE event_type NOT IN ('campaign_received', 'impression') GROUP BY user_id, local_hour"
    )
    users, rows = np.unique(found["user_id"], return_inverse=True)
    counts = np.zeros((len(users), 24))
    counts[rows, found["local_hour"].astype(int)] = found["n"]
    return counts


def _check_hours(hours: Numbers, rng: np.random.Generator, n_draws: int) -> None:
    truth = hours.sum(0) / hours.sum()
    print(
        f"shares of 24 hours, {n_draws:,} draws a line\n{'users':>6} {'mean':>7} {'worst':>7}   off at once"
    )
    for n in _SIZES:
        held, off = np.zeros(24), np.zeros(24)
        for _ in range(n_draws):
            x = hours[rng.integers(0, len(hours), n)]
            every = x.sum(1)
            found = Bunches(
                x.sum(0), (x**2).sum(0), (x * every[:, None]).sum(0), every.sum(), (every**2).sum(), float(n)
            )
            _, low, high = bunched_shares(found)
            held += (low <= truth) & (truth <= high)
            _, low, high = bunched_shares(found, 1 - 0.05 / 24)
            off += (truth < low) | (truth > high)
        print(f"{n:6} {held.mean() / n_draws:7.1%} {held.min() / n_draws:7.1%}   {off.mean() / n_draws:.2%}")


def _nobody(n: int) -> Moments:
    return Moments(np.zeros(n), np.full(n, np.nan), np.zeros(n), np.zeros(n))


if __name__ == "__main__":
    main()
