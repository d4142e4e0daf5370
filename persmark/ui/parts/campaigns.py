"""Parts of the Campaigns page: whom to reach, the holdout, the target list."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from persmark import actions, campaigns, segments
from persmark.store import Workspace
from persmark.text import text
from persmark.ui import charts, state
from persmark.ui.parts import segment_list
from persmark.ui.progress import started
from persmark.ui.refusals import shown
from persmark.ui.show import show_chart
from persmark.ui.words import Fact, facts, note, plain, section, words

VERBS = ("export",)
_MADE_AT_ONCE = 5_000  # users; longer lists are made beside the app, with progress
_BY_SEGMENT, _BY_ITEM = "A segment", "Who would like an item most"


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
        with st.form("new-audience"):
            segment, item, limit = None, None, None
            left, right = st.columns(2)
            with left:
                name = st.text_input(
                    "Name", key="audience_name", placeholder="Spring win-back", max_chars=120
                )
                if by == _BY_SEGMENT:
                    segment = segment_list.pick(workspace, "Segment", key="audience_segment")
                else:
                    item = st.text_input("Item id", value=state.linked("item"), key="audience_item")
                    segment = segment_list.pick(workspace, "Among the users of", key="audience_segment")
            with right:
                limit = st.number_input(
                    "At most so many users (empty = all)",
                    1,
                    value=None if by == _BY_SEGMENT else 1000,
                    key="audience_limit",
                )
                excluded = st.multiselect(
                    "Leave out users of",
                    [one.name for one in segments.list_segments(workspace) if one.name != segments.EVERYONE],
                    key="audience_excluded",
                )
            one, two, _ = st.columns([2, 1, 1])
            with one:
                share = st.slider("Held out, % of the audience", 0, 50, 10, key="holdout_share")
            with two:
                seed = st.number_input("Seed of the draw", 0, 2**31 - 1, 0, key="holdout_seed")
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
        note("No audience yet.")
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
                    text("{share}%, seed {seed}", share=round(100 * chosen.share, 1), seed=str(chosen.seed)),
                ),
            ]
        )
        for remark in chosen.notes:
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
                "{name}: {n} users, made {at}, SHA-256 {digest}…",
                name=made.file.name,
                n=made.n_rows,
                at=made.exported_at,
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
