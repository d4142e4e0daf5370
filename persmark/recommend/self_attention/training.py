"""The training: epochs by stock `fit`, measured by NDCG after each, stopped, kept, resumed.

Imports Keras; imported itself only when a training starts.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from persmark.errors import FileRefusedError, NotFoundError
from persmark.recommend import saved
from persmark.recommend.allocation import keep_freed_memory
from persmark.recommend.self_attention import start
from persmark.recommend.self_attention.batches import Asked, Epoch, Negatives
from persmark.recommend.self_attention.model import Model, Shape
from persmark.recommend.self_attention.sequences import Events
from persmark.recommend.self_attention.serving import of_network
from persmark.text import Text, text

# What the rate is multiplied by when it is lowered; by when at the latest: with this share of the time
# left, then with this share of that. A validation is clearly better from this ratio on.
LOWERED, LEFT, CLEARLY = 0.3, 0.4, 1.01

Weights = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Plan:
    """How a training goes on.

    Args:
        length: Longest row, events.
        tokens: Events in a batch.
        negatives: Items drawn for a batch.
        popularity_power: How far drawing favours frequent items.
        event_dropout: Share of events hidden.
        learning_rate: Of Adam, at first.
        weight_decay: Of Adam, decoupled.
        epochs: At most.
        minutes: At most, wall time from here on.
        patience: Epochs without a clearly better validation until the rate is lowered.
        lowerings: How often the rate is lowered before the end.
        averaged: Latest passes whose weights are averaged to one model; steadier than those of any one.
        networks: How many are trained, each with a seed of its own; their scores are averaged.
        seed: Of everything.
    """

    length: int
    tokens: int
    negatives: int
    popularity_power: float
    event_dropout: float
    learning_rate: float
    weight_decay: float
    epochs: int
    minutes: float
    patience: int
    lowerings: int
    averaged: int
    networks: int
    seed: int


@dataclass
class _State:
    """Where a training stands, between epochs."""

    epoch: int = 0
    best: float = -1.0
    best_epoch: int = 0
    mark: float = -1.0
    stale: int = 0
    lowered: int = 0
    points: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Watch:
    """What a training tells, and asks.

    Args:
        on_progress: Fraction and what is happening; may raise to end it.
        on_point: A point of the learning curve.
        measured: Weights -> `validation_ndcg`, `train_ndcg`; without `validation_ndcg` there is nothing to
            stop by, and the last weights are kept.
        checkpoint: Folder of the state; None keeps none.
        fingerprint: What a state must have been made on to be taken up again.
    """

    on_progress: Callable[[float, Text], None]
    on_point: Callable[[Mapping[str, float]], None]
    measured: Callable[[Weights], dict[str, float]]
    checkpoint: Path | None
    fingerprint: str


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """An epoch as `fit` takes it."""

    def __init__(self, epoch: Epoch) -> None:
        super().__init__()
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.epoch)

    def __getitem__(self, number: int) -> tuple[dict[str, npt.NDArray[Any]]]:
        return (self.epoch.batch(number),)


class _Pulse(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells how far an epoch is, and ends it when the time is up, or all is."""

    def __init__(self, tell: Callable[[float], None], until: float, ended: threading.Event) -> None:
        super().__init__()
        self.tell, self.until, self.ended, self.told = tell, until, ended, 0.0
        self.losses: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        if batch == 0:
            # By now the dataset is made, and with it the library's own setting.
            keep_freed_memory()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        now = time.monotonic()
        if now - self.told >= 1.0:
            self.told = now
            self.tell(now)
        if now >= self.until or self.ended.is_set():
            self.model.stop_training = True


