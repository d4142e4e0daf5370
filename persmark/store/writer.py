"""Building the next version of one table group, published by a rename or not at all."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persmark.columns import GROUP_OF, TABLES
from persmark.errors import BusyError, InputError
from persmark.settings import settings
from persmark.store.manifest import Group, Manifest, read_manifest, sync, write_manifest
from persmark.store.reader import Reader, literal, quoted
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa


class Writer(Reader):
    """A reader of the published tables that can also fill the schema `out`.

    Attributes:
        stats: JSON facts that are published with the group.
    """

    def __init__(self, folder: Path, manifest: Manifest, group: str, part: Path) -> None:
        super().__init__(folder, manifest, memory_limit=settings().store.memory_limit)
        self.group = group
        self.stats: dict[str, Any] = {}
        self._root.execute(f"ATTACH {literal(part)} AS out")

    def run(self, sql: str, params: Mapping[str, object] | None = None) -> None:
        """Run one statement; `out.<table>` is the file that is being built."""
        # A read on this instance may have turned it on; building a table does not need it.
        self._root.execute("SET preserve_insertion_order = false")
        self._root.execute(sql, dict(params or {}))

    def rows(
        self,
        sql: str,
        params: Mapping[str, object] | None = None,
        *,
        inputs: Mapping[str, pa.Table] | None = None,
        limit_ms: int | None = None,
    ) -> list[tuple[Any, ...]]:
        """As a reader's, on the building connection, so that its temporary tables are seen."""
        for name, table in (inputs or {}).items():
            self._root.register(name, table)
        found = [tuple(row) for row in self._root.execute(sql, dict(params or {})).fetchall()]
        for name in inputs or {}:
            self._root.unregister(name)
        return found

    def create(self, table: str) -> None:
        """Make `out.<table>` with its declared columns, unless it stands already."""
        if GROUP_OF.get(table) != self.group:
            raise InputError(
                text("Table '{table}' must belong to the group being written. Received: {group}.",
                     table=table, group=self.group)
            )  # fmt: skip
        declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in TABLES[table].items())
        self.run(f"CREATE TABLE IF NOT EXISTS out.{quoted(table)} ({declared})")

    def put(self, table: str, rows: pa.Table) -> None:
        """Append an Arrow table to `out.<table>` by column name; missing columns become NULL."""
        self.create(table)
        self._root.register("put_rows", rows)
        try:
            self._root.execute(f"INSERT INTO out.{quoted(table)} BY NAME SELECT * FROM put_rows")
        finally:
            self._root.unregister("put_rows")

    def finish(self) -> tuple[str, ...]:
        """Checkpoint the file and let it go; returns the tables it holds."""
        held = self.rows("SELECT table_name FROM duckdb_tables() WHERE database_name = 'out' ORDER BY 1")
        self._root.execute("CHECKPOINT out")
        self._root.execute("DETACH out")
        return tuple(row[0] for row in held)


@contextmanager
def exclusive(path: Path, *, wait_seconds: float) -> Iterator[None]:
    """Hold the one write lock of a workspace; the kernel frees it however the process ends."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    give_up = time.monotonic() + wait_seconds
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > give_up:
                    raise BusyError(
                        text("Only one write at a time is possible in a workspace. Received: a second one."),
                        hint="Wait for the other load, build or training to end, or cancel it.",
                    ) from error
                time.sleep(0.1)
        yield
    finally:
        os.close(handle)


def _sweep(folder: Path, manifest: Manifest) -> None:
    """Remove what crashes left behind and what no version needs any more."""
    keep = manifest.files() | set(manifest.previous)
    for path in (folder / "tables").iterdir():
        if path.name not in keep:
            path.unlink(missing_ok=True)


@contextmanager
def write_group(
    folder: Path, group: str, *, delta: bool = False, wait_seconds: float | None = None
) -> Iterator[Writer]:
    """Build one group's next version; publish it when the block ends well.

    Args:
        folder: The workspace's folder.
        group: Which table group.
        delta: Add a file to the group instead of replacing its files.
        wait_seconds: How long to wait for another writer; the setting by default.

    Raises:
        BusyError: Another writer held the workspace for longer than that.
    """
    wait = settings().store.lock_wait_seconds if wait_seconds is None else wait_seconds
    with exclusive(folder / "write.lock", wait_seconds=wait):
        manifest = read_manifest(folder)
        _sweep(folder, manifest)
        version = manifest.version + 1
        file = f"{group}-{version:06d}.duckdb"
        part = folder / "tables" / f"{file}.part"
        with Writer(folder, manifest, group, part) as writer:
            yield writer
            held = writer.finish()
        sync(part)
        part.replace(folder / "tables" / file)
        sync(folder / "tables")
        before = manifest.group(group)
        reads = {name: found.version for name, found in manifest.groups.items() if name != group}
        built = Group(
            version=version,
            files=(*before.files, file) if delta else (file,),
            tables=(*before.tables, held) if delta else (held,),
            reads=reads,
            stats=writer.stats,
        )
        write_manifest(
            folder,
            replace(
                manifest,
                version=version,
                groups={**manifest.groups, group: built},
                previous=tuple(sorted(manifest.files())),
            ),
        )
