"""Charts of segments side by side: one figure with its intervals, many names, shares over a clock."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, cut, figure
from persmark.ui.words import percent, significant

# Far from each other in every kind of sight; the last one is for everybody.
PLACES = (0, 1, 3, 4)
EVERYBODY_PLACE = 7
_NAME_SHOWN = 30
_SIGNS = ("circle", "square", "diamond", "triangle-up")


def tones(n_segments: int) -> list[str]:
    """A colour for each segment, in order."""
    return [SERIES[place] for place in PLACES[:n_segments]]


def _shown(value: float, *, share: bool) -> str:
    return percent(value) if share else significant(value)


def means(table: pd.DataFrame, *, share: bool = False) -> go.Figure:
    """A dot with its 95% interval for each segment, in the table's order from the top.

    Args:
        table: Columns: `segment`, `value`, `low`, `high` (NaN without an interval).
        share: Whether the values are shares of 0 to 1.
    """
    rows = table.reset_index(drop=True)
    drawn = figure(64 + 40 * max(len(rows), 1))
    for place, row in rows.iterrows():
        number = int(str(place))
        drawn.add_scatter(
            x=[row["value"]],
            y=[len(rows) - 1 - number],
            mode="markers+text",
            text=[_shown(float(row["value"]), share=share)],
            textposition="top center",
            marker={"color": tones(4)[number % 4], "size": 11, "symbol": _SIGNS[number % 4]},
            error_x=_reach(rows.loc[[number]], "value", "low", "high", tones(4)[number % 4]),
            hovertemplate=f"{cut(row['segment'])}: {_shown(float(row['value']), share=share)}<extra></extra>",
        )
    drawn.update_yaxes(
        tickvals=list(range(len(rows)))[::-1],
        ticktext=[cut(name, _NAME_SHOWN) for name in rows["segment"]],
        range=[-0.6, len(rows) - 0.3],
        showgrid=False,
    )
    _from_zero(drawn, rows[["value", "low", "high"]], share=share)
    return drawn


def _reach(rows: pd.DataFrame, value: str, low: str, high: str, colour: str) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": (rows[high] - rows[value]).fillna(0.0).to_numpy(),
        "arrayminus": (rows[value] - rows[low]).fillna(0.0).to_numpy(),
        "color": colour,
        "thickness": 2,
        "width": 5,
    }


def _from_zero(drawn: go.Figure, values: pd.DataFrame, *, share: bool) -> None:
    known = values.to_numpy(dtype=float)
    known = known[~np.isnan(known)]
    least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    room = 0.06 * ((most - min(least, 0.0)) or 1.0)
    drawn.update_xaxes(
        range=[min(0.0, least - room) if least < 0 else -room / 3, most + room],
        tickformat=".0%" if share else ",~s",
    )


def read_means(table: pd.DataFrame, title: str, *, share: bool = False) -> Text:
    """The highest against the lowest, and whether their intervals meet."""
    known = table.dropna(subset=["value"])
    if known.empty:
        return text("No user of these segments has a value of {title}.", title=title)
    top = known.iloc[int(known["value"].to_numpy().argmax())]
    low = known.iloc[int(known["value"].to_numpy().argmin())]
    if len(known) < 2 or top["segment"] == low["segment"]:
        return text(
            "{title}: {value} in {name}.",
            title=title, name=str(top["segment"]), value=_shown(float(top["value"]), share=share),
        )  # fmt: skip
    if math.isnan(float(top["low"])) or math.isnan(float(low["high"])):
        joint = (
            "{title} is highest in {top} ({high}) and lowest in {low} ({least}); one of them has no interval."
        )
    elif float(top["low"]) > float(low["high"]):
        joint = "{title} is highest in {top} ({high}) and lowest in {low} ({least}); the intervals lie apart."
    else:
        joint = "{title} is highest in {top} ({high}) and lowest in {low} ({least}); the intervals overlap."
    return text(
        joint,
        title=title,
        top=str(top["segment"]),
        high=_shown(float(top["value"]), share=share),
        low=str(low["segment"]),
        least=_shown(float(low["value"]), share=share),
    )


def names_beside(
    table: pd.DataFrame, segments: Sequence[str], *, everybody: str | None = None, lift: bool = False
) -> go.Figure:
    """For each name a dot with its interval per segment, names in the table's order from the top.

    Args:
        table: Columns: `name`, `segment`, `value`, `low`, `high`.
        segments: In order.
        everybody: The row that stands for all users, drawn as a grey stroke.
        lift: Whether the values are lifts, drawn about 1 on a logarithmic scale, or shares.
    """
    names = list(dict.fromkeys(table["name"]))
    drawn = figure(90 + (14 + 13 * (len(segments) + 1)) * max(len(names), 1), legend=True)
    row_of = {name: len(names) - 1 - place for place, name in enumerate(names)}
    drawn_ones = [*segments, everybody] if everybody is not None else list(segments)
    for number, segment in enumerate(drawn_ones):
        rows = table[(table["segment"] == segment) & table["value"].notna()]
        if lift:
            rows = rows[rows["value"] > 0]
        of_all = segment == everybody
        colour = SERIES[EVERYBODY_PLACE] if of_all else tones(4)[number]
        offset = (len(drawn_ones) - 1) / 2 - number
        drawn.add_scatter(
            x=rows["value"].to_numpy(),
            y=[row_of[name] + 0.62 * offset / len(drawn_ones) for name in rows["name"]],
            name=cut(segment, _NAME_SHOWN),
            mode="markers",
            marker={
                "color": colour,
                "size": 9,
                "symbol": "line-ns-open" if of_all else _SIGNS[number % len(_SIGNS)],
                "line": {"width": 2 if of_all else 0, "color": colour},
            },
            error_x={**_reach(rows, "value", "low", "high", colour), "width": 0},
            customdata=[cut(name) for name in rows["name"]],
            hovertemplate="%{customdata}: "
            + ("%{x:.2f} times everybody" if lift else "%{x:.1%}")
            + f"<extra>{cut(segment, _NAME_SHOWN)}</extra>",
        )
    drawn.update_yaxes(
        tickvals=list(row_of.values()),
        ticktext=[cut(name, _NAME_SHOWN) for name in names],
        range=[-0.7, len(names) - 0.3],
        showgrid=False,
    )
    if lift:
        drawn.update_xaxes(
            type="log", tickvals=[0.1, 0.25, 0.5, 1, 2, 4, 10], title={"text": "times everybody's"}
        )
        drawn.add_vline(x=1, line={"width": 1, "dash": "dot", "color": SERIES[EVERYBODY_PLACE]})
    else:
        drawn.update_xaxes(tickformat=".0%", rangemode="tozero")
    return drawn


def clock(table: pd.DataFrame, segments: Sequence[str], ticks: Sequence[str], *, everybody: str) -> go.Figure:
    """A line per segment over hours or weekdays, each with a band for its 95% interval.

    Args:
        table: Columns: `place` (from 0), `segment`, `share`, `low`, `high`.
        segments: In order.
        ticks: What each place is called.
        everybody: The row that stands for all users, drawn without a band.
    """
    drawn = figure(300, legend=True)
    for number, segment in enumerate([*segments, everybody]):
        rows = table[table["segment"] == segment].sort_values("place")
        of_all = segment == everybody
        colour = SERIES[EVERYBODY_PLACE] if of_all else tones(4)[number]
        if not of_all and rows["low"].notna().any():
            drawn.add_scatter(
                x=[*rows["place"], *rows["place"][::-1]],
                y=[*rows["high"], *rows["low"][::-1]],
                mode="lines",
                line={"width": 0, "color": colour},
                fill="toself",
                fillcolor=colour,
                opacity=0.16,
                hoverinfo="skip",
                showlegend=False,
            )
        drawn.add_scatter(
            x=rows["place"].to_numpy(),
            y=rows["share"].to_numpy(),
            name=cut(segment, _NAME_SHOWN),
            mode="lines",
            line={"color": colour, "width": 2, "dash": "dot" if of_all else "solid"},
            customdata=[ticks[place] for place in rows["place"]],
            hovertemplate="%{customdata}: %{y:.1%}<extra>" + cut(segment, _NAME_SHOWN) + "</extra>",
        )
    step = 3 if len(ticks) > 12 else 1
    drawn.update_xaxes(
        tickvals=list(range(0, len(ticks), step)),
        ticktext=[ticks[n] for n in range(0, len(ticks), step)],
        range=[-0.4, len(ticks) - 0.6],
    )
    drawn.update_yaxes(tickformat=".0%", rangemode="tozero")
    return drawn


def read_clock(table: pd.DataFrame, segments: Sequence[str], ticks: Sequence[str], *, everybody: str) -> Text:
    """Of the times at which a segment clearly leaves everybody's share the one where it does so most."""
    whole = table[table["segment"] == everybody].set_index("place")["share"]
    rows = table[table["segment"].isin(list(segments)) & table["low"].notna()]
    if rows.empty or whole.isna().all():
        return text("There are no own events, or too few users, to tell when these segments are active.")
    usual = rows["place"].map(whole)
    apart = (rows["share"] - usual).abs().where(rows["clear"], 0.0)
    if float(apart.max()) <= 0:
        return text(
            "At no time does a segment clearly leave everybody's share, looking at {n} intervals at once.",
            n=len(rows),
        )
    row = rows.iloc[int(apart.to_numpy().argmax())]
    return text(
        "{name} stands furthest from everybody at {when}: {share} of its events (95% interval {low} to "
        "{high}; {n} users) against {usual}.",
        name=str(row["segment"]),
        when=ticks[int(row["place"])],
        share=percent(float(row["share"])),
        low=percent(float(row["low"])),
        high=percent(float(row["high"])),
        n=int(row["n_users"]),
        usual=percent(float(whole[row["place"]])),
    )


def read_names(table: pd.DataFrame, what: str) -> Text:
    """Of the lifts that are clearly off 1 the one furthest from it.

    Args:
        table: Columns: `name`, `segment`, `lift`, `lift_low`, `lift_high`, `clear`, `n`.
        what: What is compared, such as `attention`.
    """
    rows = table.dropna(subset=["lift", "lift_low", "lift_high"])
    rows = rows[rows["lift"] > 0]
    if rows.empty:
        return text("There is nothing to compare here.")
    apart = np.log(rows["lift"]).abs().where(rows["clear"], 0.0)
    if float(apart.max()) <= 0:
        return text(
            "No lift is clearly off 1, looking at {n} at once: as far as can be told, these segments spread "
            "their {what} as everybody does.",
            n=len(rows),
            what=what,
        )
    row = rows.iloc[int(apart.to_numpy().argmax())]
    return text(
        "Furthest from everybody: {segment} on {name}, with {lift} times everybody's {what} (95% interval "
        "{low} to {high}; {n} users).",
        segment=str(row["segment"]),
        name=str(row["name"]),
        lift=significant(float(row["lift"])),
        low=significant(float(row["lift_low"])),
        high=significant(float(row["lift_high"])),
        n=int(row["n"]),
        what=what,
    )
