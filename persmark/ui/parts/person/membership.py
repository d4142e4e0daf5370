"""Which segments a user is in, and clause by clause why, or why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import streamlit as st

from persmark import profiles, segments
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui.cache import cached
from persmark.ui.parts.people import group_title
from persmark.ui.parts.person.among import inside, title_of
from persmark.ui.parts.saved import saved_versions
from persmark.ui.words import chips, counted, escaped, note, shown

_GROUPS = ("lifecycle", "rfm_segment")
_DEEPEST = 4


@dataclass(frozen=True)
class Clause:
    """One clause of a rule, for one user.

    Attributes:
        depth: 0 for the outermost ones.
        sentence: What it asks.
        holds: Whether it holds.
        theirs: What the user has instead, where the clause is about one figure.
    """

    depth: int
    sentence: Text
    holds: bool
    theirs: str


def _theirs(rule: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    column = rule.get("column")
    if column is None:
        inner = rule.get("not")
        return _theirs(inner, row) if isinstance(inner, Mapping) else ""
    value = row.get(str(column))
    if column in _GROUPS:
        return group_title(value)
    return shown(float(value) if isinstance(value, Decimal) else value)


def _clauses(workspace: Workspace, reader: Reader, user_id: str, name: str, _saved: object) -> list[Clause]:
    rule = segments.get_segment(workspace, name).rule
    saved, row = segments.saved_rules(workspace), profiles.profile(reader, user_id) or {}
    found: list[Clause] = []

    def tell(rule: Mapping[str, Any], depth: int) -> None:
        for one in segments.why(reader, rule, user_id, saved=saved):
            found.append(Clause(depth, one.sentence, one.holds, _theirs(one.rule, row)))
            # A group inside is opened; a rule that is no group is its own only clause.
            if depth < _DEEPEST and one.rule is not rule and ({"all", "any"} & set(one.rule)):
                tell(one.rule, depth + 1)

    tell(rule, 0)
    return found


def _list(clauses: Sequence[Clause]) -> None:
    items = "".join(
        f'<li class="{"pm-holds" if one.holds else "pm-fails"}" style="--pm-depth:{one.depth}">'
        f"<b>{'holds' if one.holds else 'does not'}</b><span>{escaped(one.sentence)}"
        + (f" <em>Theirs: {escaped(one.theirs)}.</em>" if one.theirs else "")
        + "</span></li>"
        for one in clauses
    )
    st.html(f'<ul class="pm-clauses">{items}</ul>')


def _verdict(title: str, member: bool, clauses: Sequence[Clause], any_of: bool) -> Text:
    outer = [one for one in clauses if not one.depth]
    failing = sum(not one.holds for one in outer)
    if member:
        return text("They are in '{name}'.", name=title)
    if any_of:
        return text("They are not in '{name}': none of its {n} clauses holds.", name=title, n=len(outer))
    return counted(
        failing,
        "They are not in '{name}': one of its {all} clauses does not hold.",
        "They are not in '{name}': {n} of its {all} clauses do not hold.",
        name=title,
        all=len(outer),
    )


def show_segments(workspace: Workspace, user_id: str) -> None:
    """The segments the user is in, and of a chosen one every clause with whether it holds."""
    saved = saved_versions(workspace)
    names = inside(workspace, user_id)
    every = segments.list_segments(workspace)
    titles = {one.name: title_of(one) for one in every}
    note(text("In {n} of {all} segments:", n=len(names), all=len(every)))
    chips([titles[name] for name in names])
    order = sorted(every, key=lambda one: (one.built_in, one.name not in names))
    chosen = str(
        st.selectbox(
            "Why, or why not",
            [one.name for one in order if one.name != segments.EVERYONE],
            format_func=lambda name: f"{titles[name]} · {'in' if name in names else 'not in'}",
            key="why_segment",
        )
    )
    clauses = cached(_clauses, workspace, user_id, chosen, saved)
    rule = next(one.rule for one in every if one.name == chosen)
    note(_verdict(titles[chosen], chosen in names, clauses, "any" in rule))
    _list(clauses)
