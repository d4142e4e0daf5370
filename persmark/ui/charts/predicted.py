"""Charts of how far predictions can be believed: promised beside what came, and what the best-scored hold."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, figure
from persmark.ui.words import percent

_BAND = "rgba(128,128,128,0.22)"


def _band(drawn: go.Figure, x: list[float], low: list[float], high: list[float]) -> None:
    """The area between two lines."""
    drawn.add_scatter(
        x=[*x, *reversed(x)], y=[*high, *reversed(low)], fill="toself", fillcolor=_BAND, mode="lines",
        line={"width": 0, "color": _BAND}, hoverinfo="skip", showlegend=True, name="95% interval",
    )  # fmt: skip


def _whole(table: pd.DataFrame, column: str, otherwise: str) -> list[float]:
    return [float(one) for one in table[column].astype(float).fillna(table[otherwise].astype(float))]


def reliability(table: pd.DataFrame) -> go.Figure:
    """The share that did it over the chance that was promised, with its band and where both are one.

    Args:
        table: Columns: `mean`, `share`, `share_low`, `share_high` (0 to 1), `n`; by `mean`.
    """
    drawn = figure(320, legend=True)
    promised = [float(one) for one in table["mean"]]
    came = _whole(table, "share", "mean")
    low, high = _whole(table, "share_low", "share"), _whole(table, "share_high", "share")
    most = max([*promised, *high, 0.01])
    drawn.add_scatter(
        x=[0, most], y=[0, most], mode="lines", name="as promised",
        line={"color": SERIES[7], "dash": "dot", "width": 1}, hoverinfo="skip",
    )  # fmt: skip
    _band(drawn, promised, low, high)
    drawn.add_scatter(
        x=promised, y=came, mode="lines+markers", name="what came",
        line={"color": SERIES[0]}, marker={"size": 8},
        text=[f"{a:.1%} to {b:.1%}" for a, b in zip(low, high, strict=True)],
        hovertemplate="promised %{x:.1%}, came %{y:.1%} (%{text})<extra></extra>",
    )  # fmt: skip
    drawn.update_xaxes(title={"text": "Chance promised"}, tickformat=".0%", range=[0, most * 1.03])
    drawn.update_yaxes(title={"text": "Share that did it"}, tickformat=".0%", range=[0, most * 1.06])
    return drawn


def read_reliability(table: pd.DataFrame) -> Text:
    """In how many groups the promise lies inside the interval of what came, and the worst miss."""
    if table.empty:
        return text("There was nobody to judge by.")
    inside = (table["mean"] >= table["share_low"]) & (table["mean"] <= table["share_high"])
    gap = (table["mean"] - table["share"]).astype(float)
    rows = float(table["n"].sum())
    worst = table.iloc[int(gap.abs().to_numpy().argmax())]
    return text(
        "On average {all_mean} was promised and {all_share} came. In {k} of {n} groups of like chances the"
        " promise lies within the interval of what came; the largest miss is {mean} promised, {share} came"
        " ({low} to {high}, {m} rows).",
        all_mean=percent(float((table["mean"] * table["n"]).sum()) / rows),
        all_share=percent(float((table["share"] * table["n"]).sum()) / rows),
        k=int(inside.sum()), n=len(table), mean=percent(float(worst["mean"])),
        share=percent(float(worst["share"])), low=percent(float(worst["share_low"])),
        high=percent(float(worst["share_high"])), m=int(worst["n"]),
    )  # fmt: skip


def gains(table: pd.DataFrame, what: str) -> go.Figure:
    """The share of all that came which lies with the best-scored part of the users, beside chance.

    Args:
        table: Columns: `part` (0 to 1), `share`, `low`, `high`; by `part`.
        what: What the share is of.
    """
    drawn = figure(320, legend=True)
    parts = [0.0, *(float(one) for one in table["part"])]
    share = [0.0, *_whole(table, "share", "part")]
    low, high = [0.0, *_whole(table, "low", "share")], [0.0, *_whole(table, "high", "share")]
    drawn.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="picked at random",
        line={"color": SERIES[7], "dash": "dot", "width": 1}, hoverinfo="skip",
    )  # fmt: skip
    _band(drawn, parts, low, high)
    drawn.add_scatter(
        x=parts, y=share, mode="lines+markers", name="best-scored first",
        line={"color": SERIES[0]}, marker={"size": 7},
        hovertemplate="best %{x:.0%}: %{y:.1%}<extra></extra>",
    )  # fmt: skip
    drawn.update_xaxes(title={"text": "Best-scored part"}, tickformat=".0%", range=[0, 1.01])
    drawn.update_yaxes(title={"text": f"Share of {what}"}, tickformat=".0%", range=[0, 1.04])
    return drawn


def read_gains(table: pd.DataFrame, what: str) -> Text:
    """What the best-scored tenth holds."""
    tenth = table[(table["part"] - 0.1).abs() < 1e-9]
    if tenth.empty or tenth["share"].isna().any():
        return text("There was nothing to hold.")
    row = tenth.iloc[0]
    if pd.isna(row["low"]):
        return text("The best-scored tenth holds {share} of {what}; picked at random it would hold 10%.",
                    share=percent(float(row["share"])), what=what)  # fmt: skip
    return text(
        "The best-scored tenth holds {share} of {what} (95% {low} to {high}); picked at random it would"
        " hold 10%.",
        share=percent(float(row["share"])), what=what, low=percent(float(row["low"])),
        high=percent(float(row["high"])),
    )  # fmt: skip
