"""Charts of one user: events over time, attention beside spend, their figures among others' figures."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from persmark import columns
from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, colours, cut, figure, safe
from persmark.ui.words import counted, percent, significant

MOST_LANES = 12
_CONTACTS_MARKED = 24  # with a line; more of them would be a curtain
_MOST_DOT, _LEAST_DOT = 26.0, 6.0
_USUAL_COUNT = 8.0  # events; a lane of single ones is not drawn as large as one of orders
_SESSIONS = "Sessions"
# Top to bottom; types that are not named here come in between, by name.
_FIRST = (columns.PURCHASE, columns.REFUND, columns.CHECKOUT, columns.CART, columns.CLICK, columns.VIEW)
_LAST = (columns.COUPON_REDEEMED, columns.IMPRESSION, columns.CAMPAIGN_RECEIVED)
_SYMBOLS = {
    columns.CAMPAIGN_RECEIVED: "diamond",
    columns.COUPON_REDEEMED: "star",
    columns.REFUND: "x",
}
_PERIOD = {"moment": "", "day": "day", "week": "week", "month": "month"}
_LOW_QUARTER, _HIGH_QUARTER = 25, 75


def lane_title(event_type: str) -> str:
    """What a lane is called: `campaign_received` as people would write it."""
    return event_type.replace("_", " ").capitalize() if event_type in columns.EVENT_TYPES else event_type


def lanes(events: pd.DataFrame) -> list[str]:
    """Event types from top to bottom; of very many only the commonest."""
    totals = events.groupby("event_type")["n_events"].sum().sort_values(ascending=False, kind="stable")
    kept = [str(name) for name in totals.index[:MOST_LANES]]
    order = {name: place for place, name in enumerate((*_FIRST, None, *_LAST))}
    return sorted(kept, key=lambda name: (order.get(name, order[None]), name))


def _sizes(rows: pd.DataFrame) -> np.ndarray:
    """Diameters whose areas go with the money of a lane, or where it has none with the number of events."""
    money = rows["value"].astype(float).abs().fillna(0.0).to_numpy()
    amounts = money if money.any() else rows["n_events"].to_numpy(dtype=float)
    most = float(amounts.max()) if money.any() else max(float(amounts.max()), _USUAL_COUNT)
    sized: np.ndarray = _LEAST_DOT + (_MOST_DOT - _LEAST_DOT) * np.sqrt(amounts / most)
    return sized


def _money(value: object, currency: object) -> str:
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return ""
    return f"{float(str(value)):,.2f} {currency if isinstance(currency, str) else ''}".strip()


def _said(rows: pd.DataFrame, grain: str) -> list[str]:
    """What a mark says under the pointer."""
    form = "%Y-%m-%d %H:%M" if grain == "moment" else "%Y-%m-%d"
    since = {"week": "week from ", "month": "month from "}.get(grain, "")
    said = []
    for row in rows.to_dict("records"):
        parts = [
            since + row["at"].strftime(form),
            safe(f"{row['n_events']:,} × {lane_title(str(row['event_type']))}"),
        ]
        if row["n_items"] > 1:
            parts.append(f"{row['n_items']:,} different items")
        if isinstance(row["campaign_id"], str):
            more = f" and {row['n_campaigns'] - 1} more" if row["n_campaigns"] > 1 else ""
            parts.append(f"campaign {cut(row['campaign_id'])}{more}")
        parts.append(safe(_money(row["value"], row["currency"])))
        said.append("<br>".join(part for part in parts if part))
    return said


def timeline(
    events: pd.DataFrame,
    sessions: pd.DataFrame,
    grain: str,
    *,
    first: datetime | None = None,
    last: datetime | None = None,
) -> go.Figure:
    """Event types as lanes over time: money, or the number of events, is the area of a mark.

    Contacts and redeemed coupons have marks of their own, and each contact a line through all lanes, so
    that what came after it can be seen. Dragging across zooms, a double click goes back.

    Args:
        events: Columns: `at` (local time), `event_type`, `n_events`, `n_items`, `value`, `currency`,
            `campaign_id`, `n_campaigns`.
        sessions: Columns: `at` (local time), `n_sessions`, `n_events`.
        grain: `moment`, `day`, `week` or `month`: what a row is.
        first: Where the axis begins, local time; by default shortly before the first row.
        last: Where it ends.
    """
    names = lanes(events)
    tones = colours(names)
    titles = [cut(lane_title(name), 22) for name in names] + ([_SESSIONS] if len(sessions) else [])
    traces = [_contact_lines(events, titles)]
    for name, title in zip(names, titles, strict=False):
        rows = events[events["event_type"] == name]
        traces.append(
            {
                "type": "scatter",
                "x": rows["at"].to_numpy(),
                "y": [title] * len(rows),
                "mode": "markers",
                "marker": {
                    "color": tones[name],
                    "size": _sizes(rows),
                    "symbol": _SYMBOLS.get(name, "circle"),
                    "opacity": 0.72,
                    "line": {"width": 0},
                },
                "unselected": {"marker": {"opacity": 0.72}},
                "text": _said(rows, grain),
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    if len(sessions):
        traces.append(_session_marks(sessions))
    begin, end = _reach(events, first, last)
    drawn = figure(76 + 40 * len(titles))
    drawn.add_traces([trace for trace in traces if trace])
    # One layout in one go: each later change costs a page milliseconds.
    drawn.update_layout(
        dragmode="zoom",
        xaxis={"fixedrange": False, "type": "date", "range": [begin, end], "showgrid": False},
        yaxis={
            "type": "category",
            "categoryorder": "array",
            "categoryarray": titles[::-1],
            "range": [-0.6, len(titles) - 0.4],
            "showgrid": True,
        },
    )
    return drawn


def _contact_lines(events: pd.DataFrame, titles: list[str]) -> dict[str, Any]:
    """A dotted line through all lanes for each contact; nothing where they would be a curtain."""
    at = events.loc[events["event_type"] == columns.CAMPAIGN_RECEIVED, "at"].to_numpy()
    if not 0 < len(at) <= _CONTACTS_MARKED or len(titles) < 2:
        return {}
    # Up and down again, with a gap before the next one.
    ends: list[str | None] = [titles[0], titles[-1], None]
    return {
        "type": "scatter",
        "x": np.repeat(at, 3),
        "y": ends * len(at),
        "mode": "lines",
        "line": {"color": SERIES[5], "width": 1, "dash": "dot"},
        "opacity": 0.6,
        "hoverinfo": "skip",
    }


def _session_marks(sessions: pd.DataFrame) -> dict[str, Any]:
    """A stroke for each session, or each period that has any."""
    pairs = zip(sessions["n_sessions"].tolist(), sessions["n_events"].tolist(), strict=True)
    return {
        "type": "scatter",
        "x": sessions["at"].to_numpy(),
        "y": [_SESSIONS] * len(sessions),
        "mode": "markers",
        "marker": {"symbol": "line-ns", "size": 14, "line": {"width": 1.4, "color": SERIES[7]}},
        "unselected": {"marker": {"opacity": 1}},
        "text": [f"{n:,} sessions" if n > 1 else f"{m:,} events" for n, m in pairs],
        "hovertemplate": "%{x|%Y-%m-%d %H:%M}<br>%{text}<extra></extra>",
    }


def _reach(
    events: pd.DataFrame, first: datetime | None, last: datetime | None
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Both ends of the axis, with room for half a mark; a single moment stands in the middle of a month."""
    begin = pd.Timestamp(first) if first is not None else events["at"].min()
    end = pd.Timestamp(last) if last is not None else events["at"].max()
    if end - begin < timedelta(days=2):
        return begin - timedelta(days=15), end + timedelta(days=15)
    room = (end - begin) * 0.02
    return begin - room, end + room


