"""The draft as a sentence, as JSON that can be pasted in, as SQL."""

from __future__ import annotations

import json

import streamlit as st

from persmark import profiles, segments
from persmark.errors import InputError
from persmark.segments import drafts
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui.cache import cached
from persmark.ui.parts import drafting
from persmark.ui.parts.segment_figures import Look
from persmark.ui.refusals import shown
from persmark.ui.words import note, reading

_LONGEST = 200_000


def _columns(_: Workspace, reader: Reader) -> dict[str, str]:
    return profiles.profile_columns(reader)


def read_json(typed: str) -> dict[str, object]:
    """What was pasted, as a rule that is checked later.

    Raises:
        InputError: It is no JSON object; the message says where it breaks.
    """
    if len(typed) > _LONGEST:
        raise InputError(
            text("A rule's JSON must have at most {n} characters. Received: {m}.", n=_LONGEST, m=len(typed)),
            title="Rule not understood",
        )
    try:
        found = json.loads(typed)
    except ValueError as error:
        where = getattr(error, "lineno", None)
        raise InputError(
            text("A rule must be JSON. Received: text that breaks in line {line}, {problem}.",
                 line=where or 1, problem=getattr(error, "msg", "no JSON")),
            title="Rule not understood", hint="Compare it with the JSON of the rule above.",
        ) from error  # fmt: skip
    except RecursionError as error:
        raise InputError(
            text("A rule must be at most 30 levels deep. Received: a deeper one."),
            title="Rule not understood",
        ) from error
    if not isinstance(found, dict):
        raise InputError(
            text("A rule must be a JSON object. Received: {kind}.", kind=type(found).__name__),
            title="Rule not understood", hint='For example {"all": []}.',
        )  # fmt: skip
    # What a segment's export holds beside the rule is left out.
    return dict(found["rule"]) if isinstance(found.get("rule"), dict) else found


def show_text(workspace: Workspace, found: Look) -> None:
    """Three ways to read the draft, one of them to write."""
    saved = segments.saved_rules(workspace)
    reading(segments.describe(found.asked, saved=saved))
    left, right = st.columns(2)
    with left:
        typed = st.text_area(
            "JSON: change it, or paste a rule",
            json.dumps(found.asked, ensure_ascii=False, indent=2),
            height=300,
            key=f"rule_json_{drafting.form_number()}",
        )
        if st.button("Use this JSON", key="use_json", icon=":material/data_object:"):
            with shown():
                rule = read_json(str(typed or ""))
                segments.to_sql(rule, saved=saved, columns=cached(_columns, workspace))
                drafting.change(drafts.draft_of(rule))
                st.rerun()
    with right:
        note("SQL that lists these users, values written out; it runs on DuckDB as it stands.")
        st.code(
            segments.readable_sql(found.asked, saved=saved, columns=cached(_columns, workspace)),
            "sql",
            height=300,
        )
