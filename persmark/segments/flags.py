"""Which parts of a rule hold: counted beside every part, or told for every user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from sqlglot import exp

from persmark.profiles import profile_columns
from persmark.segments.compiling import Compiler
from persmark.segments.evaluate import Saved, checked, moment
from persmark.segments.nodes import Both, Node, Opposite, Rule, leaves
from persmark.segments.scope import Scope
from persmark.segments.trees import column, named, nested, opposite, select, statement, table
from persmark.segments.wording import sentence
from persmark.store import Reader
from persmark.text import Text

if TYPE_CHECKING:
    import pyarrow as pa

Path: TypeAlias = tuple[str | int, ...]


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


@dataclass(frozen=True)
class NodeCount:
    """One part of a rule, a group or a condition.

    Attributes:
        path: The keys that lead to it in the rule's JSON; empty for the rule itself.
        rule: The part.
        sentence: The part in words.
        n_users: Users for whom this part alone holds.
        n_left: Users after this and the parts before it in its own group, as in `ClauseCount`.
    """

    path: Path
    rule: Rule
    sentence: Text
    n_users: int
    n_left: int


@dataclass(frozen=True)
class ClauseHolds:
    """Whether an outermost clause holds for one user."""

    rule: Rule
    sentence: Text
    holds: bool


@dataclass(frozen=True)
class _Part:
    """A part of a rule and its place: its number, its group's, and where it stands in it."""

    path: Path
    rule: Rule
    node: Node
    group: int | None
    place: int


def _parts(rule: Rule, node: Node) -> Iterator[_Part]:
    """The parts of a rule as it is written, each after its group; other segments stay closed."""
    waiting = [_Part((), rule, node, None, 0)]
    number = 0
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part.node, Both):
            key = "all" if part.node.every else "any"
            inner = [
                _Part((*part.path, key, place), part.rule[key][place], one, number, place)
                for place, one in enumerate(part.node.parts)
            ]
            waiting.extend(reversed(inner))
        elif isinstance(part.node, Opposite):
            waiting.append(_Part((*part.path, "not"), part.rule["not"], part.node.part, None, 0))
        number += 1


def clauses(rule: Rule, node: Node) -> list[tuple[Rule, Node]]:
    """The outermost clauses; a rule that is no group is its own only one."""
    if isinstance(node, Both) and node.parts:
        return list(zip(rule["all" if node.every else "any"], node.parts, strict=True))
    return [(rule, node)]


class Flagged:
    """Profiles with a column for each condition, worked out once however often rules speak of it.

    Args:
        scope: Which events.
        nodes: Rules whose conditions to work out.
    """

    def __init__(self, scope: Scope, nodes: Sequence[Node]) -> None:
        plain = Compiler(scope)
        found = dict.fromkeys(leaf for node in nodes for leaf in leaves(node))
        names = {leaf: f"leaf_{number}" for number, leaf in enumerate(found)}
        flags = [named(exp.Paren(this=plain.condition(leaf)), name) for leaf, name in names.items()]
        user = column("user_id", "profiles")
        self._inner = select(user, *flags, of=table("profiles"), where=scope.of_user("profiles"))
        self._compiler = Compiler(scope, {leaf: column(name, "flagged") for leaf, name in names.items()})

    def condition(self, node: Node) -> exp.Expr:
        """A rule over those columns."""
        return exp.Paren(this=self._compiler.condition(node))

    def select(self, *columns: exp.Expr) -> exp.Select:
        """Columns over them; once."""
        return select(*columns, of=nested(self._inner, "flagged"))


def how_many(test: exp.Expr) -> exp.Count:
    """Rows where it holds."""
    return exp.Count(this=exp.Case(ifs=[exp.If(this=test, true=exp.Literal.number(1))]))


def count_all(reader: Reader, nodes: Sequence[Node]) -> list[int]:
    """How many users each rule holds for, in one pass."""
    if not nodes:
        return []
    scope = Scope(moment(reader))
    flagged = Flagged(scope, nodes)
    query = flagged.select(*[how_many(flagged.condition(node)) for node in nodes])
    (row,) = reader.rows(statement(query), scope.params)
    return [int(n) for n in row]


def _counted(reader: Reader, parts: Sequence[_Part]) -> list[tuple[int, int]]:
    """Of each part, users for whom it holds, and those left after it in its group."""
    scope = Scope(moment(reader))
    flagged = Flagged(scope, [part.node for part in parts])
    holds = flagged.select(
        *[named(flagged.condition(part.node), f"part_{n}") for n, part in enumerate(parts)]
    )
    # How far each user comes in a group is worked out once, so that the statement stays linear in its parts.
    inside: dict[int, list[int]] = {}
    for number, part in enumerate(parts):
        if part.group is not None:
            inside.setdefault(part.group, []).append(number)
    ends = []
    for group, numbers in inside.items():
        node = parts[group].node
        assert isinstance(node, Both)
        stopped = []
        for number in numbers:
            test: exp.Expr = column(f"part_{number}", "held")
            test = opposite(test) if node.every else test
            stopped.append(exp.If(this=test, true=exp.Literal.number(parts[number].place)))
        end = exp.Case(ifs=stopped, default=exp.Literal.number(len(numbers)))
        ends.append(named(end, f"end_{group}"))
    middle = select(exp.Star(), *ends, of=nested(holds, "held"))
    counts: list[exp.Expr] = []
    for number, part in enumerate(parts):
        alone = how_many(column(f"part_{number}", "ended"))
        left = alone.copy()
        if part.group is not None:
            node = parts[part.group].node
            assert isinstance(node, Both)
            ended, here = column(f"end_{part.group}", "ended"), exp.Literal.number(part.place)
            left = how_many((exp.GT if node.every else exp.LTE)(this=ended, expression=here))
        counts += [alone, left]
    # Kept apart, or the planner would write all of a group's parts out for each of its counts.
    query = select(*counts, of=table("ended")).with_("ended", as_=middle, materialized=True, copy=False)
    (row,) = reader.rows(statement(query), scope.params)
    return [(int(row[2 * n]), int(row[2 * n + 1])) for n in range(len(parts))]


