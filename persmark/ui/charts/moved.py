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
# Between two nodes, as high as a label needs.
_PAD = 22
# Room for the names at either side, in pixels.
_BESIDE = 165
_GROUP_SHOWN = 20


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

    def most(column: str, total: int, template: str) -> Text:
        if not total:
            return text("nobody")
        row = table.iloc[int(table[column].to_numpy().argmax())]
        return text(
            template,
            n=int(row[column]), total=total, share=percent(float(row[column]) / total),
            reason=str(row["reason"]),
        )  # fmt: skip

    return text(
        "Entered: {one}. Left: {other}.",
        one=most("n_entered", n_entered, "{n} of {total} ({share}) as this came true: {reason}"),
        other=most("n_left", n_left, "{n} of {total} ({share}) as this was true no longer: {reason}"),
    )


def read_neighbours(table: pd.DataFrame, n_entered: int, n_left: int) -> Text:
    """Where most of those who entered came from, and where most who left went.

    Args:
        table: Columns: `reason` (the other group), `n_entered`, `n_left`.
        n_entered: Users who entered.
        n_left: Users who left.
    """
    if not n_entered and not n_left:
        return text("Nobody entered or left between these moments.")

    def most(column: str, total: int, template: str) -> Text | str:
        if not total:
            return text("nobody")
        row = table.iloc[int(table[column].to_numpy().argmax())]
        return text(template, n=int(row[column]), total=total, name=str(row["reason"]))

    return text(
        "Entered: {one}. Left: {other}.",
        one=most("n_entered", n_entered, "{n} of {total} came from {name}"),
        other=most("n_left", n_left, "{n} of {total} went to {name}"),
    )


def flows(table: pd.DataFrame, order: list[str]) -> go.Figure:
    """Users from each group before to each group after, as a Sankey diagram.

    Args:
        table: Columns: `origin`, `target`, `n_users`; names as people read them.
        order: All names, from the top.
    """
    origins = [name for name in order if (table["origin"] == name).any()]
    targets = [name for name in order if (table["target"] == name).any()]
    colour = {
        name: SERIES[place % _NO_PLACE] if place < len(order) - 3 else SERIES[_NO_PLACE]
        for place, name in enumerate(order)
    }
    before = table.groupby("origin")["n_users"].sum()
    after = table.groupby("target")["n_users"].sum()
    most = max(len(origins), len(targets), 1)
    height = 180 + 44 * most
    # What the nodes have of the height, once the gaps are taken off; the margins are 8 at either end.
    pad = _PAD / (height - 16)
    drawn = figure(height)
    drawn.update_layout(margin={"l": _BESIDE, "r": _BESIDE})
    middles = [_middles(before, origins, pad, most), _middles(after, targets, pad, most)]
    drawn.add_sankey(
        arrangement="fixed",
        node={
            "label": [cut(name) for name in (*origins, *targets)],
            "color": [colour[name] for name in (*origins, *targets)],
            "pad": _PAD,
            "thickness": 14,
            "line": {"width": 0},
            "x": [0.001] * len(origins) + [0.999] * len(targets),
            "y": [*middles[0], *middles[1]],
            "hovertemplate": "%{label}: %{value:,} users<extra></extra>",
        },
        link={
            "source": [origins.index(name) for name in table["origin"]],
            "target": [len(origins) + targets.index(name) for name in table["target"]],
            "value": table["n_users"].to_numpy(),
            "color": "rgba(128, 140, 156, 0.32)",
            "hovertemplate": "%{value:,} users: %{source.label} → %{target.label}<extra></extra>",
        },
        # Written beside the diagram instead, where no flow runs through the words.
        textfont={"size": 1, "color": "rgba(0, 0, 0, 0)", "shadow": "none"},
    )
    sides = ((origins, before, middles[0], 0, "right", -8), (targets, after, middles[1], 1, "left", 8))
    for names, sizes, places, x, anchor, shift in sides:
        for name, place in zip(names, places, strict=True):
            drawn.add_annotation(
                x=x, y=1 - place, xref="paper", yref="paper", xanchor=anchor, yanchor="middle", xshift=shift,
                text=f"{cut(name, _GROUP_SHOWN)} <b>{sizes[name]:,}</b>", showarrow=False, font={"size": 12},
            )  # fmt: skip
    return drawn


def _middles(sizes: pd.Series, names: list[str], pad: float, most: int) -> list[float]:
    """Where each node's middle stands, 0 to 1 from the top, so that small ones keep their gaps."""
    total = float(sum(sizes[name] for name in names)) or 1.0
    middles, above = [], 0.0
    for name in names:
        part = float(sizes[name]) / total * (1 - pad * (most - 1))
        middles.append(min(max(above + part / 2, 0.001), 0.999))
        above += part + pad
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
