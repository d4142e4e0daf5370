"""What segments come to in money, what they attend to and when: shares over users, beside everybody's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from persmark.segments.bunched import Bunches, bunched_shares
from persmark.segments.cells import Cells, cells, medians, moments, numbers
from persmark.segments.evaluate import Saved, moment
from persmark.segments.figures import of_shares
from persmark.segments.intervals import LEVEL, Moments, Numbers, mean_interval, share_interval
from persmark.segments.rules import Rule
from persmark.store import Reader, read_sql

if TYPE_CHECKING:
    import pyarrow as pa

# The row that stands for all users, beside the segments.
EVERYBODY = ""
HOUR, WEEKDAY = "hour", "weekday"
# Names of a dimension that are compared: those with most attention among the users of the segments.
MOST_NAMES = 15


def _groups(cut: Cells) -> list[tuple[str, list[int]]]:
    """Each segment's cells, then those of everybody."""
    return [*((name, cut.of(place)) for place, name in enumerate(cut.names)), (EVERYBODY, cut.of())]


def _at_once(n_intervals: int) -> float:
    """The level of each of so many intervals at which all of them hold together at `LEVEL`."""
    return 1 - (1 - LEVEL) / max(n_intervals, 1)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def compare_value(reader: Reader, rules: Mapping[str, Rule], *, saved: Saved | None = None) -> pa.Table:
    """What each segment is worth, and everybody beside them.

    Money is that of purchases minus refunds, and a user without any counts as 0. Revenue and its share
    are exact; a user in two segments brings theirs to both.

    Args:
        reader: Whose profiles.
        rules: Name -> rule, two to four of them.
        saved: Segments the rules may speak of.

    Returns:
        `segment` (`EVERYBODY` last), `n_users`, `n_buyers`, `buyer_share` with `buyer_low` and `buyer_high`,
        `revenue`, `revenue_share`, `per_user` with `per_user_low` and `per_user_high`,
        `median_per_user`, `orders_per_user` with `orders_low` and `orders_high`. Intervals are 95%; NULL
        where none can be told.

    Raises:
        EmptyError, InputError, NotFoundError: As `compare`.
    """
    import pyarrow as pa

    cut = cells(reader, rules, saved=saved)
    values = np.nan_to_num(numbers(reader, ["monetary", "n_purchases"]))
    found = moments(cut, values)
    middles = medians(cut, values)
    bought = np.bincount(cut.places, values[1] > 0, cut.n_cells)
    n_users = np.bincount(cut.places, minlength=cut.n_cells).astype(float)
    total = float(values[0].sum())
    rows: list[dict[str, Any]] = []
    for place, (name, chosen) in enumerate(_groups(cut)):
        part = _part(found, chosen)
        low, high = mean_interval(part)
        n, n_buyers = n_users[chosen].sum(), bought[chosen].sum()
        buyer_low, buyer_high = share_interval(n_buyers, n)
        revenue = float(values[0][np.isin(cut.places, chosen)].sum())
        middle = middles[place, 0] if place < len(middles) else (np.median(values[0]) if n else np.nan)
        rows.append(
            {
                "segment": name,
                "n_users": int(n),
                "n_buyers": int(n_buyers),
                "buyer_share": n_buyers / n if n else None,
                "buyer_low": _known(float(buyer_low)),
                "buyer_high": _known(float(buyer_high)),
                "revenue": revenue,
                "revenue_share": revenue / total if total else None,
                "per_user": _known(part.mean[0]),
                "per_user_low": _known(low[0]),
                "per_user_high": _known(high[0]),
                "median_per_user": _known(middle),
                "orders_per_user": _known(part.mean[1]),
                "orders_low": _known(low[1]),
                "orders_high": _known(high[1]),
            }
        )
    return pa.Table.from_pylist(rows)


def _part(found: Moments, chosen: list[int]) -> Moments:
    return Moments(found.n[chosen], found.mean[chosen], found.squares[chosen], found.cubes[chosen]).together(
        0
    )


def _of_sums(n: Numbers, sums: tuple[Numbers, Numbers, Numbers]) -> Moments:
    """Moments of shares of 0 to 1 out of their raw sums, which cannot grow large enough to cancel."""
    first, second, third = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = first / n
        squares = np.maximum(second - n * mean**2, 0.0)
        cubes = third - 3 * mean * second + 3 * mean**2 * first - n * mean**3
    # What is left of rounding where all values are one.
    flat = squares <= 1e-12 * np.maximum(second, 1e-300)
    return Moments(
        n, mean, np.where(flat, 0.0, np.nan_to_num(squares)), np.where(flat, 0.0, np.nan_to_num(cubes))
    )


