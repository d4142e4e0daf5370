"""What every recommender can do: train, score, recommend, give a reason, be saved and loaded.

A recommender keeps nothing about users. It is handed their histories when it scores them, so a new
event changes the slate without retraining, an erased user is gone at once, and a server holds
item-side weights only.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from persmark.columns import ITEM_ID, RANK, SCORE, USER_ID
from persmark.errors import EmptyError, FileRefusedError, InputError
from persmark.recommend import saved
from persmark.recommend.explained import Attended, Explained
from persmark.recommend.interactions import Ids, Interactions
from persmark.recommend.later import Later
from persmark.recommend.lesson import Lesson, OnPoint, Validation, unwatched_point
from persmark.recommend.options import Settings
from persmark.recommend.topk import best_columns
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress

Scores = npt.NDArray[np.float32]

FILLED = "filled"
# Cells scored at once: 8 million float32 are 32 MB, and a few such blocks live at a time.
BLOCK_CELLS = 8_000_000


@dataclass(frozen=True)
class Reason:
    """Why an item is recommended to a user.

    Args:
        kind: `repeat`, `follows`, `popular` or another word for the sort of reason.
        facts: What the sentence was made of, for tables and exports.
        text: The sentence.
    """

    kind: str
    facts: Mapping[str, object]
    text: Text


class Recommender(ABC):
    """A trained object that returns ranked items.

    Attributes:
        name: Its name on pages and on the command line.
        settings_type: The dataclass of its settings.
        comparable_between_users: Whether a score means the same for every user, so that users may be
            ordered by their scores of one item; else scores order the items of one user only.
        item_ids: (n_items,) its catalogue, ascending; columns of every score matrix.
        settings: The settings that it was trained with.
        as_of: Epoch seconds; the time up to which it has learned.
        target: The event type that weighed most in training: what "already bought" means here.
        event_weights: Event type -> weight, where it was trained with others than the defaults: the
            histories that it scores are to be weighed alike. Empty with the defaults.
        curve: Points of the learning curve, oldest first; empty for what is counted.
        needs_facts: Whether it learns from `Interactions.item_facts` and `user_facts`.
        scores_with_facts: Whether scoring reads them too, not training alone.
        learned: Whether it is fitted step by step and can overfit, not counted.
        grows: Whether `update` counts later events on and takes new items into the catalogue.
        most_attended: Users whose attention is summed up in some seconds; of more a sample is drawn.
    """

    name: ClassVar[str]
    settings_type: ClassVar[type[Settings]]
    comparable_between_users: ClassVar[bool] = False
    needs_facts: ClassVar[bool] = False
    scores_with_facts: ClassVar[bool] = True
    learned: ClassVar[bool] = False
    grows: ClassVar[bool] = False
    most_attended: ClassVar[int] = 10_000

    item_ids: Ids
    settings: Settings
    as_of: int
    target: str
    event_weights: Mapping[str, float] = MappingProxyType({})
    curve: Sequence[Mapping[str, float]] = ()

    @classmethod
    def train(
        cls,
        interactions: Interactions,
        settings: Settings | Mapping[str, object] | None = None,
        *,
        on_progress: OnProgress | None = None,
        on_point: OnPoint | None = None,
        validation: Validation | None = None,
        checkpoint: Path | None = None,
    ) -> Self:
        """Learn from interactions.

        Args:
            interactions: What happened, up to `interactions.as_of`; later events are refused.
            settings: Of `settings_type`, or names and values.
            on_progress: Called with a fraction 0 to 1 and what is happening.
            on_point: Called with each point of the learning curve.
            validation: What decides when to stop; a training that needs it sets some of its own data
                aside where left out.
            checkpoint: Folder in which a long training keeps its state, and from which it goes on.

        Raises:
            EmptyError: There is no interaction.
            InputError: A setting is wrong, or an event lies after `as_of`.
        """
        if not len(interactions):
            raise EmptyError(
                text("Training needs at least one weighted event on an item. Received: none."),
                title="Nothing to learn from",
                hint="Load events, or give their event types a weight.",
            )
        if int(interactions.time.max()) > interactions.as_of:
            raise InputError(
                text("Training events must not lie after the time trained for. Received: later ones."),
                title="Future events",
                hint="Cut the events at that time first.",
            )
        made = cls.__new__(cls)
        made.settings = settings if isinstance(settings, cls.settings_type) else cls.settings_type.of(
            settings.as_dict() if isinstance(settings, Settings) else settings
        )  # fmt: skip
        made.item_ids = interactions.item_ids
        made.as_of = interactions.as_of
        made.target = heaviest_type(interactions)
        curve: list[Mapping[str, float]] = []

        def keep(point: Mapping[str, float]) -> None:
            curve.append(dict(point))
            (on_point or unwatched_point)(point)

        made._learn(interactions, Lesson(on_progress or _silent, keep, validation, checkpoint))
        made.curve = tuple(curve)
        return made

    def update(self, new_events: Interactions, *, histories: Interactions | None = None) -> Self:
        """What it becomes with later events, without training again.

        A user's own new events need no update: they are in the history that is scored. This is for
        what all users' events say of the items. What is counted is counted on: a recommender whose
        `grows` is True becomes, to rounding, what training on everything at the new time gives, as
        far as it held everything (of an item with more than `neighbours` neighbours the weakest are
        forgotten). Learned weights stay as they are.

        Args:
            new_events: Events after `as_of`, up to `new_events.as_of`. New items join the catalogue
                where `grows` is True; else events on them are passed over.
            histories: The earlier events of the users of `new_events`, which a recommender does not
                keep: what leads from an old event to a new one can only be counted with them. A user
                without any counts as a new one.

        Returns:
            Another recommender; this one is unchanged.

        Raises:
            InputError: An event is not later than `as_of`.
        """
        if len(new_events) and int(new_events.time.min()) < self.as_of:
            raise InputError(
                text("An update takes events after the training. Received: earlier ones."),
                title="Events known already",
                hint="Cut the events at the time of the training.",
            )
        later = Later.of(self.item_ids, new_events, histories, as_of=self.as_of, grows=self.grows)
        made = copy.copy(self)
        made.as_of = later.all.as_of
        made.item_ids = later.all.item_ids
        made.__dict__.pop("_index", None)
        made._update(later)
        return made

    def score_matrix(self, histories: Interactions, user_slice: slice = slice(None)) -> Scores:
        """Score every item for some users.

        Args:
            histories: The events of the users to be scored; items that the recommender does not
                know are passed over.
            user_slice: Which of `histories.user_ids`.

        Returns:
            (n_users, n_items) finite scores, comparable within a user; between users only where
            `comparable_between_users` says so. It may be read-only.
        """
        return self._score(self._own_items(histories.users(np.arange(histories.n_users)[user_slice])))

    def score_columns(self, histories: Interactions, columns: npt.NDArray[np.int64]) -> Scores:
        """(n_users, n_columns) `score_matrix` of some columns only, at less cost where it can be had."""
        return self._score_columns(self._own_items(histories), columns)

    def recommend(
        self,
        histories: Interactions,
        *,
        k: int,
        exclude_seen: bool = False,
        candidates: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """The best k items of each user.

        Args:
            histories: The events of the users; one without events is served what is popular.
            k: Slate length, at least 1.
            exclude_seen: Leave out items that the user has an event of type `target` on.
            candidates: Only these items; ones that the recommender does not know are left out.

        Returns:
            `user_id`, `item_id`, `score` (higher is better, within a user), `rank` (from 1, ties by
            item id), `filled` (True where nothing in the user's own events speaks for the item and
            popularity placed it). Up to k rows a user, in the order of users and ranks.

        Raises:
            InputError: k is below 1.
        """
        if k < 1:
            raise InputError(text("k must be at least 1. Received: {k}. Give a slate length like 10.", k=k))
        columns = np.arange(len(self.item_ids))
        if candidates is not None:
            wanted = np.array(sorted(set(candidates)), dtype=object)
            found = self._columns_of(wanted)
            columns = np.sort(found[found >= 0])
        parts = [
            self._best(histories, block, columns, k, exclude_seen)
            for block in blocks(histories.n_users, len(self.item_ids))
        ]
        if not parts:
            parts = [self._best(histories, slice(0, 0), columns, k, exclude_seen)]
        return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]

    def _best(
        self, histories: Interactions, block: slice, columns: npt.NDArray[Any], k: int, exclude_seen: bool
    ) -> pd.DataFrame:
        own = self._own_items(histories.users(block))
        scores = self._score(own)
        shown = scores[:, columns] if len(columns) < len(self.item_ids) else scores
        if exclude_seen:
            seen = np.zeros(scores.shape, bool)
            bought = own.typed(self.target)
            seen[own.user[bought], own.item[bought]] = True
            shown = np.where(seen[:, columns], -np.inf, shown)
        top = best_columns(shown, k)
        values = np.take_along_axis(shown, top, axis=1)
        kept = np.isfinite(values)
        row, place = np.nonzero(kept)
        items = columns[top[kept]]
        return pd.DataFrame(
            {
                USER_ID: own.user_ids[row],
                ITEM_ID: self.item_ids[items],
                SCORE: values[kept].astype(np.float64),
                RANK: place + 1,
                FILLED: self._filled(own, values)[kept],
            }
        )

    def reason(
        self, history: Interactions, item_id: str, *, titles: Mapping[str, str] | None = None
    ) -> Reason:
        """Why this item for this user, from what the recommender itself computed.

        Args:
            history: The events of one user.
            item_id: The item.
            titles: Item id -> title; an item without one is called by its id.

        Raises:
            InputError: `history` is not of one user, or the item is unknown.
        """
        if history.n_users != 1:
            raise InputError(
                text("A reason is for one user. Received: {n}. Ask for each in turn.", n=history.n_users)
            )
        (item,) = self._columns_of(np.array([item_id], dtype=object))
        if item < 0:
            raise InputError(
                text(
                    "A reason needs an item of the catalogue trained on. Received: {item}."
                    " Train again if it is new.",
                    item=item_id,
                )
            )
        return self._reason(self._own_items(history), int(item), titles or {})

    @classmethod
    def attends(cls) -> bool:
        """Whether it has attention weights of its own."""
        return cls.explained is not Recommender.explained

    def explained(self, _history: Interactions) -> Explained | None:
        """This recommender bound to one user's history, where it attends to events by weights of its own.

        None where it does not: it can still be explained by scoring shorter histories.
        """
        return None

    def attended(self, _histories: Interactions) -> Attended | None:
        """Where it looked for each of many users, in one pass; None where it has no weights of its own."""
        return None

    def save(self, folder: Path) -> None:
        """Write it to a folder, whole or not at all."""
        facts = {
            "recommender": self.name,
            "settings": self.settings.as_dict(),
            "as_of": self.as_of,
            "target": self.target,
            "event_weights": dict(self.event_weights),
            "curve": [dict(point) for point in self.curve],
            **self._facts(),
        }
        ids = {f"item_ids_{part}": array for part, array in saved.packed(self.item_ids).items()}
        saved.save(folder, saved.Saved(facts, ids | self._arrays()))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            NotFoundError: The folder holds none.
            FileRefusedError: A file was changed, or holds another recommender.
        """
        held = saved.load(folder)
        if held.facts.get("recommender") != cls.name:
            raise FileRefusedError(
                text(
                    "The folder must hold a '{name}'. Received: {other}. Load it by its own name.",
                    name=cls.name,
                    other=str(held.facts.get("recommender")),
                )
            )
        made = cls.__new__(cls)
        made.settings = cls.settings_type.of(held.facts["settings"])
        made.as_of = int(held.facts["as_of"])
        made.target = str(held.facts["target"])
        made.event_weights = dict(held.facts.get("event_weights", {}))
        made.curve = tuple(held.facts.get("curve", ()))
        made.item_ids = saved.unpacked(held.arrays["item_ids_bytes"], held.arrays["item_ids_ends"])
        made._restore(held)
        return made

    def _own_items(self, histories: Interactions) -> Interactions:
        """The histories with items as columns of this recommender; unknown items fall out."""
        if histories.item_ids is self.item_ids:
            return histories
        # Distinct codes first: a handful of events must not cost a pass over a whole vocabulary.
        present = np.unique(histories.item)
        column = np.full(histories.n_items, -1, np.int32)
        column[present] = self._columns_of(histories.item_ids[present])
        code = column[histories.item]
        known = histories.rows(code >= 0)
        # Kept in the order of user and time; within one second the order of items is free.
        return Interactions(
            user_ids=known.user_ids,
            item_ids=self.item_ids,
            user=known.user,
            item=code[code >= 0],
            time=known.time,
            weight=known.weight,
            event_type=known.event_type,
            event_types=known.event_types,
            as_of=known.as_of,
            user_facts=known.user_facts,
        )

    def _columns_of(self, ids: Ids) -> npt.NDArray[np.int64]:
        index = self.__dict__.get("_index")
        if index is None:
            index = self.__dict__["_index"] = pd.Index(self.item_ids, dtype=object)
        found: npt.NDArray[np.int64] = index.get_indexer(pd.Index(ids, dtype=object))
        return found

    @abstractmethod
    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        """Set the weights."""

    def _update(self, later: Later) -> None:  # noqa: B027
        """Count later events on; must replace, not change, what is shared with the one before."""

    @abstractmethod
    def _score(self, histories: Interactions) -> Scores:
        """Scores of all users of `histories`, whose items are this recommender's columns."""

    def _score_columns(self, histories: Interactions, columns: npt.NDArray[np.int64]) -> Scores:
        """`_score` of some columns; equal to it."""
        return self._score(histories)[:, columns]

    @abstractmethod
    def _filled(self, histories: Interactions, values: Scores) -> npt.NDArray[np.bool_]:
        """Which of these scores come from popularity alone. Same shape as `values`."""

    @abstractmethod
    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        """The reason for one item column."""

    @abstractmethod
    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Weights to be saved."""

    def _facts(self) -> dict[str, Any]:
        """JSON-able facts to be saved beside the weights."""
        return {}

    @abstractmethod
    def _restore(self, held: saved.Saved) -> None:
        """Set the weights from what was saved."""


def heaviest_type(interactions: Interactions) -> str:
    """The event type with the largest weight, the more frequent one where two are equal."""
    n_types = len(interactions.event_types)
    count = np.bincount(interactions.event_type, minlength=n_types)
    weight = np.zeros(n_types)
    np.maximum.at(weight, interactions.event_type, interactions.weight)
    return interactions.event_types[int(np.lexsort((count, weight))[-1])]


def blocks(n_users: int, n_items: int) -> Iterator[slice]:
    """Slices of users whose score blocks hold at most `BLOCK_CELLS` cells."""
    size = max(1, BLOCK_CELLS // max(1, n_items))
    for start in range(0, n_users, size):
        yield slice(start, min(start + size, n_users))


def _silent(_fraction: float, _doing: Text) -> None:
    return None
