"""What a file's columns and values mean, as proposed and as a person changes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import streamlit as st

from persmark import events
from persmark.columns import EVENT_TYPES
from persmark.events import TIME_FORMATS
from persmark.events.names import fold
from persmark.events.vocabulary import EVENT_TYPE_NAMES
from persmark.text import Text, text
from persmark.ui import state
from persmark.ui.words import counted, note, plain, words

NOT_HERE = "–"
_ZONES = (
    "UTC", "America/New_York", "America/Los_Angeles", "Europe/London", "Europe/Berlin", "Asia/Shanghai",
    "Asia/Tokyo", "Australia/Sydney",
)  # fmt: skip
_FIRST_TARGETS = 6
_TYPES_SHOWN = 9
_TYPES_ASKED = 60
_FIELDS: Mapping[str, str] = MappingProxyType({
    "time_format": "Times are written as",
    "time_zone": "Times without a zone are in",
    "event_type": "Every row is a (where no column says)",
    "value_of": "The value is money of",
})  # fmt: skip
# Field of a mapping -> answer -> how people say it.
_ANSWERS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "phone_ids": {"phone": "Phone numbers: kept as pseudonyms", "plain": "Plain ids: kept as they are"},
    "value_of": {"line": "the whole row", "unit": "one piece, times the quantity"},
    "short_rows": {"reject": "rejected, with their line", "null": "loaded, what is missing as blank"},
    "unpivot_into": {"quantity": "a quantity", "value": "money"},
    "drop_repeats": {"False": "kept and flagged", "True": "dropped as duplicates"},
    "negative_refunds": {"False": "stays what it is", "True": "is a refund"},
})  # fmt: skip
_KEYS: Mapping[str, str] = MappingProxyType(
    {"email": "E-mail", "phone": "Phone", "device": "Device or browser id", "user_id": "Another user id"}
)


def said(field: str, value: object) -> str:
    """An answer as people say it; data stays as it is."""
    if field == "time_format" and str(value) in TIME_FORMATS:
        return words(TIME_FORMATS[str(value)])
    return _ANSWERS.get(field, {}).get(str(value), str(value))


def ask_columns(proposal: events.Proposal, proposed: Mapping[str, str], *, again: bool) -> dict[str, str]:
    """A choice of the file's column for each meaning; what is proposed is filled in."""
    targets = events.TARGETS[proposal.kind]
    ordered = sorted(targets, key=lambda name: (not targets[name].required, name not in proposed))
    first = max(_FIRST_TARGETS, sum(name in proposed for name in targets))
    options = [NOT_HERE, *proposal.columns]
    chosen: dict[str, str] = {}

    def ask(names: Sequence[str]) -> None:
        grid = st.columns(3)
        for position, name in enumerate(names):
            target = targets[name]
            wanted = proposed.get(name, NOT_HERE)
            state.fill_widget(f"map_{name}", wanted if wanted in options else NOT_HERE, again=again)
            with grid[position % 3]:
                column = st.selectbox(
                    words(target.title) + (" (needed)" if target.required else ""),
                    options,
                    key=f"map_{name}",
                    help=words(target.help) or None,
                )
            if column != NOT_HERE:
                chosen[name] = str(column)

    ask(ordered[:first])
    if ordered[first:]:
        with st.expander("More meanings a column can have", type="compact"):
            ask(ordered[first:])
    return chosen


def _zone(label: str, key: str) -> str | None:
    now = state.chosen(key)
    options = list(dict.fromkeys([*_ZONES, *([str(now)] if now else [])]))
    return st.selectbox(
        label, options, key=key, accept_new_options=True, index=None, placeholder="Choose or type a zone"
    )


def _ask_field(field: str, label: str, options: Sequence[str]) -> str | None:
    """The control of one field; its value is in its widget already, None while open."""
    if field == "time_zone":
        return _zone(label, field)
    if field == "event_type":
        now = state.chosen(field)
        known = list(dict.fromkeys([*options, *EVENT_TYPES, *([str(now)] if now else [])]))
        return st.selectbox(
            label, known, key=field, accept_new_options=True, index=None, placeholder="Choose or type a type"
        )
    return st.radio(label, options, format_func=lambda one: plain(said(field, one)), key=field, index=None)


