"""Named segments of a workspace: versions in SQLite, undone rather than lost."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from persmark.errors import InputError, NotFoundError, PersmarkError
from persmark.profiles import profile_columns
from persmark.segments.built_in import BUILT_IN
from persmark.segments.evaluate import describe, described, known_segments, published
from persmark.segments.flags import count_all, names_of
from persmark.segments.nodes import Both, InSegment, Node, Opposite, Rule
from persmark.segments.rules import near, parse
from persmark.store import Reader, Workspace, now
from persmark.text import Text, text

MOST_NAME = 120


@dataclass(frozen=True)
class Segment:
    """A named rule.

    Attributes:
        name: Unique in the workspace.
        rule: See `persmark.segments.rules`.
        version: From 1, one per save; 0 for a built-in one.
        built_in: Whether every workspace has it.
        saved_at: ISO-8601 UTC; None for a built-in one.
        n_users_saved: Its size when it was saved; None for a built-in one.
        title: What a page calls it.
        definition: Who belongs to it, in words.
    """

    name: str
    rule: Rule
    version: int
    built_in: bool
    saved_at: str | None
    n_users_saved: int | None
    title: Text
    definition: Text


@dataclass(frozen=True)
class SegmentSize:
    """A segment's size now; `n_users` is None and `problem` says why where its rule no longer fits."""

    segment: Segment
    n_users: int | None
    problem: Text | None

    def as_json(self) -> dict[str, Any]:
        """Keys `segment`, `n_users`, `rule`."""
        return {"segment": self.segment.name, "n_users": self.n_users, "rule": dict(self.segment.rule)}


def kept_name(name: str) -> str:
    """The name as it is kept: composed Unicode, no outer blanks.

    Raises:
        InputError: It is no name, or a built-in segment's.
    """
    plain = unicodedata.normalize("NFC", name).strip() if isinstance(name, str) else ""
    unfit = not plain or len(plain) > MOST_NAME or any(unicodedata.category(c) in {"Cc", "Cs"} for c in plain)
    if unfit:
        raise InputError(
            text("A segment's name must have 1 to {most} characters on one line. Received: {name}.",
                 most=MOST_NAME, name=repr(name)[:200])
        )  # fmt: skip
    if plain in BUILT_IN:
        raise InputError(
            text("A segment's name must not be a built-in one. Received: {name}.", name=plain),
            hint="Choose another name.",
        )
    return plain


