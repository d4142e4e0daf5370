"""Random numbers that depend on what they are for, not on when they are drawn.

A stateful generator gives another world as soon as users are worked through in other chunks. Here
every number is a hash of (seed, purpose, id, position), so a user's life is the same in a shop of
200 and of 200,000, and in chunks of any size.

Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011 (counter-based
generators); mixing function of SplitMix64: Steele, Lea, Flood, OOPSLA 2014, figure 14.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser; arithmetic wraps at 64 bits by design."""
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


class Draws:
    """Uniform numbers in (0, 1), addressed by purpose and id.

    Args:
        seed: Same seed, same numbers.
    """

    def __init__(self, seed: int) -> None:
        self._seed = np.array([seed & 0xFFFFFFFFFFFFFFFF], np.uint64)

    def grid(self, purpose: str, ids: Ints, width: int) -> Floats:
        """(n_ids, width) independent uniforms, never exactly 0 or 1."""
        salt = np.array([zlib.crc32(purpose.encode())], np.uint64)
        key = _mixed(_mixed(self._seed * _GOLDEN + salt) ^ _mixed(ids.astype(np.uint64)))
        counters = np.arange(1, width + 1, dtype=np.uint64) * _GOLDEN
        bits = _mixed(key[:, None] + counters[None, :]) >> np.uint64(11)
        return (bits.astype(np.float64) + 0.5) * 2.0**-53

    def one(self, purpose: str, ids: Ints) -> Floats:
        """(n_ids,) independent uniforms."""
        return self.grid(purpose, ids, 1)[:, 0]


def chosen(cumulative: Floats, u: Floats) -> Ints:
    """Index drawn by each `u` from a (n, k) or (k,) table of running shares that ends at 1."""
    below = cumulative < u[:, None]  # a single row of shares stands for every `u`
    out: Ints = np.minimum(below.sum(axis=1), cumulative.shape[-1] - 1)
    return out


def shares(weights: Floats) -> Floats:
    """Running shares of `weights` along the last axis, for `chosen`."""
    running = np.cumsum(weights, axis=-1)
    out: Floats = running / running[..., -1:]
    return out


def totals(values: Floats) -> Floats:
    """Sum of each row, left to right.

    NumPy's own sum groups its terms by memory layout, so that its last digit could depend on how
    many rows are worked through at once.
    """
    out: Floats = np.cumsum(values, axis=-1)[..., -1]
    return out
