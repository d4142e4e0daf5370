"""The rule that would mend a finding: looked over, changed, saved and applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

import streamlit as st

from persmark.columns import EVENT_TYPES
from persmark.events.quality import Cap, DropUsers, Finding, FoldType, MergeUsers, Rule, ShiftTime
from persmark.store import Workspace
from persmark.ui.parts.rules import mend
from persmark.ui.words import note, plain

_WIDE = 260  # pixels of a control beside its button


def _shift(rule: ShiftTime, key: str) -> Rule:
    hours = st.number_input(
        "Hours to add",
        -168.0,
        168.0,
        rule.seconds / 3600,
        0.5,
        key=key,
        help="Negative: it happened earlier.",
        width=_WIDE,
    )
    return replace(rule, seconds=round(hours * 3600))


def _fold(rule: FoldType, key: str) -> Rule:
    options = list(dict.fromkeys([rule.new, *(name for name in EVENT_TYPES if name != rule.old)]))
    new = st.selectbox(
        f"'{plain(rule.old)}' counts as", options, key=key, accept_new_options=True, width=_WIDE
    )
    return replace(rule, new=str(new or rule.new))


def _cap(rule: Cap, key: str) -> Rule:
    highest = st.number_input(f"Highest {rule.column}", 0.0, 9e13, float(rule.maximum), key=key, width=_WIDE)
    return replace(rule, maximum=round(Decimal(str(highest)), 4))


def _merge(rule: MergeUsers, key: str) -> Rule:
    limit = st.number_input(
        "Most users that may share one e-mail, phone or device", 2, 10_000, rule.limit, key=key, width=_WIDE,
        help="What more users share is a till or a family computer, and links nobody.",
    )  # fmt: skip
    return replace(rule, limit=int(limit))


def _drop(rule: DropUsers, key: str) -> Rule:
    if rule.users:
        chosen = st.multiselect("Users to leave out", rule.users, list(rule.users), key=key, width=_WIDE)
        return replace(rule, users=tuple(chosen))
    per_hour = st.number_input(
        "More events in one hour than", 1, 1_000_000, rule.per_hour, key=key, width=_WIDE
    )
    return replace(rule, per_hour=int(per_hour))


_ASK: Mapping[type[Rule], Callable[..., Rule]] = MappingProxyType(
    {ShiftTime: _shift, FoldType: _fold, Cap: _cap, MergeUsers: _merge, DropUsers: _drop}
)


# What to do about findings that no rule mends.
_HINTS: Mapping[str, str] = MappingProxyType({
    "unknown_types": "Fold them into a type that is known: add a rule by hand, below.",
    "rejected": "The Events page tells why, hands them out, and takes them back once they are mended.",
    "negative": "If they are cancellations, load the file again with a row below zero as a refund.",
})  # fmt: skip


def offer_fix(workspace: Workspace, finding: Finding, *, busy: bool) -> None:
    """The finding's rule in a form; what it would do is said before it is done."""
    if finding.fix is None:
        if finding.key in _HINTS:
            note(_HINTS[finding.key])
        return
    key = f"{finding.key}_{finding.source_id or 0}_{_mark(finding.fix)}"
    with (
        st.form(f"fix_{key}", border=False),
        st.container(horizontal=True, vertical_alignment="bottom", key=f"pm-fix-{key}"),
    ):
        rule = _ASK[type(finding.fix)](finding.fix, f"fix_{key}_value")
        go = st.form_submit_button(
            "Mend by a rule", key=f"fix_{key}_go", icon=":material/healing:", disabled=busy
        )
    if go:
        mend(workspace, Rule.from_json(rule.to_json()))


def _mark(rule: Rule) -> str:
    """What tells two fixes of one finding apart, in a key."""
    return rule.old if isinstance(rule, FoldType) else rule.column if isinstance(rule, Cap) else rule.kind
