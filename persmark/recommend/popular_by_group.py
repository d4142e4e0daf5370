"""`popular_by_group`: what sells now among people like this one; for users with little or no history.

Groups are the values of one attribute of the users (`Interactions.user_facts`): age, city, a segment,
or what is handed in of how they came: channel, part of the day (`part_of_day`). With n events of a
group, n_i of them on item i, all faded by age, and p_i the item's share of all events, the score is

    (n_i + shrinkage p_i) / (n + shrinkage)

so that a small group says little against everybody, and a user of no group is shown what everybody
buys. Which attribute, and how much shrinkage, is chosen on users who are held out of the counting
(each once, in `FOLDS` parts), by NDCG@10 of what they came to; where no attribute is shown to beat
plain popularity (95% interval of the paired difference above 0), none is used.

Source: additive smoothing towards a prior, Manning, Raghavan, Schütze, "Introduction to Information
Retrieval" (2008), section 12.2 (a Dirichlet prior).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from persmark import metrics
from persmark.errors import InputError
from persmark.recommend import saved
from persmark.recommend.contract import Reason, Recommender, Scores
from persmark.recommend.facts import Named
from persmark.recommend.interactions import Interactions, Seconds
from persmark.recommend.lesson import Lesson
from persmark.recommend.options import Settings, option
from persmark.recommend.popular import HALF_LIFE_DAYS, Popularity, decay
from persmark.recommend.topk import best_columns
from persmark.text import text

FOLDS = 5
SHRINKAGES = (30.0, 300.0, 3000.0)
SLATE = 10
# First local hour of each part of the day, and its name.
PARTS = ((0, "night"), (6, "morning"), (11, "midday"), (15, "afternoon"), (19, "evening"))


def part_of_day(time: Seconds, time_zone: str) -> Named:
    """The part of the local day of each moment: what is known even of a user's first visit.

    Args:
        time: (n,) epoch seconds UTC.
        time_zone: IANA name.
    """
    local = pd.to_datetime(np.asarray(time), unit="s", utc=True).tz_convert(ZoneInfo(time_zone))
    starts = [first for first, _ in PARTS]
    place = np.searchsorted(starts, local.hour.to_numpy(), side="right") - 1
    return Named.of([PARTS[one][1] for one in place])


@dataclass(frozen=True)
class PopularByGroupSettings(Settings):
    """Settings of `popular_by_group`."""

    attribute: str = option("", about="Attribute whose values are the groups; chosen by validation if empty")
    shrinkage: float = option(
        0.0,
        about="Events of everybody that are added to a group's own; chosen by validation if 0",
        unit="events",
        low=0.0,
        high=1e9,
    )
    half_life_days: float = option(
        HALF_LIFE_DAYS, about="After how long an event counts half", unit="days", low=0.01, high=36_500
    )
    seed: int = option(0, about="Of the draw of held-out users", low=0, high=2**31 - 1)


class PopularByGroup(Recommender):
    """Recent popularity among users who share one attribute's value, drawn towards that of all."""

    name = "popular_by_group"
    settings_type = PopularByGroupSettings
    needs_facts = True
    settings: PopularByGroupSettings
    popularity: Popularity
    attribute: str  # "" where none is used
    groups: tuple[str, ...]  # values, ascending
    shares: Scores  # (n_groups + 1, n_items); the last row is everybody's

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        chosen = self.settings
        lesson.on_progress(0.0, text("Counting recent demand"))
        self.popularity = Popularity.of(
            interactions, half_life_days=chosen.half_life_days, target=self.target
        )
        faded = decay(interactions.time, as_of=interactions.as_of, half_life_days=chosen.half_life_days)
        demand = sparse.csr_array(
            (faded * interactions.weight, (interactions.user, interactions.item)),
            shape=(interactions.n_users, interactions.n_items),
        )
        fields = dict(interactions.user_facts.fields) if interactions.user_facts else {}
        if chosen.attribute:
            if fields and chosen.attribute not in fields:
                raise InputError(
                    text("Setting 'attribute' must be an attribute of users. Received: {name}.",
                         name=chosen.attribute),
                    hint=text("Available: {names}.", names=", ".join(sorted(fields))),
                )  # fmt: skip
            fields = {chosen.attribute: fields[chosen.attribute]} if fields else {}
        amounts = (chosen.shrinkage,) if chosen.shrinkage else SHRINKAGES
        asked = interactions.rows(interactions.typed(self.target))
        self.attribute, amount = _best(
            demand, asked, fields, amounts=amounts, must_win=not chosen.attribute, seed=chosen.seed
        )
        field = fields.get(self.attribute, Named(np.full(interactions.n_users, -1, np.int32), ()))
        self.groups = field.names
        self.shares = _shares(_counted(demand, field), amount).astype(np.float32)
        lesson.on_progress(1.0, text("Recent demand of groups is counted"))

    def _group_of(self, histories: Interactions) -> npt.NDArray[np.int64]:
        """(n_users,) row of `shares`."""
        everybody = len(self.groups)
        held = histories.user_facts.fields.get(self.attribute) if histories.user_facts else None
        if held is None:
            return np.full(histories.n_users, everybody)
        places = {name: place for place, name in enumerate(self.groups)}
        row = np.array([*(places.get(name, everybody) for name in held.names), everybody])
        return row[held.code]

    def _score(self, histories: Interactions) -> Scores:
        return self.shares[self._group_of(histories)]

    def _filled(self, histories: Interactions, values: Scores) -> npt.NDArray[np.bool_]:
        return np.ones(values.shape, bool)

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        (group,) = self._group_of(history)
        everybody = len(self.groups)
        if group == everybody or self.shares[group, item] <= self.shares[everybody, item]:
            return self.popularity.reason(item)
        times = float(self.shares[group, item] / max(self.shares[everybody, item], 1e-12))
        facts = {"attribute": self.attribute, "value": self.groups[group], "times": times}
        said = text("{times} times as popular where {attribute} is {value}", times=round(times, 1),
                    attribute=self.attribute, value=self.groups[group])  # fmt: skip
        return Reason("popular", facts, said)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return self.popularity.arrays() | {"shares": self.shares}

    def _facts(self) -> dict[str, Any]:
        return {"attribute": self.attribute, "groups": list(self.groups)}

    def _restore(self, held: saved.Saved) -> None:
        self.popularity = Popularity.restored(held)
        self.attribute, self.groups = str(held.facts["attribute"]), tuple(held.facts["groups"])
        self.shares = held.arrays["shares"]


