"""What is fitted to users: chances, amounts and days, each by several candidates of which one is chosen.

Candidates go from the simplest to the most flexible, and the simplest may win. `trees` and `linear` see
all features, `short` sees a few, `rfm` recency, frequency and money alone, `base` nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from persmark.profiles.predict.features import Frame, Numbers, Shape
from persmark.profiles.predict.targets import AHEAD_DAYS

Floats = npt.NDArray[np.float64]

BASE, RFM, SHORT, LINEAR, TREES, BLEND = "base", "rfm", "short", "linear", "trees", "blend"
GAP, AGAIN, LOGS, BGNBD, MIXED = "gap", "again", "logs", "bgnbd", "mixed"
RFM_COLUMNS = ("bought_ago", "buying_days", "money_ever")
# What little data can carry: RFM, the last weeks, BG/NBD, and what passed between user and channel.
SHORT_COLUMNS = (
    *RFM_COLUMNS, "buying_days_28", "buying_days_84", "money_84", "late_gap", "bgnbd_none_4w",
    "bgnbd_none_12w", "bgnbd_days_12w", "bgnbd_money_12w", "contacts_84", "redeemed",
    "campaign_response_rate", "channel_visits_28", "channel_visits_84", "channel_contacts", "channel_answers",
    "channel_answers_84", "channel_visited_ago", "channel_answered_ago",
)  # fmt: skip
_SEEN_WITHOUT_SHAPE: Mapping[str, tuple[str, ...]] = {
    "again": ("money_84",), "bgnbd": ("bgnbd_money_12w",), "gap": ("late_gap", "bought_ago"),
}  # fmt: skip
# Of logistic regressions: scikit-learn's C, the less the more inputs there are.
_STRENGTH: Mapping[str, float] = {RFM: 10.0, SHORT: 1.0, LINEAR: 0.05}
INNER = 0.80  # of an interval of an amount or a wait: nominal share of users inside it
_LEAST, _MOST = 1e-4, 1 - 1e-4


# Trees part users into groups: of fewer than this many, or of fewer of the rarer outcome, they learn noise.
LEAST_FOR_TREES, LEAST_RARE_FOR_TREES = 400, 60


def logit(chance: Floats) -> Floats:
    """Log odds, of chances kept off 0 and 1."""
    kept = np.clip(chance, _LEAST, _MOST)
    found: Floats = np.log(kept / (1.0 - kept))
    return found


def chance(log_odds: Floats) -> Floats:
    """What `logit` undoes."""
    found: Floats = 1.0 / (1.0 + np.exp(-log_odds))
    return found


def _trees(kind: str, n_rows: int, seed: int, **more: Any) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    made = HistGradientBoostingClassifier if kind == "chance" else HistGradientBoostingRegressor
    steps = {"max_iter": 80, "learning_rate": 0.08} | more
    return made(
        max_leaf_nodes=15, max_bins=63,
        min_samples_leaf=max(20, n_rows // 500), l2_regularization=1.0,
        early_stopping=False, random_state=seed, **steps,
    )  # fmt: skip


def scaled(last: Any) -> Any:
    """A linear model over inputs of mean 0 and spread 1."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), last)


@dataclass(frozen=True)
class Shapes:
    """Which features each candidate sees.

    Attributes:
        whole: All of them.
        rfm: Recency, frequency and money.
        short: `SHORT_COLUMNS`.
    """

    whole: Shape
    rfm: Shape
    short: Shape

    @classmethod
    def of_frames(cls, frames: Sequence[Frame]) -> Shapes:
        """Of the moments that are learned from."""
        return cls(
            Shape.of_frames(frames),
            Shape.of_frames(frames, only=RFM_COLUMNS),
            Shape.of_frames(frames, only=SHORT_COLUMNS),
        )

    def to_json(self) -> dict[str, Any]:
        """For a manifest."""
        return {"whole": self.whole.to_json(), "rfm": self.rfm.to_json(), "short": self.short.to_json()}

    @classmethod
    def of_json(cls, held: Mapping[str, Any]) -> Shapes:
        """What `to_json` made."""
        return cls(*(Shape.of_json(held[name]) for name in ("whole", "rfm", "short")))

    def matrix(self, part: str, given: Frame) -> Numbers:
        """What a candidate's part sees of users."""
        if part in (TREES, LOGS):
            return self.whole.trees(given)
        return self.of(part).linear(given)

    def of(self, part: str) -> Shape:
        """The features that a part sees."""
        return {RFM: self.rfm, SHORT: self.short}.get(part, self.whole)


