"""Charts of what one user is likely to do, and of what about them makes it so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, cut, figure
from persmark.ui.words import percent, significant

_CHANCE = "chance"


def chances(table: pd.DataFrame) -> go.Figure:
    """A dot per chance with its interval, in the table's order from the top.

    Args:
        table: Columns: `title`, `score`, `low`, `high` (0 to 1; the last two may be empty).
    """
    rows = table.iloc[::-1]
    titles = [cut(title, 30) for title in rows["title"]]
    score = rows["score"].to_numpy(dtype=float)
    low, high = (rows[name].to_numpy(dtype=float) for name in ("low", "high"))
    drawn = figure(54 + 32 * max(len(rows), 1))
    drawn.add_traces(
        [
            # The interval is what was seen of such users; a score may lie beside it.
            {
                "type": "scatter",
                "x": np.column_stack([low, high, np.full(len(rows), np.nan)]).ravel(),
                "y": np.repeat(titles, 3),
                "mode": "lines",
                "line": {"color": SERIES[7], "width": 6},
                "opacity": 0.55,
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "x": score,
                "y": titles,
                "mode": "markers",
                "marker": {"size": 11, "color": SERIES[0]},
                "text": [
                    "no interval" if np.isnan(one) else f"{one:.0%} to {other:.0%}"
                    for one, other in zip(low.tolist(), high.tolist(), strict=True)
                ],
                "hovertemplate": "%{y}: %{x:.1%} (%{text})<extra></extra>",
            },
        ]
    )
    most = float(np.nanmax(np.concatenate([high, score]))) if len(rows) else 1.0
    drawn.update_layout(
        xaxis={"tickformat": ".0%", "range": [0, min(1.02, 1.1 * most) if most else 1], "showgrid": True},
        yaxis={"type": "category", "showgrid": True, "range": [-0.6, max(len(rows), 1) - 0.4]},
    )
    return drawn


def read_chances(table: pd.DataFrame) -> Text:
    """The likeliest, with its interval.

    Args:
        table: As `chances`, all of them, the likeliest first.
    """
    if table.empty:
        return text("There is no chance to show.")
    first = table.iloc[0]
    said = text("The likeliest of {n}: {title}, {score}", n=len(table), title=str(first["title"]),
                score=percent(float(first["score"])))  # fmt: skip
    if pd.isna(first["low"]) or pd.isna(first["high"]):
        return text("{said}.", said=said)
    return text(
        "{said}; of users with such a chance, {low} to {high} did it in the test weeks.",
        said=said,
        low=percent(float(first["low"])),
        high=percent(float(first["high"])),
    )


def occlusions(table: pd.DataFrame) -> go.Figure:
    """Bars to both sides: by how much each figure raises or lowers a score, in the table's order.

    Args:
        table: Columns: `title`, `value`, `typical` (text), `change` (score less the score with that
            figure typical), `unit` (`chance`, `money` or `days`).
    """
    rows = table.iloc[::-1]
    change = rows["change"].astype(float).to_numpy()
    drawn = figure(54 + 34 * max(len(rows), 1))
    drawn.add_traces(
        [
            {
                "type": "bar",
                "orientation": "h",
                "x": change,
                "y": [cut(title, 30) for title in rows["title"]],
                "marker": {"color": [SERIES[0] if one > 0 else SERIES[1] for one in change]},
                "text": [
                    moved(one, str(unit)) for one, unit in zip(change.tolist(), rows["unit"], strict=True)
                ],
                "textposition": "outside",
                "cliponaxis": False,
                "customdata": [
                    f"theirs {cut(one['value'])}, typical {cut(one['typical'])}"
                    for one in rows.to_dict("records")
                ],
                "hovertemplate": "%{y}: %{text}<br>%{customdata}<extra></extra>",
            }
        ]
    )
    most = float(np.abs(change).max()) if len(rows) else 1.0
    low, high = float(min(change.min(), 0)), float(max(change.max(), 0))
    drawn.update_layout(
        xaxis={"visible": True, "showticklabels": False, "showgrid": False, "zeroline": True,
               "range": [low - 0.3 * most, high + 0.3 * most]},
        yaxis={"type": "category"},
    )  # fmt: skip
    return drawn


def moved(change: float, unit: str) -> str:
    """A change as it stands beside a bar: points of a chance, money, or days."""
    sign = "+" if change > 0 else "−"
    if unit == _CHANCE:
        return f"{sign}{100 * abs(change):.1f} points"
    return f"{sign}{significant(abs(change))}{' days' if unit == 'days' else ''}"


def if_typical(table: pd.DataFrame) -> list[Text]:
    """Each row as a sentence: what the score would be if one figure were as it is with most users.

    Args:
        table: As `occlusions`.
    """
    said = []
    for row in table.to_dict("records"):
        change = float(row["change"])
        much = moved(abs(change), str(row["unit"])).removeprefix("+")
        said.append(
            text(
                "It would be {much} "
                + ("lower" if change > 0 else "higher")
                + " if '{title}' were typical ({typical}); theirs is {value}.",
                much=much,
                title=str(row["title"]),
                typical=str(row["typical"]),
                value=str(row["value"]),
            )
        )
    return said


def read_occlusions(table: pd.DataFrame, score: str) -> Text:
    """What raises a score most and what lowers it most.

    Args:
        table: As `occlusions`.
        score: What is scored, as it is said in a sentence.
    """
    change = table["change"].to_numpy(dtype=float)
    parts = []
    for direction, place in (("raises", int(change.argmax())), ("lowers", int(change.argmin()))):
        one = table.iloc[place]
        amount = float(one["change"])
        if (amount > 0) == (direction == "raises") and amount:
            parts.append(
                text("{title} " + direction + " it most ({moved})", title=str(one["title"]),
                     moved=moved(amount, str(one["unit"])))
            )  # fmt: skip
    if len(parts) == 2:
        return text(
            "{score}, against a typical user: {one}, {other}.", score=score, one=parts[0], other=parts[1]
        )
    return text(
        "{score}, against a typical user: {one}.", score=score, one=parts[0] if parts else "nothing moves it"
    )
