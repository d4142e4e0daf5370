"""How many groups there are in a table of users, if any: arrays in, a verdict with its figures out.

A number of groups is taken for real only where all of this holds:

1. separation: users lie closer to their own group's middle than surrogates without groups do
   (`persmark.segments.surrogates`), over all numbers of groups tried, at the 5% level;
2. stability: refitted on resampled users, the groups come back (mean adjusted Rand index, and each
   single group by its mean Jaccard similarity, Hennig 2007);
3. a gap: between any two groups there are clearly fewer users than at either one's middle, judged on
   users that the groups were not fitted to. Whatever is one lump, however long or heavy its tails, has
   none, for then the middle between two points is never emptier than both.

Two groups far apart in everything are, to such surrogates, one lopsided measure told many times. Where the
zones between groups are all but empty, users with every measure shuffled by itself are therefore enough
to compare with.

Of the numbers that pass, the largest is taken: splitting a true group further leaves no gap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from persmark.segments.kmeans import k_means
from persmark.segments.surrogates import Surrogates

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Tell = Callable[[float], None]

# Numbers of groups that are tried. More than ten, nobody addresses one by one.
TRIED = tuple(range(2, 11))
LEVEL = 0.05
# Source: Hennig, Cluster-wise assessment of cluster stability, CSDA 52(1), 2007: a mean Jaccard
# similarity of 0.75 and more is a valid stable group, below 0.6 is not to be trusted.
STABLE_JACCARD = 0.75
# Source: Steinley, Properties of the Hubert-Arabie adjusted Rand index, Psychological Methods 9(3), 2004:
# above 0.8 good recovery.
STABLE_RAND = 0.8
# Users in the middle between two groups, relative to the emptier one's core.
GAP_DEPTH = 0.8
# The same where hardly anybody stands in the middle.
CLEAR_GAP = 0.25
# Least gain in separation over users without groups: with many users, far less would still be no chance.
LEAST_GAIN = 0.03
# A group of fewer is a handful of odd users.
LEAST_SHARE = 0.02
LEAST_USERS = 50
N_SURROGATES, N_RESAMPLES = 39, 30
FITTED_ON = 3_000
_STARTS = 3
_MOST_COMPONENTS = 12
_EXPLAINED = 0.9
_WINDOW = 0.12


@dataclass(frozen=True)
class Tried:
    """What one number of groups came to.

    Attributes:
        n_groups: How many.
        separation: Mean silhouette to the groups' middles, -1 to 1.
        by_chance: Its mean over the surrogates.
        by_chance_high: What 95% of the surrogates stay below.
        stability: Mean adjusted Rand index of refits on resampled users; 1 = the same groups.
        weakest: The lowest of the groups' mean Jaccard similarities.
        depth: Users in the emptiest middle between two groups over those in the emptier core; of the two
            groups where this is highest. 1 or more: no gap.
        smallest: Share of the smallest group.
        apart: Whether it is further apart than chance allows.
        passes: Whether all criteria hold.
    """

    n_groups: int
    separation: float
    by_chance: float
    by_chance_high: float
    stability: float
    weakest: float
    depth: float
    smallest: float
    apart: bool
    passes: bool


@dataclass(frozen=True, eq=False)
class Grouping:
    """The groups of a table, or that there are none.

    Attributes:
        n_groups: How many are taken; 0 = none.
        real: Whether they pass; False where they were asked for in spite of it, or there are none.
        p_value: Chance that surrogates without groups are separated as well, over all numbers tried.
        tried: One entry for each number of groups.
        centres: (n_groups, d) middles in the table's columns.
        jaccard: (n_groups, n_resamples) similarity of each group to its best match in each refit.
        rand: (n_resamples,) adjusted Rand index of each refit.
    """

    n_groups: int
    real: bool
    p_value: float
    tried: tuple[Tried, ...]
    centres: Floats
    jaccard: Floats
    rand: Floats


def nearest(values: Floats, centres: Floats) -> tuple[Ints, Floats, Floats]:
    """(n,) the nearest centre of each row, its distance, and that of the second nearest."""
    squares = np.maximum(
        (values**2).sum(axis=1)[:, None] - 2 * values @ centres.T + (centres**2).sum(axis=1)[None, :], 0.0
    )
    if len(centres) == 1:
        return np.zeros(len(values), np.int64), np.sqrt(squares[:, 0]), np.full(len(values), np.inf)
    two = np.argpartition(squares, 1, axis=1)[:, :2]
    far = np.take_along_axis(squares, two, axis=1)
    swap = far[:, 0] > far[:, 1]
    two[swap] = two[swap][:, ::-1]
    near = np.sqrt(np.take_along_axis(squares, two, axis=1))
    return two[:, 0].astype(np.int64), near[:, 0], near[:, 1]


def separation(values: Floats, centres: Floats) -> float:
    """Mean over users of (b - a) / b, a = distance to the own middle, b = to the next one.

    Source: Rousseeuw, Silhouettes, J. Comput. Appl. Math. 20, 1987, in the form by centres of Hruschka,
    de Castro, Campello, Evolutionary algorithms for clustering gene-expression data, ICDM 2004.
    """
    _, own, other = nearest(values, centres)
    return float(np.mean((other - own) / np.where(other > 0, other, 1.0)))


def _fit(values: Floats, n_groups: int, seed: int, *, starts: int = _STARTS) -> Floats:
    return k_means(values, n_groups, seed=seed, starts=starts)


def components(values: Floats) -> tuple[Floats, Floats]:
    """Middle (d,) and main directions (d, m) that carry 90% of the spread, at most twelve."""
    middle = values.mean(axis=0)
    _, sizes, directions = np.linalg.svd(values - middle, full_matrices=False)
    share = np.cumsum(sizes**2) / max(float((sizes**2).sum()), 1e-12)
    kept = min(int(np.searchsorted(share, _EXPLAINED)) + 1, _MOST_COMPONENTS, len(sizes))
    turned: Floats = directions[:kept].T
    return middle, turned


def _turned(values: Floats) -> Floats:
    middle, directions = components(values)
    found: Floats = (values - middle) @ directions
    return found


def gap_depth(values: Floats, centres: Floats) -> float:
    """How filled the emptiest zone between two groups is, of the pair where it is fullest.

    Users of the two groups are projected on the line between the middles. Counted are those halfway
    and those around either middle, in windows of the same width. The figure is the upper end of what
    the halfway count may come from (one standard error), so that few users show no gap by luck.
    """
    group, _, _ = nearest(values, centres)
    worst = 0.0
    for one in range(len(centres)):
        for other in range(one + 1, len(centres)):
            line = centres[other] - centres[one]
            there = values[(group == one) | (group == other)] - centres[one]
            place = there @ line / max(float(line @ line), 1e-12)
            halfway = int((np.abs(place - 0.5) <= _WINDOW).sum())
            core = min(int((np.abs(place - end) <= _WINDOW).sum()) for end in (0.0, 1.0))
            worst = max(worst, (halfway + np.sqrt(halfway + 0.5)) / max(core, 0.5))
    return float(worst)


def _jaccard(group: Ints, again: Ints, n_groups: int) -> Floats:
    """(n_groups,) similarity of each group to its best match in another grouping of the same users."""
    both = np.zeros((n_groups, n_groups))
    np.add.at(both, (group, again), 1.0)
    either = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
    return np.asarray((both / np.maximum(either, 1.0)).max(axis=1))


def _resampled(
    values: Floats, centres: Floats, rng: np.random.Generator, n_resamples: int
) -> tuple[Floats, Floats]:
    """Adjusted Rand index of each refit (n_resamples,), and Jaccard of each group (k, n_resamples)."""
    from sklearn.metrics import adjusted_rand_score

    group, _, _ = nearest(values, centres)
    rand, jaccard = [], []
    for _ in range(n_resamples):
        drawn = values[rng.integers(0, len(values), len(values))]
        again, _, _ = nearest(values, _fit(drawn, len(centres), int(rng.integers(2**31)), starts=2))
        rand.append(float(adjusted_rand_score(group, again)))
        jaccard.append(_jaccard(group, again, len(centres)))
    return np.array(rand), np.stack(jaccard, axis=1)


def find_grouping(
    values: Floats,
    *,
    seed: int = 0,
    wanted: int | None = None,
    tried: Sequence[int] = TRIED,
    n_surrogates: int = N_SURROGATES,
    n_resamples: int = N_RESAMPLES,
    on_progress: Tell | None = None,
) -> Grouping:
    """Look for groups of users.

    Args:
        values: (n, d) features on comparable scales, none missing.
        seed: Same seed and values, same answer.
        wanted: Take this many groups whatever the criteria say; `real` then tells what they say.
        tried: Numbers of groups to try.
        n_surrogates: Tables without groups to compare with; 39 resolve a level of 5%.
        n_resamples: Refits for the stability.
        on_progress: Told a fraction from 0 to 1.
    """
    from threadpoolctl import threadpool_limits

    # Hundreds of small fits: on a busy machine, threads that wait for each other cost more than they save.
    with threadpool_limits(1):
        return _find(
            values, seed, wanted, tried, n_surrogates=n_surrogates, n_resamples=n_resamples,
            tell=on_progress or (lambda fraction: None),
        )  # fmt: skip


def _find(
    values: Floats,
    seed: int,
    wanted: int | None,
    tried: Sequence[int],
    *,
    n_surrogates: int,
    n_resamples: int,
    tell: Tell,
) -> Grouping:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(values))[:FITTED_ON]
    sampled = values[order]
    numbers = [k for k in sorted({*tried, *([wanted] if wanted else [])}) if 2 <= k <= len(sampled) // 10]
    if not numbers or (len(sampled) < LEAST_USERS and not wanted):
        return _nothing()
    spread = sampled.std(axis=0)
    if not (spread > 1e-12).any():
        return _nothing()
    sampled = sampled[:, spread > 1e-12]
    space = _turned(sampled)
    seeds = {k: int(rng.integers(2**31)) for k in numbers}
    centres = {k: _fit(space, k, seeds[k]) for k in numbers}
    found = np.array([separation(space, centres[k]) for k in numbers])
    surrogates = Surrogates(sampled, rng)
    chance = _by_chance(
        lambda: surrogates.draw(rng), found, seeds, n_surrogates, lambda done: tell(0.6 * done)
    )
    half = len(space) // 2
    fares, refits = [], {}
    for place, k in enumerate(numbers):
        group, _, _ = nearest(space, centres[k])
        smallest = float(np.bincount(group, minlength=k).min() / len(space))
        # Each half of the users judges groups that the other half made.
        depth = max(
            gap_depth(space[half:], _fit(space[:half], k, seeds[k])),
            gap_depth(space[:half], _fit(space[half:], k, seeds[k])),
        )
        # What fails already needs fewer refits to tell how it fares.
        kept = (depth <= GAP_DEPTH and smallest >= LEAST_SHARE) or k == wanted
        rand, jaccard = refits[k] = _resampled(
            space, centres[k], rng, n_resamples if kept else max(n_resamples // 4, 2)
        )
        fares.append((float(rand.mean()), float(jaccard.mean(axis=1).min()), depth, smallest))
        tell(0.6 + 0.3 * (place + 1) / len(numbers))
    sound = [
        rand >= STABLE_RAND and weakest >= STABLE_JACCARD and depth <= GAP_DEPTH and smallest >= LEAST_SHARE
        for rand, weakest, depth, smallest in fares
    ]
    clear = [holds and fare[2] <= CLEAR_GAP for holds, fare in zip(sound, fares, strict=True)]
    if any(clear) and not any(sound[place] and chance.exceeded(place) for place in range(len(numbers))):
        shuffled = _by_chance(
            lambda: rng.permuted(sampled, axis=0), found, seeds, n_surrogates,
            lambda done: tell(0.9 + 0.1 * done),
        )  # fmt: skip
        if any(clear[place] and shuffled.exceeded(place) for place in range(len(numbers))):
            chance, sound = shuffled, clear
    rows = [
        Tried(
            k, float(found[place]), float(chance.middle[place]), float(chance.high[place]), *fares[place],
            chance.exceeded(place), sound[place] and chance.exceeded(place),
        )
        for place, k in enumerate(numbers)
    ]  # fmt: skip
    p_value = chance.p_value
    passing = [row.n_groups for row in rows if row.passes]
    taken = wanted or max(passing, default=0)
    if not taken or taken not in refits:
        return Grouping(0, False, p_value, tuple(rows), np.empty((0, values.shape[1])),
                        np.empty((0, 0)), np.empty(0))  # fmt: skip
    # In the table's own columns, so that users outside of the sample are placed without the turning;
    # settled once more on all users that were given.
    group, _, _ = nearest(space, centres[taken])
    middles = np.stack([values[order][group == one].mean(axis=0) for one in range(taken)])
    group, _, _ = nearest(values, middles)
    middles = np.stack(
        [values[group == one].mean(axis=0) if (group == one).any() else middles[one] for one in range(taken)]
    )
    rand, jaccard = refits[taken]
    real = taken in passing and len(sampled) >= LEAST_USERS
    return Grouping(taken, real, p_value, tuple(rows), middles, jaccard, rand)


@dataclass(frozen=True, eq=False)
class _Chance:
    """What users without groups reach at each number of groups, and where the data exceeds it."""

    middle: Floats
    high: Floats
    p_value: float
    found: Floats

    def exceeded(self, place: int) -> bool:
        """Whether the data is further apart there, over all numbers that were tried."""
        gain = self.found[place] - self.middle[place]
        return bool(self.p_value <= LEVEL and self.found[place] > self.high[place] and gain >= LEAST_GAIN)


def _by_chance(
    draw: Callable[[], Floats], found: Floats, seeds: dict[int, int], n_draws: int, tell: Tell
) -> _Chance:
    chance = np.empty((n_draws, len(seeds)))
    for place in range(n_draws):
        made = _turned(draw())
        chance[place] = [separation(made, _fit(made, k, seed)) for k, seed in seeds.items()]
        tell((place + 1) / n_draws)
    middle, sd = chance.mean(axis=0), np.maximum(chance.std(axis=0, ddof=1), 1e-9)
    most = ((chance - middle) / sd).max(axis=1)
    p_value = float((1 + (most >= ((found - middle) / sd).max()).sum()) / (n_draws + 1))
    return _Chance(middle, middle + np.quantile(most, 1 - LEVEL) * sd, p_value, found)


def _nothing() -> Grouping:
    return Grouping(0, False, 1.0, (), np.empty((0, 0)), np.empty((0, 0)), np.empty(0))
