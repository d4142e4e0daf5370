"""Who is like some users: a ranking of the others, and an honest test of it. Arrays in, arrays out.

The users of a seed are positive, all others unlabelled: some of them are just as alike. A regularised
logistic regression tells the two apart; each unlabelled user is scored by a model that was not fitted
to them as a negative. Source: Elkan, Noto, Learning classifiers from only positive and unlabeled data,
KDD 2008 (a classifier of labelled against unlabelled ranks as one of positive against negative would);
Mordelet, Vert, A bagging SVM to learn from positive and unlabeled examples, 2014, for scoring out of
the fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Columns = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Tell = Callable[[float], None]

SHARES = (0.01, 0.05, 0.10)
HIDDEN_FOLDS, REPEATS = 4, 3
LEVEL = 0.95
RESAMPLES = 2_000
# Rows of one fit; more users than this change such a model no longer.
_FITTED_ON = 10_000
_FOLDS = 5
# Strengths of the regularisation that are tried, on the seed that is not hidden.
_STRENGTHS = (0.003, 0.03, 0.3)
# Below it, a mark for an empty value would speak of a handful of users.
_RARE = 0.01
_FARTHEST = 5.0


@dataclass(frozen=True)
class Recall:
    """How many hidden users of a seed stand in the first part of a ranking.

    Attributes:
        ranking: `likeness`, `rfm` or `random`.
        share: Of the ranking that is looked at, 0 to 1.
        recall: Share of the hidden users found there.
        low: Of its 95% interval (Wilson, over the seed's users).
        high: The upper end.
    """

    ranking: str
    share: float
    recall: float
    low: float
    high: float


@dataclass(frozen=True)
class Lead:
    """By how much the ranking finds more than another one, paired over the seed's users.

    Attributes:
        over: `rfm` or `random`.
        share: Of the ranking that is looked at.
        difference: Recall minus the other's.
        low: Of its 95% bootstrap interval.
        high: The upper end.
    """

    over: str
    share: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Area:
    """How far up the hidden users of a seed stand in a whole ranking.

    Attributes:
        ranking: `likeness` or `rfm`.
        area: Mean share of the others that a hidden user stands above (the area under the curve); 0.5 = in
            any order.
        low: Of its 95% bootstrap interval over the seed's users.
        high: The upper end.
    """

    ranking: str
    area: float
    low: float
    high: float


@dataclass(frozen=True)
class HoldOut:
    """The test of a ranking on users of the seed that it did not know to be in it.

    Attributes:
        n_seed: Users of the seed that took part.
        n_others: Users beside the seed.
        n_hidden: Hidden at a time.
        repeats: How often each of the seed was hidden.
        recalls: By ranking and share.
        leads: Over the other rankings.
        areas: By ranking.
    """

    n_seed: int
    n_others: int
    n_hidden: int
    repeats: int
    recalls: tuple[Recall, ...]
    leads: tuple[Lead, ...]
    areas: tuple[Area, ...]

    def area_of(self, ranking: str) -> Area | None:
        """The entry of that ranking, None without."""
        return next((one for one in self.areas if one.ranking == ranking), None)

    def recall_at(self, ranking: str, share: float) -> Recall | None:
        """The entry of that ranking, None without."""
        found = (one for one in self.recalls if one.ranking == ranking and one.share == share)
        return next(found, None)

    def lead_over(self, over: str, share: float) -> Lead | None:
        """The entry of that comparison, None without."""
        return next((one for one in self.leads if one.over == over and one.share == share), None)


def prepared(values: npt.NDArray[Any]) -> Columns:
    """(n, d') columns for a linear model: standardised, medians for what is empty, with marks of that.

    What lies past five standard deviations counts as five.
    """
    columns = []
    marks: dict[bytes, Columns] = {}
    for column in values.T:
        empty = np.isnan(column)
        if empty.all():
            continue
        columns.append(_standardised(np.where(empty, np.nanmedian(column), column)))
        # Measures that are empty for the same users share one mark.
        if empty.mean() > _RARE:
            marks.setdefault(np.packbits(empty).tobytes(), _standardised(empty.astype(np.float64)))
    return np.column_stack([*columns, *marks.values()])


def _standardised(column: npt.NDArray[Any]) -> Columns:
    sd = column.std(dtype=np.float64)
    scaled = (column - column.mean(dtype=np.float64)) / (sd if sd > 1e-9 else 1.0)
    cut: Columns = np.clip(scaled, -_FARTHEST, _FARTHEST).astype(np.float32)
    return cut


def _model(columns: Columns, labels: Mask, strength: float) -> tuple[Floats, float]:
    """Coefficients and offset; both labels weigh the same in all."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=strength, class_weight="balanced", max_iter=300).fit(columns, labels)
    return fitted.coef_[0], float(fitted.intercept_[0])


def _strength(columns: Columns, labels: Mask, rng: np.random.Generator) -> float:
    """The regularisation that ranks left-out rows best (area under the curve, three folds)."""
    fold = _folds(labels, 3, rng)
    found = []
    for strength in _STRENGTHS:
        areas = []
        for left_out in range(3):
            coefficients, _ = _model(columns[fold != left_out], labels[fold != left_out], strength)
            rows = fold == left_out
            nobody, positive = np.zeros(np.count_nonzero(rows), bool), np.flatnonzero(labels[rows])
            areas.append(float(stands_above(columns[rows] @ coefficients, nobody, positive).mean()))
        found.append(float(np.mean(areas)))
    return _STRENGTHS[int(np.argmax(found))]


def _folds(labels: Mask, n_folds: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(n,) a fold for each row, both labels spread evenly."""
    fold = np.empty(len(labels), np.int64)
    for label in (True, False):
        rows = np.flatnonzero(labels == label)
        fold[rows] = rng.permutation(len(rows)) % n_folds
    return fold


def _some(rows: npt.NDArray[np.int64], most: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    return rows if len(rows) <= most else rng.choice(rows, most, replace=False)


def likeness(columns: Columns, seed: Mask, rng: np.random.Generator) -> Floats:
    """(n,) how alike each user is to those of the seed; -inf for these. Higher is more alike.

    Args:
        columns: (n, d) of `prepared`.
        seed: (n,) who is in it: two at least, and two not.
        rng: What folds and samples draw from.
    """
    from threadpoolctl import threadpool_limits

    # Small fits: on a busy machine, threads that wait for each other cost more than they save.
    with threadpool_limits(1):
        return _likeness(columns, seed, rng)


def _likeness(columns: Columns, seed: Mask, rng: np.random.Generator) -> Floats:
    positive = _some(np.flatnonzero(seed), _FITTED_ON, rng)
    others = np.flatnonzero(~seed)
    fitted = np.concatenate([positive, _some(others, _FITTED_ON, rng)])
    strength = _strength(columns[fitted], seed[fitted], rng) if len(positive) >= 6 else _STRENGTHS[0]
    fold = rng.permutation(len(others)) % _FOLDS
    scores = np.full(len(columns), -np.inf)
    for left_out in range(_FOLDS):
        known = _some(others[fold != left_out], _FITTED_ON, rng)
        rows = np.concatenate([positive, known])
        coefficients, offset = _model(columns[rows], seed[rows], strength)
        scored = others[fold == left_out]
        scores[scored] = columns[scored] @ coefficients + offset
    return scores


def found_within(scores: Floats, known: Mask, hidden: npt.NDArray[np.int64], share: float) -> Floats:
    """(n_hidden,) whether each hidden user stands in the first `share` of all who are not known.

    Users of one score are taken in all orders alike, so a part of 1 may come out.
    """
    pool = np.sort(scores[~known])
    n_first = max(1, round(share * len(pool)))
    above = len(pool) - np.searchsorted(pool, scores[hidden], side="right")
    same = len(pool) - np.searchsorted(pool, scores[hidden], side="left") - above
    found: Floats = np.clip(n_first - above, 0, same) / same
    return found


def stands_above(scores: Floats, known: Mask, hidden: npt.NDArray[np.int64]) -> Floats:
    """(n_hidden,) share of the users who are neither known nor hidden that each hidden one stands above.

    One of the same score counts half.
    """
    others = ~known
    others[hidden] = False
    pool = np.sort(scores[others])
    below = np.searchsorted(pool, scores[hidden], side="left")
    not_above = np.searchsorted(pool, scores[hidden], side="right")
    found: Floats = (below + not_above) / (2.0 * len(pool))
    return found


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Source: Wilson, Probable inference, JASA 22, 1927."""
    z = 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)


def hold_out(
    columns: Columns,
    rfm: Columns | None,
    seed: Mask,
    *,
    random_seed: int = 0,
    on_progress: Tell | None = None,
) -> HoldOut:
    """Hide a quarter of the seed among the others, rank them all, and see where the hidden ones stand.

    Each user of the seed is hidden `REPEATS` times, a quarter of the seed at a time. The model is fitted
    as if the hidden ones were like any other user, so nothing of them is known to it.

    Args:
        columns: (n, d) of `prepared`: what likeness is worked out from.
        rfm: The same of recency, frequency and money alone: the ranking to beat, by the same model. None
            where the seed leaves none of them.
        seed: (n,) who is in it; at least eight.
        random_seed: Same seed, same answer.
        on_progress: Told a fraction from 0 to 1.
    """
    rng = np.random.default_rng(random_seed)
    members = np.flatnonzero(seed)
    rankings = {"likeness": columns} | ({} if rfm is None else {"rfm": rfm})
    hits = {(name, share): np.zeros(len(seed)) for name in rankings for share in SHARES}
    above = {name: np.zeros(len(seed)) for name in rankings}
    by_luck = dict.fromkeys(SHARES, 0.0)
    n_others = int((~seed).sum())
    done = 0
    for _ in range(REPEATS):
        fold = rng.permutation(len(members)) % HIDDEN_FOLDS
        for part in range(HIDDEN_FOLDS):
            hidden = members[fold == part]
            known = seed.copy()
            known[hidden] = False
            draws = int(rng.integers(2**31))
            for name, used in rankings.items():
                scores = likeness(used, known, np.random.default_rng(draws))
                above[name][hidden] += stands_above(scores, known, hidden) / REPEATS
                for share in SHARES:
                    hits[name, share][hidden] += found_within(scores, known, hidden, share) / REPEATS
            for share in SHARES:
                n_pool = n_others + len(hidden)
                by_luck[share] += max(1, round(share * n_pool)) / n_pool / (REPEATS * HIDDEN_FOLDS)
            done += 1
            if on_progress:
                on_progress(done / (REPEATS * HIDDEN_FOLDS))
    recalls, leads = [], []
    drawn = rng.integers(0, len(members), (RESAMPLES, len(members)))
    tails = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    for share in SHARES:
        ours = hits["likeness", share][members]
        for name in rankings:
            mean = float(hits[name, share][members].mean())
            recalls.append(Recall(name, share, mean, *_wilson(mean, len(members))))
        recalls.append(Recall("random", share, by_luck[share], by_luck[share], by_luck[share]))
        others = {"random": np.full(len(members), by_luck[share])}
        if rfm is not None:
            others["rfm"] = hits["rfm", share][members]
        for name, theirs in others.items():
            gain = ours - theirs
            low, high = np.quantile(gain[drawn].mean(axis=1), tails)
            leads.append(Lead(name, share, float(gain.mean()), float(low), float(high)))
    areas = []
    for name in rankings:
        stood = above[name][members]
        low, high = np.quantile(stood[drawn].mean(axis=1), tails)
        areas.append(Area(name, float(stood.mean()), float(low), float(high)))
    return HoldOut(
        len(members),
        n_others,
        -(-len(members) // HIDDEN_FOLDS),
        REPEATS,
        tuple(recalls),
        tuple(leads),
        tuple(areas),
    )
