"""What a visit remembers: the workspace, who is acting, drafts. Nothing else touches session state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from persmark import actions
from persmark.store import Workspace, list_workspaces, open_workspace

_WORKSPACE = "workspace"
_NEXT = "_next_workspace"
_SAID = "_said"
_REFUSED = "_refused"
_WIDGETS = "_widgets"
_RULE = "rule"
_RULE_SEEN = "rule_seen"

KINDS = {"sample": "grocery data", "demo": "synthetic", "own": "yours"}


def actor() -> actions.Actor:
    """Who is acting; on one's own machine there is nobody to log in as."""
    return actions.Actor()


def _label(name: str) -> str:
    """A workspace's name with what it is, so that invented data is never taken for real."""
    kind = {"sample": "sample", "demo": "demo"}.get(name) or open_workspace(name).kind
    return f"{name} · {KINDS.get(kind, kind)}"


def pick_workspace() -> str | None:
    """The picker; returns a name that the address asked for in vain.

    The address carries the name rather than the label, so that links outlive wording.
    """
    names = list_workspaces()
    asked = st.query_params.get(_WORKSPACE)
    chosen = st.session_state.get(_WORKSPACE)
    sent = st.session_state.pop(_NEXT, None)
    wanted = sent or (asked if chosen is None else chosen)
    if wanted in names:
        st.session_state[_WORKSPACE] = wanted
    elif chosen is not None:
        del st.session_state[_WORKSPACE]
    picked = st.selectbox("Workspace", names, format_func=_label, key=_WORKSPACE, filter_mode=None)
    if picked and asked != picked:
        st.query_params[_WORKSPACE] = picked
    if sent in names:
        return None
    # Deleted under our eyes, by another visit: said as well, for other figures stand there now.
    missed = chosen if isinstance(chosen, str) and chosen not in names else asked
    return missed if missed and missed not in names else None


def workspace() -> Workspace:
    """The workspace that is being looked at."""
    return open_workspace(st.session_state[_WORKSPACE])


def switch_workspace(name: str) -> None:
    """Look at another workspace from the next run on, and run."""
    st.session_state[_NEXT] = name
    st.rerun()


def keep_refusal(title: str, message: str, hint: str) -> None:
    """Keep a refusal that outlives the workspace it is about, until it is put away."""
    st.session_state[_REFUSED] = (title, message, hint)


def kept_refusal() -> tuple[str, str, str] | None:
    """Title, message and hint of it."""
    found: tuple[str, str, str] | None = st.session_state.get(_REFUSED)
    return found


def put_refusal_away() -> None:
    """Show it no longer."""
    st.session_state.pop(_REFUSED, None)


def recall(key: str, default: Any = None) -> Any:
    """A draft of this visit in this workspace."""
    return st.session_state.get(f"_{st.session_state.get(_WORKSPACE)}_{key}", default)


def remember(key: str, value: object) -> None:
    """Keep a draft for this visit in this workspace."""
    st.session_state[f"_{st.session_state.get(_WORKSPACE)}_{key}"] = value


def forget(key: str) -> None:
    """Drop a draft."""
    st.session_state.pop(f"_{st.session_state.get(_WORKSPACE)}_{key}", None)


def set_next_widget(key: str, value: object) -> None:
    """Give a widget its value in the coming run, which may draw it before this point."""
    st.session_state.setdefault(_WIDGETS, {})[key] = value


def apply_next_widgets() -> None:
    """At the start of a run: values that the last run left for widgets."""
    for key, value in st.session_state.pop(_WIDGETS, {}).items():
        st.session_state[key] = value


def fill_widget(key: str, value: object, *, again: bool) -> None:
    """Before a widget is drawn: its value where it has none yet, or once more with `again`.

    A widget that was not drawn for a run has lost its value; one that stands keeps what a person chose.
    """
    if again or key not in st.session_state:
        st.session_state[key] = value


def is_new(part: str, basis: object) -> bool:
    """Whether a part of a page now stands on another ground than when this was asked last."""
    if recall(part) == basis:
        return False
    remember(part, basis)
    return True


def chosen(key: str) -> Any:
    """What a widget holds before it is drawn in this run; None where it never was."""
    return st.session_state.get(key)


def linked(name: str) -> str:
    """What a link to this page carried under a name; empty without."""
    return str(st.query_params.get(name, ""))


def begin_linked(key: str, options: Sequence[str]) -> None:
    """Before a widget is drawn: what the address names, where the widget has no value yet."""
    if (asked := linked(key)) in options:
        fill_widget(key, asked, again=False)


def keep_linked(key: str, value: str | None) -> None:
    """Keep a choice in the address under its plain name; None takes it out.

    A bound widget would write its label there, which changes with the figures in it.
    """
    if value is not None:
        st.query_params[key] = value
    elif key in st.query_params:
        del st.query_params[key]


def recall_rule() -> dict[str, Any] | None:
    """The draft of a rule: of this visit, else from the address, so that links and refreshes keep it."""
    if recall(_RULE_SEEN):
        drafted: dict[str, Any] | None = recall(_RULE)
        if drafted:
            st.query_params[_RULE] = json.dumps(drafted, ensure_ascii=False)
        return drafted
    remember(_RULE_SEEN, True)
    try:
        linked = json.loads(st.query_params.get(_RULE, "null"))
    except ValueError:
        linked = None
    remember(_RULE, linked if isinstance(linked, dict) else None)
    return recall_rule()


def remember_rule(rule: dict[str, Any] | None) -> None:
    """Keep the draft of a rule, here and in the address."""
    remember(_RULE_SEEN, True)
    remember(_RULE, rule)
    if rule is None and _RULE in st.query_params:
        del st.query_params[_RULE]


def copy_widget(source: str, target: str) -> None:
    """In a callback: what was picked in one widget becomes the value of another."""
    if st.session_state.get(source) is not None:
        st.session_state[target] = st.session_state[source]


def say_next(sentence: str) -> None:
    """Say something after the coming rerun."""
    st.session_state[_SAID] = sentence


def say_what_was_done() -> None:
    """Say it, once."""
    from persmark.ui.words import plain

    sentence = st.session_state.pop(_SAID, None)
    if sentence:
        st.toast(plain(sentence), icon=":material/check_circle:")
