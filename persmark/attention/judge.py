"""Whether a model's attention weights say why: measured on this model, on a sample of its users.

For each user the model's own first item is explained. Attention is one order of the user's events
among others: random draws, newest first, most popular item first, and the weights of the same model
with its attention parameters permuted. Weights are called validated only where removing what they
point to costs the item more probability than every one of these controls, and where few of the
heaviest events turn out to speak against the item.

Recency is the control to beat: attention falls with age, and so does what an event is worth.

Source: Jain, Wallace, "Attention is not explanation", NAACL 2019; Wiegreffe, Pinter, "Attention is not
not explanation", EMNLP 2019 (controls); Serrano, Smith, "Is attention interpretable?", ACL 2019
(decision flips); Liu et al., "Rethinking attention-model explainability through faithfulness
violation test", ICML 2022 (violations). The thresholds are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from persmark import metrics
from persmark.attention import faithfulness as faith
from persmark.attention.integrated import STEPS, integrated_gradients
from persmark.attention.part import events_of
from persmark.errors import EmptyError
from persmark.recommend.explained import Explained
from persmark.text import Text, text

Floats = npt.NDArray[np.float64]

ATTENTION, OCCLUSION, GRADIENTS = "attention", "occlusion", "integrated gradients"
RANDOM, RECENCY, POPULARITY, SHUFFLED = "random", "recency", "popularity", "shuffled weights"
CONTROLS = (RANDOM, RECENCY, POPULARITY, SHUFFLED)
SEEDS = (0, 1, 2)
RANDOM_DRAWS = 100
HEAVIEST = 5
MOST_VIOLATIONS = 0.2
# Gradients ask the model for each event at each step of the path: a part of the users is enough.
GRADIENT_USERS = 30
# With fewer events there is no order to speak of.
LEAST_EVENTS = 5


@dataclass(frozen=True, eq=False)
class Case:
    """One user of the sample.

    Args:
        explained: The model bound to their history.
        popularity: (n_events,) how much in demand the item of each looked-at event is.
    """

    explained: Explained
    popularity: Floats


@dataclass(frozen=True)
class OrderFigures:
    """Means over users of one order, with the interval of the first."""

    order: str
    n_users: int
    comprehensiveness: float
    comprehensiveness_low: float
    comprehensiveness_high: float
    sufficiency: float
    deletion: float
    insertion: float


@dataclass(frozen=True)
class Difference:
    """Attention's comprehensiveness minus a control's, over the same users: 95% bootstrap interval."""

    control: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau of the weights with another attribution, over users: median and quartiles."""

    other: str
    n_users: int
    median: float
    low_quartile: float
    high_quartile: float