def ask_questions(
    proposal: events.Proposal, answered: Mapping[str, Any], *, again: bool
) -> tuple[dict[str, Any], list[Text]]:
    """What the file leaves open: questions that must be answered, then those with an assumption.

    Args:
        proposal: The file as it was looked at.
        answered: Answers of a saved mapping, which ask nobody again.
        again: Fill the controls anew.

    Returns:
        Field of the mapping -> answer, and the questions that are still open.
    """
    found: dict[str, Any] = {}
    still_open: list[Text] = []
    asked = sorted(proposal.questions, key=lambda one: one.assumed is not None)
    if not asked:
        return found, still_open
    with st.container(border=True, key="questions"):
        for question in asked:
            begin = answered.get(question.key) or question.assumed
            state.fill_widget(question.key, begin, again=again)
            answer = _ask_field(question.key, plain(words(question.text)), question.options)
            if answer:
                found[question.key] = answer
            else:
                still_open.append(question.text)
    return found, still_open


def _asked(proposal: events.Proposal) -> set[str]:
    """Fields that a question asks for already: they have no second control."""
    return {question.key for question in proposal.questions}


def ask_values(
    proposal: events.Proposal,
    mapping: events.Mapping,
    chosen: Mapping[str, str],
    *,
    again: bool,
) -> dict[str, Any]:
    """How times, types and repeats are read, where no question asks it already."""
    if proposal.kind != "events":
        return {}
    fields = [name for name in _FIELDS if name not in _asked(proposal)]
    if "event_type" in chosen:
        fields = [name for name in fields if name != "event_type"]
    if "quantity" not in chosen or "value" not in chosen:
        fields = [name for name in fields if name != "value_of"]
    found: dict[str, Any] = {}
    grid = st.columns(3)
    for position, name in enumerate(fields):
        state.fill_widget(name, getattr(mapping, name), again=again)
        with grid[position % 3]:
            if name == "time_format":
                found[name] = st.selectbox(
                    _FIELDS[name],
                    list(TIME_FORMATS),
                    format_func=lambda one: said("time_format", one),
                    key=name,
                )
            elif name == "value_of":
                found[name] = _choose(name, _FIELDS[name], mapping, again=again)
            else:
                found[name] = _ask_field(name, _FIELDS[name], (str(getattr(mapping, name)),))
    return {name: value for name, value in found.items() if value}


def _choose(field: str, label: str, mapping: events.Mapping, *, again: bool) -> str:
    """One of the few values that a field of the mapping can have."""
    options = list(_ANSWERS[field])
    state.fill_widget(field, str(getattr(mapping, field)), again=again)
    return str(st.selectbox(label, options, format_func=lambda one: said(field, one), key=field))


def ask_rows(
    proposal: events.Proposal, mapping: events.Mapping, chosen: Mapping[str, str], *, again: bool
) -> dict[str, Any]:
    """What becomes of repeats, short rows, cancellations."""
    found: dict[str, Any] = {}
    with st.expander("Repeats, short rows, cancellations", type="compact"):
        grid = st.columns(3)
        with grid[0]:
            found["drop_repeats"] = (
                _choose("drop_repeats", "Rows that are identical are", mapping, again=again) == "True"
            )
        with grid[1]:
            found["short_rows"] = _choose("short_rows", "Rows with too few cells are", mapping, again=again)
        if proposal.kind != "events":
            return found
        with grid[2]:
            found["negative_refunds"] = (
                _choose("negative_refunds", "A row below zero", mapping, again=again) == "True"
            )
        if "order_id" in chosen:
            state.fill_widget("refund_prefix", mapping.refund_prefix, again=again)
            with grid[0]:
                found["refund_prefix"] = st.text_input(
                    "Orders that begin so are cancelled", key="refund_prefix", placeholder="C, as in C536379"
                ).strip()
    return found