def latest(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Name -> the newest row of `segments`, deleted ones included."""
    rows = workspace.state.rows("segments", order="version ASC")
    return {row["name"]: row for row in rows}


def saved_rules(workspace: Workspace) -> dict[str, Rule]:
    """Name -> rule of the saved segments, for the `saved` of `count` and its kin."""
    rows = latest(workspace).items()
    return {name: json.loads(row["rule"]) for name, row in rows if not row["deleted"]}


def as_segment(row: dict[str, Any], saved: dict[str, Rule]) -> Segment:
    """A row of `segments`, worded with the segments saved now."""
    rule = json.loads(row["rule"])
    try:
        definition = describe(rule, saved=saved)
    except PersmarkError as problem:
        definition = problem.message
    return Segment(
        name=row["name"],
        rule=rule,
        version=row["version"],
        built_in=False,
        saved_at=row["saved_at"],
        n_users_saved=row["n_users"],
        title=text("{name}", name=row["name"]),
        definition=definition,
    )


def _built_in(name: str) -> Segment:
    title, definition, rule = BUILT_IN[name]
    return Segment(name, rule, 0, True, None, None, title, definition)


def list_segments(workspace: Workspace) -> list[Segment]:
    """Built-in segments, then the saved ones by name."""
    saved = saved_rules(workspace)
    rows = latest(workspace)
    return [
        *(_built_in(name) for name in BUILT_IN),
        *(as_segment(rows[name], saved) for name in sorted(saved)),
    ]


def get_segment(workspace: Workspace, name: str, *, version: int | None = None) -> Segment:
    """One segment, by name.

    Args:
        workspace: Where.
        name: As it was saved, or a built-in one.
        version: An older version; the newest by default.

    Raises:
        NotFoundError: There is none of that name or version, or it was deleted.
    """
    if name in BUILT_IN:
        return _built_in(name)
    saved = saved_rules(workspace)
    plain = unicodedata.normalize("NFC", name).strip()
    if plain not in saved:
        raise NotFoundError(
            text("Segment '{name}' must exist. Received: {name}.", name=name),
            title="No such segment",
            hint=near(plain, [*saved, *BUILT_IN]),
        )
    if version is None:
        return as_segment(latest(workspace)[plain], saved)
    rows = workspace.state.rows("segments", where={"name": plain, "version": version})
    if not rows:
        raise NotFoundError(
            text("Segment '{name}' must have that version. Received: {n}.", name=plain, n=version)
        )
    return as_segment(rows[0], saved)


def save_segment(workspace: Workspace, name: str, rule: Rule, actor: str) -> int:
    """Keep a rule under a name; an earlier rule of that name stays as an older version.

    Returns:
        The version, from 1.

    Raises:
        EmptyError: Profiles have not been built, so the rule cannot be checked.
        InputError: The name is taken by a built-in segment or unfit, or the rule is not understood or
            depends on itself.
        NotFoundError: The rule speaks of an unknown segment.
    """
    plain = kept_name(name)
    with workspace.reader() as reader:
        columns = profile_columns(reader)
        node = parse(rule, columns=columns, saved=known_segments(saved_rules(workspace)), name=plain)
        (n_users,) = count_all(reader, [node])
    with workspace.state.transaction():
        # Checked again inside the transaction: another save may have closed a circle meanwhile.
        parse(rule, columns=columns, saved=known_segments(saved_rules(workspace)), name=plain)
        rows = workspace.state.rows("segments", where={"name": plain})
        version = max((row["version"] for row in rows), default=0) + 1
        workspace.state.add(
            "segments",
            {
                "name": plain,
                "version": version,
                "rule": json.dumps(rule, ensure_ascii=False),
                "n_users": n_users,
                "saved_at": now(),
                "deleted": 0,
            },
        )
        workspace.audit(
            actor,
            "save segment",
            {"segment": plain, "rule": described(node).render()[:1000]},
            {"version": version, "n_users": n_users},
        )
    return version


def _speaks_of(node: Node) -> set[str]:
    if isinstance(node, InSegment):
        return {node.name}
    if isinstance(node, Opposite):
        return _speaks_of(node.part)
    return set().union(*(_speaks_of(part) for part in node.parts)) if isinstance(node, Both) else set()


def delete_segment(workspace: Workspace, name: str, actor: str) -> None:
    """Take a segment off the list; `restore_segment` brings it back.

    Raises:
        NotFoundError: There is none of that name.
        InputError: It is a built-in one, or another segment speaks of it.
    """
    if name in BUILT_IN:
        raise InputError(text("A built-in segment must stay. Received: {name}.", name=name))
    with workspace.state.transaction():
        plain = get_segment(workspace, name).name
        saved = saved_rules(workspace)
        users = []
        for other, rule in saved.items():
            try:
                node = parse(rule, columns=None, saved=known_segments(saved))
            except PersmarkError:
                continue
            if plain in _speaks_of(node):
                users.append(other)
        if users:
            raise InputError(
                text("A segment that others speak of must stay. Received: {name}, used by {users}.",
                     name=plain, users=", ".join(users)),
                hint="Change those first.",
            )  # fmt: skip
        workspace.state.change("segments", where={"name": plain}, values={"deleted": 1})
        workspace.audit(actor, "delete segment", {"segment": plain}, {})


def segment_sizes(workspace: Workspace, reader: Reader) -> list[SegmentSize]:
    """Every segment with its number of users, in one pass over the profiles.

    Raises:
        EmptyError: Profiles have not been built.
    """
    segments = list_segments(workspace)
    nodes, problems = _sound(workspace, reader, segments)
    sizes = dict(zip(nodes, count_all(reader, list(nodes.values())), strict=True))
    return [SegmentSize(segment, sizes.get(segment.name), problems.get(segment.name)) for segment in segments]


def _sound(
    workspace: Workspace, reader: Reader, segments: Sequence[Segment]
) -> tuple[dict[str, Node], dict[str, Text]]:
    """Name -> checked rule, and name -> why not where a rule no longer fits."""
    columns = profile_columns(reader)
    saved = known_segments(saved_rules(workspace))
    nodes: dict[str, Node] = {}
    problems: dict[str, Text] = {}
    for segment in segments:
        try:
            node = parse(segment.rule, columns=columns, saved=saved)
            published(reader, [node])
            nodes[segment.name] = node
        except PersmarkError as problem:
            problems[segment.name] = problem.message
    return nodes, problems


def segments_of(workspace: Workspace, reader: Reader, user_id: str) -> list[str]:
    """The names of the segments that a user is in: built-in ones, then saved ones by name.

    A saved segment whose rule no longer fits holds nobody. An unknown user is in none.

    Raises:
        EmptyError: Profiles have not been built.
    """
    nodes, _ = _sound(workspace, reader, list_segments(workspace))
    return names_of(reader, nodes, user_id)