@dataclass(frozen=True)
class Judged:
    """What the weights of one model are worth.

    Args:
        n_users: Users measured.
        n_short: Users passed over for having fewer than `LEAST_EVENTS` events.
        orders: Attention, occlusion, integrated gradients and the controls.
        differences: Against each control.
        violation_rate: Share of the `HEAVIEST` units that do not speak for the item; mean over users.
        violation_low: Of its 95% interval.
        violation_high: Of its 95% interval.
        flip_attention: Share of users whose first item changes without their heaviest unit.
        flip_random: The same without a random unit.
        until_flip: Mean share of the units that must go, heaviest first, until it changes.
        agreements: With |occlusion| and |integrated gradients|.
        completeness_error: Median over users, relative.
        steps: Nodes of the integrated gradients.
        validated: Whether the weights may be read as reasons.
        aggregation: How heads and layers became one weight.
    """

    n_users: int
    n_short: int
    orders: tuple[OrderFigures, ...]
    differences: tuple[Difference, ...]
    violation_rate: float
    violation_low: float
    violation_high: float
    flip_attention: float
    flip_random: float
    until_flip: float
    agreements: tuple[Agreement, ...]
    completeness_error: float
    steps: int
    validated: bool
    aggregation: str

    @property
    def lost_to(self) -> tuple[str, ...]:
        """The controls that attention is not shown to beat."""
        return tuple(one.control for one in self.differences if not one.low > 0)

    @property
    def said(self) -> Text:
        """The verdict in plain words."""
        if self.validated:
            return text(
                "Weights validated: taking away what this model looked at costs its recommendation more than "
                "taking away random, recent or popular events ({n} users).",
                n=self.n_users,
            )
        if self.lost_to:
            return text(
                "Where the model looked, not why: taking away what it looked at costs its recommendation no "
                "more than going by {controls} ({n} users). Read the bars of what changes the score instead.",
                controls=" or ".join(_WORDS[name] for name in self.lost_to),
                n=self.n_users,
            )
        return text(
            "Where the model looked, not why: {share}% of the events it looked at most do not speak for the "
            "item ({n} users). Read the bars of what changes the score instead.",
            share=round(100 * self.violation_rate),
            n=self.n_users,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the file beside the model."""
        return asdict(self)

    @classmethod
    def of(cls, held: dict[str, Any]) -> Self:
        """What `to_json` gave."""
        return cls(
            **held
            | {
                "orders": tuple(OrderFigures(**one) for one in held["orders"]),
                "differences": tuple(Difference(**one) for one in held["differences"]),
                "agreements": tuple(Agreement(**one) for one in held["agreements"]),
            }
        )


_WORDS = {
    RANDOM: "chance", RECENCY: "recency alone", POPULARITY: "popularity alone",
    SHUFFLED: "weights that learned nothing",
}  # fmt: skip


def judge(
    cases: Iterable[Case],
    *,
    on_user: Callable[[int], None] | None = None,
    enough: Callable[[int], bool] | None = None,
    draws: int = RANDOM_DRAWS,
    steps: int = STEPS,
    seed: int = 0,
    weights_of: Callable[[Explained, int], Floats] | None = None,
) -> Judged:
    """Measure attention against occlusion, gradients and the controls.

    Args:
        cases: The sample of users, one after the other.
        on_user: Called with the number of users done.
        enough: Asked after each user, with the number measured, whether to stop there.
        draws: Random orders of a user, over all of `SEEDS`.
        steps: Nodes of the integrated gradients.
        seed: Of the bootstrap.
        weights_of: What is judged as attention in place of the model's own weights, given the model
            and the item: for checks of the judgement itself.

    Raises:
        EmptyError: No user has enough events.
    """
    users: list[_User] = []
    n_short = 0
    aggregation = ""
    for number, case in enumerate(cases):
        if case.explained.n_events < LEAST_EVENTS:
            n_short += 1
        else:
            aggregation = case.explained.aggregation
            with_gradients = len(users) < GRADIENT_USERS
            users.append(
                _measure(
                    case, number, draws=draws, steps=steps if with_gradients else 0, weights_of=weights_of
                )
            )
        if on_user:
            on_user(number + 1)
        if enough and enough(len(users)):
            break
    if not users:
        raise EmptyError(
            text("Judging attention needs users with at least {n} events. Received: none.", n=LEAST_EVENTS),
            title="Too little history",
            hint="Load more events, then train again.",
        )
    return _together(users, n_short, aggregation, steps=steps, seed=seed)


@dataclass(frozen=True, eq=False)
class _User:
    figures: dict[str, faith.Faithfulness]
    comprehensiveness: dict[str, float]
    violation: float
    flip_attention: float
    flip_random: float
    until_flip: float
    tau_occlusion: float
    tau_gradients: float
    completeness_error: float


def _measure(
    case: Case,
    number: int,
    *,
    draws: int,
    steps: int,
    weights_of: Callable[[Explained, int], Floats] | None,
) -> _User:
    part = events_of(case.explained)
    n = part.n_units
    item = int(part.scores(np.ones((1, n), np.float32))[0].argmax())
    asked = np.array([item])
    weights = weights_of(part, item) if weights_of else np.asarray(part.weights(asked)[0], np.float64)
    effects = np.asarray(faith.occlusion(part)[:, item], np.float64)
    gradients = integrated_gradients(part, item, steps=steps) if steps else None
    orders = {
        ATTENTION: faith.order_of(weights),
        OCCLUSION: faith.order_of(effects),
        RECENCY: np.arange(n)[::-1].astype(np.int64),
        POPULARITY: faith.order_of(case.popularity),
    }
    if gradients is not None:
        orders[GRADIENTS] = faith.order_of(gradients.values)
    drawn, shuffled = [], []
    for seed in SEEDS:
        rng = np.random.default_rng((seed, number))
        drawn += [rng.permutation(n) for _ in range(max(1, draws // len(SEEDS)))]
        shuffled.append(faith.order_of(np.asarray(part.shuffled(seed).weights(asked)[0], np.float64)))
    figures = {name: faith.faithfulness(part, item, order) for name, order in orders.items()}
    first_drawn = [faith.faithfulness(part, item, order) for order in drawn[:: max(1, len(drawn) // 3)][:3]]
    figures[RANDOM] = _mean(first_drawn)
    figures[SHUFFLED] = _mean([faith.faithfulness(part, item, order) for order in shuffled])
    found = {name: figure.comprehensiveness for name, figure in figures.items()}
    found[RANDOM] = float(faith.comprehensiveness(part, item, np.stack(drawn)).mean())
    units = np.concatenate([[orders[ATTENTION][0]], [order[0] for order in drawn]]).astype(np.int64)
    flipped = faith.flips(part, units)
    return _User(
        figures=figures,
        comprehensiveness=found,
        violation=faith.violations(weights, effects, HEAVIEST),
        flip_attention=float(flipped[0]),
        flip_random=float(flipped[1:].mean()),
        until_flip=faith.removed_until_flip(part, orders[ATTENTION]),
        tau_occlusion=faith.agreement(weights, np.abs(effects)),
        tau_gradients=faith.agreement(weights, np.abs(gradients.values)) if gradients else float("nan"),
        completeness_error=gradients.completeness_error if gradients else float("nan"),
    )


def _mean(figures: list[faith.Faithfulness]) -> faith.Faithfulness:
    return faith.Faithfulness(
        *(
            float(np.mean([getattr(one, name) for one in figures]))
            for name in ("comprehensiveness", "sufficiency", "deletion", "insertion")
        )
    )


def _together(users: list[_User], n_short: int, aggregation: str, *, steps: int, seed: int) -> Judged:
    ours = np.array([user.comprehensiveness[ATTENTION] for user in users])
    orders = []
    for name in (ATTENTION, OCCLUSION, GRADIENTS, *CONTROLS):
        with_it = [user for user in users if name in user.figures]
        values = np.array([user.comprehensiveness[name] for user in with_it])
        interval = metrics.bootstrap_interval(values, seed=seed)
        rest = {
            figure: float(np.mean([getattr(user.figures[name], figure) for user in with_it]))
            for figure in ("sufficiency", "deletion", "insertion")
        }
        figures = OrderFigures(name, len(with_it), interval.mean, interval.low, interval.high, **rest)
        orders.append(figures)
    differences = []
    for name in CONTROLS:
        theirs = np.array([user.comprehensiveness[name] for user in users])
        gap = metrics.paired_difference(ours, theirs, seed=seed)
        differences.append(Difference(name, gap.mean, gap.low, gap.high))
    violation = metrics.bootstrap_interval(np.array([user.violation for user in users]), seed=seed)
    errors = np.array([user.completeness_error for user in users])
    return Judged(
        n_users=len(users),
        n_short=n_short,
        orders=tuple(orders),
        differences=tuple(differences),
        violation_rate=violation.mean,
        violation_low=violation.low,
        violation_high=violation.high,
        flip_attention=float(np.mean([user.flip_attention for user in users])),
        flip_random=float(np.mean([user.flip_random for user in users])),
        until_flip=float(np.mean([user.until_flip for user in users])),
        agreements=(
            _agreement(OCCLUSION, [user.tau_occlusion for user in users]),
            _agreement(GRADIENTS, [user.tau_gradients for user in users]),
        ),
        completeness_error=float(np.nanmedian(errors)) if np.isfinite(errors).any() else float("nan"),
        steps=steps,
        validated=all(one.low > 0 for one in differences) and violation.mean < MOST_VIOLATIONS,
        aggregation=aggregation,
    )


def _agreement(other: str, values: list[float]) -> Agreement:
    known = np.array([value for value in values if np.isfinite(value)])
    if not len(known):
        return Agreement(other, 0, float("nan"), float("nan"), float("nan"))
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    return Agreement(other, len(known), float(middle), float(low), float(high))