def tree_counts(reader: Reader, rule: Rule, *, saved: Saved | None = None) -> list[NodeCount]:
    """How many users each part of a rule holds for, groups inside groups included, in one query.

    Args:
        reader: Whose profiles.
        rule: See `persmark.segments.rules`.
        saved: Segments it may speak of; they count as one condition.

    Returns:
        The rule itself first, then its parts as they are written, each group before its own.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: The rule is not understood.
        NotFoundError: It speaks of something that is not there.
    """
    parts = list(_parts(rule, checked(reader, rule, saved)))
    return [
        NodeCount(part.path, part.rule, sentence(part.node), n_users, n_left)
        for part, (n_users, n_left) in zip(parts, _counted(reader, parts), strict=True)
    ]


def count_by_clause(reader: Reader, rule: Rule, *, saved: Saved | None = None) -> list[ClauseCount]:
    """The funnel of a rule: its outermost clauses one after the other.

    A rule that is no group is its own only clause.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: The rule is not understood.
        NotFoundError: It speaks of something that is not there.
    """
    every = [part for part in _parts(rule, checked(reader, rule, saved)) if len(part.path) in {0, 2}]
    parts = [part for part in every if part.group in {None, 0} and part.path[:1] != ("not",)]
    counted = _counted(reader, parts)
    shown = list(zip(parts, counted, strict=True))
    return [
        ClauseCount(part.rule, sentence(part.node), n_users, n_left)
        for part, (n_users, n_left) in (shown[1:] or shown)
    ]


def clause_flags(
    reader: Reader,
    rule: Rule,
    *,
    saved: Saved | None = None,
    inputs: Mapping[str, pa.Table] | None = None,
    as_of: datetime | None = None,
    up_to_source: int | None = None,
) -> pa.Table:
    """For every user, whether the rule holds and each of its outermost clauses.

    Args:
        reader: Whose profiles, events, predictions and lists.
        rule: See `persmark.segments.rules`.
        saved: Segments it may speak of.
        inputs: Tables to use instead of the published ones, by name: `profiles` of another moment.
        as_of: Events up to this moment count; that of the profiles by default.
        up_to_source: Only events of sources up to this id; None = of all.

    Returns:
        `user_id`, `holds`, `c0`, `c1`, ...: one row per profile, by user; true or false, never empty.
        Predictions and lists are those published now.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: The rule is not understood.
        NotFoundError: It speaks of something that is not there.
    """
    if inputs and "profiles" in inputs:
        columns = {row[0]: row[1] for row in reader.rows('DESCRIBE "profiles"', inputs=inputs)}
        as_of = as_of or next(iter(inputs["profiles"]["as_of"].slice(0, 1).to_pylist()), None)
    else:
        columns, as_of = profile_columns(reader), as_of or moment(reader)
    node = checked(reader, rule, saved, columns)
    scope = Scope(as_of, up_to_source=up_to_source)
    nodes = {"holds": node} | {f"c{n}": part for n, (_, part) in enumerate(clauses(rule, node))}
    flagged = Flagged(scope, list(nodes.values()))
    flags = [named(flagged.condition(part), name) for name, part in nodes.items()]
    query = flagged.select(column("user_id", "flagged"), *flags).order_by(column("user_id", "flagged"))
    return reader.table(statement(query), scope.params, inputs=inputs)


def _of_user(reader: Reader, nodes: Sequence[Node], user_id: str) -> list[bool] | None:
    """Whether each rule holds for one user; None where there is no such profile."""
    scope = Scope(moment(reader), user_id=user_id)
    flagged = Flagged(scope, nodes)
    rows = reader.rows(statement(flagged.select(*[flagged.condition(node) for node in nodes])), scope.params)
    return [bool(value) for value in rows[0]] if rows else None


def why(reader: Reader, rule: Rule, user_id: str, *, saved: Saved | None = None) -> list[ClauseHolds]:
    """Which of a rule's outermost clauses hold for one user; none of them for an unknown user.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: The rule is not understood.
        NotFoundError: It speaks of something that is not there.
    """
    said = clauses(rule, checked(reader, rule, saved))
    held = _of_user(reader, [node for _, node in said], user_id) or [False] * len(said)
    return [
        ClauseHolds(clause, sentence(node), holds) for (clause, node), holds in zip(said, held, strict=True)
    ]


def names_of(reader: Reader, nodes: Mapping[str, Node], user_id: str) -> list[str]:
    """The names whose rule holds for one user, in their order."""
    if not nodes:
        return []
    held = _of_user(reader, list(nodes.values()), user_id) or [False] * len(nodes)
    return [name for name, holds in zip(nodes, held, strict=True) if holds]


__all__ = [
    "ClauseCount",
    "ClauseHolds",
    "NodeCount",
    "clause_flags",
    "clauses",
    "count_all",
    "count_by_clause",
    "names_of",
    "tree_counts",
    "why",
]
