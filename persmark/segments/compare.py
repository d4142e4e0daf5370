"""Segments side by side: means, shares and their differences, each with its interval.

All users are in the data, so counts and sums are exact; an interval says how far a figure would move
for other users of the same kind, which is what a campaign to them will meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from persmark.privacy import MINIMUM_GROUP_SIZE
from persmark.segments.cells import Cells, cells
from persmark.segments.evaluate import Saved
from persmark.segments.figures import Figures, decided_by, number_figures, share_figures
from persmark.segments.intervals import (
    Moments,
    Numbers,
    adjusted,
    doubt,
)
from persmark.segments.rules import Rule
from persmark.store import Reader
from persmark.text import Text, text

if TYPE_CHECKING:
    import pyarrow as pa

# At most so large a part of the differences that are called clear is false on average.
FALSE_SHARE = 0.05


@dataclass(frozen=True)
class Difference:
    """One segment against the first one, in one figure.

    Attributes:
        feature: Column of the profiles.
        title: What a page calls it.
        unit: Of the figure; `share` for a share of users.
        value: The name whose share of users is meant; None for a mean.
        segment: The one compared.
        base: The first segment.
        estimate: Its mean or share.
        base_estimate: That of the first.
        n: Users behind it.
        base_n: Users behind that of the first.
        difference: The first figure minus the second.
        low: Lower end of its 95% interval; None where none can be told.
        high: Upper end.
        effect: The difference in units of the users' spread: Cohen's d of means, h of shares.
        p_adjusted: Benjamini-Hochberg over all differences of the comparison; None as above.
        clear: Whether the interval excludes 0, the adjusted p-value is at most `FALSE_SHARE`, and there are
            `MINIMUM_GROUP_SIZE` users behind either figure: fewer are single people.
        by_rule: Whether one of the two rules itself speaks of the feature.
    """

    feature: str
    title: Text
    unit: str
    value: str | None
    segment: str
    base: str
    estimate: float
    base_estimate: float
    n: int
    base_n: int
    difference: float
    low: float | None
    high: float | None
    effect: float
    p_adjusted: float | None
    clear: bool
    by_rule: bool


@dataclass(frozen=True)
class Comparison:
    """Segments side by side.

    Attributes:
        segments: Their names; the others are compared to the first.
        n_users: Of each.
        n_all: Users in all.
        overlaps: `segment`, `other`, `n_both`, `share_of_segment`, `share_of_other`; each pair once.
        numbers: `feature`, `segment`, `n` (users with a value), `mean`, `low`, `high` (95%, NULL below two
            users or without spread), `median`, `spread`.
        shares: `feature`, `value`, `segment`, `n` (users with a value), `n_with`, `share`, `low`, `high`.
        differences: Clear ones first, then by the size that their effect has at least.
    """

    segments: tuple[str, ...]
    n_users: tuple[int, ...]
    n_all: int
    overlaps: pa.Table
    numbers: pa.Table
    shares: pa.Table
    differences: tuple[Difference, ...]

    @property
    def n_tested(self) -> int:
        """How many differences were tested."""
        return sum(one.p_adjusted is not None for one in self.differences)

    @property
    def clear(self) -> tuple[Difference, ...]:
        """The clear ones that no rule decides by itself, the largest effect first."""
        return tuple(one for one in self.differences if one.clear and not one.by_rule)


def compare(reader: Reader, rules: Mapping[str, Rule], *, saved: Saved | None = None) -> Comparison:
    """Two to four segments, feature by feature.

    A user may be in several of them: such users are counted in each, and the interval of a difference
    takes into account that they are the same. Means follow the skew of money (see `mean_interval`
    and `mean_difference`), shares have score intervals (see `share_difference`).

    Args:
        reader: Whose profiles.
        rules: Name -> rule; the others are compared to the first.
        saved: Segments the rules may speak of.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: There are too few or too many rules, or one is not understood.
        NotFoundError: A rule speaks of an unknown segment.
    """
    cut = cells(reader, rules, saved=saved)
    numbers, shares = number_figures(reader, cut), share_figures(reader, cut)
    decided = [decided_by(rule, saved) for rule in rules.values()]
    return Comparison(
        segments=cut.names,
        n_users=tuple(cut.n_users(place) for place in range(len(cut.names))),
        n_all=cut.n_users(),
        overlaps=overlaps(cut),
        numbers=_number_table(cut, numbers),
        shares=_share_table(cut, shares),
        differences=_differences(cut, (numbers, shares), decided),
    )


def overlaps(cut: Cells) -> pa.Table:
    """Users whom two segments share; see `Comparison.overlaps`."""
    import pyarrow as pa

    rows = []
    for one in range(len(cut.names)):
        for other in range(one + 1, len(cut.names)):
            n_both, n_one, n_other = cut.n_users(one, other), cut.n_users(one), cut.n_users(other)
            rows.append(
                {
                    "segment": cut.names[one],
                    "other": cut.names[other],
                    "n_both": n_both,
                    "share_of_segment": n_both / n_one if n_one else None,
                    "share_of_other": n_both / n_other if n_other else None,
                }
            )
    return pa.Table.from_pylist(rows)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _number_table(cut: Cells, figures: Figures) -> pa.Table:
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    for place, name in enumerate(cut.names):
        found = figures.of(cut, place)
        low, high = figures.interval(found)
        for number, feature in enumerate(figures.features):
            rows.append(
                {
                    "feature": feature.name,
                    "segment": name,
                    "n": int(found.n[number]),
                    "mean": _known(found.mean[number]),
                    "low": _known(low[number]),
                    "high": _known(high[number]),
                    "median": _known(figures.medians[place, number]),
                    "spread": _known(found.spread[number]),
                }
            )
    order = {feature.name: number for number, feature in enumerate(figures.features)}
    rows.sort(key=lambda row: order[row["feature"]])
    schema = pa.schema(
        [("feature", pa.string()), ("segment", pa.string()), ("n", pa.int64()),
         *((name, pa.float64()) for name in ("mean", "low", "high", "median", "spread"))]
    )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def _share_table(cut: Cells, figures: Figures) -> pa.Table:
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    of = [figures.of(cut, place) for place in range(len(cut.names))]
    intervals = [figures.interval(found) for found in of]
    for number, feature in enumerate(figures.features):
        for name, found, (low, high) in zip(cut.names, of, intervals, strict=True):
            rows.append(
                {
                    "feature": feature.name,
                    "value": figures.values[number],
                    "segment": name,
                    "n": int(found.n[number]),
                    "n_with": round(found.n[number] * np.nan_to_num(found.mean[number])),
                    "share": _known(found.mean[number]),
                    "low": _known(low[number]),
                    "high": _known(high[number]),
                }
            )
    schema = pa.schema(
        [("feature", pa.string()), ("value", pa.string()), ("segment", pa.string()), ("n", pa.int64()),
         ("n_with", pa.int64()), *((name, pa.float64()) for name in ("share", "low", "high"))]
    )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def _effect(one: Moments, other: Moments, of_users: bool) -> Numbers:
    """Source: Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, 2nd ed., 2.5 and 6.2."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if of_users:
            return 2 * (np.arcsin(np.sqrt(one.mean)) - np.arcsin(np.sqrt(other.mean)))
        return (one.mean - other.mean) / np.sqrt((one.spread**2 + other.spread**2) / 2)


