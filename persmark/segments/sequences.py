"""Clauses that ask for one event after the other, as SQL."""

from __future__ import annotations

from functools import cache
from itertools import groupby

import sqlglot
from sqlglot import exp

from persmark.segments.nodes import EventSequence, Fields
from persmark.segments.scope import Scope, seconds
from persmark.segments.trees import column, named, nested, select, table
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
            found = table(tables[node.name])
            return exp.alias_(found, node.alias, table=True) if node.alias else found
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
    return scope.inside(_Sequence(scope, node, most).users())


class _Sequence:
    """One clause being written."""

    def __init__(self, scope: Scope, node: EventSequence, most: int | None) -> None:
        self._scope = scope
        self._node = node
        self._most = most

    def users(self) -> exp.Select:
        """The statement that lists its users."""
        if len(self._node.steps) == 2:
            return self._pair()
        return self._chain()

    def _events(self, fields: Fields, *names: str | None, of: str | None = None) -> exp.Select:
        """The events of a step: user, and their second under each name; a name of None is empty.

        Args:
            fields: What the events must be.
            names: `one` and `next` where a place is empty, else any.
            of: A step named so; only its users.
        """
        second = exp.cast(exp.func("epoch", column("event_time", "events")), "BIGINT")
        user = column("user_id", "events")
        tests = [*self._scope.seen(within_days=self._node.last_days), *self._scope.fitting(fields)]
        if of is not None and fields != self._node.steps[-1]:
            tests.append(exp.In(this=user.copy(), query=nested(_users(of))))
        seconds_of = [
            named(exp.cast(exp.Null(), "BIGINT"), ("one", "next")[number])
            if name is None
            else named(second.copy(), name)
            for number, name in enumerate(names)
        ]
        return select(user, *seconds_of, of=table("events"), where=tests)

    def _pair(self) -> exp.Select:
        one, after = self._node.steps
        steps: exp.Query
        if one == after:
            steps = self._events(one, "one", "next")
        else:
            steps = exp.union(
                self._events(one, "one", None), self._events(after, None, "next"), distinct=False, copy=False
            )
        if self._most is None:
            return _filled("one_before_next", {}, {}).with_("steps", as_=steps, copy=False)
        # Of width 0 would be a division by zero; nothing is later within 0 seconds either way.
        width = self._scope.hole(max(self._most, 1))
        users = _filled("one_then_next", {}, {"most": self._scope.hole(self._most), "width": width})
        return users.with_("steps", as_=steps, copy=False)

    def _chain(self) -> exp.Select:
        """Step by step: a chain is known by its user, its last second and its latest possible start.

        Equal steps one after the other are one stretch, told by the event so many places before. Only
        users with an event of the last step are looked at.
        """
        stretches = [(fields, len(list(equal))) for fields, equal in groupby(self._node.steps)]
        # Longer than all of time, where there is no bound.
        most = self._scope.hole(self._most if self._most is not None else 2**53)
        written: list[tuple[str, exp.Query]] = []
        last = f"step_{len(stretches)}"
        for number, (fields, length) in enumerate(stretches, start=1):
            step, chain = f"step_{number}", f"chain_{number}"
            written.append((step, self._events(fields, "second", of=last)))
            if number > 1:
                begun = _filled("chained", {"chain": f"chain_{number - 1}", "step": step}, {"most": most})
            else:
                # A chain of one event starts with it.
                second = column("second", step)
                begun = select(
                    column("user_id", step), second, named(second.copy(), "started"), of=table(step)
                )
            if length > 1:
                source, start = (step, "second") if number == 1 else (f"begun_{number}", "started")
                if number > 1:
                    written.append((source, begun))
                holes = {"start": column(start, source), "before": exp.Literal.number(length - 1)}
                begun = _filled("repeated", {"begun": source}, {**holes, "most": most})
            written.append((chain, begun))
        # First, as the others speak of it.
        written.sort(key=lambda one: one[0] != last)
        users = _users(f"chain_{len(stretches)}")
        for name, query in written:
            users = users.with_(name, as_=query, copy=False)
        return users


def _users(name: str) -> exp.Select:
    return select(column("user_id", name), of=table(name))
