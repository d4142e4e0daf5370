"""Users who never were: the same values and the same correlations, but no groups.

What a search for groups finds must be compared with what it would find where there are none. A
surrogate keeps every feature's own values (so spikes at zero, long tails and rounding stay) and the
correlation of any two features, and is otherwise as plain as can be: a Gaussian copula. Groups that
are no more than one lopsided feature, or a few that move together, are in the surrogate as well.

Source: Cario, Nelson, Modeling and Generating Random Vectors with Arbitrary Marginal Distributions
and Correlation Matrix, 1997 (NORTA); Tibshirani, Walther, Hastie, Estimating the number of clusters
via the gap statistic, JRSS B 63(2), 2001, for the comparison with a reference.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Rounds that bring the surrogate's correlations to the data's; rank correlations start close by.
_ROUNDS = 4
# Rows that correlations are matched on: their error is then below 0.02.
_MATCHED_ON = 4_000


def _correlation(values: Floats) -> Floats:
    """Pearson correlations; a constant column has none with the others."""
    centred = values - values.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0))
    scaled = centred / np.where(spread > 0, spread, 1.0)
    found: Floats = np.clip(scaled.T @ scaled, -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def _root(correlation: Floats) -> tuple[Floats, Floats]:
    """The nearest proper correlation matrix, and a factor of it."""
    sizes, directions = np.linalg.eigh(correlation)
    factor = directions * np.sqrt(np.clip(sizes, 0.0, None))
    factor /= np.maximum(np.sqrt((factor**2).sum(axis=1, keepdims=True)), 1e-12)
    proper: Floats = factor @ factor.T
    return proper, factor


def _normal_scores(values: Floats) -> Floats:
    """Each column by its ranks as a normal variable; equal values share their mean rank."""
    from scipy.stats import norm, rankdata

    ranks = rankdata(values, axis=0)
    scores: Floats = norm.ppf((ranks - 0.5) / len(values))
    return scores


class Surrogates:
    """A source of tables like a given one but without groups.

    Args:
        values: (n, d) without missing values.
        rng: What the fitting draws from.
    """

    def __init__(self, values: Floats, rng: np.random.Generator) -> None:
        self._sorted = np.sort(values, axis=0)
        n_rows = min(len(values), _MATCHED_ON)
        rows = rng.choice(len(values), n_rows, replace=False)
        wanted = _correlation(values)
        latent, self._factor = _root(_correlation(_normal_scores(values[rows])))
        for _ in range(_ROUNDS):
            got = _correlation(self._made(rng, _MATCHED_ON))
            latent, self._factor = _root(np.clip(latent + (wanted - got), -1.0, 1.0))

    def _made(self, rng: np.random.Generator, n_rows: int) -> Floats:
        normal = rng.standard_normal((n_rows, self._factor.shape[1])) @ self._factor.T
        order = np.argsort(np.argsort(normal, axis=0), axis=0)
        # Ranks among n_rows, as places among the known values.
        places = ((order + 0.5) * len(self._sorted) / n_rows).astype(np.int64)
        made: Floats = np.take_along_axis(self._sorted, places, axis=0)
        return made

    def draw(self, rng: np.random.Generator) -> Floats:
        """(n, d): a permutation of each column, so that its values are exactly the data's."""
        return self._made(rng, len(self._sorted))