def read_timeline(events: pd.DataFrame, sessions: pd.DataFrame, grain: str) -> Text:
    """How much there is, from when to when, what one mark is, and how much of it campaigns sent."""
    if events.empty:
        return text("There are no events in this time.")
    n_events = int(events["n_events"].sum())
    first, last = events["at"].min().date(), events["at"].max().date()
    contacts = events.loc[events["event_type"] == columns.CAMPAIGN_RECEIVED, "n_events"]
    sent, n_contacts = contacts.sum(), len(contacts)
    redeemed = events.loc[events["event_type"] == columns.COUPON_REDEEMED, "n_events"].sum()
    n_types = events["event_type"].nunique()
    parts = [
        counted(
            n_events, "One event, on {first}.", "{n} events from {first} to {last}.", first=first, last=last
        )
    ]
    if len(sessions) and n_events > 1:
        n_sessions = int(sessions["n_sessions"].sum())
        parts.append(counted(n_sessions, " They make one session.", " They make {n} sessions."))
    if n_events > 1:
        parts.append(
            text(" A mark is an order, or what happened at one moment.")
            if grain == "moment"
            else text(" A mark is all of one type in a {period}.", period=_PERIOD[grain])
        )
    marked = []
    if sent:
        lines = (
            " (dotted lines)" if 0 < n_contacts <= _CONTACTS_MARKED and n_types + len(sessions) > 1 else ""
        )
        marked.append(counted(int(sent), f"one contact{lines}", f"{{n}} contacts{lines}"))
    if redeemed:
        marked.append(counted(int(redeemed), "one redeemed coupon", "{n} redeemed coupons"))
    if len(marked) == 2:
        parts.append(text(" Marked are {one} and {other}.", one=marked[0], other=marked[1]))
    elif marked:
        parts.append(text(" Marked: {one}.", one=marked[0]))
    if n_types > MOST_LANES:
        parts.append(text(" The {n} commonest of {m} types are drawn.", n=MOST_LANES, m=n_types))
    return text("".join(f"{{p{place}}}" for place in range(len(parts))),
                **{f"p{place}": part for place, part in enumerate(parts)})  # fmt: skip


