"""The form of one condition: every kind of it, filled with what it says already."""

from __future__ import annotations

from datetime import date
from typing import Any

import streamlit as st

from persmark import profiles, segments
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui.cache import cached
from persmark.ui.parts.behaviour_form import behaviour_form, sequence_form
from persmark.ui.parts.palette import USUAL_SCORES, lists_of, targets_of
from persmark.ui.parts.people import catalogue_of, group_title
from persmark.ui.words import note, significant, words

_SHOWN_OPERATORS = {
    "=": "is", "!=": "is not", "<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least",
    "in": "is one of", "not in": "is none of", "between": "is between", "contains": "contains",
    "starts with": "starts with", "is empty": "is empty", "is not empty": "is not empty",
}  # fmt: skip
_DEFAULT_OPERATORS = {"number": ">=", "text": "in", "time": ">=", "yes or no": "="}
_OF_PREDICTIONS = (">=", "<=", "between")
_NAMES_SHOWN = 200
_GROUPED = ("lifecycle", "rfm_segment")


def ask(workspace: Workspace, rule: dict[str, Any], key: str) -> dict[str, Any] | None:
    """The condition as the form says it now; None while something is missing.

    Args:
        workspace: Whose data gives suggestions.
        rule: What the form begins with.
        key: Tells its widgets from those of another form.
    """
    if "events" in rule:
        return behaviour_form(workspace, dict(rule["events"]), key)
    if "sequence" in rule:
        return sequence_form(workspace, rule, key)
    if "prediction" in rule:
        return _ask_prediction(workspace, rule, key)
    if "segment" in rule:
        return _ask_segment(workspace, rule, key)
    if "members" in rule:
        return _ask_list(workspace, rule, key)
    return _ask_profile(workspace, rule, key)


def _names(_: Workspace, reader: Reader, column: str) -> list[str]:
    rows = profiles.distribution(reader, column, _NAMES_SHOWN).to_pylist()
    return [row["value"] for row in rows if row["value"] is not None]


def _quartiles(_: Workspace, reader: Reader, column: str) -> tuple[float, float, float] | None:
    return segments.quartiles(reader, column)


def _ask_profile(workspace: Workspace, rule: dict[str, Any], key: str) -> dict[str, Any] | None:
    features = {
        one.name: one for one in cached(catalogue_of, workspace) if one.name not in ("user_id", "as_of")
    }
    begun = str(rule.get("column", "recency_days"))
    left, middle, right = st.columns([3, 2, 3])
    with left:
        names = list(features)
        column = str(
            st.selectbox(
                "Feature",
                names,
                index=names.index(begun) if begun in names else 0,
                format_func=lambda name: f"{features[name].title} · {features[name].unit}",
                key=f"{key}_column",
            )
        )
    feature, again = features[column], column == begun
    kind = segments.kind_of(feature.dtype)
    operators = segments.OPERATORS[kind]
    operator_begun = rule.get("is") if again and rule.get("is") in operators else _DEFAULT_OPERATORS[kind]
    with middle:
        operator = str(
            st.selectbox(
                "Comparison",
                operators,
                index=operators.index(str(operator_begun)),
                format_func=_SHOWN_OPERATORS.__getitem__,
                key=f"{key}_is_{column}",
            )
        )
    with right:
        begun_value = rule.get("value") if again and operator == rule.get("is") else None
        value = _ask_value(workspace, feature, operator, begun_value, f"{key}_{column}_{operator}")
    note(feature.definition)
    if kind == "number" and (found := cached(_quartiles, workspace, column)):
        low, middle_value, high = (significant(one) for one in found)
        note(
            text("Half of the users who have it lie between {low} and {high}; the middle one has {middle}.",
                 low=low, high=high, middle=middle_value)
        )  # fmt: skip
    if operator in ("is empty", "is not empty"):
        return {"column": column, "is": operator}
    return None if value is None else {"column": column, "is": operator, "value": value}


def _ask_value(workspace: Workspace, feature: profiles.Feature, operator: str, begun: Any, key: str) -> Any:
    """The value of a comparison; None while it is not given."""
    if operator in ("is empty", "is not empty"):
        return None
    kind = segments.kind_of(feature.dtype)
    if kind == "text":
        return _ask_text(workspace, feature, operator, begun, key)
    if kind == "time":
        return _ask_day(operator, begun, key)
    if kind == "yes or no":
        return st.selectbox(
            "Value", [True, False], index=1 if begun is False else 0, key=f"{key}_value",
            format_func=lambda one: "yes" if one else "no",
        )  # fmt: skip
    return _ask_number(operator, begun, key, whole=feature.dtype in ("INTEGER", "BIGINT"))


def _ask_text(workspace: Workspace, feature: profiles.Feature, operator: str, begun: Any, key: str) -> Any:
    def shown(name: str) -> str:
        return group_title(name) if feature.name in _GROUPED else name

    if operator in ("in", "not in"):
        chosen = [str(one) for one in begun] if isinstance(begun, list | tuple) else []
        names = list(dict.fromkeys([*_all_names(workspace, feature), *chosen]))
        return (
            st.multiselect(
                "Values",
                names,
                default=chosen,
                key=f"{key}_value",
                format_func=shown,
                accept_new_options=True,
            )
            or None
        )
    if operator in ("=", "!="):
        names = list(dict.fromkeys([*_all_names(workspace, feature), *([str(begun)] if begun else [])]))
        return st.selectbox(
            "Value", names, index=names.index(str(begun)) if begun else None, key=f"{key}_value",
            format_func=shown, accept_new_options=True,
        )  # fmt: skip
    return st.text_input("Text", value=str(begun or ""), key=f"{key}_value") or None


