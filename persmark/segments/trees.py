"""Statements as sqlglot trees, put together without copying what they are made of.

Every piece stands in one place: a piece that is wanted twice is copied by whoever wants it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from sqlglot import exp

DIALECT = "duckdb"
_MOST_IN_A_ROW = 16


def column(name: str, table: str) -> exp.Column:
    """A quoted column of a table."""
    return exp.column(name, table=table, quoted=True)


def table(name: str) -> exp.Table:
    """A quoted table."""
    return exp.Table(this=exp.to_identifier(name, quoted=True))


def named(value: exp.Expr, name: str) -> exp.Alias:
    """value AS name."""
    return exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True))


def nested(query: exp.Query, name: str | None = None) -> exp.Subquery:
    """(query) AS name."""
    return query.subquery(name, copy=False)


def select(*columns: exp.Expr, of: exp.Expr, where: Sequence[exp.Expr] = ()) -> exp.Select:
    """SELECT columns FROM of WHERE all of the tests."""
    query = exp.Select().select(*columns, copy=False).from_(of, copy=False)
    return query.where(*where, copy=False) if where else query


def opposite(test: exp.Expr) -> exp.Expr:
    """NOT (...)."""
    return exp.Not(this=exp.Paren(this=test))


def is_null(place: exp.Expr) -> exp.Expr:
    """... IS NULL."""
    return exp.Is(this=place, expression=exp.Null())


def joined(parts: Sequence[exp.Expr], joint: type[exp.Connector]) -> exp.Expr:
    """Joined one after the other; hundreds of parts as a shallow tree, not nested hundreds deep."""
    if len(parts) <= _MOST_IN_A_ROW:
        return reduce(lambda left, right: joint(this=left, expression=right), parts)
    half = len(parts) // 2
    left, right = joined(parts[:half], joint), joined(parts[half:], joint)
    return exp.Paren(this=joint(this=left, expression=right))


def statement(query: exp.Expr, *, pretty: bool = False) -> str:
    """The query as DuckDB text. The tree is used up."""
    return query.sql(DIALECT, pretty=pretty, copy=False)
