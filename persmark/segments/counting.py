"""Clauses that count a user's events, as SQL."""

from __future__ import annotations

from sqlglot import exp

from persmark.segments.nodes import EventCount
from persmark.segments.scope import Scope
from persmark.segments.trees import column, opposite, select, table


def counted(scope: Scope, node: EventCount) -> exp.Expr:
    """Users whose number of events and sum of money lie within the bounds.

    Users without such events have none and spent nothing. They are in no row of the events, so where
    they fit the bounds, the statement lists those who do not.
    """
    n_events = exp.Count(this=exp.Star())
    spent = exp.Coalesce(this=exp.Sum(this=column("value", "events")), expressions=[exp.Literal.number(0)])
    bounds = [
        (n_events, exp.GTE, node.at_least, (node.at_least or 0) <= 0),
        (n_events, exp.LTE, node.at_most, True),
        (spent, exp.GTE, node.spent_at_least, (node.spent_at_least or 0) <= 0),
        (spent, exp.LTE, node.spent_at_most, (node.spent_at_most or 0) >= 0),
    ]
    none_fits = all(fits for _, _, _, fits in bounds)
    # Whoever has a row has an event, so that some bounds say nothing more.
    asked = [
        (what, test, bound)
        for what, test, bound, _ in bounds
        if bound is not None and not (test is exp.GTE and what is n_events and bound <= 1)
    ]
    if none_fits and not asked:
        return exp.true()
    tests = [*scope.seen(within_days=node.within_days, until_days=node.until_days),
             *scope.fitting(node.fields)]  # fmt: skip
    user = column("user_id", "events")
    found = select(user, of=table("events"), where=tests).group_by(user.copy(), copy=False)
    if node.at_most == 0 and none_fits:
        # None at all: any event is one too many, whatever it cost.
        return opposite(scope.inside(found))
    having: list[exp.Expr] = [
        test(this=what.copy(), expression=scope.hole(bound)) for what, test, bound in asked
    ]
    if none_fits:
        having = [opposite(exp.and_(*having, copy=False))]
        return opposite(scope.inside(found.having(*having, copy=False)))
    return scope.inside(found.having(*having, copy=False) if having else found)
