"""Event weights that validation asks for: how much is a view worth beside a purchase, here?

Weights are settings and stay in the user's hands. This tries a few vectors on a window that ends
before the last one, and says what it found. The given weights stay unless others are better beyond
chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from persmark import metrics
from persmark.recommend import split as splits
from persmark.recommend.interactions import Interactions, event_weights, last_second, weights_of
from persmark.recommend.measure import measured
from persmark.recommend.task import ALLOWED, Task
from persmark.store import Reader
from persmark.text import Text, text

# Powers of the given weights, the heaviest being 1: they keep the order, which is common sense, and
# move the sizes, which are not.
POWERS: Mapping[str, float] = {"steeper": 2.0, "flatter": 0.5, "nearly alike": 0.2}
GIVEN, TARGET_ONLY = "as given", "target only"


@dataclass(frozen=True)
class Trial:
    """One vector of weights and what it came to.

    Args:
        name: `as given`, `target only` or one of `POWERS`.
        weights: Event type -> weight.
        ndcg: Mean over users, at k.
        ndcg_interval: Of the mean, 95 %.
        gain_interval: Of the mean difference to the given weights, 95 %, the same users paired.
    """

    name: str
    weights: Mapping[str, float]
    ndcg: float
    ndcg_interval: tuple[float, float]
    gain_interval: tuple[float, float]


@dataclass(frozen=True)
class LearnedWeights:
    """What validation says of event weights.

    Args:
        weights: The chosen ones: event type -> weight; a type left out is not learned from.
        trials: All that were tried, the given ones first.
        n_users: Users that each was judged on; 0 where there was nothing to choose.
        said: The outcome in words.
    """

    weights: Mapping[str, float]
    trials: tuple[Trial, ...]
    n_users: int
    said: Text


def learned_weights(
    reader: Reader,
    *,
    recommender: str = "markov",
    target: str | None = None,
    test_days: int = 28,
    time_zone: str = "UTC",
    before: int | None = None,
    min_item_events: int = 1,
    weights: Mapping[str, float] | None = None,
    seed: int = 0,
) -> LearnedWeights:
    """Try weights on the window before the last one, which stays unseen for the evaluation.

    Args:
        reader: The workspace.
        recommender: What is trained with each; a cheap one.
        target: Event type asked for; purchases where left out, else the heaviest type.
        test_days: Length of that window and of the last one, local days.
        time_zone: Of the local days.
        before: Epoch seconds; the window ends here in place of `test_days` before the end.
        min_item_events: As in the evaluation.
        weights: The given ones; defaults where left out.
        seed: Of the intervals and the draw of users.

    Raises:
        EmptyError: There are too few days, or nobody to be judged on.
    """
    given = dict(event_weights(reader) if weights is None else weights)
    if len(given) < 2:
        return _nothing_to_choose(given)
    if before is None:
        before = splits.local_midnight(last_second(reader), days=test_days, time_zone=time_zone)
    parts = splits.temporal(
        reader,
        weights=given,
        target=target,
        test_days=test_days,
        time_zone=time_zone,
        before=before,
        cut=None,
    )
    return weights_by(parts, recommender=recommender, min_item_events=min_item_events, seed=seed)


def weights_by(
    parts: splits.Split,
    *,
    recommender: str = "markov",
    min_item_events: int = 1,
    k: int = 10,
    max_users: int = 2_000,
    seed: int = 0,
) -> LearnedWeights:
    """`learned_weights` on a split that is made already.

    Args:
        parts: Train and what is asked for, with the given weights.
        recommender: What is trained.
        min_item_events: Target events in training that an item of the catalogue has at least.
        k: Slate length.
        max_users: More are drawn at random.
        seed: Of the draw and the intervals.
    """
    given = weights_of(parts.train)
    if len(given) < 2:
        return _nothing_to_choose(given)
    per_user = {}
    tried = _vectors(given, parts.target)
    for name, vector in tried.items():
        train, histories = _reweighed(parts.train, vector), _reweighed(parts.histories, vector)
        task = Task.of(
            replace(parts, train=train, histories=histories),
            repeats=(ALLOWED,),
            min_item_events=min_item_events,
            max_users=max_users,
            seed=seed,
        )
        # The same users whatever is learned from: those with a history of the target type.
        found = measured(recommender, task, k=k).figures[0]["ndcg"]
        users = task.histories.user_ids[task.questions[0].users]
        per_user[name] = dict(zip(users.tolist(), found.tolist(), strict=True))
    common = sorted(set.intersection(*(set(one) for one in per_user.values())))
    if not common:
        return _nothing_to_choose(given)
    figures = {name: np.array([one[user] for user in common]) for name, one in per_user.items()}
    trials = tuple(_trial(name, tried[name], figures[name], figures[GIVEN], seed) for name in tried)
    better = [one for one in trials if one.gain_interval[0] > 0]
    best = max(better, key=lambda one: one.ndcg) if better else trials[0]
    said = (
        text(
            "Weights '{name}' rank better here: NDCG@{k} {ours}, with the given ones {theirs}"
            " ({n} users of a window before).",
            name=best.name, k=k, ours=round(best.ndcg, 3), theirs=round(trials[0].ndcg, 3), n=len(common),
        )
        if better
        else text("No other weights are better beyond chance ({n} users of a window before).", n=len(common))
    )  # fmt: skip
    return LearnedWeights(best.weights, trials, len(common), said)


def _nothing_to_choose(given: Mapping[str, float]) -> LearnedWeights:
    said = text("There is one kind of event with a weight: nothing to choose.")
    return LearnedWeights(given, (), 0, said)


def _vectors(given: Mapping[str, float], target: str) -> dict[str, dict[str, float]]:
    heaviest = max(given.values())
    made = {GIVEN: dict(given), TARGET_ONLY: {target: given.get(target, 1.0)}}
    for name, power in POWERS.items():
        made[name] = {kind: (weight / heaviest) ** power * heaviest for kind, weight in given.items()}
    return made


def _reweighed(known: Interactions, weights: Mapping[str, float]) -> Interactions:
    weight = np.array([weights.get(name, 0.0) for name in known.event_types], np.float32)[known.event_type]
    return replace(known, weight=weight).rows(weight > 0)


def _trial(
    name: str, weights: Mapping[str, float], ours: metrics.Floats, given: metrics.Floats, seed: int
) -> Trial:
    mean = metrics.bootstrap_interval(ours, seed=seed)
    gain = metrics.paired_difference(ours, given, seed=seed)
    return Trial(name, weights, mean.mean, (mean.low, mean.high), (gain.low, gain.high))
