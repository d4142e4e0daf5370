"""Parts of the Campaigns page: whom to reach, the holdout, the target list."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from persmark import actions, campaigns, experiments, segments
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui import charts, state
from persmark.ui.cache import cached
from persmark.ui.parts import segment_list
from persmark.ui.parts.saved import saved_versions
from persmark.ui.progress import started
from persmark.ui.refusals import shown
from persmark.ui.show import show_chart
from persmark.ui.words import Fact, facts, note, percent, plain, section, words

VERBS = ("export",)
_MADE_AT_ONCE = 5_000  # users; longer lists are made beside the app, with progress
_BY_SEGMENT, _BY_ITEM = "A segment", "Who would like an item most"


def _bought_lately(
    workspace: Workspace, reader: Reader, segment: str, _saved: tuple[tuple[str, int], ...]
) -> int:
    """How many users of a segment bought within the days of the base rate."""
    bought = {"column": "recency_days", "is": "<", "value": campaigns.BASE_DAYS}
    rule = {"all": [{"segment": segment}, bought]}
    return segments.count(reader, rule, saved=segments.saved_rules(workspace))


def _show_detectable(workspace: Workspace, segment: str, share: float) -> None:
    """What such a holdout could tell later, said before anything is drawn."""
    n_users = next(
        (one.n_users or 0 for one in segment_list.sizes(workspace) if one.segment.name == segment), 0
    )
    n_bought = cached(_bought_lately, workspace, segment, saved_versions(workspace))
    n_holdout = round(share * n_users)
    if not n_users:
        return
    if not n_holdout:
        note("Nobody would be held out: what the campaign changes could never be told.")
        return
    base = n_bought / n_users
    found = experiments.minimum_detectable_difference(n_users - n_holdout, n_holdout, base)
    told = (
        text("no rise of that could be noticed in 80% of tries: hold more out or take a larger segment")
        if found is None
        else text(
            "a rise of {points} percentage points or more would be noticed in 80% of tries",
            points=f"{100 * found:.1f}",
        )
    )
    note(
        text(
            "About {n} of {total} users would be held out. {base} of the segment bought within {days} days; "
            "{told}.",
            n=n_holdout,
            total=n_users,
            base=percent(base),
            days=campaigns.BASE_DAYS,
            told=told,
        )
    )


def show_creating(workspace: Workspace) -> None:
    """Choose the audience, hold a random share of it out, keep both."""
    section(
        "New campaign",
        "A random share is held out and not contacted: only against it can lift be told later.",
    )
    with shown():
        by = st.segmented_control(
            "Reach", [_BY_SEGMENT, _BY_ITEM], default=_BY_ITEM if state.linked("item") else _BY_SEGMENT,
            key="reach", required=True,
        )  # fmt: skip
        item = None
        left, right = st.columns(2)
        with left:
            if by == _BY_ITEM:
                item = st.text_input("Item id", value=state.linked("item"), key="audience_item")
            segment = segment_list.pick(
                workspace, "Segment" if by == _BY_SEGMENT else "Among the users of", key="audience_segment"
            )
        with right:
            share = st.slider("Held out, % of the audience", 0, 50, 10, key="holdout_share")
        if by == _BY_SEGMENT and segment is not None:
            _show_detectable(workspace, segment, share / 100)
        with st.form("new-audience"):
            one, two = st.columns(2)
            with one:
                name = st.text_input(
                    "Name", key="audience_name", placeholder="Spring win-back", max_chars=120
                )
                limit = st.number_input(
                    "At most so many users (empty = all)",
                    1,
                    value=None if by == _BY_SEGMENT else 1000,
                    key="audience_limit",
                )
            with two:
                excluded = st.multiselect(
                    "Leave out users of",
                    [one.name for one in segments.list_segments(workspace) if one.name != segments.EVERYONE],
                    key="audience_excluded",
                )
                seed = st.number_input("Seed of the draw", 0, 2**31 - 1, 1, key="holdout_seed")
            go = st.form_submit_button(
                "Create audience", type="primary", key="create_audience", icon=":material/group_add:"
            )
        if go:
            actions.run(
                workspace,
                state.actor(),
                actions.CreateAudience(
                    name=name, segment=segment, item_id=(item or "").strip() or None,
                    exclude_segments=tuple(excluded), limit=int(limit) if limit else None,
                    holdout_share=share / 100, seed=int(seed),
                ),
            )  # fmt: skip
            state.say_next("The audience is drawn.")
            state.set_next_widget("audience", name.strip())
            st.rerun()


def _table(found: list[campaigns.Audience]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "audience": one.name,
                "n_users": one.n_users,
                "n_target": one.n_target,
                "n_holdout": one.n_holdout,
                "holdout_share": one.share,
                "seed": str(one.seed),
                "segment": one.definition.get("segment"),
                "item_id": one.definition.get("item_id"),
                "created_at": one.created_at,
            }
            for one in found
        ]
    )


def show_audiences(workspace: Workspace) -> None:
    """All audiences with their arms; the target list of one as a download."""
    found = campaigns.list_audiences(workspace)
    section("Audiences", "Who is contacted and who is held out, drawn once and kept.")
    if not found:
        note("No audience yet: create one above.")
        section("Target list", "One row per user to contact, with the items to show.")
        note("The list is made from an audience, and there is none yet.")
        st.button("Make the target list", key="export_none", icon=":material/list_alt:", disabled=True)
        return
    table = _table(found)
    show_chart(charts.arms(table), charts.read_arms(table), table.dropna(axis=1, how="all"), "audiences")
    _show_export(workspace, found)


def _show_export(workspace: Workspace, found: list[campaigns.Audience]) -> None:
    section(
        "Target list", "One row per user to contact, with the items to show; safe to open in a spreadsheet."
    )
    with shown():
        names = [one.name for one in found]
        left, right = st.columns([2, 1])
        with left:
            name = st.selectbox("Audience", names, key="audience")
        with right:
            k = st.number_input("Items per user", 0, 20, 3, key="export_items")
        chosen = found[names.index(str(name))]
        facts(
            [
                Fact("Contacted", f"{chosen.n_target:,}", text("of {n} users", n=chosen.n_users)),
                Fact(
                    "Held out",
                    f"{chosen.n_holdout:,}",
                    text("{share}, seed {seed}", share=percent(chosen.share), seed=str(chosen.seed)),
                ),
            ]
        )
        for remark in chosen.notes[1:]:  # the first says what the figures above say
            note(remark)
        for warning in chosen.warnings:
            st.warning(plain(words(warning)), icon=":material/warning:")
        if st.button("Make the target list", key="export", type="primary", icon=":material/list_alt:"):
            asked = actions.ExportAudience(audience=chosen.name, destination="csv", k_items=int(k))
            if chosen.n_target > _MADE_AT_ONCE:
                actions.start(workspace, state.actor(), asked)
                started("The target list is being made.")
            actions.run(workspace, state.actor(), asked)
            state.say_next("The target list is made.")
            st.rerun()
        made = campaigns.list_exports(workspace, chosen)
        if made:
            _show_download(made[0])


def _show_download(made: campaigns.Export) -> None:
    if not made.file.is_file():
        note(text("The file {name} is gone: make the list again.", name=made.file.name))
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        note(
            text(
                "{name}: {n} users, made {at} UTC, SHA-256 {digest}…",
                name=made.file.name,
                n=made.n_rows,
                at=made.exported_at[:16].replace("T", " "),
                digest=made.sha256[:12],
            )
        )
        st.download_button(
            "Download target list",
            made.file.read_bytes,
            file_name=made.file.name,
            mime="text/csv",
            key="download-targets",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
    for remark in made.notes:
        note(remark)
