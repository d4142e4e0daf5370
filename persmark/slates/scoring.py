"""Scores of items for one user, or for many users at once, with each history rule's own stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from persmark.columns import PURCHASE
from persmark.recommend import Interactions, Recommender
from persmark.recommend.contract import blocks
from persmark.slates.rules import SlateRules

Vector = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

DAY_SECONDS = 86_400
# Places of each user's own ranking that count for a segment; deeper ones say little about anybody.
DEPTH = 50
# Weight of the mean normalised score beside the places: it only orders what is in nobody's best 50.
BACKGROUND = 1e-3


@dataclass(frozen=True, eq=False)
class Stage:
    """Scores after one history rule.

    Args:
        rule: Its name; empty before any.
        n_removed: User-item pairs it took away.
        score: (n_items,) by column of the recommender; -inf where the item is for nobody.
    """

    rule: str
    n_removed: int
    score: Vector


@dataclass(frozen=True, eq=False)
class ItemScores:
    """Scores of all items.

    Args:
        stages: The first is before any rule.
        fits: (n_items,) share of users in whose own best k the item is; None for a single user.
        n_users: Users scored.
    """

    stages: tuple[Stage, ...]
    fits: Vector | None
    n_users: int


def score_items(
    recommender: Recommender,
    histories: Interactions,
    *,
    columns: npt.NDArray[np.int64],
    rules: SlateRules,
    k: int,
    pooled: bool,
) -> ItemScores:
    """Score the eligible items.

    A single user's scores are the recommender's own. Pooled scores are position votes: each user
    gives 1 / log2(1 + rank) to each of their best `DEPTH` eligible items, and the mean over the users
    counts, so that nobody counts more for having larger scores; 1 means first for everybody.

    Args:
        recommender: Trained.
        histories: The users.
        columns: Ascending columns of the eligible items; the others are -inf.
        rules: `exclude_seen` and `exclude_bought_days` are applied here, user by user.
        k: Slate length, for `fits`.
        pooled: Whether to pool over the users; else `histories` holds one.
    """
    masks = list(_masks(recommender, histories, rules))
    if not pooled:
        return _single(recommender, histories, columns, masks)
    return _pooled(recommender, histories, columns, masks, k)


def _masks(
    recommender: Recommender, histories: Interactions, rules: SlateRules
) -> Iterator[tuple[str, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Rule, users and columns of the pairs that it takes away."""
    if not (rules.exclude_seen or rules.exclude_bought_days):
        return
    index = pd.Index(recommender.item_ids, dtype=object)
    present = np.unique(histories.item)
    column = np.full(histories.n_items, -1, np.int64)
    column[present] = index.get_indexer(pd.Index(histories.item_ids[present], dtype=object))
    place = column[histories.item]
    user = histories.user.astype(np.int64)
    if rules.exclude_seen:
        keep = histories.typed(recommender.target) & (place >= 0)
        yield "exclude_seen", user[keep], place[keep]
    if rules.exclude_bought_days:
        # Where nothing is ever bought, the type learned for counts as buying.
        kind = PURCHASE if PURCHASE in histories.event_types else recommender.target
        recent = histories.time > histories.as_of - rules.exclude_bought_days * DAY_SECONDS
        keep = histories.typed(kind) & recent & (place >= 0)
        yield "exclude_bought_days", user[keep], place[keep]


def _single(
    recommender: Recommender,
    histories: Interactions,
    columns: npt.NDArray[np.int64],
    masks: list[tuple[str, npt.NDArray[np.int64], npt.NDArray[np.int64]]],
) -> ItemScores:
    scores = np.full(len(recommender.item_ids), -np.inf)
    scores[columns] = recommender.score_matrix(histories)[0, columns]
    stages = [Stage("", 0, scores)]
    for rule, _, places in masks:
        after = stages[-1].score.copy()
        after[places] = -np.inf
        n_removed = int(np.isfinite(stages[-1].score).sum() - np.isfinite(after).sum())
        stages.append(Stage(rule, n_removed, after))
    return ItemScores(tuple(stages), None, 1)


def _pooled(
    recommender: Recommender,
    histories: Interactions,
    columns: npt.NDArray[np.int64],
    masks: list[tuple[str, npt.NDArray[np.int64], npt.NDArray[np.int64]]],
    k: int,
) -> ItemScores:
    n_all, n_eligible = len(recommender.item_ids), len(columns)
    n_stages = len(masks) + 1
    votes = np.zeros((n_stages, n_eligible))
    background = np.zeros((n_stages, n_eligible))
    pairs = np.zeros((n_stages, n_eligible), np.int64)  # users the item is still for
    fitting = np.zeros(n_eligible, np.int64)
    eligible = np.full(n_all, -1, np.int64)
    eligible[columns] = np.arange(n_eligible)
    depth = min(max(DEPTH, k), n_eligible)
    points = 1 / np.log2(np.arange(depth) + 2)
    for block in blocks(histories.n_users, n_all):
        scores = recommender.score_matrix(histories, block)[:, columns]
        low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
        shown = scores - low
        shown /= np.maximum(high - low, np.finfo(np.float32).tiny)
        for stage in range(n_stages):
            if stage:
                _, users, places = masks[stage - 1]
                inside = (users >= block.start) & (users < block.stop) & (eligible[places] >= 0)
                row, column = users[inside] - block.start, eligible[places[inside]]
                scores[row, column] = -np.inf
                shown[row, column] = 0
            row, column, place = _leaders(scores, depth)
            votes[stage] += np.bincount(column, weights=points[place], minlength=n_eligible)
            background[stage] += shown.sum(axis=0, dtype=np.float64)
            pairs[stage] += np.isfinite(scores).sum(axis=0)
            if stage == n_stages - 1:
                fitting += np.bincount(column[place < k], minlength=n_eligible)
    n_users = max(histories.n_users, 1)
    stages = []
    for stage in range(n_stages):
        score = (votes[stage] + BACKGROUND * background[stage]) / (n_users * (1 + BACKGROUND))
        whole = np.full(n_all, -np.inf)
        whole[columns] = np.where(pairs[stage] > 0, score, -np.inf)
        removed = int(pairs[stage - 1].sum() - pairs[stage].sum()) if stage else 0
        stages.append(Stage(masks[stage - 1][0] if stage else "", removed, whole))
    fits = np.zeros(n_all)
    fits[columns] = fitting / n_users
    return ItemScores(tuple(stages), fits, histories.n_users)


def _leaders(
    scores: npt.NDArray[np.float32], depth: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row, column and place (from 0) of each row's best `depth` finite scores, ties by column."""
    n_columns = scores.shape[1]
    if depth < n_columns:
        bound = np.partition(scores, n_columns - depth, axis=1)[:, n_columns - depth, None]
        row, column = np.nonzero(scores >= bound)
    else:
        row, column = np.nonzero(np.ones(scores.shape, bool))
    held = scores[row, column]
    finite = np.isfinite(held)
    row, column, held = row[finite], column[finite], held[finite]
    order = np.lexsort((column, -held, row))
    row, column = row[order], column[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    kept = place < depth
    return row[kept], column[kept], place[kept]
