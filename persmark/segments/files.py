"""Segments as files: a rule as JSON that another workspace can read, its users as CSV."""

from __future__ import annotations

import json
import os
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persmark.errors import EmptyError, InputError
from persmark.privacy import MINIMUM_GROUP_SIZE
from persmark.segments.built_in import BUILT_IN
from persmark.segments.evaluate import Saved, members
from persmark.segments.nodes import Rule
from persmark.segments.saved import get_segment, save_segment, saved_rules
from persmark.spreadsheet import escaped
from persmark.store import Reader, Workspace, workspace_name
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = "persmark segment 1"
MOST_BYTES = 4_000_000


@dataclass(frozen=True)
class ImportedSegment:
    """What a file brought.

    Attributes:
        name: The segment it was saved as.
        version: Its version.
        also: Other segments it speaks of, that came with it and were not here yet.
    """

    name: str
    version: int
    also: tuple[str, ...]


@dataclass(frozen=True)
class MembersFile:
    """A written list of users."""

    path: Path
    n_users: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """Keys `path`, `n_users`, `sha256`."""
        return {"path": str(self.path), "n_users": self.n_users, "sha256": self.sha256}


def _spoken_of(rule: object) -> set[str]:
    """Names of the segments that a rule, as JSON, speaks of."""
    found: set[str] = set()
    waiting = [rule]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            if isinstance(part.get("segment"), str):
                found.add(part["segment"])
            waiting.extend(part.get(key) for key in ("all", "any", "not"))
        elif isinstance(part, list | tuple):
            waiting.extend(part)
    return found


def rule_document(workspace: Workspace, name: str, *, version: int | None = None) -> dict[str, Any]:
    """A segment as a JSON document, with the saved segments it speaks of, so that it stands alone.

    Args:
        workspace: Where.
        name: A saved segment, or a built-in one.
        version: An older version; the newest by default.

    Returns:
        `format`, `segment`, `version`, `sentence`, `rule`, `speaks_of` (name -> rule).

    Raises:
        NotFoundError: There is none of that name or version.
    """
    found = get_segment(workspace, name, version=version)
    saved = saved_rules(workspace)
    others: dict[str, Rule] = {}
    waiting = sorted(_spoken_of(found.rule))
    while waiting:
        other = waiting.pop()
        if other in saved and other not in others:
            others[other] = saved[other]
            waiting.extend(sorted(_spoken_of(saved[other])))
    return {
        "format": FORMAT,
        "segment": found.name,
        "version": found.version,
        "sentence": found.definition.render(),
        "rule": dict(found.rule),
        "speaks_of": dict(sorted(others.items())),
    }


def _document(content: bytes | str) -> dict[str, Any]:
    """The JSON object that a file holds."""
    if len(content) > MOST_BYTES:
        raise InputError(
            text("A rule's file must have at most {most} bytes. Received: {n}.",
                 most=MOST_BYTES, n=len(content))
        )  # fmt: skip
    try:
        raw = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        found = json.loads(raw)
    except UnicodeDecodeError as error:
        raise InputError(
            text("A rule's file must be UTF-8 text. Received: other bytes at position {n}.", n=error.start),
            title="Not a rule",
        ) from error
    except json.JSONDecodeError as error:
        raise InputError(
            text("A rule's file must be JSON. Received: {problem} in line {line}, column {column}.",
                 problem=error.msg, line=error.lineno, column=error.colno),
            title="Not a rule",
        ) from error  # fmt: skip
    except RecursionError as error:
        raise InputError(text("A rule must be at most 30 levels deep. Received: a deeper one.")) from error
    if not isinstance(found, dict):
        raise InputError(
            text("A rule's file must hold a JSON object. Received: {value}.", value=repr(found)[:200]),
            title="Not a rule",
        )
    return found


def import_segment(
    workspace: Workspace, content: bytes | str, actor: str, *, name: str | None = None
) -> ImportedSegment:
    """Save the rule of a file: what `rule_document` gave, or a bare rule.

    Saved segments that it speaks of come with it where they are not here yet. One that is here under
    the same name with another rule is never overwritten.

    Args:
        workspace: Where to.
        content: The file, UTF-8 JSON.
        actor: Who asked, for the audit.
        name: What to save it as; the name in the file by default.

    Raises:
        EmptyError: Profiles have not been built, so the rule cannot be checked.
        InputError: The file is no rule, has no name and none is given, or speaks of a segment that is
            another one here.
        NotFoundError: It speaks of something that is neither here nor in the file.
    """
    found = _document(content)
    whole = "rule" in found
    rule, others = (found["rule"], found.get("speaks_of") or {}) if whole else (found, {})
    wanted = name if name is not None else (found.get("segment") if whole else None)
    if not isinstance(wanted, str) or not wanted.strip():
        raise InputError(
            text("A rule to import must have a name. Received: a file without one."),
            hint="Give a name beside the file.",
        )
    if not isinstance(others, dict):
        raise InputError(
            text("'speaks_of' must hold rules by name. Received: {value}.", value=repr(others)[:200])
        )
    plain = unicodedata.normalize("NFC", wanted).strip()
    if whole and name is None and plain in BUILT_IN:
        plain = f"{plain} (copy)"
    here = saved_rules(workspace)
    for other, meaning in others.items():
        if other in here and here[other] != meaning:
            raise InputError(
                text("Segments that a file brings must mean the same here. Received: {name}, which is saved "
                     "with another rule.", name=other),
                hint="Rename one of the two first.",
            )  # fmt: skip
    with workspace.state.transaction():
        also = _save_others(workspace, {one: others[one] for one in others if one not in here}, actor)
        version = save_segment(workspace, plain, rule, actor)
    return ImportedSegment(plain, version, tuple(also))


