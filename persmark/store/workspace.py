"""A workspace is a folder: its state in SQLite, its tables in immutable DuckDB files."""

from __future__ import annotations

import json
import os
import re
import shutil
import unicodedata
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb

from persmark.columns import STATE_TABLES
from persmark.errors import InputError, NotFoundError
from persmark.settings import settings
from persmark.store.manifest import Manifest, read_manifest
from persmark.store.reader import Reader
from persmark.store.state import State
from persmark.store.writer import Writer, exclusive, scratch_group, write_groups
from persmark.text import text

STATE_FILE = "state.sqlite"
_NAME = re.compile(r"[^\W_](?:[\w-]{0,62}[^\W_])?")
_MOST_BYTES = 200  # of a folder's name; file systems allow 255, and `.gone-` must fit before it
_OPENING_TRIES = 5


def now() -> str:
    """The wall clock as ISO-8601 UTC text, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _can_be_folder(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and len(name.encode()) <= _MOST_BYTES


def workspace_name(wish: str) -> str:
    """A name that can be a folder, made from any text: letters and digits of any script, `-`."""
    folded = unicodedata.normalize("NFKC", wish).strip().lower()
    name = re.sub(r"[\W_]+", "-", folded).strip("-")[:48].strip("-")
    return name or "workspace"


class Workspace:
    """One data set with its own store, runs and exports.

    Attributes:
        name: Folder name, and the name on the command line.
        folder: Where it lives.
        state: Its SQLite state.
        label: The name people see.
        kind: `sample`, `demo` (synthetic) or `own`.
        time_zone: IANA name; local hours and days are computed in it at load.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.state = State(folder / STATE_FILE, STATE_TABLES)
        (row,) = self.state.rows("workspace")
        self.label: str = row["label"]
        self.kind: str = row["kind"]
        self.time_zone: str = row["time_zone"]

    def manifest(self) -> Manifest:
        """What is published now."""
        return read_manifest(self.folder)

    def versions(self) -> dict[str, int]:
        """Group -> version, for cache keys; a group never published is left out."""
        return {name: group.version for name, group in self.manifest().groups.items()}

    def reads(self, group: str) -> dict[str, int]:
        """Content versions of the groups that `group` was built from."""
        return dict(self.manifest().group(group).reads)

    def stats(self, group: str) -> dict[str, Any]:
        """Facts published with the group; empty where it was never published."""
        return dict(self.manifest().group(group).stats)

    def stale(self, group: str) -> bool:
        """Whether what `group` was built from has changed since."""
        manifest = self.manifest()
        built = manifest.group(group)
        if not built.version:
            return False
        sources = {"profiles": ("events", "catalogue"), "scores": ("events", "catalogue", "profiles")}
        return any(manifest.group(name).content > built.reads.get(name, 0) for name in sources.get(group, ()))

    def as_of(self) -> datetime | None:
        """The last event's time, UTC; None without events."""
        last = self.stats("events").get("last_event_time")
        return datetime.fromisoformat(last) if last else None

    def reader(self) -> Reader:
        """The published version, read-only. Close it, or use it as a context."""
        for attempt in range(_OPENING_TRIES):
            try:
                return Reader(self.folder, self.manifest())
            except duckdb.IOException:
                # Two publications between reading the manifest and opening its files.
                if attempt == _OPENING_TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def temporary(self) -> Path:
        """A name for a file that this process removes again; the next write removes it if it cannot."""
        folder = self.folder / "tmp"
        folder.mkdir(exist_ok=True)
        return folder / f"persmark_{os.getpid()}_{uuid.uuid4().hex}"

    def write(
        self, *groups: str, delta: bool = False, wait_seconds: float | None = None
    ) -> AbstractContextManager[Writer]:
        """See `persmark.store.writer.write_groups`."""
        return write_groups(self.folder, groups, delta=delta, wait_seconds=wait_seconds)

    def scratch(self, group: str) -> AbstractContextManager[Writer]:
        """See `persmark.store.writer.scratch_group`."""
        return scratch_group(self.temporary(), self.folder, group)

    def audit(
        self, actor: str, verb: str, request: Mapping[str, object], result: Mapping[str, object]
    ) -> None:
        """Write down who did what."""
        self.state.add(
            "audit",
            {
                "at": now(),
                "actor": actor,
                "verb": verb,
                "request": json.dumps(request, ensure_ascii=False, default=str),
                "result": json.dumps(result, ensure_ascii=False, default=str),
            },
        )


