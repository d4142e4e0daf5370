"""A test as codes: who is asked for what, with repeats allowed or removed, and who is new."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from persmark.recommend import exposure
from persmark.recommend import split as splits
from persmark.recommend.interactions import Ids, Interactions, places
from persmark.recommend.lesson import Validation

ALLOWED, REMOVED = "allowed", "removed"
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Question:
    """Pairs to be found by one way of asking.

    Args:
        repeats: `allowed`, or `removed`: items that the user has already leave ranking and test.
        users: (n_users,) rows of `Task.histories`, ascending: who is judged.
        row: (n_pairs,) row of `Task.histories`, ascending.
        item: (n_pairs,) column of the catalogue.
        n_eligible: Users that could have been judged, before any were drawn.
        pair_weight: (n_pairs,) what each pair counts in debiased recall.
        fingerprint: Of users and pairs: runs with the same one are judged on the same people.
    """

    repeats: str
    users: Ints
    row: Ints
    item: Ints
    n_eligible: int
    pair_weight: Floats
    fingerprint: str

    @property
    def user_weight(self) -> Floats:
        """(n_users,) what each user counts in debiased recall."""
        size = int(self.users[-1]) + 1 if len(self.users) else 0
        total = np.bincount(self.row, weights=self.pair_weight, minlength=size)
        return total[self.users].astype(np.float64)


@dataclass(frozen=True, eq=False)
class Task:
    """Everything that measuring a recommender needs.

    Args:
        train: What is learned from; its items are the catalogue.
        histories: Of all users of all questions, over the same catalogue.
        questions: In the order asked.
        seen_row: (n_seen,) ascending; cells that are taken off the ranking where repeats are removed.
        seen_item: (n_seen,).
        new_histories: Users of the test without any history, in the order of their ids; no events.
        new: What they are asked for; None where there are none.
        validation: Pairs that a training may stop by.
        standing: How well known each item is.
        target: The event type asked for.
    """

    train: Interactions
    histories: Interactions
    questions: tuple[Question, ...]
    seen_row: Ints
    seen_item: Ints
    new_histories: Interactions
    new: Question | None
    validation: Validation | None
    standing: exposure.Standing
    target: str

    @classmethod
    def of(
        cls,
        parts: splits.Split,
        *,
        repeats: Sequence[str],
        min_item_events: int,
        max_users: int,
        seed: int,
    ) -> Self:
        """The test of a split.

        Args:
            parts: The split.
            repeats: Ways of asking, `allowed`, `removed` or both.
            min_item_events: Target events in training that an item of the catalogue has at least.
            max_users: More users than this are drawn, for each way of asking by itself.
            seed: Of the draw.
        """
        train, shown = parts.train, parts.histories
        bought = train.typed(parts.target)
        catalogue = np.bincount(train.item[bought], minlength=train.n_items) >= min_item_events
        column = np.cumsum(catalogue) - 1
        n_items = max(int(catalogue.sum()), 1)
        user = places(train.user_ids, parts.test_users)
        item = places(train.item_ids, parts.test_items)
        on_offer = item >= 0
        on_offer[on_offer] = catalogue[item[on_offer]]
        # A user who has no event left has no history to be judged on.
        active = np.bincount(shown.user, minlength=train.n_users) > 0
        known = user >= 0
        known[known] = active[user[known]]
        cells = np.unique(user[known & on_offer] * n_items + column[item[known & on_offer]])

        # Leave-one-out may show more of the user than training holds; that counts as bought too.
        has = shown.typed(parts.target) & catalogue[shown.item]
        seen = np.unique(shown.user[has].astype(np.int64) * n_items + column[shown.item[has]])
        drawn = {
            kind: _drawn(cells if kind == ALLOWED else cells[~np.isin(cells, seen)], n_items, max_users, seed)
            for kind in repeats
        }
        users = np.unique(np.concatenate([found[0] for found in drawn.values()]))
        row_of = np.full(train.n_users, -1, np.int64)
        row_of[users] = np.arange(len(users))
        histories = shown.users(users).items(catalogue)
        seen = seen[row_of[seen // n_items] >= 0] if REMOVED in drawn else seen[:0]
        questions = tuple(
            _question(kind, row_of[chosen], row_of[pairs // n_items], pairs % n_items, n_eligible,
                      ids=histories.user_ids, items=histories.item_ids)
            for kind, (chosen, pairs, n_eligible) in drawn.items()
        )  # fmt: skip
        new_histories, new = _strangers(
            parts,
            histories,
            on_offer & ~known,
            np.where(on_offer, column[item], -1),
            max_users=max_users,
            seed=seed,
        )
        kept = train.items(catalogue)
        return cls(
            train=kept,
            histories=histories,
            questions=questions,
            seen_row=row_of[seen // n_items],
            seen_item=seen % n_items,
            new_histories=new_histories,
            new=new,
            validation=_validation(parts, catalogue, exclude_seen=tuple(repeats) == (REMOVED,)),
            standing=exposure.Standing.of(kept, parts.target),
            target=parts.target,
        )


def _drawn(cells: Ints, n_items: int, max_users: int, seed: int) -> tuple[Ints, Ints, int]:
    """Users, their cells, and how many users there were before the draw."""
    users = np.unique(cells // n_items)
    n_eligible = len(users)
    if n_eligible > max_users:
        users = np.sort(np.random.default_rng(seed).choice(users, max_users, replace=False))
        cells = cells[np.isin(cells // n_items, users)]
    return users, cells, n_eligible


def _question(
    kind: str, users: Ints, row: Ints, item: Ints, n_eligible: int, *, ids: Ids, items: Ids
) -> Question:
    digest = hashlib.sha256(kind.encode())
    for part in (ids[users], items):
        for one in part:
            encoded = str(one).encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    digest.update(np.searchsorted(users, row).astype("<i8").tobytes() + item.astype("<i8").tobytes())
    return Question(kind, users, row, item, n_eligible, exposure.pair_weights(item), digest.hexdigest())


def _strangers(
    parts: splits.Split,
    histories: Interactions,
    pairs: npt.NDArray[np.bool_],
    column: Ints,
    *,
    max_users: int,
    seed: int,
) -> tuple[Interactions, Question | None]:
    """Users of the test without a history, with what is known of them."""
    place, found = pd.factorize(parts.test_users[pairs], sort=True)
    ids = np.asarray(found, dtype=object)
    n_items = max(histories.n_items, 1)
    cells = np.unique(place.astype(np.int64) * n_items + column[pairs])
    users, cells, n_eligible = _drawn(cells, n_items, max_users, seed)
    facts = None
    if parts.asked_facts is not None:
        facts = parts.asked_facts.users(places(splits.distinct(parts.test_users), ids[users]))
    nobody = replace(histories.rows(slice(0, 0)), user_ids=ids[users], user_facts=facts)
    if not len(users):
        return nobody, None
    row = np.searchsorted(users, cells // n_items)
    return nobody, _question(
        ALLOWED, np.arange(len(users)), row, cells % n_items, n_eligible, ids=nobody.user_ids,
        items=nobody.item_ids,
    )  # fmt: skip


def _validation(
    parts: splits.Split, catalogue: npt.NDArray[np.bool_], *, exclude_seen: bool
) -> Validation | None:
    """The pairs that the split set aside, of items of the catalogue; None where it set none aside."""
    train = parts.train
    user = places(train.user_ids, parts.validation_users)
    item = places(train.item_ids, parts.validation_items)
    known = (user >= 0) & (item >= 0)
    known[known] = catalogue[item[known]]
    if not known.any():
        return None
    users = np.unique(user[known])
    row = np.searchsorted(users, user[known])
    order = np.argsort(row, kind="stable")
    column = (np.cumsum(catalogue) - 1)[item[known]]
    histories = train.users(users).items(catalogue)
    return Validation(histories, row[order], column[order], exclude_seen)
