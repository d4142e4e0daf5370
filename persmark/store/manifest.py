"""Which immutable files are the workspace now: the CURRENT manifest and its one-rename change."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

MANIFEST = "CURRENT"


@dataclass(frozen=True)
class Group:
    """One table group as published.

    Attributes:
        version: Manifest version at which it last changed; 0 = never published.
        files: File names, base first, then deltas in the order of their appends.
        tables: Tables held by each of those files.
        content: Version at which its rows last changed; compaction moves files, not rows.
        contents: For each file, the content version at which its rows came to stand: a reader of an
            earlier content has not seen them.
        reads: Content versions of the groups it was built from.
        stats: Small JSON facts computed when it was published.
    """

    version: int = 0
    content: int = 0
    files: tuple[str, ...] = ()
    tables: tuple[tuple[str, ...], ...] = ()
    reads: dict[str, int] = field(default_factory=dict)
    stats: dict[str, Any] = field(default_factory=dict)
    contents: tuple[int, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """All groups; `previous` names files of the version before, kept for readers still on it."""

    version: int = 0
    groups: dict[str, Group] = field(default_factory=dict)
    previous: tuple[str, ...] = ()

    def group(self, name: str) -> Group:
        """The group, empty where it was never published."""
        return self.groups.get(name, Group())

    def files(self) -> frozenset[str]:
        """Every file that this version is made of."""
        return frozenset(name for group in self.groups.values() for name in group.files)


def read_manifest(folder: Path) -> Manifest:
    """The published manifest; version 0 where nothing was published yet."""
    try:
        return _parsed((folder / MANIFEST).read_text("utf-8"))
    except FileNotFoundError:
        return Manifest()


# A page asks for the manifest dozens of times a rerun; the same text says the same, whoever wrote it.
@lru_cache(maxsize=64)
def _parsed(written: str) -> Manifest:
    raw = json.loads(written)
    groups = {
        name: Group(
            version=group["version"],
            content=group["content"],
            files=tuple(group["files"]),
            tables=tuple(tuple(tables) for tables in group["tables"]),
            reads=group["reads"],
            stats=group["stats"],
            # Written before files had one of their own: none is known to be older than the whole.
            contents=tuple(group.get("contents") or [group["content"]] * len(group["files"])),
        )
        for name, group in raw["groups"].items()
    }
    return Manifest(version=raw["version"], groups=groups, previous=tuple(raw["previous"]))


def sync(path: Path) -> None:
    """Force a file, or a folder's entries, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain(manifest: Manifest) -> dict[str, object]:
    """What is written of a manifest; the facts of its groups are not copied for it."""
    return {**vars(manifest), "groups": {name: vars(group) for name, group in manifest.groups.items()}}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Publish by one rename: a crash leaves the old manifest or the new one, nothing between."""
    part = folder / f"{MANIFEST}.part"
    try:
        with part.open("w", encoding="utf-8") as out:
            # Whole: as a stream it is put together ten times as slowly.
            out.write(json.dumps(_plain(manifest), ensure_ascii=False))
            out.flush()
            os.fsync(out.fileno())
        part.replace(folder / MANIFEST)
    finally:
        part.unlink(missing_ok=True)
    sync(folder)
