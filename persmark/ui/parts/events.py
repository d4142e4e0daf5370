"""Parts of the Events page: what the data holds, and the ledger of the files."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from persmark import actions, events
from persmark.events.reasons import REASONS, SKIPPED
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import charts, state
from persmark.ui.cache import cached
from persmark.ui.progress import started
from persmark.ui.refusals import shown
from persmark.ui.show import show_chart, side_by_side
from persmark.ui.tables import show_table
from persmark.ui.words import Fact, Lost, counted, day, facts, lost_rows, note, notes, section, short, words


def _overview(workspace: Workspace, reader: Reader) -> events.Overview:
    return events.overview(workspace, reader)


def overview(workspace: Workspace) -> events.Overview:
    """What the workspace holds, from its counts; no event is read."""
    return cached(_overview, workspace)


def loaded(workspace: Workspace) -> bool:
    """Whether any event stands in the workspace; after an undo there may be none."""
    return bool(workspace.stats("events").get("n_events"))


def _freshness(found: events.Overview) -> Text:
    days = found.stale_days(datetime.now(UTC).replace(tzinfo=None))
    if days is None:
        return text("no events")
    return counted(int(days), "{n} day before today", "{n} days before today")


def show_facts(found: events.Overview) -> None:
    """Size, span and freshness in one row."""
    # Days as the workspace's clock tells them, which is what the charts below show.
    first, last = found.by_day["local_date"].min(), found.by_day["local_date"].max()
    n_days = (last - first).days + 1
    facts(
        [
            Fact(
                "Events",
                short(found.n_events),
                "" if found.n_events < 10_000 else text("{n} exactly", n=found.n_events),
            ),
            Fact(
                "Users",
                short(found.n_users),
                "with events" if found.n_users < 10_000 else text("{n} with events", n=found.n_users),
            ),
            Fact(
                "Items",
                short(found.n_items),
                "with events" if found.n_items < 10_000 else text("{n} with events", n=found.n_items),
            ),
            Fact(
                "Span",
                words(counted(n_days, "{n} day", "{n} days")),
                text("{a} to {b}", a=day(first), b=day(last)),
            ),
            Fact("Last event", day(last), _freshness(found)),
        ]
    )


def show_overview(workspace: Workspace, found: events.Overview) -> None:
    """Events by day, type and hour."""
    section("What the data holds", text("Days and hours in {zone}.", zone=workspace.time_zone))
    show_chart(
        charts.events_per_day(found.by_day),
        charts.read_events_per_day(found.by_day),
        found.by_day,
        "events-per-day",
    )
    left, right = side_by_side("events")
    with left:
        note("Events by type")
        show_chart(
            charts.event_types(found.by_type),
            charts.read_event_types(found.by_type),
            found.by_type,
            "event-types",
        )
    with right:
        note("Events by hour of the day")
        show_chart(charts.hours(found.by_hour), charts.read_hours(found.by_hour), found.by_hour, "hours")


def _ledger_table(sources: list[events.Source]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "source_id": one.source_id,
                "file": one.name,
                "kind": one.kind,
                "rows_in": one.rows_in,
                "loaded": one.loaded,
                "duplicate": one.duplicate,
                "rejected": one.rejected,
                "skipped": one.skipped,
                "repeated": one.repeated,
                "seconds": one.seconds,
                "loaded_at": pd.Timestamp(one.loaded_at).tz_localize(None),
                "state": one.state,
            }
            for one in sources
        ]
    )


def show_ledger(workspace: Workspace) -> None:
    """Every file, and what became of each of its rows; one of them can be looked into."""
    sources = list(events.ledger(workspace))
    if not sources:
        return
    section(
        "Files, and what became of every row",
        "Rows in = loaded + duplicate + rejected + skipped, for every file. "
        "Repeated rows are loaded and flagged.",
    )
    show_table(_ledger_table(sources), "ledger")
    by_number = {one.source_id: one for one in sources}
    first = next((one for one in sources if one.rejected), sources[0])
    if state.chosen("file_of") not in by_number:
        state.fill_widget("file_of", first.source_id, again=True)
    chosen = st.selectbox(
        "Look into a file",
        list(by_number),
        format_func=lambda number: _file_label(by_number[number]),
        key="file_of",
    )
    show_file(workspace, by_number[int(chosen)])


def _file_label(one: events.Source) -> str:
    return f"{one.source_id}. {one.name} · {one.rows_in:,} rows" + (
        f", {one.rejected:,} rejected" if one.rejected else ""
    )


def _became(one: events.Source) -> Text:
    """What became of a file's rows, in one sentence."""
    return text(
        "{rows_in} rows: {loaded} loaded, {duplicate} there already, {rejected} rejected, {skipped} skipped."
        + (" The loaded ones hold {n_events} events." if one.n_events != one.loaded else "")
        + (" {repeated} are exact repeats, kept and flagged." if one.repeated else ""),
        rows_in=one.rows_in, loaded=one.loaded, duplicate=one.duplicate, rejected=one.rejected,
        skipped=one.skipped, n_events=one.n_events, repeated=one.repeated,
    )  # fmt: skip


