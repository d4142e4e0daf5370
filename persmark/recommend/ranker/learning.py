"""Fitting the scorer with Keras. Imported when a training starts, never by the server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from persmark.recommend.ranker.encoded import Encoded, Scaling, inputs
from persmark.recommend.ranker.network import MASKED, Shape, forward
from persmark.recommend.ranker.tables import ItemTables

Ints = npt.NDArray[np.int64]
# The weights of the latest passes are averaged: steadier than those of any one pass.
AVERAGED = 3
LABEL, FRESH, SHIFT = 0, 1, 2  # what is told of each candidate beside its score


@dataclass(frozen=True, eq=False)
class Examples:
    """One moment's users with what they came to.

    Args:
        held: Users and candidates.
        tables: The item side at that moment.
        label: (n_pairs,) which candidates they came to.
    """

    held: Encoded
    tables: ItemTables
    label: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """How to fit.

    Args:
        list_items: Candidates of a user in one step of the fit.
        batch: Users of one step.
        epochs: Most passes.
        patience: Passes without a better validation before the fit ends.
        seconds: Wall time after which no further pass begins.
        rate: Of the optimiser.
        decay: Weight decay of the optimiser.
        dropout: Share of the pairs' numbers blanked in training.
        seed: Of weights and draws.
    """

    list_items: int
    batch: int
    epochs: int
    patience: int
    seconds: float
    rate: float
    decay: float
    dropout: float
    seed: int


class Scorer(keras.layers.Layer):  # type: ignore[misc]
    """The forward pass with trainable weights.

    They are cut from one long variable: an optimiser's step is built once, not thirty times. They
    start from NumPy's draws, so that one seed gives one start on every backend.
    """

    def __init__(self, shape: Shape, dropout: float, seed: int) -> None:
        super().__init__()
        self.shape_of = shape
        self.blank = keras.layers.Dropout(dropout, seed=seed)
        rng = np.random.default_rng(seed)
        first = [_initial(name, size, rng).ravel() for name, size in shape.weights().items()]
        start = keras.initializers.Constant(np.concatenate(first).astype(np.float32))
        self.every = self.add_weight(name="every", shape=(sum(map(len, first)),), initializer=start)

    def call(self, x: Mapping[str, Any], training: bool = False) -> Any:
        """(B, L) scores."""
        held, at = {}, 0
        for name, size in self.shape_of.weights().items():
            n = int(np.prod(size))
            held[name] = keras.ops.reshape(self.every[at : at + n], size)
            at += n
        pairs = self.blank(x["pairs"], training=training)
        return forward(keras.ops, held, {**x, "pairs": pairs}, self.shape_of)["score"]

    def weights_by_name(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Name -> values, as `network.forward` takes them."""
        whole = np.array(keras.ops.convert_to_numpy(self.every), np.float32)
        found, at = {}, 0
        for name, size in self.shape_of.weights().items():
            n = int(np.prod(size))
            found[name] = whole[at : at + n].reshape(size)
            at += n
        return found


def _initial(name: str, size: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    if (name.endswith("bias") and name != "field_bias") or name in (
        "event_same", "event_near", "pair_wide", "event_match", "field_match",
    ):  # fmt: skip
        return np.zeros(size)
    if name in ("category", "path", "field", "field_bias", "field_names"):
        return rng.normal(scale=0.1, size=size)
    # Glorot's uniform.
    bound = np.sqrt(6 / (size[0] + size[-1]))
    return rng.uniform(-bound, bound, size)


class Ranking(keras.Model):  # type: ignore[misc]
    """Stock training steps with a listwise loss.

    It is the softmax over all of a user's candidates, and the one over those that the user has not
    bought, each against what the user came to.
    """

    def __init__(self, scorer: Scorer) -> None:
        super().__init__()
        self.scorer = scorer

    def call(self, x: Mapping[str, Any], training: bool = False) -> Any:
        """(B, L) scores."""
        return self.scorer(x, training=training)

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
                     training: bool = True) -> Any:  # fmt: skip
        """The sum of both losses; `y` is (B, L, 3): label, whether new, what is added to the score."""
        label = y[:, :, LABEL]
        score = y_pred + y[:, :, SHIFT]
        every = _listwise(score, label, keras.ops.ones_like(label))
        return every + _listwise(score, label, y[:, :, FRESH])


def _listwise(score: Any, label: Any, among: Any) -> Any:
    """Mean over users of -sum of log softmax over the relevant, divided by their number."""
    ops = keras.ops
    masked = score + MASKED * (1.0 - among)
    log_share = masked - ops.logsumexp(masked, axis=-1, keepdims=True)
    relevant = label * among
    n = ops.sum(relevant, axis=-1)
    each = -ops.sum(relevant * log_share, axis=-1) / ops.maximum(n, 1.0)
    return ops.sum(each) / ops.maximum(ops.sum(ops.cast(n > 0, each.dtype)), 1.0)


