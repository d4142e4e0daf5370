"""What a rule may say: JSON in, a checked tree out, or a refusal that names what there is.

A rule is nested JSON. Groups: `{"all": [...]}`, `{"any": [...]}`, `{"not": {...}}`. Leaves:

- `{"column": "recency_days", "is": "<=", "value": 30}`: a profile column; `OPERATORS` lists `is`.
- `{"events": {"event_type": "view", "category": "dairy", "at_least": 3, "within_days": 30}}`: how
  many such events the user has up to the profiles' `as_of`. `until_days` leaves out the events of the
  last so many days; `spent_at_least` and `spent_at_most` bound the money those events come to.
- `{"sequence": [{"event_type": "view"}, {"event_type": "purchase"}], "within_days": 7, "last_days": 90}`:
  each event later than the one before, the last at most `within_days` after the first, all in the last
  `last_days`; both spans may be left out.
- `{"prediction": "buy", "is": ">=", "value": 0.5}`: the published prediction of that target.
- `{"members": "list name"}`: a kept list of users, such as a found group.
- `{"segment": "lifecycle: at_risk"}`: membership of another segment.

A leaf is true or false, never unknown: a comparison with an empty value is false. `!=` and `not in`
are the exact opposites of `=` and `in`, so they hold for users without a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from persmark.errors import NotFoundError
from persmark.profiles import FEATURES
from persmark.segments.checks import (
    MOST_DAYS,
    MOST_VALUES,
    NUMBER,
    OPERATORS,
    TEXT,
    TIME,
    TRUTH,
    compared,
    days,
    listed,
    money,
    near,
    only_keys,
    refusal,
    text_value,
    whole,
)
from persmark.segments.nodes import (
    Both,
    ColumnIs,
    EventCount,
    EventSequence,
    Fields,
    InSegment,
    Node,
    OnList,
    Opposite,
    PredictionIs,
    Rule,
)
from persmark.text import text

EVENT_FIELDS = ("event_type", "item_id", "channel", "campaign_id", "order_id")
ITEM_FIELDS = ("category", "brand", "kind")
STEP_KEYS = (*EVENT_FIELDS, *ITEM_FIELDS)
EVENT_KEYS = (
    *STEP_KEYS, "at_least", "at_most", "within_days", "until_days", "spent_at_least", "spent_at_most",
)  # fmt: skip
FORMS = ("all", "any", "not", "column", "events", "sequence", "prediction", "members", "segment")

MOST_DEPTH = 30
MOST_LEAVES = 500
MOST_STEPS = 10


def kind_of(dtype: str) -> str:
    """What a DuckDB type is to a rule."""
    if dtype.startswith(("TIMESTAMP", "DATE")):
        return TIME
    if dtype == "BOOLEAN":
        return TRUTH
    return TEXT if dtype == "VARCHAR" else NUMBER


def _column(rule: Rule, columns: Mapping[str, str] | None) -> ColumnIs:
    only_keys(rule, ("column", "is", "value"))
    name = rule["column"]
    known = {feature.name: feature.dtype for feature in FEATURES.values()} if columns is None else columns
    if not isinstance(name, str) or name not in known:
        if columns is None and isinstance(name, str) and name.startswith("attribute_"):
            known = {**known, name: "VARCHAR"}
        else:
            raise refusal(text("A rule's column must be a column of the profiles."), name,
                          near(str(name), list(known)))  # fmt: skip
    kind = kind_of(known[name])
    operator, value = compared(rule, text("column '{column}'", column=name), kind)
    return ColumnIs(name, kind, operator, value)


def _fields(asked: Rule) -> Fields:
    """What an event must be: one value or a list of them for each field."""
    found = []
    for name in STEP_KEYS:
        if asked.get(name) is None:
            continue
        what, value = text("'{key}'", key=name), asked[name]
        several = isinstance(value, list | tuple)
        values = listed(value, what, least=1, most=MOST_VALUES) if several else [value]
        found.append((name, tuple(text_value(one, what) for one in values)))
    return tuple(found)


def _events(rule: Rule) -> EventCount:
    only_keys(rule, ("events",))
    asked = rule["events"]
    if not isinstance(asked, Mapping):
        raise refusal(text("'events' must hold what is counted."), asked,
                      text("Available: {names}.", names=", ".join(EVENT_KEYS)))  # fmt: skip
    only_keys(asked, EVENT_KEYS)
    fields = _fields(asked)
    at_least, at_most = whole(asked, "at_least", 0), whole(asked, "at_most", 0)
    spent_least, spent_most = money(asked, "spent_at_least"), money(asked, "spent_at_most")
    if at_least is None and at_most is None and spent_least is None and spent_most is None:
        raise refusal(
            text("'events' must say how many."), dict(asked),
            text("Give at_least, at_most or both; at_most 0 means that none happened. "
                 "spent_at_least and spent_at_most bound the money."),
        )  # fmt: skip
    if at_least is not None and at_most is not None and at_least > at_most:
        raise refusal(text("'at_least' must not be above 'at_most'."), [at_least, at_most])
    if spent_least is not None and spent_most is not None and spent_least > spent_most:
        raise refusal(text("'spent_at_least' must not be above 'spent_at_most'."), [spent_least, spent_most])
    within, until = days(asked, "within_days"), days(asked, "until_days")
    if within is not None and until is not None and until >= within:
        raise refusal(text("'until_days' must be below 'within_days'."), [until, within])
    return EventCount(fields, at_least, at_most, within, until, spent_least, spent_most)


def _sequence(rule: Rule) -> EventSequence:
    only_keys(rule, ("sequence", "within_days", "last_days"))
    asked = listed(rule["sequence"], text("'sequence'"), least=2, most=MOST_STEPS)
    steps = []
    for step in asked:
        if not isinstance(step, Mapping):
            raise refusal(text("A step of a sequence must say what event it is."), step,
                          text("Available: {names}.", names=", ".join(STEP_KEYS)))  # fmt: skip
        only_keys(step, STEP_KEYS)
        steps.append(_fields(step))
    return EventSequence(tuple(steps), days(rule, "within_days"), days(rule, "last_days"))


def _prediction(rule: Rule) -> PredictionIs:
    only_keys(rule, ("prediction", "is", "value"))
    target = text_value(rule["prediction"], text("'prediction'"))
    operator, value = compared(rule, text("prediction '{target}'", target=target), NUMBER)
    return PredictionIs(target, operator, value)


def _members(rule: Rule) -> OnList:
    only_keys(rule, ("members",))
    return OnList(text_value(rule["members"], text("'members'")))


_LEAF: Mapping[str, Callable[[Rule], Node]] = MappingProxyType(
    {"events": _events, "sequence": _sequence, "prediction": _prediction, "members": _members}
)


class _Parser:
    """One walk over a rule: counts leaves, follows segments, remembers which it is inside of."""

    def __init__(self, columns: Mapping[str, str] | None, saved: Mapping[str, Rule]) -> None:
        self.columns = columns
        self.saved = saved
        self.inside: list[str] = []
        self.n_leaves = 0

    def node(self, rule: object, depth: int) -> Node:
        if depth > MOST_DEPTH:
            raise refusal(text("A rule must be at most {n} levels deep.", n=MOST_DEPTH), "a deeper one")
        if not isinstance(rule, Mapping):
            raise refusal(text("A rule must be an object."), rule,
                          text("Available: {names}.", names=", ".join(FORMS)))  # fmt: skip
        found = [form for form in FORMS if form in rule]
        if len(found) != 1:
            other = [str(key) for key in rule]
            hint = near(other[0], FORMS) if other and not found else near("", FORMS)
            raise refusal(text("Each part of a rule must have exactly one form."), ", ".join(other), hint)
        form = found[0]
        if form in {"all", "any"}:
            only_keys(rule, (form,))
            parts = listed(rule[form], text("'{key}'", key=form), least=1 if form == "any" else 0,
                           most=MOST_LEAVES)  # fmt: skip
            return Both(form == "all", tuple(self.node(part, depth + 1) for part in parts))
        if form == "not":
            only_keys(rule, (form,))
            return Opposite(self.node(rule[form], depth + 1))
        self.n_leaves += 1
        if self.n_leaves > MOST_LEAVES:
            raise refusal(text("A rule must have at most {n} conditions.", n=MOST_LEAVES), "more")
        if form == "column":
            return _column(rule, self.columns)
        return self._segment(rule, depth) if form == "segment" else _LEAF[form](rule)

    def _segment(self, rule: Rule, depth: int) -> InSegment:
        only_keys(rule, ("segment",))
        name = rule["segment"]
        if not isinstance(name, str) or name not in self.saved:
            raise NotFoundError(
                text("A segment named in a rule must exist. Received: {name}.", name=str(name)),
                title="No such segment",
                hint=near(str(name), list(self.saved)),
            )
        if name in self.inside:
            raise refusal(text("A segment must not depend on itself."), " → ".join([*self.inside, name]))
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


__all__ = [
    "EVENT_FIELDS",
    "EVENT_KEYS",
    "FORMS",
    "ITEM_FIELDS",
    "MOST_DAYS",
    "MOST_STEPS",
    "OPERATORS",
    "STEP_KEYS",
    "Both",
    "ColumnIs",
    "EventCount",
    "EventSequence",
    "InSegment",
    "Node",
    "OnList",
    "Opposite",
    "PredictionIs",
    "Rule",
    "kind_of",
    "near",
    "parse",
]
