"""Where a model looks over many users: by recency, kind of event, category and profile field.

Every user counts the same, whatever their number of events. A name that fewer than the smallest group
of users have is joined with others, so that no figure is one on a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from persmark.errors import EmptyError
from persmark.recommend import Interactions
from persmark.segments.intervals import Moments, mean_interval
from persmark.settings import settings
from persmark.text import text

if TYPE_CHECKING:
    from persmark.recommend.explained import Attended

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

POSITION, EVENT_TYPE, CATEGORY, FIELD = "position", "event_type", "category", "field"
PARTS = (POSITION, EVENT_TYPE, CATEGORY, FIELD)
OTHERS = "others"
# Positions from the latest event on: the first ten alone, then in growing stretches.
POSITION_ENDS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 50, 100, 1_000_000)
MOST_NAMES = 30


def summarise(
    attended: Attended, histories: Interactions, *, categories: Sequence[str | None] | None = None
) -> pd.DataFrame:
    """Mean attention over users, in parts.

    Args:
        attended: Where the model looked.
        histories: The same users' events.
        categories: (n_items,) of `histories.item_ids`; that part is left out where there are none.

    Returns:
        `part` (`position`, `event_type`, `category`, `field`), `name`, `share` (mean over users), `low`
        and `high` (95%), `n_users` (with any weight on it), `usual` (the share that it would have if the
        events of each user weighed the same; NaN for fields). Within a part, shares sum to 1 but for users
        without events.

    Raises:
        EmptyError: There are fewer users with events than the smallest group.
    """
    user = histories.user[attended.event].astype(np.int64)
    least = settings().privacy.smallest_group
    with_events = np.unique(user)
    if len(with_events) < least:
        raise EmptyError(
            text(
                "A summary needs at least {least} users with events. Received: {n}.",
                least=least, n=len(with_events),
            ),
            title="Too few people",
            hint="Fewer would tell of persons: choose a larger segment.",
        )  # fmt: skip
    of_user = np.searchsorted(with_events, user).astype(np.int64)
    n_users = len(with_events)
    looks = _Looks(
        of_user=of_user,
        weight=np.asarray(attended.weight, np.float64),
        even=1.0 / np.bincount(of_user, minlength=n_users)[of_user],
        n_users=n_users,
    )
    kinds = histories.event_type[attended.event].astype(np.int64)
    tables = [
        _part(POSITION, *_positions(of_user), looks, least=least),
        _part(EVENT_TYPE, kinds, histories.event_types, looks, least=least),
    ]
    if categories is not None:
        names = pd.Series(list(categories), dtype=object)
        code, known = pd.factorize(names, sort=True)
        named = code[histories.item[attended.event]]
        # Items without a category are one name of their own.
        named = np.where(named < 0, len(known), named).astype(np.int64)
        tables.append(_part(CATEGORY, named, (*map(str, known), "no category"), looks, least=least))
    if attended.fields:
        tables.append(_fields(attended, with_events))
    return pd.concat(tables, ignore_index=True)


def _positions(of_user: Ints) -> tuple[Ints, tuple[str, ...]]:
    """Code and names of each event's stretch, counted from the latest."""
    ends = np.append(np.flatnonzero(of_user[1:] != of_user[:-1]), len(of_user) - 1)
    last = ends[np.searchsorted(of_user[ends], of_user)]
    from_last = last - np.arange(len(of_user)) + 1
    code = np.searchsorted(np.array(POSITION_ENDS), from_last)
    names, before = [], 0
    for end in POSITION_ENDS:
        first = before + 1
        if end == first:
            names.append(str(end))
        else:
            names.append(f"{first}+" if end == POSITION_ENDS[-1] else f"{first}-{end}")
        before = end
    return code.astype(np.int64), tuple(names)


@dataclass(frozen=True, eq=False)
class _Looks:
    """Every looked-at event: whose, how much, and how much if all of the user's weighed the same."""

    of_user: Ints
    weight: Floats
    even: Floats
    n_users: int