def attention(shares: pd.DataFrame) -> go.Figure:
    """Pairs of bars: share of attention above share of spend, in the table's order from the top.

    Args:
        shares: Columns: `name`, `attention_share`, `spend_share` (0 to 1, null where nothing is spent).
    """
    rows = shares.iloc[::-1]
    spent = bool(rows["spend_share"].notna().any())
    drawn = figure(64 + (46 if spent else 30) * max(len(rows), 1), legend=spent)
    labels = [cut(name, 30) for name in rows["name"]]
    series = [("attention_share", "Share of attention", 0)]
    # Bars of a group stand bottom up, the legend left to right.
    if spent:
        series.insert(0, ("spend_share", "Share of spend", 1))
    for column, title, place in series:
        values = rows[column].astype(float).fillna(0.0).to_numpy()
        drawn.add_bar(
            x=values,
            y=labels,
            orientation="h",
            name=title,
            marker={"color": SERIES[place]},
            text=[f"{value:.0%}" if value >= 0.01 or not value else "<1%" for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.1%}<extra>" + title + "</extra>",
        )
    most = (
        float(np.nanmax(rows[["attention_share", "spend_share"]].astype(float).to_numpy()))
        if len(rows)
        else 1
    )
    drawn.update_layout(barmode="group", bargap=0.3, bargroupgap=0.08, legend={"traceorder": "reversed"})
    drawn.update_xaxes(visible=False, range=[0, (most or 1.0) * 1.2])
    drawn.update_yaxes(type="category")
    return drawn


def read_attention(shares: pd.DataFrame) -> Text:
    """What has most of the attention, and its part of the money.

    Args:
        shares: As `attention`, all rows, most attention first.
    """
    if shares.empty:
        return text("There is no attention to show.")
    first = shares.iloc[0]
    spend = first["spend_share"]
    said = text(
        "Most attention goes to {name}: {share} of it, of {n} names in all.",
        name=str(first["name"]),
        share=percent(float(first["attention_share"])),
        n=len(shares),
    )
    if pd.isna(spend):
        return said
    return text("{said} It has {spend} of the money.", said=said, spend=percent(float(spend)))


