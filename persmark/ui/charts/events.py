"""Charts of what happened: events by day, type and hour."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import MAX_POINTS, SERIES, brief, colours, count_axis, cut, figure
from persmark.ui.words import percent

_DAYS_SHOWN = 400
_TYPES_STACKED = 6
_NAME_SHOWN = 28
OTHER = "other types"


def _by_period(by_day: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Days, or weeks or months where days would be too many to see or to send."""
    days = pd.to_datetime(by_day["local_date"])
    n_days = 0 if days.empty else (days.max() - days.min()).days + 1
    n_types = max(by_day["event_type"].nunique(), 1)
    period, name = days, "day"
    if n_days > _DAYS_SHOWN or n_days * n_types > MAX_POINTS:
        weekly = n_days / 7 * n_types <= MAX_POINTS and n_days <= _DAYS_SHOWN * 7
        period = days.dt.to_period("W" if weekly else "M").dt.start_time
        name = "week" if weekly else "month"
    dated = by_day.assign(period=period)
    grouped = dated.groupby(["period", "event_type"])["n_events"].sum().reset_index()
    return grouped, name


def _main_types(by_day: pd.DataFrame) -> pd.DataFrame:
    """The commonest types; the rest together, where a stack of all could not be read."""
    totals = by_day.groupby("event_type")["n_events"].sum().sort_values(ascending=False)
    if len(totals) <= _TYPES_STACKED + 1:
        return by_day
    kept = set(totals.index[:_TYPES_STACKED])
    return by_day.assign(event_type=[name if name in kept else OTHER for name in by_day["event_type"]])


def events_per_day(by_day: pd.DataFrame) -> go.Figure:
    """Stacked bars of events per day (week or month for long histories).

    Args:
        by_day: Columns: `local_date`, `event_type`, `n_events`.
    """
    grouped, _ = _by_period(_main_types(by_day))
    order = grouped.groupby("event_type")["n_events"].sum().sort_values(ascending=False).index.tolist()
    tones = colours([name for name in order if name != OTHER]) | {OTHER: SERIES[-1]}
    drawn = figure(300, legend=len(order) > 1)
    for event_type in order:
        rows = grouped[grouped["event_type"] == event_type]
        drawn.add_bar(
            x=rows["period"].to_numpy(),
            y=rows["n_events"].to_numpy(),
            name=cut(event_type, _NAME_SHOWN),
            marker={"color": tones[event_type], "line": {"width": 0}},
            hovertemplate="%{x|%Y-%m-%d}<br>%{y:,} " + cut(event_type, 60) + "<extra></extra>",
        )
    drawn.update_layout(barmode="stack", bargap=0.0 if grouped["period"].nunique() > 45 else 0.12)
    most = grouped.groupby("period")["n_events"].sum().max() if len(grouped) else 0
    count_axis(drawn, most)
    return drawn


def read_events_per_day(by_day: pd.DataFrame) -> Text:
    """The busiest period against the usual one."""
    grouped, name = _by_period(by_day)
    if grouped.empty:
        return text("There are no events yet.")
    totals = grouped.groupby("period")["n_events"].sum()
    return text(
        "A usual {period} holds {median} events (median of {n}); the busiest, {date}, holds {most}.",
        period=name,
        median=int(totals.median()),
        n=len(totals),
        date=pd.Timestamp(str(totals.idxmax())).date(),
        most=int(totals.max()),
    )


def event_types(by_type: pd.DataFrame) -> go.Figure:
    """Bars of events per type, longest on top.

    Args:
        by_type: Columns: `event_type`, `n_events`.
    """
    ordered = by_type.sort_values("n_events").tail(12)
    names = ordered["event_type"].tolist()
    tones = colours(by_type.sort_values("n_events", ascending=False)["event_type"].tolist())
    drawn = figure(60 + 34 * max(len(ordered), 1))
    drawn.add_bar(
        x=ordered["n_events"].to_numpy(),
        y=[cut(name, _NAME_SHOWN) for name in names],
        orientation="h",
        marker={"color": [tones[name] for name in names]},
        text=[brief(n) for n in ordered["n_events"]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:,}<extra></extra>",
    )
    most = float(ordered["n_events"].max()) if len(ordered) else 1.0
    drawn.update_xaxes(visible=False, range=[0, most * 1.3])
    return drawn


def read_event_types(by_type: pd.DataFrame) -> Text:
    """The commonest type and its share."""
    total = int(by_type["n_events"].sum())
    if not total:
        return text("There are no events yet.")
    first = by_type.sort_values("n_events", ascending=False).iloc[0]
    return text(
        "{share} of the {n} events are '{event_type}'; there are {n_types} types."
        if len(by_type) > 1
        else "All {n} events are '{event_type}'.",
        share=percent(float(first["n_events"]) / total),
        n=total,
        event_type=first["event_type"],
        n_types=len(by_type),
    )


def hours(by_hour: pd.DataFrame) -> go.Figure:
    """Bars of events by local hour.

    Args:
        by_hour: Columns: `local_hour`, `n_events` (and `event_type`, summed over).
    """
    totals = by_hour.groupby("local_hour")["n_events"].sum().reindex(range(24), fill_value=0)
    drawn = figure(220)
    drawn.add_bar(
        x=totals.index.to_numpy(),
        y=totals.to_numpy(),
        marker={"color": SERIES[0]},
        hovertemplate="%{x}:00 to %{x}:59: %{y:,}<extra></extra>",
    )
    drawn.update_xaxes(tickvals=list(range(0, 24, 6)), ticktext=[f"{hour}:00" for hour in range(0, 24, 6)])
    count_axis(drawn, totals.max())
    return drawn


def read_hours(by_hour: pd.DataFrame) -> Text:
    """The busiest hour, as the workspace's clock tells it."""
    totals = by_hour.groupby("local_hour")["n_events"].sum()
    if not int(totals.sum()):
        return text("There are no events yet.")
    return text(
        "The busiest hour is {hour}:00, with {share} of {n} events.",
        hour=int(totals.index[int(totals.to_numpy().argmax())]),
        share=percent(float(totals.max()) / float(totals.sum())),
        n=int(totals.sum()),
    )
