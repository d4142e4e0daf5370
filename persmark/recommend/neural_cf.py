"""`neural_cf`: a small network judges whether an item is for a user, by what the user came to lately.

The user's side is built from their recent events and nothing else: no vector of a user is learned or
kept, so a new event counts at once and an erased user is gone. For an item i with embedding q_i and
recent events j (embeddings k_j and v_j, the n-th last of them with a learned r_n):

    a_ij = softmax over j of (q_i k_j / sqrt(factors) + r_j)      the item attends over the events
    c_i = sum over j of a_ij v_j,  u = mean over j of v_j
    logit_i = b_i + w relu(W [q_i c_i, c_i, q_i, u] + h)

Training, by Adam on binary cross-entropy: a positive is an event on an item that is new to the user,
the events of earlier moments its history; against it stand `negatives` items drawn evenly from those
that the user never came to. It ends when the loss on pairs that are not trained on stops falling.

A network that is never shown a return cannot say how likely one is, so returns are counted: an item
among the user's own gets `habit` times the logarithm of its decayed count on top, where `habit` is
the one of `HABITS` with the best NDCG on the validation pairs.

Source: He et al., "Neural Collaborative Filtering", WWW 2017, with the attention of He et al., "NAIS:
Neural Attentive Item Similarity Model for Recommendation", TKDE 2018, as a scaled dot product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from persmark import metrics
from persmark.recommend.contract import Reason, Recommender, Scores
from persmark.recommend.interactions import Interactions
from persmark.recommend.lesson import Lesson, Validation
from persmark.recommend.options import Settings, option
from persmark.recommend.popular import HALF_LIFE_DAYS, Popularity, decay
from persmark.recommend.repeat import habit_reason
from persmark.recommend.saved import Saved
from persmark.text import text

if TYPE_CHECKING:
    from persmark.recommend.neural_cf_training import Example

# Below this many positives there is nothing for a network to learn; own habits and popularity serve.
FEWEST_EXAMPLES = 200
# Added on top of the logits for own items, times log(1 + count / FAINT_COUNT).
HABITS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
FAINT_COUNT = 0.05
SLATE = 10

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class NeuralCfSettings(Settings):
    """Settings of `neural_cf`."""

    factors: int = option(32, about="Length of an item's embedding", low=2, high=512)
    hidden: int = option(32, about="Units of the dense layer", low=1, high=1024)
    history_events: int = option(
        50, about="Latest events of a user that are attended over", unit="events", low=1, high=500
    )
    negatives: int = option(
        4, about="Items drawn against each positive, never the user's own", unit="items", low=1, high=256
    )
    dropout: float = option(0.2, about="Share of units dropped while training", low=0.0, high=0.9)
    learning_rate: float = option(0.002, about="Step of Adam", low=1e-6, high=1.0)
    batch: int = option(512, about="Positives of one step", unit="events", low=1, high=65_536)
    epochs: int = option(12, about="Most rounds of training", unit="epochs", low=1, high=1000)
    epoch_events: int = option(
        100_000, about="Positives drawn for one round", unit="events", low=1, high=100_000_000
    )
    patience: int = option(
        2, about="Rounds without a better validation loss before it ends", unit="epochs", low=1, high=1000
    )
    seed: int = option(0, about="Of everything drawn", low=0, high=2**31 - 1)
    popular_half_life_days: float = option(
        HALF_LIFE_DAYS,
        about="Half-life of own habits, and of the popularity that fills the slate",
        unit="days",
        low=0.01,
        high=36_500,
    )


class NeuralCf(Recommender):
    """Target attention over the user's recent events and dense layers; keeps nothing of users."""

    name = "neural_cf"
    settings_type = NeuralCfSettings
    learned = True
    settings: NeuralCfSettings
    popularity: Popularity
    weights: Weights  # empty where there was too little to learn from
    habit: float

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        from persmark.recommend import neural_cf_training as training

        lesson.on_progress(0.0, text("Counting recent demand"))
        self.popularity = Popularity.of(
            interactions, half_life_days=self.settings.popular_half_life_days, target=self.target
        )
        self.weights, self.habit = {}, 1.0
        known, validation = training.apart(interactions, lesson.validation, self.settings.seed, self.target)
        examples = training.examples_of(known, self.target, self.settings.history_events)
        if len(examples) < FEWEST_EXAMPLES or not len(validation.row):
            lesson.on_progress(1.0, text("Too few events for a network; habits and popularity serve"))
            return

        def reached(weights: Weights) -> float:
            (found,) = self._ndcg(weights, validation, training.WATCHED_USERS, (0.0,))
            return found

        weights = training.fitted(known, examples, validation, self.settings, lesson=lesson, ndcg=reached)
        found = self._ndcg(weights, validation, training.MEASURED_USERS, HABITS)
        self.weights, self.habit = weights, HABITS[int(np.argmax(found))]
        lesson.on_progress(1.0, text("The network is trained"))

    def _ndcg(
        self, weights: Weights, validation: Validation, n_users: int, habits: tuple[float, ...]
    ) -> list[float]:
        """NDCG@10 with each habit over the full catalogue, of the first users with validation pairs."""
        chosen = np.unique(validation.row)[:n_users]
        histories = validation.histories.users(chosen)
        pairs = np.isin(validation.row, chosen)
        rows = np.searchsorted(chosen, validation.row[pairs])
        plain, counted = self._logits(weights, histories), self._habits(histories)
        if validation.exclude_seen:
            seen = histories.rows(histories.typed(self.target))
            plain[seen.user, seen.item] = -np.inf
        found = []
        for habit in habits:
            scores = _with_habits(plain.copy(), counted, habit)
            ranks = metrics.tied_ranks(scores, rows, validation.item[pairs])
            found.append(float(metrics.ndcg(ranks, SLATE).mean()))
        return found

    def _logits(self, weights: Weights, histories: Interactions) -> Scores:
        """(n_users, n_items) without the habit; what is popular for users without an event."""
        scores = np.tile(self.popularity.tail, (histories.n_users, 1))
        starts, ready = histories.starts, _Ready.of(weights)
        for row in np.flatnonzero(np.diff(starts)):
            latest = histories.item[starts[row] : starts[row + 1]][-self.settings.history_events :]
            scores[row] = ready.logits(latest[::-1])
        return scores

    def _habits(self, histories: Interactions) -> sparse.csr_array:
        """(n_users, n_items) decayed weight of the own events on each item."""
        half_life = self.settings.popular_half_life_days
        faded = decay(histories.time, as_of=histories.as_of, half_life_days=half_life) * histories.weight
        cells = (faded.astype(np.float32), (histories.user, histories.item))
        return sparse.csr_array(cells, shape=(histories.n_users, len(self.item_ids)))

    def _score(self, histories: Interactions) -> Scores:
        habits = self._habits(histories)
        if not self.weights:
            return self.popularity.under(habits)
        return _with_habits(self._logits(self.weights, histories), habits, self.habit)

    def _filled(self, histories: Interactions, values: Scores) -> npt.NDArray[np.bool_]:
        if not self.weights:
            return values < 0
        empty = np.diff(histories.starts) == 0
        return np.broadcast_to(empty[:, None], values.shape)

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        habit = habit_reason(history, item)
        if habit is not None or not self.weights or not len(history):
            return habit or self.popularity.reason(item)
        recent = history.item[-self.settings.history_events :][::-1]
        drops = _Ready.of(self.weights).drops(recent, item)
        if drops.max() <= 0:
            return self.popularity.reason(item)
        source_id = str(self.item_ids[recent[int(drops.argmax())]])
        facts = {"with_item_id": source_id, "drop": float(drops.max())}
        title = titles.get(source_id, source_id)
        return Reason("goes with", facts, text("goes with {title}, which they came to", title=title))

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return self.popularity.arrays() | {f"network_{name}": one for name, one in self.weights.items()}

    def _facts(self) -> dict[str, Any]:
        return {"habit": self.habit}

    def _restore(self, held: Saved) -> None:
        self.popularity = Popularity.restored(held)
        self.habit = float(held.facts["habit"])
        self.weights = {
            name.removeprefix("network_"): one
            for name, one in held.arrays.items()
            if name.startswith("network_")
        }