@dataclass
class Learner(ABC):
    """One target's model for users: a candidate, fitted.

    Attributes:
        candidate: Which one.
        shapes: What its parts see.
        parts: Name -> fitted estimator.
        facts: Constants: `base`, calibration `slope` and `offset`, `smearing`.
        CANDIDATES: From the simplest to the most flexible.
        MADE_OF: Candidate -> its parts, where they are others.
    """

    candidate: str
    shapes: Shapes
    parts: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)

    CANDIDATES: ClassVar[tuple[str, ...]] = ()
    MADE_OF: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @classmethod
    def fit(
        cls, candidates: Sequence[str], shapes: Shapes, frames: Sequence[Frame], found: Floats, *, seed: int
    ) -> dict[str, Self]:
        """Fit candidates; a part that several of them are made of is fitted once."""
        facts = {"base": cls._base(found)}
        needed = dict.fromkeys(part for one in candidates for part in cls.MADE_OF.get(one, (one,)))
        parts = {}
        for part in needed:
            estimator = cls._estimator(part, len(found), seed)
            if estimator is not None and cls._can_be_learned(found):
                matrix = np.concatenate([shapes.matrix(part, one) for one in frames])
                parts[part] = estimator.fit(matrix, cls._goal(part, found))
                facts |= cls._more_facts(part, parts[part], matrix, found)
        learners = {}
        for one in candidates:
            held = {part: parts[part] for part in cls.MADE_OF.get(one, (one,)) if part in parts}
            learners[one] = cls(one if cls._can_be_learned(found) else BASE, shapes, held, dict(facts))
        return learners

    @classmethod
    def candidates(cls, found: Floats) -> tuple[str, ...]:
        """Those that so many users can carry, from the simplest to the most flexible."""
        simple = tuple(one for one in cls.CANDIDATES if TREES not in cls.MADE_OF.get(one, (one,)))
        return cls.CANDIDATES if len(found) >= LEAST_FOR_TREES else simple

    @classmethod
    def _base(cls, found: Floats) -> float:
        return float(np.mean(found)) if len(found) else 0.0

    @classmethod
    def _can_be_learned(cls, found: Floats) -> bool:
        return len(found) > 0

    @classmethod
    @abstractmethod
    def _estimator(cls, part: str, n_rows: int, seed: int) -> Any:
        """What is fitted for a part; None where nothing is."""

    @classmethod
    def _goal(cls, part: str, found: Floats) -> Floats:
        return found

    @classmethod
    def _more_facts(cls, part: str, estimator: Any, matrix: Numbers, found: Floats) -> dict[str, float]:
        return {}

    @abstractmethod
    def predict(self, given: Frame) -> Floats:
        """(n_users,) what is predicted."""

    @property
    def made_of(self) -> tuple[str, ...]:
        """Its parts."""
        return self.MADE_OF.get(self.candidate, (self.candidate,))

    @property
    def columns(self) -> tuple[str, ...]:
        """Features that have a part in its predictions."""
        if self.candidate == BASE:
            return ()
        found: dict[str, None] = {}
        for part in self.made_of:
            found |= dict.fromkeys(_SEEN_WITHOUT_SHAPE.get(part) or self.shapes.of(part).columns)
        return tuple(found)

    def _said(self, part: str, given: Frame) -> tuple[Any, Numbers]:
        return self.parts[part], self.shapes.matrix(part, given)


class ChanceLearner(Learner):
    """The chance of something that happens or not."""

    CANDIDATES = (BASE, RFM, SHORT, LINEAR, TREES, BLEND)
    MADE_OF: ClassVar[Mapping[str, tuple[str, ...]]] = {BLEND: (LINEAR, TREES)}

    @classmethod
    def _can_be_learned(cls, found: Floats) -> bool:
        return len(found) > 0 and bool(found.min() < found.max())

    @classmethod
    def candidates(cls, found: Floats) -> tuple[str, ...]:
        """Those that so many outcomes can carry, from the simplest to the most flexible."""
        rare = float(np.minimum(found.sum(), len(found) - found.sum()))
        enough = len(found) >= LEAST_FOR_TREES and rare >= LEAST_RARE_FOR_TREES
        return cls.CANDIDATES if enough else (BASE, RFM, SHORT)

    @classmethod
    def _estimator(cls, part: str, n_rows: int, seed: int) -> Any:
        from sklearn.linear_model import LogisticRegression

        if part == BASE:
            return None
        if part == TREES:
            return _trees("chance", n_rows, seed)
        return scaled(LogisticRegression(C=_STRENGTH[part], solver="newton-cholesky", max_iter=200))

    def predict(self, given: Frame) -> Floats:
        """(n_users,) chances, 0 to 1."""
        if self.candidate == BASE:
            return np.full(len(given), self.facts["base"])
        odds = []
        for part in self.made_of:
            estimator, matrix = self._said(part, given)
            odds.append(logit(estimator.predict_proba(matrix)[:, 1]))
        return calibrated(chance(np.mean(odds, axis=0)), self.facts)


