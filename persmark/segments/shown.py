"""A rule as people read it elsewhere: one condition as a sentence, the whole as SQL to paste."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlglot
from sqlglot import exp

from persmark.segments.compiling import DIALECT
from persmark.segments.evaluate import Saved, known_segments, to_sql
from persmark.segments.rules import Rule, parse
from persmark.segments.wording import sentence
from persmark.text import Text


def condition_sentence(rule: Rule, *, saved: Saved | None = None) -> Text:
    """A part of a rule in words, without the "Users:" before it.

    Raises:
        InputError: It is not understood.
        NotFoundError: It speaks of an unknown segment.
    """
    return sentence(parse(rule, columns=None, saved=known_segments(saved)))


def readable_sql(rule: Rule, *, saved: Saved | None = None, columns: Mapping[str, str] | None = None) -> str:
    """The statement that lists the users of a rule, its values written out, one clause a line.

    It is for reading and for pasting into another tool; what runs here binds its values.

    Args:
        rule: See `persmark.segments.rules`.
        saved: Segments it may speak of, name -> rule.
        columns: Profile column -> DuckDB type, to check against; None = what every workspace has.

    Raises:
        InputError: The rule is not understood.
        NotFoundError: It speaks of an unknown segment.
    """
    statement, params = to_sql(rule, saved=saved, columns=columns)

    def filled(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.In) and isinstance(node.args.get("field"), exp.Placeholder | exp.Parameter):
            values = params[_name(node.args["field"])]
            return exp.In(this=node.this, expressions=[_literal(value) for value in values])
        if isinstance(node, exp.Placeholder | exp.Parameter):
            return _literal(params[_name(node)])
        return node

    return sqlglot.parse_one(statement, read=DIALECT).transform(filled).sql(DIALECT, pretty=True)


def _name(hole: exp.Expr) -> str:
    return hole.name or str(hole.this)


def _literal(value: Any) -> exp.Expr:
    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), "TIMESTAMP", dialect=DIALECT)
    if isinstance(value, list | tuple):
        return exp.Array(expressions=[_literal(one) for one in value])
    return exp.convert(value)