def standing(table: pd.DataFrame) -> go.Figure:
    """A strip per figure: where the user stands among the compared users, from 0 (least) to 100 (most).

    The middle half of the compared users is shaded; the user's own value stands at the right, with the
    median in brackets.

    Args:
        table: Columns: `title`, `value`, `median`, `unit`, `percentile` (0 to 1), `n_users`; from the top.
    """
    rows = table[table["percentile"].notna()].iloc[::-1]
    titles = [cut(title, 30) for title in rows["title"]]
    place = 100 * rows["percentile"].astype(float).to_numpy()
    outside = (place < _LOW_QUARTER) | (place > _HIGH_QUARTER)
    said = rows.to_dict("records")
    span = [-0.7, max(len(rows), 1) - 0.3]
    drawn = figure(58 + 30 * max(len(rows), 1))
    drawn.add_traces(
        [
            {
                "type": "bar",
                "orientation": "h",
                "x": np.repeat(100.0, len(rows)),
                "y": titles,
                "yaxis": "y2",
                "width": 0.04,
                "marker": {"color": SERIES[7], "opacity": 0.3},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "x": np.repeat(50.0, len(rows)),
                "y": titles,
                "mode": "markers",
                "marker": {"symbol": "line-ns", "size": 15, "line": {"width": 1.5, "color": SERIES[7]}},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "x": place,
                "y": titles,
                "mode": "markers",
                "marker": {"size": 13, "color": [SERIES[1] if far else SERIES[0] for far in outside]},
                "text": [
                    f"{_both(one, ', median ', '')}<br>at {one['percentile']:.0%} of {one['n_users']:,} users"
                    for one in said
                ],
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            },
        ]
    )
    drawn.update_layout(
        shapes=[
            {"type": "rect", "xref": "x", "yref": "paper", "x0": _LOW_QUARTER, "x1": _HIGH_QUARTER,
             "y0": 0, "y1": 1, "layer": "below", "fillcolor": SERIES[7], "opacity": 0.14,
             "line": {"width": 0}}
        ],
        xaxis={
            "range": [-2, 102],
            "tickvals": [0, 25, 50, 75, 100],
            "ticktext": ["least", "25%", "median", "75%", "most"],
            "showgrid": False,
        },
        yaxis={"type": "category", "showgrid": False, "range": span},
        # The tracks hang on a second axis, so that the figures have the room that they need.
        yaxis2={
            "type": "category",
            "overlaying": "y",
            "side": "right",
            "range": span,
            "tickvals": titles,
            "ticktext": [_both(one, " (", ")") for one in said],
            "showgrid": False,
            "automargin": True,
            "fixedrange": True,
        },
    )  # fmt: skip
    return drawn


def _both(one: Mapping[Hashable, object], between: str, behind: str) -> str:
    """A user's figure and the others' median."""
    unit = str(one["unit"])
    return f"{figure_of(one['value'], unit)}{between}{figure_of(one['median'], unit)}{behind}"


def figure_of(value: object, unit: str = "") -> str:
    """A figure as people read it: whole numbers whole, shares in percent, others in three digits."""
    number = float(str(value))
    if unit == "share":
        return percent(number)
    return f"{number:,.0f}" if number.is_integer() else significant(number)


def read_standing(table: pd.DataFrame, others: Text | str) -> Text:
    """The two figures that lie furthest from the middle.

    Args:
        table: As `standing`, with `n_less` and `n_equal`.
        others: Whom the user is compared with, as it is said in a sentence.
    """
    rows = table[table["percentile"].notna()].copy()
    if rows.empty:
        return text("There is no figure to compare.")
    rows["far"] = (rows["percentile"].astype(float) - 0.5).abs()
    first = rows.sort_values("far", ascending=False, kind="stable").iloc[0]
    n_far = int((rows["far"] > 0.25).sum())
    n, n_less = int(first["n_users"]), int(first["n_less"])
    high = float(first["percentile"]) >= 0.5
    apart = n_less if high else n - n_less - int(first["n_equal"])
    return text(
        "{m} of {k} figures lie outside the middle half of {others}; furthest out: {title}, "
        + (
            "more than {apart} of {n} users ({share})."
            if high
            else "less than {apart} of {n} users ({share})."
        ),
        m=n_far,
        k=len(rows),
        others=others,
        title=str(first["title"]),
        apart=apart,
        n=n,
        share=percent(apart / n),
    )