def _counted(demand: sparse.csr_array, field: Named) -> npt.NDArray[np.float64]:
    """(n_groups + 1, n_items) demand of each group; the last row is everybody's."""
    n_users = len(field.code)
    member = np.flatnonzero(field.code >= 0)
    of_group = sparse.csr_array(
        (np.ones(len(member)), (field.code[member], member)), shape=(len(field.names), n_users)
    )
    everybody = np.asarray(demand.sum(axis=0)).ravel()
    return np.vstack([(of_group @ demand).toarray(), everybody])


def _shares(counted: npt.NDArray[np.float64], shrinkage: float) -> npt.NDArray[np.float64]:
    """(n_groups + 1, n_items) shrunk shares of what was counted. Rows sum to 1."""
    share = counted[-1] / max(counted[-1].sum(), 1e-300)
    total = counted.sum(axis=1, keepdims=True)
    shrunk = (counted + shrinkage * share) / np.maximum(total + shrinkage, 1e-300)
    # Without any event of its own, and no shrinkage, a group is as everybody.
    shared: npt.NDArray[np.float64] = np.where(total + shrinkage > 0, shrunk, share)
    return shared


def _best(
    demand: sparse.csr_array,
    asked: Interactions,
    fields: Mapping[str, Named],
    *,
    amounts: tuple[float, ...],
    must_win: bool,
    seed: int,
) -> tuple[str, float]:
    """The attribute and the shrinkage with the best NDCG on held-out users; "" where none beats all.

    Args:
        demand: (n_users, n_items) what is counted.
        asked: What held-out users came to.
        fields: The attributes.
        amounts: Of shrinkage.
        must_win: Whether an attribute is used only where it is shown to beat plain popularity.
        seed: Of the draw of held-out users and of the interval.
    """
    if not must_win and len(amounts) == 1 and fields:
        return next(iter(fields)), amounts[0]
    cells = (np.ones(len(asked)), (asked.user, asked.item))
    came_to = sparse.csr_array(cells, shape=demand.shape).astype(bool).astype(np.float64)
    part = np.random.default_rng(seed).permutation(demand.shape[0]) % FOLDS
    nobody = Named(np.full(len(part), -1, np.int32), ())
    (plain,) = _held_out(demand, came_to, nobody, amounts=amounts[:1], part=part)
    best, best_mean, best_amount = "", plain.mean() if must_win else -np.inf, amounts[0]
    for name, field in fields.items():
        found = _held_out(demand, came_to, field, amounts=amounts, part=part)
        for amount, reached in zip(amounts, found, strict=True):
            if reached.mean() <= best_mean:
                continue
            if must_win and metrics.paired_difference(reached, plain, seed=seed).low <= 0:
                continue
            best, best_mean, best_amount = name, float(reached.mean()), amount
    return best, best_amount


def _held_out(
    demand: sparse.csr_array,
    came_to: sparse.csr_array,
    field: Named,
    *,
    amounts: tuple[float, ...],
    part: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """(n_amounts, n_users) NDCG@10 of each user under the counts of the other parts."""
    gain = 1 / np.log2(np.arange(2, SLATE + 2))
    reached = np.zeros((len(amounts), demand.shape[0]))
    n_asked = np.diff(came_to.indptr)
    ideal = np.concatenate([[1.0], np.cumsum(gain)])[np.minimum(n_asked, SLATE)]
    group = np.where(field.code >= 0, field.code, len(field.names))
    for fold in range(FOLDS):
        kept, out = np.flatnonzero(part != fold), np.flatnonzero(part == fold)
        counted = _counted(demand[kept], field.take(kept))
        for place, amount in enumerate(amounts):
            shown = best_columns(_shares(counted, amount).astype(np.float32), SLATE)[group[out]]
            hits = came_to[out[:, None], shown].toarray()
            reached[place, out] = hits @ gain[: shown.shape[1]] / ideal[out]
    return reached