def _part(part: str, code: Ints, names: Sequence[str], looks: _Looks, *, least: int) -> pd.DataFrame:
    """Mean shares of one part; small names, and those past the most, are joined."""
    of_user, weight, even, n_users = looks.of_user, looks.weight, looks.even, looks.n_users
    pairs = np.unique(code * n_users + of_user)
    having = np.bincount(pairs // n_users, minlength=len(names))
    total = np.bincount(code, weights=weight, minlength=len(names))
    large = np.flatnonzero(having >= least)
    if part != POSITION:
        large = large[np.argsort(-total[large], kind="stable")][:MOST_NAMES]
    rest = np.setdiff1d(np.flatnonzero(having > 0), large)
    new = np.full(len(names), len(large), np.int64)
    new[large] = np.arange(len(large))
    shown = [names[place] for place in large.tolist()]
    if len(rest):
        shown.append(OTHERS)
    joined = new[code]
    cells, where = np.unique(joined * n_users + of_user, return_inverse=True)
    share = np.bincount(where, weights=weight)
    usual = np.bincount(where, weights=even)
    name = cells // n_users
    figures = _means(name, share.astype(np.float64), len(shown), n_users)
    table = pd.DataFrame(
        {
            "part": part,
            "name": shown,
            **figures,
            "n_users": np.bincount(name, minlength=len(shown)),
            "usual": np.bincount(name, weights=usual, minlength=len(shown)) / n_users,
        }
    )
    # What is left over of fewer than the smallest group is told of nobody.
    return table[(table["n_users"] >= least)].reset_index(drop=True)


def _fields(attended: Attended, with_events: Ints) -> pd.DataFrame:
    values = np.asarray(attended.field_weight, np.float64)[with_events]
    n_users, n_fields = values.shape
    figures = _means(np.tile(np.arange(n_fields), n_users), values.ravel(), n_fields, n_users)
    table = pd.DataFrame({"part": FIELD, "name": list(attended.fields), **figures})
    table["n_users"], table["usual"] = n_users, np.nan
    return table.sort_values(["share", "name"], ascending=[False, True], ignore_index=True)


def _means(name: Ints, share: Floats, n_names: int, n_users: int) -> dict[str, Floats]:
    """Mean over all users, of whom those without a cell have 0, with its interval."""
    n = np.full(n_names, float(n_users))
    mean = np.bincount(name, weights=share, minlength=n_names) / n_users
    away = share - mean[name]
    missing = n - np.bincount(name, minlength=n_names)
    squares = np.bincount(name, weights=away**2, minlength=n_names) + missing * mean**2
    cubes = np.bincount(name, weights=away**3, minlength=n_names) - missing * mean**3
    low, high = mean_interval(Moments(n, mean, squares, cubes))
    return {"share": mean, "low": np.clip(low, 0, 1), "high": np.clip(high, 0, 1)}


def differences(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Where two segments' summaries differ most.

    Users of both segments count in both, which makes the interval wider than it need be, never
    narrower.

    Returns:
        `part`, `name`, `one`, `other`, `difference` with `low` and `high` (95%, from the two intervals'
        half-widths), `clear` (0 is outside); the largest clear differences first.
    """
    both = one.merge(other, on=["part", "name"], suffixes=("_one", "_other"))
    gap = both["share_one"] - both["share_other"]
    reach = np.sqrt(
        ((both["high_one"] - both["low_one"]) / 2) ** 2 + ((both["high_other"] - both["low_other"]) / 2) ** 2
    )
    table = pd.DataFrame(
        {
            "part": both["part"],
            "name": both["name"],
            "one": both["share_one"],
            "other": both["share_other"],
            "difference": gap,
            "low": gap - reach,
            "high": gap + reach,
        }
    )
    table["clear"] = (table["low"] > 0) | (table["high"] < 0)
    table["size"] = gap.abs()
    table = table.sort_values(["clear", "size", "name"], ascending=[False, False, True], ignore_index=True)
    return table.drop(columns="size")
