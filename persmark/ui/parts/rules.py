"""Quality rules on a page: saved, switched on and off, applied as a job."""

from __future__ import annotations

import json

import streamlit as st

from persmark import actions
from persmark.events import quality
from persmark.events.quality import Rule, SavedRule
from persmark.store import Workspace
from persmark.text import Text, text
from persmark.ui import state
from persmark.ui.progress import started
from persmark.ui.words import counted, note, plain, section, words

_WISH = "rule_to_switch"


def mend(workspace: Workspace, rule: Rule) -> None:
    """Save a rule and apply what is switched on."""
    actions.run(workspace, state.actor(), actions.SaveRule(rule=rule.to_json()))
    _apply(workspace, "The rule is saved; the events are written anew under it.")


def _apply(workspace: Workspace, sentence: str) -> None:
    actions.start(workspace, state.actor(), actions.ApplyRules())
    started(sentence)


def show_pending(workspace: Workspace, *, busy: bool) -> None:
    """That rules were changed since the events were written, with the button that applies them."""
    if busy or not quality.rules_pending(workspace):
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        note("The rules have changed since the events were written: what you see is from before.")
        if st.button("Apply the rules", key="apply_rules", type="primary", icon=":material/healing:"):
            _apply(workspace, "The events are being written anew.")


def _wish(rule_id: int) -> None:
    state.remember(_WISH, (rule_id, bool(state.chosen(f"rule_{rule_id}"))))


def _savers(workspace: Workspace) -> dict[int, str]:
    """Rule number -> who saved it last, as the audit tells."""
    rows = workspace.state.rows("audit", {"verb": "save rule"}, order="audit_id")
    return {int(json.loads(row["result"])["rule_id"]): str(row["actor"]) for row in rows}


def _standing(one: SavedRule, who: str) -> Text:
    """Since when the rule is there, by whom, and what it changed."""
    since = f"{one.saved_at[:10]} by {who}" if who else one.saved_at[:10]
    if one.applied:
        return counted(
            one.n_events,
            "Saved {day}. Changed or left out {n} event.",
            "Saved {day}. Changed or left out {n} events.",
            day=since,
        )
    return text("Saved {day}. Not applied yet." if one.active else "Saved {day}. Switched off.", day=since)


def show_rules(workspace: Workspace, *, busy: bool) -> None:
    """Every rule with its switch, and what it changed."""
    wish: tuple[int, bool] | None = state.recall(_WISH)
    if wish:
        state.forget(_WISH)
        actions.run(workspace, state.actor(), actions.SwitchRule(rule_id=wish[0], active=wish[1]))
        _apply(workspace, "The events are being written anew.")
    section(
        "Rules",
        "Rules are applied by writing the events anew from the files as they came; nothing is lost. "
        "Switch a rule off to undo it.",
    )
    saved = quality.saved_rules(workspace)
    if not saved:
        note(
            "No rule yet: each event stands as it came. Findings above offer the rules that would mend them."
        )
    savers = _savers(workspace)
    for one in reversed(saved):
        key = f"rule_{one.rule_id}"
        # The switch shows what is saved, whoever changed it; what a person does is a wish, granted above.
        state.fill_widget(key, one.active, again=True)
        with st.container(key=f"pm-rule-{one.rule_id}", gap=None):
            st.toggle(
                plain(words(one.rule.sentence())),
                key=key,
                on_change=_wish,
                args=(one.rule_id,),
                disabled=busy,
            )
            note(_standing(one, savers.get(one.rule_id, "")))
