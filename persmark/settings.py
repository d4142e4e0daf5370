"""Settings of the house: name, unit, default and where the number comes from.

Each value is read once from the environment where a variable is named, so that a test or a
deployment can change it without touching code.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path


def _data_folder() -> Path:
    return Path(os.environ.get("PERSMARK_DATA", "data")).resolve()


@dataclass(frozen=True)
class StoreSettings:
    """How the database is opened.

    Attributes:
        memory_limit: What one writer's database may hold, as DuckDB writes it. Default 1100MB: with
            what stands outside of it a process stays below 1.5 GB, on a laptop beside a browser;
            larger sorts spill to the workspace's `tmp` folder.
        reader_memory_limit: The same for the readers of one process.
        threads: Worker threads of one connection; 0 = one per core.
        limit_ms: Longest a reader's query may run, milliseconds.
        lock_wait_seconds: How long a writer waits for another one.
    """

    memory_limit: str = field(default_factory=lambda: os.environ.get("PERSMARK_MEMORY", "1100MB"))
    reader_memory_limit: str = "2GB"
    threads: int = 0
    limit_ms: int = 15_000
    lock_wait_seconds: float = 30.0


@dataclass(frozen=True)
class EventSettings:
    """How events are read and cut into sessions.

    Attributes:
        session_gap_minutes: A longer silence starts a new session; 30 is the web-analytics
            standard (Google Analytics 4, "About sessions").
        earliest_year: Events before it are rejected as impossible clocks.
        future_days: Events more than this after the load are rejected likewise.
        compact_after_deltas: An append that makes this many deltas is followed by a compaction, as a
            job; until then a read opens one small file more per append.
        bot_events_per_hour: More own events in one hour of the clock are a program's: one every seven
            seconds for a whole hour.
    """

    session_gap_minutes: int = 30
    earliest_year: int = 1990
    future_days: int = 2
    compact_after_deltas: int = 12
    bot_events_per_hour: int = 500


@dataclass(frozen=True)
class ProfileSettings:
    """How events become one row per user.

    Attributes:
        half_life_days: After this many days an event counts half towards category and brand shares;
            42 = six weekly shopping trips.
        contact_days: Window of the recent campaign contacts.
        new_days: A first purchase this recent makes a user new. These three are conventions of a
            monthly shop: set them to your own purchase cycle.
        active_days: A last purchase this recent makes a user active, else at risk.
        lost_days: A last purchase longer ago makes a user lost.
        max_attributes: At most so many user attributes become columns, the most common first.
        trend_days: What trends set against as many days before; 28 = four whole weeks, so that both
            halves have the same weekdays.
        response_days: A visit within so many days after a campaign contact answers it; a week, the
            click-through window of most mailing tools lies between 5 and 7.
        dwell_cap_minutes: Longer looks count as this much: a screen left open is not looked at.
        novelty_orders: How many of the latest orders tell what is new to a user.
    """

    half_life_days: float = 42.0
    contact_days: int = 30
    new_days: int = 30
    active_days: int = 60
    lost_days: int = 180
    max_attributes: int = 40
    trend_days: int = 28
    response_days: int = 7
    dwell_cap_minutes: int = 10
    novelty_orders: int = 5


@dataclass(frozen=True)
class PredictSettings:
    """How much a training of the profile models looks at.

    Attributes:
        most_users: Users that are learned from and judged by; past it, a sample by MD5.
        most_things: Categories, those with the most buyers first.
        most_pairs: Pairs of user and category per moment that are learned from; past it, fewer users.
        most_scores: Predictions for pairs that are published; past it, fewer categories.
        most_channels: Channels, those with the most users first.
    """

    most_users: int = 20_000
    most_things: int = 150
    most_pairs: int = 400_000
    most_scores: int = 20_000_000
    most_channels: int = 6


@dataclass(frozen=True)
class PrivacySettings:
    """What may be told of few people.

    Attributes:
        smallest_group: A figure on fewer users than this is not shown, but joined with others: it would
            be one on persons. 10 is the threshold rule of many statistical offices (Hundepool et al.,
            Statistical Disclosure Control, 2012, section 4.2).
    """

    smallest_group: int = 10


@dataclass(frozen=True)
class Settings:
    """Everything above, with the folder that holds workspaces (`PERSMARK_DATA`)."""

    data_folder: Path = field(default_factory=_data_folder)
    store: StoreSettings = field(default_factory=StoreSettings)
    events: EventSettings = field(default_factory=EventSettings)
    profiles: ProfileSettings = field(default_factory=ProfileSettings)
    predict: PredictSettings = field(default_factory=PredictSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)


def settings() -> Settings:
    """The settings in force, read from the environment at each call (it is cheap)."""
    return Settings()
