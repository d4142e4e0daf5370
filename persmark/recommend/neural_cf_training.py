"""How `neural_cf` is trained: examples, negatives, the Keras network, and when it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from persmark.recommend.interactions import Interactions
from persmark.recommend.lesson import Lesson, Validation
from persmark.text import text

if TYPE_CHECKING:
    from persmark.recommend.neural_cf import NeuralCfSettings, Weights

# Users whose last moment is set aside where no validation is handed in, as a share and at most.
APART_SHARE, APART_USERS = 0.2, 1000
# Users whose slates are measured after a round; ranking the catalogue for more would cost more than
# the round itself.
WATCHED_USERS, MEASURED_USERS = 150, 500
# Pairs of the validation loss.
LOSS_PAIRS = 20_000
# A drawn item that the user has is drawn again so often; what is still theirs then has no weight.
REDRAWS = 4


@dataclass(frozen=True, eq=False)
class Examples:
    """Positives with what was known before them.

    Args:
        of: The interactions.
        event: (n,) place of the positive.
        first: (n,) where its history starts in the events.
        end: (n,) where it ends.
    """

    of: Interactions
    event: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.event)


@dataclass(frozen=True, eq=False)
class Example:
    """A batch as arrays.

    Args:
        history: (n, history_events) item + 1 of the events before, latest first; 0 where there is none.
        targets: (n, 1 + negatives) items; the positive first.
        weight: (n, 1 + negatives) of each in the loss.
    """

    history: npt.NDArray[np.int32]
    targets: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float32]

    @property
    def labels(self) -> npt.NDArray[np.float32]:
        """(n, 1 + negatives) 1 for the positive."""
        made = np.zeros(self.targets.shape, np.float32)
        made[:, 0] = 1
        return made


def apart(
    interactions: Interactions, validation: Validation | None, seed: int, target: str
) -> tuple[Interactions, Validation]:
    """What is trained on, and what decides when that ends: of some users, the last moment.

    A user keeps their earlier events in training; only users with an earlier event are drawn.
    """
    if validation is not None:
        return interactions, validation
    starts, user, time = interactions.starts, interactions.user, interactions.time
    last = np.zeros(interactions.n_users, np.int64)
    some = np.diff(starts) > 0
    last[some] = time[starts[1:][some] - 1]
    is_last = time == last[user]
    earlier = np.bincount(user[~is_last], minlength=interactions.n_users) > 0
    asked = np.bincount(user[is_last & interactions.typed(target)], minlength=interactions.n_users) > 0
    can = np.flatnonzero(earlier & asked)
    n_drawn = min(APART_USERS, int(len(can) * APART_SHARE))
    drawn = np.sort(np.random.default_rng(seed).choice(can, n_drawn, replace=False))
    taken = np.zeros(interactions.n_users, bool)
    taken[drawn] = True
    held = is_last & taken[user]
    known = interactions.rows(~held)
    pairs = interactions.rows(held & interactions.typed(target))
    cells = np.unique(
        np.searchsorted(drawn, pairs.user) * np.int64(max(interactions.n_items, 1)) + pairs.item
    )
    n_items = max(interactions.n_items, 1)
    return known, Validation(known.users(drawn), cells // n_items, cells % n_items, exclude_seen=False)


def examples_of(interactions: Interactions, target: str, most: int) -> Examples:
    """Events of the target type on an item that the user came to never before, with a history."""
    user, item, time = interactions.user, interactions.item, interactions.time
    n_items = max(interactions.n_items, 1)
    cell = user.astype(np.int64) * n_items + item
    fresh = np.zeros(len(user), bool)
    # Events lie in the order of time, so the first of a cell is its earliest.
    fresh[np.unique(cell, return_index=True)[1]] = True
    moment = np.ones(len(user), bool)
    moment[1:] = (user[1:] != user[:-1]) | (time[1:] != time[:-1])
    begins = np.maximum.accumulate(np.where(moment, np.arange(len(user)), 0))
    begins_user = interactions.starts[user]
    event = np.flatnonzero(fresh & interactions.typed(target) & (begins > begins_user))
    end = begins[event]
    return Examples(interactions, event, np.maximum(begins_user[event], end - most), end)


def histories_of(
    items: npt.NDArray[np.int32], first: npt.NDArray[np.int64], end: npt.NDArray[np.int64], most: int
) -> npt.NDArray[np.int32]:
    """(n, most) item + 1 from `end` back to `first`; 0 beyond."""
    at = end[:, None] - 1 - np.arange(most)
    inside = at >= first[:, None]
    found: npt.NDArray[np.int32] = np.where(inside, items[np.where(inside, at, 0)] + 1, 0).astype(np.int32)
    return found


class Negatives:
    """Items drawn evenly from those that a user does not have.

    Args:
        own: Cells user * n_items + item that count as had.
        n_items: Of the catalogue.
    """

    def __init__(self, own: npt.NDArray[np.int64], n_items: int) -> None:
        self.own, self.n_items = np.unique(own), n_items

    def draw(
        self, user: npt.NDArray[Any], n: int, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
        """(n_users, n) items and which of them are truly not the user's."""
        drawn = rng.integers(0, self.n_items, (len(user), n))
        theirs = self._theirs(user, drawn)
        for _ in range(REDRAWS):
            if not theirs.any():
                break
            drawn[theirs] = rng.integers(0, self.n_items, int(theirs.sum()))
            theirs = self._theirs(user, drawn)
        return drawn.astype(np.int32), ~theirs

    def _theirs(self, user: npt.NDArray[Any], items: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        cell = user.astype(np.int64)[:, None] * self.n_items + items
        at = np.minimum(np.searchsorted(self.own, cell), len(self.own) - 1)
        held: npt.NDArray[np.bool_] = self.own[at] == cell
        return held


def batch_of(
    examples: Examples,
    chosen: npt.NDArray[Any],
    negatives: Negatives,
    settings: NeuralCfSettings,
    rng: np.random.Generator,
) -> Example:
    """The chosen examples as arrays, with negatives drawn anew."""
    held, event = examples.of, examples.event[chosen]
    history = histories_of(held.item, examples.first[chosen], examples.end[chosen], settings.history_events)
    drawn, true = negatives.draw(held.user[event], settings.negatives, rng)
    weight = np.concatenate([np.ones((len(event), 1), np.float32), true.astype(np.float32)], axis=1)
    return Example(history, np.concatenate([held.item[event][:, None], drawn], axis=1), weight)


def validation_batch(
    validation: Validation, negatives: Negatives, settings: NeuralCfSettings, rng: np.random.Generator
) -> Example | None:
    """The validation pairs that are new to their user, with negatives drawn once; None where all return."""
    held = validation.histories
    n_items = max(held.n_items, 1)
    own = np.unique(held.user.astype(np.int64) * n_items + held.item)
    new = ~np.isin(validation.row * np.int64(n_items) + validation.item, own)
    new &= np.diff(held.starts)[validation.row] > 0
    at = np.flatnonzero(new)
    if len(at) > LOSS_PAIRS:
        at = np.sort(rng.choice(at, LOSS_PAIRS, replace=False))
    if not len(at):
        return None
    row, item = validation.row[at], validation.item[at]
    end, begin = held.starts[1:][row], held.starts[:-1][row]
    most = settings.history_events
    history = histories_of(held.item, np.maximum(begin, end - most), end, most)
    both = Negatives(np.concatenate([own, validation.row * np.int64(n_items) + validation.item]), n_items)
    drawn, true = both.draw(row, settings.negatives, rng)
    weight = np.concatenate([np.ones((len(at), 1), np.float32), true.astype(np.float32)], axis=1)
    return Example(history, np.concatenate([item[:, None], drawn], axis=1).astype(np.int32), weight)


def fitted(
    known: Interactions,
    examples: Examples,
    validation: Validation,
    settings: NeuralCfSettings,
    *,
    lesson: Lesson,
    ndcg: Callable[[Weights], float],
) -> Weights:
    """The weights of the round with the least validation loss.

    Args:
        known: What is trained on.
        examples: Its positives.
        validation: Pairs that are not trained on.
        settings: Of the recommender.
        lesson: Who watches.
        ndcg: NDCG on validation pairs with these weights.
    """
    import keras

    rng = np.random.default_rng(settings.seed)
    own = known.user.astype(np.int64) * known.n_items + known.item
    negatives = Negatives(own, known.n_items)
    judge = validation_batch(validation, negatives, settings, rng)
    network = network_of(known.n_items, settings)
    network.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )
    best, best_loss, since = weights_of(network), np.inf, 0
    for epoch in range(1, settings.epochs + 1):
        n_drawn = min(len(examples), settings.epoch_events)
        chosen = rng.permutation(len(examples))[:n_drawn]
        batch = batch_of(examples, chosen, negatives, settings, rng)
        # A last axis of one: the loss is a mean over cells, each with its own weight.
        seen = network.fit(
            [batch.history, batch.targets],
            batch.labels[..., None],
            sample_weight=batch.weight,
            batch_size=settings.batch,
            shuffle=False,
            verbose=0,
        )
        weights = weights_of(network)
        point = {"epoch": float(epoch), "loss": float(seen.history["loss"][0])}
        point["validation_ndcg"] = ndcg(weights)
        judged = -point["validation_ndcg"]
        if judge is not None:
            judged = float(
                network.evaluate(
                    [judge.history, judge.targets],
                    judge.labels[..., None],
                    sample_weight=judge.weight,
                    batch_size=4096,
                    verbose=0,
                )
            )
            point["validation_loss"] = judged
        lesson.on_point(point)
        lesson.on_progress(0.02 + 0.93 * epoch / settings.epochs, text("Training, round {n}", n=epoch))
        since += 1
        if judged < best_loss:
            best, best_loss, since = weights, judged, 0
        if since >= settings.patience:
            break
    keras.backend.clear_session()
    return best


