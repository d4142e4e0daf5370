"""What sets some users apart from the others: the measures that differ most, and what they turn to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from persmark.profiles import FEATURES
from persmark.segments.matrix import ATTENTION, Matrix, unfolded
from persmark.text import Text, text

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Source: Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd ed., 1988, 2.2: 0.2 is a
# small, 0.5 a medium, 0.8 a large standardised difference.
SMALL, MEDIUM = 0.2, 0.5
# Attention to a name of at least this many times the others', for it to be part of a group's name.
_LIFT = 1.25
# Of two measures that correlate more, the one that differs more speaks for both; not for attention,
# though: that they come in the morning does not say that they come for dairy.
_SAME = 0.75
_TOLD_FIRST = 1.25
_LISTED, _NAMED = 8, 2


@dataclass(frozen=True)
class Trait:
    """One measure of a group against all other users.

    Attributes:
        measure: Profile column, or `category: dairy`.
        unit: Of the means.
        effect: Trait of the means in standard deviations, on the scale that is compared.
        inside: Mean of the group's users who have it.
        outside: Mean of the others.
    """

    measure: str
    unit: str
    effect: float
    inside: float
    outside: float

    @property
    def dimension(self) -> str:
        """`category`, `brand` or `channel`; empty for a profile column."""
        kind, split, _ = self.measure.partition(": ")
        return kind if split and kind in ATTENTION else ""

    @property
    def title(self) -> Text:
        """What a page calls it."""
        if self.dimension:
            return text("{name}", name=self.measure.partition(": ")[2])
        return FEATURES[self.measure].title

    @property
    def lift(self) -> float | None:
        """How many times the others' attention; None for a profile column or where they pay none."""
        return self.inside / self.outside if self.dimension and self.outside > 0 else None


def _means(values: Floats, where: Mask) -> Floats:
    """(d,) means of the rows, empty cells aside; NaN where all are."""
    rows = values[where]
    known = ~np.isnan(rows)
    n = known.sum(axis=0)
    found: Floats = np.where(n > 0, np.where(known, rows, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)
    return found


def differences(
    matrix: Matrix, inside: Mask, *, scaled: Floats | None = None, rows: npt.NDArray[np.int64] | None = None
) -> tuple[Trait, ...]:
    """What sets the users of `inside` (n,) apart, the largest effect first; none that says it again.

    Args:
        matrix: All users.
        inside: Which of them.
        scaled: `unfolded` values of the same users, where they are at hand.
        rows: Which users are looked at; all by default.
    """
    values = matrix.values if rows is None else matrix.values[rows]
    there = inside if rows is None else inside[rows]
    if not there.any() or there.all():
        return ()
    compared = unfolded(values, matrix.measures) if scaled is None else scaled
    sd = np.nanstd(compared, axis=0)
    effect = (_means(compared, there) - _means(compared, ~there)) / np.where(sd > 0, sd, np.inf)
    plain = values.astype(np.float64)
    means = _means(plain, there), _means(plain, ~there)
    filled = np.where(np.isnan(compared), np.nanmean(compared, axis=0), compared)
    # Of two names that take attention from each other, the one that has it is told.
    turned_to = np.array([one.of_attention for one in matrix.measures]) & (effect > 0)
    size = np.abs(np.nan_to_num(effect))
    chosen: list[int] = []
    for place in np.argsort(-np.where(turned_to, _TOLD_FIRST, 1.0) * size, kind="stable"):
        kind = matrix.measures[place].of_attention
        said = [other for other in chosen if matrix.measures[other].of_attention == kind]
        if size[place] >= SMALL and all(_alike(filled[:, place], filled[:, other]) < _SAME for other in said):
            chosen.append(int(place))
        if len(chosen) == _LISTED:
            break
    chosen.sort(key=lambda place: -size[place])
    return tuple(
        Trait(
            matrix.measures[place].name, matrix.measures[place].unit, float(effect[place]),
            float(means[0][place]), float(means[1][place]),
        )
        for place in chosen
    )  # fmt: skip


def _alike(one: Floats, other: Floats) -> float:
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return abs(float(a @ b)) / size if size else 0.0


def _part(one: Trait) -> Text:
    if one.dimension and one.lift is None:
        return text("{name} (only they)", name=one.title)
    if one.lift is not None:
        return text("{name} ×{lift}", name=one.title, lift=round(one.lift, 1))
    return Text("{name} high" if one.effect > 0 else "{name} low", {"name": one.title})


def name_of(found: Sequence[Trait]) -> Text:
    """A name from what differs most: `Orders high, Dairy ×2.1`."""
    fit: list[Trait] = []
    for one in found:
        attended = one.dimension and one.effect >= SMALL and (one.lift is None or one.lift >= _LIFT)
        if attended or (not one.dimension and abs(one.effect) >= MEDIUM):
            fit.append(one)
    # What they do and what they turn to, where both tell; else the two that differ most.
    other = [one for one in fit if bool(one.dimension) != bool(fit[0].dimension)]
    parts = [_part(one) for one in [*fit[:1], *other[:1], *fit[1:]][:_NAMED]]
    if not parts:
        return text("Close to everybody else")
    return parts[0] if len(parts) == 1 else text("{one}, {other}", one=parts[0], other=parts[1])


def value_text(value: float, unit: str) -> Text:
    """A mean as people read it."""
    if unit == "share":
        return text("{value}%", value=round(100 * value, 1))
    rounded = round(value, 1) if abs(value) < 100 else round(value)
    if unit in {"days", "minutes", "seconds"}:
        return text("{value} {unit}", value=rounded, unit=text(unit))
    return text("{value}", value=rounded)


def sentence_of(found: Sequence[Trait]) -> Text:
    """What differs most, with the means of both sides."""
    said: Text | None = None
    for one in found[:3]:
        part = text(
            "{title} {inside} on average, {outside} among the others",
            title=text("Attention to {name}", name=one.title) if one.dimension else one.title,
            inside=value_text(one.inside, one.unit),
            outside=value_text(one.outside, one.unit),
        )
        said = part if said is None else text("{first}; {second}", first=said, second=part)
    return said or text("No measure differs from the others by more than a fifth of its spread")


def to_json(found: Sequence[Trait]) -> list[dict[str, Any]]:
    """As it is kept."""
    return [asdict(one) for one in found]


def from_json(kept: Sequence[Mapping[str, Any]]) -> tuple[Trait, ...]:
    """As it was kept; what this version has no name for is left out."""
    found = tuple(Trait(**one) for one in kept)
    return tuple(one for one in found if one.dimension or one.measure in FEATURES)
