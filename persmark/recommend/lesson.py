"""What comes with a training beside the interactions: who watches it, and what may stop it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from persmark.text import Text

if TYPE_CHECKING:
    from persmark.recommend.interactions import Interactions

OnPoint = Callable[[Mapping[str, float]], None]


@dataclass(frozen=True, eq=False)
class Validation:
    """Pairs that a training may measure itself on to decide when to stop; never learned from.

    Args:
        histories: The users' events before the pairs, over the item vocabulary of the training.
        row: (n_pairs,) place in `histories.user_ids`, ascending.
        item: (n_pairs,) place in `histories.item_ids`.
        exclude_seen: Whether items of the user's history leave the ranking.
    """

    histories: Interactions
    row: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    exclude_seen: bool


@dataclass(frozen=True, eq=False)
class Lesson:
    """Passed to every training.

    Args:
        on_progress: Called with a fraction 0 to 1 and what is happening.
        on_point: Called with each point of the learning curve as it is known: `epoch` and what was
            measured (`loss`, `validation_loss`, `train_ndcg`, `validation_ndcg`).
        validation: None where the training is to set some of its own data aside.
        checkpoint: Folder in which a training that takes long keeps its state after each epoch, and from
            which it goes on if it finds the state of the same data and settings; None keeps none.
    """

    on_progress: Callable[[float, Text], None]
    on_point: OnPoint
    validation: Validation | None = None
    checkpoint: Path | None = None


def unwatched_point(_point: Mapping[str, float]) -> None:
    """A learning curve that nobody watches."""
