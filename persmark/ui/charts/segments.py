"""Charts of a segment: what it shares with others, whom it reaches, what a test of it could show."""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, cut, figure
from persmark.ui.words import percent

_MOST_OTHERS = 15
_NAME_SHOWN = 30


def overlap(table: pd.DataFrame) -> go.Figure:
    """For each other segment, its share of this one and this one's share of it.

    Args:
        table: Columns: `segment`, `share_of_this`, `share_of_other` (0 to 1); in order, the first
            fifteen are drawn.
    """
    rows = table.head(_MOST_OTHERS).iloc[::-1]
    drawn = figure(70 + 40 * max(len(rows), 1), legend=True)
    for column, name, place in (
        ("share_of_other", "of theirs are in this one", 2),
        ("share_of_this", "of this one are in theirs", 0),
    ):
        drawn.add_bar(
            x=rows[column].to_numpy(),
            y=[cut(one, _NAME_SHOWN) for one in rows["segment"]],
            orientation="h",
            name=name,
            marker={"color": SERIES[place]},
            text=["" if math.isnan(value) else f"{value:.0%}" for value in rows[column].astype(float)],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.1%} " + name + "<extra></extra>",
        )
    drawn.update_layout(barmode="group", bargap=0.3, legend={"traceorder": "reversed"})
    drawn.update_xaxes(visible=False, range=[0, 1.15])
    drawn.update_yaxes(type="category")
    return drawn


def read_overlap(table: pd.DataFrame) -> Text:
    """The segment that shares most with this one."""
    shared = table[table["n_both"] > 0]
    if shared.empty:
        return text("None of the other segments shares a user with this one.")
    first = shared.iloc[int(shared["jaccard"].to_numpy().argmax())]
    return text(
        "Closest is '{name}': {n} users are in both, {here} of this one and {there} of the other.",
        name=str(first["segment"]),
        n=int(first["n_both"]),
        here=percent(float(first["share_of_this"])),
        there=percent(float(first["share_of_other"])),
    )


def reachable(table: pd.DataFrame) -> go.Figure:
    """Bars of users by what they said, one bar per purpose.

    Args:
        table: Columns: `purpose`, `granted`, `denied`, `unknown` (users).
    """
    rows = table.iloc[::-1]
    drawn = figure(80 + 34 * max(len(rows), 1), legend=True)
    for column, place in (("granted", 3), ("denied", 1), ("unknown", 7)):
        drawn.add_bar(
            x=rows[column].to_numpy(),
            y=[cut(one) for one in rows["purpose"]],
            orientation="h",
            name=column,
            marker={"color": SERIES[place]},
            hovertemplate="%{y}: %{x:,} " + column + "<extra></extra>",
        )
    drawn.update_layout(barmode="stack", legend={"traceorder": "normal"})
    drawn.update_xaxes(tickformat=",~s", rangemode="tozero")
    drawn.update_yaxes(type="category")
    return drawn


def read_reachable(table: pd.DataFrame) -> Text:
    """How many said yes to the purpose that most said yes to."""
    granted = table["granted"].to_numpy()
    if not len(granted) or not granted.max():
        return text("Nobody of them is known to have agreed to anything.")
    first = table.iloc[int(granted.argmax())]
    whole = int(first["granted"] + first["denied"] + first["unknown"])
    return text(
        "Most agreed to {purpose}: {n} of {whole} users ({share}).",
        purpose=str(first["purpose"]),
        n=int(first["granted"]),
        whole=whole,
        share=percent(float(first["granted"]) / whole),
    )


def lift_by_holdout(table: pd.DataFrame, chosen: float) -> go.Figure:
    """The smallest lift that would be noticed, against the share that is withheld.

    Args:
        table: Columns: `holdout_share`, `lift` (0.1 = a tenth more; empty where none would be noticed).
        chosen: The share that is marked.
    """
    drawn = figure(260)
    rows = table.dropna(subset=["lift"])
    drawn.add_scatter(
        x=rows["holdout_share"].to_numpy(),
        y=rows["lift"].to_numpy(),
        mode="lines",
        line={"color": SERIES[0], "width": 2.5},
        hovertemplate="%{x:.0%} withheld: a lift of %{y:.1%}<extra></extra>",
    )
    here = rows[(rows["holdout_share"] - chosen).abs() < 1e-9]
    if len(here):
        drawn.add_scatter(
            x=here["holdout_share"].to_numpy(),
            y=here["lift"].to_numpy(),
            mode="markers+text",
            text=[f"{value:.1%}" for value in here["lift"]],
            textposition="top right",
            marker={"color": SERIES[1], "size": 11},
            hovertemplate="%{x:.0%} withheld: a lift of %{y:.1%}<extra></extra>",
        )
    drawn.update_xaxes(title={"text": "Share withheld"}, tickformat=".0%", range=[0, 0.525])
    most = float(rows["lift"].max()) if len(rows) else 1.0
    drawn.update_yaxes(title={"text": "Smallest lift noticed"}, tickformat=".0%", range=[0, most * 1.15])
    return drawn


def read_lift_by_holdout(table: pd.DataFrame, chosen: float) -> Text:
    """The lift at the chosen share, and the least that any share would show."""
    rows = table.dropna(subset=["lift"])
    if rows.empty:
        return text("No share of these users that is withheld would show any lift.")
    best = rows.iloc[int(rows["lift"].to_numpy().argmin())]
    here = rows[(rows["holdout_share"] - chosen).abs() < 1e-9]
    least = percent(float(best["lift"]))
    if here.empty:
        return text(
            "With {chosen} withheld no lift would be noticed; with {share} one of {least}.",
            chosen=percent(chosen), share=percent(float(best["holdout_share"])), least=least,
        )  # fmt: skip
    return text(
        "With {chosen} withheld a lift of {lift} would be noticed; the least is {least}, with {share}.",
        chosen=percent(chosen),
        lift=percent(float(here["lift"].iloc[0])),
        least=least,
        share=percent(float(best["holdout_share"])),
    )
