"""A rule as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from persmark.profiles import FEATURES, LIFECYCLE, RFM_SEGMENTS, attribute_feature
from persmark.profiles.predict.targets import (
    AHEAD_DAYS,
    BUY,
    BUY_DAYS,
    CHURN,
    NEXT,
    SPEND,
    channel_of,
    thing_of,
)
from persmark.segments.event_wording import (
    asks_for_one,
    counted_sentence,
    either,
    sequence_sentence,
    shown_text,
)
from persmark.segments.nodes import (
    Both,
    ColumnIs,
    EventCount,
    EventSequence,
    InSegment,
    Node,
    OnList,
    Opposite,
    PredictionIs,
)
from persmark.text import Text, text

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
# Columns whose values have names of their own on the pages.
_NAMED: Mapping[str, Mapping[str, Text]] = MappingProxyType(
    {
        "lifecycle": {group.name: group.title for group in LIFECYCLE},
        "rfm_segment": {group.name: group.title for group in RFM_SEGMENTS},
    }
)


def _predicted(name: str) -> tuple[Text, bool] | None:
    """What a prediction says of a user, and whether it is a chance; None for a target of another kind."""
    if name in {BUY, CHURN, SPEND, NEXT}:
        said = {
            BUY: text("Predicted chance to buy in the next {n} days", n=BUY_DAYS),
            CHURN: text("Predicted chance not to buy in the next {n} days", n=AHEAD_DAYS),
            SPEND: text("Predicted spend in the next {n} days", n=AHEAD_DAYS),
            NEXT: text("Predicted days to the next purchase"),
        }
        return said[name], name in {BUY, CHURN}
    if (thing := thing_of(name)) is not None:
        return text(
            "Predicted chance to buy {name} in the next {n} days", name=shown_text(thing), n=BUY_DAYS
        ), True
    if (channel := channel_of(name)) is not None:
        return text("Predicted chance to be reached by {name}", name=shown_text(channel)), True
    return None


def _shown(value: Any, names: Mapping[str, Text]) -> Text:
    if isinstance(value, str):
        return text("“{value}”", value=names[value]) if value in names else shown_text(value)
    if isinstance(value, datetime):
        return text("{value} UTC", value=value)
    return text("{value}", value=value)


def _compared(column: Text, unit: str, operator: str, value: Any, names: Mapping[str, Text]) -> Text:
    values: dict[str, Text] = {"column": column}
    if operator == "between":
        values["low"] = _shown(value[0], names)
        last = _shown(value[1], names)
    elif operator in {"in", "not in"}:
        last = either(tuple(_shown(one, names) for one in value))
    else:
        last = _shown(value, names)
    if unit in _WITH_UNIT and value is not None:
        last = text("{value} {unit}", value=last, unit=text(unit))
    values["value"] = last
    return Text(_TEMPLATES[operator], values)


def _column(node: ColumnIs) -> Text:
    feature = FEATURES.get(node.column) or attribute_feature(node.column)
    names = _NAMED.get(node.column, {})
    return _compared(feature.title, feature.unit, node.operator, node.value, names)


def _percent(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_percent(one) for one in value)
    return None if value is None else text("{n}%", n=round(100 * float(value), 6))


def _prediction(node: PredictionIs) -> Text:
    found = _predicted(node.target)
    if found is None:
        named = text("Prediction {name}", name=shown_text(node.target))
        return _compared(named, "", node.operator, node.value, {})
    title, is_chance = found
    return _compared(title, "", node.operator, _percent(node.value) if is_chance else node.value, {})


def sentence(node: Node) -> Text:
    """A node in words; groups inside groups stand in brackets."""
    if isinstance(node, ColumnIs):
        return _column(node)
    if isinstance(node, EventCount):
        return counted_sentence(node)
    if isinstance(node, EventSequence):
        return sequence_sentence(node)
    if isinstance(node, PredictionIs):
        return _prediction(node)
    if isinstance(node, OnList):
        return text("is on the list “{name}”", name=node.name)
    if isinstance(node, InSegment):
        return text("is in segment “{name}”", name=node.name)
    if isinstance(node, Opposite):
        return _opposite(node.part)
    if not node.parts:
        return text("everyone")
    joint = "{first} and {second}" if node.every else "{first} or {second}"
    said = [_bracketed(part, alone=len(node.parts) == 1) for part in node.parts]
    whole = said[0]
    for part in said[1:]:
        whole = Text(joint, {"first": whole, "second": part})
    return whole


def _opposite(part: Node) -> Text:
    if isinstance(part, InSegment):
        return text("is not in segment “{name}”", name=part.name)
    if isinstance(part, OnList):
        return text("is not on the list “{name}”", name=part.name)
    if isinstance(part, EventCount) and asks_for_one(part):
        return counted_sentence(part, denied=True)
    return text("not ({part})", part=sentence(part))


def _bracketed(part: Node, *, alone: bool) -> Text:
    inner = sentence(part)
    group = isinstance(part, Both) and len(part.parts) > 1
    return text("({part})", part=inner) if group and not alone else inner