def lift_interval(one: Moments, whole: Moments, level: float = LEVEL) -> tuple[Numbers, Numbers, Numbers]:
    """A segment's mean over everybody's, of whom it is a part, with an interval on the logarithmic scale.

    The variance is that of the linearised ratio; what the segment's users bring to both means is the
    covariance. The whole compared to itself has a lift of exactly 1.

    Returns:
        Lift, low, high; NaN where one of the means is 0.

    Source: Katz et al. (1978), Biometrics 34, 469-474 (logarithm of a ratio); Särndal, Swensson & Wretman
    (1992), Model Assisted Survey Sampling, sections 5.5 and 5.6 (linearised ratio of domain means).
    """
    from scipy.special import stdtrit

    with np.errstate(invalid="ignore", divide="ignore"):
        lift = one.mean / whole.mean
        variance = (
            one.squares / (one.n * one.mean) ** 2
            + whole.squares / (whole.n * whole.mean) ** 2
            - 2 * one.squares / (one.n * one.mean * whole.n * whole.mean)
        )
        reach = stdtrit(np.maximum(one.n - 1, 1), 0.5 + level / 2) * np.sqrt(np.maximum(variance, 0.0))
        known = (one.n > 1) & (one.mean > 0) & (whole.mean > 0)
        return (
            np.where(known, lift, np.nan),
            np.where(known, lift * np.exp(-reach), np.nan),
            np.where(known, lift * np.exp(reach), np.nan),
        )


def compare_attention(
    reader: Reader, rules: Mapping[str, Rule], dimension: str, *, saved: Saved | None = None
) -> pa.Table:
    """What each segment attends to and spends on, against everybody.

    Shares are those of the mean user: each user's attention adds up to 1, whatever they do in all, so
    that the busiest do not speak for the others. `attention` is a share of decayed own events, `spend` a
    share of money, over users who have any; `reach` is the share of the segment's users who attend to the
    name at all.

    Args:
        reader: Whose profiles.
        rules: Name -> rule, two to four of them.
        dimension: `category`, `brand`, `channel` or `daypart`.
        saved: Segments the rules may speak of.

    Returns:
        `name` (at most `MOST_NAMES`, most attention first), `segment` (`EVERYBODY` last), and for each of
        `reach`, `attention` and `spend`: the share, `<share>_n` (users behind it), `<share>_low`,
        `<share>_high`, `<share>_lift` (over everybody's), `<share>_lift_low`, `<share>_lift_high`,
        `<share>_clear` (whether the lift is off 1 even at the level of so many at once, by Bonferroni).
        NULL where there is nothing to tell it from.

    Raises:
        EmptyError, InputError, NotFoundError: As `compare`.
    """
    import pyarrow as pa

    cut = cells(reader, rules, saved=saved)
    params, inputs = {"dimension": dimension}, {"cells": cut.table}
    found = reader.frame(read_sql("persmark.segments", "compared_attention"), params, inputs=inputs)
    base = reader.frame(read_sql("persmark.segments", "attending_users"), params, inputs=inputs)
    inside = found[found["cell"] > 0].groupby("name")["attention"].sum()
    order = sorted(inside.index, key=lambda name: (-inside[name], name))[:MOST_NAMES]
    place_of = {name: place for place, name in enumerate(order)}
    found = found[found["name"].isin(order)]
    spot = (found["cell"].to_numpy(), found["name"].map(place_of).to_numpy().astype(int))

    def spread(column: str) -> Numbers:
        out = np.zeros((cut.n_cells, len(order)))
        out[spot] = found[column].astype(float).fillna(0.0).to_numpy()
        return out

    def users(column: str) -> Numbers:
        out = np.zeros((cut.n_cells, len(order)))
        out[base["cell"].to_numpy()] = base[column].to_numpy(dtype=float)[:, None]
        return out

    n_cell = np.bincount(cut.places, minlength=cut.n_cells).astype(float)
    # Shares of zeros and ones have no moments in a cell without users; sums of nothing are 0.
    reach = of_shares(spread("n_attending"), np.repeat(n_cell[:, None], len(order), axis=1))
    figures = {
        "reach": Moments(reach.n, np.nan_to_num(reach.mean), reach.squares, reach.cubes),
        "attention": _of_sums(
            users("n_attending"),
            (spread("attention"), spread("attention_squares"), spread("attention_cubes")),
        ),
        "spend": _of_sums(
            users("n_spending"), (spread("spend"), spread("spend_squares"), spread("spend_cubes"))
        ),
    }
    rows: list[dict[str, Any]] = [
        {"name": name, "segment": segment} for name in order for segment, _ in _groups(cut)
    ]
    n_groups = len(cut.names) + 1
    for figure, all_cells in figures.items():
        whole = _part(all_cells, cut.of())
        for group, (_, chosen) in enumerate(_groups(cut)):
            part = _part(all_cells, chosen)
            if figure == "reach":
                low, high = share_interval(np.rint(part.n * np.nan_to_num(part.mean)), part.n)
            else:
                low, high = (np.clip(end, 0.0, 1.0) for end in mean_interval(part))
            columns = dict(
                zip(("lift", "lift_low", "lift_high"), lift_interval(part, whole), strict=True),
                low=low, high=high,
            )  # fmt: skip
            _, least, most = lift_interval(part, whole, _at_once(len(order) * len(cut.names)))
            for number in range(len(order)):
                row = rows[number * n_groups + group]
                row[figure] = _known(part.mean[number])
                row[f"{figure}_n"] = int(part.n[number])
                row |= {f"{figure}_{name}": _known(ends[number]) for name, ends in columns.items()}
                row[f"{figure}_clear"] = bool(least[number] > 1 or most[number] < 1)
    return pa.Table.from_pylist(rows)


