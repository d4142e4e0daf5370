"""Building the next version of one table group, published by a rename or not at all."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from persmark.columns import GROUP_OF, TABLES
from persmark.errors import BusyError, InputError
from persmark.settings import settings
from persmark.store.manifest import Group, Manifest, read_manifest, sync, write_manifest
from persmark.store.pulse import Pulse, Tell
from persmark.store.reader import Reader, literal, quoted, refusals
from persmark.store.room import room_on_disk
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa


_OPENING_TRIES = 5

# Names of temporary files hold the id of the process that made them.
_TEMPORARY = re.compile(r"(?:persmark|duckdb_temp)_(\d+)_")


class Writer(Reader):
    """A reader of the published tables that can also fill the next version of some groups.

    The first group's file is attached as schema `out`, each further one as `out_<group>`.

    Attributes:
        groups: What is being written.
        stats: JSON facts by group, published with it.
        discarded: Set to leave the block without publishing anything.
        same_rows: Set where the rows are those that stood already, in other files: what was built
            from them is not stale then.
    """

    def __init__(self, folder: Path, manifest: Manifest, parts: Mapping[str, Path]) -> None:
        super().__init__(folder, manifest, memory_limit=settings().store.memory_limit, keep_order=False)
        self._pulse: Pulse | None = None
        self.groups = tuple(parts)
        self.stats_of: dict[str, dict[str, Any]] = {group: {} for group in parts}
        self.discarded = False
        self.same_rows = False
        self._schemas = {
            group: "out" if position == 0 else f"out_{group}" for position, group in enumerate(parts)
        }
        for group, part in parts.items():
            with refusals(folder):
                self._root.execute(f"ATTACH {literal(part)} AS {quoted(self._schemas[group])}")

    def watch(self, on_progress: Tell, stops: Sequence[float] = ()) -> Tell:
        """Have progress repeated each second while a statement runs.

        Args:
            on_progress: Told a fraction and what is happening; from another thread while a
                statement runs, never twice at once.
            stops: The fractions that are reported as steps end, in order: between two of them the
                fraction follows the running statement.

        Returns:
            What the steps are to be reported to from now on.
        """
        self._end_pulse()
        # Off by default, and nothing is counted then.
        self._root.execute("SET enable_progress_bar = true")
        self._root.execute("SET enable_progress_bar_print = false")
        self._pulse = Pulse(on_progress, stops, lambda: self._root.query_progress() / 100)
        return self._pulse

    def _end_pulse(self) -> None:
        if self._pulse is not None:
            self._pulse.end()
            self._pulse = None

    def close(self) -> None:
        """Let go of the files and of what repeats the progress."""
        self._end_pulse()
        super().close()

    @contextmanager
    def _statement(self) -> Iterator[None]:
        """Around each statement: errors as our own, progress repeated."""
        with refusals(self._folder), self._pulse.statement() if self._pulse else nullcontext():
            yield

    @property
    def stats(self) -> dict[str, Any]:
        """Facts of the first group."""
        return self.stats_of[self.groups[0]]

    def run(self, sql: str, params: Mapping[str, object] | None = None) -> None:
        """Run one statement; `out.<table>` is in the file that is being built.

        Raises:
            EngineError: The database refused it.
            DiskFullError: There is no room for what it writes.
        """
        with self._statement():
            self._root.execute(sql, dict(params or {}))

    def table(
        self,
        sql: str,
        params: Mapping[str, object] | None = None,
        *,
        inputs: Mapping[str, pa.Table] | None = None,
        limit_ms: int | None = None,
    ) -> pa.Table:
        """As a reader's, without a time limit by default; temporary tables are not seen."""
        self._root.execute("SET preserve_insertion_order = true")
        try:
            with self._statement():
                return super().table(sql, params, inputs=inputs, limit_ms=limit_ms)
        finally:
            self._root.execute("SET preserve_insertion_order = false")

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
        try:
            with self._statement():
                return [tuple(row) for row in self._root.execute(sql, dict(params or {})).fetchall()]
        finally:
            for name in inputs or {}:
                self._root.unregister(name)

    def create(self, table: str) -> None:
        """Make `out.<table>` with its declared columns, unless it stands already."""
        declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in TABLES[table].items())
        self.run(f"CREATE TABLE IF NOT EXISTS {self.place(table)} ({declared})")

    def place(self, table: str) -> str:
        """A table's quoted name in the file that is being built."""
        group = GROUP_OF.get(table, "")
        if group not in self._schemas:
            raise InputError(
                text("Table '{table}' must belong to a group being written. Received: {groups}.",
                     table=table, groups=", ".join(self.groups))
            )  # fmt: skip
        return f"{self._schemas[group]}.{quoted(table)}"

    def line_up(
        self,
        view: str,
        table: str,
        columns: Sequence[str],
        *,
        carried: Sequence[str] = (),
        counts: Mapping[str, str] | None = None,
        highest: Mapping[str, str] | None = None,
    ) -> None:
        """Make a temporary view of a table's rows, each with what stands before and after it.

        Rows come in the order in which they were written, in one pass that sorts nothing and holds
        nothing: this is for tables that were written sorted.

        Args:
            view: Name of the view. Beside `columns` it has `row_no` from 1, `previous_<column>`,
                `next_<column>`, and the counts.
            table: A table as SQL names it.
            columns: Which of its columns.
            carried: Further columns that come along, without what stands before and after.
            counts: Name -> condition: how many rows so far meet it, the row itself included.
            highest: Name -> expression: the largest value so far, the row itself included.
        """
        made = [quoted(name) for name in (*columns, *carried)]
        made.append("row_number() OVER () AS row_no")
        for name in columns:
            made.append(f"lag({quoted(name)}) OVER () AS {quoted('previous_' + name)}")
            made.append(f"lead({quoted(name)}) OVER () AS {quoted('next_' + name)}")
        so_far = "OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
        for name, condition in (counts or {}).items():
            made.append(f"count(*) FILTER ({condition}) {so_far} AS {quoted(name)}")
        for name, expression in (highest or {}).items():
            made.append(f"max({expression}) {so_far} AS {quoted(name)}")
        self.run(f"CREATE OR REPLACE TEMP VIEW {quoted(view)} AS SELECT {', '.join(made)} FROM {table}")

    def put(self, table: str, rows: pa.Table) -> None:
        """Append an Arrow table to `out.<table>` by column name; missing columns become NULL."""
        self.create(table)
        self._root.register("put_rows", rows)
        try:
            self.run(f"INSERT INTO {self.place(table)} BY NAME SELECT * FROM put_rows")
        finally:
            self._root.unregister("put_rows")

    def finish(self) -> dict[str, tuple[str, ...]]:
        """Checkpoint the files and let them go; returns the tables each holds."""
        tables = self.rows("SELECT database_name, table_name FROM duckdb_tables() ORDER BY ALL")
        held = {}
        for group, schema in self._schemas.items():
            held[group] = tuple(table for database, table in tables if database == schema)
            with self._statement():
                self._root.execute(f"CHECKPOINT {quoted(schema)}")
                self._root.execute(f"DETACH {quoted(schema)}")
        return held


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
    # Rows in clear: copies of files, and what the database put on the disk for want of memory.
    for path in (folder / "tmp").glob("*"):
        made_by = _TEMPORARY.match(path.name)
        if made_by and not _alive(int(made_by[1])):
            path.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@contextmanager
