"""Where the ranker looks for one user, and what its scores are with parts of the user gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from persmark.recommend.explained import Attended, Explained, Floats, Ints, Mask
from persmark.recommend.interactions import Interactions
from persmark.recommend.ranker.encoded import Encoded
from persmark.recommend.ranker.features import USER_NAMES
from persmark.recommend.ranker.network import forward

if TYPE_CHECKING:
    from persmark.recommend.ranker.recommender import Ranker, Trained

# Weights that decide where it looks; what it does with what it sees is the rest.
LOOKING = ("event_query", "event_same", "event_near", "field_query")
# Variants of one user scored at once.
AT_ONCE = 64
# Users whose candidates are looked for at once: their scores over 30,000 items are 30 MB a source.
MANY_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Looked:
    """Attention of one user's candidates.

    Args:
        event: (1, n_kept) places in the history of the events that were looked at, oldest first; -1 is
            padding.
        event_weight: (1, n_candidates, n_kept) sums to 1 over real events, 0 on padding.
        fields: Names of the profile's fields.
        field_weight: (1, n_candidates, n_fields) sums to 1.
    """

    event: Ints
    event_weight: npt.NDArray[np.float32]
    fields: tuple[str, ...]
    field_weight: npt.NDArray[np.float32]


class RankerExplained(Explained):
    """The ranker bound to one user's history.

    Taking an event away takes it out of the counts too, as if it had never been; a part of an event
    (a presence between 0 and 1) fades its embedding alone. The candidates stay those of the whole
    history. Items that are no candidate keep a score below all that are.

    Args:
        ranker: Trained, with a scorer that attends to the history.
        history: Of one user, items as the ranker's columns.
    """

    aggregation = "mean"  # there is one head in one layer
    costly = True

    def __init__(self, ranker: Ranker, history: Interactions, trained: Trained | None = None) -> None:
        assert ranker.scorer is not None
        self._ranker, self._history = ranker, history
        self._trained = trained or ranker.scorer
        self._held = ranker.encoded(history)
        self._real = self._held.event[0] >= 0
        self.event = self._held.event[0][self._real]
        named = tuple(name for name, _ in self._trained.names.fields)
        self.fields = (*USER_NAMES, *named) if self._trained.shape.field_attention else ()

    def weights(self, items: Ints) -> Floats:
        """Attention on each unit when these items are scored."""
        also = (np.zeros(len(items), np.int64), np.asarray(items, np.int64))
        held = self._ranker.encoded(self._history, also=also)
        found = self._forward(held, np.searchsorted(held.candidates.item, items)[None, :])
        parts = [found["event_weight"][0][:, self._real]] if "event_weight" in found else [
            np.full((len(items), len(self.event)), 1 / max(len(self.event), 1), np.float32)
        ]  # fmt: skip
        if self.fields:
            parts.append(found["field_weight"][0])
        return np.concatenate(parts, axis=1)

    def heads(self, items: Ints) -> Floats:
        """The one head of the one layer."""
        return self.weights(items)[:, None, None, : self.n_events]

    def scores(self, presence: Floats, masked: Mask | None = None) -> Floats:
        """Scores of the whole catalogue with parts of the input gone."""
        item = self._held.candidates.item
        score = self._scores(presence, item, masked)
        tail = self._ranker.popularity.tail
        found: npt.NDArray[np.float32] = np.tile(tail, (len(score), 1))
        found += score.min(axis=1, keepdims=True, initial=0.0)
        found[:, item] = score
        return found

    def scores_of(self, presence: Floats, items: Ints, masked: Mask | None = None) -> Floats:
        """Of items that are candidates, without working out the rest."""
        if not np.isin(items, self._held.candidates.item).all():
            return super().scores_of(presence, items, masked)
        distinct, place = np.unique(items, return_inverse=True)
        return self._scores(presence, distinct, masked)[:, place]

    def shuffled(self, seed: int) -> Explained:
        """The same history, the weights that decide where to look permuted."""
        rng = np.random.default_rng(seed)
        mixed = {
            name: rng.permutation(held.ravel()).reshape(held.shape) if name in LOOKING else held
            for name, held in self._trained.weights.items()
        }
        return RankerExplained(self._ranker, self._history, replace(self._trained, weights=mixed))

    def _scores(self, presence: Floats, item: Ints, masked: Mask | None) -> npt.NDArray[np.float32]:
        """(n_variants, n_asked) scores of candidates, ascending."""
        gone = (presence == 0) if masked is None else np.asarray(masked, bool)
        found = [
            self._scored(np.asarray(presence[at : at + AT_ONCE], np.float32), gone[at : at + AT_ONCE], item)
            for at in range(0, len(presence), AT_ONCE)
        ]
        return np.concatenate(found) if found else np.zeros((0, len(item)), np.float32)

    def _scored(self, presence: npt.NDArray[np.float32], gone: Mask, item: Ints) -> npt.NDArray[np.float32]:
        n, n_events = len(presence), self.n_events
        # Counted once for all variants that the same events are gone from.
        distinct, variant = np.unique(gone[:, :n_events], axis=0, return_inverse=True)
        variant = variant.reshape(-1)
        held = self._without(distinct, item)
        share = np.zeros((n, len(self._real)), np.float32)
        share[:, self._real] = np.where(gone[:, :n_events], 0, presence[:, :n_events])
        there = np.ones(share.shape, bool)
        there[:, self._real] = ~gone[:, :n_events]
        pair = variant[:, None] * len(item) + np.arange(len(item))
        x = dict(self._ranker.inputs_of(held, variant, pair, trained=self._trained))
        x["event_presence"] = share
        # By what is gone, not by what is empty: a fading event keeps its key to the end.
        x["event_real"] = x["event_real"] * there
        if self.fields:
            x["field_real"] = (~gone[:, n_events:]).astype(np.float32)
            x["field_presence"] = presence[:, n_events:] * x["field_real"]
        score: npt.NDArray[np.float32] = forward(np, self._trained.weights, x, self._trained.shape)["score"]
        return score

    def _without(self, gone: Mask, item: Ints) -> Encoded:
        """The history once for each row of (n, n_events) events that are gone, as that of so many users.

        The sources weigh all candidates against each other; of these only `item` are encoded.
        """
        n, history, every = len(gone), self._history, self._held.candidates.item
        keep = np.ones((n, len(history)), bool)
        keep[:, self.event] = ~gone
        many = history.copies(keep)
        only = (np.repeat(np.arange(n), len(every)), np.tile(every, n))
        held = self._ranker.encoded(many, only=only, read=np.tile(np.isin(every, item), n))
        # The events stay where they were: those taken away are masked, not closed up.
        return replace(
            held,
            event_item=np.repeat(self._held.event_item, n, axis=0),
            events=np.repeat(self._held.events, n, axis=0),
        )

    def _forward(self, held: Encoded, pair: Ints) -> Mapping[str, npt.NDArray[Any]]:
        return forward(
            np,
            self._trained.weights,
            self._ranker.inputs_of(held, np.arange(len(pair)), pair, trained=self._trained),
            self._trained.shape,
        )


def looked(ranker: Ranker, history: Interactions) -> Looked:
    """Attention of all candidates of one user.

    Args:
        ranker: Trained, with both attentions on.
        history: Of one user, items as the ranker's columns.
    """
    held = RankerExplained(ranker, history)
    found = held._forward(held._held, np.arange(len(held._held.candidates.item))[None, :])
    return Looked(held._held.event, found["event_weight"], held.fields, found["field_weight"])


def looked_for_many(ranker: Ranker, histories: Interactions) -> Attended:
    """Where it looks for each user when it scores the candidate that it puts first.

    Args:
        ranker: Trained, with a scorer that attends to the history.
        histories: Items as the ranker's columns.
    """
    assert ranker.scorer is not None
    named = tuple(name for name, _ in ranker.scorer.names.fields)
    fields = (*USER_NAMES, *named) if ranker.scorer.shape.field_attention else ()
    n_users = histories.n_users
    item = np.full(n_users, int(np.argmax(ranker.popularity.tail)), np.int64)
    field_weight = np.zeros((n_users, len(fields)), np.float32)
    places, shares = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for start in range(0, n_users, MANY_AT_ONCE):
        stop = min(start + MANY_AT_ONCE, n_users)
        held = ranker.encoded(histories.users(slice(start, stop)))
        first = _first_pairs(held.candidates.row, ranker.scores_of_pairs(held), stop - start)
        rows = np.flatnonzero(first >= 0)
        if not len(rows):
            continue
        item[start + rows] = held.candidates.item[first[rows]]
        found = forward(np, ranker.scorer.weights,
                        ranker.inputs_of(held, rows, first[rows][:, None]), ranker.scorer.shape)  # fmt: skip
        event = held.event[rows]
        real = event >= 0
        places.append(event[real] + histories.starts[start])
        shares.append(found["event_weight"][:, 0][real])
        if fields:
            field_weight[start + rows] = found["field_weight"][:, 0]
    return Attended(item, np.concatenate(places), np.concatenate(shares), fields, field_weight)


def _first_pairs(row: Ints, score: npt.NDArray[np.float32], n_users: int) -> Ints:
    """(n_users,) place of each user's best pair, the earliest of equals; -1 where there is none."""
    order = np.lexsort((np.arange(len(row)), -score, row))
    found = np.full(n_users, -1, np.int64)
    begins = np.flatnonzero(np.diff(row[order], prepend=-1))
    found[row[order[begins]]] = order[begins]
    return found
