"""Users as numbers: what groups and likeness are worked out from.

Left out on purpose: names and times (their shares and days stand for them), scores that are ranks of
other columns, what the company did (contacts received: whom we wrote to is our doing, not theirs),
and sums that hold such contacts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from persmark.errors import EmptyError, InputError
from persmark.profiles import FEATURES, profile_columns
from persmark.store import Reader, quoted
from persmark.text import Text, text

if TYPE_CHECKING:
    import pyarrow as pa

Floats = npt.NDArray[np.float64]

# Family -> the profile columns in it. One family of many columns weighs no more than one of few.
FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "buying": (
        "n_purchases", "n_items", "monetary", "average_order_value", "recency_days", "mean_gap_days",
        "gap_spread_days", "tenure_days", "items_per_order", "repeat_share", "novelty_share", "order_trend",
        "spend_trend",
    ),
    "looking": (
        "inactive_days", "n_views", "n_clicks", "n_carts", "n_sessions", "events_per_session",
        "minutes_per_session", "dwell_minutes", "mean_dwell_seconds", "event_trend",
    ),
    "prices": (
        "price_level", "discount_share", "discounted_order_share", "coupon_order_share",
        "n_coupons_redeemed",
    ),
    "when": ("night_share", "morning_share", "afternoon_share", "evening_share", "weekend_share"),
    "category": (),
    "brand": (),
    "channel": (),
})  # fmt: skip
FAMILY_TITLES: Mapping[str, Text] = MappingProxyType({
    "buying": text("How they buy"),
    "looking": text("How they look around"),
    "prices": text("Prices and coupons"),
    "when": text("When they come"),
    "category": text("What they pay attention to: categories"),
    "brand": text("What they pay attention to: brands"),
    "channel": text("Where they come: channels"),
})  # fmt: skip
# Dimensions of table `attention` that become measures, and how many names of each, the commonest first.
ATTENTION: Mapping[str, int] = MappingProxyType({"category": 40, "brand": 15, "channel": 8})

# Everything that grows in proportion: a step from 1 to 2 counts as one from 10 to 20.
_IN_PROPORTION = frozenset({"events", "orders", "items", "sessions", "money", "days", "minutes", "seconds"})
# Measures that fewer users have are left out of groups: a guess would stand for most of them.
_KNOWN = 0.5
# Standard deviations past which a value counts as that far: outliers would be groups of their own.
_FARTHEST = 3.0
_FLAT = 1e-9


@dataclass(frozen=True)
class Measure:
    """One column of a matrix of users.

    Attributes:
        name: Profile column, or `category: dairy` for a share of attention.
        title: What a page calls it.
        family: Key of `FAMILIES`.
        unit: As in the catalogue of features.
        in_proportion: Whether differences count in proportion (its logarithm is taken).
    """

    name: str
    title: Text
    family: str
    unit: str
    in_proportion: bool

    @property
    def of_attention(self) -> bool:
        """Whether it is a share of attention."""
        return self.family in ATTENTION


@dataclass(frozen=True, eq=False)
class Matrix:
    """Users by measures.

    Attributes:
        user_ids: (n,) text, in its order.
        values: (n, d) float32 as the profiles have them, NaN where empty.
        measures: What the columns are.
    """

    user_ids: pa.Array
    values: npt.NDArray[np.float32]
    measures: tuple[Measure, ...]

    def __len__(self) -> int:
        return len(self.values)

    def only(self, keep: npt.NDArray[np.bool_]) -> Matrix:
        """The columns for which `keep` (d,) holds."""
        kept = tuple(one for one, stays in zip(self.measures, keep, strict=True) if stays)
        return Matrix(self.user_ids, np.ascontiguousarray(self.values[:, keep]), kept)


def _measures(columns: Collection[str], families: Sequence[str]) -> list[Measure]:
    return [
        Measure(
            name, FEATURES[name].title, family, FEATURES[name].unit, FEATURES[name].unit in _IN_PROPORTION
        )
        for family in families
        for name in FAMILIES[family]
        if name in columns
    ]


def _names(reader: Reader, dimension: str) -> list[str]:
    """The names that most attention of all users goes to; none where there is only one."""
    rows = reader.rows(
        "SELECT name FROM attention WHERE dimension = $dimension GROUP BY name"
        " ORDER BY sum(attention_share) DESC, name LIMIT $most",
        {"dimension": dimension, "most": ATTENTION[dimension]},
    )
    return [str(row[0]) for row in rows] if len(rows) > 1 else []


def _attention(reader: Reader, dimension: str, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """(n_users, n_names) shares of attention, users in the order of their ids; 0 without any."""
    holes = {f"name_{place}": name for place, name in enumerate(names)}
    sums = ", ".join(
        f"CAST(coalesce(sum(a.attention_share) FILTER (a.name = ${hole}), 0.0) AS FLOAT) AS {quoted(hole)}"
        for hole in holes
    )
    table = reader.table(
        f"SELECT {sums} FROM profiles AS p LEFT JOIN attention AS a"
        " ON a.user_id = p.user_id AND a.dimension = $dimension AND list_contains($names, a.name)"
        " GROUP BY p.user_id ORDER BY p.user_id",
        {**holes, "dimension": dimension, "names": list(names)},
        limit_ms=None,
    )
    return np.column_stack([column.to_numpy() for column in table.columns])


def _differs(column: npt.NDArray[Any]) -> bool:
    known = column[~np.isnan(column)]
    return bool(len(known)) and bool(known.min() < known.max())


def user_matrix(reader: Reader, families: Sequence[str] | None = None) -> Matrix:
    """All users of the published profiles, by the measures of some families.

    Measures that are empty or the same for everybody are left out.

    Args:
        reader: Whose profiles.
        families: Keys of `FAMILIES`; all by default.

    Raises:
        EmptyError: There are no profiles, or none of the families tells anything about anybody.
        InputError: A family is unknown.
    """
    asked = tuple(FAMILIES) if families is None else tuple(dict.fromkeys(families))
    for family in asked:
        if family not in FAMILIES:
            raise InputError(
                text("What users are grouped by must be known. Received: {name}.", name=family),
                hint=text("Available: {names}.", names=", ".join(FAMILIES)),
            )
    columns = profile_columns(reader)
    measures = _measures(columns, asked)
    selected = "".join(f", CAST({quoted(one.name)} AS FLOAT) AS {quoted(one.name)}" for one in measures)
    table = reader.table(f"SELECT user_id{selected} FROM profiles ORDER BY user_id", limit_ms=None)
    blocks = [
        np.column_stack([table.column(one.name).to_numpy() for one in measures])
        if measures
        else np.empty((table.num_rows, 0), np.float32)
    ]
    for family in asked:
        if family in ATTENTION and (names := _names(reader, family)):
            blocks.append(_attention(reader, family, names))
            measures += [
                Measure(f"{family}: {name}", text("{name}", name=name), family, "share", False)
                for name in names
            ]
    values = np.hstack(blocks)
    del blocks
    differs = np.array([_differs(column) for column in values.T], dtype=bool)
    found = Matrix(table.column("user_id").combine_chunks(), values, tuple(measures)).only(differs)
    if not found.measures:
        raise EmptyError(
            text("Users must differ in something to be told apart. Received: {n} users without a difference.",
                 n=table.num_rows),
            title="Nothing to tell users apart", hint="Choose more to look at, or load more events.",
        )  # fmt: skip
    return found


def unfolded(values: npt.NDArray[Any], measures: Sequence[Measure]) -> npt.NDArray[Any]:
    """(n, d) values on scales where differences compare: logarithms, roots of attention; NaN stays.

    A root (Hellinger's transformation) makes the distance of two splits of attention independent of
    how many names they are split over. Source: Legendre, Gallagher, Ecologically meaningful
    transformations for ordination of species data, Oecologia 129, 2001.
    """
    found = values.copy()
    for place, one in enumerate(measures):
        column = found[:, place]
        if one.in_proportion:
            found[:, place] = np.sign(column) * np.log1p(np.abs(column))
        elif one.of_attention:
            found[:, place] = np.sqrt(np.maximum(column, 0.0))
    return found


@dataclass(frozen=True, eq=False)
class Scale:
    """How a search for groups compares users, fitted on some of them.

    Each measure is centred on its median and scaled by its spread; what lies past three spreads counts
    as three; an empty value counts as the median. A family's columns are weighed down by the size of
    its main direction, so that forty categories do not outvote three figures (multiple factor
    analysis: Escofier, Pagès, CSDA 18(1), 1994).

    Attributes:
        measures: What is compared: those that at least half of the users have.
        places: (d,) their columns in the matrix.
        middle: (d,) medians.
        spread: (d,) interquartile ranges as standard deviations, or those where that is 0.
        weight: (d,) of the families.
    """

    measures: tuple[Measure, ...]
    places: npt.NDArray[np.int64]
    middle: Floats
    spread: Floats
    weight: Floats

    @classmethod
    def of(cls, values: npt.NDArray[Any], measures: Sequence[Measure]) -> Scale:
        """Fitted on (n, d) users; fewer columns than given where some are mostly empty or constant."""
        found = unfolded(values.astype(np.float64), measures)
        known = (~np.isnan(found)).mean(axis=0) >= _KNOWN
        quarters = np.full((3, found.shape[1]), np.nan)
        sd = np.zeros(found.shape[1])
        quarters[:, known] = np.nanquantile(found[:, known], (0.25, 0.5, 0.75), axis=0)
        sd[known] = np.nanstd(found[:, known], axis=0)
        spread = np.where(quarters[2] - quarters[0] > _FLAT, (quarters[2] - quarters[0]) / 1.349, sd)
        places = np.flatnonzero(known & (sd > _FLAT))
        scale = cls(
            tuple(measures[int(place)] for place in places), places, quarters[1][places], spread[places],
            np.ones(len(places)),
        )  # fmt: skip
        scaled = scale.apply(values)
        families = np.array([one.family for one in scale.measures])
        for family in set(families.tolist()):
            covariance = np.atleast_2d(np.cov(scaled[:, families == family], rowvar=False))
            largest = float(np.linalg.eigvalsh(covariance)[-1])
            scale.weight[families == family] = 1.0 / np.sqrt(max(largest, _FLAT))
        return scale

    def apply(self, values: npt.NDArray[Any]) -> Floats:
        """(n, d') what is compared, of users in the matrix's columns."""
        found = unfolded(values[:, self.places].astype(np.float64), self.measures)
        scaled = np.clip((found - self.middle) / self.spread, -_FARTHEST, _FARTHEST)
        compared: Floats = np.nan_to_num(scaled) * self.weight
        return compared
