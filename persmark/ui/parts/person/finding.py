"""Finding one user: by id, by the address, at random, the next and the one before."""

from __future__ import annotations

import secrets

import streamlit as st

from persmark import profiles
from persmark.profiles import person
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui import state
from persmark.ui.cache import cached
from persmark.ui.cache import reader as published
from persmark.ui.parts.person.among import Among, members_of
from persmark.ui.words import note, plain

KEY = "user"  # of the field, and of the address
_MATCHES = 12
_LONGEST_SHOWN = 80


def _matches(_: Workspace, reader: Reader, wanted: str) -> tuple[str | None, list[str], list[str]]:
    """The user of that very id, else those whose id holds the text, else ids like it."""
    for exact in (wanted, wanted.strip()):
        if exact and person.exists(reader, exact):
            return exact, [], []
    joined = person.joined_to(reader, wanted.strip())
    if joined is not None and person.exists(reader, joined):
        return joined, [], []
    part = wanted.strip()
    found = [str(one) for one in profiles.search_users(reader, part, _MATCHES).column("user_id").to_pylist()]
    return None, found, [] if found else person.near_users(reader, part)


def _place(workspace: Workspace, reader: Reader, user_id: str, group: str, _saved: object) -> person.Place:
    return person.place_of(reader, user_id, members_of(workspace, reader, group))


def _short(user_id: str) -> str:
    return user_id if len(user_id) <= _LONGEST_SHOWN else user_id[: _LONGEST_SHOWN - 1] + "…"


def find(workspace: Workspace, among: Among) -> str | None:
    """The search field; the user who is meant, or None while that is not told.

    The address keeps the id, so that a link leads here and a refresh stays here. Without an id it is the
    first user of the group.
    """
    wanted = str(
        st.text_input(
            "Find a user by id, or a part of it",
            key=KEY,
            bind="query-params",
            placeholder="Part of a user id",
            icon=":material/search:",
        )
        or ""
    )
    if not wanted.strip():
        return cached(_place, workspace, "", among.name, among.saved).first
    user_id, found, near = cached(_matches, workspace, wanted)
    if user_id is not None:
        if user_id != wanted.strip() and user_id != wanted:
            note("That id of the files was joined to another one, whose user is shown.")
        return user_id
    if len(found) == 1:
        return found[0]
    if near:
        note(text("No user has the id '{wanted}'. Ids near it:", wanted=_short(wanted.strip())))
    elif not found:
        note(text("No user has the id '{wanted}', and none is near it.", wanted=_short(wanted.strip())))
        return None
    st.pills(
        "Near it" if near else "Users that match",
        near or found,
        key="user_matches",
        format_func=lambda one: plain(_short(one)),
        label_visibility="collapsed" if near else "visible",
        on_change=state.copy_widget,
        args=("user_matches", KEY),
    )
    return None


def _draw(workspace: Workspace, among: Among) -> None:
    """In a callback: any of the group becomes the user who is looked at."""
    # Another draw each time: nothing to remember.
    held = published(workspace)
    drawn = person.any_user(held, secrets.token_hex(4), members_of(workspace, held, among.name))
    if drawn is not None:
        state.fill_widget(KEY, drawn, again=True)


def step(workspace: Workspace, user_id: str | None, among: Among) -> None:
    """Buttons to the user before, the next one and any of the group, and where this one stands in it."""
    place = cached(_place, workspace, user_id or "", among.name, among.saved)
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, icon, target, keys in (
            ("Previous", "arrow_back", place.previous, "Alt+Up"),
            ("Next", "arrow_forward", place.following, "Alt+Down"),
        ):
            st.button(
                label,
                key=f"user_{label.lower()}",
                icon=f":material/{icon}:",
                icon_position="right" if label == "Next" else "left",
                disabled=target is None or user_id is None,
                shortcut=keys,
                on_click=state.fill_widget,
                args=(KEY, target),
                kwargs={"again": True},
            )
        st.button(
            "Any of them",
            key="user_any",
            icon=":material/shuffle:",
            on_click=_draw,
            args=(workspace, among),
        )
        if user_id is not None:
            note(
                text(
                    "No. {place} of {n} in '{name}', by id.",
                    place=place.place,
                    n=place.n_users,
                    name=among.title,
                )
                if place.holds
                else text("Not one of the {n} users of '{name}'.", n=place.n_users, name=among.title)
            )