def _differences(
    cut: Cells, kinds: Sequence[Figures], decided: Sequence[frozenset[str]]
) -> tuple[Difference, ...]:
    found: list[dict[str, Any]] = []
    for figures in kinds:
        for place in range(1, len(cut.names)):
            two = figures.two(cut, place, 0)
            one, base = two.one, two.other
            low, high = figures.difference(two)
            p_values = doubt(partial(figures.difference, two), one.n.shape)
            effect = _effect(one, base, figures.of_users)
            for number, feature in enumerate(figures.features):
                if not one.n[number] or not base.n[number]:
                    continue
                found.append(
                    {
                        "feature": feature.name,
                        "title": feature.title,
                        "unit": "share" if figures.of_users else feature.unit,
                        "value": figures.values[number],
                        "segment": cut.names[place],
                        "base": cut.names[0],
                        "estimate": float(one.mean[number]),
                        "base_estimate": float(base.mean[number]),
                        "n": int(one.n[number]),
                        "base_n": int(base.n[number]),
                        "difference": float(one.mean[number] - base.mean[number]),
                        "low": _known(low[number]),
                        "high": _known(high[number]),
                        "effect": float(np.nan_to_num(effect[number], posinf=0.0, neginf=0.0)),
                        "p": p_values[number],
                        "by_rule": feature.name in decided[0] | decided[place],
                    }
                )
    tested = adjusted(np.array([values.pop("p") for values in found], dtype=float))
    made = []
    for values, p_adjusted in zip(found, tested, strict=True):
        excludes = values["low"] is not None and (values["low"] > 0 or values["high"] < 0)
        enough = min(values["n"], values["base_n"]) >= MINIMUM_GROUP_SIZE
        clear = bool(excludes and p_adjusted <= FALSE_SHARE and enough)
        made.append(Difference(**values, p_adjusted=_known(p_adjusted), clear=clear))
    return tuple(sorted(made, key=lambda one: (not one.clear, -_at_least(one), -abs(one.effect))))


def _at_least(one: Difference) -> float:
    """The effect at the end of the interval that is nearer to 0: what a few extreme users cannot feign."""
    if one.low is None or one.high is None or not one.difference:
        return 0.0
    return abs(one.effect) * max(min(one.low / one.difference, one.high / one.difference), 0.0)


def method() -> Text:
    """How the figures were worked out, for the foot of a page."""
    return text(
        "Means with 95% intervals by Student's t after Hall's correction for skew, shares with Wilson's; "
        "differences by Welch's with the same correction, of shares by Newcombe's. Users of two segments "
        "count once in a difference. It is called clear when its interval excludes 0 and still would at a "
        "false discovery rate of {rate} over all those compared (Benjamini and Hochberg).",
        rate=f"{FALSE_SHARE:.0%}",
    )
