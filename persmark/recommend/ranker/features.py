"""What is known of a user and a candidate at a moment, as numbers.

Every figure comes from the user's events before the moment and from `ItemTables` counted before it.
Numbers are on scales that a network can take: logarithms of counts and days, shares, ratios.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from persmark.recommend.interactions import DAY, Interactions
from persmark.recommend.profile_fields import PROFILE_FIELDS
from persmark.recommend.ranker.tables import CHANNELS, Floats, ItemTables

HALF_LIVES_DAYS = (7.0, 21.0, 63.0, 180.0)
# What stands for "never" where days are asked for.
NEVER_DAYS = 730.0
FLAT = 1e-3

# Group -> its features, in the order of the columns. Groups are what a reason speaks of.
OWN = (
    *(f"own_{round(days)}d" for days in HALF_LIVES_DAYS),
    "own_n",
    "own_since",
    "own_first",
    "own_gap",
    "own_due",
    "own_item_due",
    "own_share",
    "own_steps_since",
    "own_recent_share",
    "own_expected",
)
CATEGORY = (
    "path_42d",
    "path_since",
    "path_due",
    "path_n",
    "path_steps_since",
    "category_42d",
    "category_since",
    "category_share",
    "item_of_path",
    "brand_share",
)
PRICE = ("price", "price_fit", "price_fit_path")
OFFER = tuple(f"offer_{name}" for name in CHANNELS)
ITEM = ("demand_now", "demand", "trend", "buyers", "item_gap", "return_rate", "path_return_rate", "item_age",
        "item_idle")  # fmt: skip
GROUPS = {"own": OWN, "category": CATEGORY, "price": PRICE, "offer": OFFER, "item": ITEM}
PAIR_NAMES = tuple(name for names in GROUPS.values() for name in names)
USER_NAMES = tuple(PROFILE_FIELDS)


@dataclass(frozen=True, eq=False)
class _Cells:
    """What users did on things (items, categories, ...), one row a (user, thing) with a step on it."""

    key: npt.NDArray[np.int64]  # (n,) ascending: user * n_things + thing
    n_things: int
    n: npt.NDArray[np.float64]  # steps
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    last_step: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]

    @classmethod
    def of(cls, known: Interactions, thing: npt.NDArray[np.int32], n_things: int,
           step: npt.NDArray[np.int64]) -> _Cells:  # fmt: skip
        key = known.user.astype(np.int64) * n_things + thing
        order = np.argsort(key, kind="stable")  # time stays ascending within a cell
        held, when, at = key[order], known.time[order], step[order]
        first = np.ones(len(held), bool)
        first[1:] = held[1:] != held[:-1]
        fresh = first.copy()
        fresh[1:] |= at[1:] != at[:-1]
        starts = np.flatnonzero(first)
        ends = np.append(starts[1:], len(held)) - 1 if len(held) else starts
        return cls(
            key=held[starts],
            n_things=n_things,
            n=np.add.reduceat(fresh.astype(np.float64), starts) if len(starts) else np.zeros(0),
            first=when[starts],
            last=when[ends],
            last_step=at[ends],
            starts=starts,
            order=order,
        )

    def sums(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(n,) sum of one value per event over each cell."""
        return np.add.reduceat(values[self.order], self.starts) if len(self.starts) else np.zeros(0)

    def find(self, row: npt.NDArray[np.int64], thing: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Place of each wanted cell; the last place + 1, which stands for none, where it is missing."""
        wanted = row * self.n_things + thing
        at = np.searchsorted(self.key, wanted)
        inside = np.minimum(at, max(len(self.key) - 1, 0))
        found = (at < len(self.key)) & (self.key[inside] == wanted) if len(self.key) else at < 0
        return np.where(found, at, len(self.key))


def steps_of(known: Interactions) -> npt.NDArray[np.int64]:
    """(n_events,) number of the moment (basket, visit) of each event, running over all users."""
    fresh = np.ones(len(known), bool)
    fresh[1:] = (known.user[1:] != known.user[:-1]) | (known.time[1:] != known.time[:-1])
    return np.cumsum(fresh) - 1


def _or(values: npt.NDArray[Any], none: float) -> npt.NDArray[np.float64]:
    """Values with what stands for "no such cell" at their end."""
    return np.append(values.astype(np.float64), none)


def pair_features(
    known: Interactions, tables: ItemTables, row: npt.NDArray[np.int64], item: npt.NDArray[np.int64]
) -> Floats:
    """(n_pairs, len(PAIR_NAMES)) of each (user, candidate).

    Args:
        known: Histories of the users up to `known.as_of`, items as places of `tables`.
        tables: The item side, counted before the same moment or earlier.
        row: (n_pairs,) place of the user.
        item: (n_pairs,) the candidate.
    """
    found: dict[str, npt.NDArray[Any]] = {}
    as_of, n_users = known.as_of, known.n_users
    step = steps_of(known)
    n_steps = np.bincount(known.user[np.flatnonzero(np.diff(step, prepend=-1))], minlength=n_users)
    last_step = np.cumsum(n_steps) - 1
    ago = np.maximum(as_of - known.time, 0) / DAY
    weight = known.weight.astype(np.float64)

    own = _Cells.of(known, known.item, max(known.n_items, 1), step)
    at = own.find(row, item.astype(np.int32))
    for days in HALF_LIVES_DAYS:
        total = own.sums(np.exp2(-ago / days) * weight)
        found[f"own_{round(days)}d"] = np.log(_or(total, 0.0) + FLAT)[at]
    n = _or(own.n, 0.0)[at]
    since = _or((as_of - own.last) / DAY, NEVER_DAYS)[at]
    first = _or((as_of - own.first) / DAY, NEVER_DAYS)[at]
    span = _or((own.last - own.first) / DAY, 0.0)[at]
    usual = tables.gap_days[item].astype(np.float64)
    gap = (span + usual) / np.maximum(n, 1)  # the item's usual gap counts as one more of the user's
    has = n > 0
    found["own_n"] = np.log1p(n)
    found["own_since"] = np.log1p(since)
    found["own_first"] = np.log1p(first)
    found["own_gap"] = np.log1p(gap)
    found["own_due"] = np.where(has, np.log((since + 1) / (gap + 1)), 0.0)
    found["own_item_due"] = np.where(has, np.log((since + 1) / (usual + 1)), 0.0)
    user_steps = n_steps[row].astype(np.float64)
    found["own_share"] = n / np.maximum(user_steps, 1)
    passed = last_step[row] - _or(own.last_step, 0)[at]
    found["own_steps_since"] = np.where(has, np.log1p(np.maximum(passed, 0)), np.log1p(user_steps))
    late = own.sums((ago < 90).astype(np.float64))
    found["own_recent_share"] = np.log1p(_or(late, 0.0)[at])
    # Steps a day since the first one, against the item's rate of return.
    found["own_expected"] = n / (first + tables.gap_days[item])

    category, path, brand = tables.category[known.item], tables.path[known.item], tables.brand[known.item]
    n_path, n_category = int(tables.path.max(initial=0)) + 1, int(tables.category.max(initial=0)) + 1
    of_path = _Cells.of(known, path, n_path, step)
    in_path = of_path.find(row, tables.path[item])
    faded = np.exp2(-ago / 42.0) * weight
    path_faded = _or(of_path.sums(faded), 0.0)[in_path]
    own_faded = _or(own.sums(faded), 0.0)[at]
    path_n = _or(of_path.n, 0.0)[in_path]
    path_since = _or((as_of - of_path.last) / DAY, NEVER_DAYS)[in_path]
    path_span = _or((of_path.last - of_path.first) / DAY, 0.0)[in_path]
    path_gap = (path_span + 28.0) / np.maximum(path_n, 1)
    found["path_42d"] = np.log(path_faded + FLAT)
    found["path_since"] = np.log1p(path_since)
    found["path_due"] = np.where(path_n > 0, np.log((path_since + 1) / (path_gap + 1)), 0.0)
    found["path_n"] = np.log1p(path_n)
    path_passed = last_step[row] - _or(of_path.last_step, 0)[in_path]
    found["path_steps_since"] = np.where(
        path_n > 0, np.log1p(np.maximum(path_passed, 0)), np.log1p(user_steps)
    )
    of_category = _Cells.of(known, category, n_category, step)
    in_category = of_category.find(row, tables.category[item])
    category_faded = _or(of_category.sums(faded), 0.0)[in_category]
    everything = np.bincount(known.user, faded, minlength=n_users)[row]
    found["category_42d"] = np.log(category_faded + FLAT)
    found["category_since"] = np.log1p(_or((as_of - of_category.last) / DAY, NEVER_DAYS)[in_category])
    found["category_share"] = category_faded / np.maximum(everything, FLAT)
    found["item_of_path"] = own_faded / (path_faded + FLAT)
    both = (category.astype(np.int64) * (int(tables.brand.max(initial=0)) + 1) + brand).astype(np.int64)
    names, code = np.unique(
        np.append(both, tables.category[item].astype(np.int64) * (int(tables.brand.max(initial=0)) + 1)
                  + tables.brand[item]), return_inverse=True)  # fmt: skip
    of_brand = _Cells.of(known, code[: len(both)].astype(np.int32), len(names), step)
    in_brand = of_brand.find(row, code[len(both) :].astype(np.int32))
    found["brand_share"] = _or(of_brand.sums(faded), 0.0)[in_brand] / (category_faded + FLAT)

    price = tables.log_price[item].astype(np.float64)
    known_price = tables.log_price[known.item].astype(np.float64)
    priced = ~np.isnan(known_price)
    worth = np.where(priced, known_price, 0.0)
    level = np.bincount(known.user, worth, minlength=n_users) / np.maximum(
        np.bincount(known.user, priced, minlength=n_users), 1)  # fmt: skip
    in_mean = _or(of_category.sums(worth) / np.maximum(of_category.sums(priced * 1.0), 1), np.nan)[
        in_category
    ]
    path_mean = _or(of_path.sums(worth) / np.maximum(of_path.sums(priced * 1.0), 1), np.nan)[in_path]
    found["price"] = np.nan_to_num(price - level[row])
    found["price_fit"] = np.nan_to_num(price - in_mean)
    found["price_fit_path"] = np.nan_to_num(price - path_mean)

    for channel, name in enumerate(OFFER):
        found[name] = tables.offers[item, channel]
    found["demand_now"] = np.log(tables.demand_now[item] + FLAT)
    found["demand"] = np.log(tables.demand[item] + FLAT)
    found["trend"] = np.log((tables.demand_now[item] + 0.5) / (tables.demand[item] + 1))
    found["buyers"] = np.log1p(tables.n_buyers[item])
    found["item_gap"] = np.log1p(tables.gap_days[item])
    found["return_rate"] = tables.return_rate[item]
    found["path_return_rate"] = tables.path_return_rate[item]
    found["item_age"] = np.log1p(tables.age_days[item])
    found["item_idle"] = np.log1p(tables.idle_days[item])
    return np.stack([found[name] for name in PAIR_NAMES], axis=1).astype(np.float32)


def user_features(known: Interactions, tables: ItemTables) -> Floats:
    """(n_users, len(USER_NAMES)) fields of the profile, from the history alone."""
    n_users, as_of = known.n_users, known.as_of
    user = known.user
    found: dict[str, npt.NDArray[np.float64]] = {}
    step = steps_of(known)
    begins = np.flatnonzero(np.diff(step, prepend=-1))
    step_user, step_time = user[begins], known.time[begins]
    n_events = np.bincount(user, minlength=n_users).astype(np.float64)
    n_steps = np.bincount(step_user, minlength=n_users).astype(np.float64)
    first = np.full(n_users, as_of, np.int64)
    last = np.full(n_users, as_of - int(NEVER_DAYS * DAY), np.int64)
    np.minimum.at(first, user, known.time)
    np.maximum.at(last, user, known.time)
    since, span = (as_of - last) / DAY, np.maximum(last - first, 0) / DAY
    gap = span / np.maximum(n_steps - 1, 1)
    late = np.bincount(step_user, (as_of - step_time) < 28 * DAY, minlength=n_users)
    pairs = np.unique(user.astype(np.int64) * max(known.n_items, 1) + known.item)
    n_items = np.bincount(pairs // max(known.n_items, 1), minlength=n_users)
    price = tables.log_price[known.item].astype(np.float64)
    priced = ~np.isnan(price)
    hour = known.time % DAY // 3600
    weekday = (known.time // DAY + 3) % 7  # 1970-01-01 was a Thursday
    brand = user.astype(np.int64) * (int(tables.brand.max(initial=0)) + 1) + tables.brand[known.item]
    brands, times = np.unique(brand, return_counts=True)
    most = np.zeros(n_users)
    np.maximum.at(most, brands // (int(tables.brand.max(initial=0)) + 1), times)
    some = np.maximum(n_events, 1)
    found["n_events"] = np.log1p(n_events)
    found["n_steps"] = np.log1p(n_steps)
    found["step_size"] = np.log1p(n_events / np.maximum(n_steps, 1))
    found["since_last"] = np.log1p(since)
    found["step_gap"] = np.log1p(gap)
    found["due"] = np.log((since + 1) / (gap + 1))
    found["active_days"] = np.log1p(span)
    found["steps_28d"] = np.log1p(late)
    found["n_items"] = np.log1p(n_items)
    found["repeat_share"] = 1 - n_items / some
    found["price_level"] = np.bincount(user, np.where(priced, price, 0), minlength=n_users) / np.maximum(
        np.bincount(user, priced, minlength=n_users), 1)  # fmt: skip
    for quarter, name in enumerate(("night", "morning", "afternoon", "evening")):
        found[name] = np.bincount(user, hour // 6 == quarter, minlength=n_users) / some
    found["weekend"] = np.bincount(user, weekday >= 5, minlength=n_users) / some
    found["one_brand"] = most / some
    return np.stack([found[name] for name in USER_NAMES], axis=1).astype(np.float32)
