"""Some of the units of a history, the others left as they are."""

from __future__ import annotations

import numpy as np

from persmark.recommend.explained import Explained, Floats, Ints, Mask


class Part(Explained):
    """Only these units can be taken away; the others stay in place.

    Args:
        whole: The model bound to a history.
        units: (n_part,) places among its units.
    """

    def __init__(self, whole: Explained, units: Ints) -> None:
        self._whole, self._units = whole, units
        self.event = whole.event[units[units < whole.n_events]]
        self.fields = tuple(whole.fields[unit - whole.n_events] for unit in units[units >= whole.n_events])
        self.aggregation = whole.aggregation

    def weights(self, items: Ints) -> Floats:
        """Those of the part, as they are in the whole."""
        return self._whole.weights(items)[:, self._units]

    def heads(self, items: Ints) -> Floats:
        """Of the events of the part."""
        return self._whole.heads(items)[..., self._units[self._units < self._whole.n_events]]

    def scores(self, presence: Floats, masked: Mask | None = None) -> Floats:
        """With the rest present."""
        return self._whole.scores(*self._spread(presence, masked))

    def scores_of(self, presence: Floats, items: Ints, masked: Mask | None = None) -> Floats:
        """The same of some items."""
        spread, hidden = self._spread(presence, masked)
        return self._whole.scores_of(spread, items, hidden)

    def faded(self, presence: Floats, items: Ints) -> Floats:
        """The same while they fade."""
        return self._whole.faded(self._spread(presence, None)[0], items)

    def _spread(self, presence: Floats, masked: Mask | None) -> tuple[Floats, Mask | None]:
        spread = np.ones((len(presence), self._whole.n_units), presence.dtype)
        spread[:, self._units] = presence
        hidden = None
        if masked is not None:
            hidden = np.zeros(spread.shape, bool)
            hidden[:, self._units] = masked
        return spread, hidden

    def shuffled(self, seed: int) -> Explained:
        """The same part under permuted attention."""
        return Part(self._whole.shuffled(seed), self._units)


def events_of(explained: Explained) -> Explained:
    """Only the events can be taken away; the profile stays."""
    if not explained.fields:
        return explained
    return Part(explained, np.arange(explained.n_events))


def fields_of(explained: Explained) -> Explained:
    """Only the profile's fields can be taken away; the events stay."""
    return Part(explained, np.arange(explained.n_events, explained.n_units))
