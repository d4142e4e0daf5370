"""Forms of what people did: how often, when, with what; and one thing after another."""

from __future__ import annotations

from typing import Any

import streamlit as st

from persmark import segments
from persmark.store import Reader, Workspace
from persmark.ui.cache import cached
from persmark.ui.parts import events as event_parts
from persmark.ui.parts.palette import event_word, values_of
from persmark.ui.words import note

_TIMES = {"at least": "at least", "at most": "at most", "between": "between", "never": "never"}
_WHEN = {"within": "in the last", "ever": "ever", "before": "longer ago than", "between": "between"}
_FIELDS = {
    "category": "Category", "brand": "Brand", "item_id": "Item", "channel": "Channel",
    "campaign_id": "Campaign", "kind": "Kind", "order_id": "Order",
}  # fmt: skip
_MONEY = "money"
_OFFERED = 500
_MOST_STEPS = 5
_MOST_TIMES = 1_000_000
_MOST_DAYS = 36_500


def _items(_: Workspace, reader: Reader) -> dict[str, str]:
    rows = segments.offered_items(reader).to_pylist()
    return {row["item_id"]: row["title"] or "" for row in rows}


def _listed(value: Any) -> list[str]:
    return (
        []
        if value is None
        else [str(one) for one in value]
        if isinstance(value, list | tuple)
        else [str(value)]
    )


