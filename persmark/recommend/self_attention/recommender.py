"""`self_attention`: what comes next, by attention over what came before.

Trained in Keras (`model`, `training`), served by NumPy (`serving`): scoring, reasons and what-ifs
load no training library. It keeps no user: a history is read when it is scored, so that a new event
changes the slate at once.

The size, the loss and the rates were chosen on validation items of a shop with few returns and on
grocery windows that end before any test window.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from persmark import metrics
from persmark.columns import PURCHASE
from persmark.recommend.contract import Reason, Recommender, Scores, blocks
from persmark.recommend.explained import Attended
from persmark.recommend.interactions import Interactions
from persmark.recommend.later import Later
from persmark.recommend.lesson import Lesson, Validation
from persmark.recommend.options import Settings, option
from persmark.recommend.popular import HALF_LIFE_DAYS, Popularity
from persmark.recommend.repeat import habit_reason
from persmark.recommend.saved import Saved
from persmark.recommend.self_attention.aside import (
    LEAST_RETURNS,
    drawn,
    latest_step,
    set_aside,
    share_of_returns,
    usual_length,
    usual_networks,
)
from persmark.recommend.self_attention.bound import BoundHistory, rolled_out
from persmark.recommend.self_attention.sequences import Events, Windows
from persmark.recommend.self_attention.serving import Served
from persmark.text import text

# Places of rows x length scored at once: bounds the attention's memory.
PLACES_AT_ONCE = 200_000
CURVE_K = 10
# What is left for learning where reading took all the time.
LEAST_MINUTES = 0.001


@dataclass(frozen=True)
class SelfAttentionSettings(Settings):
    """Settings of `self_attention`."""

    width: int = option(64, about="Numbers in an item's vector", unit="numbers", low=4, high=1024)
    heads: int = option(
        2, about="Attention heads of a layer; must divide the width", unit="heads", low=1, high=16
    )
    blocks: int = option(
        0, about="Layers that mix the events before the query looks at them", unit="layers", low=0, high=8
    )
    history_events: int = option(
        0, about="Latest events of a user that are read; 0 chooses by the histories' lengths",
        unit="events", low=0, high=2_000,
    )  # fmt: skip
    negatives: int = option(
        512, about="Items drawn that do not follow, shared by a batch", unit="items", low=1, high=100_000
    )
    popularity_power: float = option(
        0.0, about="How far drawing favours frequent items; 0 draws all alike", low=0.0, high=1.0
    )
    dropout: float = option(0.3, about="Share of activations left out in training", low=0.0, high=0.9)
    event_dropout: float = option(
        0.1,
        about="Share of events hidden in training, so that the model can do without any",
        low=0.0,
        high=0.9,
    )
    learning_rate: float = option(0.003, about="Of Adam, at first", low=1e-6, high=1.0)
    weight_decay: float = option(0.0, about="Of Adam, decoupled", low=0.0, high=1.0)
    batch_events: int = option(2048, about="Events in a batch", unit="events", low=1, high=1_000_000)
    epochs: int = option(200, about="Passes over the data at most", unit="epochs", low=1, high=100_000)
    minutes: float = option(10.0, about="Wall time at most", unit="minutes", low=0.001, high=100_000)
    patience: int = option(
        5,
        about="Epochs without a clearly better validation until the rate is lowered",
        unit="epochs",
        low=1,
        high=1000,
    )
    lowerings: int = option(2, about="How often the rate is lowered before the end", low=0, high=100)
    averaged: int = option(
        5, about="Latest passes whose weights are averaged to the model", unit="epochs", low=1, high=100
    )
    networks: int = option(
        0,
        about="Networks trained, each with a seed of its own, and averaged; 0 chooses: several where there"
        " are few events, which one network overfits",
        unit="networks",
        low=0,
        high=20,
    )
    popular_half_life_days: float = option(
        HALF_LIFE_DAYS,
        about="Half-life of the popularity that serves users without events",
        unit="days",
        low=0.01,
        high=36_500,
    )
    seed: int = option(0, about="Of all random numbers", low=0, high=2**31 - 1)


class SelfAttention(Recommender):
    """A query attends to the user's latest events; what it finds is compared with every item."""

    name = "self_attention"
    settings_type = SelfAttentionSettings
    needs_facts = True
    scores_with_facts = False  # the category is part of the item vectors by then
    learned = True
    settings: SelfAttentionSettings
    popularity: Popularity
    served: Served
    kinds: tuple[str, ...]
    length: int
    taught: bool

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        chosen, begun = self.settings, time.monotonic()
        lesson.on_progress(0.0, text("Reading histories"))
        self.popularity = Popularity.of(
            interactions, half_life_days=chosen.popular_half_life_days, target=self.target
        )
        present = np.unique(interactions.event_type)
        self.kinds = tuple(interactions.event_types[kind] for kind in present)
        known, aside = interactions, lesson.validation
        if aside is None:
            known, aside = set_aside(interactions, self.target, seed=chosen.seed)
        events = Events.of(known, self.kinds)
        self.length = chosen.history_events or usual_length(np.diff(known.starts))
        # Without a second step of anybody there is nothing to ask for.
        self.taught = events.n_steps > int((np.diff(known.starts) > 0).sum())
        if not self.taught:
            self.served = Served({}, 1, 0)
            return
        # Imported here: nothing that serves may load a training library.
        from persmark.recommend.self_attention.model import Shape
        from persmark.recommend.self_attention.training import Plan, Training, Watch

        facts = interactions.item_facts
        category = np.zeros(interactions.n_items + 1, np.int32)
        n_categories = 0
        if facts is not None and len(facts.category.names) > 1:
            category[1:], n_categories = facts.category.code + 1, len(facts.category.names)
        shape = Shape(
            n_items=interactions.n_items,
            n_kinds=len(self.kinds),
            n_categories=n_categories,
            width=chosen.width,
            n_heads=chosen.heads if chosen.width % chosen.heads == 0 else 1,
            blocks=chosen.blocks,
            dropout=chosen.dropout,
            repeats=share_of_returns(events) >= LEAST_RETURNS,
            seed=chosen.seed,
        )
        networks = chosen.networks or usual_networks(len(events.item))
        plan = Plan(
            length=self.length,
            tokens=chosen.batch_events,
            negatives=chosen.negatives,
            popularity_power=chosen.popularity_power,
            event_dropout=chosen.event_dropout,
            learning_rate=chosen.learning_rate,
            weight_decay=chosen.weight_decay,
            epochs=chosen.epochs,
            minutes=max(chosen.minutes - (time.monotonic() - begun) / 60, LEAST_MINUTES),
            patience=chosen.patience,
            lowerings=chosen.lowerings,
            averaged=chosen.averaged,
            networks=networks,
            seed=chosen.seed,
        )
        training = Training(events, shape, category, plan)
        measure = self._measure(known, aside, repeats=shape.repeats)

        def measured(arrays: dict[str, npt.NDArray[Any]]) -> dict[str, float]:
            self.served = Served(arrays, shape.n_heads, shape.blocks, networks)
            return measure()

        best = training.run(
            Watch(
                on_progress=lesson.on_progress,
                on_point=lesson.on_point,
                measured=measured,
                checkpoint=lesson.checkpoint,
                fingerprint=_fingerprint(interactions, chosen),
            )
        )
        self.served = Served(best, shape.n_heads, shape.blocks, networks)

    def _measure(
        self, known: Interactions, aside: Validation | None, *, repeats: bool
    ) -> Callable[[], dict[str, float]]:
        """() -> figures of the weights as they stand, on the pairs set aside and on as many learned ones."""
        rng = np.random.default_rng(self.settings.seed)
        exclude_seen = aside.exclude_seen if aside is not None else not repeats
        learned = latest_step(known, rng)
        tests = {"train_ndcg": learned}
        if aside is not None:
            tests["validation_ndcg"] = drawn(aside, rng)

        def measure() -> dict[str, float]:
            return {name: self._ndcg(test, exclude_seen) for name, test in tests.items() if len(test.row)}

        return measure

    def _ndcg(self, test: Validation, exclude_seen: bool) -> float:
        histories, ranks = test.histories, []
        for start in range(0, histories.n_users, 1024):
            part = histories.users(slice(start, start + 1024))
            scores = self._score(part)
            if exclude_seen:
                scores[part.user, part.item] = -np.inf
            pairs = slice(*np.searchsorted(test.row, [start, start + part.n_users]))
            ranks.append(metrics.tied_ranks(scores, test.row[pairs] - start, test.item[pairs]))
        return float(metrics.ndcg(metrics.combined(ranks), CURVE_K).mean())

    def _score(self, histories: Interactions) -> Scores:
        scores = np.tile(self.popularity.tail, (histories.n_users, 1))
        if not self.taught or not len(histories):
            return scores
        for windows, rows in self._windows(Events.of(histories, self.kinds)):
            scores[rows] = self.served.scores(windows, windows.last_step)
        return scores

    def _windows(self, events: Events) -> Iterator[tuple[Windows, npt.NDArray[np.int64]]]:
        """The latest events of all users that have any, with their rows; rows of similar length together."""
        start, stop = events.latest(np.arange(len(events.starts) - 1), self.length)
        size = stop - start
        order = np.argsort(size, kind="stable")
        order = order[size[order] > 0]
        while len(order):
            n = max(1, PLACES_AT_ONCE // int(size[order[-1]]) ** (2 if self.served.blocks else 1))
            rows, order = order[-n:], order[:-n]
            yield Windows.of(events, start[rows], stop[rows]), rows

    def _filled(self, histories: Interactions, values: Scores) -> npt.NDArray[np.bool_]:
        read = np.diff(histories.starts) > 0 if self.taught else np.zeros(histories.n_users, bool)
        return np.broadcast_to(~read[:, None], values.shape)

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        """The own event without which the item would score least."""
        own = self._bound(history)
        if own is None:
            return self.popularity.reason(item)
        n = own.n_events
        presence = np.ones((n + 1, n), np.float32)
        presence[np.arange(n), np.arange(n)] = 0
        levels = own.scores(presence)[:, item]
        effect = levels[-1] - levels[:-1]
        source = int(history.item[own.event[int(effect.argmax())]])
        if effect.max() <= 0:
            return self.popularity.reason(item)
        if source == item:
            habit = habit_reason(history, item)
            if habit is not None:
                return habit
        source_id = str(self.item_ids[source])
        facts = {"after_item_id": source_id, "effect": float(effect.max())}
        title = titles.get(source_id, source_id)
        said = (
            text("often bought after {title}", title=title)
            if self.target == PURCHASE
            else text("often next after {title}", title=title)
        )
        return Reason("follows", facts, said)

    def _update(self, later: Later) -> None:
        """Popularity goes on; what was learned stays."""
        self.popularity = self.popularity.counted_on(later)

    def explained(self, history: Interactions) -> BoundHistory | None:
        """The latest events of one user, as the query sees them; None without any of a known item."""
        bound = self._bound(self._own_items(history))
        if bound is not None:
            bound.event = self._places(history)[bound.event]
        return bound

    def attended(self, histories: Interactions) -> Attended:
        """Where the query looked for each user."""
        own, item = self._own_items(histories), np.zeros(histories.n_users, np.int64)
        for block in blocks(own.n_users, len(self.item_ids)):
            item[block] = self._score(own.users(block)).argmax(axis=1)
        event, weight = np.zeros(0, np.int64), np.zeros(0, np.float32)
        if self.taught and len(own):
            looked = [
                (windows.event[real], rolled_out(found)[real])
                for windows, _ in self._windows(Events.of(own, self.kinds))
                for found in (self.served.look(windows, windows.last_step, keep_weights=True),)
                for real in (windows.item > 0,)
            ]
            event = np.concatenate([places for places, _ in looked])
            weight = np.concatenate([shares for _, shares in looked])
            order = np.argsort(event)
            event, weight = self._places(histories)[event[order]], weight[order]
        return Attended(item, event, weight, (), np.zeros((histories.n_users, 0), np.float32))

    def _places(self, histories: Interactions) -> npt.NDArray[np.int64]:
        """Where the events on known items stand in histories as they were handed in."""
        if histories.item_ids is self.item_ids:
            return np.arange(len(histories))
        return np.flatnonzero(self._columns_of(histories.item_ids)[histories.item] >= 0)

    def _bound(self, history: Interactions) -> BoundHistory | None:
        if not self.taught or not len(history):
            return None
        return BoundHistory(self.served, Events.of(history, self.kinds), self.length)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return self.popularity.arrays() | {f"model.{name}": held for name, held in self.served.arrays.items()}

    def _facts(self) -> dict[str, Any]:
        return {
            "kinds": list(self.kinds),
            "length": self.length,
            "taught": self.taught,
            "n_heads": self.served.n_heads,
            "blocks": self.served.blocks,
            "n_networks": self.served.n_networks,
        }

    def _restore(self, held: Saved) -> None:
        self.popularity = Popularity.restored(held)
        self.kinds = tuple(held.facts["kinds"])
        self.length, self.taught = int(held.facts["length"]), bool(held.facts["taught"])
        arrays = {
            name.removeprefix("model."): array
            for name, array in held.arrays.items()
            if name.startswith("model.")
        }
        n_heads, blocks = int(held.facts["n_heads"]), int(held.facts["blocks"])
        # What was saved before there could be several does not say how many.
        self.served = Served(arrays, n_heads, blocks, int(held.facts.get("n_networks", 1)))


def _fingerprint(known: Interactions, settings: Settings) -> str:
    """Of the data and the settings; the time allowed may differ."""
    digest = hashlib.sha256()
    for array in (known.user, known.item, known.time, known.weight, known.event_type):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update("\n".join(map(str, known.item_ids)).encode())
    named = {name: value for name, value in settings.as_dict().items() if name != "minutes"}
    digest.update(json.dumps(named, sort_keys=True).encode())
    return digest.hexdigest()