def calibrated(raw: Floats, facts: Mapping[str, float]) -> Floats:
    """Chances after Platt's two numbers, where there are any."""
    if "slope" not in facts:
        return raw
    return chance(facts["offset"] + facts["slope"] * logit(raw))


def calibration(raw: Floats, happened: Floats, halves: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Slope and offset that set chances right, or nothing where they do not help on the other half.

    Args:
        raw: Chances on a window that the model was not fitted to.
        happened: 0 or 1.
        halves: Which of two halves of the users each row belongs to.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    if halves.all() or not halves.any():
        return {}
    gain = 0.0
    for half in (halves, ~halves):
        fitted = _platt(raw[half], happened[half])
        if not fitted:
            return {}
        gain += float((log_loss(raw[~half], happened[~half])
                       - log_loss(calibrated(raw[~half], fitted), happened[~half])).sum())  # fmt: skip
    return _platt(raw, happened) if gain > 0 else {}


def _platt(raw: Floats, happened: Floats) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression

    odds = logit(raw)
    if happened.min() == happened.max() or float(odds.std()) < 1e-6:
        return {}
    fitted = LogisticRegression(C=1e6, solver="newton-cholesky").fit(odds[:, None], happened)
    slope = float(fitted.coef_[0, 0])
    return {"slope": slope, "offset": float(fitted.intercept_[0])} if slope > 0 else {}


def log_loss(chances: Floats, happened: Floats) -> Floats:
    """Per row: minus the logarithm of the chance that was given to what happened."""
    kept = np.clip(chances, _LEAST, _MOST)
    return np.asarray(-np.log(np.where(happened > 0, kept, 1.0 - kept)), np.float64)


def simplest(errors: Mapping[str, Floats]) -> str:
    """The simplest candidate that errs no more than the best one by more than the difference is sure of.

    The base rate, which puts nobody above anybody, is taken only where nothing errs less.

    Args:
        errors: Candidate -> (n_users,) mean error of each user; from the simplest to the most flexible.

    Source: the one-standard-error rule; Breiman, Friedman, Olshen, Stone, "Classification and Regression
    Trees", 1984, section 3.4.3.
    """
    best = min(errors, key=lambda name: float(errors[name].mean()))
    for name, each in errors.items():
        worse = each - errors[best]
        if name != BASE and float(worse.mean()) <= float(worse.std()) / np.sqrt(len(worse)):
            return name if best != BASE else BASE
    return best


class AmountLearner(Learner):
    """An amount of money, at least 0."""

    CANDIDATES = (BASE, RFM, AGAIN, TREES, LOGS, BLEND, MIXED)
    MADE_OF: ClassVar[Mapping[str, tuple[str, ...]]] = {
        BLEND: (TREES, AGAIN, BGNBD),
        MIXED: (TREES, LOGS, AGAIN, BGNBD),
    }

    @classmethod
    def _estimator(cls, part: str, n_rows: int, seed: int) -> Any:
        from sklearn.linear_model import Ridge

        if part == RFM:
            return scaled(Ridge())
        return _trees("amount", n_rows, seed) if part in (TREES, LOGS) else None

    @classmethod
    def _goal(cls, part: str, found: Floats) -> Floats:
        # Roots and logarithms keep a few large buyers from deciding everything.
        paid = np.maximum(found, 0.0)
        return np.sqrt(paid) if part == TREES else np.log1p(paid)

    @classmethod
    def _more_facts(cls, part: str, estimator: Any, matrix: Numbers, found: Floats) -> dict[str, float]:
        if part != RFM:
            return {}
        # What a logarithm's mean is short of the amounts' mean (Duan, "Smearing estimate", JASA 78, 1983).
        fitted = np.maximum(np.expm1(estimator.predict(matrix)), 0.0)
        return {"smearing": float(np.maximum(found, 0.0).sum() / max(float(fitted.sum()), 1e-9))}

    def predict(self, given: Frame) -> Floats:
        """(n_users,) amounts."""
        if self.candidate == BASE:
            return np.full(len(given), max(self.facts["base"], 0.0))
        amounts = [self._amount(part, given) for part in self.made_of]
        said = [one for one in amounts if one is not None]
        return np.mean(said, axis=0) if said else np.zeros(len(given))

    def _amount(self, part: str, given: Frame) -> Floats | None:
        """One part's amounts; None where BG/NBD could not be fitted."""
        if part == AGAIN:
            short = AHEAD_DAYS / min(AHEAD_DAYS, max(given.span_days, 1.0))
            return np.maximum(np.nan_to_num(given.columns["money_84"]).astype(np.float64), 0.0) * short
        if part == BGNBD:
            column = given.columns.get("bgnbd_money_12w")
            return None if column is None else np.nan_to_num(column).astype(np.float64)
        estimator, matrix = self._said(part, given)
        found = np.asarray(estimator.predict(matrix), np.float64)
        amounts = np.maximum(found, 0.0) ** 2 if part == TREES else np.maximum(np.expm1(found), 0.0)
        return amounts * (self.facts["smearing"] if part == RFM else 1.0)


class WaitLearner(Learner):
    """Days until something, cut at `AHEAD_DAYS`: the median, so that the cut does not matter below it."""

    CANDIDATES = (BASE, GAP, TREES)

    @classmethod
    def _base(cls, found: Floats) -> float:
        return float(np.median(found)) if len(found) else 0.0

    @classmethod
    def _estimator(cls, part: str, n_rows: int, seed: int) -> Any:
        return _trees("days", n_rows, seed, loss="quantile", quantile=0.5) if part == TREES else None

    def predict(self, given: Frame) -> Floats:
        """(n_users,) days, 0 to `AHEAD_DAYS`."""
        if self.candidate == BASE:
            return np.full(len(given), self.facts["base"])
        if self.candidate == GAP:
            return own_gap(given, self.facts["base"])
        estimator, matrix = self._said(TREES, given)
        return np.clip(np.asarray(estimator.predict(matrix), np.float64), 0.0, AHEAD_DAYS)


def own_gap(given: Frame, otherwise: float) -> Floats:
    """What a person would guess: a mean gap after the last purchase, or from now where that is past."""
    gap = given.columns["late_gap"].astype(np.float64)
    ago = np.nan_to_num(given.columns["bought_ago"].astype(np.float64))
    left = np.where(ago <= gap, gap - ago, gap)
    return np.clip(np.where(np.isnan(gap), otherwise, left), 0.0, AHEAD_DAYS)


@dataclass
class Bounds:
    """A lower and an upper bound of an amount or a wait, widened until they held on a later window.

    Attributes:
        shape: Of all features.
        low: Quantile model of the lower bound.
        high: Of the upper one.
        margin: Added on both sides, on the scale of logarithms.

    Source: Romano, Patterson, Candès, "Conformalized Quantile Regression", NeurIPS 2019.
    """

    shape: Shape
    low: Any
    high: Any
    margin: float = 0.0

    @classmethod
    def fit(cls, shape: Shape, frames: Sequence[Frame], found: Floats, *, seed: int) -> Bounds:
        """Fit both quantiles."""
        matrix = np.concatenate([shape.trees(one) for one in frames])
        squeezed = np.log1p(np.maximum(found, 0.0))
        ends = [
            _trees(
                "bound", len(matrix), seed, loss="quantile", quantile=quantile
            ).fit(matrix, squeezed)
            for quantile in ((1 - INNER) / 2, (1 + INNER) / 2)
        ]  # fmt: skip
        return cls(shape, *ends)

    def _ends(self, given: Frame) -> tuple[Floats, Floats]:
        matrix = self.shape.trees(given)
        return self.low.predict(matrix), self.high.predict(matrix)

    def widen(self, given: Frame, found: Floats) -> None:
        """Set the margin so that `INNER` of these users, whom the fit did not see, lie inside."""
        low, high = self._ends(given)
        squeezed = np.log1p(np.maximum(found, 0.0))
        n = len(found)
        missed = np.maximum(low - squeezed, squeezed - high)
        self.margin = float(np.quantile(missed, min(INNER * (n + 1) / n, 1.0)) if n else 0.0)

    def predict(self, given: Frame, score: Floats, most: float | None = None) -> tuple[Floats, Floats]:
        """(n_users,) lower and upper bounds, the score between them."""
        low, high = self._ends(given)
        lower = np.maximum(np.expm1(low - self.margin), 0.0)
        upper = np.maximum(np.expm1(high + self.margin), 0.0)
        if most is not None:
            upper, lower = np.minimum(upper, most), np.minimum(lower, most)
        return np.minimum(lower, score), np.maximum(upper, score)