def write_groups(
    folder: Path, groups: tuple[str, ...], *, delta: bool = False, wait_seconds: float | None = None
) -> Iterator[Writer]:
    """Build the next version of some groups; publish them together when the block ends well.

    Args:
        folder: The workspace's folder.
        groups: Which table groups; one that gets no table stays as it is.
        delta: Add a file to each group instead of replacing its files.
        wait_seconds: How long to wait for another writer; the setting by default.

    Raises:
        BusyError: Another writer held the workspace for longer than that.
        DiskFullError: There is no room for it on the disk.
    """
    wait = settings().store.lock_wait_seconds if wait_seconds is None else wait_seconds
    with room_on_disk(folder), exclusive(folder / "write.lock", wait_seconds=wait):
        manifest = read_manifest(folder)
        _sweep(folder, manifest)
        version = manifest.version + 1
        files = {group: f"{group}-{version:06d}.duckdb" for group in groups}
        parts = {group: folder / "tables" / f"{file}.part" for group, file in files.items()}
        try:
            with Writer(folder, manifest, parts) as writer:
                yield writer
                held = {group: tables for group, tables in writer.finish().items() if tables}
            if writer.discarded or not held:
                return
            _publish(
                folder, writer, held,
                {parts[group]: folder / "tables" / files[group] for group in held}, delta=delta,
            )  # fmt: skip
        finally:
            for part in parts.values():
                for left in (part, part.with_name(part.name + ".wal")):
                    left.unlink(missing_ok=True)


def _opened(folder: Path, parts: Mapping[str, Path]) -> Writer:
    """A writer on what is published now, without the lock."""
    for tries_left in reversed(range(_OPENING_TRIES)):
        try:
            return Writer(folder, read_manifest(folder), parts)
        except duckdb.IOException:
            # Two publications between reading the manifest and opening its files.
            if not tries_left:
                raise
    raise AssertionError("unreachable")


@contextmanager
def scratch_group(temporary: Path, folder: Path, group: str) -> Iterator[Writer]:
    """Work out one group's tables in a file that is thrown away when the block ends.

    Takes no lock and publishes nothing, so that it stands beside readers and the one writer.

    Args:
        temporary: A name for that file, see `Workspace.temporary`.
        folder: The workspace's folder.
        group: Whose tables `out` takes.
    """
    part = temporary.with_suffix(".duckdb")
    try:
        with room_on_disk(folder), _opened(folder, {group: part}) as writer:
            yield writer
    finally:
        for left in (part, part.with_name(part.name + ".wal")):
            left.unlink(missing_ok=True)


def _publish(
    folder: Path,
    writer: Writer,
    held: Mapping[str, tuple[str, ...]],
    renamed: Mapping[Path, Path],
    *,
    delta: bool,
) -> None:
    """Make the built files the workspace's, by one rename of the manifest."""
    manifest = writer.manifest
    version = manifest.version + 1
    before = {name: found.content for name, found in manifest.groups.items()}
    built = {}
    for (group, tables), file in zip(held.items(), renamed.values(), strict=True):
        old = manifest.group(group) if delta else Group()
        content = manifest.group(group).content if writer.same_rows else version
        built[group] = Group(
            version=version,
            content=content,
            contents=(*old.contents, content),
            files=(*old.files, file.name),
            tables=(*old.tables, tables),
            reads={name: number for name, number in before.items() if name not in held},
            stats=writer.stats_of[group],
        )
    following = replace(
        manifest,
        version=version,
        groups={**manifest.groups, **built},
        previous=tuple(sorted(manifest.files())),
    )
    try:
        for part, file in renamed.items():
            sync(part)
            part.replace(file)
        sync(folder / "tables")
        write_manifest(folder, following)
    except OSError:
        # Where the last rename was done, the new version stands and its files with it.
        if read_manifest(folder).version < version:
            for file in renamed.values():
                file.unlink(missing_ok=True)
        raise
