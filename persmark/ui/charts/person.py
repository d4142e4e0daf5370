"""One user's events over time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from persmark import columns
from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, colours, cut, figure, safe
from persmark.ui.words import counted

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
                # A mark of the last day stands on the edge, and whole.
                "cliponaxis": False,
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
