"""One target of users: choose a candidate on the past, judge it on the test windows, fit what is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from persmark.profiles.predict import judge
from persmark.profiles.predict.activity import said
from persmark.profiles.predict.features import Frame
from persmark.profiles.predict.learners import (
    AGAIN,
    BASE,
    GAP,
    RFM,
    AmountLearner,
    Bounds,
    ChanceLearner,
    Floats,
    Learner,
    Shapes,
    WaitLearner,
    calibration,
    log_loss,
    simplest,
)
from persmark.profiles.predict.material import Sample, Split, halves, split
from persmark.profiles.predict.targets import AHEAD_DAYS, AMOUNT, CHANCE, DAYS
from persmark.profiles.predict.windows import Plan
from persmark.text import Text, text

# The fewest users of each outcome in the past windows that a chance is learned from.
LEAST_OUTCOMES = 10
# The fewest users an amount or a wait is learned from, and anything is judged on.
LEAST_USERS = 20

_KINDS: Mapping[str, type[Learner]] = {CHANCE: ChanceLearner, AMOUNT: AmountLearner, DAYS: WaitLearner}
_OTHERS: Mapping[str, tuple[str, ...]] = {CHANCE: (BASE, RFM), AMOUNT: (BASE, RFM, AGAIN), DAYS: (BASE, GAP)}


@dataclass
class Made:
    """A target that was learned and judged.

    Attributes:
        learner: What serves.
        bounds: Of amounts and waits.
        result: The judgement, as it stands in the report.
    """

    learner: Learner
    bounds: Bounds | None
    result: dict[str, Any]


def too_little(kind: str, past: Sequence[Sample], tests: Sequence[Sample]) -> Text | None:
    """Why a target is refused, in words; None where there is enough to learn from and to judge by."""
    n_past, n_test = sum(map(len, past)), sum(map(len, tests))
    if n_past < LEAST_USERS or n_test < LEAST_USERS:
        return text(
            "It needs {least} users to learn from and {least} to be judged by; there are {n} and {m}.",
            least=LEAST_USERS, n=n_past, m=n_test,
        )  # fmt: skip
    if kind == CHANCE:
        happened = int(sum(one.found.sum() for one in past))
        rarer = min(happened, n_past - happened)
        if rarer < LEAST_OUTCOMES:
            return text(
                "In the past windows {n} of {m} did it; at least {least} must have done it and {least} not.",
                n=happened, m=n_past, least=LEAST_OUTCOMES,
            )  # fmt: skip
        tested = int(sum(one.found.sum() for one in tests))
        if not 0 < tested < n_test:
            return text("In the test window {n} of {m} did it: there is nothing to tell apart.",
                        n=tested, m=n_test)  # fmt: skip
    return None


def _fit(
    kind: str, candidates: Sequence[str], shapes: Shapes, samples: Sequence[Sample], seed: int
) -> dict[str, Learner]:
    found = np.concatenate([one.found for one in samples])
    return dict(
        _KINDS[kind].fit(candidates, shapes, [one.frame for one in samples], found, seed=seed).items()
    )


def _shapes(samples: Sequence[Sample]) -> Shapes:
    return Shapes.of_frames([one.frame for one in samples])


def _losses(kind: str, scores: Floats, found: Floats) -> Floats:
    return log_loss(scores, found) if kind == CHANCE else np.abs(scores - found)


def _choose(
    kind: str, parted: Split, seed: int
) -> tuple[str, dict[str, float], dict[str, float], Bounds | None]:
    """The candidate that errs least where it was not fitted, everybody's error, and what is set there."""
    shapes = _shapes(parted.fit)
    learned = np.concatenate([one.found for one in parted.fit])
    fitted = _fit(kind, _KINDS[kind].candidates(learned), shapes, parted.fit, seed)
    scores = {name: learner.predict(parted.choose.frame) for name, learner in fitted.items()}
    losses = {name: _losses(kind, score, parted.choose.found) for name, score in scores.items()}
    errors = {name: float(loss.mean()) for name, loss in losses.items()}
    best = simplest(losses) if kind == CHANCE else min(errors, key=errors.__getitem__)
    if kind == CHANCE:
        rows = halves(parted.choose.frame.users)
        facts = calibration(scores[best], parted.choose.found, rows) if best != BASE else {}
        return best, errors, facts, None
    bounds = Bounds.fit(shapes.whole, [one.frame for one in parted.fit],
                        np.concatenate([one.found for one in parted.fit]), seed=seed)  # fmt: skip
    bounds.widen(parted.choose.frame, parted.choose.found)
    return best, errors, {}, bounds


def learn(
    target: str,
    kind: str,
    plan: Plan,
    samples: Mapping[datetime, Sample],
    *,
    seed: int,
) -> Made:
    """Choose, judge, and fit what serves.

    Args:
        target: Its name.
        kind: chance, amount or days.
        plan: Its moments.
        samples: Of all of them.
        seed: Of all that is drawn.
    """
    past = [samples[moment] for moment in plan.past]
    tests = [samples[moment] for moment in plan.tests]
    best, errors, facts, bounds = _choose(kind, split(plan, dict(samples)), seed)
    shapes = _shapes(past)
    found = np.concatenate([one.found for one in tests])
    users = np.concatenate([one.frame.users for one in tests])
    fitted = _fit(kind, tuple(dict.fromkeys((best, *_OTHERS[kind]))), shapes, past, seed)
    ours = replace(fitted[best], facts={**fitted[best].facts, **facts})
    scores = {judge.OURS: np.concatenate([ours.predict(one.frame) for one in tests])}
    for name in _OTHERS[kind]:
        scores[name] = np.concatenate([fitted[name].predict(one.frame) for one in tests])
    activity = [said(target, one.frame) for one in tests]
    if all(one is not None for one in activity):
        scores["bgnbd"] = np.concatenate([one for one in activity if one is not None])
    judged = {CHANCE: judge.judge_chances, AMOUNT: judge.judge_amounts, DAYS: judge.judge_waits}[kind](
        users, found, scores, seed=seed
    )
    result = {"target": target, "kind": kind, "candidate": best, "errors": errors, "facts": facts, **judged,
              "n_past": sum(map(len, past)), "n_past_windows": len(past)}  # fmt: skip
    most = float(AHEAD_DAYS) if kind == DAYS else None
    if bounds is not None:
        margin = bounds.margin
        tried = Bounds.fit(shapes.whole, [one.frame for one in past],
                           np.concatenate([one.found for one in past]), seed=seed)  # fmt: skip
        tried.margin = margin
        ends = [
            tried.predict(one.frame, np.zeros(len(one)) + _middle(tried, one.frame), most) for one in tests
        ]
        result["inside"] = judge.inside(
            users, found, np.concatenate([low for low, _ in ends]),
            np.concatenate([high for _, high in ends]), seed=seed,
        )  # fmt: skip
    serving = [samples[moment] for moment in plan.serving]
    shapes = _shapes(serving)
    learner = _fit(kind, (best,), shapes, serving, seed)[best]
    learner.facts |= facts
    if bounds is not None:
        bounds = Bounds.fit(shapes.whole, [one.frame for one in serving],
                            np.concatenate([one.found for one in serving]), seed=seed)  # fmt: skip
        bounds.margin = margin
    return Made(learner, bounds, result)


def _middle(bounds: Bounds, given: Frame) -> Floats:
    """A point between the bounds, so that the bounds alone are judged and not stretched to a score."""
    matrix = bounds.shape.trees(given)
    found: Floats = np.expm1((bounds.low.predict(matrix) + bounds.high.predict(matrix)) / 2)
    return found
