"""Parts of the Data quality page: what was found, its charts, and which ids are one user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pandas as pd
import streamlit as st

from persmark import actions, events
from persmark.events import quality
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui import charts, state
from persmark.ui.cache import cached
from persmark.ui.pages import page_path
from persmark.ui.parts.fixes import offer_fix
from persmark.ui.progress import started
from persmark.ui.show import show_chart
from persmark.ui.words import Fact, chips, counted, escaped, facts, note, section, short, words

VERBS = ("rules", "quality", "keep apart")
_LEVELS: Mapping[str, str] = MappingProxyType(
    {quality.PROBLEM: "Problem", quality.LOOK: "Worth a look", quality.FINE: "Fine"}
)
_HEADS: Mapping[str, str] = MappingProxyType({**_LEVELS, quality.PROBLEM: "Problems"})
_CARDS = 24
_ALL = 0


def ruled(workspace: Workspace) -> bool:
    """Whether there is any rule: one of them may have taken every event out."""
    return bool(quality.saved_rules(workspace))


def _names(workspace: Workspace) -> dict[int, str]:
    """Number -> name of each file whose events stand, the newest first."""
    standing = set(workspace.stats("events").get("source_ids", []))
    return {
        one.source_id: f"{one.source_id}. {one.name}"
        for one in events.ledger(workspace)
        if one.source_id in standing and one.kind == "events"
    }


def _file(workspace: Workspace) -> dict[int, str]:
    """Number -> name of every file, for findings that speak of one; empty where there is only one."""
    sources = events.ledger(workspace)
    return {one.source_id: f"{one.source_id}. {one.name}" for one in sources} if len(sources) > 1 else {}


def show_facts(workspace: Workspace, *, busy: bool) -> list[quality.Finding] | None:
    """How many findings of each level; where the events were not checked yet, the button that does it.

    Returns:
        The findings; None where there are none for these events.
    """
    found = quality.findings(workspace)
    if found is None:
        if not busy:
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                note("These events have not been checked since they last changed.")
                if st.button("Check now", key="check_quality", type="primary", icon=":material/fact_check:"):
                    actions.start(workspace, state.actor(), actions.CheckQuality())
                    started("The events are being checked.")
        return None
    of = counted(len(found), "of {n} check", "of {n} checks")
    counts = [Fact(_HEADS[level], short(sum(one.level == level for one in found)), of) for level in _LEVELS]
    rules = quality.saved_rules(workspace)
    n_on = sum(one.active for one in rules)
    facts(
        [
            *counts,
            Fact("Events checked", short(workspace.stats("events").get("n_events", 0)), "every one of them"),
            Fact(
                "Rules switched on",
                short(n_on),
                text("of {n} saved", n=len(rules)) if rules else "none saved",
            ),
        ]
    )
    return found


def show_summary(workspace: Workspace) -> None:
    """On the Events page: how much of it deserves a look, with the way there."""
    found = quality.findings(workspace)
    if not found:
        return
    n_problems = sum(one.level == quality.PROBLEM for one in found)
    n_looks = sum(one.level == quality.LOOK for one in found)
    if not n_problems and not n_looks:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        note(
            text(
                "{problems} and {looks} in these events.",
                problems=counted(n_problems, "{n} problem", "{n} problems"),
                looks=counted(n_looks, "{n} thing worth a look", "{n} things worth a look"),
            )
        )
        st.page_link(page_path("quality"), label="See what was found", icon=":material/fact_check:")


def pick_source(workspace: Workspace) -> int | None:
    """All files together, or one of them; nothing is asked where there is only one."""
    names = _names(workspace)
    if len(names) < 2:
        return None
    options = [_ALL, *names]
    chosen = st.selectbox(
        "File", options, format_func=lambda one: names.get(one, "All files together"), key="quality_of"
    )
    return int(chosen) if chosen else None


def _ordered(found: Sequence[quality.Finding], source_id: int | None) -> list[quality.Finding]:
    """What belongs to the choice, problems first."""
    ranks = list(_LEVELS)
    kept = [one for one in found if source_id is None or one.source_id == source_id]
    return sorted(kept, key=lambda one: ranks.index(one.level))


def _card(finding: quality.Finding, source: str) -> None:
    """Level, title, sentence and examples of a finding; every data value is escaped."""
    of = f'<span class="pm-of">{escaped(source)}</span>' if source else ""
    st.html(
        f'<div class="pm-finding pm-{finding.level}"><b>{_LEVELS[finding.level]}</b>'
        f'<h3 class="pm-title">{escaped(finding.title)}</h3>{of}<p>{escaped(finding.text)}</p></div>'
    )
    if finding.examples:
        chips([words(one) for one in finding.examples])


def show_findings(
    workspace: Workspace, found: list[quality.Finding] | None, source_id: int | None, *, busy: bool
) -> None:
    """Each finding with its figures, examples and the rule that would mend it; what is fine in one place."""
    if found is None:
        return
    files = _file(workspace)
    ordered = _ordered(found, source_id)
    open_ones = [one for one in ordered if one.level != quality.FINE]
    fine = [one for one in ordered if one.level == quality.FINE]
    section(
        "What was found",
        counted(len(open_ones), "One thing deserves a look.", "{n} things deserve a look, the worst first.")
        if open_ones
        else "Nothing here needs mending.",
    )
    for finding in open_ones[:_CARDS]:
        with st.container(border=True):
            _card(finding, files.get(finding.source_id or 0, ""))
            offer_fix(workspace, finding, busy=busy)
    if len(open_ones) > _CARDS:
        note(text("{n} more are shown when one file is chosen above.", n=len(open_ones) - _CARDS))
    if fine:
        with st.expander(
            words(counted(len(fine), "{n} check found nothing amiss", "{n} checks found nothing amiss")),
            type="compact",
        ):
            for finding in fine:
                _card(finding, files.get(finding.source_id or 0, ""))


def _volume(_: Workspace, reader: Reader, source_id: int | None) -> pd.DataFrame:
    return quality.volume_by_day(reader, source_id=source_id)


def _hours(_: Workspace, reader: Reader) -> pd.DataFrame:
    return quality.hours_by_source(reader)


def show_days(workspace: Workspace, source_id: int | None) -> None:
    """Events per day, with the days that have none."""
    section(
        "Is any day missing?",
        text("Days in {zone}; days without events are marked.", zone=workspace.time_zone),
    )
    by_day = cached(_volume, workspace, source_id)
    whole = cached(_volume, workspace, None) if source_id is not None else None
    show_chart(charts.volume(by_day, whole), charts.read_volume(by_day), by_day, "volume")


def show_hours(workspace: Workspace) -> None:
    """How the events of each file lie over the day."""
    section(
        "Do the clocks agree?",
        text(
            "Share of each file's events by hour of the day in {zone}. People keep their hours, "
            "so a curve that is shifted tells of a clock that is.",
            zone=workspace.time_zone,
        ),
    )
    names = _names(workspace)
    by_hour = cached(_hours, workspace)
    by_hour = by_hour.assign(source=[names.get(int(one), str(one)) for one in by_hour["source_id"]])
    show_chart(
        charts.source_hours(by_hour),
        charts.read_source_hours(by_hour),
        by_hour[["source", "local_hour", "n_events", "share"]],
        "source-hours",
    )
