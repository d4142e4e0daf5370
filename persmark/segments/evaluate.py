"""Rules against profiles: how many, and who."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from persmark.errors import InputError, NotFoundError
from persmark.profiles import profile_columns
from persmark.segments.built_in import BUILT_IN_RULES
from persmark.segments.compiling import Compiler, compiler
from persmark.segments.nodes import Node, OnList, PredictionIs, Rule, leaves
from persmark.segments.rules import near, parse
from persmark.segments.trees import column, select, statement, table
from persmark.segments.wording import sentence
from persmark.store import Reader
from persmark.text import Text, text

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE_COLUMNS = ("user_id", "recency_days", "frequency", "monetary", "rfm_segment", "lifecycle")

Saved = Mapping[str, Rule]


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
    return select(column("user_id", "profiles"), of=table("profiles"), where=[condition])


def to_sql(
    rule: Rule,
    *,
    saved: Saved | None = None,
    columns: Mapping[str, str] | None = None,
    as_of: datetime | None = None,
    pretty: bool = False,
) -> tuple[str, dict[str, Any]]:
    """The rule as SQL that lists its users, and the values of its `$name` holes.

    Args:
        rule: See `persmark.segments.rules`.
        saved: Segments it may speak of, name -> rule.
        columns: Profile column -> DuckDB type, to check against; None = what every workspace has.
        as_of: The profiles' moment; None lets the statement read it.
        pretty: On many lines.

    Raises:
        InputError: The rule is not understood.
        NotFoundError: It speaks of an unknown segment.
    """
    made = compiler(as_of)
    node = parse(rule, columns=columns, saved=known_segments(saved))
    return statement(_members_query(made.condition(node)), pretty=pretty), made.scope.params


def checked(
    reader: Reader, rule: Rule, saved: Saved | None, columns: Mapping[str, str] | None = None
) -> Node:
    """The rule as a tree, all that it speaks of being there.

    Args:
        reader: Whose profiles, predictions and lists.
        rule: See `persmark.segments.rules`.
        saved: Segments it may speak of, name -> rule.
        columns: Profile column -> DuckDB type; those of the reader's profiles by default.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: The rule is not understood.
        NotFoundError: It speaks of a segment, a prediction or a list that is not there.
    """
    columns = profile_columns(reader) if columns is None else columns
    node = parse(rule, columns=columns, saved=known_segments(saved))
    published(reader, [node])
    return node


def published(reader: Reader, nodes: Sequence[Node]) -> None:
    """Make sure that the predictions and the lists that rules speak of are there.

    Raises:
        NotFoundError: One is not.
    """
    said = [leaf for node in nodes for leaf in leaves(node)]
    targets = {leaf.target for leaf in said if isinstance(leaf, PredictionIs)}
    lists = {leaf.name for leaf in said if isinstance(leaf, OnList)}
    if targets:
        there = [row[0] for row in reader.rows("SELECT DISTINCT target FROM predictions ORDER BY target")]
        _present(text("A prediction named in a rule must be published."), targets, there)
    if lists:
        named = reader.rows("SELECT DISTINCT segment FROM segment_members ORDER BY segment")
        there = [row[0] for row in named]
        _present(text("A list named in a rule must exist."), lists, there)


def _present(what: Text, asked: set[str], there: Sequence[str]) -> None:
    for name in sorted(asked.difference(there)):
        raise NotFoundError(
            text("{what} Received: {name}.", what=what, name=name[:200]),
            title="Not there",
            hint=near(name, there),
        )


def ready(reader: Reader, rule: Rule, saved: Saved | None) -> tuple[Compiler, Node]:
    """A compiler at the profiles' moment, and the checked rule."""
    return compiler(moment(reader)), checked(reader, rule, saved)


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
    made, node = ready(reader, rule, saved)
    query = select(exp.Count(this=exp.Star()), of=table("profiles"), where=[made.condition(node)])
    return int(reader.value(statement(query), made.scope.params))


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
        NotFoundError: It speaks of something that is not there.
    """
    _checked_columns(reader, columns)
    made, node = ready(reader, rule, saved)
    shown = [column(name, "profiles") for name in columns]
    query = select(*shown, of=table("profiles"), where=[made.condition(node)])
    query = query.order_by(exp.MD5(this=column("user_id", "profiles")), column("user_id", "profiles"))
    return reader.table(statement(query.limit(max(0, int(limit)))), made.scope.params)


def _checked_columns(reader: Reader, columns: Sequence[str]) -> None:
    """Refuse a column that the profiles do not have."""
    there = profile_columns(reader)
    for name in columns:
        if name not in there:
            raise InputError(
                text("A column to show must be one of the profiles. Received: {name}.", name=name),
                hint=near(name, list(there)),
            )


def members(
    reader: Reader, rule: Rule, *, saved: Saved | None = None, columns: Sequence[str] = ("user_id",)
) -> pa.Table:
    """All users of the rule.

    Args:
        reader: Whose profiles.
        rule: See `persmark.segments.rules`.
        saved: Segments the rule may speak of.
        columns: Profile columns to list.

    Returns:
        Those columns, in the order of `user_id`.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: The rule is not understood, or a column does not exist.
        NotFoundError: It speaks of something that is not there.
    """
    _checked_columns(reader, columns)
    made, node = ready(reader, rule, saved)
    listed = [column(name, "profiles") for name in columns]
    query = select(*listed, of=table("profiles"), where=[made.condition(node)])
    query = query.order_by(column("user_id", "profiles"), copy=False)
    return reader.table(statement(query), made.scope.params)
