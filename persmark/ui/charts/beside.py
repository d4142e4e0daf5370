"""Charts of one user beside something else: attention beside spend, figures beside those of others."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, cut, figure
from persmark.ui.words import percent, significant

_LOW_QUARTER, _HIGH_QUARTER = 25, 75
# Where no share is larger, whole percents would say the same of most bars.
_SHORT = 0.1


def attention(shares: pd.DataFrame) -> go.Figure:
    """Pairs of bars: share of attention above share of spend, in the table's order from the top.

    Args:
        shares: Columns: `name`, `attention_share`, `spend_share` (0 to 1, null where nothing is spent).
    """
    rows = shares.iloc[::-1]
    spent = bool(rows["spend_share"].notna().any())
    drawn = figure(64 + (46 if spent else 30) * max(len(rows), 1), legend=spent)
    labels = [cut(name, 30) for name in rows["name"]]
    most = (
        float(np.nanmax(rows[["attention_share", "spend_share"]].astype(float).to_numpy()))
        if len(rows)
        else 1
    )
    series = [("attention_share", "Share of attention", 0)]
    # Bars of a group stand bottom up, the legend left to right.
    if spent:
        series.insert(0, ("spend_share", "Share of spend", 1))
    for column, title, place in series:
        values = rows[column].astype(float).fillna(0.0).to_numpy()
        drawn.add_bar(
            x=values,
            y=labels,
            orientation="h",
            name=title,
            marker={"color": SERIES[place]},
            text=[_label(float(value), most) for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.1%}<extra>" + title + "</extra>",
        )
    drawn.update_layout(barmode="group", bargap=0.3, bargroupgap=0.08, legend={"traceorder": "reversed"})
    drawn.update_xaxes(visible=False, range=[0, (most or 1.0) * 1.2])
    drawn.update_yaxes(type="category")
    return drawn


def _label(share: float, most: float) -> str:
    """What stands at a bar: whole percents, or tenths where even the longest bar is short."""
    if most < _SHORT:
        return f"{share:.1%}"
    return f"{share:.0%}" if share >= 0.01 or not share else "<1%"


def read_attention(shares: pd.DataFrame) -> Text:
    """What has most of the attention, and its part of the money.

    Args:
        shares: As `attention`, all rows, most attention first.
    """
    if shares.empty:
        return text("There is no attention to show.")
    first = shares.iloc[0]
    spend = first["spend_share"]
    said = text(
        "Most attention goes to {name}: {share} of it, of {n} names in all.",
        name=str(first["name"]),
        share=percent(float(first["attention_share"])),
        n=len(shares),
    )
    if pd.isna(spend):
        return said
    return text("{said} It has {spend} of the money.", said=said, spend=percent(float(spend)))


def standing(table: pd.DataFrame) -> go.Figure:
    """A strip per figure: where the user stands among the compared users, from 0 (least) to 100 (most).

    The middle half of the compared users is shaded; the user's own value stands at the right, with the
    median in brackets.

    Args:
        table: Columns: `title`, `value`, `median`, `unit`, `percentile` (0 to 1), `n_users`; from the top.
    """
    rows = table[table["percentile"].notna()].iloc[::-1]
    titles = [cut(title, 30) for title in rows["title"]]
    place = 100 * rows["percentile"].astype(float).to_numpy()
    outside = (place < _LOW_QUARTER) | (place > _HIGH_QUARTER)
    said = rows.to_dict("records")
    span = [-0.7, max(len(rows), 1) - 0.3]
    drawn = figure(58 + 30 * max(len(rows), 1))
    drawn.add_traces(
        [
            {
                "type": "bar",
                "orientation": "h",
                "x": np.repeat(100.0, len(rows)),
                "y": titles,
                "yaxis": "y2",
                "width": 0.04,
                "marker": {"color": SERIES[7], "opacity": 0.3},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "x": np.repeat(50.0, len(rows)),
                "y": titles,
                "mode": "markers",
                "marker": {"symbol": "line-ns", "size": 15, "line": {"width": 1.5, "color": SERIES[7]}},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "x": place,
                "y": titles,
                "mode": "markers",
                "marker": {"size": 13, "color": [SERIES[1] if far else SERIES[0] for far in outside]},
                "text": [
                    f"{_both(one, ', median ', '')}<br>at {one['percentile']:.0%} of {one['n_users']:,} users"
                    for one in said
                ],
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            },
        ]
    )
    drawn.update_layout(
        shapes=[
            {"type": "rect", "xref": "x", "yref": "paper", "x0": _LOW_QUARTER, "x1": _HIGH_QUARTER,
             "y0": 0, "y1": 1, "layer": "below", "fillcolor": SERIES[7], "opacity": 0.14,
             "line": {"width": 0}}
        ],
        xaxis={
            "range": [-2, 102],
            "tickvals": [0, 25, 50, 75, 100],
            "ticktext": ["least", "25%", "median", "75%", "most"],
            "showgrid": False,
        },
        yaxis={"type": "category", "showgrid": False, "range": span},
        # The tracks hang on a second axis, so that the figures have the room that they need.
        yaxis2={
            "type": "category",
            "overlaying": "y",
            "side": "right",
            "range": span,
            "tickvals": titles,
            "ticktext": [_both(one, " (", ")") for one in said],
            "showgrid": False,
            "automargin": True,
            "fixedrange": True,
        },
    )  # fmt: skip
    return drawn


def _both(one: Mapping[Hashable, object], between: str, behind: str) -> str:
    """A user's figure and the others' median."""
    unit = str(one["unit"])
    return f"{figure_of(one['value'], unit)}{between}{figure_of(one['median'], unit)}{behind}"


def figure_of(value: object, unit: str = "") -> str:
    """A figure as people read it: whole numbers whole, shares in percent, others in three digits."""
    number = float(str(value))
    if unit == "share":
        return percent(number)
    return f"{number:,.0f}" if number.is_integer() else significant(number)


def read_standing(table: pd.DataFrame, others: Text | str) -> Text:
    """The two figures that lie furthest from the middle.

    Args:
        table: As `standing`, with `n_less` and `n_equal`.
        others: Whom the user is compared with, as it is said in a sentence.
    """
    rows = table[table["percentile"].notna()].copy()
    if rows.empty:
        return text("There is no figure to compare.")
    rows["far"] = (rows["percentile"].astype(float) - 0.5).abs()
    first = rows.sort_values("far", ascending=False, kind="stable").iloc[0]
    n_far = int((rows["far"] > 0.25).sum())
    n, n_less = int(first["n_users"]), int(first["n_less"])
    high = float(first["percentile"]) >= 0.5
    apart = n_less if high else n - n_less - int(first["n_equal"])
    return text(
        "{m} of {k} figures lie outside the middle half of {others}; furthest out: {title}, "
        + (
            "more than {apart} of {n} users ({share})."
            if high
            else "less than {apart} of {n} users ({share})."
        ),
        m=n_far,
        k=len(rows),
        others=others,
        title=str(first["title"]),
        apart=apart,
        n=n,
        share=percent(apart / n),
    )
