"""Charts of one explanation: a user's events by what they change, and by where the model looked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from persmark.recommend.profile_fields import field_title
from persmark.text import Text, text
from persmark.ui.charts.base import SEQUENTIAL, SERIES, cut, figure, safe
from persmark.ui.words import counted, percent, significant

FOR, AGAINST, NEITHER = SERIES[0], SERIES[1], SERIES[7]
DIVERGING: tuple[tuple[float, str], ...] = tuple((step / 9, f"#{21 + step:06d}") for step in range(10))
_MOST_DOT, _LEAST_DOT = 24.0, 4.0
_LABEL = 34
# Effects smaller than this part of the largest are not worth a bar or a count.
FAINT = 0.01
MOST_BARS = 12
MOST_ROWS = 30
MOST_HEADS_EVENTS = 30


def signed(value: float) -> str:
    """A change with its sign, in three digits; the minus is a minus."""
    if not value:
        return "0"
    return ("+" if value > 0 else "−") + significant(abs(value))


def day_of(at: pd.Timestamp | date) -> str:
    """A day as people write it."""
    return f"{at.day} {at:%b %Y}"


def event_label(title: object, at: pd.Timestamp | date, event_type: str = "", length: int = _LABEL) -> str:
    """An event beside a bar: what it was on, what was done where that differs, and its day."""
    done = f" · {safe(event_type.replace('_', ' '))}" if event_type else ""
    return f"{cut(title, length)}{done} · {at.day} {at:%b %y}"


def _tones(effects: np.ndarray) -> list[str]:
    faint = FAINT * float(np.abs(effects).max(initial=0.0))
    return [FOR if one > faint else AGAINST if one < -faint else NEITHER for one in effects]


def _sizes(amounts: np.ndarray) -> np.ndarray:
    most = float(amounts.max(initial=0.0)) or 1.0
    sized: np.ndarray = _LEAST_DOT + (_MOST_DOT - _LEAST_DOT) * np.sqrt(amounts / most)
    return sized


def _hover(events: pd.DataFrame) -> list[str]:
    said = []
    for row in events.to_dict("records"):
        parts = [
            f"<b>{cut(row['title'], 60)}</b>",
            f"{safe(row['event_type'])}, {row['at']:%Y-%m-%d %H:%M}",
            f"changes the score by {signed(float(row['occlusion']))}",
            f"rank without it: {int(row['rank_without']):,}",
        ]
        if row["attention_weight"] is not None and not pd.isna(row["attention_weight"]):
            parts.append(f"weight {percent(float(row['attention_weight']))}")
        said.append("<br>".join(parts))
    return said


def pulls(events: pd.DataFrame, *, weights_first: bool = False) -> go.Figure:
    """Events over time as dots: how high and how large says how much each changes the item's score.

    With weights there is a second row of dots, as high and as large as the weight.

    Args:
        events: Columns: `at` (local time), `title`, `event_type`, `occlusion` (signed),
            `attention_weight` (0 to 1, null where there are none), `rank_without`; oldest first.
        weights_first: Whether the row of weights stands on top.
    """
    weighted = bool(events["attention_weight"].notna().any())
    effects = events["occlusion"].to_numpy(dtype=float)
    said = _hover(events)
    # Those that change most are drawn last, over the others.
    order = np.argsort(np.abs(effects), kind="stable")
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": events["at"].to_numpy()[order],
            "y": effects[order],
            "marker": {
                "size": _sizes(np.abs(effects))[order],
                "color": [_tones(effects)[place] for place in order],
                "opacity": 0.72,
                "line": {"width": 0},
            },
            "text": [said[place] for place in order],
            "hovertemplate": "%{text}<extra></extra>",
        }
    ]
    if weighted:
        weights = events["attention_weight"].astype(float).fillna(0.0).to_numpy()
        order = np.argsort(weights, kind="stable")
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": events["at"].to_numpy()[order],
                "y": weights[order],
                "yaxis": "y2",
                "marker": {
                    "size": _sizes(weights)[order],
                    "color": SERIES[6],
                    "opacity": 0.72,
                    "line": {"width": 0},
                },
                "text": [said[place] for place in order],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    drawn = figure(420 if weighted else 280)
    drawn.add_traces(traces)
    top, below = [0.56, 1.0], [0.0, 0.42]
    room = 0.12 * (float(np.ptp(np.append(effects, 0.0))) or 1.0)
    drawn.update_layout(
        xaxis={"type": "date", "range": _reach(events["at"]), "showgrid": False},
        yaxis={
            "title": {"text": "changes the score by", "font": {"size": 12}},
            "zeroline": True,
            "zerolinewidth": 1,
            "zerolinecolor": NEITHER,
            "range": [min(0.0, float(effects.min(initial=0.0))) - room,
                      max(0.0, float(effects.max(initial=0.0))) + room],
            "nticks": 5,
            "domain": (below if weights_first else top) if weighted else [0.0, 1.0],
        },
    )  # fmt: skip
    if weighted:
        drawn.update_layout(
            yaxis2={
                "title": {"text": "where it looked", "font": {"size": 12}},
                "tickformat": ".0%",
                "rangemode": "tozero",
                "nticks": 4,
                "automargin": True,
                "fixedrange": True,
                "zeroline": False,
                "domain": top if weights_first else below,
            }
        )
        drawn.update_layout(xaxis_anchor="y" if weights_first else "y2")
    return drawn


def _reach(at: pd.Series) -> list[pd.Timestamp]:
    first, last = pd.Timestamp(at.min()), pd.Timestamp(at.max())
    room = max((last - first) * 0.02, timedelta(days=1))
    return [first - room, last + room]


def read_pulls(events: pd.DataFrame, title: str) -> Text:
    """How many events speak for the item, how many against, and which one most."""
    effects = events["occlusion"].to_numpy(dtype=float)
    faint = FAINT * float(np.abs(effects).max(initial=0.0))
    n_for, n_against = int((effects > faint).sum()), int((effects < -faint).sum())
    if not n_for and not n_against:
        return counted(
            len(events),
            "The one event changes nothing for {title}.",
            "None of the {n} events changes anything for {title}.",
            title=title,
        )
    best = events.iloc[int(effects.argmax() if n_for else effects.argmin())]
    return (
        text("{n} of {m} events speak for {title} and {against} against it; most for it: {what} on {day}.",
             n=n_for, m=len(events), against=n_against, title=title, what=str(best["title"]),
             day=day_of(best["at"]))
        if n_for
        else text("No event speaks for {title}, {against} of {m} speak against it; most: {what} on {day}.",
                  m=len(events), against=n_against, title=title, what=str(best["title"]),
                  day=day_of(best["at"]))
    )  # fmt: skip


def largest(events: pd.DataFrame, column: str = "occlusion", n: int = MOST_BARS) -> pd.DataFrame:
    """The rows that say most, either way, the strongest first; those that say nothing are left out."""
    size = events[column].astype(float).abs()
    kept = events[size > FAINT * (float(size.max()) if len(size) else 0.0)]
    order = kept[column].astype(float).abs().sort_values(ascending=False, kind="stable").index
    return kept.loc[order].head(n).reset_index(drop=True)


def bars_of(labels: Sequence[str], values: Sequence[float], *, share: bool = False) -> go.Figure:
    """Horizontal bars from the top down, by sign; labels may repeat.

    Args:
        labels: Safe already.
        values: Signed, or with `share` 0 to 1.
        share: Whether they are weights.
    """
    n = len(labels)
    held = np.asarray(values, float)
    drawn = figure(46 + 26 * max(n, 1))
    drawn.add_bar(
        x=held,
        y=list(range(n))[::-1],
        orientation="h",
        marker={"color": SERIES[6] if share else [FOR if one > 0 else AGAINST for one in held]},
        text=[percent(one) if share else signed(one) for one in held],
        textposition="outside",
        cliponaxis=False,
        hovertext=list(labels),
        hovertemplate="%{hovertext}: %{text}<extra></extra>",
    )
    least, most = min(float(held.min(initial=0.0)), 0.0), max(float(held.max(initial=0.0)), 0.0)
    room = 0.24 * ((most - least) or 1.0)
    drawn.update_xaxes(visible=False, range=[least - (room if least < 0 else 0), most + room])
    drawn.update_yaxes(
        tickvals=list(range(n))[::-1], ticktext=list(labels), range=[-0.6, n - 0.4], showgrid=False
    )
    return drawn


def strongest(events: pd.DataFrame, *, weights: bool = False) -> go.Figure:
    """Bars of the events that change the score most, or with `weights` that were looked at most."""
    rows = largest(events, "attention_weight" if weights else "occlusion")
    several = events["event_type"].nunique() > 1
    labels = [
        event_label(
            row["title"], row["at"], str(row["event_type"]) if several else "", 28 if several else _LABEL
        )
        for row in rows.to_dict("records")
    ]
    column = "attention_weight" if weights else "occlusion"
    return bars_of(labels, rows[column].astype(float).tolist(), share=weights)


def read_strongest(events: pd.DataFrame, rank: int, *, weights: bool = False) -> Text:
    """The strongest event and what would become of the rank without it, or where most of the weight lies."""
    rows = largest(events, "attention_weight" if weights else "occlusion")
    if rows.empty:
        return text("No event changes its score.") if not weights else text("Nothing was looked at.")
    first = rows.iloc[0]
    if weights:
        top = rows["attention_weight"].astype(float).head(5)
        return text(
            "{share} of the attention lies on {n} of {m} events, most of it ({most}) on {what}.",
            share=percent(float(top.sum())), n=len(top), m=len(events), most=percent(float(top.iloc[0])),
            what=str(first["title"]),
        )  # fmt: skip
    said = text(
        "Most: {what} on {day} changes its score by {change}; without it, it would be number {without}"
        " instead of {rank}.",
        what=str(first["title"]), day=day_of(first["at"]), change=signed(float(first["occlusion"])),
        without=int(first["rank_without"]), rank=rank,
    )  # fmt: skip
    if int(first["rank_without"]) == rank:
        said = text(
            "Most: {what} on {day} changes its score by {change}; without it, it would still be number"
            " {rank}.",
            what=str(first["title"]), day=day_of(first["at"]), change=signed(float(first["occlusion"])),
            rank=rank,
        )  # fmt: skip
    return said


def fields_of(table: pd.DataFrame, column: str) -> go.Figure:
    """Bars of profile fields, strongest first.

    Args:
        table: Columns: `field`, and `occlusion` (signed) or `attention_weight` (0 to 1).
        column: Which of the two.
    """
    rows = largest(table, column)
    labels = [cut(field_title(str(name)), _LABEL) for name in rows["field"]]
    return bars_of(labels, rows[column].astype(float).tolist(), share=column == "attention_weight")


def read_fields(table: pd.DataFrame, column: str) -> Text:
    """The field that says most."""
    rows = largest(table, column)
    if rows.empty:
        return text("No field of the profile changes the score.")
    name, value = field_title(str(rows["field"].iloc[0])), float(rows[column].iloc[0])
    if column == "attention_weight":
        return text("Of {n} fields, most attention ({share}) lies on {name}.",
                    n=len(table), share=percent(value), name=name)  # fmt: skip
    return text("Of {n} fields, {name} changes the score most, by {change}.",
                n=len(table), name=name, change=signed(value))  # fmt: skip


def matrix(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], said: str, *, share: bool = False
) -> go.Figure:
    """A heatmap of events (or heads) by items, the first row on top.

    Args:
        values: (n_rows, n_columns) signed changes, or with `share` weights of 0 to 1.
        rows: Labels, safe already.
        columns: Labels, safe already.
        said: What a cell is, under the pointer.
        share: Whether they are weights.
    """
    most = float(np.abs(values).max(initial=0.0)) or 1.0
    n_rows, n_columns = values.shape
    drawn = figure(110 + 21 * max(n_rows, 1))
    shown = [[percent(one) if share else signed(one) for one in row] for row in values.tolist()]
    # What changes next to nothing is left blank, so that the pulls stand out.
    strong = np.abs(values) > FAINT * most
    drawn.add_heatmap(
        z=np.where(strong, values, np.nan),
        x=list(range(n_columns)),
        y=list(range(n_rows)),
        text=shown,
        hovertext=[[f"{row}<br>{column}" for column in columns] for row in rows],
        hovertemplate="%{hovertext}<br>" + said + " %{text}<extra></extra>",
        colorscale=list(SEQUENTIAL) if share else list(DIVERGING),
        zmin=0 if share else -most,
        zmax=most,
        hoverongaps=False,
        xgap=1,
        ygap=1,
        showscale=True,
        colorbar={
            "thickness": 10,
            "len": 0.9,
            "tickvals": [0, most] if share else [-most, 0, most],
            "ticktext": ["0%", percent(most)] if share else [signed(-most), "0", signed(most)],
        },
    )
    drawn.update_xaxes(tickvals=list(range(n_columns)), ticktext=list(columns), side="top", showgrid=False)
    drawn.update_yaxes(
        tickvals=list(range(n_rows)), ticktext=list(rows), autorange="reversed", showgrid=False
    )
    return drawn


def read_matrix(values: np.ndarray, rows: Sequence[str], columns: Sequence[str], *, share: bool) -> Text:
    """The pair that says most, and how much of the whole the first few events are."""
    if not values.size or not np.abs(values).max():
        return text("No event changes the score of any of these items.")
    row, column = divmod(int(np.abs(values).argmax()), values.shape[1])
    if share:
        return text(
            "The heaviest look: {event} for {item}, {share} of its attention.",
            event=rows[row], item=columns[column], share=percent(float(values[row, column])),
        )  # fmt: skip
    return text("The strongest pull: {event} on {item}, {change}.",
                event=rows[row], item=columns[column], change=signed(float(values[row, column])))  # fmt: skip


def read_heads(values: np.ndarray, heads: Sequence[str], n_events: int) -> Text:
    """Which head looks at fewest events: those that hold half of its attention."""
    if not values.size:
        return text("There are no heads to show.")
    n_half = [int(np.searchsorted(np.cumsum(np.sort(row)[::-1]), 0.5 * row.sum()) + 1) for row in values]
    at = int(np.argmin(n_half))
    return text(
        "{n} heads over {m} events; the most focused, {head}, has half of its attention on {k}.",
        n=len(heads), m=n_events, head=heads[at], k=n_half[at],
    )  # fmt: skip
