"""What all users' events say of the items up to a moment: the item side of the ranker's features.

Counted from events before the moment and from offers that had started by then. The catalogue's own
columns (category, brand, price) carry no date and are taken as they stand.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from persmark.recommend.interactions import DAY, Interactions
from persmark.recommend.popular import decay
from persmark.recommend.saved import Saved

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]

# Kinds of offers told apart; every other channel counts as the last.
CHANNELS = ("coupon", "display", "mailer", "other")
SHORT_DAYS, LONG_DAYS = 7.0, 42.0  # half-lives of demand now and of demand as usual
# A share of few cases is drawn to the share of all by this many made-up cases.
PRIOR_CASES = 10.0
PREFIX = "table_"


@dataclass(frozen=True, eq=False)
class ItemTables:
    """One value for each item of the catalogue.

    Args:
        category: Place of the category; items without one share the last place.
        path: Place of the whole category path; the same.
        brand: Place of the brand; the same.
        log_price: Natural logarithm of the price; NaN where unknown.
        demand_now: Decayed sum of event weights, half-life `SHORT_DAYS`.
        demand: The same with `LONG_DAYS`.
        n_buyers: Users with an event on it.
        gap_days: Usual distance between two steps of one user on the item.
        return_rate: Share of (user, item) steps that the user repeated within the window.
        path_return_rate: The same for a step on anything of the path.
        age_days: Since anybody's first event.
        idle_days: Since anybody's last event.
        offers: (n_items, len(CHANNELS)) log(1 + offers that run at the moment).
    """

    category: Codes
    path: Codes
    brand: Codes
    log_price: Floats
    demand_now: Floats
    demand: Floats
    n_buyers: Floats
    gap_days: Floats
    return_rate: Floats
    path_return_rate: Floats
    age_days: Floats
    idle_days: Floats
    offers: Floats

    @classmethod
    def of(cls, interactions: Interactions, *, window_days: float) -> Self:
        """Count up to `interactions.as_of`.

        Args:
            interactions: Events before the moment.
            window_days: Within how many days a return counts.
        """
        n_items, as_of = interactions.n_items, interactions.as_of
        facts = interactions.item_facts
        none = np.zeros(n_items, np.int32)
        category, path, brand = (
            (_closed(facts.category.code), _closed(facts.path.code), _closed(facts.brand.code))
            if facts
            else (none, none, none)
        )
        price = facts.price if facts else np.full(n_items, np.nan, np.float32)
        first = np.full(n_items, as_of, np.int64)
        last = np.full(n_items, -1, np.int64)
        np.minimum.at(first, interactions.item, interactions.time)
        np.maximum.at(last, interactions.item, interactions.time)
        last = np.where(last < 0, first, last)
        pairs = np.unique(interactions.user.astype(np.int64) * n_items + interactions.item)
        gap, rate = _returns(interactions, interactions.item, n_items, window_days=window_days)
        _, path_rate = _returns(interactions, path[interactions.item], int(path.max(initial=0)) + 1,
                                window_days=window_days)  # fmt: skip
        return cls(
            category=category,
            path=path,
            brand=brand,
            log_price=np.log(price).astype(np.float32),
            demand_now=_demand(interactions, SHORT_DAYS),
            demand=_demand(interactions, LONG_DAYS),
            n_buyers=np.bincount(pairs % n_items, minlength=n_items).astype(np.float32),
            gap_days=gap,
            return_rate=rate,
            path_return_rate=path_rate[path],
            age_days=((as_of - first) / DAY).astype(np.float32),
            idle_days=((as_of - last) / DAY).astype(np.float32),
            offers=_offers(interactions),
        )

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What is saved."""
        return {PREFIX + field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def restored(cls, held: Saved) -> Self:
        """What was saved."""
        return cls(**{field.name: held.arrays[PREFIX + field.name] for field in fields(cls)})


def _closed(code: Codes) -> Codes:
    """Codes without -1: what has none shares a place after the last."""
    return np.where(code < 0, code.max(initial=-1) + 1, code).astype(np.int32)


def _demand(interactions: Interactions, half_life_days: float) -> Floats:
    faded = decay(interactions.time, as_of=interactions.as_of, half_life_days=half_life_days)
    said = np.bincount(interactions.item, faded * interactions.weight, minlength=interactions.n_items)
    return said.astype(np.float32)


def _returns(
    interactions: Interactions, thing: Codes, n_things: int, *, window_days: float
) -> tuple[Floats, Floats]:
    """Usual gap in days of each thing, and the share of steps on it that were repeated in the window.

    Only steps at least a window old are cases of the share: for later ones the answer lies ahead.
    """
    user, time = interactions.user.astype(np.int64), interactions.time
    order = np.lexsort((time, thing, user))
    cell, when, what = (user * n_things + thing)[order], time[order], thing[order]
    fresh = np.ones(len(cell), bool)
    fresh[1:] = (cell[1:] != cell[:-1]) | (when[1:] != when[:-1])
    cell, when, what = cell[fresh], when[fresh], what[fresh]
    again = np.zeros(len(cell), bool)
    again[:-1] = cell[1:] == cell[:-1]
    apart = np.zeros(len(cell))
    apart[:-1] = (when[1:] - when[:-1]) / DAY
    total = np.bincount(what[again], apart[again], minlength=n_things)
    n = np.bincount(what[again], minlength=n_things)
    usual = total.sum() / n.sum() if n.sum() else window_days
    gap = (total + usual) / (n + 1)
    case = when <= interactions.as_of - window_days * DAY
    back = np.bincount(what[case & again & (apart <= window_days)], minlength=n_things)
    cases = np.bincount(what[case], minlength=n_things)
    overall = back.sum() / cases.sum() if cases.sum() else 0.0
    rate = (back + overall * PRIOR_CASES) / (cases + PRIOR_CASES)
    return gap.astype(np.float32), rate.astype(np.float32)


def _offers(interactions: Interactions) -> Floats:
    """Offers that began before the moment and still run at it: what was known then."""
    found = np.zeros((interactions.n_items, len(CHANNELS)), np.float32)
    facts = interactions.item_facts
    if facts is None or not len(facts.offer_item):
        return found
    known = [CHANNELS.index(name) if name in CHANNELS else -1 for name in facts.offer_channel.names]
    channel = np.array([*known, -1])[facts.offer_channel.code]
    runs = (facts.offer_from < interactions.as_of) & (facts.offer_until > interactions.as_of)
    np.add.at(found, (facts.offer_item[runs], channel[runs]), np.float32(1))
    return np.log1p(found)
