"""`blend`: the mixture of other recommenders that past moments speak for.

Each component names candidates and says two things of each: its score, standardised within the user,
and minus the logarithm of its rank. The mixture is a sum of these with weights of at least 0, found by
coordinate search on a moment that the components had not seen: the pairs that were set aside for the
training, or else the latest window of its own events. Then every component is trained once more on
everything. A component with no weight is left out of the serving.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from persmark.recommend import nested
from persmark.recommend.candidates import Candidates, find_candidates
from persmark.recommend.contract import Reason, Recommender, Scores
from persmark.recommend.interactions import Interactions
from persmark.recommend.judged import Figures, Judge
from persmark.recommend.lesson import Lesson
from persmark.recommend.moments import Moment, calendar, fitting_days, set_aside
from persmark.recommend.options import Settings, option
from persmark.recommend.popular import HALF_LIFE_DAYS, Popularity
from persmark.recommend.saved import Saved
from persmark.text import text

Floats = npt.NDArray[np.float64]

# Rounds of the coordinate search, the steps that a weight is tried at, and what counts as better.
ROUNDS = 4
STEPS = (0.0, 0.5, 0.8, 1.25, 2.0, 4.0)
FIRST = 0.1
BETTER = 1e-5
AUTO = "auto"
# From this share of returns on, what users do next is mostly a matter of habit.
HABITUAL = 0.1
COUNTED = ("repeat", "markov", "popular", "graph", "ease")


@dataclass(frozen=True)
class BlendSettings(Settings):
    """Settings of `blend`."""

    components: str = option(
        AUTO, about="Recommenders that are mixed, divided by blanks; auto chooses by how often users return"
    )
    n_own: int = option(
        200, about="Own items that a component may name", unit="items of a user", low=1, high=5000
    )
    n_fresh: int = option(
        150, about="Other items that a component may name", unit="items of a user", low=1, high=5000
    )
    window_days: float = option(
        28.0, about="Window on which weights are found", unit="days", low=0.01, high=3650
    )
    most_users: int = option(
        3000, about="Users that weights are found on", unit="users", low=10, high=1_000_000
    )
    popular_half_life_days: float = option(
        HALF_LIFE_DAYS,
        about="Half-life of the popularity that fills the slate",
        unit="days",
        low=0.01,
        high=36_500,
    )
    seed: int = option(0, about="Of the draw of users", low=0, high=2**31 - 1)


class Blend(Recommender):
    """A validated mixture of other recommenders."""

    name = "blend"
    settings_type = BlendSettings
    needs_facts = True
    learned = True
    settings: BlendSettings
    popularity: Popularity
    components: Mapping[str, Recommender]
    weights: Mapping[str, tuple[float, float]]  # component -> weight of its score, of its rank
    figures: Mapping[str, Any]

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        chosen = self.settings
        names = components_of(chosen.components, interactions, target=self.target)
        self.popularity = Popularity.of(
            interactions, half_life_days=chosen.popular_half_life_days, target=self.target
        )
        moment = self._moment(interactions, lesson)
        if moment is None:
            # Nothing to weigh by: the first one alone.
            self.weights = {names[0]: (1.0, 0.0)}
            self.figures = {}
            self.components = self._trained(interactions, names[:1], lesson, 0.0, 1.0)
            return
        apart = self._trained(moment.known, names, lesson, 0.0, 0.45)
        found = find_candidates(apart, moment.known.users(moment.users), n_own=chosen.n_own,
                                n_fresh=chosen.n_fresh, target=self.target)  # fmt: skip
        self.weights, self.figures = weighed(
            names, found, Judge.of(moment, found, target=self.target), lesson
        )
        if lesson.validation is not None:
            # What was set aside is in nobody's training: the components stand as they are.
            self.components = {name: apart[name] for name in self.weights}
        else:
            self.components = self._trained(interactions, tuple(self.weights), lesson, 0.5, 0.5)
        lesson.on_progress(1.0, text("The mixture is found"))

    def _moment(self, interactions: Interactions, lesson: Lesson) -> Moment | None:
        if lesson.validation is not None:
            return set_aside(interactions, lesson.validation)
        chosen = self.settings
        days = fitting_days(interactions, chosen.window_days)
        return next(
            calendar(interactions, window_days=days, step_days=days, n=1,
                     target=self.target, most_users=chosen.most_users, seed=chosen.seed),
            None,
        )  # fmt: skip

    def _trained(self, known: Interactions, names: tuple[str, ...], lesson: Lesson, start: float,
                 share: float) -> dict[str, Recommender]:  # fmt: skip
        found: dict[str, Recommender] = {}
        for place, name in enumerate(names):
            at = start + share * place / len(names)
            lesson.on_progress(at, text("Training {name}", name=name))
            found[name] = nested.kind_of(name).train(known, validation=lesson.validation)
        return found

    def _candidates(self, known: Interactions) -> Candidates:
        chosen = self.settings
        return find_candidates(
            self.components, known, n_own=chosen.n_own, n_fresh=chosen.n_fresh, target=self.target
        )

    def _score(self, histories: Interactions) -> Scores:
        scores = np.tile(self.popularity.tail, (histories.n_users, 1))
        found = self._candidates(histories)
        value = found.said @ _signed(np.array([self.weights[name] for name in self.components]).ravel())
        least = np.full(histories.n_users, np.inf)
        np.minimum.at(least, found.row, value)
        active = np.diff(histories.starts) > 0
        shown = active[found.row]
        row, item = found.row[shown], found.item[shown]
        # From 0 up: candidates stay above what popularity alone placed.
        scores[row, item] = (value[shown] - least[row]).astype(np.float32)
        return scores

    def _filled(self, histories: Interactions, values: Scores) -> npt.NDArray[np.bool_]:
        return values < 0

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        found = self._candidates(history)
        at = np.flatnonzero(found.item == item)
        if not len(at) or not len(history):
            return self.popularity.reason(item)
        signed = _signed(np.array([self.weights[name] for name in self.components]).ravel())
        part = (found.said[at[0]] - found.said.mean(axis=0)) * signed
        spoke = part.reshape(-1, 2).sum(axis=1)
        return list(self.components.values())[int(spoke.argmax())]._reason(history, item, titles)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return self.popularity.arrays() | nested.arrays_of(self.components)

    def _facts(self) -> dict[str, Any]:
        return {
            "components": nested.facts_of(self.components),
            "weights": {name: list(pair) for name, pair in self.weights.items()},
            "figures": dict(self.figures),
        }

    def _restore(self, held: Saved) -> None:
        self.popularity = Popularity.restored(held)
        self.components = nested.restored(held.facts["components"], held, self.item_ids)
        self.weights = {name: (float(of[0]), float(of[1])) for name, of in held.facts["weights"].items()}
        self.figures = dict(held.facts["figures"])


def components_of(wanted: str, interactions: Interactions, *, target: str) -> tuple[str, ...]:
    """The names of the components.

    Where they are not given: all that are counted, and one that is learned. That is `ranker`, which
    knows habits and whether they are due, where users return to their own items, and `self_attention`,
    which knows what follows what, where they do not.

    Raises:
        NotFoundError: One is unknown.
    """
    from persmark.recommend.registry import RECOMMENDERS

    if wanted.strip() != AUTO:
        return nested.names_of(wanted)
    at = interactions.typed(target)
    cells = interactions.user[at].astype(np.int64) * interactions.n_items + interactions.item[at]
    returns = 1 - len(np.unique(cells)) / max(len(cells), 1)
    learned = "ranker" if returns >= HABITUAL else "self_attention"
    return tuple(name for name in (*COUNTED, learned) if name in RECOMMENDERS)


def _signed(weights: Floats) -> Floats:
    """Weights of the columns of `Candidates.said`: a higher score is better, a lower rank is."""
    sign = np.ones(len(weights))
    sign[1::2] = -1
    return weights * sign


def weighed(
    names: tuple[str, ...], found: Candidates, judge: Judge, lesson: Lesson
) -> tuple[dict[str, tuple[float, float]], dict[str, Any]]:
    """The weights that order the candidates best, and what they and each component alone reach.

    Both figures count alike, each against the best that one component has: with all items ranked, and
    with the bought ones removed; only the second where the training is asked for that.

    Args:
        names: Of the components, in the order of the columns.
        found: Candidates of the moment.
        judge: Its answers.
        lesson: Who watches, and what is asked for.
    """
    alone = {name: judge(found.said[:, 2 * place]) for place, name in enumerate(names)}
    bars = judge.best_of([found.said[:, 2 * place] for place in range(len(names))])
    only_new = lesson.validation is not None and lesson.validation.exclude_seen

    def value(figures: Figures) -> float:
        new = figures.removed / bars.removed
        return new if only_new else (figures.allowed / bars.allowed + new) / 2

    def of(weights: Floats) -> float:
        return value(judge((found.said @ _signed(weights)).astype(np.float32)))

    start = max(range(len(names)), key=lambda place: value(alone[names[place]]))
    first = np.zeros(2 * len(names))
    first[2 * start] = 1.0
    best = climbed(first, of, lesson.on_point)
    kept = {
        name: (float(best[2 * place]), float(best[2 * place + 1]))
        for place, name in enumerate(names)
        if best[2 * place] > 0 or best[2 * place + 1] > 0
    }
    mixed = judge((found.said @ _signed(best)).astype(np.float32))
    figures = {
        "alone": {name: {"ndcg": one.allowed, "ndcg_removed": one.removed} for name, one in alone.items()},
        "blend": {"ndcg": mixed.allowed, "ndcg_removed": mixed.removed},
        "n_users": found.n_users,
    }
    return kept, figures


def climbed(
    first: Floats, value: Callable[[Floats], float], on_point: Callable[[Mapping[str, float]], None]
) -> Floats:
    """Weights at which no step of one of them helps, or after `ROUNDS` rounds.

    Args:
        first: Where to start.
        value: Higher is better.
        on_point: Called with each round's value.
    """
    best, reached = first.copy(), value(first)
    for round_ in range(1, ROUNDS + 1):
        before = reached
        for place in range(len(best)):
            held = best[place]
            for step in STEPS:
                tried = best.copy()
                tried[place] = held * step if held > 0 else FIRST * step
                if tried[place] == best[place] or not tried.any():
                    continue
                got = value(tried)
                if got > reached + BETTER:
                    best, reached = tried, got
        on_point({"epoch": round_, "validation_ndcg": reached})
        if reached <= before + BETTER:
            break
    return best
