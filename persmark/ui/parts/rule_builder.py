"""A segment's rule by clicks: conditions are added one by one, counts and the funnel follow at once."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from persmark import actions, profiles, segments
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui import charts, state
from persmark.ui.cache import cached
from persmark.ui.parts import events as event_parts
from persmark.ui.parts.opened import refuse_too_few, too_few
from persmark.ui.parts.people import catalogue_of
from persmark.ui.parts.saved import saved_versions
from persmark.ui.refusals import shown
from persmark.ui.show import show_chart, side_by_side
from persmark.ui.tables import show_table
from persmark.ui.words import Fact, facts, note, section, words

_SHOWN_OPERATORS = {
    "=": "is", "!=": "is not", "<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least",
    "in": "is one of", "not in": "is none of", "between": "is between", "contains": "contains",
    "starts with": "starts with", "is empty": "is empty", "is not empty": "is not empty",
}  # fmt: skip
_DEFAULT_OPERATORS = {"number": ">=", "text": "in", "time": ">=", "yes or no": "="}
_NAMES_SHOWN = 200
_SAMPLE = 20


def _join(rule: dict[str, Any] | None) -> tuple[str, list[dict[str, Any]]]:
    """How a draft's conditions are joined, and the conditions."""
    if not rule:
        return "all", []
    for word in ("all", "any"):
        if isinstance(rule.get(word), list):
            return word, list(rule[word])
    return "all", [rule]


def _ask_value(column: str, kind: str, operator: str, names: list[str], *, whole: bool) -> Any:
    """The value of a comparison; None while it is not given."""
    key = f"value_{column}_{operator}"
    if operator in ("is empty", "is not empty"):
        return None
    if kind == "text":
        if operator in ("in", "not in"):
            return st.multiselect("Values", names, key=key, accept_new_options=True) or None
        if operator in ("=", "!="):
            return st.selectbox("Value", names, index=None, key=key, accept_new_options=True)
        return st.text_input("Text", key=key) or None
    if kind == "time":
        if operator == "between":
            both = st.date_input("Between", value=[], key=key)
            return [day.isoformat() for day in both] if isinstance(both, tuple) and len(both) == 2 else None
        one = st.date_input("Day", value=None, key=key)
        return one.isoformat() if isinstance(one, date) else None
    if kind == "yes or no":
        return st.selectbox("Value", [True, False], key=key, format_func=lambda one: "yes" if one else "no")
    if operator == "between":
        low = st.number_input("From", value=0 if whole else 0.0, key=f"{key}_low")
        high = st.number_input("To", value=1 if whole else 1.0, key=f"{key}_high")
        return [_number(low), _number(high)]
    if operator in ("in", "not in"):
        typed = st.text_input("Numbers, comma between", key=key)
        found = [_number(float(one)) for one in typed.split(",") if _is_number(one)]
        return found or None
    return _number(st.number_input("Value", value=1 if whole else 1.0, key=key))


def _is_number(typed: str) -> bool:
    return typed.strip().replace(".", "", 1).replace("-", "", 1).isdigit()


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _names(_: Workspace, reader: Reader, column: str) -> list[str]:
    rows = profiles.distribution(reader, column, _NAMES_SHOWN).to_pylist()
    return [row["value"] for row in rows if row["value"] is not None]


def _ask_profile(workspace: Workspace) -> dict[str, Any] | None:
    features = {
        one.name: one for one in cached(catalogue_of, workspace) if one.name not in ("user_id", "as_of")
    }
    left, middle, right = st.columns([3, 2, 3])
    with left:
        column = str(
            st.selectbox(
                "Feature",
                list(features),
                index=list(features).index("recency_days"),
                format_func=lambda name: f"{features[name].title} · {features[name].unit}",
                key="rule_column",
            )
        )
    kind = segments.kind_of(features[column].dtype)
    operators = segments.OPERATORS[kind]
    with middle:
        operator = str(
            st.selectbox(
                "Comparison",
                operators,
                index=operators.index(_DEFAULT_OPERATORS[kind]),
                format_func=_SHOWN_OPERATORS.__getitem__,
                key=f"rule_operator_{kind}",
            )
        )
    with right:
        names = cached(_names, workspace, column) if kind == "text" else []
        value = _ask_value(
            column, kind, operator, names, whole=features[column].dtype in ("INTEGER", "BIGINT")
        )
    note(features[column].definition)
    if operator in ("is empty", "is not empty"):
        return {"column": column, "is": operator}
    return None if value is None else {"column": column, "is": operator, "value": value}


def _ask_behaviour(workspace: Workspace) -> dict[str, Any]:
    types = event_parts.overview(workspace).by_type["event_type"].tolist()
    one, two, three, four = st.columns(4)
    with one:
        event_type = st.selectbox("Did what", types, key="rule_event_type")
    with two:
        category = st.text_input("In category (empty = any)", key="rule_category")
    with three:
        times = st.number_input("At least times (0 = never)", 0, 10_000, 1, key="rule_times")
    with four:
        days = st.number_input("In the last days (0 = ever)", 0, 3650, 30, key="rule_days")
    asked: dict[str, Any] = {"event_type": event_type}
    if category.strip():
        asked["category"] = category.strip()
    asked["at_least" if times else "at_most"] = int(times)
    if days:
        asked["within_days"] = int(days)
    return {"events": asked}


