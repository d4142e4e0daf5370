"""Charts of attention over many people: how it moved, where it tires, where a model looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, cut, figure
from persmark.ui.charts.compared import tones
from persmark.ui.words import percent

_NAME = 30
FIGURES = {"attention": ("Attention", SERIES[0]), "spend": ("Spend", SERIES[1])}
# The last row of contact fatigue holds so many contacts and more.
MOST_CONTACTS = 6
_USUAL = "if all weighed the same"


def points(value: float) -> str:
    """A change of a share in points, with its sign."""
    if abs(value) < 5e-4:
        return "0.0"
    return f"{'+' if value > 0 else '−'}{100 * abs(value):.1f}"


def _offset(number: int) -> float:
    return 0.17 if number == 0 else -0.17


def _rows_of(table: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    return [cut(name, _NAME) for name in table["name"]], np.arange(len(table))[::-1].astype(float)


def _names_axis(drawn: go.Figure, labels: Sequence[str], rows: np.ndarray) -> None:
    drawn.update_yaxes(
        tickvals=rows.tolist(), ticktext=list(labels), range=[-0.6, len(labels) - 0.4], showgrid=False
    )


def moved(table: pd.DataFrame) -> go.Figure:
    """For each name an arrow from its share before to its share now: attention above, spend below.

    Args:
        table: `persmark.attention.shifts`, in the order to be drawn from the top.
    """
    labels, rows = _rows_of(table)
    drawn = figure(80 + 36 * max(len(table), 1), legend=True)
    for number, (name, (title, colour)) in enumerate(FIGURES.items()):
        before, now = table[f"{name}_before"].astype(float), table[f"{name}_now"].astype(float)
        if now.isna().all():
            continue
        y = rows + _offset(number)
        ends = np.stack([before, now, np.full(len(table), np.nan)], axis=1).ravel()
        drawn.add_scatter(
            x=ends, y=np.repeat(y, 3), mode="lines", line={"color": colour, "width": 2}, hoverinfo="skip",
            showlegend=False,
        )  # fmt: skip
        drawn.add_scatter(
            x=before, y=y, mode="markers", name=f"{title} before",
            marker={"symbol": "circle-open", "size": 8, "color": colour, "line": {"width": 2}},
            customdata=labels, hovertemplate="%{customdata}: %{x:.1%}<extra>" + title + " before</extra>",
        )  # fmt: skip
        drawn.add_scatter(
            x=now, y=y, mode="markers", name=f"{title} now", marker={"size": 9, "color": colour},
            customdata=labels, hovertemplate="%{customdata}: %{x:.1%}<extra>" + title + " now</extra>",
        )  # fmt: skip
    drawn.update_xaxes(tickformat=".0%", rangemode="tozero", title={"text": "share of the mean user"})
    _names_axis(drawn, labels, rows)
    return drawn


def changes(table: pd.DataFrame) -> go.Figure:
    """For each name the change of both shares in points, with its interval; outside 0 it is clear.

    Args:
        table: As `moved`.
    """
    labels, rows = _rows_of(table)
    drawn = figure(80 + 36 * max(len(table), 1), legend=True)
    for number, (name, (title, colour)) in enumerate(FIGURES.items()):
        change = 100 * table[f"{name}_change"].astype(float)
        if change.isna().all():
            continue
        low, high = (100 * table[f"{name}_{end}"].astype(float) for end in ("low", "high"))
        clear = ((low > 0) | (high < 0)).to_numpy()
        drawn.add_scatter(
            x=change, y=rows + _offset(number), mode="markers", name=title,
            marker={"size": 9, "color": colour, "line": {"width": 2, "color": colour},
                    "symbol": ["circle" if one else "circle-open" for one in clear]},
            error_x={"type": "data", "symmetric": False, "array": (high - change).fillna(0.0),
                     "arrayminus": (change - low).fillna(0.0), "color": colour, "thickness": 2, "width": 0},
            customdata=[f"{label}: {a:+.1f} ({b:+.1f} to {c:+.1f}) points"
                        for label, a, b, c in zip(labels, change, low, high, strict=True)],
            hovertemplate="%{customdata}<extra>" + title + "</extra>",
        )  # fmt: skip
    drawn.add_vline(x=0, line={"width": 1, "color": SERIES[7]})
    drawn.update_xaxes(title={"text": "change in points"})
    _names_axis(drawn, labels, rows)
    return drawn


def read_moved(table: pd.DataFrame) -> Text:
    """The largest clear change of attention and what spend did meanwhile.

    Args:
        table: As `moved`, all names.
    """
    if table.empty:
        return text("There is nothing to compare.")
    clear = table[(table["attention_low"] > 0) | (table["attention_high"] < 0)]
    n = int(table["n_users"].max())
    if clear.empty:
        return text("No share of attention has clearly moved, looking at {m} names at once ({n} users).",
                    m=len(table), n=n)  # fmt: skip
    row = clear.loc[clear["attention_change"].abs().sort_values(ascending=False, kind="stable").index[0]]
    said = text(
        "Moved most: {name}, from {before} to {now} of attention ({change} points, 95% {low} to {high};"
        " {n} users); {k} of {m} names have clearly moved.",
        name=str(row["name"]), before=percent(float(row["attention_before"])),
        now=percent(float(row["attention_now"])), change=points(float(row["attention_change"])),
        low=points(float(row["attention_low"])), high=points(float(row["attention_high"])), n=n,
        k=len(clear), m=len(table),
    )  # fmt: skip
    if pd.isna(row["spend_change"]):
        return said
    return text("{said} Its share of spend: {change} points.", said=said,
                change=points(float(row["spend_change"])))  # fmt: skip


def said_rising(row: Any) -> Text:
    """One name whose attention has clearly risen while spend has not."""
    if pd.isna(row["spend_change"]):
        return text(
            "{name}: attention {change} points (95% {low} to {high}; {n} users); nobody spends on it or on"
            " anything else in both periods.",
            name=str(row["name"]), change=points(row["attention_change"]), low=points(row["attention_low"]),
            high=points(row["attention_high"]), n=int(row["n_users"]),
        )  # fmt: skip
    return text(
        "{name}: attention {change} points (95% {low} to {high}; {n} users), spend {spend} ({a} to {b};"
        " {m} users with spend).",
        name=str(row["name"]), change=points(row["attention_change"]), low=points(row["attention_low"]),
        high=points(row["attention_high"]), n=int(row["n_users"]), spend=points(row["spend_change"]),
        a=points(row["spend_low"]), b=points(row["spend_high"]), m=int(row["n_spenders"]),
    )  # fmt: skip


def fatigue(table: pd.DataFrame) -> go.Figure:
    """Share of contacts that were answered, by how many came before, with its interval.

    Args:
        table: `persmark.attention.fatigue`.
    """
    drawn = figure(280)
    rate = table["rate"].astype(float)
    last = int(table["n_before"].max()) if len(table) else 0
    drawn.add_scatter(
        x=table["n_before"], y=rate, mode="lines+markers",
        line={"color": SERIES[0], "width": 1, "dash": "dot"}, marker={"size": 10, "color": SERIES[0]},
        error_y={"type": "data", "symmetric": False,
                 "array": (table["high"].astype(float) - rate).fillna(0.0),
                 "arrayminus": (rate - table["low"].astype(float)).fillna(0.0),
                 "color": SERIES[0], "thickness": 2, "width": 5},
        customdata=[f"{row.n_answered:,} of {row.n_contacts:,} contacts of {row.n_users:,} users"
                    for row in table.itertuples()],
        hovertemplate="%{y:.1%}: %{customdata}<extra></extra>",
    )  # fmt: skip
    ticks = table["n_before"].astype(int).tolist()
    drawn.update_xaxes(
        tickvals=ticks, ticktext=[f"{one}+" if one == last >= MOST_CONTACTS else str(one) for one in ticks],
        title={"text": "contacts before it in the window"},
    )  # fmt: skip
    drawn.update_yaxes(tickformat=".0%", rangemode="tozero", title={"text": "answered"})
    return drawn


def read_fatigue(table: pd.DataFrame) -> Text:
    """Whether contacts after many are answered less than the first ones: the intervals apart."""
    if table.empty:
        return text("Nobody was contacted.")
    first, last = table.iloc[0], table.iloc[-1]
    if len(table) < 2:
        return text(
            "All contacts came alike: {n} of {m} were answered ({rate}).",
            n=int(first["n_answered"]), m=int(first["n_contacts"]), rate=percent(float(first["rate"])),
        )  # fmt: skip
    apart = "not clearly more or less"
    if float(last["high"]) < float(first["low"]):
        apart = "clearly less"
    elif float(last["low"]) > float(first["high"]):
        apart = "clearly more"
    return text(
        "After {k} contacts {late} are answered (95% {low} to {high}; {n} contacts), after {j}"
        " {early} ({a} to {b}; {m} contacts): {apart}.",
        k=f"{int(last['n_before'])} or more" if int(last["n_before"]) >= MOST_CONTACTS
        else str(int(last["n_before"])), late=percent(float(last["rate"])), low=percent(float(last["low"])),
        high=percent(float(last["high"])), n=int(last["n_contacts"]), j=int(first["n_before"]),
        early=percent(float(first["rate"])), a=percent(float(first["low"])), b=percent(float(first["high"])),
        m=int(first["n_contacts"]), apart=apart,
    )  # fmt: skip


def by_position(table: pd.DataFrame, segments: Sequence[str]) -> go.Figure:
    """Mean attention by place from the latest event, a line with its intervals for each segment.

    Args:
        table: Rows of the part `position` of `persmark.attention.summarise`, with `segment`.
        segments: In order. Of one alone the even weights are drawn too.
    """
    drawn = figure(320, legend=True)
    names = list(dict.fromkeys(table["name"]))
    for number, segment in enumerate(segments):
        rows = table[table["segment"] == segment]
        if len(segments) == 1:
            drawn.add_scatter(
                x=[names.index(one) for one in rows["name"]], y=rows["usual"], mode="lines", name=_USUAL,
                line={"color": SERIES[7], "dash": "dot", "width": 2},
                hovertemplate="%{y:.1%}<extra>" + _USUAL + "</extra>",
            )  # fmt: skip
        colour = tones(4)[number % 4]
        drawn.add_scatter(
            x=[names.index(one) for one in rows["name"]], y=rows["share"], mode="lines+markers",
            name=cut(segment, _NAME), line={"color": colour}, marker={"size": 8, "color": colour},
            error_y={"type": "data", "symmetric": False, "array": rows["high"] - rows["share"],
                     "arrayminus": rows["share"] - rows["low"], "color": colour, "thickness": 2, "width": 4},
            customdata=[f"{row.low:.1%} to {row.high:.1%}, {row.n_users:,} users"
                        for row in rows.itertuples()],
            hovertemplate="%{y:.1%} (%{customdata})<extra>" + cut(segment, _NAME) + "</extra>",
        )  # fmt: skip
    drawn.update_xaxes(
        tickvals=list(range(len(names))), ticktext=names, title={"text": "place from the latest event"}
    )
    drawn.update_yaxes(tickformat=".0%", rangemode="tozero")
    return drawn


def beside_even(table: pd.DataFrame, segments: Sequence[str]) -> pd.DataFrame:
    """Rows of a part as `names_beside` wants them; of one segment alone with the even weights beside."""
    kept = table.rename(columns={"share": "value"})[["name", "segment", "value", "low", "high"]]
    if len(segments) > 1 or table["usual"].isna().all():
        return kept
    usual = table.assign(segment=_USUAL, low=np.nan, high=np.nan)[
        ["name", "segment", "usual", "low", "high"]
    ].rename(columns={"usual": "value"})
    return pd.concat([kept, usual], ignore_index=True)


def even_name(table: pd.DataFrame, segments: Sequence[str]) -> str | None:
    """What the even weights are called there; None where they are not drawn."""
    return None if len(segments) > 1 or table["usual"].isna().all() else _USUAL


def read_looks(table: pd.DataFrame, what: str) -> Text:
    """Where most attention goes in one part, for the first segment.

    Args:
        table: Rows of one part and one segment.
        what: What the names are, such as `category`.
    """
    if table.empty:
        return text("There is nothing to show by {what}.", what=what)
    row = table.iloc[int(table["share"].to_numpy().argmax())]
    said = text(
        "Most attention by {what}: {name}, {share} (95% {low} to {high}; {n} users)",
        what=what, name=str(row["name"]), share=percent(float(row["share"])), low=percent(float(row["low"])),
        high=percent(float(row["high"])), n=int(row["n_users"]),
    )  # fmt: skip
    if pd.isna(row["usual"]):
        return text("{said}.", said=said)
    return text("{said}; with even weights it would be {usual}.", said=said,
                usual=percent(float(row["usual"])))  # fmt: skip


def differences(table: pd.DataFrame) -> go.Figure:
    """Differences between two segments in points, with intervals.

    Args:
        table: `persmark.attention.differences`, as many rows as shall be drawn.
    """
    labels = [
        cut(f"{str(part).replace('_', ' ')}: {name}", _NAME + 6)
        for part, name in zip(table["part"], table["name"], strict=True)
    ]
    rows = np.arange(len(table))[::-1].astype(float)
    drawn = figure(70 + 28 * max(len(table), 1))
    change = 100 * table["difference"].astype(float)
    drawn.add_scatter(
        x=change, y=rows, mode="markers",
        marker={"size": 10, "color": [SERIES[0] if one else SERIES[7] for one in table["clear"]]},
        error_x={"type": "data", "symmetric": False, "array": 100 * table["high"].astype(float) - change,
                 "arrayminus": change - 100 * table["low"].astype(float), "color": SERIES[7],
                 "thickness": 2, "width": 4},
        customdata=[f"{label}: {100 * a:.1f}% and {100 * b:.1f}%"
                    for label, a, b in zip(labels, table["one"], table["other"], strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    drawn.add_vline(x=0, line={"width": 1, "color": SERIES[7]})
    drawn.update_xaxes(title={"text": "difference in points"})
    _names_axis(drawn, labels, rows)
    return drawn


def read_differences(table: pd.DataFrame, one: str, other: str) -> Text:
    """The largest clear difference.

    Args:
        table: `persmark.attention.differences`, all rows.
        one: Whose share is the first.
        other: Whose is the second.
    """
    clear = table[table["clear"].astype(bool)]
    if clear.empty:
        return text("The model looks alike at both: none of {n} differences is clear.", n=len(table))
    row = clear.iloc[0]
    return text(
        "Furthest apart: {part} {name}, {a} in {one} and {b} in {other} ({change} points, 95% {low} to"
        " {high}); {k} of {n} differences are clear.",
        part=str(row["part"]).replace("_", " "), name=str(row["name"]), a=percent(float(row["one"])), one=one,
        b=percent(float(row["other"])), other=other, change=points(float(row["difference"])),
        low=points(float(row["low"])), high=points(float(row["high"])), k=len(clear), n=len(table),
    )  # fmt: skip
