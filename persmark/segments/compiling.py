"""A checked rule as SQL: sqlglot's syntax tree, every value a bound parameter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlglot import exp

from persmark.segments.rules import (
    ITEM_FIELDS,
    Both,
    ColumnIs,
    EventCount,
    InSegment,
    Node,
    Opposite,
)

DIALECT = "duckdb"
_COMPARISON: dict[str, type[exp.Binary]] = {"<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}


def column(name: str, table: str) -> exp.Column:
    """A quoted column of a table."""
    return exp.column(name, table=table, quoted=True)


def table(name: str) -> exp.Table:
    """A quoted table."""
    return exp.Table(this=exp.to_identifier(name, quoted=True))


class Compiler:
    """Turns nodes into conditions on `profiles` and collects their parameters.

    Args:
        as_of: The profiles' moment; None reads it from the table.

    Attributes:
        params: Parameter name -> value.
    """

    def __init__(self, as_of: datetime | None) -> None:
        self.params: dict[str, Any] = {}
        self._as_of = as_of

    def hole(self, value: object) -> exp.Placeholder:
        """A new parameter that holds `value`."""
        name = f"v{len(self.params)}"
        self.params[name] = list(value) if isinstance(value, tuple) else value
        return exp.Placeholder(this=name)

    def _now(self) -> exp.Expr:
        if self._as_of is not None:
            if "as_of" not in self.params:
                self.params["as_of"] = self._as_of
            return exp.Placeholder(this="as_of")
        latest = exp.Select().select(exp.Max(this=column("as_of", "profiles"))).from_(table("profiles"))
        return latest.subquery()

    def condition(self, node: Node) -> exp.Expr:
        """True or false for every user, never NULL."""
        if isinstance(node, ColumnIs):
            return self._column(node)
        if isinstance(node, EventCount):
            return self._events(node)
        if isinstance(node, InSegment):
            return self.condition(node.node)
        if isinstance(node, Opposite):
            return exp.Not(this=exp.Paren(this=self.condition(node.part)))
        assert isinstance(node, Both)
        if not node.parts:
            return exp.true()
        parts = [exp.Paren(this=self.condition(part)) for part in node.parts]
        return _balanced(parts, exp.And if node.every else exp.Or)

    def _column(self, node: ColumnIs) -> exp.Expr:
        place = column(node.column, "profiles")
        if node.operator in {"is empty", "is not empty"}:
            empty = exp.Is(this=place, expression=exp.Null())
            return empty if node.operator == "is empty" else exp.Not(this=exp.Paren(this=empty))
        test: exp.Expr
        if node.operator in {"=", "!="}:
            test = exp.EQ(this=place, expression=self.hole(node.value))
        elif node.operator in {"in", "not in"}:
            test = exp.In(this=place, field=self.hole(_alike(node.value)))
        elif node.operator == "between":
            low, high = node.value
            test = exp.Between(this=place, low=self.hole(low), high=self.hole(high))
        elif node.operator == "contains":
            test = exp.GT(
                this=exp.StrPosition(this=place, substr=self.hole(node.value)),
                expression=exp.Literal.number(0),
            )
        elif node.operator == "starts with":
            test = exp.StartsWith(this=place, expression=self.hole(node.value))
        else:
            test = _COMPARISON[node.operator](this=place, expression=self.hole(node.value))
        known = exp.Coalesce(this=test, expressions=[exp.false()])
        return exp.Not(this=known) if node.operator in {"!=", "not in"} else known

    def _one_of(self, place: exp.Expr, values: Sequence[str]) -> exp.Expr:
        if len(values) == 1:
            return exp.EQ(this=place, expression=self.hole(values[0]))
        return exp.In(this=place, field=self.hole(tuple(values)))

    def _events(self, node: EventCount) -> exp.Expr:
        """Users whose count lies within the bounds; a count of none is the rest of all users."""
        if not node.at_least and node.at_most is None:
            return exp.true()
        user = column("user_id", "events")
        tests: list[exp.Expr] = [
            exp.Not(this=exp.Paren(this=exp.Is(this=user.copy(), expression=exp.Null()))),
            exp.LTE(this=column("event_time", "events"), expression=self._now()),
        ]
        if node.within_days is not None:
            seconds = exp.Mul(
                this=self.hole(round(node.within_days * 86_400)),
                expression=exp.Interval(this=exp.Literal.string("1"), unit=exp.var("SECOND")),
            )
            tests.append(
                exp.GT(this=column("event_time", "events"),
                       expression=exp.Sub(this=self._now(), expression=seconds))
            )  # fmt: skip
        of_items: list[exp.Expr] = []
        for name, values in node.fields:
            if name in ITEM_FIELDS:
                of_items.append(self._one_of(column(name, "items"), values))
            else:
                tests.append(self._one_of(column(name, "events"), values))
        if of_items:
            items = exp.Select().select(column("item_id", "items")).from_(table("items"))
            items = items.where(exp.and_(*of_items))
            tests.append(exp.In(this=column("item_id", "events"), query=items.subquery()))
        found = exp.Select().select(user.copy()).from_(table("events")).where(exp.and_(*tests))
        found = found.group_by(user.copy())
        n_events = exp.Count(this=exp.Star())
        counted_in = (node.at_least or 0) > 0
        bounds: list[exp.Expr] = []
        if counted_in:
            if node.at_least != 1:
                bounds.append(exp.GTE(this=n_events.copy(), expression=self.hole(node.at_least)))
            if node.at_most is not None:
                bounds.append(exp.LTE(this=n_events.copy(), expression=self.hole(node.at_most)))
        elif node.at_most:
            bounds.append(exp.GT(this=n_events.copy(), expression=self.hole(node.at_most)))
        if bounds:
            found = found.having(exp.and_(*bounds))
        inside = exp.In(this=column("user_id", "profiles"), query=found.subquery())
        return inside if counted_in else exp.Not(this=exp.Paren(this=inside))


def _balanced(parts: Sequence[exp.Expr], joint: type[exp.Connector]) -> exp.Expr:
    """Joined as a shallow tree, so that hundreds of parts do not nest hundreds deep."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    left, right = _balanced(parts[:half], joint), _balanced(parts[half:], joint)
    return exp.Paren(this=joint(this=left, expression=right))


def _alike(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Numbers of one type: a list parameter has one element type."""
    if any(isinstance(value, float) for value in values):
        return tuple(float(value) for value in values)
    return values


def statement(query: exp.Select) -> str:
    """The query as DuckDB text."""
    return query.sql(DIALECT)
