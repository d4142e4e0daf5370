"""Where the model looks over many people: one segment, or several side by side; summed up as a job."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from persmark import actions, jobs, recommend, segments
from persmark.recommend.profile_fields import field_title
from persmark.settings import settings
from persmark.store import Workspace
from persmark.text import text
from persmark.ui import charts, state
from persmark.ui.charts import attended as drawn
from persmark.ui.pages import page_path
from persmark.ui.parts.attention.asked import attends, pick_run
from persmark.ui.parts.attention.verdict import VERBS
from persmark.ui.parts.compare import offered, titles
from persmark.ui.parts.saved import segment_title
from persmark.ui.progress import job_panel, started
from persmark.ui.show import show_chart
from persmark.ui.words import Fact, facts, note, section, short

_VERB = VERBS[1]
_MOST = 4
_DRAWN = 12
_PARTS = {
    "event_type": ("By what they did", "behaviour"),
    "category": ("By category", "category"),
    "field": ("By field of the profile", "field"),
}


def show_looks(workspace: Workspace) -> None:
    """All of the view."""
    section(
        "Where does the model look, over many people?",
        "Mean attention over users when the model recommends to each their own first item.",
    )
    runs = [run for run in recommend.runs(workspace) if attends(run.recommender)]
    if not runs:
        known = [name for name in recommend.RECOMMENDERS if attends(name)]
        with st.container(border=True):
            note(
                text("Only a recommender with attention weights looks anywhere, and none is trained here. "
                     "With weights: {names}.", names=", ".join(known))
                if known
                else "Only a recommender with attention weights looks anywhere, and there is none yet."
            )  # fmt: skip
            st.page_link(page_path("train"), label="Train one", icon=":material/arrow_forward:")
        return
    busy = job_panel(workspace, VERBS, "Attention")
    there = offered(workspace)
    left, right = st.columns([2, 3])
    with left:
        run = pick_run(runs, "Recommended by", key="look_run")
    with right:
        chosen = st.multiselect(
            "Segments", list(there), default=[segments.EVERYONE] if segments.EVERYONE in there else None,
            max_selections=_MOST, key="look_segments",
            format_func=lambda name: f"{segment_title(there[name].segment)} · {there[name].n_users:,} users",
            help="One to four. Of two, what differs most is told.",
        )  # fmt: skip
    names = tuple(str(name) for name in chosen)
    least = settings().privacy.smallest_group
    note(text("Nothing on fewer than {n} users is told: smaller names are joined as 'others'.", n=least))
    if not names:
        note("Choose a segment.")
        return
    few = [name for name in names if (there[name].n_users or 0) < least]
    if few:
        note(
            text(
                "Not summed up, for they have fewer than {n} users: {names}.",
                n=least, names=", ".join(titles(workspace, tuple(few)).values()),
            )
        )  # fmt: skip
        return
    found = _kept(workspace, run.run_id, names)
    if found is None:
        label, key = "Sum up where it looks", "summarise"
        note("This has not been worked out for these segments, this run and the data as they are now.")
        if st.button(label, key=key, type="primary", icon=":material/functions:", disabled=busy):
            _start(workspace, run.run_id, names)
        return
    _show(workspace, found, names)


def _start(workspace: Workspace, run_id: str, names: tuple[str, ...]) -> None:
    actions.start(workspace, state.actor(), actions.SummariseAttention(run_id=run_id, segments=names))
    started("Summing up has begun.")


def _kept(workspace: Workspace, run_id: str, names: tuple[str, ...]) -> dict[str, Any] | None:
    """The latest result for these segments, this run, these tables and these rules."""
    versions = dict(workspace.versions())
    saved = segments.saved_rules(workspace)
    for job in jobs.recent(workspace, verb=_VERB, limit=50):
        held = job.result
        if (
            held
            and held["run_id"] == run_id
            and held["versions"] == versions
            and all("n_drawn" in one for one in held["segments"])
            and held.get("saved") == saved
            and tuple(one["segment"] for one in held["segments"]) == names
        ):
            return held
    return None


def _show(workspace: Workspace, found: dict[str, Any], names: tuple[str, ...]) -> None:
    called = titles(workspace, names)
    shown = list(called.values())
    table = pd.concat(
        [pd.DataFrame(one["rows"]).assign(segment=called[one["segment"]]) for one in found["segments"]],
        ignore_index=True,
    )
    table = _titled(table)
    for column in ("share", "low", "high", "usual"):
        table[column] = table[column].astype(float)
    facts(
        [
            Fact(
                called[one["segment"]],
                short(one["n_users"]),
                text(
                    "{n} of them, drawn by chance, with events looked at"
                    if one["n_drawn"] < one["n_users"]
                    else "{n} of them with events looked at",
                    n=_summed(pd.DataFrame(one["rows"])),
                ),
            )
            for one in found["segments"]
        ]
    )
    if len(found["segments"]) == 2:
        _show_differences(found, shown)
    section(
        "By place from the latest event",
        "1 is the latest; stretches are summed; dotted is if all events weighed the same.",
    )
    part = table[table["part"] == "position"]
    show_chart(
        drawn.by_position(part, shown),
        drawn.read_looks(part[part["segment"] == shown[0]], "place from the latest event"),
        part.drop(columns="part"),
        "look-position",
    )
    for name, (title, what) in _PARTS.items():
        part = table[table["part"] == name]
        if part.empty:
            continue
        section(title)
        _show_part(part, shown, what, name)


def _titled(table: pd.DataFrame) -> pd.DataFrame:
    """Fields of the profile by their words."""
    if table.empty:
        return table
    fields = table["part"] == "field"
    return table.assign(name=table["name"].where(~fields, table["name"].map(field_title)))


def _summed(rows: pd.DataFrame) -> int:
    """Users in the summary: each has a latest event."""
    return int(rows.loc[rows["part"] == "position", "n_users"].max())


def _show_part(part: pd.DataFrame, shown: list[str], what: str, key: str) -> None:
    first = part[part["segment"] == shown[0]].sort_values("share", ascending=False, kind="stable")
    order = list(dict.fromkeys([*first["name"], *part["name"]]))[:_DRAWN]
    kept = part[part["name"].isin(order)]
    kept = kept.assign(place=[order.index(one) for one in kept["name"]]).sort_values("place")
    show_chart(
        charts.names_beside(drawn.beside_even(kept, shown), shown, everybody=drawn.even_name(kept, shown)),
        drawn.read_looks(first, what),
        part.drop(columns="part"),
        f"look-{key}",
    )


def _show_differences(found: dict[str, Any], shown: list[str]) -> None:
    table = _titled(pd.DataFrame(found["differences"]))
    section(
        "What differs most",
        text("The share in {one} minus that in {other}; grey where 0 is inside the interval.",
             one=shown[0], other=shown[1]),
    )  # fmt: skip
    if table.empty:
        note("There is nothing to compare.")
        return
    show_chart(
        drawn.differences(table.head(_DRAWN)),
        drawn.read_differences(table, shown[0], shown[1]),
        table,
        "look-differences",
    )
