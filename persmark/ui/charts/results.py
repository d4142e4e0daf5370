"""Charts of what recommenders and campaigns came to: leaderboard, slate scores, arms."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, cut, figure
from persmark.ui.words import significant


def leaderboard(results: pd.DataFrame, k: int) -> go.Figure:
    """A dot with its 95% interval for each recommender, best on top.

    Args:
        results: Columns: `recommender`, `ndcg`, `low`, `high`.
        k: Slate length that was measured.
    """
    rows = results.sort_values("ndcg").tail(20)
    drawn = figure(70 + 40 * max(len(rows), 1))
    drawn.add_scatter(
        x=rows["ndcg"].to_numpy(),
        y=[cut(name) for name in rows["recommender"]],
        mode="markers+text",
        text=[f"{value:.3f}" for value in rows["ndcg"]],
        textposition="top center",
        marker={"color": SERIES[0], "size": 11},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": (rows["high"] - rows["ndcg"]).to_numpy(),
            "arrayminus": (rows["ndcg"] - rows["low"]).to_numpy(),
            "color": SERIES[0],
            "thickness": 2,
            "width": 6,
        },
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )
    most = float(rows["high"].max()) if len(rows) else 1.0
    drawn.update_xaxes(
        range=[0, (most or 1.0) * 1.08], title={"text": f"NDCG@{k}, 0 to 1, with its 95% interval"}
    )
    drawn.update_yaxes(type="category", range=[-0.6, len(rows) - 0.3])
    return drawn


def read_leaderboard(results: pd.DataFrame, n_users: int, k: int) -> Text:
    """Who leads, and whether the next one's interval overlaps."""
    if results.empty:
        return text("Nothing has been evaluated yet.")
    rows = results.sort_values("ndcg", ascending=False)
    first = rows.iloc[0]
    if len(rows) == 1:
        return text(
            "'{name}' reaches NDCG@{k} {ndcg} (95% interval {low} to {high}, {n} users).",
            name=first["recommender"],
            ndcg=f"{first['ndcg']:.3f}",
            low=f"{first['low']:.3f}",
            high=f"{first['high']:.3f}",
            n=n_users,
            k=k,
        )
    second = rows.iloc[1]
    apart = float(first["low"]) > float(second["high"])
    template = (
        "'{name}' leads with NDCG@{k} {ndcg} on {n} users; its interval lies above that of '{other}'."
        if apart
        else "'{name}' is highest with NDCG@{k} {ndcg} on {n} users; its interval overlaps that of '{other}'."
    )
    return text(
        template,
        name=first["recommender"],
        ndcg=f"{first['ndcg']:.3f}",
        n=n_users,
        other=second["recommender"],
        k=k,
    )


def slate_scores(slate: pd.DataFrame) -> go.Figure:
    """Bars of the scores of a slate, rank 1 on top.

    Args:
        slate: Columns: `rank`, `title`, `score`.
    """
    rows = slate.sort_values("rank", ascending=False)
    drawn = figure(60 + 30 * max(len(rows), 1))
    drawn.add_bar(
        x=rows["score"].to_numpy(),
        y=[f"{rank}. {cut(title, 30)}" for rank, title in zip(rows["rank"], rows["title"], strict=True)],
        orientation="h",
        marker={"color": SERIES[0]},
        text=[significant(float(score)) for score in rows["score"]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    most = float(rows["score"].max()) if len(rows) else 0.0
    if most > 0 and float(rows["score"].min()) >= 0:
        drawn.update_xaxes(visible=False, range=[0, most * 1.2])
    drawn.update_yaxes(type="category")
    return drawn


def read_slate_scores(slate: pd.DataFrame) -> Text:
    """How far the first is ahead of the last."""
    if slate.empty:
        return text("Nothing is eligible for this slate.")
    ordered = slate.sort_values("rank")
    return text(
        "{n} items; the first scores {first}, the last {last}. Scores rank items of one slate and are no "
        "probabilities."
        if len(ordered) > 1
        else "One item; it scores {first}. Scores rank items of one slate and are no probabilities.",
        n=len(ordered),
        first=significant(float(ordered["score"].iloc[0])),
        last=significant(float(ordered["score"].iloc[-1])),
    )


def arms(table: pd.DataFrame) -> go.Figure:
    """One stacked bar per audience: who is contacted, who is held out.

    Args:
        table: Columns: `audience`, `n_target`, `n_holdout`.
    """
    rows = table.head(12).iloc[::-1]
    names = [cut(name) for name in rows["audience"]]
    drawn = figure(80 + 34 * max(len(rows), 1), legend=True)
    for column, name, place in (("n_target", "contacted", 0), ("n_holdout", "held out", 5)):
        drawn.add_bar(
            x=rows[column].to_numpy(),
            y=names,
            name=name,
            orientation="h",
            marker={"color": SERIES[place]},
            hovertemplate="%{y}: %{x:,} " + name + "<extra></extra>",
        )
    drawn.update_layout(barmode="stack")
    drawn.update_xaxes(tickformat=",~s", rangemode="tozero")
    drawn.update_yaxes(type="category")
    return drawn


def read_arms(table: pd.DataFrame) -> Text:
    """How many are contacted and held out in all."""
    if len(table) == 1:
        return text(
            "'{name}' contacts {target} users and holds {holdout} out.",
            name=str(table["audience"].iloc[0]),
            target=int(table["n_target"].iloc[0]),
            holdout=int(table["n_holdout"].iloc[0]),
        )
    return text(
        "{n} audiences contact {target} users and hold {holdout} out; a user may be in several.",
        n=len(table),
        target=int(table["n_target"].sum()),
        holdout=int(table["n_holdout"].sum()),
    )
