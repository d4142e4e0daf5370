"""What is compared between segments: means of numbers, shares of users by name, per cell of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from persmark.errors import PersmarkError
from persmark.profiles import Feature, feature_catalogue, profile_columns
from persmark.segments.cells import Cells, medians, moments, named, numbers
from persmark.segments.checks import NUMBER, TEXT, TRUTH
from persmark.segments.evaluate import Saved, known_segments
from persmark.segments.intervals import (
    LEVEL,
    Moments,
    Numbers,
    Two,
    mean_difference,
    mean_interval,
    share_difference,
    share_interval,
)
from persmark.segments.nodes import ColumnIs, leaves
from persmark.segments.rules import Rule, kind_of, parse
from persmark.store import Reader

# Values of a feature of names that are compared: its commonest among the users of the segments.
MOST_VALUES = 6

# The same figure under another name, and places in an order of the buyers: nothing to compare.
_LEFT_OUT = (
    "frequency", "r_score", "f_score", "m_score",
    "top_category_2", "top_category_3", "top_category_2_share", "top_category_3_share",
)  # fmt: skip
# A feature with more values than this part of its users is a date or an id, not a group.
_MOST_OWN = 0.2
_RECENCY = (
    "recency_days", "inactive_days", "lifecycle", "rfm_segment", "n_events_recent", "n_orders_recent",
    "spend_recent", "event_trend", "order_trend", "spend_trend",
)  # fmt: skip
# What a feature decides, at least in part: a rule on it makes segments differ in these by itself.
_DECIDES: Mapping[str, tuple[str, ...]] = {
    "lifecycle": _RECENCY,
    "recency_days": _RECENCY,
    "inactive_days": _RECENCY,
    "last_purchase_time": _RECENCY,
    "r_score": _RECENCY,
    "rfm_segment": (*_RECENCY, "n_purchases", "monetary"),
    "n_purchases": ("rfm_segment",),
    "frequency": ("n_purchases", "rfm_segment"),
    "f_score": ("n_purchases", "rfm_segment"),
    "monetary": ("rfm_segment",),
    "m_score": ("monetary", "rfm_segment"),
}


@dataclass(frozen=True)
class Figures:
    """One kind of figure of every cell of users.

    Attributes:
        features: The feature behind each figure.
        values: The name whose share of users is meant; None for a mean.
        found: Sums of shape (n_cells, n_figures); of zeros and ones for shares.
        medians: (n_segments, n_figures); NaN for shares.
        of_users: Whether they are shares of users.
    """

    features: list[Feature]
    values: list[str | None]
    found: Moments
    medians: Numbers
    of_users: bool

    def of(self, cut: Cells, *places: int, without: int | None = None) -> Moments:
        """The users in all of these segments and not in one; everybody without any."""
        chosen, all_ = cut.of(*places, without=without), self.found
        part = Moments(all_.n[chosen], all_.mean[chosen], all_.squares[chosen], all_.cubes[chosen])
        return part.together(0)

    def interval(self, found: Moments, level: float | Numbers = LEVEL) -> tuple[Numbers, Numbers]:
        """Of each figure, by its kind."""
        if self.of_users:
            return share_interval(np.rint(found.n * np.nan_to_num(found.mean)), found.n, level)
        return mean_interval(found, level)

    def two(self, cut: Cells, one: int, other: int) -> Two:
        """Two segments and what they share."""
        return Two(
            self.of(cut, one),
            self.of(cut, other),
            self.of(cut, one, without=other),
            self.of(cut, one, other),
            self.of(cut, other, without=one),
        )

    def difference(self, two: Two, level: float | Numbers = LEVEL) -> tuple[Numbers, Numbers]:
        """Interval of the first less the second, by its kind."""
        return share_difference(two, level) if self.of_users else mean_difference(two, level)


def number_figures(reader: Reader, cut: Cells) -> Figures:
    """Means of all numbers of the profiles in which the users differ at all."""
    features = _compared(reader, (NUMBER,))
    values = numbers(reader, [one.name for one in features])
    inside = values[:, cut.places > 0]
    differ = [np.fmin.reduce(one, initial=np.inf) < np.fmax.reduce(one, initial=-np.inf) for one in inside]
    kept = np.flatnonzero(differ)
    features, values = [features[place] for place in kept], values[kept]
    return Figures(
        features, [None] * len(features), moments(cut, values), medians(cut, values), of_users=False
    )


def share_figures(reader: Reader, cut: Cells) -> Figures:
    """Shares of users by name, of those who have one: of each feature the commonest values."""
    features: list[Feature] = []
    values: list[str | None] = []
    with_: list[Numbers] = []
    of: list[Numbers] = []
    compared = _compared(reader, (TEXT, TRUTH))
    for feature, by_value in zip(compared, named(reader, cut, [one.name for one in compared]), strict=True):
        inside = {value: counted for value, counted in by_value.items() if counted[1:].sum()}
        common = sorted(inside, key=lambda value: (-inside[value][1:].sum(), value))
        # Of a yes or no the one says the other.
        kept = [value for value in common if value == "true"] if feature.dtype == "BOOLEAN" else common
        n_named = sum(counted[1:].sum() for counted in inside.values())
        if len(common) < 2 or (len(common) > MOST_VALUES and _MOST_OWN * n_named < len(common)):
            continue
        for value in kept[:MOST_VALUES]:
            features.append(feature)
            values.append(value)
            with_.append(by_value[value])
            of.append(sum(by_value.values(), start=np.zeros(cut.n_cells)))
    shape = (len(features), cut.n_cells)
    found = of_shares(np.reshape(with_, shape).T, np.reshape(of, shape).T)
    return Figures(features, values, found, np.full((len(cut.names), len(features)), np.nan), of_users=True)


def of_shares(n_with: Numbers, n: Numbers) -> Moments:
    """Zeros and ones as sums."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = n_with / n
    spread = n * np.nan_to_num(share * (1 - share))
    return Moments(n, share, spread, spread * np.nan_to_num(1 - 2 * share))


def decided_by(rule: Rule, saved: Saved | None) -> frozenset[str]:
    """Features that a rule speaks of, and those that follow from them."""
    try:
        node = parse(rule, columns=None, saved=known_segments(saved))
    except PersmarkError:
        return frozenset()
    spoken_of = {leaf.column for leaf in leaves(node) if isinstance(leaf, ColumnIs)}
    return frozenset(spoken_of.union(*(_DECIDES.get(name, ()) for name in spoken_of)))


def _compared(reader: Reader, kinds: Sequence[str]) -> list[Feature]:
    columns = profile_columns(reader)
    return [
        one
        for one in feature_catalogue(reader)
        if one.name in columns
        and kind_of(columns[one.name]) in kinds
        and one.unit not in ("id", "quintile")
        and one.name not in _LEFT_OUT
    ]
