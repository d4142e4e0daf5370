"""Clauses that ask for one event after the other, as SQL."""

from __future__ import annotations

from functools import cache

import sqlglot
from sqlglot import exp

from persmark.segments.nodes import EventSequence, Fields
from persmark.segments.scope import Scope, column, seconds, table
from persmark.store import read_sql


@cache
def _template(name: str) -> exp.Select:
    """A statement of `sql/` as a tree; copy it before changing it."""
    found = sqlglot.parse_one(read_sql("persmark.segments", name), dialect="duckdb")
    assert isinstance(found, exp.Select)
    return found


def _filled(name: str, tables: dict[str, str], holes: dict[str, exp.Expr]) -> exp.Select:
    """The statement over those tables, with those holes."""

    def put(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Placeholder) and node.name in holes:
            return holes[node.name].copy()
        if isinstance(node, exp.Table) and node.name in tables:
            return table(tables[node.name])
        return node

    filled = _template(name).transform(put)
    assert isinstance(filled, exp.Select)
    for part in filled.walk():
        # What explains the file would stand inside the rule's own statement.
        part.comments = None
    return filled


def followed(scope: Scope, node: EventSequence) -> exp.Expr:
    """Users with one event after the other, in the time asked for."""
    most = None if node.within_days is None else seconds(node.within_days)
    users = _pair(scope, node, most) if len(node.steps) == 2 else _chain(scope, node, most)
    return scope.inside(users)


def _events(scope: Scope, node: EventSequence, fields: Fields, *names: str | None) -> exp.Select:
    """The events of a step: user, and their second under each name; a name of None is empty."""
    second = exp.cast(exp.func("epoch", column("event_time", "events")), "BIGINT")
    tests = [*scope.seen(within_days=node.last_days), *scope.fitting(fields)]
    found = exp.Select().select(column("user_id", "events")).from_(table("events")).where(exp.and_(*tests))
    for number, name in enumerate(names):
        named = ("one", "next")[number] if name is None else name
        value = exp.cast(exp.Null(), "BIGINT") if name is None else second.copy()
        found = found.select(exp.alias_(value, named, quoted=True))
    return found


def _pair(scope: Scope, node: EventSequence, most: int | None) -> exp.Select:
    one, after = node.steps
    steps: exp.Query
    if one == after:
        steps = _events(scope, node, one, "one", "next")
    else:
        steps = exp.union(
            _events(scope, node, one, "one", None),
            _events(scope, node, after, None, "next"),
            distinct=False,
        )
    if most is None:
        users = _filled("one_before_next", {}, {})
    else:
        # Of width 0 would be a division by zero; nothing is later within 0 seconds either way.
        holes: dict[str, exp.Expr] = {"most": scope.hole(most), "width": scope.hole(max(most, 1))}
        users = _filled("one_then_next", {}, holes)
    return users.with_("steps", as_=steps)


def _chain(scope: Scope, node: EventSequence, most: int | None) -> exp.Select:
    """Step by step: a chain is known by its user, its last second and its latest possible start."""
    # Longer than all of time, where there is no bound.
    hole = scope.hole(most if most is not None else 2**53)
    users = exp.Select().select(exp.column("user_id")).from_(table(f"chain_{len(node.steps)}"))
    users = users.with_("chain_1", as_=_events(scope, node, node.steps[0], "second", "started"))
    for number, fields in enumerate(node.steps[1:], start=2):
        users = users.with_(f"step_{number}", as_=_events(scope, node, fields, "second"))
        tables = {"chain": f"chain_{number - 1}", "step": f"step_{number}"}
        users = users.with_(f"chain_{number}", as_=_filled("chained", tables, {"most": hole}))
    return users