def _save_others(workspace: Workspace, waiting: dict[str, Any], actor: str) -> list[str]:
    """Save rules that may speak of each other: those first that the others need."""
    done: list[str] = []
    while waiting:
        ready = [name for name in waiting if not _spoken_of(waiting[name]) & (waiting.keys() - {name})]
        # In a circle none is ready; saving any of them then says what is wrong.
        for name in ready or list(waiting)[:1]:
            save_segment(workspace, name, waiting.pop(name), actor)
            done.append(name)
    return done


def members_table(
    reader: Reader, rule: Rule, *, saved: Saved | None = None, columns: Sequence[str] = ("user_id",)
) -> pa.Table:
    """All users of a rule as text cells that no spreadsheet takes for a formula.

    Args:
        reader: Whose profiles.
        rule: See `persmark.segments.rules`.
        saved: Segments it may speak of.
        columns: Profile columns to list; `user_id` first, whether named or not.

    Raises:
        EmptyError: Profiles have not been built, or the rule holds for nobody.
        InputError: The rule is not understood, a column does not exist, or the users are so few that a
            list of them would point at single people.
        NotFoundError: It speaks of something that is not there.
    """
    import pyarrow as pa

    listed = members(
        reader, rule, saved=saved, columns=("user_id", *(name for name in columns if name != "user_id"))
    )
    if not listed.num_rows:
        raise EmptyError(
            text("A segment to list must hold users. Received: one that holds nobody."), title="Nobody in it"
        )
    if listed.num_rows < MINIMUM_GROUP_SIZE:
        raise InputError(
            text("A list must have at least {least} users. Received: {n}.",
                 least=MINIMUM_GROUP_SIZE, n=listed.num_rows),
            title="Too few to list",
            hint="Fewer would point at single people; widen the rule.",
        )  # fmt: skip
    cells = {
        name: escaped(cell) if pa.types.is_string(cell.type) else cell.cast(pa.string())
        for name, cell in zip(listed.column_names, listed.columns, strict=True)
    }
    return pa.table(cells)


def _csv(table: pa.Table) -> bytes:
    """UTF-8, comma, a header, every value quoted."""
    import pyarrow as pa
    from pyarrow import csv

    held = pa.BufferOutputStream()
    csv.write_csv(table, held, write_options=csv.WriteOptions(quoting_style="all_valid"))
    return bytes(held.getvalue())


def members_csv(
    reader: Reader, rule: Rule, *, saved: Saved | None = None, columns: Sequence[str] = ("user_id",)
) -> bytes:
    """`members_table` as CSV: UTF-8, comma, a header, every value quoted."""
    return _csv(members_table(reader, rule, saved=saved, columns=columns))


def _write_aside(path: Path, content: bytes) -> None:
    """Give a file its name once all of it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with aside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def export_members(
    workspace: Workspace,
    name: str,
    actor: str,
    *,
    out: Path | None = None,
    columns: Sequence[str] = ("user_id",),
) -> MembersFile:
    """Write the users of a segment as CSV; an earlier file of that name is replaced.

    User ids are those of the workspace: a pseudonym stays one.

    Args:
        workspace: Where.
        name: A saved segment, or a built-in one.
        actor: Who asked, for the audit.
        out: Folder to write to; the workspace's `exports` where left out.
        columns: Profile columns beside `user_id`.

    Raises:
        EmptyError: Profiles have not been built, or the segment holds nobody.
        InputError: A column does not exist, the users are too few to list, or the folder cannot be
            written to.
        NotFoundError: There is no such segment.
    """
    segment = get_segment(workspace, name)
    with workspace.reader() as reader:
        listed = members_table(reader, segment.rule, saved=saved_rules(workspace), columns=columns)
    content = _csv(listed)
    digest = sha256(content).hexdigest()
    folder = out or workspace.folder / "exports"
    path = folder / f"segment-{workspace_name(segment.name)}-{digest[:8]}.csv"
    try:
        _write_aside(path, content)
    except OSError as error:
        raise InputError(
            text("A list must go to a folder that can be written to. Received: {path} ({why}).",
                 path=str(folder), why=error.strerror or str(error)),
            title="Cannot write there",
            hint="Choose another folder.",
        ) from error  # fmt: skip
    made = MembersFile(path, listed.num_rows, digest)
    workspace.audit(
        actor,
        "export segment",
        {"segment": segment.name, "version": segment.version, "columns": list(columns)},
        {"n_users": made.n_users, "sha256": digest},
    )
    return made
