"""A quality rule made by hand, where no finding offers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType

import streamlit as st

from persmark import events
from persmark.columns import EVENT_TYPES
from persmark.events.quality import Cap, DropUsers, FoldType, MergeUsers, Rule, ShiftTime
from persmark.events.rules import CAPPED, MERGE_LIMIT
from persmark.store import Workspace
from persmark.ui.parts.rules import mend
from persmark.ui.words import note

_WIDE = 260


def _fold(workspace: Workspace) -> Rule | None:
    types = list(workspace.stats("events").get("by_type", {}))
    old = st.selectbox("Event type", types, key="own_from", index=None, placeholder="Choose a type")
    new = st.selectbox("counts as", EVENT_TYPES, key="own_to", accept_new_options=True)
    return FoldType(str(old), str(new)) if old and new and old != new else None


def _shift(workspace: Workspace) -> Rule | None:
    standing = set(workspace.stats("events").get("source_ids", []))
    names = {one.source_id: one.name for one in events.ledger(workspace) if one.source_id in standing}
    number = st.selectbox("File", list(names), format_func=lambda one: f"{one}. {names[one]}", key="own_file")
    hours = st.number_input("Hours to add", -168.0, 168.0, 0.0, 0.5, key="own_hours", width=_WIDE)
    return ShiftTime(int(number), round(hours * 3600)) if number and hours else None


def _cap(workspace: Workspace) -> Rule | None:
    column = st.selectbox("Amount", CAPPED, key="own_column")
    highest = st.number_input("Highest", 0.0, 9e13, 0.0, key="own_highest", width=_WIDE)
    return Cap(str(column), round(Decimal(str(highest)), 4)) if highest else None


def _busy(workspace: Workspace) -> Rule | None:
    per_hour = st.number_input(
        "More events in one hour than", 1, 1_000_000, 500, key="own_per_hour", width=_WIDE
    )
    return DropUsers(per_hour=int(per_hour))


def _named(workspace: Workspace) -> Rule | None:
    typed = st.text_area("User ids, one a line", key="own_users", height=90)
    users = tuple(sorted({one.strip() for one in typed.splitlines() if one.strip()}))
    return DropUsers(users=users) if users else None


def _merge(workspace: Workspace) -> Rule | None:
    limit = st.number_input(
        "Most users that may share one e-mail, phone or device", 2, 10_000, MERGE_LIMIT, key="own_limit",
        width=_WIDE,
    )  # fmt: skip
    return MergeUsers(int(limit))


_KINDS: Mapping[str, Callable[[Workspace], Rule | None]] = MappingProxyType({
    "Fold an event type": _fold,
    "Shift the clock of a file": _shift,
    "Cap an amount": _cap,
    "Leave out users who are too busy": _busy,
    "Leave out users by their ids": _named,
    "Merge users who share a key": _merge,
})  # fmt: skip


def show_own_rule(workspace: Workspace, *, busy: bool) -> None:
    """Choose a kind of rule, fill it in, save and apply it."""
    with st.expander("Add a rule by hand", icon=":material/add:"):
        kind = str(st.selectbox("What the rule does", list(_KINDS), key="own_kind"))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            rule = _KINDS[kind](workspace)
            go = st.button(
                "Save and apply", key="own_save", icon=":material/healing:", disabled=busy or rule is None
            )
        if rule is not None:
            note(rule.sentence())
    if go and rule is not None:
        mend(workspace, Rule.from_json(rule.to_json()))
