"""A checked rule as SQL: sqlglot's syntax tree, every value a bound parameter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlglot import exp

from persmark.segments.counting import counted
from persmark.segments.nodes import (
    Both,
    ColumnIs,
    EventCount,
    EventSequence,
    InSegment,
    Leaf,
    Node,
    OnList,
    Opposite,
    PredictionIs,
)
from persmark.segments.scope import Scope
from persmark.segments.sequences import followed
from persmark.segments.trees import (
    DIALECT,
    column,
    is_null,
    joined,
    opposite,
    select,
    statement,
    table,
)

_COMPARISON: dict[str, type[exp.Binary]] = {"<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}
# Operators that are exactly the users whom another one leaves out.
_OPPOSITE = {"!=": "=", "not in": "in", "is empty": "is not empty"}


class Compiler:
    """Turns nodes into conditions on `profiles`.

    Args:
        scope: Which events, and where values go.
        leaves: Conditions that stand already as columns; others are written out.
    """

    def __init__(self, scope: Scope, leaves: Mapping[Leaf, exp.Expr] | None = None) -> None:
        self.scope = scope
        self._leaves = leaves or {}

    def condition(self, node: Node) -> exp.Expr:
        """True or false for every user, never NULL."""
        if isinstance(node, InSegment):
            return self.condition(node.node)
        if isinstance(node, Opposite):
            return opposite(self.condition(node.part))
        if isinstance(node, Both):
            if not node.parts:
                return exp.true()
            parts = [exp.Paren(this=self.condition(part)) for part in node.parts]
            return joined(parts, exp.And if node.every else exp.Or)
        known = self._leaves.get(node)
        return self._leaf(node) if known is None else known.copy()

    def _leaf(self, node: Leaf) -> exp.Expr:
        if isinstance(node, ColumnIs):
            return self._column(node)
        if isinstance(node, EventCount):
            return counted(self.scope, node)
        if isinstance(node, EventSequence):
            return followed(self.scope, node)
        if isinstance(node, PredictionIs):
            return self._prediction(node)
        return self._listed(node)

    def _column(self, node: ColumnIs) -> exp.Expr:
        operator = _OPPOSITE.get(node.operator, node.operator)
        test = self._compared(column(node.column, "profiles"), operator, node.value)
        known = test if operator == "is not empty" else exp.Coalesce(this=test, expressions=[exp.false()])
        if operator == node.operator:
            return known
        return is_null(column(node.column, "profiles")) if operator == "is not empty" else exp.Not(this=known)

    def _compared(self, place: exp.Expr, operator: str, value: Any) -> exp.Expr:
        """A comparison that may be NULL where the place is."""
        hole = self.scope.hole
        if operator == "is not empty":
            return opposite(is_null(place))
        if operator == "=":
            return exp.EQ(this=place, expression=hole(value))
        if operator == "in":
            return exp.In(this=place, field=hole(_alike(value)))
        if operator == "between":
            low, high = value
            return exp.Between(this=place, low=hole(low), high=hole(high))
        if operator == "contains":
            found = exp.StrPosition(this=place, substr=hole(value))
            return exp.GT(this=found, expression=exp.Literal.number(0))
        if operator == "starts with":
            return exp.StartsWith(this=place, expression=hole(value))
        return _COMPARISON[operator](this=place, expression=hole(value))

    def _users_of(self, name: str, *tests: exp.Expr) -> exp.Expr:
        """Users whom a table names in a row that passes the tests."""
        rows = [*self.scope.whose(name), *tests]
        return self.scope.inside(select(column("user_id", name), of=table(name), where=rows))

    def _prediction(self, node: PredictionIs) -> exp.Expr:
        operator = _OPPOSITE.get(node.operator, node.operator)
        target = exp.EQ(this=column("target", "predictions"), expression=self.scope.hole(node.target))
        score = self._compared(column("score", "predictions"), operator, node.value)
        users = self._users_of("predictions", target, score)
        return users if operator == node.operator else opposite(users)

    def _listed(self, node: OnList) -> exp.Expr:
        name = column("segment", "segment_members")
        return self._users_of("segment_members", exp.EQ(this=name, expression=self.scope.hole(node.name)))


def compiler(
    as_of: datetime | None, *, up_to_source: int | None = None, user_id: str | None = None
) -> Compiler:
    """A compiler with a scope of its own; see `Scope`."""
    return Compiler(Scope(as_of, up_to_source=up_to_source, user_id=user_id))


def _alike(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Numbers of one type: a list parameter has one element type."""
    if any(isinstance(value, float) for value in values):
        return tuple(float(value) for value in values)
    return values


__all__ = ["DIALECT", "Compiler", "column", "compiler", "statement", "table"]
