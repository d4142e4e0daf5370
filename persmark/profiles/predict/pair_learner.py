"""The chance that a user buys of a category: a small model per category, trees over all, or both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from persmark.profiles.predict import pairs as inputs
from persmark.profiles.predict.features import Column
from persmark.profiles.predict.learners import BASE, BLEND, LINEAR, RFM, TREES, Floats, chance, logit
from persmark.profiles.predict.pairs import Pairs

CANDIDATES = (BASE, RFM, LINEAR, TREES, BLEND)
_MADE_OF = {BLEND: (LINEAR, TREES)}
_STRENGTH = {RFM: 10.0, LINEAR: 0.3}
_COLUMNS = {RFM: inputs.RFM, LINEAR: inputs.LINEAR}
# Candidate -> the features that have a part in its predictions.
COLUMNS_OF = {BASE: (), RFM: inputs.RFM, LINEAR: inputs.LINEAR, TREES: inputs.TREES, BLEND: inputs.TREES}
_TREE_ROWS = 150_000

Tell = Callable[[float], None]


@dataclass
class PairLearner:
    """A candidate, fitted to all categories.

    Attributes:
        candidate: Which one.
        base: (n_things,) shares of users who bought in the last past window.
        linear: Name of a linear part -> its arrays `mean`, `spread` (n_inputs), `weights` (n_things,
            n_inputs), `offset` (n_things).
        trees: Fitted over pairs of all categories, or None.
        calibration: Platt's slope and offset, or nothing.
    """

    candidate: str
    base: Floats
    linear: dict[str, dict[str, Floats]] = field(default_factory=dict)
    trees: Any = None
    calibration: dict[str, float] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        candidates: Sequence[str],
        frames: Sequence[Pairs],
        happened: Sequence[Column],
        *,
        seed: int,
        tell: Tell = lambda _: None,
    ) -> dict[str, PairLearner]:
        """Fit the parts that some candidates need, each once.

        Args:
            candidates: Of `CANDIDATES`.
            frames: Pairs of past moments, the latest first.
            happened: (n_users, n_things) of each: whether it was bought in the window after.
            seed: Of the pairs that trees are shown.
            tell: Called with the fraction done.
        """
        needed = {part for one in candidates for part in _MADE_OF.get(one, (one,))}
        base = np.asarray(happened[0].mean(axis=0), np.float64)
        linear: dict[str, dict[str, Floats]] = {}
        for name in (part for part in (RFM, LINEAR) if part in needed):
            linear[name] = _fit_linear(name, frames, happened, partial(_tell_part, tell, len(linear) / 3))
        trees = _fit_trees(frames, happened, seed) if TREES in needed else None
        tell(1.0)
        return {
            one: cls(
                one,
                base,
                {part: linear[part] for part in _MADE_OF.get(one, (one,)) if part in linear},
                trees if TREES in _MADE_OF.get(one, (one,)) else None,
            )
            for one in candidates
        }

    def predict(self, given: Pairs) -> Floats:
        """(n_users, n_things) chances."""
        if self.candidate == BASE:
            return np.broadcast_to(self.base, (len(given.of), given.n_things)).astype(np.float64)
        odds = []
        for part in _MADE_OF.get(self.candidate, (self.candidate,)):
            odds.append(self._trees_odds(given) if part == TREES else self._linear_odds(part, given))
        mixed = np.mean(odds, axis=0)
        if self.calibration:
            mixed = self.calibration["offset"] + self.calibration["slope"] * mixed
        return chance(mixed)

    def _linear_odds(self, part: str, given: Pairs) -> Floats:
        held = self.linear[part]
        odds = np.empty((len(given.of), given.n_things))
        for thing in range(given.n_things):
            matrix = inputs.linear_inputs(given, thing, _COLUMNS[part])
            odds[:, thing] = ((matrix - held["mean"][thing]) / held["spread"][thing]) @ held["weights"][thing]
        return odds + held["offset"]

    def _trees_odds(self, given: Pairs) -> Floats:
        n_users = len(given.of)
        odds = np.empty((n_users, given.n_things))
        step = max(1, 400_000 // max(given.n_things, 1))
        for first in range(0, n_users, step):
            rows, columns = np.divmod(
                np.arange(first * given.n_things, min(first + step, n_users) * given.n_things), given.n_things
            )
            found = self.trees.predict_proba(inputs.tree_inputs(given, rows, columns))[:, 1]
            odds[first : first + step] = logit(found).reshape(-1, given.n_things)
        return odds


def _tell_part(tell: Tell, done: float, share: float) -> None:
    tell(done + share / 3)


def _fit_linear(
    name: str, frames: Sequence[Pairs], happened: Sequence[Column], tell: Tell
) -> dict[str, Floats]:
    """A logistic regression per category."""
    from sklearn.linear_model import LogisticRegression

    means, spreads, weights, offsets = [], [], [], []
    n_things = frames[0].n_things
    for thing in range(n_things):
        matrix = np.concatenate([inputs.linear_inputs(one, thing, _COLUMNS[name]) for one in frames])
        found = np.concatenate([one[:, thing] for one in happened])
        mean, spread = matrix.mean(axis=0), matrix.std(axis=0)
        spread[spread < 1e-6] = 1.0
        means.append(mean)
        spreads.append(spread)
        if found.min() == found.max():
            weights.append(np.zeros(matrix.shape[1]))
            offsets.append(float(logit(np.array([found.mean()]))[0]))
        else:
            fitted = LogisticRegression(C=_STRENGTH[name], solver="newton-cholesky", max_iter=100).fit(
                (matrix - mean) / spread, found
            )
            weights.append(fitted.coef_[0])
            offsets.append(float(fitted.intercept_[0]))
        if thing % 10 == 0:
            tell(thing / n_things)
    return {
        "mean": np.asarray(means, np.float64),
        "spread": np.asarray(spreads, np.float64),
        "weights": np.asarray(weights, np.float64),
        "offset": np.asarray(offsets, np.float64),
    }


def _fit_trees(frames: Sequence[Pairs], happened: Sequence[Column], seed: int) -> Any:
    """Trees over a random part of all pairs; every pair is as likely to be among them."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(seed)
    share = min(1.0, _TREE_ROWS / max(sum(one.size for one in happened), 1))
    matrices, found = [], []
    for one, outcome in zip(frames, happened, strict=True):
        rows, columns = np.nonzero(rng.random(outcome.shape) < share)
        matrices.append(inputs.tree_inputs(one, rows, columns))
        found.append(outcome[rows, columns])
    outcomes = np.concatenate(found)
    if outcomes.min(initial=True) == outcomes.max(initial=False):
        # Nothing to tell apart: one made-up pair of each outcome keeps the fit defined.
        matrices.append(np.zeros((2, matrices[0].shape[1]), np.float32))
        outcomes = np.concatenate([outcomes, np.array([True, False])])
    shown = np.concatenate(matrices)
    # A feature that nobody has cannot be parted into bins.
    shown[:, np.isnan(shown).all(axis=0)] = 0.0
    return HistGradientBoostingClassifier(
        max_iter=80, learning_rate=0.1, max_leaf_nodes=31, max_bins=127,
        min_samples_leaf=max(20, len(outcomes) // 1500), l2_regularization=1.0,
        early_stopping=False, random_state=seed,
    ).fit(shown, outcomes)  # fmt: skip
