"""Rules against profiles: how many, step by step, who."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from persmark.errors import InputError
from persmark.profiles import profile_columns
from persmark.segments.built_in import BUILT_IN_RULES
from persmark.segments.compiling import Compiler, column, statement, table
from persmark.segments.rules import Both, Node, Rule, near, parse
from persmark.segments.wording import sentence
from persmark.store import Reader
from persmark.text import Text, text

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE_COLUMNS = ("user_id", "recency_days", "frequency", "monetary", "rfm_segment", "lifecycle")

Saved = Mapping[str, Rule]


@dataclass(frozen=True)
class ClauseCount:
    """One step of a rule's funnel.

    Attributes:
        rule: The clause.
        sentence: The clause in words.
        n_users: Users for whom this clause alone holds.
        n_left: Users after this and all clauses before it: for `all`, those who are left; for `any`,
            those reached so far.
    """

    rule: Rule
    sentence: Text
    n_users: int
    n_left: int


def known_segments(saved: Saved | None) -> dict[str, Rule]:
    """Built-in rules and the saved ones; a built-in name cannot be taken."""
    return {**(saved or {}), **BUILT_IN_RULES}


def described(node: Node) -> Text:
    """`describe` of a checked rule."""
    return text("Users: {rule}", rule=sentence(node))


def describe(rule: Rule, *, saved: Saved | None = None) -> Text:
    """The rule as a sentence.

    Args:
        rule: See `persmark.segments.rules`.
        saved: Segments it may speak of, name -> rule; built-in ones are always known.

    Raises:
        InputError: The rule is not understood.
        NotFoundError: It speaks of an unknown segment.
    """
    return described(parse(rule, columns=None, saved=known_segments(saved)))


def _members_query(condition: exp.Expr) -> exp.Select:
    return exp.Select().select(column("user_id", "profiles")).from_(table("profiles")).where(condition)


def to_sql(
    rule: Rule,
    *,
    saved: Saved | None = None,
    columns: Mapping[str, str] | None = None,
    as_of: datetime | None = None,
) -> tuple[str, dict[str, Any]]:
    """The rule as SQL that lists its users, and the values of its `$name` holes.

    Args:
        rule: See `persmark.segments.rules`.
        saved: Segments it may speak of, name -> rule.
        columns: Profile column -> DuckDB type, to check against; None = what every workspace has.
        as_of: The profiles' moment; None lets the statement read it.

    Raises:
        InputError: The rule is not understood.
        NotFoundError: It speaks of an unknown segment.
    """
    compiler = Compiler(as_of)
    node = parse(rule, columns=columns, saved=known_segments(saved))
    return statement(_members_query(compiler.condition(node))), compiler.params


def _ready(reader: Reader, rule: Rule, saved: Saved | None) -> tuple[Compiler, Node]:
    columns = profile_columns(reader)
    node = parse(rule, columns=columns, saved=known_segments(saved))
    return Compiler(moment(reader)), node


def moment(reader: Reader) -> datetime | None:
    """When the profiles are as of; None where there is not one."""
    found: datetime | None = reader.value("SELECT as_of FROM profiles LIMIT 1")
    return found


def count(reader: Reader, rule: Rule, *, saved: Saved | None = None) -> int:
    """How many users the rule holds for.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: The rule is not understood.
        NotFoundError: It speaks of an unknown segment.
    """
    compiler, node = _ready(reader, rule, saved)
    query = exp.Select().select(exp.Count(this=exp.Star())).from_(table("profiles"))
    return int(reader.value(statement(query.where(compiler.condition(node))), compiler.params))


def count_all(reader: Reader, nodes: Sequence[Node]) -> list[int]:
    """How many users each rule holds for, in one pass."""
    if not nodes:
        return []
    compiler = Compiler(moment(reader))
    tests = [compiler.condition(node) for node in nodes]
    query = exp.Select().select(*[_how_many(test) for test in tests]).from_(table("profiles"))
    (row,) = reader.rows(statement(query), compiler.params)
    return [int(n) for n in row]


def _how_many(test: exp.Expr) -> exp.Count:
    one = exp.Literal.number(1)
    return exp.Count(this=exp.Case(ifs=[exp.If(this=test, true=one)]))


def count_by_clause(reader: Reader, rule: Rule, *, saved: Saved | None = None) -> list[ClauseCount]:
    """The funnel of a rule: its outermost clauses one after the other.

    A rule that is no group is its own only clause.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: The rule is not understood.
        NotFoundError: It speaks of an unknown segment.
    """
    compiler, node = _ready(reader, rule, saved)
    every = not isinstance(node, Both) or node.every
    parts = node.parts if isinstance(node, Both) and node.parts else (node,)
    rules: list[Rule] = [rule]
    if isinstance(node, Both) and node.parts:
        rules = list(rule["all" if node.every else "any"])
    names = [f"c{number}" for number in range(len(parts))]
    inner = exp.Select().from_(table("profiles"))
    for name, part in zip(names, parts, strict=True):
        inner = inner.select(exp.alias_(exp.Paren(this=compiler.condition(part)), name, quoted=True))
    # How far each user comes is worked out once, so that the statement stays linear in the clauses.
    reached = []
    stop = exp.Not if every else exp.Paren
    for number, name in enumerate(names):
        test = stop(this=column(name, "clauses"))
        reached.append(exp.If(this=test, true=exp.Literal.number(number)))
    end = exp.Case(ifs=reached, default=exp.Literal.number(len(names)))
    middle = exp.Select().select("*", exp.alias_(end, "ended", quoted=True)).from_(inner.subquery("clauses"))
    outer = exp.Select().from_(middle.subquery("steps"))
    for number, name in enumerate(names):
        ended, here = column("ended", "steps"), exp.Literal.number(number)
        left = exp.GT(this=ended, expression=here) if every else exp.LTE(this=ended, expression=here)
        outer = outer.select(_how_many(column(name, "steps")), _how_many(left))
    (row,) = reader.rows(statement(outer), compiler.params)
    return [
        ClauseCount(clause, sentence(part), int(row[2 * number]), int(row[2 * number + 1]))
        for number, (clause, part) in enumerate(zip(rules, parts, strict=True))
    ]


def sample(
    reader: Reader,
    rule: Rule,
    limit: int = 20,
    columns: Sequence[str] = SAMPLE_COLUMNS,
    *,
    saved: Saved | None = None,
) -> pa.Table:
    """Some users of the rule with their profiles: picked by a digest of the id, so the same each time.

    Args:
        reader: Whose profiles.
        rule: See `persmark.segments.rules`.
        limit: At most so many.
        columns: Profile columns to show.
        saved: Segments the rule may speak of.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: The rule is not understood, or a column does not exist.
        NotFoundError: It speaks of an unknown segment.
    """
    there = profile_columns(reader)
    for name in columns:
        if name not in there:
            raise InputError(
                text("A column to show must be one of the profiles. Received: {name}.", name=name),
                hint=near(name, list(there)),
            )
    compiler, node = _ready(reader, rule, saved)
    query = exp.Select().select(*[column(name, "profiles") for name in columns]).from_(table("profiles"))
    query = query.where(compiler.condition(node))
    query = query.order_by(exp.MD5(this=column("user_id", "profiles")), column("user_id", "profiles"))
    return reader.table(statement(query.limit(max(0, int(limit)))), compiler.params)


def members(reader: Reader, rule: Rule, *, saved: Saved | None = None) -> pa.Table:
    """All users of the rule.

    Returns:
        One column `user_id`, in its order.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: The rule is not understood.
        NotFoundError: It speaks of an unknown segment.
    """
    compiler, node = _ready(reader, rule, saved)
    query = _members_query(compiler.condition(node)).order_by(column("user_id", "profiles"))
    return reader.table(statement(query), compiler.params)