def ask_types(
    proposal: events.Proposal,
    mapping: events.Mapping,
    spellings: Mapping[str, int],
    *,
    again: bool,
) -> dict[str, str]:
    """What each spelling of an event type means; ones that nobody knows are kept and marked.

    Args:
        proposal: The file as it was looked at.
        mapping: What is proposed.
        spellings: The file's spelling -> rows of the first ones that have it.
        again: Fill the controls anew.
    """
    found = {raw: name for raw, name in mapping.event_types.items() if raw not in spellings}
    unknown = [raw for raw in spellings if _meaning(raw, mapping) not in EVENT_TYPES]
    # Those that want a look come first.
    ordered = sorted(spellings, key=lambda raw: raw not in unknown)[:_TYPES_ASKED]
    if not ordered:
        return found
    title = counted(len(spellings), "What the event type means", "What the {n} event types mean")
    about = (
        counted(
            len(unknown),
            "'{first}' is no type we know: it is kept as it is unless you choose one.",
            "{n} of them are no types we know: they are kept as they are unless you choose one.",
            first=unknown[0],
        )
        if unknown
        else text("Spellings are folded into one vocabulary; the file itself stays as it is.")
    )
    with st.expander(words(title), type="compact", expanded=bool(unknown)):
        note(about)
        for position, raw in enumerate(ordered):
            if not position % 3:
                grid = st.columns(3, vertical_alignment="bottom")
            key = f"type_{raw}"
            keep = _meaning(raw, mapping) if raw in unknown else raw
            options = list(dict.fromkeys([*EVENT_TYPES, _meaning(raw, mapping), keep]))
            state.fill_widget(key, _meaning(raw, mapping), again=again)
            now = str(state.chosen(key))
            with grid[position % 3]:
                name = st.selectbox(
                    f"{plain(raw)}  ·  {spellings[raw]:,}×" + ("  ·  not known" if raw in unknown else ""),
                    list(dict.fromkeys([*options, now])),
                    format_func=partial(_kept, raw if raw in unknown else ""),
                    key=key,
                    accept_new_options=True,
                )
            # Also to keep a spelling that the vocabulary would fold.
            if name and (name != raw or EVENT_TYPE_NAMES.get(fold(raw), raw) != raw):
                found[raw] = str(name)
        if len(spellings) > len(ordered):
            note(text("{n} rarer spellings are read as proposed.", n=len(spellings) - len(ordered)))
    return found


def _kept(raw: str, name: str) -> str:
    return f"kept as {name}" if name == raw else name


def _meaning(raw: str, mapping: events.Mapping) -> str:
    """What a spelling is taken for: as the mapping says, else by the vocabulary, else itself."""
    return mapping.event_types.get(raw) or EVENT_TYPE_NAMES.get(fold(raw), raw)


def ask_keys(proposal: events.Proposal, mapping: events.Mapping, *, again: bool) -> dict[str, str]:
    """What else tells who a user is, so that ids of several files become one user."""
    if proposal.kind == "items":
        return {}
    options = [NOT_HERE, *proposal.columns]
    found: dict[str, str] = {}
    with st.expander(
        "Who is who: ids that belong to one person", type="compact", expanded=bool(mapping.keys)
    ):
        grid = st.columns(2)
        for position, (key, title) in enumerate(_KEYS.items()):
            wanted = mapping.keys.get(key, NOT_HERE)
            state.fill_widget(f"key_{key}", wanted if wanted in options else NOT_HERE, again=again)
            with grid[position % 2]:
                column = st.selectbox(title, options, key=f"key_{key}")
            if column != NOT_HERE:
                found[key] = str(column)
        named = " or ".join(_KEYS[key].lower() for key in found)
        note(
            text(
                "Users who share the same {keys} become one user, in this file and across files. The values "
                "are kept as keyed pseudonyms; what was merged is listed on Data quality and can be undone.",
                keys=named,
            )
            if found
            else "Nothing is merged: every user id stays a user of its own."
        )
    return found


def ask_unpivot(
    proposal: events.Proposal, mapping: events.Mapping, chosen: Mapping[str, str], *, again: bool
) -> dict[str, Any]:
    """Wide files: which columns are items, and what stands in their cells."""
    if proposal.kind != "events":
        return {}
    free = [name for name in proposal.columns if name not in chosen.values()]
    wide = [*mapping.unpivot, *(name for name in free if name not in mapping.unpivot)]
    if not wide:
        return {"unpivot": {}}
    state.fill_widget("unpivot", list(mapping.unpivot), again=again)
    with st.expander("Wide file: one column per item", type="compact", expanded=bool(mapping.unpivot)):
        note("Each cell of these columns that is not blank or zero becomes an event of its own.")
        picked = st.multiselect("Columns that are items", wide, key="unpivot")
        found: dict[str, Any] = {"unpivot": {name: mapping.unpivot.get(name, name) for name in picked}}
        if picked and "unpivot_into" not in _asked(proposal):
            found["unpivot_into"] = _choose("unpivot_into", "Their cells hold", mapping, again=again)
    return found
