"""Whom a user is looked at among: everyone, or a segment."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from persmark import segments
from persmark.profiles import profile_columns
from persmark.profiles.person import EVERYONE, Members
from persmark.store import Reader, Workspace
from persmark.ui import state
from persmark.ui.cache import cached
from persmark.ui.parts import segment_list
from persmark.ui.parts.saved import saved_versions
from persmark.ui.words import words


@dataclass(frozen=True)
class Among:
    """The users that one user is looked at among.

    Attributes:
        name: The segment's name; `segments.EVERYONE` for all.
        title: What the page calls them.
        n_users: How many they are.
        saved: The state of the saved segments, which the answer depends on.
    """

    name: str
    title: str
    n_users: int
    saved: tuple[tuple[str, int], ...]


def members_of(workspace: Workspace, reader: Reader, name: str) -> Members:
    """The statement that lists the users of a segment.

    Raises:
        NotFoundError: There is no such segment.
    """
    if name == segments.EVERYONE:
        return EVERYONE
    rule = segments.get_segment(workspace, name).rule
    return segments.to_sql(rule, saved=segments.saved_rules(workspace), columns=profile_columns(reader))


def title_of(one: segments.Segment) -> str:
    """What a segment is called where all kinds of them are listed."""
    kind = one.name.partition(": ")[0] if one.built_in else ""
    return {"rfm": "RFM: ", "lifecycle": "Lifecycle: "}.get(kind, "") + words(one.title)


def pick_group(workspace: Workspace, label: str, key: str) -> Among:
    """Choose everyone or a segment that has users; everyone first, then the saved ones."""
    found = {one.segment.name: one for one in segment_list.sizes(workspace) if one.n_users}
    order = sorted(found, key=lambda name: (name != segments.EVERYONE, found[name].segment.built_in))
    state.begin_linked(key, order)
    chosen = str(
        st.selectbox(
            label,
            order,
            format_func=lambda name: f"{title_of(found[name].segment)} · {found[name].n_users:,} users",
            key=key,
        )
    )
    state.keep_linked(key, None if chosen == segments.EVERYONE else chosen)
    return _among(workspace, found[chosen])


def _among(workspace: Workspace, one: segments.SegmentSize) -> Among:
    return Among(one.segment.name, title_of(one.segment), int(one.n_users or 0), saved_versions(workspace))


def _inside(workspace: Workspace, reader: Reader, user_id: str, _saved: object) -> list[str]:
    return segments.segments_of(workspace, reader, user_id)


def inside(workspace: Workspace, user_id: str) -> list[str]:
    """The names of the segments that a user is in."""
    return cached(_inside, workspace, user_id, saved_versions(workspace))


def pick_own(workspace: Workspace, user_id: str, among: Among) -> Among:
    """Choose whom a user is compared with: those who are looked at, or any segment the user is in."""
    found = {one.segment.name: one for one in segment_list.sizes(workspace) if one.n_users}
    names = [among.name, segments.EVERYONE, *inside(workspace, user_id)]
    order = [name for name in dict.fromkeys(names) if name in found]
    # Another group to look at is another choice to begin with.
    chosen = str(
        st.selectbox(
            "Compared with",
            order,
            format_func=lambda name: f"{title_of(found[name].segment)} · {found[name].n_users:,} users",
            key=f"compared-{among.name}",
        )
    )
    return _among(workspace, found[chosen])
