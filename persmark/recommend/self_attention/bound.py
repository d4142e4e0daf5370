"""One history bound to the model: its attention weights, and scores with events taken away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from persmark.recommend.explained import Explained, Floats, Ints, Mask
from persmark.recommend.forward import Array
from persmark.recommend.self_attention.sequences import Events, Windows
from persmark.recommend.self_attention.serving import Looked, Served

# Variants x length x length of one pass: 4 million float32 are 16 MB for each head.
CELLS_AT_ONCE = 4_000_000


class BoundHistory(Explained):
    """The latest events of one user as the query sees them.

    Attention is the same whichever item is scored. An event taken away has its embedding emptied and
    its key masked in every layer; the others keep their positions.

    Args:
        served: The weights.
        events: Of one user, at least one.
        length: How many of the latest are read.
    """

    def __init__(self, served: Served, events: Events, length: int) -> None:
        self._served, self._events, self._length = served, events, length
        start, stop = events.latest(np.zeros(1, np.int64), length)
        self._windows = Windows.of(events, start, stop)
        self._query = self._windows.last_step
        self.event = np.arange(int(start[0]), int(stop[0]))
        self.aggregation = "rollout" if served.blocks else "value-norm"

    def weights(self, items: Ints) -> Floats:
        """Heads by the length of what they hand over; layers by rollout, half of each kept."""
        looked = self._served.look(self._windows, self._query, keep_weights=True)
        return np.repeat(rolled_out(looked), len(items), axis=0)

    def heads(self, items: Ints) -> Floats:
        """The query's own attention in each layer it has: the last one's heads; in the layers before,
        what the latest event attends to."""
        looked = self._served.look(self._windows, self._query, keep_weights=True)
        layers = np.stack([weights[0, :, -1] for weights in looked.weights])
        return np.repeat(layers[None], len(items), axis=0)

    def scores(self, presence: Floats, masked: Mask | None = None) -> Floats:
        """Logits of the whole catalogue with events faded or gone."""
        return self._scores(presence, masked, None)

    def scores_of(self, presence: Floats, items: Ints, masked: Mask | None = None) -> Floats:
        """The same of some items, without the rest of the catalogue."""
        return self._scores(presence, masked, items)

    def faded(self, presence: Floats, items: Ints) -> Floats:
        """Scores of some items while events fade towards the mean event, which normalisation bears."""
        return self._scores(presence, np.zeros(presence.shape, bool), items, self._served.mean_event)

    def _scores(
        self, presence: Floats, masked: Mask | None, items: Ints | None, baseline: Array | None = None
    ) -> Floats:
        gone = presence == 0 if masked is None else masked
        n, length = presence.shape
        size = max(1, CELLS_AT_ONCE // max(length * (length if self._served.blocks else 1), 1))
        made = [
            self._served.scores(
                _repeated(self._windows, len(presence[at : at + size])),
                np.repeat(self._query, len(presence[at : at + size])),
                presence=presence[at : at + size].astype(np.float32),
                masked=gone[at : at + size],
                items=items,
                baseline=baseline,
            )
            for at in range(0, n, size)
        ]
        n_items = len(self._served.demand) if items is None else len(items)
        return np.concatenate(made) if made else np.zeros((0, n_items), np.float32)

    def shuffled(self, seed: int) -> BoundHistory:
        """With the entries of what makes attention, in every layer, in a random order."""
        rng = np.random.default_rng(seed)
        arrays = {
            name: rng.permutation(array.ravel()).reshape(array.shape) if _attends(name) else array
            for name, array in self._served.arrays.items()
        }
        return BoundHistory(replace(self._served, arrays=arrays), self._events, self._length)


def rolled_out(looked: Looked) -> Array:
    """(n_rows, length) the query's attention followed back through the layers; each row sums to 1."""
    share: Array | None = None
    for weights, values in zip(reversed(looked.weights), reversed(looked.values), strict=True):
        handed = (weights * values[:, :, None, :]).sum(axis=1)
        total = handed.sum(axis=-1, keepdims=True)
        layer = handed / np.where(total > 0, total, 1)
        if share is None:
            share = layer[:, -1]
            continue
        # Half of a mixed event is the event itself, carried past the layer.
        share = (share + (share[:, None, :] @ layer)[:, 0]) / 2
    assert share is not None
    shares: Array = share / np.maximum(share.sum(axis=-1, keepdims=True), np.float32(1e-12))
    return shares


def _repeated(windows: Windows, n: int) -> Windows:
    names = ("item", "kind", "gap", "step", "count", "again", "event")
    return replace(windows, **{name: np.repeat(getattr(windows, name), n, axis=0) for name in names})


def _attends(name: str) -> bool:
    return "to_query.kernel" in name or "to_key.kernel" in name or name.endswith("distance")
