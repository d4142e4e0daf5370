"""Does the search for groups find none where there are none, and all where there are some?

    python -m tests.benchmarks.check_groups [--users 1000] [--seeds 3]

Prints for each kind of noise how often groups were claimed (the false positive rate, with its 95% upper
bound), for planted groups how often the right number was found and how well users were placed (adjusted
Rand index); exits 1 where noise is taken for groups more often than in 5% of the trials.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from sklearn.metrics import adjusted_rand_score

from persmark.segments.grouping import find_grouping, nearest

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
Noise = Callable[[Rng, int], Floats]


def _correlated(rng: Rng, n: int) -> Floats:
    return rng.normal(size=(n, 8)) @ rng.normal(size=(8, 8))


def _duplicated(rng: Rng, n: int) -> Floats:
    made = rng.normal(size=(n, 3))
    return np.hstack([made, made, made[:, :1], made[:, :1]])


def _lumpy(rng: Rng, n: int) -> Floats:
    return np.where(rng.uniform(size=(n, 6)) < 0.6, 0.0, rng.exponential(size=(n, 6)))


def _heavy(rng: Rng, n: int) -> Floats:
    made: Floats = rng.normal(size=(n, 6)) / np.sqrt(rng.chisquare(3, size=(n, 1)) / 3)
    return made


def _curved(rng: Rng, n: int) -> Floats:
    along = rng.normal(size=n)
    return np.column_stack([along, along**2, along**3 / 3]) + 0.3 * rng.normal(size=(n, 3))


def _ball(rng: Rng, n: int) -> Floats:
    way = rng.normal(size=(n, 5))
    made: Floats = way / np.linalg.norm(way, axis=1, keepdims=True) * rng.uniform(size=(n, 1)) ** 0.2
    return made


NOISE: Mapping[str, Noise] = {
    "uniform, 6 features": lambda rng, n: rng.uniform(size=(n, 6)),
    "uniform, 2 features": lambda rng, n: rng.uniform(size=(n, 2)),
    "Gaussian, 8 features": lambda rng, n: rng.normal(size=(n, 8)),
    "Gaussian, correlated": _correlated,
    "lognormal": lambda rng, n: np.exp(1.5 * rng.normal(size=(n, 6))),
    "duplicated columns": _duplicated,
    "heavy tails (t, 3 df)": _heavy,
    "zeros and exponentials": _lumpy,
    "yes or no, 4 features": lambda rng, n: (rng.uniform(size=(n, 4)) < 0.4).astype(np.float64),
    "counts (Poisson, mean 1)": lambda rng, n: rng.poisson(1, size=(n, 5)).astype(np.float64),
    "shares of six (Dirichlet)": lambda rng, n: rng.dirichlet([2.0] * 6, size=n),
    "curved line": _curved,
    "ball": _ball,
}


def _planted(rng: Rng, n: int, *, k: int, d: int, apart: float, n_noise: int) -> tuple[Floats, Floats]:
    """Groups of unequal size, their middles `apart` standard deviations from each other at least."""
    middles = rng.normal(size=(k, d))
    gaps = np.linalg.norm(middles[:, None] - middles[None, :], axis=2)[np.triu_indices(k, 1)]
    middles *= apart / gaps.min()
    share = 1 + np.arange(k)
    group = rng.choice(k, n, p=share / share.sum())
    return np.hstack([middles[group] + rng.normal(size=(n, d)), rng.normal(size=(n, n_noise))]), group


PLANTED = {
    "2 groups, 5 features, 5 sd apart": (2, 5, 5.0, 0),
    "3 groups, 4 features, 5 sd apart": (3, 4, 5.0, 0),
    "4 groups, 6 features, 5 sd apart": (4, 6, 5.0, 0),
    "5 groups, 8 features, 6 sd apart": (5, 8, 6.0, 0),
    "3 groups, 4 features + 4 of noise, 5 sd": (3, 4, 5.0, 4),
}


def main() -> int:
    """Print both tables; 0 where noise is not taken for groups."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    begun, claimed, n_trials = time.monotonic(), 0, 0
    print(f"{'noise':28} {'claimed':>8}")
    for name, make in NOISE.items():
        found = [
            find_grouping(make(np.random.default_rng(seed), asked.users), seed=seed).n_groups
            for seed in range(asked.seeds)
        ]
        wrong = sum(n > 0 for n in found)
        claimed, n_trials = claimed + wrong, n_trials + len(found)
        print(f"{name:28} {wrong:3} of {len(found)}", flush=True)
    # Source: Hanley, Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 249, 1983; Wilson
    # where something did.
    bound = 3 / n_trials if not claimed else claimed / n_trials + 1.96 * (claimed / n_trials**2) ** 0.5
    print(f"false positive rate {claimed / n_trials:.3f} ({claimed} of {n_trials}; below {min(bound, 1):.3f} "
          f"with 95% confidence), {time.monotonic() - begun:.0f} s\n")  # fmt: skip
    print(f"{'planted':42} {'right number':>13} {'adjusted Rand':>14}")
    for name, (k, d, apart, n_noise) in PLANTED.items():
        right, rand = 0, []
        for seed in range(asked.seeds):
            values, group = _planted(
                np.random.default_rng(seed), asked.users, k=k, d=d, apart=apart, n_noise=n_noise
            )
            grouping = find_grouping(values, seed=seed)
            right += grouping.n_groups == k
            placed = nearest(values, grouping.centres)[0] if grouping.n_groups else np.zeros(len(values))
            rand.append(adjusted_rand_score(group, placed))
        print(f"{name:42} {right:5} of {asked.seeds:4} {np.mean(rand):14.3f}", flush=True)
    return int(claimed > 0.05 * n_trials)


if __name__ == "__main__":
    sys.exit(main())
