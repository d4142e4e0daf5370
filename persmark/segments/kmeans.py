"""k-means for hundreds of small fits: all starts at once, without the overhead of one library call each.

Source: Lloyd, Least squares quantization in PCM, IEEE Trans. Inf. Theory 28(2), 1982; Arthur,
Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_MOST_ROUNDS = 60
# A round that brings users closer to their middles by less than this part ends the fit.
_SETTLED = 1e-4


def _squares(values: Floats, lengths: Floats, centres: Floats) -> Floats:
    """(n, m) squared distances of rows to (m, d) centres."""
    found: Floats = lengths[:, None] - 2.0 * (values @ centres.T) + (centres**2).sum(axis=1)
    return np.maximum(found, 0.0, out=found)


def _seeded(values: Floats, lengths: Floats, n_groups: int, starts: int, rng: np.random.Generator) -> Floats:
    """(starts, n_groups, d): rows drawn in proportion to their squared distance to those drawn before."""
    chosen = np.empty((starts, n_groups, values.shape[1]))
    chosen[:, 0] = values[rng.integers(0, len(values), starts)]
    nearest = _squares(values, lengths, chosen[:, 0])
    for place in range(1, n_groups):
        sums = np.cumsum(nearest, axis=0)
        drawn = rng.uniform(size=starts) * sums[-1]
        rows = np.minimum((sums < drawn).sum(axis=0), len(values) - 1)
        chosen[:, place] = values[rows]
        nearest = np.minimum(nearest, _squares(values, lengths, chosen[:, place]))
    return chosen


def k_means(values: Floats, n_groups: int, *, seed: int, starts: int) -> Floats:
    """(n_groups, d) middles of the best of several starts.

    Args:
        values: (n, d), at least one row.
        n_groups: How many; where fewer different rows exist, some middles are equal.
        seed: Same seed and values, same middles.
        starts: From how many random seedings.
    """
    rng = np.random.default_rng(seed)
    lengths = (values**2).sum(axis=1)
    centres = _seeded(values, lengths, n_groups, starts, rng)
    n, d = values.shape
    before = np.full(starts, np.inf)
    for _ in range(_MOST_ROUNDS):
        squares = _squares(values, lengths, centres.reshape(-1, d)).reshape(n, starts, n_groups)
        group = squares.argmin(axis=2)
        loss = np.take_along_axis(squares, group[:, :, None], axis=2)[:, :, 0].sum(axis=0)
        if (before - loss <= _SETTLED * loss).all():
            break
        before = loss
        for start in range(starts):
            inside = (group[:, start, None] == np.arange(n_groups)).astype(np.float64)
            sizes = inside.sum(axis=0)
            # A group that lost all its users stays where it was.
            centres[start] = np.where(
                sizes[:, None] > 0, (inside.T @ values) / np.maximum(sizes, 1.0)[:, None], centres[start]
            )
    best: Floats = centres[int(np.argmin(loss))]
    return best