class _Network:
    """A network in training.

    Args:
        shape: Of its weights, with its seed.
        category_of_item: Codes, from 1.
        events: Of the training.
        plan: How the training goes on.
    """

    def __init__(self, shape: Shape, category_of_item: npt.NDArray[Any], events: Events, plan: Plan) -> None:
        self.seed = shape.seed
        self.model = Model(shape, category_of_item)
        self.model.build()
        self._start(shape, events)
        # Told to decay by nothing, it would still go over all weights for that.
        self.optimizer = (
            keras.optimizers.AdamW(plan.learning_rate, weight_decay=plan.weight_decay, beta_2=0.98)
            if plan.weight_decay
            else keras.optimizers.Adam(plan.learning_rate, beta_2=0.98)
        )
        # Every batch has a length of its own, and compiling each anew costs more than it saves.
        self.model.compile(optimizer=self.optimizer, jit_compile=False)
        self.optimizer.build(self.model.trainable_variables)

    def _start(self, shape: Shape, events: Events) -> None:
        """The weights that counting gives."""
        item = np.zeros((shape.n_items + 1, shape.width), np.float32)
        item[1:] = start.vectors(events, shape.n_items, width=shape.width, seed=shape.seed)
        self.model.item.assign(item)
        score = start.demand(events, shape.n_items)
        self.model.demand.assign(np.append(np.float32(0), score))
        if shape.repeats:
            returns = start.Returns.of(events, score)
            self.model.since.assign(returns.since)
            self.model.often.assign(returns.often)

    def fit(self, epoch: Epoch, pulse: _Pulse) -> float:
        """One pass; the mean loss."""
        fitted = self.model.fit(_Batches(epoch), epochs=1, shuffle=False, verbose=0, callbacks=[pulse])
        return float(fitted.history["loss"][-1])

    def variables(self) -> list[Any]:
        """All that a training changes: weights, dropout's random states, the optimizer's memory."""
        return [*self.model.variables, *self.optimizer.variables]