class Draws:
    """Lists of a user's candidates: all that the user came to, and a draw of the rest each epoch.

    The rest is drawn anew in every epoch; the log of how many candidates each drawn one stands for
    is added to its score in the loss, so that a short list weighs as the long one would.
    """

    def __init__(self, moments: Sequence[Examples], plan: Plan, pair_scaling: Scaling,
                 user_scaling: Scaling) -> None:  # fmt: skip
        self.moments, self.plan = moments, plan
        self.pair_scaling, self.user_scaling = pair_scaling, user_scaling
        self.rng = np.random.default_rng(plan.seed)

    def epoch(self) -> Iterator[tuple[Any, Any]]:
        """One pass: inputs and what is told of them, a batch of users of one moment at a time."""
        batches: list[tuple[int, Ints]] = []
        for place, moment in enumerate(self.moments):
            found = np.bincount(moment.held.candidates.row[moment.label],
                                minlength=moment.held.candidates.n_users)  # fmt: skip
            users = self.rng.permutation(np.flatnonzero(found))
            # Whole batches only, so that one compiled step serves them all; who is left out is drawn anew.
            size = min(self.plan.batch, max(len(users), 1))
            batches += [
                (place, users[start : start + size]) for start in range(0, len(users) - size + 1, size)
            ]
        for at in self.rng.permutation(len(batches)):
            yield self._batch(*batches[at])

    def _batch(self, place: int, rows: Ints) -> tuple[Any, Any]:
        moment = self.moments[place]
        size = self.plan.list_items
        starts = moment.held.candidates.starts
        pair = np.zeros((len(rows), size), np.int64)
        told = np.zeros((len(rows), size, 3), np.float32)
        told[:, :, SHIFT] = MASKED
        for at, row in enumerate(rows):
            own = np.arange(starts[row], starts[row + 1])
            label = moment.label[own]
            came, rest = own[label], own[~label]
            came = self.rng.permutation(came)[: size // 2]
            drawn = rest if len(rest) <= size - len(came) else self.rng.choice(
                rest, size - len(came), replace=False)  # fmt: skip
            n = len(came) + len(drawn)
            pair[at, : len(came)] = came
            pair[at, len(came) : n] = drawn
            told[at, : len(came), LABEL] = 1
            told[at, : len(came), SHIFT] = 0
            told[at, len(came) : n, SHIFT] = np.log(max(len(rest), 1) / max(len(drawn), 1))
            told[at, :n, FRESH] = ~moment.held.candidates.bought[pair[at, :n]]
        x = inputs(moment.held, rows, pair, tables=moment.tables, pair_scaling=self.pair_scaling,
                   user_scaling=self.user_scaling)  # fmt: skip
        return x, told


def fit(
    moments: Sequence[Examples],
    shape: Shape,
    plan: Plan,
    *,
    pair_scaling: Scaling,
    user_scaling: Scaling,
    judge: Callable[[Mapping[str, npt.NDArray[Any]], int, float], float],
) -> Mapping[str, npt.NDArray[np.float32]]:
    """The weights that `judge` liked best, each the mean of the latest passes.

    Args:
        moments: To learn from.
        shape: Sizes.
        plan: How.
        pair_scaling: Of the pairs' numbers.
        user_scaling: Of the profiles' numbers.
        judge: Called after each pass with its weights, number (from 1) and loss; higher is better.
    """
    keras.utils.set_random_seed(plan.seed)
    scorer = Scorer(shape, plan.dropout, plan.seed)
    model = Ranking(scorer)
    optimiser = keras.optimizers.AdamW(plan.rate, weight_decay=plan.decay, global_clipnorm=1.0)
    model.compile(optimizer=optimiser)
    draws = Draws(moments, plan, pair_scaling, user_scaling)
    begun = time.monotonic()
    best: tuple[float, Mapping[str, npt.NDArray[np.float32]]] = (-np.inf, scorer.weights_by_name())
    latest: list[Mapping[str, npt.NDArray[np.float32]]] = []
    waited = 0
    for epoch in range(1, plan.epochs + 1):
        # A cosine from the full rate down to a twentieth of it.
        turn = 0.5 * (1 + np.cos(np.pi * (epoch - 1) / plan.epochs))
        optimiser.learning_rate = plan.rate * (0.05 + 0.95 * turn)
        losses = [model.train_on_batch(x, told) for x, told in draws.epoch()]
        # The first passes still travel: only those of the second half are averaged.
        latest = [*latest, scorer.weights_by_name()][-AVERAGED if 2 * epoch > plan.epochs else -1 :]
        weights = {name: np.mean([one[name] for one in latest], axis=0) for name in latest[0]}
        value = judge(weights, epoch, float(np.mean(losses)))
        waited = 0 if value > best[0] else waited + 1
        if value > best[0]:
            best = (value, weights)
        if waited >= plan.patience or time.monotonic() - begun > plan.seconds:
            break
    return best[1]
