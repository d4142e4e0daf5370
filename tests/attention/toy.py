"""Models small enough to be worked by hand."""

from __future__ import annotations

import numpy as np

from persmark.recommend.explained import Explained, Floats, Ints, Mask


class Toy(Explained):
    """Logits are sums over the units present, passed through `bend`.

    Args:
        says: (n_units, n_items) what each unit adds to each item's logit.
        attention: (n_units,) the weights that it claims.
        fields: Names of the last units.
        power: The sums are raised to it.
    """

    aggregation = "mean"

    def __init__(
        self, says: list[list[float]], attention: list[float], fields: tuple[str, ...] = (), power: int = 1
    ) -> None:
        self._says, self._attention, self._power = np.array(says), np.array(attention), power
        self.event = np.arange(len(says) - len(fields))
        self.fields = fields

    def weights(self, items: Ints) -> Floats:
        return np.tile(self._attention, (len(items), 1))

    def heads(self, items: Ints) -> Floats:
        return np.tile(self._attention[: self.n_events], (len(items), 1, 1, 1))

    def scores(self, presence: Floats, masked: Mask | None = None) -> Floats:
        there = presence if masked is None else np.where(masked, 0, presence)
        # An item off the list is off it whatever is present: no product of -inf and 0.
        off = np.isneginf(self._says).any(axis=0)
        sums = (there @ np.where(off, 0.0, self._says)) ** self._power
        return np.asarray(np.where(off, -np.inf, sums))

    def shuffled(self, seed: int) -> Toy:
        order = np.random.default_rng(seed).permutation(len(self._attention))
        return Toy(self._says.tolist(), self._attention[order].tolist(), self.fields, self._power)
