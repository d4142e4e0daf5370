"""Users and candidates as the arrays that the scorer reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from persmark.recommend.candidates import Candidates
from persmark.recommend.facts import UserFacts
from persmark.recommend.interactions import DAY, Interactions
from persmark.recommend.ranker.features import pair_features, steps_of, user_features
from persmark.recommend.ranker.network import N_EVENT
from persmark.recommend.ranker.tables import Floats, ItemTables

Ints = npt.NDArray[np.int64]
# Standardised numbers beyond this many spreads say no more.
FAR = 5.0
NOWHERE = -1  # the item of a padded event: the same as no candidate


@dataclass(frozen=True)
class Scaling:
    """Centre and spread of each number, measured in training."""

    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Of (n, n_numbers) values; what never varies is left alone."""
        spread = values.std(axis=0, dtype=np.float64)
        return cls(
            values.mean(axis=0, dtype=np.float64).astype(np.float32),
            np.where(spread > 1e-6, spread, 1.0).astype(np.float32),
        )

    def __call__(self, values: Floats) -> Floats:
        """Values on one scale, none beyond `FAR`."""
        scaled: Floats = np.clip((values - self.centre) / self.spread, -FAR, FAR)
        return scaled


@dataclass(frozen=True)
class Names:
    """The named fields of users that were known in training: field -> its names, in order."""

    fields: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, facts: UserFacts | None) -> Self:
        """The fields of these facts."""
        return cls(tuple((name, held.names) for name, held in sorted(facts.fields.items())) if facts else ())

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many names each field has."""
        return tuple(len(names) for _, names in self.fields)

    def codes(self, facts: UserFacts | None, n_users: int) -> Ints:
        """(n_users, n_fields) places in one table of all names; each field's last place stands for none."""
        found = np.zeros((n_users, len(self.fields)), np.int64)
        offset = 0
        for column, (field, names) in enumerate(self.fields):
            code = np.full(n_users, len(names), np.int64)
            held = facts.fields.get(field) if facts else None
            if held is not None:
                place = {name: at for at, name in enumerate(names)}
                known = np.array([place.get(name, len(names)) for name in held.names] + [len(names)])
                code = known[held.code]
            found[:, column] = offset + code
            offset += len(names) + 1
        return found


@dataclass(frozen=True, eq=False)
class Encoded:
    """Some users with their candidates.

    Args:
        candidates: The pairs.
        pairs: (n_pairs, n_numbers) raw numbers of each pair, those of the sources last.
        users: (n_users, n_numbers) raw numbers of each profile.
        named: (n_users, n_named) places of names.
        event: (n_users, n_kept) places in the histories of the latest events, oldest first, -1 padding.
        event_item: (n_users, n_kept) items of those events; `NOWHERE` is padding.
        events: (n_users, n_kept, 3) their numbers.
    """

    candidates: Candidates
    pairs: Floats
    users: Floats
    named: Ints
    event: Ints
    event_item: Ints
    events: Floats

    @classmethod
    def of(
        cls,
        known: Interactions,
        tables: ItemTables,
        candidates: Candidates,
        *,
        names: Names,
        history_events: int,
    ) -> Self:
        """Encode users whose histories end at `known.as_of`."""
        numbers = pair_features(known, tables, candidates.row, candidates.item)
        event, event_item, events = _events(known, history_events)
        return cls(
            candidates=candidates,
            pairs=np.concatenate([numbers, candidates.said], axis=1),
            users=user_features(known, tables),
            named=names.codes(known.user_facts, known.n_users),
            event=event,
            event_item=event_item,
            events=events,
        )


def _events(known: Interactions, most: int) -> tuple[Ints, Ints, Floats]:
    """The latest `most` events of each user, at the end of the row."""
    n_users = known.n_users
    size = most
    place = known.starts[1:, None] - size + np.arange(size)[None, :]
    real = place >= known.starts[:-1, None]
    at = np.where(real, place, 0)
    if not len(known):
        return (
            np.full((n_users, size), -1),
            np.full((n_users, size), NOWHERE),
            np.zeros((n_users, size, N_EVENT), np.float32),
        )
    step = steps_of(known)
    last = np.zeros(n_users, np.int64)
    np.maximum.at(last, known.user, step)
    cell = known.user.astype(np.int64) * max(known.n_items, 1) + known.item
    _, where, count = np.unique(cell, return_inverse=True, return_counts=True)
    days = np.log1p(np.maximum(known.as_of - known.time, 0) / DAY)
    passed = np.log1p(last[known.user] - step)
    numbers = np.stack([days, passed, np.log1p(count[where])], axis=1).astype(np.float32)
    events = np.where(real[:, :, None], numbers[at] - np.float32(2), np.float32(0))
    return np.where(real, place, -1), np.where(real, known.item[at], NOWHERE).astype(np.int64), events


def inputs(
    held: Encoded,
    rows: Ints,
    pair: Ints,
    *,
    tables: ItemTables,
    pair_scaling: Scaling,
    user_scaling: Scaling,
) -> Mapping[str, npt.NDArray[Any]]:
    """What the scorer reads for some users.

    Args:
        held: The users.
        rows: (B,) which of them.
        pair: (B, L) places of the pairs to be scored; padding may repeat any.
        tables: For categories and paths.
        pair_scaling: Of the pairs' numbers.
        user_scaling: Of the profiles' numbers.
    """
    item = held.candidates.item[pair]
    seen = held.event_item[rows]
    real = seen != NOWHERE
    at = np.where(real, seen, 0)
    return {
        "pairs": pair_scaling(held.pairs[pair]),
        "item": item.astype(np.int32),
        "category": tables.category[item],
        "path": tables.path[item],
        "users": user_scaling(held.users[rows]),
        "named": held.named[rows].astype(np.int32),
        "event_item": seen.astype(np.int32),
        "event_category": np.where(real, tables.category[at], 0).astype(np.int32),
        "event_path": np.where(real, tables.path[at], 0).astype(np.int32),
        "events": held.events[rows],
        "event_real": real.astype(np.float32),
    }
