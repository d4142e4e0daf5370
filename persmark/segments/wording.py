"""A rule as a sentence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from persmark.profiles import FEATURES, attribute_feature
from persmark.segments.rules import Both, ColumnIs, EventCount, InSegment, Node, Opposite
from persmark.text import Text, text

_LONGEST = 60
_MOST_NAMED = 5
_WITH_UNIT = {"days", "events", "orders", "items", "sessions"}

_TEMPLATES = {
    "=": "{column} is {value}",
    "!=": "{column} is not {value}",
    "<": "{column} is below {value}",
    "<=": "{column} is at most {value}",
    ">": "{column} is above {value}",
    ">=": "{column} is at least {value}",
    "in": "{column} is one of {value}",
    "not in": "{column} is none of {value}",
    "between": "{column} is between {low} and {value}",
    "contains": "{column} contains {value}",
    "starts with": "{column} starts with {value}",
    "is empty": "{column} is empty",
    "is not empty": "{column} is not empty",
}
_FIELDS = {
    "event_type": "type {value}",
    "item_id": "item {value}",
    "channel": "channel {value}",
    "campaign_id": "campaign {value}",
    "order_id": "order {value}",
    "category": "category {value}",
    "brand": "brand {value}",
    "kind": "kind {value}",
}


def _shown(value: Any) -> Text:
    if isinstance(value, str):
        return text("“{value}”", value=value if len(value) <= _LONGEST else value[:_LONGEST] + "…")
    if isinstance(value, datetime):
        return text("{value} UTC", value=value)
    return text("{value}", value=value)


def _listed(values: tuple[Any, ...]) -> Text:
    sentence = _shown(values[0])
    for value in values[1:_MOST_NAMED]:
        sentence = text("{first}, {second}", first=sentence, second=_shown(value))
    left = len(values) - _MOST_NAMED
    return text("{first} and {n} more", first=sentence, n=left) if left > 0 else sentence


def _column(node: ColumnIs) -> Text:
    feature = FEATURES.get(node.column) or attribute_feature(node.column)
    values: dict[str, Text] = {"column": feature.title}
    if node.operator == "between":
        values["low"] = _shown(node.value[0])
        last = _shown(node.value[1])
    elif node.operator in {"in", "not in"}:
        last = _listed(node.value)
    else:
        last = _shown(node.value)
    if feature.unit in _WITH_UNIT and node.value is not None:
        last = text("{value} {unit}", value=last, unit=text(feature.unit))
    values["value"] = last
    return Text(_TEMPLATES[node.operator], values)


def _events(node: EventCount) -> Text:
    what: Text | None = None
    for name, listed in node.fields:
        part = Text(_FIELDS[name], {"value": _listed(listed)})
        what = part if what is None else text("{first}, {second}", first=what, second=part)
    events = text("events") if what is None else text("events ({what})", what=what)
    if node.at_least and node.at_most is not None:
        counted = text("{low} to {high} {events}", low=node.at_least, high=node.at_most, events=events)
    elif node.at_least or node.at_most is None:
        counted = text("at least {low} {events}", low=node.at_least or 0, events=events)
    elif node.at_most == 0:
        counted = text("no {events}", events=events)
    else:
        counted = text("at most {high} {events}", high=node.at_most, events=events)
    if node.within_days is None:
        return counted
    return text("{counted} in the last {n} days", counted=counted, n=node.within_days)


def sentence(node: Node) -> Text:
    """A node in words; groups inside groups stand in brackets."""
    if isinstance(node, ColumnIs):
        return _column(node)
    if isinstance(node, EventCount):
        return _events(node)
    if isinstance(node, InSegment):
        return text("is in segment “{name}”", name=node.name)
    if isinstance(node, Opposite):
        return text("not ({part})", part=sentence(node.part))
    assert isinstance(node, Both)
    if not node.parts:
        return text("everyone")
    joint = "{first} and {second}" if node.every else "{first} or {second}"
    said = [_bracketed(part, alone=len(node.parts) == 1) for part in node.parts]
    whole = said[0]
    for part in said[1:]:
        whole = Text(joint, {"first": whole, "second": part})
    return whole


def _bracketed(part: Node, *, alone: bool) -> Text:
    inner = sentence(part)
    group = isinstance(part, Both) and len(part.parts) > 1
    return text("({part})", part=inner) if group and not alone else inner
