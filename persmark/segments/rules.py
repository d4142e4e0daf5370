"""What a rule may say: JSON in, a checked tree out, or a refusal that names what there is.

A rule is nested JSON. Groups: `{"all": [...]}`, `{"any": [...]}`, `{"not": {...}}`. Leaves:

- `{"column": "recency_days", "is": "<=", "value": 30}`: a profile column; `OPERATORS` lists `is`.
- `{"events": {"event_type": "view", "category": "dairy", "at_least": 3, "within_days": 30}}`: how
  many such events the user has up to the profiles' `as_of`.
- `{"segment": "lifecycle: at_risk"}`: membership of another segment.

A leaf is true or false, never unknown: a comparison with an empty value is false. `!=` and `not in`
are the exact opposites of `=` and `in`, so they hold for users without a value.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeAlias

from persmark.errors import InputError, NotFoundError
from persmark.profiles import FEATURES
from persmark.text import Text, text

Rule: TypeAlias = Mapping[str, Any]

NUMBER, TEXT, TIME, TRUTH = "number", "text", "time", "yes or no"
_ORDER = ("=", "!=", "<", "<=", ">", ">=", "in", "not in", "between", "is empty", "is not empty")
OPERATORS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        NUMBER: _ORDER,
        TIME: ("=", "!=", "<", "<=", ">", ">=", "between", "is empty", "is not empty"),
        TEXT: ("=", "!=", "in", "not in", "contains", "starts with", "is empty", "is not empty"),
        TRUTH: ("=", "!=", "is empty", "is not empty"),
    }
)
EVENT_FIELDS = ("event_type", "item_id", "channel", "campaign_id", "order_id")
ITEM_FIELDS = ("category", "brand", "kind")
EVENT_KEYS = (*EVENT_FIELDS, *ITEM_FIELDS, "at_least", "at_most", "within_days")

MOST_DEPTH = 30
MOST_LEAVES = 500
MOST_VALUES = 10_000
MOST_CHARACTERS = 100_000
MOST_DAYS = 36_500
# Whole numbers past this are not exact in a 64-bit float, so they are compared as floats.
_EXACT = 2**53


@dataclass(frozen=True)
class ColumnIs:
    """A profile column compared with a value; `value` is a tuple for `in`, `not in`, `between`."""

    column: str
    kind: str
    operator: str
    value: Any = None


@dataclass(frozen=True)
class EventCount:
    """How many events that fit `fields` a user has; None = no bound on that side."""

    fields: tuple[tuple[str, tuple[str, ...]], ...]
    at_least: int | None
    at_most: int | None
    within_days: float | None


@dataclass(frozen=True)
class InSegment:
    """Membership of another segment, with what that segment asks."""

    name: str
    node: Node


@dataclass(frozen=True)
class Both:
    """All (`every`) or at least one of the parts; no parts and `every` = everyone."""

    every: bool
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Opposite:
    """The users that `part` leaves out."""

    part: Node


Node: TypeAlias = ColumnIs | EventCount | InSegment | Both | Opposite


def kind_of(dtype: str) -> str:
    """What a DuckDB type is to a rule."""
    if dtype.startswith(("TIMESTAMP", "DATE")):
        return TIME
    if dtype == "BOOLEAN":
        return TRUTH
    return TEXT if dtype == "VARCHAR" else NUMBER


def _refusal(what: Text, received: object, hint: Text | str) -> InputError:
    shown = repr(received)
    shown = shown if len(shown) <= 200 else shown[:200] + "…"
    return InputError(
        text("{what} Received: {value}.", what=what, value=shown), title="Rule not understood", hint=hint
    )


def near(name: str, names: Sequence[str]) -> Text:
    """A hint that leads from a mistyped name to the one meant, or lists what there is."""
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    listed = ", ".join(names) or "none"
    if found:
        return text("Did you mean {name}? Available: {names}.", name=found[0], names=listed)
    return text("Available: {names}.", names=listed)


def _text_value(value: object, what: Text) -> str:
    if not isinstance(value, str) or not value:
        raise _refusal(text("{what} must be text of at least one character.", what=what), value, "")
    if len(value) > MOST_CHARACTERS:
        raise _refusal(
            text("{what} must have at most {most} characters.", what=what, most=MOST_CHARACTERS), value, ""
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _refusal(text("{what} must be valid Unicode.", what=what), value, "") from error
    return value


def _number(value: object, what: Text) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refusal(text("{what} must be a number.", what=what), value, "")
    if isinstance(value, float) and not math.isfinite(value):
        raise _refusal(text("{what} must be a finite number.", what=what), value, "")
    if isinstance(value, int) and abs(value) > _EXACT:
        try:
            return float(value)
        except OverflowError as error:
            raise _refusal(text("{what} must fit a 64-bit number.", what=what), "…", "") from error
    return value


def _time(value: object, what: Text) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise _refusal(
            text("{what} must be a date or time such as 2026-01-31 or 2026-01-31T12:00:00, UTC.", what=what),
            value,
            "",
        )
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _truth(value: object, what: Text) -> bool:
    if not isinstance(value, bool):
        raise _refusal(text("{what} must be true or false.", what=what), value, "")
    return value


_ONE: Mapping[str, Callable[[object, Text], Any]] = {
    NUMBER: _number, TEXT: _text_value, TIME: _time, TRUTH: _truth,
}  # fmt: skip


def _list(value: object, what: Text, *, least: int, most: int) -> list[object]:
    if not isinstance(value, list | tuple) or not least <= len(value) <= most:
        wanted = str(least) if least == most else f"{least} to {most:,}"
        raise _refusal(text("{what} must be a list of {n} values.", what=what, n=wanted), value, "")
    return list(value)


def _column(rule: Rule, columns: Mapping[str, str] | None) -> ColumnIs:
    _only_keys(rule, ("column", "is", "value"))
    name = rule["column"]
    known = {feature.name: feature.dtype for feature in FEATURES.values()} if columns is None else columns
    if not isinstance(name, str) or name not in known:
        if columns is None and isinstance(name, str) and name.startswith("attribute_"):
            known = {**known, name: "VARCHAR"}
        else:
            raise _refusal(text("A rule's column must be a column of the profiles."), name,
                           near(str(name), list(known)))  # fmt: skip
    kind = kind_of(known[name])
    operator = rule.get("is")
    if operator not in OPERATORS[kind]:
        raise _refusal(
            text("Column '{column}' holds a {kind}; 'is' must fit it.", column=name, kind=kind),
            operator,
            text("Available: {names}.", names=", ".join(OPERATORS[kind])),
        )
    what = text("The value for column '{column}'", column=name)
    if operator in {"is empty", "is not empty"}:
        if rule.get("value") is not None:
            raise _refusal(text("'{is_}' must stand without a value.", is_=operator), rule["value"], "")
        return ColumnIs(name, kind, operator)
    if "value" not in rule:
        raise _refusal(text("A rule on column '{column}' must have a value.", column=name), dict(rule), "")
    one = _ONE[kind]
    if operator in {"in", "not in"}:
        listed = [one(v, what) for v in _list(rule["value"], what, least=1, most=MOST_VALUES)]
        return ColumnIs(name, kind, operator, tuple(listed))
    if operator == "between":
        low, high = (one(value, what) for value in _list(rule["value"], what, least=2, most=2))
        if low > high:
            raise _refusal(text("{what} must begin with the smaller one.", what=what), rule["value"], "")
        return ColumnIs(name, kind, operator, (low, high))
    return ColumnIs(name, kind, operator, one(rule["value"], what))


def _whole(asked: Rule, key: str, least: int) -> int | None:
    if (value := asked.get(key)) is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
        raise _refusal(text("'{key}' must be a whole number from {n} on.", key=key, n=least), value, "")
    return value


def _events(rule: Rule) -> EventCount:
    _only_keys(rule, ("events",))
    asked = rule["events"]
    if not isinstance(asked, Mapping):
        raise _refusal(text("'events' must hold what is counted."), asked,
                       text("Available: {names}.", names=", ".join(EVENT_KEYS)))  # fmt: skip
    _only_keys(asked, EVENT_KEYS)
    fields = []
    for name in (*EVENT_FIELDS, *ITEM_FIELDS):
        if asked.get(name) is None:
            continue
        what = text("'{key}'", key=name)
        value = asked[name]
        listed = _list(value, what, least=1, most=MOST_VALUES) if isinstance(value, list | tuple) else [value]
        fields.append((name, tuple(_text_value(one, what) for one in listed)))
    at_least, at_most = _whole(asked, "at_least", 0), _whole(asked, "at_most", 0)
    if at_least is None and at_most is None:
        raise _refusal(
            text("'events' must say how many."), dict(asked),
            text("Give at_least, at_most or both; at_most 0 means that none happened."),
        )  # fmt: skip
    if at_least is not None and at_most is not None and at_least > at_most:
        raise _refusal(text("'at_least' must not be above 'at_most'."), [at_least, at_most], "")
    days = asked.get("within_days")
    if days is not None:
        days = _number(days, text("'within_days'"))
        if not 0 < days <= MOST_DAYS:
            raise _refusal(text("'within_days' must be above 0, at most {n}.", n=MOST_DAYS), days, "")
    return EventCount(tuple(fields), at_least, at_most, days)


def _only_keys(rule: Rule, keys: Sequence[str]) -> None:
    for key in rule:
        if key not in keys:
            raise _refusal(text("This part of a rule must not have other keys."), key, near(str(key), keys))


class _Parser:
    """One walk over a rule: counts leaves, follows segments, remembers which it is inside of."""

    def __init__(self, columns: Mapping[str, str] | None, saved: Mapping[str, Rule]) -> None:
        self.columns = columns
        self.saved = saved
        self.inside: list[str] = []
        self.n_leaves = 0

    def node(self, rule: object, depth: int) -> Node:
        forms = ("all", "any", "not", "column", "events", "segment")
        if depth > MOST_DEPTH:
            raise _refusal(text("A rule must be at most {n} levels deep.", n=MOST_DEPTH), "a deeper one", "")
        if not isinstance(rule, Mapping):
            raise _refusal(text("A rule must be an object."), rule,
                           text("Available: {names}.", names=", ".join(forms)))  # fmt: skip
        found = [form for form in forms if form in rule]
        if len(found) != 1:
            other = [str(key) for key in rule]
            hint = near(other[0], forms) if other and not found else near("", forms)
            raise _refusal(text("Each part of a rule must have exactly one form."), ", ".join(other), hint)
        form = found[0]
        if form in {"all", "any"}:
            _only_keys(rule, (form,))
            parts = _list(rule[form], text("'{key}'", key=form), least=1 if form == "any" else 0,
                          most=MOST_LEAVES)  # fmt: skip
            return Both(form == "all", tuple(self.node(part, depth + 1) for part in parts))
        if form == "not":
            _only_keys(rule, (form,))
            return Opposite(self.node(rule[form], depth + 1))
        self.n_leaves += 1
        if self.n_leaves > MOST_LEAVES:
            raise _refusal(text("A rule must have at most {n} conditions.", n=MOST_LEAVES), "more", "")
        if form == "column":
            return _column(rule, self.columns)
        if form == "events":
            return _events(rule)
        return self._segment(rule, depth)

    def _segment(self, rule: Rule, depth: int) -> InSegment:
        _only_keys(rule, ("segment",))
        name = rule["segment"]
        if not isinstance(name, str) or name not in self.saved:
            raise NotFoundError(
                text("A segment named in a rule must exist. Received: {name}.", name=str(name)),
                title="No such segment",
                hint=near(str(name), list(self.saved)),
            )
        if name in self.inside:
            raise _refusal(text("A segment must not depend on itself."), " → ".join([*self.inside, name]), "")
        self.inside.append(name)
        node = self.node(self.saved[name], depth + 1)
        self.inside.pop()
        return InSegment(name, node)


def parse(
    rule: Rule, *, columns: Mapping[str, str] | None, saved: Mapping[str, Rule], name: str | None = None
) -> Node:
    """Check a rule.

    Args:
        rule: The JSON, as Python values.
        columns: Profile column -> DuckDB type; None = what every workspace has, and any attribute.
        saved: Segments it may speak of, name -> rule.
        name: The segment the rule is to be saved as, so that it cannot depend on itself.

    Raises:
        InputError: Something in it is not understood; the message names what there is.
        NotFoundError: It speaks of a segment that does not exist.
    """
    parser = _Parser(columns, saved if name is None else {**saved, name: rule})
    if name is not None:
        parser.inside.append(name)
    return parser.node(rule, 1)
