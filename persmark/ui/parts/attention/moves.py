"""What people attend to, no model asked: shares in two periods, attention beside spend, contact fatigue."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import streamlit as st

from persmark import attention, segments
from persmark.errors import EmptyError
from persmark.settings import settings
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui.cache import cached
from persmark.ui.charts import attended as drawn
from persmark.ui.parts import segment_list
from persmark.ui.parts.saved import saved_versions
from persmark.ui.show import show_chart, side_by_side
from persmark.ui.words import escaped, local_day, note, section

_DAYS = 28
_DRAWN = 12
_SAID = 8
_DIMENSIONS = {
    "category": "Category", "brand": "Brand", "channel": "Channel", "hour": "Hour", "event_type": "Behaviour",
}  # fmt: skip
_CHANGES = [
    f"{figure}_{what}" for figure in ("attention", "dwell", "spend") for what in ("change", "low", "high")
]
NOT_CAUSED = (
    "This is no effect of the contacts: people who buy often are also written to often. "
    "Only a holdout tells what a contact does."
)


def _users(workspace: Workspace, segment: str) -> tuple[str, ...] | None:
    return None if segment == segments.EVERYONE else segment_list.members(workspace, segment)


def _shifts(
    workspace: Workspace,
    reader: Reader,
    dimension: str,
    periods: attention.Periods,
    segment: str,
    _saved: tuple[tuple[str, int], ...],
) -> pd.DataFrame | None:
    try:
        return attention.shifts(reader, dimension, periods, users=_users(workspace, segment))
    except EmptyError:
        return None


def _fatigue(
    workspace: Workspace, reader: Reader, days: int, segment: str, _saved: tuple[tuple[str, int], ...]
) -> pd.DataFrame:
    return attention.fatigue(reader, days, users=_users(workspace, segment))


def show_moves(workspace: Workspace) -> None:
    """All of the view."""
    section(
        "What do people attend to, and where is it moving?",
        "Shares of what the mean user did, in two periods; no recommender is asked.",
    )
    as_of = workspace.as_of()
    if as_of is None:
        note("There are no events to look at.")
        return
    with st.form("moves", border=True):
        left, right = st.columns(2)
        with left:
            segment = segment_list.pick(workspace, "Segment", key="moves_segment", first=segments.EVERYONE)
        with right:
            dimension = str(
                st.segmented_control(
                    "By", list(_DIMENSIONS), format_func=_DIMENSIONS.__getitem__, default="category",
                    key="moves_by", required=True,
                )
            )  # fmt: skip
        last = local_day(as_of, workspace.time_zone)
        begin = last - timedelta(days=_DAYS - 1)
        with left:
            before = st.date_input(
                "Before", (begin - timedelta(days=_DAYS), begin - timedelta(days=1)), key="moves_before"
            )
        with right:
            now = st.date_input("Now", (begin, last), key="moves_now")
        st.form_submit_button("Compare the periods", key="moves_go", icon=":material/compare_arrows:")
    if segment is None:
        note("There is no segment with users.")
        return
    ends = [*_ends(before), *_ends(now)]
    if len(ends) != 4:
        note("Choose the first and the last day of both periods.")
        return
    day = timedelta(days=1)
    periods = attention.Periods(ends[0], ends[1] + day, ends[2], ends[3] + day)
    _show_shifts(workspace, dimension, periods, segment)
    _show_fatigue(workspace, segment)


def _ends(chosen: object) -> list[date]:
    """First and last day of a range; one alone while it is being chosen."""
    return [one for one in chosen if isinstance(one, date)] if isinstance(chosen, tuple) else []


def _show_shifts(workspace: Workspace, dimension: str, periods: attention.Periods, segment: str) -> None:
    table = cached(_shifts, workspace, dimension, periods, segment, saved_versions(workspace))
    least = settings().privacy.smallest_group
    if table is None:
        note("Nobody of this segment was active in both periods: choose longer ones, or more users.")
        return
    n_users = int(table["n_users"].max())
    if n_users < least:
        note(text("Fewer than {n} users were active in both periods: not shown.", n=least))
        return
    told = table[table["n_attending"] >= least].reset_index(drop=True)
    n_few = len(table) - len(told)
    if told.empty:
        note(text("No name here has {n} users: not shown.", n=least))
        return
    rows = told.sort_values("name").reset_index(drop=True) if dimension == "hour" else told
    shown = rows if dimension == "hour" else rows.head(_DRAWN)
    left, right = side_by_side("moves", 1, 1)
    with left:
        show_chart(drawn.moved(shown), drawn.read_moved(told), told, "moved")
    with right:
        show_chart(
            drawn.changes(shown),
            text(
                "Lines are 95% intervals over users, wide enough for all {m} names at once; filled where "
                "0 is outside.",
                m=len(table),
            ),
            told[["name", *_CHANGES]],
            "changes",
        )
    note(
        text("{n} users were active in both periods; each counts the same.", n=n_users)
        if not n_few
        else text("{n} users were active in both periods; each counts the same. {k} names with fewer than "
                  "{least} users are left out.", n=n_users, k=n_few, least=least)
    )  # fmt: skip
    _show_rising(told)


def _show_rising(told: pd.DataFrame) -> None:
    section(
        "Attention rising before spend",
        "Attention has clearly risen, spend has not: what people may pay for next.",
    )
    rising = told[told["rising"].astype(bool)].sort_values("attention_change", ascending=False)
    if rising.empty:
        note("Nothing: no attention has clearly risen without spend rising too.")
        return
    rows = "".join(
        f"<li>{escaped(drawn.said_rising(row))}</li>" for row in rising.head(_SAID).to_dict("records")
    )
    st.html(f'<ul class="pm-plain-list">{rows}</ul>')
    if len(rising) > _SAID:
        note(text("{n} more are in the table.", n=len(rising) - _SAID))


def _show_fatigue(workspace: Workspace, segment: str) -> None:
    section("Do contacts tire?", "Share of campaign contacts that were answered, by how many came before.")
    days = int(
        st.segmented_control(
            "Contacts before it within", list(attention.WINDOWS), format_func=lambda one: f"{one} days",
            default=attention.WINDOWS[-1], key="fatigue_days", required=True,
        )
        or attention.WINDOWS[-1]
    )  # fmt: skip
    table = cached(_fatigue, workspace, days, segment, saved_versions(workspace))
    least = settings().privacy.smallest_group
    told = table[table["n_users"] >= least].reset_index(drop=True)
    if table.empty:
        note("Nobody of this segment was contacted by a campaign whose answer could be seen.")
        return
    if told.empty:
        note(text("Fewer than {n} users were contacted: not shown.", n=least))
        return
    show_chart(drawn.fatigue(told), drawn.read_fatigue(told), told, "fatigue")
    note(
        text(
            "Answered: any own event within {n} days after it. {caveat}",
            n=settings().profiles.response_days, caveat=NOT_CAUSED,
        )
    )  # fmt: skip
