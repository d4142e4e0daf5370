"""Moments that are kept for a migration: working one out, choosing two of them, letting one go."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from persmark import actions, segments
from persmark.store import Workspace
from persmark.text import Text, text
from persmark.ui import state
from persmark.ui.progress import job_panel, started
from persmark.ui.tables import show_table
from persmark.ui.words import local_day, note, notes, plain, section, words

VERBS = ("snapshot",)
_DAYS_BACK = 28
_DATE, _UPLOAD = "A date", "Before an upload"


def title_of(moment: segments.Snapshot, time_zone: str) -> Text:
    """A kept moment by the workspace's clock."""
    day = local_day(moment.as_of, time_zone)
    if moment.snapshot_id == segments.PUBLISHED:
        return text("Now: profiles as of {day}", day=day)
    if moment.before is not None:
        return text("Before the upload of {name}, as of {day}", name=moment.before, day=day)
    return text("End of {day}", day=day)


def end_of(day: date, time_zone: str) -> datetime:
    """The last second of a local day, UTC without zone."""
    local = datetime.combine(day, time(23, 59, 59), ZoneInfo(time_zone))
    return local.astimezone(UTC).replace(tzinfo=None)


def _ask(workspace: Workspace) -> None:
    """The form that works out another moment."""
    stats = workspace.stats("events")
    last = workspace.as_of()
    if last is None or not stats.get("first_event_time"):
        return
    first_day = local_day(datetime.fromisoformat(stats["first_event_time"]), workspace.time_zone)
    last_day = local_day(last, workspace.time_zone)
    found = segments.uploads(workspace)
    kind = _DATE
    if found:
        kind = str(
            st.segmented_control(
                "Which moment", [_DATE, _UPLOAD], default=_DATE, required=True, key="moment_kind"
            )
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if kind == _UPLOAD:
            source = st.selectbox(
                "Before the upload of", found, key="moment_upload",
                format_func=lambda one: f"{one.name} (no. {one.source_id}, {one.loaded_at[:10]})",
            )  # fmt: skip
            asked = actions.TakeSnapshot(before_source=source.source_id)
        else:
            day = st.date_input(
                "End of", value=max(first_day, last_day - timedelta(days=_DAYS_BACK)), min_value=first_day,
                max_value=last_day, key="moment_day",
            )  # fmt: skip
            chosen = day if isinstance(day, date) else last_day
            asked = actions.TakeSnapshot(as_of=end_of(chosen, workspace.time_zone).isoformat())
        if st.button("Work out this moment", key="take_snapshot", type="primary"):
            actions.start(workspace, state.actor(), asked)
            started("The profiles of that moment are being worked out.")


def ask(workspace: Workspace, kept: list[segments.Snapshot]) -> None:
    """Work out another moment, in the background; with what is kept already."""
    busy = job_panel(workspace, VERBS, "Working out the profiles of another moment")
    if not kept:
        note(
            "To see who moved, the profiles of an earlier moment are worked out once and kept: as of a "
            "date, or as "
            "things stood before an upload. It takes about as long as building the profiles."
        )
        if not busy:
            _ask(workspace)
        return
    with st.expander(
        f"Kept moments ({len(kept)} of at most {segments.MOST_KEPT}), and another one", type="compact"
    ):
        if not busy:
            _ask(workspace)
        table = pd.DataFrame(
            [
                {
                    "moment": words(title_of(one, workspace.time_zone)),
                    "n_users": one.n_users,
                    "worked_out_at": one.made_at,
                    "state": "data or settings changed since" if one.stale else "up to date",
                }
                for one in kept
            ]
        )
        place = show_table(table, "moments", choose=True, download=False)
        if place is None:
            note("The one worked out first goes when there are too many. Tick one to let it go now.")
        elif st.button("Let this moment go", key="drop_snapshot", icon=":material/delete:"):
            actions.run(workspace, state.actor(), actions.DropSnapshot(kept[place].snapshot_id))
            state.say_next("The moment is no longer kept.")
            st.rerun()


def choose(
    workspace: Workspace, kept: list[segments.Snapshot]
) -> tuple[segments.Snapshot, segments.Snapshot] | None:
    """The two moments to compare, what is stale about them said; None where they are the same."""
    every = {one.snapshot_id: one for one in (segments.published_snapshot(workspace), *kept)}

    def called(snapshot_id: int) -> str:
        one = every[snapshot_id]
        title = words(title_of(one, workspace.time_zone))
        return f"{title} · worked out {one.made_at[:10]}" if one in kept and one.stale else title

    left, right = st.columns(2)
    with left:
        first = st.selectbox(
            "From", [one.snapshot_id for one in kept], format_func=called, key="moment_before"
        )
    with right:
        second = st.selectbox("To", list(every), format_func=called, key="moment_after")
    before, after = every[int(first)], every[int(second)]
    said: list[Text | str] = []
    if before.as_of > after.as_of:
        said.append(
            "The first moment is the later one: what reads as entered was left, and the other way round."
        )
    for one in (before, after):
        if one.stale and one.snapshot_id == segments.PUBLISHED:
            said.append("The profiles of now are stale: rebuild them to see what the latest events changed.")
        elif one.stale:
            said.append(
                text(
                    "“{name}” is kept as it was worked out; events, items or settings have changed since. "
                    "Users whom an undone load or a correction took away still count there, and conditions "
                    "on events read today's events.",
                    name=title_of(one, workspace.time_zone),
                )
            )
    notes(said)
    _offer_again(workspace, [one for one in kept if one.stale and one in (before, after)])
    if before.snapshot_id == after.snapshot_id:
        note("Both are the same moment: choose another one.")
        return None
    return before, after


def _offer_again(workspace: Workspace, stale: list[segments.Snapshot]) -> None:
    """The button that works a stale moment out of today's data; the old one stays beside it."""
    for one in stale:
        if st.button(
            f"Work out “{plain(words(title_of(one, workspace.time_zone)))}” again",
            key=f"again-{one.snapshot_id}",
        ):
            asked = (
                actions.TakeSnapshot(as_of=one.as_of.isoformat())
                if one.up_to_source is None
                else actions.TakeSnapshot(before_source=one.up_to_source + 1)
            )
            actions.start(workspace, state.actor(), asked)
            started("The profiles of that moment are being worked out.")


def head() -> None:
    """What this view is about."""
    section(
        "Who moved", "One segment at two moments: who entered, who left, and why; every user counts once."
    )