def network_of(n_items: int, settings: NeuralCfSettings) -> Any:
    """The Keras model: (history, targets) -> (n, 1 + negatives, 1) logits."""
    import keras
    from keras import initializers, layers, ops

    width, most = settings.factors, settings.history_events

    def drawn(place: int) -> Any:
        return initializers.RandomNormal(stddev=0.05, seed=settings.seed * 31 + place)

    def glorot(place: int) -> Any:
        return initializers.GlorotUniform(seed=settings.seed * 31 + place)

    history = keras.Input((most,), dtype="int32", name="history")
    targets = keras.Input((1 + settings.negatives,), dtype="int32", name="targets")
    # One table for both sides: what an item is does not depend on where it stands.
    table = layers.Embedding(n_items, width, embeddings_initializer=drawn(1), name="item")
    real = ops.cast(ops.greater(history, 0), "float32")
    events = table(ops.maximum(history - 1, 0))
    query = table(targets)
    key = layers.Dense(width, use_bias=False, kernel_initializer=glorot(2), name="key")(events)
    value = layers.Dense(width, use_bias=False, kernel_initializer=glorot(3), name="value")(events)
    # The places are numbered alike in every row, so that their embedding is a bias of the place.
    places = ops.zeros_like(history) + ops.arange(most, dtype="int32")[None]
    place = layers.Embedding(most, 1, embeddings_initializer="zeros", name="place")(places)[..., 0]
    raw = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / float(np.sqrt(width))
    raw = raw + (place + (real - 1) * 1e9)[:, None, :]
    drawn_from = ops.matmul(ops.softmax(raw, axis=-1), value)
    count = ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)
    side = ops.sum(value * real[..., None], axis=1) / count
    side = ops.zeros_like(query) + side[:, None, :]
    joined = ops.concatenate([query * drawn_from, drawn_from, query, side], axis=-1)
    joined = layers.Dropout(settings.dropout, seed=settings.seed)(joined)
    units = layers.Dense(settings.hidden, activation="relu", kernel_initializer=glorot(4), name="dense")(
        joined
    )
    out = layers.Dense(1, use_bias=False, kernel_initializer=glorot(5), name="out")(units)
    bias = layers.Embedding(n_items, 1, embeddings_initializer="zeros", name="bias")(targets)
    return keras.Model([history, targets], out + bias)


def weights_of(network: Any) -> Weights:
    """The network's arrays by the names that serving uses."""
    held = {layer.name: [np.array(one) for one in layer.get_weights()] for layer in network.layers}
    found: Mapping[str, npt.NDArray[np.float32]] = {
        "item": held["item"][0],
        "key": held["key"][0],
        "value": held["value"][0],
        "place": held["place"][0][:, 0],
        "dense": held["dense"][0],
        "dense_bias": held["dense"][1],
        "out": held["out"][0][:, 0],
        "bias": held["bias"][0][:, 0],
    }
    return found