def _root(root: Path | None) -> Path:
    """The folder that holds workspaces, which need not exist yet.

    Raises:
        InputError: It is a file, or cannot be looked into.
    """
    folder = root or settings().data_folder
    try:
        if folder.is_dir() or not folder.exists():
            return folder
        why = "a file"
    except OSError as error:
        why = error.strerror or str(error)
    raise _no_home(folder, why)


def _no_home(folder: Path, why: str) -> InputError:
    return InputError(
        text("Workspaces must lie in a folder that can be written to. Received: {path} ({why}).",
             path=str(folder), why=why),
        title="No place for workspaces",
        hint="Set PERSMARK_DATA to another folder.",
    )  # fmt: skip


def workspace_exists(name: str, *, root: Path | None = None) -> bool:
    """Whether a workspace of that name can be opened."""
    return _can_be_folder(name) and (_root(root) / name / STATE_FILE).is_file()


def list_workspaces(*, root: Path | None = None) -> list[str]:
    """Names of all workspaces, sample and demo first."""
    folder = _root(root)
    names = [path.parent.name for path in folder.glob(f"*/{STATE_FILE}")] if folder.is_dir() else []
    first = {"sample": 0, "demo": 1}
    return sorted(
        (name for name in names if workspace_exists(name, root=root)),
        key=lambda name: (first.get(name, 2), name),
    )


def open_workspace(name: str, *, root: Path | None = None) -> Workspace:
    """Open an existing workspace.

    Raises:
        NotFoundError: There is none of that name.
    """
    if not workspace_exists(name, root=root):
        there = ", ".join(list_workspaces(root=root)) or "none yet"
        raise NotFoundError(
            text("Workspace '{name}' must exist. Received: {name}.", name=name),
            title="No such workspace",
            hint=text("Available: {names}.", names=there),
        )
    return Workspace(_root(root) / name)


def create_workspace(
    name: str,
    *,
    label: str | None = None,
    kind: str = "own",
    time_zone: str = "UTC",
    root: Path | None = None,
) -> Workspace:
    """Make a workspace, or open the one of that name.

    Args:
        name: Letters, digits, `-` and `_`, at most 64; `workspace_name` makes one of any text.
        label: The name people see; `name` by default.
        kind: `sample`, `demo` or `own`.
        time_zone: IANA name such as `Europe/Berlin`.
        root: The folder that holds workspaces; the setting by default.

    Raises:
        InputError: The name cannot be a folder, the time zone is unknown, or `root` cannot be
            written to.
    """
    if not _can_be_folder(name):
        raise InputError(
            text("A workspace's name must be letters, digits, '-' and '_', at most 64. Received: {name}.",
                 name=name),
            hint=text("Try {name}.", name=workspace_name(name)),
        )  # fmt: skip
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            text("A time zone must be an IANA name. Received: {zone}.", zone=time_zone),
            hint="For example UTC, Europe/Berlin or America/New_York.",
        ) from error
    if workspace_exists(name, root=root):
        return open_workspace(name, root=root)
    parent = _root(root)
    row = {"id": 1, "label": label or name, "kind": kind, "time_zone": time_zone, "created_at": now()}
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with exclusive(parent / ".create.lock", wait_seconds=10):
            if not workspace_exists(name, root=root):
                # Made aside and renamed: a crash leaves no half workspace.
                made = parent / f".new-{name}"
                shutil.rmtree(made, ignore_errors=True)
                (made / "tables").mkdir(parents=True)
                State(made / STATE_FILE, STATE_TABLES).add("workspace", row)
                made.rename(parent / name)
    except OSError as error:
        raise _no_home(parent, error.strerror or str(error)) from error
    return open_workspace(name, root=root)


def delete_workspace(name: str, *, root: Path | None = None) -> None:
    """Remove a workspace and all it holds.

    Raises:
        NotFoundError: There is none of that name.
    """
    workspace = open_workspace(name, root=root)
    gone = workspace.folder.with_name(f".gone-{workspace.name}")
    shutil.rmtree(gone, ignore_errors=True)
    workspace.folder.rename(gone)
    shutil.rmtree(gone)
