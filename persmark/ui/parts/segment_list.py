"""The workspace's segments with their sizes: the list, and the choice of one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from persmark import segments
from persmark.store import Reader, Workspace
from persmark.ui.cache import cached
from persmark.ui.parts.opened import show_users
from persmark.ui.parts.saved import saved_versions, segment_title
from persmark.ui.parts.segment_versions import show_saved
from persmark.ui.tables import show_table
from persmark.ui.words import note, section, words

MOST_MEMBERS = 20_000


def _sizes(
    workspace: Workspace, reader: Reader, _saved: tuple[tuple[str, int], ...]
) -> list[segments.SegmentSize]:
    return segments.segment_sizes(workspace, reader)


def sizes(workspace: Workspace) -> list[segments.SegmentSize]:
    """Every segment and how many users it has now."""
    return cached(_sizes, workspace, saved_versions(workspace))


def _members(
    workspace: Workspace, reader: Reader, name: str, _saved: tuple[tuple[str, int], ...]
) -> tuple[str, ...]:
    rule = segments.get_segment(workspace, name).rule
    saved = segments.saved_rules(workspace)
    found = segments.sample(reader, rule, MOST_MEMBERS, columns=("user_id",), saved=saved)
    return tuple(found.column("user_id").to_pylist())


def members(workspace: Workspace, name: str) -> tuple[str, ...]:
    """The users of a segment; of a large one a fixed random `MOST_MEMBERS`, so that no page holds it all."""
    return cached(_members, workspace, name, saved_versions(workspace))


def pick(workspace: Workspace, label: str, *, key: str = "segment", first: str = "") -> str | None:
    """Choose a segment that has users; saved ones come first, and `first` is chosen to begin with."""
    found = [one for one in sizes(workspace) if one.n_users]
    found.sort(key=lambda one: one.segment.built_in)
    counts = {one.segment.name: one for one in found}
    chosen = st.selectbox(
        label,
        list(counts),
        index=list(counts).index(first) if first in counts else 0,
        format_func=lambda name: f"{segment_title(counts[name].segment)} · {counts[name].n_users:,} users",
        key=key,
    )
    return str(chosen) if chosen is not None else None


def show_list(workspace: Workspace) -> None:
    """All segments, then what can be done with the saved ones."""
    found = sizes(workspace)
    section("All segments", "Saved ones first; the others every workspace has.")
    total = max((one.n_users or 0 for one in found if one.segment.name == segments.EVERYONE), default=0)
    listed = sorted(found, key=lambda one: one.segment.built_in)
    table = pd.DataFrame(
        [
            {
                "segment": segment_title(one.segment),
                "n_users": one.n_users,
                "share": (one.n_users or 0) / total if total else None,
                "who": words(one.problem or one.segment.definition),
            }
            for one in listed
        ]
    )
    place = show_table(table, "segments", choose=True)
    if place is None:
        note("Tick a row to see its users.")
    else:
        show_users(
            workspace, {"segment": listed[place].segment.name}, segment_title(listed[place].segment), "row"
        )
    show_saved(workspace, found)
