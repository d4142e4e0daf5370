"""Charts of what was discovered: are there groups, what sets users apart, does a ranking find its like."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, cut, figure
from persmark.ui.words import percent

# Where each stands beside the tick of its part.
_LEVELS = {"likeness": 0.3, "rfm": 0.0, "random": -0.3}
_RANKINGS = (("likeness", "By likeness", 0), ("rfm", "By RFM alone", 1), ("random", "By chance", 7))


def separations(tried: pd.DataFrame) -> go.Figure:
    """How far apart each number of groups is, beside what users without groups reach.

    Args:
        tried: Columns: `n_groups`, `separation`, `by_chance`, `by_chance_high`, `passes`; by number.
    """
    drawn = figure(300, legend=True)
    numbers = [str(n) for n in tried["n_groups"]]
    drawn.add_scatter(
        x=numbers, y=tried["by_chance"].to_numpy(), mode="lines+markers", name="Users without groups",
        line={"color": SERIES[7], "dash": "dot"}, marker={"size": 6},
        error_y={"type": "data", "symmetric": False,
                 "array": (tried["by_chance_high"] - tried["by_chance"]).to_numpy(),
                 "arrayminus": (0 * tried["by_chance"]).to_numpy(), "color": SERIES[7], "width": 6},
        hovertemplate="%{x} groups by chance: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    drawn.add_scatter(
        x=numbers, y=tried["separation"].to_numpy(), mode="lines+markers", name="Your users",
        line={"color": SERIES[0]},
        marker={"size": 11, "color": SERIES[0],
                "symbol": ["circle" if passes else "circle-open" for passes in tried["passes"]]},
        hovertemplate="%{x} groups: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    drawn.update_xaxes(
        type="category", title={"text": "Number of groups tried; filled = passes all criteria"}
    )
    drawn.update_yaxes(rangemode="tozero", title={"text": "Separation"})
    return drawn


def read_separations(tried: pd.DataFrame) -> Text:
    """Where users are furthest beyond chance, and which criteria hold there."""
    if tried.empty:
        return text("There are too few users to try any number of groups.")
    gain = (tried["separation"] - tried["by_chance"]).to_numpy()
    best = tried.iloc[int(gain.argmax())]
    found = tried[tried["passes"]]
    values = {
        "k": int(best["n_groups"]), "a": round(float(best["separation"]), 2),
        "b": round(float(best["by_chance"]), 2),
    }  # fmt: skip
    if found.empty:
        return text(
            "Furthest beyond chance at {k} groups ({a} against {b}), but no number of groups passes all "
            "criteria.", **values,
        )  # fmt: skip
    return text(
        "Furthest beyond chance at {k} groups ({a} against {b}); {passing} is the largest number that passes "
        "all criteria.", passing=int(found["n_groups"].max()), **values,
    )  # fmt: skip


def effects(table: pd.DataFrame) -> go.Figure:
    """What sets users apart from the others, in standard deviations to either side.

    Args:
        table: Columns: `what`, `effect`; the largest first.
    """
    rows = table.head(12).iloc[::-1]
    drawn = figure(80 + 32 * max(len(rows), 1))
    drawn.add_bar(
        x=rows["effect"].to_numpy(),
        y=[cut(one, 30) for one in rows["what"]],
        orientation="h",
        marker={"color": [SERIES[0] if value > 0 else SERIES[1] for value in rows["effect"]]},
        text=[f"{value:+.1f}" for value in rows["effect"]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:+.2f} standard deviations<extra></extra>",
    )
    most = float(rows["effect"].abs().max()) if len(rows) else 1.0
    drawn.update_xaxes(
        range=[-1.35 * most, 1.35 * most], zeroline=True,
        title={"text": "Difference from the others, standard deviations"},
    )  # fmt: skip
    drawn.update_yaxes(type="category")
    return drawn


def read_effects(table: pd.DataFrame) -> Text:
    """What is furthest from the others."""
    if table.empty:
        return text("No measure differs from the others by more than a fifth of its spread.")
    first = table.iloc[0]
    return text(
        "Furthest from the others: {what}, {inside} on average against {outside}.",
        what=str(first["what"]), inside=str(first["inside"]), outside=str(first["outside"]),
    )  # fmt: skip


def recalls(table: pd.DataFrame) -> go.Figure:
    """Share of the hidden users found in the first part of each ranking, with 95% intervals.

    Args:
        table: Columns: `ranking`, `share` (of the ranking, 0 to 1), `recall`, `low`, `high`.
    """
    drawn = figure(440, legend=True)
    shares = sorted(table["share"].unique(), reverse=True)
    for ranking, name, place in _RANKINGS:
        rows = table[table["ranking"] == ranking]
        if rows.empty:
            continue
        level = _LEVELS[ranking]
        drawn.add_scatter(
            x=rows["recall"].to_numpy(),
            y=[shares.index(share) + level for share in rows["share"]],
            mode="markers+text",
            name=name,
            text=[percent(value) for value in rows["recall"]],
            textposition="top center",
            marker={"color": SERIES[place], "size": 11},
            error_x={"type": "data", "symmetric": False,
                     "array": (rows["high"] - rows["recall"]).to_numpy(),
                     "arrayminus": (rows["recall"] - rows["low"]).to_numpy(),
                     "color": SERIES[place], "thickness": 2, "width": 5},
            hovertemplate=name + ": %{x:.1%}<extra></extra>",
        )  # fmt: skip
    drawn.update_yaxes(
        tickvals=list(range(len(shares))), ticktext=[f"First {share:.0%}" for share in shares],
        range=[-0.55, len(shares) - 0.3], showgrid=False,
    )  # fmt: skip
    drawn.update_xaxes(
        tickformat=".0%", rangemode="tozero", title={"text": "Hidden users found in that part of the ranking"}
    )
    return drawn


def read_recalls(table: pd.DataFrame, n_seed: int) -> Text:
    """What the first 5% hold, against the other rankings."""
    at = {one["ranking"]: one for one in table[table["share"] == 0.05].to_dict("records")}
    ours = at["likeness"]
    values = {
        "n": n_seed, "a": percent(ours["recall"]), "low": percent(ours["low"]), "high": percent(ours["high"]),
        "c": percent(at["random"]["recall"]),
    }  # fmt: skip
    if "rfm" not in at:
        return text(
            "Of the seed's {n} users, hidden a quarter at a time, the first 5% of the ranking hold {a} (95% "
            "interval {low} to {high}); by chance {c}.", **values,
        )  # fmt: skip
    return text(
        "Of the seed's {n} users, hidden a quarter at a time, the first 5% of the ranking hold {a} (95% "
        "interval {low} to {high}); by RFM alone {b}, by chance {c}.",
        b=percent(at["rfm"]["recall"]), **values,
    )  # fmt: skip