class Training:
    """One training of one recommender on one set of events: a network, or several that go in step."""

    def __init__(self, events: Events, shape: Shape, category_of_item: npt.NDArray[Any], plan: Plan) -> None:
        self.begun = time.monotonic()
        self.events, self.shape, self.plan = events, shape, plan
        self.asked = Asked.of(events)
        self.negatives = Negatives.of(
            events, shape.n_items, most=plan.negatives, popularity_power=plan.popularity_power
        )
        self.latest: deque[Weights] = deque(maxlen=plan.averaged)
        self.networks = [
            _Network(replace(shape, seed=plan.seed + place), category_of_item, events, plan)
            for place in range(plan.networks)
        ]

    def run(self, watch: Watch) -> Weights:
        """Train to the end; the weights that were best on the validation."""
        plan, state, begun = self.plan, _State(), self.begun
        best = self._resumed(watch, state) or self._exported()
        for point in state.points:
            watch.on_point(point)
        until = begun + 60 * plan.minutes
        longest = 0.0
        while state.epoch < plan.epochs and state.lowered <= plan.lowerings:
            started = time.monotonic()
            # One pass is begun in any case.
            if longest and started + longest / 2 > until:
                break
            if not len(self._epoch(self.networks[0], state.epoch)):
                break

            def tell(now: float, state: _State = state) -> None:
                share = max((now - begun) / (60 * plan.minutes), state.epoch / plan.epochs)
                watch.on_progress(min(share, 0.99), _doing(state, until - now))

            tell(started)
            losses = self._pass(state.epoch, tell, until)
            state.epoch += 1
            self.latest.append(self._exported())
            weights = {name: np.mean([one[name] for one in self.latest], axis=0) for name in self.latest[0]}
            point = {"epoch": state.epoch, "loss": float(np.mean(losses))} | watch.measured(weights)
            state.points.append(point)
            watch.on_point(point)
            best = self._judged(state, point, weights, best)
            self._hurry(state, (time.monotonic() - begun) / (60 * plan.minutes))
            longest = max(longest, time.monotonic() - started)
            self._kept(watch, state, best)
        watch.on_progress(1.0, text("Learned what people come to next"))
        return best

    def _pass(self, number: int, tell: Callable[[float], None], until: float) -> list[float]:
        """One pass of each network; its mean loss.

        Small networks leave cores idle between their steps, so they go side by side, after a first pass
        one after the other, in which their graphs are made. Only this thread tells.
        """
        ended = threading.Event()

        def fit(one: _Network, tell: Callable[[float], None]) -> float:
            return one.fit(self._epoch(one, number), _Pulse(tell, until, ended))

        first, *others = self.networks
        if not others or not self.latest:
            return [fit(one, tell) for one in self.networks]
        with ThreadPoolExecutor(len(others)) as pool:
            try:
                beside = [pool.submit(fit, one, lambda _: None) for one in others]
                return [fit(first, tell), *(one.result() for one in beside)]
            except BaseException:
                ended.set()
                raise

    def _exported(self) -> Weights:
        if len(self.networks) == 1:
            return self.networks[0].model.exported()
        return {
            of_network(place) + name: array
            for place, one in enumerate(self.networks)
            for name, array in one.model.exported().items()
        }

    def _epoch(self, network: _Network, number: int) -> Epoch:
        return Epoch(
            self.events,
            self.asked,
            self.negatives,
            n_items=self.shape.n_items,
            length=self.plan.length,
            tokens=self.plan.tokens,
            event_dropout=self.plan.event_dropout,
            repeats=self.shape.repeats,
            seed=(network.seed, number),
        )

    def _judged(self, state: _State, point: Mapping[str, float], weights: Weights, best: Weights) -> Weights:
        """Keep the better weights; lower the rate when none were clearly better for a while."""
        reached = point.get("validation_ndcg")
        if reached is None:
            return weights
        if reached > state.mark * CLEARLY:
            state.mark, state.stale = reached, 0
        else:
            state.stale += 1
            if state.stale >= self.plan.patience:
                self._lower(state)
        if reached <= state.best:
            return best
        state.best, state.best_epoch = reached, state.epoch
        return weights

    def _hurry(self, state: _State, time_gone: float) -> None:
        """Lower the rate in time: what the lower rates bring must not be lost where the end comes first."""
        gone = max(time_gone, state.epoch / self.plan.epochs)
        due = sum(gone >= 1 - LEFT**number for number in range(1, self.plan.lowerings + 1))
        if state.lowered < due:
            self._lower(state)

    def _lower(self, state: _State) -> None:
        state.stale = 0
        state.lowered += 1
        for one in self.networks:
            one.optimizer.learning_rate.assign(self.plan.learning_rate * LOWERED**state.lowered)

    def _kept(self, watch: Watch, state: _State, best: Weights) -> None:
        if watch.checkpoint is None:
            return
        arrays: Weights = {f"best.{name}": array for name, array in best.items()}
        for place, weights in enumerate(self.latest):
            arrays |= {f"latest.{place}.{name}": array for name, array in weights.items()}
        for number, variable in enumerate(self._variables()):
            arrays[f"now.{number}"] = keras.ops.convert_to_numpy(variable)
        facts = {**vars(state), "fingerprint": watch.fingerprint}
        # Without room for its state a training cannot be taken up again, but it can go on.
        with suppress(OSError):
            saved.save(watch.checkpoint, saved.Saved(facts, arrays))

    def _resumed(self, watch: Watch, state: _State) -> Weights | None:
        """Take up a state that was kept; None where there is none of this training."""
        if watch.checkpoint is None:
            return None
        try:
            held = saved.load(watch.checkpoint)
        except (NotFoundError, FileRefusedError):
            return None
        if held.facts.get("fingerprint") != watch.fingerprint:
            return None
        for name in vars(state):
            setattr(state, name, held.facts[name])
        for number, variable in enumerate(self._variables()):
            variable.assign(held.arrays[f"now.{number}"])
        self.latest.clear()
        while part := _under(f"latest.{len(self.latest)}.", held.arrays):
            self.latest.append(part)
        return _under("best.", held.arrays)

    def _variables(self) -> list[Any]:
        return [variable for one in self.networks for variable in one.variables()]


def _under(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Weights:
    """The arrays of one prefix, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _doing(state: _State, seconds_left: float) -> Text:
    minutes = max(round(seconds_left / 60), 1)
    if state.best < 0:
        return text("Epoch {epoch}; {minutes} minutes at most", epoch=state.epoch + 1, minutes=minutes)
    return text(
        "Epoch {epoch}; best validation NDCG so far {best} in epoch {best_epoch}; {minutes} minutes at most",
        epoch=state.epoch + 1,
        best=f"{state.best:.4f}",
        best_epoch=state.best_epoch,
        minutes=minutes,
    )
