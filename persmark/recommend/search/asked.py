"""What a search is asked, and the order in which it goes about it.

The order is that of accuracy for each second of work, as published comparisons have it: counting first,
then closed forms and walks, then what learns by steps, mixtures after what they mix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from persmark.errors import InputError
from persmark.recommend import registry
from persmark.recommend.registry import SIMPLE, recommender
from persmark.recommend.runs import named
from persmark.recommend.training import VALIDATION_DAYS
from persmark.text import text

ORDER = (
    "popular", "repeat", "markov", "ease", "graph", "spectral", "matrix_factorisation", "self_attention",
    "ranker", "blend", "neural_cf",
)  # fmt: skip


@dataclass(frozen=True)
class FindBest:
    """What is searched.

    Args:
        minutes: For everything: reading, measuring, and training the winner.
        recommenders: Names; all there are where empty.
        settings: Name -> settings.
        weights: Event type -> weight, in place of the defaults.
        window_days: Learn from the last days only.
        label: What to call the winner's run.
        test_days: Length of the window they are measured on, local days.
        min_item_events: Of the catalogue.
        seed: Of the bootstrap.
        resume: Go on where the same search stopped.
    """

    minutes: float = 10.0
    recommenders: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    weights: Mapping[str, float] | None = None
    window_days: int | None = None
    label: str = ""
    test_days: int = VALIDATION_DAYS
    min_item_events: int = 1
    seed: int = 0
    resume: bool = False

    def __post_init__(self) -> None:
        if not self.minutes > 0:
            raise InputError(
                text("The time to search must be above 0 minutes. Received: {minutes}.", minutes=self.minutes)
            )
        for name in self.recommenders:
            recommender(name)
        named(self.label)

    @property
    def names(self) -> tuple[str, ...]:
        """What is measured, in order; the simple ones always, for without them nothing is proved."""
        there = {*(self.recommenders or registry.RECOMMENDERS), *SIMPLE}
        return tuple(sorted((name for name in registry.RECOMMENDERS if name in there), key=_place))


def _place(name: str) -> float:
    """Where in the order; what it does not name comes behind what is counted, or last where it learns."""
    if name in ORDER:
        return ORDER.index(name)
    return len(ORDER) if recommender(name).learned else ORDER.index("graph") + 0.5
