"""Small state in SQLite: one file, write-ahead logged, transactional.

The only way in names a table and columns that are declared; values are always bound.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from persmark.errors import InputError
from persmark.store.room import disk_full, room_on_disk, says_full
from persmark.text import text

Row = dict[str, Any]

# Files whose tables this process has made or seen: a page opens its workspace several times a rerun.
_PREPARED: set[tuple[tuple[int, int, str] | None, tuple[tuple[str, ...], ...]]] = set()


def _identity(path: Path) -> tuple[int, int, str] | None:
    """Which file lies at a path now; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, str(path)


class State:
    """Declared tables in one SQLite file, safe to share between threads and processes.

    Args:
        path: The file; made, with its tables, where it does not exist.
        tables: Table -> column -> SQLite type. A column declared later is added to an older file.
    """

    def __init__(self, path: Path, tables: Mapping[str, Mapping[str, str]]) -> None:
        self.path = path
        self._tables = tables
        self._local = threading.local()
        made = _identity(path)
        declared = tuple((table, *columns) for table, columns in tables.items())
        if made is None or (made, declared) not in _PREPARED:
            self._prepare()
            _PREPARED.add((_identity(path), declared))

    def _prepare(self) -> None:
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            for table, columns in self._tables.items():
                declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
                connection.execute(f'CREATE TABLE IF NOT EXISTS "{table}" ({declared})')
                present = {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}
                for name in columns.keys() - present:
                    kind = columns[name].replace(" NOT NULL", "")
                    connection.execute(f'ALTER TABLE "{table}" ADD COLUMN "{name}" {kind}')

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """The thread's open transaction, or a connection that commits at the end of the call."""
        open_one: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if open_one is not None:
            yield open_one
            return
        with room_on_disk(self.path.parent):
            connection = self._opened()
            connection.row_factory = sqlite3.Row
            try:
                with connection:
                    yield connection
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_READONLY:
                    raise disk_full(self.path.parent) from error
                raise
            finally:
                connection.close()

    def _opened(self) -> sqlite3.Connection:
        """A connection; on a full disk one that can only read, so that sessions go on."""
        connection = sqlite3.connect(self.path, timeout=20)
        try:
            connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.OperationalError as error:
            connection.close()
            log = self.path.with_name(f"{self.path.name}-wal")
            # Without a log, all there is stands in the file, and there is no room to change it.
            if not says_full(error) or (log.exists() and log.stat().st_size):
                raise
            return sqlite3.connect(f"{self.path.absolute().as_uri()}?immutable=1", uri=True)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes of this thread inside the block, or none of them."""
        if getattr(self._local, "connection", None) is not None:
            yield
            return
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._local.connection = connection
            try:
                yield
            finally:
                self._local.connection = None

    def _quoted(self, table: str, columns: Iterable[str]) -> list[str]:
        if table not in self._tables:
            raise InputError(
                text("Table '{name}' must be declared. Received: {name}.", name=table),
                hint=text("Available: {names}.", names=", ".join(self._tables)),
            )
        unknown = [name for name in columns if name not in self._tables[table] and name != "rowid"]
        if unknown:
            raise InputError(
                text(
                    "Columns of '{table}' must be declared. Received: {names}.",
                    table=table,
                    names=", ".join(unknown),
                ),
                hint=text("Available: {names}.", names=", ".join(self._tables[table])),
            )
        return [f'"{name}"' for name in columns]

    def _where(self, table: str, where: Mapping[str, object] | None) -> tuple[str, list[object]]:
        if not where:
            return "", []
        columns = self._quoted(table, where)
        return " WHERE " + " AND ".join(f"{name} IS ?" for name in columns), list(where.values())

    def rows(
        self,
        table: str,
        where: Mapping[str, object] | None = None,
        *,
        order: str = "rowid",
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Row]:
        """Rows that equal `where`, ordered by one column (`"saved_at DESC"` turns it round)."""
        column, _, direction = order.partition(" ")
        (ordered,) = self._quoted(table, [column])
        clause, values = self._where(table, where)
        downward = " DESC" if direction.upper() == "DESC" else ""
        sql = f'SELECT * FROM "{table}"{clause} ORDER BY {ordered}{downward} LIMIT ? OFFSET ?'
        with self._connection() as connection:
            found = connection.execute(sql, [*values, -1 if limit is None else limit, offset])
            return [dict(row) for row in found]

    def each(
        self, table: str, where: Mapping[str, object] | None = None, *, order: str = "rowid"
    ) -> Iterator[Row]:
        """As `rows`, one after the other: for tables that may hold more than memory should."""
        column, _, direction = order.partition(" ")
        (ordered,) = self._quoted(table, [column])
        clause, values = self._where(table, where)
        downward = " DESC" if direction.upper() == "DESC" else ""
        with self._connection() as connection:
            sql = f'SELECT * FROM "{table}"{clause} ORDER BY {ordered}{downward}'
            for row in connection.execute(sql, values):
                yield dict(row)

    def tuples(
        self, table: str, columns: Iterable[str], where: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:
        """Some columns of the rows that equal `where`, in the order they were put in."""
        names = ", ".join(self._quoted(table, columns))
        clause, values = self._where(table, where)
        with self._connection() as connection:
            found = connection.execute(f'SELECT {names} FROM "{table}"{clause} ORDER BY rowid', values)
            return [tuple(row) for row in found]

    def count_by(self, table: str, column: str, where: Mapping[str, object] | None = None) -> dict[Any, int]:
        """Value of a column -> how many of the rows that equal `where` have it."""
        (name,) = self._quoted(table, [column])
        clause, values = self._where(table, where)
        with self._connection() as connection:
            found = connection.execute(
                f'SELECT {name}, count(*) FROM "{table}"{clause} GROUP BY 1 ORDER BY 1', values
            )
            return {row[0]: int(row[1]) for row in found}

    def count(self, table: str, where: Mapping[str, object] | None = None) -> int:
        """How many rows equal `where`."""
        self._quoted(table, [])
        clause, values = self._where(table, where)
        with self._connection() as connection:
            found = connection.execute(f'SELECT count(*) FROM "{table}"{clause}', values).fetchone()
            return int(found[0])

    def _insert(self, verb: str, table: str, rows: Iterable[Mapping[str, object]]) -> int:
        """Insert rows as they come, so that many of them never stand in memory together."""
        coming = iter(rows)
        first = next(coming, None)
        if first is None:
            return 0
        columns = self._quoted(table, first)
        holes = ", ".join("?" for _ in columns)
        sql = f'{verb} INTO "{table}" ({", ".join(columns)}) VALUES ({holes})'
        names = list(first)
        with self._connection() as connection:
            inserted = connection.execute(sql, [first[name] for name in names]).lastrowid
            connection.executemany(sql, ([row[name] for name in names] for row in coming))
            return int(inserted or 0)

    def add(self, table: str, row: Mapping[str, object]) -> int:
        """Insert one row and return its id."""
        return self._insert("INSERT", table, [row])

    def add_many(self, table: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Insert rows that all have the columns of the first."""
        self._insert("INSERT", table, rows)

    def put(self, table: str, row: Mapping[str, object]) -> int:
        """Insert one row, or replace the one with the same primary key."""
        return self._insert("INSERT OR REPLACE", table, [row])

    def put_many(self, table: str, rows: Iterable[Mapping[str, object]]) -> None:
        """`put` for many rows that all have the columns of the first."""
        self._insert("INSERT OR REPLACE", table, rows)

    def change(self, table: str, where: Mapping[str, object], values: Mapping[str, object]) -> int:
        """Set `values` on the rows that equal `where`; returns how many there were."""
        settings = ", ".join(f"{name} = ?" for name in self._quoted(table, values))
        clause, bound = self._where(table, where)
        with self._connection() as connection:
            done = connection.execute(f'UPDATE "{table}" SET {settings}{clause}', [*values.values(), *bound])
            return done.rowcount

    def drop(self, table: str, where: Mapping[str, object]) -> int:
        """Delete the rows that equal `where`; returns how many there were."""
        self._quoted(table, [])
        clause, bound = self._where(table, where)
        with self._connection() as connection:
            return connection.execute(f'DELETE FROM "{table}"{clause}', bound).rowcount
