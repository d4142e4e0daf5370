"""Trained recommenders held in memory: the same for every visit and every page."""

from __future__ import annotations

import streamlit as st

from persmark import recommend
from persmark.store import Workspace
from persmark.ui.parts.suggestion import label

_HELD = 6


@st.cache_resource(max_entries=_HELD, show_spinner=False)
def _recommender(folder: str, run_id: str, _workspace: Workspace) -> recommend.Recommender:
    return recommend.load_run(_workspace, run_id)


def recommender_of(workspace: Workspace, run_id: str) -> recommend.Recommender:
    """The recommender of a run; shared, and not to be changed."""
    return _recommender(str(workspace.folder), run_id, workspace)


def run_label(run: recommend.Run) -> str:
    """What a list of runs calls one of them."""
    state = "serving now" if run.state == "published" else f"trained {run.trained_at[:10]}"
    return f"{label(run)} · {state}"