def _with_habits(logits: Scores, habits: sparse.csr_array, habit: float) -> Scores:
    """Adds to the logits of own items, in place."""
    rows = np.repeat(np.arange(len(logits)), np.diff(habits.indptr))
    logits[rows, habits.indices] += np.float32(habit) * np.log1p(habits.data / np.float32(FAINT_COUNT))
    return logits


@dataclass(frozen=True, eq=False)
class _Ready:
    """The weights with all that does not depend on the user worked out once."""

    query: Scores  # (n_items, factors), over sqrt(factors)
    item: Scores  # (n_items, factors)
    key: Scores  # (n_items, factors)
    value: Scores  # (n_items, factors)
    place: Scores  # (history_events,)
    of_item: Scores  # (n_items, hidden), the item's part of the dense layer and its bias
    of_pair: Scores  # (2 * factors, hidden), for [q c, c]
    of_user: Scores  # (factors, hidden)
    out: Scores  # (hidden,)
    bias: Scores  # (n_items,)

    @classmethod
    def of(cls, weights: Weights) -> _Ready:
        item, kernel = weights["item"], weights["dense"]
        width = item.shape[1]
        return cls(
            query=item / np.float32(np.sqrt(width)),
            item=item,
            key=item @ weights["key"],
            value=item @ weights["value"],
            place=weights["place"],
            of_item=item @ kernel[2 * width : 3 * width] + weights["dense_bias"],
            of_pair=np.ascontiguousarray(kernel[: 2 * width]),
            of_user=kernel[3 * width :],
            out=weights["out"],
            bias=weights["bias"],
        )

    def shares(self, latest: npt.NDArray[Any], items: slice | npt.NDArray[Any]) -> Scores:
        """(n_items, n_events) attention of each item over the events, latest first."""
        raw: Scores = self.query[items] @ self.key[latest].T
        raw += self.place[: len(latest)]
        raw -= raw.max(axis=1, keepdims=True)
        np.exp(raw, out=raw)
        raw /= raw.sum(axis=1, keepdims=True)
        return raw

    def logits(self, latest: npt.NDArray[Any], items: slice | npt.NDArray[Any] = slice(None)) -> Scores:
        """(n_items,) without the habit; `latest` are the items of the events, latest first."""
        value = self.value[latest]
        drawn = self.shares(latest, items) @ value
        joined = np.concatenate([self.item[items] * drawn, drawn], axis=1)
        units = joined @ self.of_pair
        units += self.of_item[items]
        units += value.mean(axis=0) @ self.of_user
        np.maximum(units, 0, out=units)
        found: Scores = units @ self.out + self.bias[items]
        return found

    def drops(self, latest: npt.NDArray[Any], item: int) -> Scores:
        """(n_events,) by how much the item's logit falls without all events on the same item as that one."""
        one = np.array([item])
        whole = self.logits(latest, one)[0]
        fall = np.zeros(len(latest), np.float32)
        for own in np.unique(latest):
            rest = latest[latest != own]
            if len(rest):
                fall[latest == own] = whole - self.logits(rest, one)[0]
            else:
                fall[latest == own] = whole - self.bias[item]
        return fall


def example_logits(weights: Weights, examples: Example, row: int) -> Scores:
    """(n_targets,) of one row of a batch, as the trained network gives it; for tests of equality."""
    history = examples.history[row]
    return _Ready.of(weights).logits(history[history > 0] - 1, examples.targets[row])
