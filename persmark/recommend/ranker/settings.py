"""Settings of `ranker`."""

from __future__ import annotations

from dataclasses import dataclass

from persmark.recommend.options import Settings, option
from persmark.recommend.popular import HALF_LIFE_DAYS


@dataclass(frozen=True)
class RankerSettings(Settings):
    """Settings of `ranker`."""

    sources: str = option(
        "repeat markov popular ease graph", about="Recommenders that name the candidates, divided by blanks"
    )
    n_own: int = option(
        200, about="Own items that a source may name", unit="items of a user", low=1, high=5000
    )
    n_fresh: int = option(
        100, about="Other items that a source may name", unit="items of a user", low=1, high=5000
    )
    windows: int = option(3, about="Past moments that are learned from", low=1, high=50)
    window_days: float = option(
        28.0,
        about="How long after a moment counts as its answer; less where events are few",
        unit="days",
        low=0.01,
        high=3650,
    )
    step_days: float = option(28.0, about="How far the moments lie apart", unit="days", low=0.01, high=3650)
    most_users: int = option(
        5000, about="Users of a moment that are learned from", unit="users", low=10, high=1_000_000
    )
    list_items: int = option(
        192, about="Candidates of a user in one step of the fit", unit="items", low=2, high=5000
    )
    history_events: int = option(
        64, about="Latest events that are attended to", unit="events", low=1, high=1000
    )
    width: int = option(16, about="Width of embeddings and attention", low=1, high=512)
    hidden: int = option(64, about="Width of the network's first layer", low=2, high=4096)
    history_attention: bool = option(True, about="Attend to the history")
    field_attention: bool = option(True, about="Attend to the fields of the profile")
    epochs: int = option(10, about="Most passes over the examples", low=1, high=1000)
    patience: int = option(4, about="Passes without a better validation before it stops", low=1, high=1000)
    minutes: float = option(
        6.0, about="After how long no further pass begins", unit="minutes", low=0.01, high=10_000
    )
    rate: float = option(2e-3, about="Learning rate", low=1e-6, high=1.0)
    decay: float = option(1e-3, about="Weight decay", low=0.0, high=1.0)
    dropout: float = option(0.1, about="Share of numbers blanked in training", low=0.0, high=0.9)
    popular_half_life_days: float = option(
        HALF_LIFE_DAYS,
        about="Half-life of the popularity that fills the slate",
        unit="days",
        low=0.01,
        high=36_500,
    )
    seed: int = option(0, about="Of weights and draws", low=0, high=2**31 - 1)