def _reasons(one: events.Source) -> list[Lost]:
    """Why rows were rejected or skipped, the commonest first; what each code means and what to do."""
    rejected = [
        Lost(n_rows, "rejected", REASONS[code].meaning, REASONS[code].to_do, code)
        if code in REASONS
        else Lost(n_rows, "rejected", code, "", code)
        for code, n_rows in sorted(one.rejected_by_reason.items(), key=lambda pair: -pair[1])
    ]
    skipped = [
        Lost(n_rows, "skipped", SKIPPED.get(code, code), "", code)
        for code, n_rows in sorted(one.skipped_by_reason.items(), key=lambda pair: -pair[1])
    ]
    return [*rejected, *skipped]


def show_file(workspace: Workspace, one: events.Source) -> None:
    """What became of the rows of one file, why, and what to do about it; how it was read."""
    note(_became(one))
    lost_rows(_reasons(one))
    if one.rejected:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                "Download rejected rows",
                lambda: _rejected_rows(workspace, one.source_id),
                file_name=f"rejected-{one.source_id}.csv",
                mime="text/csv",
                key="download-rejects",
                icon=":material/download:",
                on_click="ignore",
            )
            note(
                "Mend the rows in that file and upload it under Add data, into this workspace: "
                "exactly those rows will appear."
            )
    with st.expander("How it was read, and what was assumed", type="compact"):
        _show_reading(one)


def _rejected_rows(workspace: Workspace, source_id: int) -> bytes:
    with events.rejects_file(workspace, source_id) as file:
        return file.read()


def _show_reading(one: events.Source) -> None:
    """The mapping of a file that stands, and what nobody was asked."""
    said: list[Text | str] = list(one.questions)
    if one.read_as:
        said.append(text("Read with the saved mapping '{name}'.", name=one.read_as))
    if one.corrects:
        said.append(text("It brings back corrected rows of file {n}.", n=one.corrects))
    notes(said or ["Nothing was assumed."])
    columns = one.mapping.get("columns") or {}
    if columns:
        targets = events.TARGETS[one.kind]
        show_table(
            pd.DataFrame(
                [
                    {"column": column, "meaning": words(targets[name].title) if name in targets else name}
                    for name, column in columns.items()
                ]
            ),
            "file-columns",
            download=False,
        )


def show_undo(workspace: Workspace, *, busy: bool) -> None:
    """Take the events of one file out again, after a sentence that says what will happen."""
    if workspace.kind != "own":
        return
    files = [one for one in events.ledger(workspace) if one.kind == "events" and one.state == "loaded"]
    if not files:
        return
    with st.expander("Undo a load", icon=":material/undo:"), shown():
        chosen = st.selectbox(
            "Take out the events of",
            files,
            format_func=lambda one: f"{one.source_id}. {one.name} ({one.n_events:,} events)",
            key="undo_of",
        )
        n_left = int(workspace.stats("events").get("n_events", 0)) - chosen.n_events
        note(
            text(
                "{n} events of {file} are taken out and {left} stay; profiles, segments and slates are stale "
                "until they are rebuilt, and audiences drawn before stay as they are.",
                n=chosen.n_events,
                file=chosen.name,
                left=max(n_left, 0),
            )
        )
        if any(one.duplicate for one in files if one.source_id > chosen.source_id):
            note("Those of them that a later file brought as well stay, under that file.")
        sure = st.checkbox("Yes, take these events out", key=f"undo_sure_{chosen.source_id}", disabled=busy)
        if st.button("Undo this load", key="undo_load", icon=":material/undo:", disabled=busy or not sure):
            actions.start(workspace, state.actor(), actions.UndoLoad(source_id=chosen.source_id))
            started("The load is being undone.")


def show_empty(workspace: Workspace) -> None:
    """What to do in a workspace without events."""
    note(
        "Nothing is loaded here yet. Add a file below; a CSV with a user, a time and an item is enough."
        if workspace.kind == "own"
        else "Nothing is loaded here yet."
    )