def _ask_segment(workspace: Workspace) -> dict[str, Any] | None:
    listed = segments.list_segments(workspace)
    chosen = st.selectbox(
        "Is in segment",
        listed,
        format_func=lambda one: f"{words(one.title)} · {one.name}",
        key="rule_segment",
    )
    return {"segment": chosen.name} if chosen else None


def _adding(workspace: Workspace, join: str, clauses: list[dict[str, Any]]) -> None:
    with st.container(border=True):
        kind = st.segmented_control(
            "Add a condition on",
            ["Profile", "Behaviour", "Segment"],
            default="Profile",
            key="rule_kind",
            required=True,
        )
        asked = {
            "Profile": _ask_profile, "Behaviour": _ask_behaviour, "Segment": _ask_segment,
        }[str(kind)](workspace)  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center"):
            go = st.button(
                "Add condition", key="add_condition", icon=":material/add:", disabled=asked is None
            )
            opposite = st.checkbox("the opposite of it", key="rule_not")
    if go and asked:
        added = {"not": asked} if opposite else asked
        state.remember_rule({join: [*clauses, added]})
        st.rerun()


def _funnel(
    workspace: Workspace, reader: Reader, rule: str, _saved: tuple[tuple[str, int], ...]
) -> list[segments.ClauseCount]:
    return segments.count_by_clause(reader, json.loads(rule), saved=segments.saved_rules(workspace))


def _sample(
    workspace: Workspace, reader: Reader, rule: str, _saved: tuple[tuple[str, int], ...]
) -> pd.DataFrame:
    found: pd.DataFrame = segments.sample(
        reader, json.loads(rule), _SAMPLE, saved=segments.saved_rules(workspace)
    ).to_pandas()
    return found


def _show_conditions(join: str, clauses: list[dict[str, Any]], counts: list[segments.ClauseCount]) -> None:
    for place, one in enumerate(counts):
        with st.container(horizontal=True, vertical_alignment="center", key=f"condition-{place}"):
            note(
                text(
                    "{place}. {sentence}: {n} users",
                    place=place + 1,
                    sentence=one.sentence,
                    n=one.n_users,
                )
            )
            if st.button("Remove", key=f"remove_{place}", type="tertiary", icon=":material/close:"):
                left = [clause for position, clause in enumerate(clauses) if position != place]
                state.remember_rule({join: left} if left else None)
                st.rerun()


def show_builder(workspace: Workspace) -> None:
    """The draft: its conditions, how many users match, who they are, and a name to save it under."""
    section("Build a segment", "Add conditions; the count, the funnel and a sample follow at once.")
    with shown():
        join, clauses = _join(state.recall_rule())
        if len(clauses) > 1:
            picked = st.segmented_control(
                "Users must meet", ["all", "any"], default=join, key=f"join_{join}", required=True,
                format_func={"all": "all conditions", "any": "at least one"}.__getitem__,
            )  # fmt: skip
            if picked != join:
                state.remember_rule({str(picked): clauses})
                st.rerun()
        if clauses:
            _show_draft(workspace, join, clauses)
        _adding(workspace, join, clauses)


def _show_draft(workspace: Workspace, join: str, clauses: list[dict[str, Any]]) -> None:
    rule = {join: clauses}
    key, saved = json.dumps(rule, ensure_ascii=False), saved_versions(workspace)
    with st.container(horizontal=True):
        if st.button("Start over", key="clear_rule", type="tertiary", icon=":material/restart_alt:"):
            state.remember_rule(None)
            st.rerun()
    counts = cached(_funnel, workspace, key, saved)
    _show_conditions(join, clauses, counts)
    total = int(workspace.stats("profiles")["n_users"])
    n_users = counts[-1].n_left
    facts(
        [
            Fact("Users that match", f"{n_users:,}", text("of {n}", n=total)),
            Fact("Share", f"{n_users / total:.1%}" if total else "–", "of all users"),
            Fact("Conditions", str(len(clauses)), "all must hold" if join == "all" else "one is enough"),
        ]
    )
    left, right = side_by_side("draft")
    with left:
        steps = [("everyone", total), *((words(one.sentence), one.n_left) for one in counts)]
        table = pd.DataFrame(steps, columns=["clause", "n_users"])
        show_chart(charts.funnel(table), charts.read_funnel(table), table, "funnel")
    with right:
        if too_few(n_users):
            refuse_too_few()
        elif n_users:
            note(text("A sample of {n} of them, the same every time.", n=min(_SAMPLE, n_users)))
            show_table(cached(_sample, workspace, key, saved), "segment-sample", height=300)
        else:
            note("Nobody matches: loosen or remove a condition.")
    with st.form("save_segment", border=False):
        one, two = st.columns([3, 1], vertical_alignment="bottom")
        with one:
            name = st.text_input("Name of the segment", key="segment_name", max_chars=120)
        with two:
            go = st.form_submit_button(
                "Save segment", type="primary", key="save_rule", icon=":material/save:", width="stretch"
            )
    if go:
        actions.run(workspace, state.actor(), actions.SaveSegment(name=name, rule=rule))
        state.say_next("The segment is saved.")
        state.remember_rule(None)
        st.rerun()