def _all_names(workspace: Workspace, feature: profiles.Feature) -> list[str]:
    """Values to choose from: of standard groups all, whether anybody is in them or not."""
    groups = {"lifecycle": profiles.LIFECYCLE, "rfm_segment": profiles.RFM_SEGMENTS}.get(feature.name)
    return [one.name for one in groups] if groups else cached(_names, workspace, feature.name)


def _as_day(begun: Any) -> date | None:
    try:
        return date.fromisoformat(str(begun)[:10])
    except ValueError:
        return None


def _ask_day(operator: str, begun: Any, key: str) -> Any:
    if operator == "between":
        days = [_as_day(one) for one in begun] if isinstance(begun, list | tuple) else []
        both = st.date_input("Between", value=[one for one in days if one], key=f"{key}_value")
        return [one.isoformat() for one in both] if isinstance(both, tuple) and len(both) == 2 else None
    one = st.date_input("Day", value=_as_day(begun), key=f"{key}_value")
    return one.isoformat() if isinstance(one, date) else None


def _ask_number(operator: str, begun: Any, key: str, *, whole: bool) -> Any:
    if operator == "between":
        low, high = begun if isinstance(begun, list | tuple) and len(begun) == 2 else (0, 1)
        one, other = st.columns(2)
        with one:
            low = _number_field("From", low, f"{key}_low", whole=whole)
        with other:
            high = _number_field("To", high, f"{key}_high", whole=whole)
        return [low, high]
    if operator in ("in", "not in"):
        shown = ", ".join(str(one) for one in begun) if isinstance(begun, list | tuple) else ""
        typed = st.text_input("Numbers, comma between", value=shown, key=f"{key}_value")
        found = [_plain_number(float(one)) for one in typed.split(",") if _is_number(one)]
        return found or None
    return _number_field("Value", begun if begun is not None else 1, f"{key}_value", whole=whole)


def _number_field(label: str, begun: float, key: str, *, whole: bool) -> int | float:
    if whole and float(begun).is_integer():
        return int(st.number_input(label, value=int(begun), step=1, key=key))
    return _plain_number(st.number_input(label, value=float(begun), key=key))


def _is_number(typed: str) -> bool:
    return typed.strip().replace(".", "", 1).replace("-", "", 1).isdigit()


def _plain_number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _ask_segment(workspace: Workspace, rule: dict[str, Any], key: str) -> dict[str, Any] | None:
    listed = sorted(segments.list_segments(workspace), key=lambda one: one.built_in)
    names = [one.name for one in listed]
    titles = {one.name: words(one.title) for one in listed}
    begun = rule["segment"]
    chosen = st.selectbox(
        "Is in segment", names, index=names.index(begun) if begun in names else None,
        format_func=lambda name: titles[name] if titles[name] == name else f"{titles[name]} · {name}",
        key=f"{key}_segment",
    )  # fmt: skip
    return {"segment": chosen} if chosen else None


def _ask_list(workspace: Workspace, rule: dict[str, Any], key: str) -> dict[str, Any] | None:
    found = cached(lists_of, workspace)
    names = list(found)
    chosen = st.selectbox(
        "Is on the list", names, index=names.index(rule["members"]) if rule["members"] in names else None,
        format_func=lambda name: f"{name} · {found[name]:,} users", key=f"{key}_list",
    )  # fmt: skip
    return {"members": chosen} if chosen else None


def _ask_prediction(workspace: Workspace, rule: dict[str, Any], key: str) -> dict[str, Any] | None:
    known = cached(targets_of, workspace)
    names = list(dict.fromkeys([*known, str(rule["prediction"])]))
    left, middle, right = st.columns([3, 2, 3])
    with left:
        target = str(
            st.selectbox(
                "Prediction", names, index=names.index(str(rule["prediction"])), key=f"{key}_target",
                format_func=lambda name: words(known[name].title) if name in known else name,
            )
        )  # fmt: skip
    with middle:
        begun = str(rule.get("is", ">="))
        operators = list(dict.fromkeys([*_OF_PREDICTIONS, begun]))
        operator = str(
            st.selectbox(
                "Comparison", operators, index=operators.index(begun),
                format_func=_SHOWN_OPERATORS.__getitem__, key=f"{key}_is",
            )
        )  # fmt: skip
    with right:
        unit = known[target].unit if target in known else "chance"
        again = operator == rule.get("is") and target == rule["prediction"]
        value = rule.get("value") if again else None
        if value is None and operator != "between":
            value = USUAL_SCORES.get(unit, 0.5)
        asked = _ask_number(operator, value, f"{key}_{target}_{operator}", whole=False)
    if target in known:
        note(known[target].definition)
    return {"prediction": target, "is": operator, "value": asked}
