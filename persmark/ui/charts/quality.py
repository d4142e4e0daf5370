"""Charts of data quality: days and their gaps, and how each source's events lie over the day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from persmark.text import Text, text
from persmark.ui.charts.base import SERIES, count_axis, cut, figure, safe
from persmark.ui.words import counted, percent

_DAYS_SHOWN = 1_500
_GAPS_MARKED = 60
_SOURCES_DRAWN = 7
_QUIET = SERIES[7]
_ONE_HOUR = 0.95  # share of events in one hour of the day from which on a source tells little of the time


@dataclass(frozen=True)
class _Gap:
    """A run of days without events."""

    first: pd.Timestamp
    last: pd.Timestamp
    n_days: int


def _gaps(by_day: pd.DataFrame) -> list[_Gap]:
    """Runs of days without events, the longest first."""
    days = pd.DatetimeIndex(pd.to_datetime(by_day["local_date"]))
    silent = np.flatnonzero(by_day["n_events"].to_numpy() == 0)
    runs = np.split(silent, np.flatnonzero(np.diff(silent) > 1) + 1)
    found = [_Gap(days[run[0]], days[run[-1]], len(run)) for run in runs if len(run)]
    return sorted(found, key=lambda gap: -gap.n_days)


def _by_period(by_day: pd.DataFrame) -> pd.DataFrame:
    """Days, or weeks where days would be too many to see."""
    days = pd.to_datetime(by_day["local_date"])
    dated = by_day.assign(period=days)
    if len(by_day) > _DAYS_SHOWN:
        dated = by_day.assign(period=days.dt.to_period("W").dt.start_time)
    return dated.groupby("period")["n_events"].sum().reset_index()


def volume(by_day: pd.DataFrame, whole: pd.DataFrame | None = None) -> go.Figure:
    """Events per day, with the days that have none marked.

    Args:
        by_day: Columns: `local_date`, `n_events`; every day, 0 where there are none.
        whole: The same of all sources, drawn faintly behind where one of them is looked at.
    """
    drawn = figure(260)
    most = 0
    for table, colour, name in ((whole, _QUIET, "all files"), (by_day, SERIES[0], "events")):
        if table is None or table.empty:
            continue
        rows = _by_period(table)
        most = max(most, int(rows["n_events"].max()))
        drawn.add_bar(
            x=rows["period"].to_numpy(),
            y=rows["n_events"].to_numpy(),
            marker={"color": colour, "line": {"width": 0}, "opacity": 0.35 if table is whole else 1.0},
            hovertemplate="%{x|%Y-%m-%d}<br>%{y:,} " + name + "<extra></extra>",
        )
    half = pd.Timedelta(hours=12)
    marks = [
        {
            "type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1,
            "x0": gap.first - half, "x1": gap.last + half,
            "fillcolor": SERIES[1], "opacity": 0.22, "line": {"width": 0}, "layer": "below",
        }
        for gap in _gaps(by_day)[:_GAPS_MARKED]
    ]  # fmt: skip
    drawn.update_layout(barmode="overlay", bargap=0.0 if len(by_day) > 45 else 0.12, shapes=marks)
    count_axis(drawn, most)
    return drawn


def read_volume(by_day: pd.DataFrame) -> Text:
    """How many days are missing, and the longest run of them."""
    if by_day.empty or not int(by_day["n_events"].sum()):
        return text("There are no events yet.")
    days = pd.to_datetime(by_day["local_date"])
    gaps = _gaps(by_day)
    usual = int(by_day.loc[by_day["n_events"] > 0, "n_events"].median())
    if not gaps:
        return text(
            "Every one of the {n} days from {first} to {last} has events; "
            "a usual day holds {usual} (median).",
            n=len(by_day), first=days.min().date(), last=days.max().date(), usual=usual,
        )  # fmt: skip
    return counted(
        gaps[0].n_days,
        "{silent} of {all} days have no events, never two in a row; a usual day holds {usual} (median).",
        "{silent} of {all} days have no events; the longest gap is {n} days, from {first} to {last}. "
        "A usual day holds {usual} (median).",
        silent=sum(gap.n_days for gap in gaps),
        all=len(by_day),
        first=gaps[0].first.date(),
        last=gaps[0].last.date(),
        usual=usual,
    )


def _largest(by_hour: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Sources, those with most events first: which tell the time, and which hardly more than the day."""
    totals = by_hour.groupby("source", sort=False)["n_events"].agg(["sum", "max"])
    totals = totals[totals["sum"] > 0].sort_values("sum", ascending=False, kind="stable")
    days_only = totals["max"] >= _ONE_HOUR * totals["sum"]
    if days_only.all():
        return [str(name) for name in totals.index], []
    return [str(n) for n in totals.index[~days_only]], [str(n) for n in totals.index[days_only]]


def source_hours(by_hour: pd.DataFrame) -> go.Figure:
    """Share of each source's events by local hour, one line a source; sources without times are left out.

    Args:
        by_hour: Columns: `source`, `local_hour` (0 to 23), `n_events`, `share` (0 to 1).
    """
    names = _largest(by_hour)[0][:_SOURCES_DRAWN]
    drawn = figure(260, legend=len(names) > 1)
    for place, name in enumerate(names):
        rows = by_hour[by_hour["source"] == name].sort_values("local_hour")
        drawn.add_scatter(
            x=rows["local_hour"].to_numpy(),
            y=rows["share"].to_numpy(),
            name=cut(name, 28),
            mode="lines",
            line={"color": SERIES[place], "width": 2.2},
            hovertemplate="%{x}:00, %{y:.1%} of " + safe(cut(name, 28)) + "<extra></extra>",
        )
    drawn.update_xaxes(tickvals=list(range(0, 24, 6)), ticktext=[f"{hour}:00" for hour in range(0, 24, 6)])
    drawn.update_yaxes(tickformat=".0%", rangemode="tozero")
    return drawn


def read_source_hours(by_hour: pd.DataFrame) -> Text:
    """The busiest hours of the two largest sources."""
    names, days_only = _largest(by_hour)
    if not names:
        return text("There are no events yet.")
    peaks = []
    for name in names[:2]:
        rows = by_hour[by_hour["source"] == name]
        top = int(rows["n_events"].to_numpy().argmax())
        hour, share = int(rows["local_hour"].to_numpy()[top]), float(rows["share"].to_numpy()[top])
        peaks.append((name, hour, share, int(rows["n_events"].sum())))
    left_out = counted(
        len(days_only),
        " '{first}' has nearly all its events in one hour of the day and is left out.",
        " {n} files have nearly all their events in one hour of the day and are left out.",
        first=days_only[0] if days_only else "",
    )
    rest = left_out if days_only else text("")
    (first, hour, share, n) = peaks[0]
    if len(peaks) == 1:
        return text(
            "The busiest hour is {hour}:00, with {share} of {n} events.{rest}",
            hour=hour, share=percent(share), n=n, rest=rest,
        )  # fmt: skip
    (second, other, *_) = peaks[1]
    apart = min((hour - other) % 24, (other - hour) % 24)
    return text(
        "'{first}' is busiest at {hour}:00, '{second}' at {other}:00, "
        + (
            "the same hour."
            if not apart
            else "{apart} hours apart: curves of one form that lie apart tell of clocks in two time zones."
            if apart > 1
            else "one hour apart."
        )
        + "{rest}",
        first=first, hour=hour, second=second, other=other, apart=apart, rest=rest,
    )  # fmt: skip
