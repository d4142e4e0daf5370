"""Charts of users: distributions, the RFM grid, lifecycle stages, the funnel of a rule."""

from __future__ import annotations

import itertools

import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import SEQUENTIAL, SERIES, brief, count_axis, cut, figure, safe
from persmark.ui.words import percent


def distribution(bins: pd.DataFrame) -> go.Figure:
    """Bars of users per value: ranges of a number, or the commonest texts.

    Args:
        bins: Columns: `label`, `n_users`; already in order, at most a hundred rows.
    """
    drawn = figure(280)
    drawn.add_bar(
        x=[safe(label) for label in bins["label"]],
        y=bins["n_users"].to_numpy(),
        marker={"color": SERIES[0]},
        hovertemplate="%{x}: %{y:,} users<extra></extra>",
    )
    drawn.update_layout(bargap=0.06)
    drawn.update_xaxes(type="category", nticks=12)
    count_axis(drawn, bins["n_users"].max() if len(bins) else 0)
    return drawn


def bars(table: pd.DataFrame, label: str, value: str, *, place: int = 0) -> go.Figure:
    """Horizontal bars with their numbers, in the table's order from the top.

    Args:
        table: Columns: those two; at most thirty rows are drawn.
        label: Column of names.
        value: Column of numbers, >= 0.
        place: Which colour of the palette.
    """
    rows = table.head(30).iloc[::-1]
    drawn = figure(50 + 32 * max(len(rows), 1))
    drawn.add_bar(
        x=rows[value].to_numpy(),
        y=[cut(name) for name in rows[label]],
        orientation="h",
        marker={"color": SERIES[place]},
        text=[brief(n) for n in rows[value]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:,}<extra></extra>",
    )
    most = float(rows[value].max()) if len(rows) else 1.0
    drawn.update_xaxes(visible=False, range=[0, (most or 1.0) * 1.25])
    drawn.update_yaxes(type="category")
    return drawn


def read_bars(table: pd.DataFrame, label: str, value: str = "n_users") -> Text:
    """The largest group and its share of the whole."""
    total = float(table[value].sum())
    if not total:
        return text("There is nobody to show yet.")
    first = table.iloc[int(table[value].to_numpy().argmax())]
    return text(
        "The largest group is '{name}': {n} of {total} users ({share}).",
        name=str(first[label]),
        n=int(first[value]),
        total=int(total),
        share=percent(float(first[value]) / total),
    )


def rfm_grid(cells: pd.DataFrame) -> go.Figure:
    """Heat map of users by recency score (across) and frequency score (up).

    Args:
        cells: Columns: `recency_score`, `frequency_score` (1 to 5, 5 best), `n_users`.
    """
    grid = cells.pivot_table(
        index="frequency_score", columns="recency_score", values="n_users", aggfunc="sum", fill_value=0
    ).reindex(index=range(1, 6), columns=range(1, 6), fill_value=0)
    drawn = figure(340)
    drawn.add_heatmap(
        x=[str(score) for score in grid.columns],
        y=[str(score) for score in grid.index],
        z=grid.to_numpy(),
        colorscale=[list(step) for step in SEQUENTIAL],
        showscale=False,
        xgap=3,
        ygap=3,
        texttemplate="%{z:,}",
        hoverinfo="skip",
    )
    # A heat map's cells cannot be picked; unseen marks above them can.
    scores = [(x, y) for y in range(1, 6) for x in range(1, 6)]
    drawn.add_scatter(
        x=[str(x) for x, _ in scores],
        y=[str(y) for _, y in scores],
        customdata=grid.to_numpy().ravel(),
        mode="markers",
        marker={"size": 44, "symbol": "square", "opacity": 0.001, "color": SERIES[0]},
        selected={"marker": {"opacity": 0.001}},
        unselected={"marker": {"opacity": 0.001}},
        hovertemplate="recency %{x}, frequency %{y}: %{customdata:,} users<extra></extra>",
    )
    drawn.update_xaxes(
        title={"text": "Recency score (5 = most recent)"}, type="category", showgrid=False, range=[-0.5, 4.5]
    )
    drawn.update_yaxes(
        title={"text": "Frequency score (5 = most often)"}, type="category", showgrid=False, range=[-0.5, 4.5]
    )
    return drawn


def read_rfm_grid(cells: pd.DataFrame) -> Text:
    """How many are in the best corner and how many in the lost one."""
    total = int(cells["n_users"].sum())
    if not total:
        return text("There is nobody to show yet.")
    best = cells[(cells["recency_score"] >= 4) & (cells["frequency_score"] >= 4)]["n_users"].sum()
    lost = cells[(cells["recency_score"] <= 2) & (cells["frequency_score"] <= 2)]["n_users"].sum()
    return text(
        "{best} of {n} users are recent and frequent (both scores 4 or 5); {lost} are neither (both 1 or 2).",
        best=percent(float(best) / total),
        n=total,
        lost=percent(float(lost) / total),
    )


def funnel(clauses: pd.DataFrame) -> go.Figure:
    """Users left after each clause of a rule, from everybody down.

    Args:
        clauses: Columns: `clause`, `n_users`; in order.
    """
    drawn = bars(clauses, "clause", "n_users")
    drawn.update_layout(bargap=0.18)
    return drawn


def read_funnel(clauses: pd.DataFrame) -> Text:
    """Which clause removes most."""
    counts = clauses["n_users"].astype(int).tolist()
    if len(counts) < 2 or not counts[0]:
        return text("{n} users match.", n=counts[-1] if counts else 0)
    losses = [before - after for before, after in itertools.pairwise(counts)]
    most = max(range(len(losses)), key=losses.__getitem__)
    return text(
        "{n} of {total} users match ({share}); '{clause}' takes away most ({lost}).",
        n=counts[-1],
        total=counts[0],
        share=percent(counts[-1] / counts[0]),
        clause=str(clauses["clause"].iloc[most + 1]),
        lost=losses[most],
    )
