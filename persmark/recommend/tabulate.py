"""From the figures of single users to the table: intervals, paired differences, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from persmark import metrics
from persmark.recommend import exposure
from persmark.recommend.interactions import places
from persmark.recommend.measure import Figures, Measured
from persmark.recommend.registry import COMBINED, SIMPLE
from persmark.recommend.task import Task
from persmark.recommend.verdict import Gap, GroupRow, Result

MEANS = ("ndcg", "recall", "hit_rate", "mrr", "novelty", "popularity_bias")
NEW_USERS = "0"
# Events known of a user: few, some, many. Ours; wide enough that each holds users in most shops.
HISTORIES = (("1-4", 1, 4), ("5-19", 5, 19), ("20+", 20, None))


def results_of(
    found: Sequence[Measured],
    task: Task,
    place: int,
    *,
    seed: int,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Result, ...]:
    """The rows of one question.

    Args:
        found: Every recommender that was measured, in the order of the table.
        task: What they were measured on.
        place: Which of the task's questions.
        seed: Of the bootstrap: all rows see the same draws.
        groups: Name -> ids of its users.
    """
    question = task.questions[place]
    figures = [one.figures[place] for one in found]
    names = [one.recommender for one in found]
    ndcg = np.column_stack([one["ndcg"] for one in figures])
    simple = _best(names, ndcg, [name in SIMPLE for name in names])
    single = _best(names, ndcg, [name not in COMBINED for name in names])
    columns = [one[metric] for one in figures for metric in MEANS]
    gaps = [ndcg[:, row] - ndcg[:, best] for row, best in _pairs(len(names), (simple, single))]
    drawn = metrics.bootstrap_intervals(np.column_stack([*columns, *gaps]), seed=seed)
    debiased = metrics.bootstrap_intervals(
        np.column_stack([one["debiased_recall"] for one in figures]), seed=seed, weight=question.user_weight
    )
    gap_of = {
        pair: Gap(names[pair[1]], one.mean, one.low, one.high)
        for pair, one in zip(_pairs(len(names), (simple, single)), drawn[len(columns) :], strict=True)
    }
    by_history = _grouped(_by_history(task, place), figures, names, simple, seed=seed)
    by_segment = _grouped(_by_segment(task, place, groups or {}), figures, names, simple, seed=seed)
    new = _new_users(found, names, simple, seed=seed)
    rows = []
    for number, one in enumerate(found):
        means = dict(zip(MEANS, drawn[number * len(MEANS) :], strict=False))
        shown = one.shown[place]
        covered = exposure.coverage_interval(shown, task.train.n_items)
        uneven = exposure.inequality_interval(shown, task.train.n_items)
        whole = means | {
            "coverage": covered,
            "exposure_gini": uneven,
            "debiased_recall": debiased[number],
        }
        rows.append(
            Result(
                recommender=one.recommender,
                ndcg_interval=(means["ndcg"].low, means["ndcg"].high),
                fit_seconds=one.fit_seconds,
                score_seconds=one.score_seconds,
                settings=one.settings,
                per_user=figures[number],
                intervals={metric: (held.low, held.high) for metric, held in whole.items()},
                against_simple=gap_of.get((number, simple)) if simple is not None else None,
                against_single=gap_of.get((number, single)) if single is not None else None,
                by_history=(*new[number], *by_history[number]),
                by_segment=tuple(by_segment[number]),
                curve=one.curve,
                **{metric: held.mean for metric, held in whole.items()},
            )
        )
    return tuple(rows)


def _best(names: Sequence[str], ndcg: npt.NDArray[np.float64], allowed: Sequence[bool]) -> int | None:
    of = [place for place in range(len(names)) if allowed[place]]
    return max(of, key=lambda place: float(ndcg[:, place].mean())) if of else None


def _pairs(n: int, bests: Sequence[int | None]) -> list[tuple[int, int]]:
    """Whom each row is compared with; nobody is compared with itself."""
    return list(
        dict.fromkeys((row, best) for best in bests if best is not None for row in range(n) if row != best)
    )


def _by_history(task: Task, place: int) -> list[tuple[str, npt.NDArray[np.int64]]]:
    """Group -> places among the question's users, by events known of them."""
    length = np.diff(task.histories.starts)[task.questions[place].users]
    return [
        (name, np.flatnonzero((length >= low) & (length <= (high or np.inf))))
        for name, low, high in HISTORIES
    ]


def _by_segment(
    task: Task, place: int, groups: Mapping[str, Sequence[str]]
) -> list[tuple[str, npt.NDArray[np.int64]]]:
    ids = task.histories.user_ids[task.questions[place].users]
    found = []
    for name, members in groups.items():
        where = places(ids, np.asarray(list(members), dtype=object))
        found.append((name, np.unique(where[where >= 0])))
    return found


def _grouped(
    groups: Sequence[tuple[str, npt.NDArray[np.int64]]],
    figures: Sequence[Figures],
    names: Sequence[str],
    simple: int | None,
    *,
    seed: int,
) -> list[list[GroupRow]]:
    """For each recommender its rows; a group without a user has none."""
    rows: list[list[GroupRow]] = [[] for _ in names]
    for name, users in groups:
        if not len(users):
            continue
        for number, row in enumerate(_rows(name, users, figures, names, simple, seed=seed)):
            rows[number].append(row)
    return rows


def _rows(
    name: str,
    users: npt.NDArray[np.int64],
    figures: Sequence[Figures],
    names: Sequence[str],
    simple: int | None,
    *,
    seed: int,
) -> list[GroupRow]:
    ndcg = np.column_stack([one["ndcg"][users] for one in figures])
    gaps = ndcg - ndcg[:, [simple]] if simple is not None else ndcg[:, :0]
    drawn = metrics.bootstrap_intervals(np.column_stack([ndcg, gaps]), seed=seed)
    rows = []
    for number, one in enumerate(figures):
        gap = None
        if simple is not None and number != simple:
            held = drawn[len(names) + number]
            gap = Gap(names[simple], held.mean, held.low, held.high)
        rows.append(
            GroupRow(
                group=name,
                n_users=len(users),
                ndcg=drawn[number].mean,
                ndcg_interval=(drawn[number].low, drawn[number].high),
                recall=float(one["recall"][users].mean()),
                hit_rate=float(one["hit_rate"][users].mean()),
                against_simple=gap,
            )
        )
    return rows


def _new_users(
    found: Sequence[Measured], names: Sequence[str], simple: int | None, *, seed: int
) -> list[list[GroupRow]]:
    """Users without a history, apart: they are in no other figure."""
    if not found or not all(one.new for one in found):
        return [[] for _ in names]
    n_users = len(found[0].new["ndcg"])
    rows = _rows(NEW_USERS, np.arange(n_users), [one.new for one in found], names, simple, seed=seed)
    return [[row] for row in rows]