def _whole(value: Any, default: int) -> int | float:
    """A number as its field should begin: whole where it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return int(value) if float(value).is_integer() else float(value)


def _days(label: str, begun: Any, key: str) -> int | float:
    value = _whole(begun, 30)
    if isinstance(value, float):
        return float(
            st.number_input(label, min_value=0.01, max_value=float(_MOST_DAYS), value=value, key=key)
        )
    return int(st.number_input(label, min_value=1, max_value=_MOST_DAYS, value=max(value, 1), key=key))


def _types(workspace: Workspace, begun: Any, key: str, label: str) -> list[str]:
    offered = event_parts.overview(workspace).by_type["event_type"].tolist()
    chosen = _listed(begun)
    names = list(dict.fromkeys([*offered, *chosen]))
    found: list[str] = st.multiselect(
        label, names, default=chosen, key=key, format_func=event_word,
        placeholder="anything",
    )  # fmt: skip
    return found


def _values(workspace: Workspace, field: str, begun: Any, key: str) -> list[str]:
    """Values of a field, suggested from the data; others can be typed."""
    chosen = _listed(begun)
    titles = cached(_items, workspace) if field == "item_id" else {}
    offered = list(titles) if field == "item_id" else cached(values_of, workspace, field, _OFFERED)

    def shown(value: str) -> str:
        return f"{titles[value]} · {value}" if titles.get(value) else value

    found: list[str] = st.multiselect(
        _FIELDS[field], list(dict.fromkeys([*offered, *chosen])), default=chosen, key=key, format_func=shown,
        accept_new_options=True, placeholder="any",
    )  # fmt: skip
    return found


def _put(asked: dict[str, Any], name: str, values: list[str]) -> None:
    """One value as itself, several as a list, none not at all."""
    if values:
        asked[name] = values[0] if len(values) == 1 else values


def _there(workspace: Workspace, reader: Reader) -> tuple[str, ...]:
    """Fields that any event or item of this workspace fills."""
    return tuple(
        field for field in _FIELDS if field != "order_id" and segments.offered_values(reader, field, 1)
    )


def _frequency(begun: dict[str, Any]) -> str:
    low, high = begun.get("at_least"), begun.get("at_most")
    if high == 0 and not low:
        return "never"
    if low is not None and high is not None:
        return "between"
    return "at most" if high is not None else "at least"


def _ask_times(begun: dict[str, Any], key: str) -> dict[str, int]:
    left, right = st.columns([3, 2])
    with left:
        how = str(
            st.selectbox(
                "How often", list(_TIMES), index=list(_TIMES).index(_frequency(begun)), key=f"{key}_how",
                format_func=_TIMES.__getitem__,
            )
        )  # fmt: skip
    with right:
        if how == "never":
            return {"at_most": 0}
        if how == "between":
            low = st.number_input("From", 0, _MOST_TIMES, int(begun.get("at_least") or 1), key=f"{key}_low")
            high = st.number_input("To", 0, _MOST_TIMES, int(begun.get("at_most") or 3), key=f"{key}_high")
            return {"at_least": int(low), "at_most": max(int(high), int(low))}
        name = "at_least" if how == "at least" else "at_most"
        value = begun.get(name)
        times = st.number_input(
            "Times", 0, _MOST_TIMES, int(1 if value is None else value), key=f"{key}_times"
        )
    return {name: int(times)}


def _ask_when(begun: dict[str, Any], key: str) -> dict[str, float]:
    within, until = begun.get("within_days"), begun.get("until_days")
    now = (
        "between" if within is not None and until is not None
        else "within" if within is not None else "before" if until is not None else "ever"
    )  # fmt: skip
    left, right = st.columns([3, 2])
    with left:
        when = str(
            st.selectbox(
                "When", list(_WHEN), index=list(_WHEN).index(now), key=f"{key}_when",
                format_func=_WHEN.__getitem__,
            )
        )  # fmt: skip
    with right:
        if when == "ever":
            return {}
        if when == "within":
            return {"within_days": _days("Days", within, f"{key}_within")}
        if when == "before":
            return {"until_days": _days("Days", until, f"{key}_until")}
        near = _days("Days ago, from", _whole(until, 30), f"{key}_near")
        far = _days("to", _whole(within, 90), f"{key}_far")
    return (
        {"within_days": max(near, far), "until_days": min(near, far)} if near != far else {"within_days": far}
    )


def _ask_money(begun: dict[str, Any], key: str) -> dict[str, float]:
    """Bounds of what was spent; a field left empty is none."""
    found: dict[str, float] = {}
    left, right = st.columns(2)
    for place, name, label in (
        (left, "spent_at_least", "Spent at least"), (right, "spent_at_most", "Spent at most"),
    ):  # fmt: skip
        with place:
            value = begun.get(name)
            typed = st.number_input(
                label, value=None if value is None else float(value), key=f"{key}_{name}", placeholder="any"
            )
            if typed is not None:
                found[name] = int(typed) if float(typed).is_integer() else float(typed)
    return found


def behaviour_form(workspace: Workspace, begun: dict[str, Any], key: str) -> dict[str, Any] | None:
    """How many of which events, when, and what they came to."""
    asked: dict[str, Any] = {}
    _put(asked, "event_type", _types(workspace, begun.get("event_type"), f"{key}_type", "Did what"))
    left, right = st.columns(2)
    with left:
        times = _ask_times(begun, key)
    with right:
        when = _ask_when(begun, key)
    there = cached(_there, workspace)
    used = [name for name in _FIELDS if begun.get(name) is not None]
    money = [_MONEY] if {"spent_at_least", "spent_at_most"} & set(begun) else []
    offered = list(dict.fromkeys([*there, *used, _MONEY]))
    first = [name for name in ("category",) if name in there]
    narrowed = st.pills(
        "Narrow to", offered, selection_mode="multi", default=[*dict.fromkeys([*first, *used]), *money],
        format_func=lambda name: "Money spent" if name == _MONEY else _FIELDS[name], key=f"{key}_narrow",
    )  # fmt: skip
    fields = [name for name in _FIELDS if name in narrowed]
    places = st.columns(2) if len(fields) > 1 else [st.container()]
    for number, name in enumerate(fields):
        with places[number % len(places)]:
            _put(asked, name, _values(workspace, name, begun.get(name), f"{key}_{name}"))
    spent = _ask_money(begun, key) if _MONEY in narrowed else {}
    # Where money is asked for, how often may be left open: at least 0 times asks nothing.
    if spent and times == {"at_least": 0}:
        times = {}
    return {"events": {**asked, **times, **when, **spent}}


def sequence_form(workspace: Workspace, rule: dict[str, Any], key: str) -> dict[str, Any] | None:
    """One event after the other, and how long it may take."""
    begun = [dict(one) for one in rule["sequence"]]
    n_steps = int(
        st.number_input("Steps", 2, max(_MOST_STEPS, len(begun)), max(len(begun), 2), key=f"{key}_steps")
    )
    steps: list[dict[str, Any]] = []
    for number in range(n_steps):
        here = begun[number] if number < len(begun) else {}
        step: dict[str, Any] = {}
        left, right = st.columns([2, 3])
        with left:
            label = "First" if number == 0 else "Then"
            _put(step, "event_type", _types(workspace, here.get("event_type"), f"{key}_{number}_type", label))
        with right:
            _put(step, "category", _values(workspace, "category", here.get("category"), f"{key}_{number}_c"))
        # What the form has no field for stays as it was.
        steps.append({**{name: value for name, value in here.items()
                         if name not in ("event_type", "category")}, **step})  # fmt: skip
    left, right = st.columns(2)
    with left:
        within = st.number_input(
            "All within days (empty = however long)", min_value=1, value=_empty(rule.get("within_days")),
            key=f"{key}_within",
        )  # fmt: skip
    with right:
        last = st.number_input(
            "In the last days (empty = ever)", min_value=1, value=_empty(rule.get("last_days")),
            key=f"{key}_last",
        )  # fmt: skip
    if not all(steps):
        note("Say of each step what it is.")
        return None
    asked: dict[str, Any] = {"sequence": steps}
    if within:
        asked["within_days"] = within
    if last:
        asked["last_days"] = last
    return asked


def _empty(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and value >= 1 else None
