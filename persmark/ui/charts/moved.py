"""Charts of who moved: reasons to enter and to leave, and the flow between groups."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, cut, figure
from persmark.ui.words import percent

_REASON_SHOWN = 46
# A flow is told apart by where it comes from; grey is for who was not there before or is not any more.
_NO_PLACE = 7
_LEAST_SHOWN = 0.002


def reasons(table: pd.DataFrame) -> go.Figure:
    """Users who entered to the right of zero and who left to the left, for each exact reason.

    Args:
        table: Columns: `reason`, `n_entered`, `n_left`; in order from the top.
    """
    rows = table.iloc[::-1]
    drawn = figure(84 + 34 * max(len(rows), 1), legend=True)
    names = [f"{number}" for number in range(len(rows))]
    for column, name, place, sign in (("n_entered", "entered", 0, 1), ("n_left", "left", 1, -1)):
        drawn.add_bar(
            x=(sign * rows[column]).to_numpy(),
            y=names,
            name=name,
            orientation="h",
            marker={"color": SERIES[place]},
            text=[f"{n:,}" if n else "" for n in rows[column]],
            textposition="outside",
            cliponaxis=False,
            customdata=[
                [cut(reason, 120), int(n)] for reason, n in zip(rows["reason"], rows[column], strict=True)
            ],
            hovertemplate="%{customdata[1]:,} " + name + ": %{customdata[0]}<extra></extra>",
        )
    most = max(float(table["n_entered"].max()), float(table["n_left"].max()), 1.0) if len(table) else 1.0
    left = float(table["n_left"].max()) if len(table) else 0.0
    right = float(table["n_entered"].max()) if len(table) else 0.0
    drawn.update_layout(barmode="relative")
    drawn.update_xaxes(visible=False, range=[-(left + 0.18 * most), right + 0.18 * most])
    drawn.update_yaxes(
        type="category", tickvals=names, ticktext=[cut(reason, _REASON_SHOWN) for reason in rows["reason"]]
    )
    return drawn


def read_reasons(table: pd.DataFrame, n_entered: int, n_left: int) -> Text:
    """The commonest reason to enter and to leave."""
    if not n_entered and not n_left:
        return text("Nobody entered or left between these moments.")

    def most(column: str, total: int) -> Text:
        row = table.iloc[int(table[column].to_numpy().argmax())]
        return text(
            "{n} of {total} ({share}) because: {reason}",
            n=int(row[column]), total=total, share=percent(float(row[column]) / total),
            reason=str(row["reason"]),
        )  # fmt: skip

    if not n_left:
        return text("Nobody left. Of those who entered, {most}.", most=most("n_entered", n_entered))
    if not n_entered:
        return text("Nobody entered. Of those who left, {most}.", most=most("n_left", n_left))
    return text(
        "Of those who entered, {one}. Of those who left, {other}.",
        one=most("n_entered", n_entered),
        other=most("n_left", n_left),
    )


def flows(table: pd.DataFrame, order: list[str]) -> go.Figure:
    """Users from each group before to each group after, as a Sankey diagram.

    Args:
        table: Columns: `origin`, `target`, `n_users`; names as people read them.
        order: All names, from the top.
    """
    total = float(table["n_users"].sum()) or 1.0
    shown = table[table["n_users"] >= _LEAST_SHOWN * total]
    origins = [name for name in order if (shown["origin"] == name).any()]
    targets = [name for name in order if (shown["target"] == name).any()]
    colour = {
        name: SERIES[place % _NO_PLACE] if place < len(order) - 3 else SERIES[_NO_PLACE]
        for place, name in enumerate(order)
    }
    before = table.groupby("origin")["n_users"].sum()
    after = table.groupby("target")["n_users"].sum()
    labels = [f"{cut(name, 24)} {before[name]:,}" for name in origins]
    labels += [f"{cut(name, 24)} {after[name]:,}" for name in targets]
    drawn = figure(120 + 46 * max(len(origins), len(targets), 2))
    drawn.add_sankey(
        arrangement="fixed",
        node={
            "label": labels,
            "color": [colour[name] for name in (*origins, *targets)],
            "pad": 14,
            "thickness": 14,
            "line": {"width": 0},
            "x": [0.001] * len(origins) + [0.999] * len(targets),
            "y": _middles(before, origins) + _middles(after, targets),
            "hovertemplate": "%{label}<extra></extra>",
        },
        link={
            "source": [origins.index(name) for name in shown["origin"]],
            "target": [len(origins) + targets.index(name) for name in shown["target"]],
            "value": shown["n_users"].to_numpy(),
            "color": "rgba(128, 140, 156, 0.32)",
            "hovertemplate": "%{value:,} users: %{source.label} → %{target.label}<extra></extra>",
        },
        textfont={"size": 12, "shadow": "none"},
    )
    return drawn


def _middles(sizes: pd.Series, names: list[str]) -> list[float]:
    """Where each node's middle stands, 0 to 1 from the top."""
    total = float(sum(sizes[name] for name in names)) or 1.0
    middles, above = [], 0.0
    for name in names:
        part = float(sizes[name]) / total
        middles.append(min(max(above + part / 2, 0.001), 0.999))
        above += part
    return middles


def read_flows(table: pd.DataFrame) -> Text:
    """How many stayed where they were, and the largest move."""
    total = int(table["n_users"].sum())
    if not total:
        return text("There is nobody to show yet.")
    still = int(table.loc[table["origin"] == table["target"], "n_users"].sum())
    moved = table[table["origin"] != table["target"]]
    if moved.empty:
        return text("All {n} users are where they were.", n=total)
    row = moved.iloc[int(moved["n_users"].to_numpy().argmax())]
    return text(
        "{still} of {n} users ({share}) are where they were; the largest move is from {origin} to "
        "{target}: {m}.",
        still=still,
        n=total,
        share=percent(still / total),
        origin=str(row["origin"]),
        target=str(row["target"]),
        m=int(row["n_users"]),
    )
