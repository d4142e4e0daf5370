"""A user's events as steps: all items of one moment are one step, a basket."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from persmark.recommend.interactions import Interactions
from persmark.recommend.tastes import step_of


@dataclass(frozen=True, eq=False)
class Steps:
    """Distinct (step, item) cells in the order of users and time."""

    step: npt.NDArray[np.int64]  # (n_cells,) ascending
    item: npt.NDArray[np.int32]  # (n_cells,)
    weight: npt.NDArray[np.float32]  # (n_cells,)
    user_of: npt.NDArray[np.int32]  # (n_steps,)
    time_of: npt.NDArray[np.int64]  # (n_steps,)


def steps_of(interactions: Interactions) -> Steps:
    """The steps of all users."""
    step = step_of(interactions)
    fresh = np.diff(step, prepend=-1) > 0
    item, weight = interactions.item, interactions.weight
    # Events of one second may come in any order of items; in most data they are sorted already.
    if ((step[1:] == step[:-1]) & (item[1:] < item[:-1])).any():
        order = np.lexsort((item, step))
        step, item, weight = step[order], item[order], weight[order]
    first = np.ones(len(step), bool)
    first[1:] = (step[1:] != step[:-1]) | (item[1:] != item[:-1])
    # One cell per step and item, with its largest weight.
    starts = np.flatnonzero(first)
    return Steps(
        step[first],
        item[first],
        np.maximum.reduceat(weight, starts) if len(starts) else weight,
        interactions.user[fresh],
        interactions.time[fresh],
    )


def thinned(steps: Steps, most: int) -> Steps:
    """Steps of more than `most` items keep an even sample: one bulk order must not cost n x n."""
    n_steps = len(steps.user_of)
    size = np.bincount(steps.step, minlength=n_steps)
    if size.max(initial=0) <= most:
        return steps
    place = np.arange(len(steps.step)) - (np.cumsum(size) - size)[steps.step]
    share = np.minimum(most / size, 1.0)[steps.step]
    keep = np.floor((place + 1) * share) > np.floor(place * share)
    return Steps(steps.step[keep], steps.item[keep], steps.weight[keep], steps.user_of, steps.time_of)
