"""The Compare page as a whole: segments side by side, or one segment between two moments."""

from __future__ import annotations

import streamlit as st

from persmark.store import Workspace
from persmark.ui.parts import compare, compare_habits, moved
from persmark.ui.words import note

_BESIDE, _MOVED = "Side by side", "Who moved"
_PROFILE, _ATTENTION, _TIMES, _VALUE = "Profile", "Attention and spend", "Hours and weekdays", "Value"


def show(workspace: Workspace) -> None:
    """One of the two views; the other is not worked out."""
    view = st.segmented_control(
        "View", [_BESIDE, _MOVED], default=_BESIDE, required=True, key="compare_view",
        label_visibility="collapsed", bind="query-params",
    )  # fmt: skip
    if view == _MOVED:
        moved.show(workspace)
    else:
        _show_beside(workspace)


def _show_beside(workspace: Workspace) -> None:
    names = compare.pick(workspace)
    if len(compare.offered(workspace)) < compare.LEAST:
        note("There is only one segment with users. Save another one on the Segments page to compare it.")
        return
    if len(names) < compare.LEAST:
        note("Choose a second segment to compare.")
        return
    found = compare.compared(workspace, names)
    called = compare.titles(workspace, names)
    compare.show_sizes(workspace, found, called)
    compare.show_differences(found, called)
    part = st.segmented_control(
        "Look at", [_PROFILE, _ATTENTION, _TIMES, _VALUE], default=_PROFILE, required=True,
        key="compare_part", bind="query-params",
    )  # fmt: skip
    if part == _ATTENTION:
        compare_habits.show_attention(workspace, called)
    elif part == _TIMES:
        compare_habits.show_times(workspace, called)
    elif part == _VALUE:
        compare_habits.show_value(workspace, called)
    else:
        compare.show_profile(workspace, found, called)
