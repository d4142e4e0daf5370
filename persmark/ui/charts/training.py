"""Charts of training: the learning curve, how far each is ahead of the simple ones, groups, time."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, cut, figure
from persmark.ui.charts.compared import names_beside

_LINES = (
    ("train_ndcg", "NDCG on what it learned from", 0, "solid"),
    ("validation_ndcg", "NDCG on what it has not seen", 1, "solid"),
    ("loss", "loss on what it learned from", 0, "dot"),
    ("validation_loss", "loss on what it has not seen", 1, "dot"),
)


def learning_curve(points: pd.DataFrame) -> go.Figure:
    """NDCG over passes through the data, training beside validation; losses where there is no NDCG.

    Args:
        points: Columns: `epoch`, and some of `train_ndcg`, `validation_ndcg`, `loss`, `validation_loss`.
    """
    drawn = figure(300, legend=True)
    has = [name for name, *_ in _LINES if name in points and points[name].notna().any()]
    as_ndcg = any(name.endswith("ndcg") for name in has)
    for name, called, place, dash in _LINES:
        if name not in has or name.endswith("ndcg") != as_ndcg:
            continue
        rows = points.dropna(subset=[name])
        drawn.add_scatter(
            x=rows["epoch"].to_numpy(),
            y=rows[name].to_numpy(),
            mode="lines+markers" if len(rows) < 40 else "lines",
            name=called,
            line={"color": SERIES[place], "width": 2, "dash": dash},
            marker={"size": 6},
            hovertemplate="pass %{x}: %{y:.3f}<extra></extra>",
        )
    drawn.update_xaxes(title={"text": "Passes through the events"}, tickformat=",d")
    drawn.update_yaxes(title={"text": "NDCG" if as_ndcg else "Loss"}, tickformat=".3~f")
    return drawn


def read_learning_curve(points: pd.DataFrame) -> Text:
    """Where it was best on what it had not seen, and how much better it looks on what it learned from."""
    if "validation_ndcg" in points and points["validation_ndcg"].notna().any():
        known = points.dropna(subset=["validation_ndcg"])
        best = known.iloc[int(known["validation_ndcg"].to_numpy().argmax())]
        if "train_ndcg" in known and pd.notna(best["train_ndcg"]):
            gap = float(best["train_ndcg"] - best["validation_ndcg"])
            return text(
                "Best after pass {n}: NDCG {value} on users or days it has not seen, {train} on what it "
                "learned from; the gap of {gap} is how far it knows its own examples by heart.",
                n=int(best["epoch"]),
                value=f"{best['validation_ndcg']:.3f}",
                train=f"{best['train_ndcg']:.3f}",
                gap=f"{gap:.3f}",
            )
        return text(
            "Best after pass {n}: NDCG {value} on what it has not seen.",
            n=int(best["epoch"]),
            value=f"{best['validation_ndcg']:.3f}",
        )
    if "loss" in points and points["loss"].notna().any():
        known = points.dropna(subset=["loss"])
        return text(
            "The loss fell from {first} to {last} in {n} passes.",
            first=f"{known['loss'].iloc[0]:.3f}",
            last=f"{known['loss'].iloc[-1]:.3f}",
            n=len(known),
        )
    return text("The first pass is not over yet.")


def ahead(rows: pd.DataFrame) -> go.Figure:
    """How far each is ahead of the best simple one, with the paired 95% interval; 0 is level.

    Args:
        rows: Columns: `recommender`, `difference`, `low`, `high`.
    """
    ordered = rows.sort_values("difference").tail(20)
    drawn = figure(80 + 38 * max(len(ordered), 1))
    drawn.add_vline(x=0, line={"width": 1, "dash": "dot", "color": SERIES[7]})
    drawn.add_scatter(
        x=ordered["difference"].to_numpy(),
        y=[cut(name) for name in ordered["recommender"]],
        mode="markers",
        marker={"color": SERIES[0], "size": 11},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": (ordered["high"] - ordered["difference"]).to_numpy(),
            "arrayminus": (ordered["difference"] - ordered["low"]).to_numpy(),
            "color": SERIES[0],
            "thickness": 2,
            "width": 6,
        },
        hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
    )
    drawn.update_xaxes(title={"text": "NDCG ahead of the best simple one"}, tickformat="+.3~f")
    drawn.update_yaxes(type="category", range=[-0.6, len(ordered) - 0.4])
    return drawn


def read_ahead(rows: pd.DataFrame, simple: str) -> Text:
    """How many are clearly ahead of the simple one, and which most."""
    if rows.empty:
        return text("Only {simple} was measured: there is nothing to compare.", simple=simple)
    clear = rows[rows["low"] > 0]
    if clear.empty:
        return text(
            "No recommender is clearly ahead of {simple}: every interval reaches 0 or lies below it.",
            simple=simple,
        )
    best = clear.iloc[int(clear["difference"].to_numpy().argmax())]
    return text(
        "{n} of {all} are clearly ahead of {simple}; {name} most, by {gap} (95% interval {low} to {high}).",
        n=len(clear),
        all=len(rows),
        simple=simple,
        name=str(best["recommender"]),
        gap=f"{best['difference']:.3f}",
        low=f"{best['low']:.3f}",
        high=f"{best['high']:.3f}",
    )


def grouped(table: pd.DataFrame, names: list[str]) -> go.Figure:
    """For each group of users a dot with its interval per recommender.

    Args:
        table: Columns: `name` (of the group), `segment` (the recommender), `value`, `low`, `high`.
        names: Recommenders, at most four.
    """
    drawn = names_beside(table, names)
    drawn.update_xaxes(tickformat=".2~f", title={"text": "NDCG, with its 95% interval"})
    for trace in drawn.data:
        trace.hovertemplate = trace.hovertemplate.replace("%{x:.1%}", "%{x:.3f}")
    return drawn


def read_grouped(table: pd.DataFrame) -> Text:
    """Where the first recommender of the table serves best and worst."""
    if table.empty:
        return text("There is no group with users in the test.")
    leader = str(table["segment"].iloc[0])
    rows = table[table["segment"] == leader]
    values = rows["value"].to_numpy()
    best, worst = rows.iloc[int(values.argmax())], rows.iloc[int(values.argmin())]
    if len(rows) == 1 or best["name"] == worst["name"]:
        return text(
            "{leader} reaches NDCG {value} for {name} ({n} users).",
            leader=leader, value=f"{best['value']:.3f}", name=str(best["name"]), n=int(best["n_users"]),
        )  # fmt: skip
    return text(
        "{leader} does best for {best} (NDCG {high}, {n} users) and worst for {worst} ({low}, {m} users).",
        leader=leader,
        best=str(best["name"]),
        high=f"{best['value']:.3f}",
        n=int(best["n_users"]),
        worst=str(worst["name"]),
        low=f"{worst['value']:.3f}",
        m=int(worst["n_users"]),
    )


def time_for_accuracy(rows: pd.DataFrame) -> go.Figure:
    """NDCG over the seconds that training and scoring took, on a logarithmic axis.

    Args:
        rows: Columns: `recommender`, `ndcg`, `seconds`.
    """
    drawn = figure(280)
    drawn.add_scatter(
        x=rows["seconds"].clip(lower=0.001).to_numpy(),
        y=rows["ndcg"].to_numpy(),
        mode="markers+text",
        text=[cut(name, 22) for name in rows["recommender"]],
        textposition="top center",
        marker={"color": SERIES[0], "size": 10},
        cliponaxis=False,
        hovertemplate="%{text}: %{y:.3f} in %{x:.1f} s<extra></extra>",
    )
    most = float(rows["ndcg"].max()) if len(rows) else 1.0
    drawn.update_xaxes(
        type="log",
        tickvals=[0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000],
        title={"text": "Seconds to train and to rank for all test users"},
    )
    drawn.update_yaxes(title={"text": "NDCG"}, range=[0, (most or 1.0) * 1.2], tickformat=".2~f")
    return drawn


def read_time(rows: pd.DataFrame) -> Text:
    """The best, and the fastest that is nearly as good."""
    if rows.empty:
        return text("Nothing has been evaluated yet.")
    best = rows.iloc[int(rows["ndcg"].to_numpy().argmax())]
    near = rows[rows["ndcg"] >= 0.95 * best["ndcg"]]
    quick = near.iloc[int(near["seconds"].to_numpy().argmin())]
    if quick["recommender"] == best["recommender"]:
        return text(
            "{name} is the best and takes {seconds} s; none within 5% of it is faster.",
            name=str(best["recommender"]), seconds=f"{best['seconds']:.1f}",
        )  # fmt: skip
    return text(
        "{name} is the best and takes {seconds} s; {quick} comes within 5% of it in {short} s.",
        name=str(best["recommender"]),
        seconds=f"{best['seconds']:.1f}",
        quick=str(quick["recommender"]),
        short=f"{quick['seconds']:.1f}",
    )
