"""Ask for a new leaderboard: which recommenders, on which days, for whom."""

from __future__ import annotations

import streamlit as st

from persmark import actions, recommend
from persmark.store import Workspace
from persmark.ui import state
from persmark.ui.parts import profiles
from persmark.ui.parts.compare import offered
from persmark.ui.parts.saved import segment_title
from persmark.ui.parts.train import ask_weights, ask_window
from persmark.ui.progress import started
from persmark.ui.words import plain, section

_SPLITS = {
    "The last days": "temporal",
    "Everybody's last one (to compare with papers)": "leave-one-out",
}


def show_comparing(workspace: Workspace, *, busy: bool) -> None:
    """The form, and the start of the comparison."""
    section(
        "Measure again" if recommend.evaluations(workspace) else "Measure",
        "Everything is trained on what came before the last days and judged on those days, on the full "
        "catalogue, "
        "with repeats allowed and with what a user has already left out.",
    )
    names = list(recommend.RECOMMENDERS)
    there = offered(workspace) if profiles.built(workspace) else {}
    with st.form("evaluate"):
        chosen = st.multiselect("Recommenders", names, default=names, key="evaluate_names")
        left, right = st.columns(2)
        with left:
            split = st.selectbox("Judge by", list(_SPLITS), key="evaluate_split")
            test_days = st.number_input("Test on the last days", 1, 365, 28, key="test_days")
            window = ask_window("evaluate")
        with right:
            k = st.number_input("Slate length", 1, 100, 10, key="evaluate_k")
            least = st.number_input("Least purchases of an item", 1, 1000, 5, key="min_item_events")
            wanted = st.multiselect(
                "Also for these segments",
                list(there),
                format_func=lambda name: plain(segment_title(there[name].segment)),
                key="evaluate_segments",
                max_selections=8,
            )
        weights = ask_weights(workspace, "evaluate")
        go = st.form_submit_button("Compare", key="compare", icon=":material/balance:", disabled=busy)
    if go:
        request = actions.Evaluate(
            recommenders=tuple(chosen), split=_SPLITS[str(split)], test_days=int(test_days), target=None,
            min_item_events=int(least), k=int(k), repeats="both", segments=tuple(wanted), weights=weights,
            window_days=window,
        )  # fmt: skip
        actions.start(workspace, state.actor(), request)
        started("The comparison has begun.")
