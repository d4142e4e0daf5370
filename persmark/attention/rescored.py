"""Any recommender explained by what it does: events are taken out of the history, which is scored anew.

The variant that closes the gap, for recommenders without weights of their own. What is left is scored
as if the event had never been; positions move up.
"""

from __future__ import annotations

import numpy as np

from persmark.errors import InputError
from persmark.recommend import Interactions, Recommender
from persmark.recommend.explained import Explained, Floats, Ints, Mask
from persmark.text import text

MOST_EVENTS = 200


class Rescored(Explained):
    """A recommender bound to the latest events of one user.

    Args:
        recommender: Of any kind.
        history: The events of one user.
        most_events: Only the latest so many can be taken away; older ones stay in the history.

    Raises:
        InputError: `history` is not of one user.
    """

    aggregation = "none"
    costly = True

    def __init__(
        self, recommender: Recommender, history: Interactions, *, most_events: int = MOST_EVENTS
    ) -> None:
        if history.n_users != 1:
            raise InputError(
                text(
                    "An explanation is for one user. Received: {n}. Ask for each in turn.", n=history.n_users
                )
            )
        self._recommender, self._history = recommender, history
        self.event = np.arange(max(0, len(history) - most_events), len(history))

    def weights(self, items: Ints) -> Floats:
        """It has none: every event the same."""
        return np.full((len(items), self.n_events), 1 / max(self.n_events, 1))

    def heads(self, items: Ints) -> Floats:
        """It has none."""
        return np.zeros((len(items), 0, 0, self.n_events))

    def scores(self, presence: Floats, masked: Mask | None = None) -> Floats:
        """Of the history without the events whose presence is 0; parts of an event cannot be taken."""
        return self._recommender.score_matrix(self._variants(presence, masked))

    def scores_of(self, presence: Floats, items: Ints, masked: Mask | None = None) -> Floats:
        """Of some items only."""
        return self._recommender.score_columns(self._variants(presence, masked), items)

    def _variants(self, presence: Floats, masked: Mask | None) -> Interactions:
        """The history once for each row of presence, as that of so many users."""
        history, n_variants = self._history, len(presence)
        keep = np.ones((n_variants, len(history)), bool)
        keep[:, self.event] = (presence > 0) if masked is None else ~masked & (presence > 0)
        return history.copies(keep)

    def shuffled(self, seed: int) -> Explained:
        """The same: there are no weights to permute."""
        return self
