"""One user's history as a trained model sees it: what can be taken away, and what then remains.

What `persmark.attention` asks of a recommender that attends. Units are the events that the model
looked at, oldest first, then the fields of the profile, if it has any.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Explained(ABC):
    """A model bound to one history.

    Attributes:
        event: (n_events,) places of the looked-at events in the history that was handed in, ascending.
        fields: Names of the profile fields that it attends to; empty where it has none.
        aggregation: How heads and layers become one weight, in one word: `value-norm`, `rollout`, `mean`.
        costly: Whether a variant costs so much that only the most promising are to be asked about.
    """

    event: Ints
    fields: tuple[str, ...] = ()
    aggregation: str = "value-norm"
    costly: bool = False

    @property
    def n_events(self) -> int:
        """Events that can be taken away."""
        return len(self.event)

    @property
    def n_units(self) -> int:
        """Events and fields that can be taken away."""
        return len(self.event) + len(self.fields)

    @abstractmethod
    def weights(self, items: Ints) -> Floats:
        """Attention on each unit when these items are scored.

        Args:
            items: (n_asked,) columns of the catalogue.

        Returns:
            (n_asked, n_units) 0 to 1; those of the events sum to 1, and those of the fields.
        """

    @abstractmethod
    def heads(self, items: Ints) -> Floats:
        """(n_asked, n_layers, n_heads, n_events) the weights before they are made one; each row sums to 1."""

    @abstractmethod
    def scores(self, presence: Floats, masked: Mask | None = None) -> Floats:
        """Scores of the whole catalogue with parts of the input gone.

        Args:
            presence: (n_variants, n_units) factor on each unit's embedding; 1 leaves it, 0 empties it.
            masked: (n_variants, n_units) whether nothing may attend to the unit; where left out, where
                its presence is 0.

        Returns:
            (n_variants, n_items) logits.
        """

    def scores_of(self, presence: Floats, items: Ints, masked: Mask | None = None) -> Floats:
        """(n_variants, n_asked) `scores` of some items only, at less cost where it can be had."""
        return self.scores(presence, masked)[:, items]

    def faded(self, presence: Floats, items: Ints) -> Floats:
        """Scores of some items while units fade towards a baseline, their keys left open.

        The baseline is the empty embedding where the model does not know better. One that divides by the
        size of its input (layer normalisation) jumps at the empty embedding, and is to fade towards
        an embedding that says nothing instead: the mean one.

        Args:
            presence: (n_variants, n_units) 1 is the unit itself, 0 the baseline.
            items: (n_asked,) columns of the catalogue.

        Returns:
            (n_variants, n_asked) logits.
        """
        return self.scores_of(presence, items, np.zeros(presence.shape, bool))

    @abstractmethod
    def shuffled(self, seed: int) -> Explained:
        """The same history under the model with its attention parameters permuted: what weights look
        like that learned nothing."""


@dataclass(frozen=True, eq=False)
class Attended:
    """Where a model looked for many users at once, each scored for their own first item.

    Args:
        item: (n_users,) column of each user's first item.
        event: (n_looked,) places in the histories of the events that were looked at, ascending.
        weight: (n_looked,) attention; each user's sum to 1.
        fields: Names of the profile fields that it attends to.
        field_weight: (n_users, n_fields) attention; each row sums to 1.
    """

    item: Ints
    event: Ints
    weight: Floats
    fields: tuple[str, ...]
    field_weight: Floats
