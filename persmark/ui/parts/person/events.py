"""What a user did: a timeline, and every event behind it, page by page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from persmark import profiles
from persmark.profiles import person
from persmark.store import Reader, Workspace, workspace_name
from persmark.text import text
from persmark.ui import charts
from persmark.ui.cache import cached
from persmark.ui.cache import reader as published
from persmark.ui.charts.person import lane_title
from persmark.ui.refusals import shown
from persmark.ui.show import show_chart
from persmark.ui.tables import csv_bytes, show_table
from persmark.ui.words import note, section

SPANS = {"All": None, "1 year": 365, "90 days": 90, "30 days": 30, "7 days": 7}
PAGE_ROWS = 50
_ALL_ROWS = 1_000_000
_EVERY_TYPE = "All types"


def _timeline(_: Workspace, reader: Reader, user_id: str, since: datetime | None) -> person.Timeline:
    return person.timeline(reader, user_id, since=since)


def _page(
    _: Workspace,
    reader: Reader,
    user_id: str,
    page: int,
    only: tuple[str | None, datetime | None, datetime | None],
) -> pd.DataFrame:
    event_type, since, until = only
    found: pd.DataFrame = person.events_page(
        reader, user_id, page=page, rows=PAGE_ROWS, event_type=event_type, since=since, until=until
    ).to_pandas()
    return found


def _every(reader: Reader, user_id: str) -> pd.DataFrame:
    """All events, for a download: too many to be remembered."""
    found: pd.DataFrame = profiles.user_history(reader, user_id, _ALL_ROWS).to_pandas()
    return found


def local(moments: pd.Series[Any], zone: str) -> pd.Series[Any]:
    """UTC times as the workspace's clock shows them."""
    aware = pd.to_datetime(moments).dt.tz_localize("UTC").dt.tz_convert(ZoneInfo(zone))
    return aware.dt.tz_localize(None)


def _drawn(found: person.Timeline, zone: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events and sessions with the local time at which they are drawn."""
    events, sessions = found.events.to_pandas(), found.sessions.to_pandas()
    if found.grain == "moment":
        return (
            events.assign(at=local(events["event_time"], zone)),
            sessions.assign(at=local(sessions["started_at"], zone)),
        )
    return (
        events.assign(at=pd.to_datetime(events["local_date"])),
        sessions.assign(at=pd.to_datetime(sessions["local_date"])),
    )


def _listed(events: pd.DataFrame, currency_shown: bool) -> pd.DataFrame:
    """The rows behind the chart, the latest first."""
    columns = ["at", "event_type", "n_events", "n_items", "value"]
    columns += ["currency"] if currency_shown else []
    return events[[*columns, "order_id", "campaign_id", "channel"]].iloc[::-1].reset_index(drop=True)


@st.fragment
def show_timeline(workspace: Workspace, user_id: str) -> None:
    """The chart, for a chosen span, and the events behind it."""
    with shown():
        section(
            "What they did",
            text("Local time of {zone}. Drag across the chart to zoom, double-click to see all again; "
                "click a mark for its events.",
                 zone=workspace.time_zone),
        )  # fmt: skip
        span = st.segmented_control(
            "Time shown", list(SPANS), default="All", key="span", required=True, bind="query-params"
        )
        as_of = workspace.as_of() or datetime(1970, 1, 1)
        days = SPANS[str(span)]
        since = None if days is None else as_of - timedelta(days=days)
        found = cached(_timeline, workspace, user_id, since)
        events, sessions = _drawn(found, workspace.time_zone)
        if events.empty:
            note(text("No events in the last {n} days of the data.", n=days or 0))
            return
        picked = show_chart(
            charts.timeline(events, sessions, found.grain),
            charts.read_timeline(events, sessions, found.grain),
            _listed(events, events["currency"].nunique() > 1),
            "timeline",
            choose=True,
        )
        _show_events(workspace, user_id, found, since, _bounds(picked, found.grain, workspace.time_zone))


def _bounds(picked: dict[str, Any] | None, grain: str, zone: str) -> tuple[datetime, datetime] | None:
    """The UTC span of the day, week or month that a clicked mark stands for."""
    if not picked or not picked.get("x"):
        return None
    begin = pd.Timestamp(str(picked["x"])).normalize()
    end = begin + {"week": pd.DateOffset(weeks=1), "month": pd.DateOffset(months=1)}.get(
        grain, pd.DateOffset(days=1)
    )
    # Where the clock is turned at midnight, the day begins an hour later.
    both = pd.DatetimeIndex([begin, end]).tz_localize(
        ZoneInfo(zone), ambiguous=True, nonexistent="shift_forward"
    )
    first, last = both.tz_convert("UTC").tz_localize(None)
    return first.to_pydatetime(), last.to_pydatetime()


def _show_events(
    workspace: Workspace,
    user_id: str,
    found: person.Timeline,
    since: datetime | None,
    bounds: tuple[datetime, datetime] | None,
) -> None:
    """Every event, newest first, a page at a time; of the marked day where a mark is chosen."""
    counts = dict(sorted(found.n_by_type.items()))
    opened = st.expander(
        "The event" if found.n_events == 1 else f"All {found.n_events:,} events, page by page",
        type="compact",
        key="all_events",
        on_change="rerun",
    )
    if bounds is None and not opened.open:
        return
    with opened if bounds is None else st.container():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = st.selectbox(
                "Type",
                [_EVERY_TYPE, *counts],
                format_func=lambda name: (
                    name if name == _EVERY_TYPE else f"{lane_title(name)} · {counts[name]:,}"
                ),
                key="event_type",
                width=260,
            )
            event_type = None if chosen == _EVERY_TYPE else str(chosen)
            total = found.n_events if event_type is None else counts[event_type]
            last = max(1, -(-total // PAGE_ROWS))
            page = int(
                st.number_input("Page", 1, last, key=f"page-{user_id}-{chosen}", width=140)
                if bounds is None and last > 1
                else 1
            )
        begin, end = bounds or (since, None)
        rows = cached(_page, workspace, user_id, page, (event_type, begin, end))
        if bounds is not None:
            note(
                text(
                    "Events of the mark that was clicked, at most {n}; click beside it for all.", n=PAGE_ROWS
                )
            )
        elif last > 1:
            note(text("Page {page} of {last}: {n} events in all, the newest first.",
                      page=page, last=last, n=total))  # fmt: skip
        table = rows.assign(event_time=local(rows["event_time"], workspace.time_zone))
        show_table(table.rename(columns={"event_time": "local_time"}), "user-events", download=False)
        st.download_button(
            "Download all events as CSV",
            lambda: csv_bytes(_every(published(workspace), user_id)),
            file_name=f"events-{workspace_name(user_id)}.csv",
            mime="text/csv",
            key="download-user-events",
            icon=":material/download:",
            on_click="ignore",
        )
