"""`ranker`: candidates by the simple recommenders, put in order by a network that reads their features.

Two stages. The sources (`repeat`, `markov`, ... ) name candidates; a scorer orders them by what is
known of the user, the item and the moment: own habits and whether they are due, the categories, price
level and brands that the user keeps to, offers that run, demand, and the sources' own scores, beside
target attention over the user's latest events and attention over the profile's fields.

It learns from past moments: at each, the sources and the item side are counted from what lay before
it, and what the users came to in the window after it is what should have been ranked high. The latest
of these windows decides when to stop. For serving the sources are counted once more from everything.

What could leak, and does not: events of a window never enter its features, and an offer counts only
where it had begun before the moment, so that mailings of a week that had not begun are not foreseen.
What carries no date - an item's category, brand and list price, a user's attributes - is taken as it
stands today.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from persmark.recommend import nested
from persmark.recommend.candidates import Candidates, find_candidates, given_candidates
from persmark.recommend.contract import Reason, Recommender, Scores
from persmark.recommend.explained import Attended, Explained
from persmark.recommend.interactions import Interactions
from persmark.recommend.judged import Judge
from persmark.recommend.lesson import Lesson
from persmark.recommend.moments import Moment, calendar, fitting_days, last_steps, set_aside
from persmark.recommend.popular import Popularity
from persmark.recommend.ranker.attending import Looked, RankerExplained, looked, looked_for_many
from persmark.recommend.ranker.encoded import Encoded, Names, Scaling, inputs
from persmark.recommend.ranker.features import USER_NAMES
from persmark.recommend.ranker.network import Shape, forward
from persmark.recommend.ranker.reasons import HISTORY, SOURCES, effects, said
from persmark.recommend.ranker.settings import RankerSettings
from persmark.recommend.ranker.tables import ItemTables
from persmark.recommend.repeat import habit_reason
from persmark.recommend.saved import Saved
from persmark.text import text

Ints = npt.NDArray[np.int64]

# With fewer users to learn from than this a network learns noise: the sources serve alone.
FEWEST_USERS = 30
BATCH_USERS = 64  # scored at once: 64 users x 500 candidates x 64 events are 8 MB
SCORER = "scorer."
# Sources are trained once for each moment: what costs the cube of the catalogue is kept smaller.
SOURCE_SETTINGS: Mapping[str, Mapping[str, object]] = MappingProxyType({"ease": {"catalogue": 6000}})


def examples(
    interactions: Interactions, lesson: Lesson, chosen: RankerSettings, *, target: str
) -> Iterator[Moment]:
    """Past moments, the latest first: that one decides when to stop, the rest are learned from.

    Windows of the calendar; but where one item of each user was set aside for the training, users are
    to be asked for their next event, and such are learned from.
    """
    held = lesson.validation
    if held is not None and len(np.unique(held.row)) == len(held.row):
        yield set_aside(interactions, held)
        yield from last_steps(
            interactions, n=chosen.windows, target=target, most_users=chosen.most_users, seed=chosen.seed
        )
        return
    days = window_days_of(interactions, chosen)
    yield from calendar(
        interactions,
        window_days=days,
        step_days=chosen.step_days * days / chosen.window_days,
        n=chosen.windows + 1,
        target=target,
        most_users=chosen.most_users,
        seed=chosen.seed,
    )


def window_days_of(interactions: Interactions, chosen: RankerSettings) -> float:
    """The setting, or less where the events do not reach back over two such windows and more."""
    return fitting_days(interactions, chosen.window_days, windows=2)


@dataclass(frozen=True, eq=False)
class Trained:
    """The scorer with what its inputs are scaled by."""

    shape: Shape
    weights: Mapping[str, npt.NDArray[np.float32]]
    pair_scaling: Scaling
    user_scaling: Scaling
    names: Names


class Ranker(Recommender):
    """Two stages: simple recommenders name candidates, a network orders them."""

    name = "ranker"
    settings_type = RankerSettings
    needs_facts = True
    learned = True
    most_attended = 1_000  # the sources are asked about the whole catalogue for each user
    settings: RankerSettings
    popularity: Popularity
    sources: Mapping[str, Recommender]
    tables: ItemTables
    categories: tuple[str, ...]  # names of `tables.category`
    scorer: Trained | None

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        chosen = self.settings
        names = nested.names_of(chosen.sources)
        self.scorer = None
        moments = list(examples(interactions, lesson, chosen, target=self.target))
        n = len(moments) + 2
        enough = sum(len(moment.users) for moment in moments[1:]) >= FEWEST_USERS
        if enough:
            self._fit(interactions, moments, names, lesson)
        lesson.on_progress((n - 1) / n, text("Counting for serving"))
        self._count(interactions, names)
        lesson.on_progress(1.0, text("The ranker is trained"))

    def _fit(
        self, interactions: Interactions, moments: list[Moment], names: tuple[str, ...], lesson: Lesson
    ) -> None:
        from persmark.recommend.ranker.learning import Examples, Plan, fit

        chosen = self.settings
        n = len(moments) + 2
        days = window_days_of(interactions, chosen)
        known_names = Names.of(moments[0].known.user_facts)
        made: list[Examples] = []
        judges: list[Judge] = []
        for place, moment in enumerate(moments):
            lesson.on_progress(0.5 * place / n, text("Counting what was known {n} moments ago", n=place + 1))
            sources = _sources(moment.known, names)
            histories = moment.known.users(moment.users)
            tables = ItemTables.of(moment.known, window_days=days)
            found = self._candidates(sources, histories)
            held = Encoded.of(
                histories, tables, found, names=known_names, history_events=chosen.history_events
            )
            judge = Judge.of(moment, found, target=self.target)
            judges.append(judge)
            made.append(Examples(held, tables, judge.came))
        judged, learned = made[0], made[1:]
        pair_scaling = Scaling.of(np.concatenate([one.held.pairs for one in learned]))
        user_scaling = Scaling.of(np.concatenate([one.held.users for one in learned]))
        shape = Shape(
            pairs=learned[0].held.pairs.shape[1],
            users=len(USER_NAMES),
            named=known_names.sizes,
            categories=int(judged.tables.category.max(initial=0)) + 2,
            paths=int(judged.tables.path.max(initial=0)) + 2,
            width=chosen.width,
            hidden=chosen.hidden,
            history_attention=chosen.history_attention,
            field_attention=chosen.field_attention,
        )
        judge = judges[0]
        bars = judge.best_of([judged.held.candidates.said[:, 2 * n] for n in range(len(names))])

        def liked(weights: Mapping[str, npt.NDArray[Any]], epoch: int, loss: float) -> float:
            trained = Trained(shape, weights, pair_scaling, user_scaling, known_names)
            figures = judge(scored(judged.held, judged.tables, trained))
            lesson.on_point({"epoch": epoch, "loss": loss, "validation_ndcg": figures.allowed,
                             "validation_ndcg_removed": figures.removed})  # fmt: skip
            lesson.on_progress(
                0.5 + 0.45 * epoch / chosen.epochs, text("Pass {n} of at most {m}", n=epoch, m=chosen.epochs)
            )
            return figures.allowed / bars.allowed + figures.removed / bars.removed

        plan = Plan(
            list_items=chosen.list_items,
            batch=32,
            epochs=chosen.epochs,
            patience=chosen.patience,
            seconds=chosen.minutes * 60,
            rate=chosen.rate,
            decay=chosen.decay,
            dropout=chosen.dropout,
            seed=chosen.seed,
        )
        weights = fit(learned, shape, plan, pair_scaling=pair_scaling, user_scaling=user_scaling, judge=liked)
        self.scorer = Trained(shape, weights, pair_scaling, user_scaling, known_names)

    def _count(self, interactions: Interactions, names: tuple[str, ...]) -> None:
        self.popularity = Popularity.of(
            interactions, half_life_days=self.settings.popular_half_life_days, target=self.target
        )
        self.sources = _sources(interactions, names)
        self.tables = ItemTables.of(interactions, window_days=window_days_of(interactions, self.settings))
        facts = interactions.item_facts
        self.categories = facts.category.names if facts else ()

    def _candidates(
        self,
        sources: Mapping[str, Recommender],
        known: Interactions,
        also: tuple[Ints, Ints] | None = None,
    ) -> Candidates:
        chosen = self.settings
        return find_candidates(
            sources, known, n_own=chosen.n_own, n_fresh=chosen.n_fresh, target=self.target, also=also
        )

    def encoded(
        self,
        histories: Interactions,
        *,
        also: tuple[Ints, Ints] | None = None,
        only: tuple[Ints, Ints] | None = None,
        read: npt.NDArray[np.bool_] | None = None,
    ) -> Encoded:
        """Users with their candidates, as the scorer reads them.

        Args:
            histories: Whose items are this recommender's columns.
            also: Rows and items that are to be among the candidates.
            only: Rows and items, ordered, that are the candidates, whatever the sources say.
            read: Which of these are encoded at all; the rest is only weighed against by the sources.
        """
        assert self.scorer is not None
        found = (
            self._candidates(self.sources, histories, also)
            if only is None
            else given_candidates(self.sources, histories, *only, target=self.target)
        )
        if read is not None:
            found = found.some(read)
        return Encoded.of(
            histories,
            self.tables,
            found,
            names=self.scorer.names,
            history_events=self.settings.history_events,
        )

    def explained(self, history: Interactions) -> Explained | None:
        """Bound to one user's history; None where no network was trained or it does not attend."""
        if self.scorer is None or not self.scorer.shape.history_attention:
            return None
        return RankerExplained(self, self._own_items(history))

    def attended(self, histories: Interactions) -> Attended | None:
        """Where it looked for each user's own first candidate; None where it does not attend."""
        if self.scorer is None or not self.scorer.shape.history_attention:
            return None
        found = looked_for_many(self, self._own_items(histories))
        if histories.item_ids is self.item_ids:
            return found
        known = np.flatnonzero(self._columns_of(histories.item_ids)[histories.item] >= 0)
        return replace(found, event=known[found.event])

    def scores_of_pairs(self, held: Encoded) -> npt.NDArray[np.float32]:
        """(n_pairs,) the scorer's score of each candidate."""
        assert self.scorer is not None
        return scored(held, self.tables, self.scorer)

    def inputs_of(
        self, held: Encoded, rows: Ints, pair: Ints, *, trained: Trained | None = None
    ) -> Mapping[str, npt.NDArray[Any]]:
        """What a scorer, its own if none is given, reads for (B,) rows and (B, L) places of their pairs."""
        scorer = trained or self.scorer
        assert scorer is not None
        return inputs(
            held,
            rows,
            pair,
            tables=self.tables,
            pair_scaling=scorer.pair_scaling,
            user_scaling=scorer.user_scaling,
        )

    def attention(self, history: Interactions) -> Looked:
        """Where it looks for all candidates of one user; with both attentions on."""
        return looked(self, self._own_items(history))

    def _score(self, histories: Interactions) -> Scores:
        if self.scorer is None:
            return next(iter(self.sources.values())).score_matrix(histories)
        scores = np.tile(self.popularity.tail, (histories.n_users, 1))
        held = self.encoded(histories)
        score = self.scores_of_pairs(held)
        row, item = held.candidates.row, held.candidates.item
        best = np.full(histories.n_users, -np.inf)
        np.maximum.at(best, row, score)
        # Above 0, the best at 1: candidates stay above what popularity alone placed.
        active = np.diff(histories.starts) > 0
        shown = active[row]
        scores[row[shown], item[shown]] = (1 / (1 + best[row] - score))[shown]
        return scores

    def _filled(self, histories: Interactions, values: Scores) -> npt.NDArray[np.bool_]:
        if self.scorer is None:
            return next(iter(self.sources.values()))._filled(histories, values)
        return values < 0

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        if self.scorer is None:
            return next(iter(self.sources.values()))._reason(history, item, titles)
        if not len(history):
            return self.popularity.reason(item)
        held = self.encoded(history, also=(np.zeros(1, np.int64), np.array([item])))
        x = self._inputs(held, np.flatnonzero(held.candidates.item == item)[None, :])
        found = effects(self.scorer.weights, x, self.scorer.shape)
        from_source = list(self.sources.values())[found.source]
        attended = int(held.event_item[0, found.event])
        for part in sorted(found.lost, key=lambda name: -found.lost[name]):
            if found.lost[part] <= 0 or part == SOURCES:
                break
            told = self._told(part, attended, history, item, titles)
            if told is not None:
                return told
        return from_source._reason(history, item, titles)

    def _told(
        self, part: str, source: int, history: Interactions, item: int, titles: Mapping[str, str]
    ) -> Reason | None:
        """One part in words. `source` is the item of the event that was attended to most."""
        if part == HISTORY:
            if source == item:
                return habit_reason(history, item)
            source_id = str(self.item_ids[source])
            return Reason(
                "goes with",
                {"with_item_id": source_id},
                text("goes with {title}", title=titles.get(source_id, source_id)),
            )
        return said(
            part, history, item, tables=self.tables, popularity=self.popularity, categories=self.categories
        )

    def _inputs(self, held: Encoded, pair: Ints) -> Mapping[str, npt.NDArray[Any]]:
        """What the scorer reads of one user for some pairs, (1, n)."""
        return self.inputs_of(held, np.zeros(1, np.int64), pair)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        held = self.popularity.arrays() | nested.arrays_of(self.sources) | self.tables.arrays()
        if self.scorer is not None:
            held |= {SCORER + name: array for name, array in self.scorer.weights.items()}
            for part, scaling in (("pair", self.scorer.pair_scaling), ("user", self.scorer.user_scaling)):
                held |= {f"{part}_centre": scaling.centre, f"{part}_spread": scaling.spread}
        return held

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "sources": nested.facts_of(self.sources),
            "categories": list(self.categories),
        }
        if self.scorer is not None:
            facts["shape"] = vars(self.scorer.shape) | {"named": list(self.scorer.shape.named)}
            facts["names"] = [[field, list(names)] for field, names in self.scorer.names.fields]
        return facts

    def _restore(self, held: Saved) -> None:
        self.popularity = Popularity.restored(held)
        self.sources = nested.restored(held.facts["sources"], held, self.item_ids)
        self.tables = ItemTables.restored(held)
        self.categories = tuple(held.facts["categories"])
        self.scorer = None
        if "shape" in held.facts:
            size = dict(held.facts["shape"])
            fields = tuple((str(field), tuple(names)) for field, names in held.facts["names"])
            arrays = held.arrays
            self.scorer = Trained(
                Shape(**{**size, "named": tuple(size["named"])}),
                {
                    name.removeprefix(SCORER): array
                    for name, array in arrays.items()
                    if name.startswith(SCORER)
                },
                Scaling(arrays["pair_centre"], arrays["pair_spread"]),
                Scaling(arrays["user_centre"], arrays["user_spread"]),
                Names(fields),
            )


def _sources(interactions: Interactions, names: tuple[str, ...]) -> dict[str, Recommender]:
    return {name: nested.kind_of(name).train(interactions, SOURCE_SETTINGS.get(name)) for name in names}


def scored(held: Encoded, tables: ItemTables, trained: Trained) -> npt.NDArray[np.float32]:
    """(n_pairs,) score of each candidate, a batch of users at a time."""
    starts = held.candidates.starts
    found = np.zeros(len(held.candidates.row), np.float32)
    # Users with about as many candidates go together, so that little is padded.
    order = np.argsort(np.diff(starts), kind="stable")
    for at in range(0, len(order), BATCH_USERS):
        rows = order[at : at + BATCH_USERS]
        size = int(np.diff(starts)[rows].max(initial=0))
        if not size:
            continue
        pair = starts[rows][:, None] + np.arange(size)
        real = pair < starts[rows + 1][:, None]
        x = inputs(held, rows, np.where(real, pair, 0), tables=tables, pair_scaling=trained.pair_scaling,
                   user_scaling=trained.user_scaling)  # fmt: skip
        score = forward(np, trained.weights, x, trained.shape)["score"]
        found[pair[real]] = score[real]
    return found