def compare_times(reader: Reader, rules: Mapping[str, Rule], *, saved: Saved | None = None) -> pa.Table:
    """At which hours and on which days each segment is active, and everybody beside them.

    Shares of own events (nothing that was done to the user), by the workspace's clock. Users differ more
    than their events: the interval is that of a ratio over users, whose events come together.

    Args:
        reader: Whose events and profiles.
        rules: Name -> rule, two to four of them.
        saved: Segments the rules may speak of.

    Returns:
        `part` (`hour` or `weekday`), `place` (0 to 23; 0 = Monday to 6), `segment` (`EVERYBODY` last),
        `n_events`, `n_users` (users with an own event at all), `share`, `low`, `high` (95%; NULL below two
        users), `clear` (whether it is off everybody's share even at the level of so many at once, by
        Bonferroni).

    Raises:
        EmptyError, InputError, NotFoundError: As `compare`.
    """
    import pyarrow as pa

    cut = cells(reader, rules, saved=saved)
    found = reader.frame(
        read_sql("persmark.segments", "compared_times"),
        {"as_of": moment(reader)},
        inputs={"cells": cut.table},
    )
    rows: list[dict[str, Any]] = []
    names = ("n", "squares", "products", "n_users")
    for part, n_places in ((HOUR, 24), (WEEKDAY, 7)):
        sums = np.zeros((4, cut.n_cells, n_places))
        some = found[found["part"] == part]
        for number, name in enumerate(names):
            sums[number, some["cell"].to_numpy(), some["place"].to_numpy()] = some[name].to_numpy(dtype=float)
        whole = found[found["part"] == "all"]
        totals = np.zeros((4, cut.n_cells))
        for number, name in enumerate(names):
            totals[number, whole["cell"].to_numpy()] = whole[name].to_numpy(dtype=float)
        n_whole, n_whole_all = sums[0].sum(0), totals[0].sum()
        usual = n_whole / n_whole_all if n_whole_all else np.zeros(n_places)
        for segment, chosen in _groups(cut):
            n, squares, products, _ = sums[:, chosen].sum(1)
            n_all, all_squares, _, n_users = totals[:, chosen].sum(1)
            bunches = Bunches(n, squares, products, n_all, all_squares, n_users)
            share, low, high = bunched_shares(bunches)
            _, least, most = bunched_shares(bunches, _at_once(n_places * len(cut.names)))
            for place in range(n_places):
                rows.append(
                    {
                        "part": part,
                        "place": place,
                        "segment": segment,
                        "n_events": int(n[place]),
                        "n_users": int(n_users),
                        "share": _known(share[place]),
                        "low": _known(low[place]),
                        "high": _known(high[place]),
                        "clear": bool(usual[place] < least[place] or usual[place] > most[place]),
                    }
                )
    return pa.Table.from_pylist(rows)
