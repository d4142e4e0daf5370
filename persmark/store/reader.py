"""Read-only access to one version of a workspace: every table is a view, each call its own cursor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb

from persmark.columns import GROUP_OF, GROUPS, TABLES, VIEWS
from persmark.errors import PersmarkError
from persmark.settings import settings
from persmark.store.manifest import Manifest
from persmark.store.room import disk_full, says_full
from persmark.text import text

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# Tables where a later file's rows replace the earlier ones of the same key.
LATEST_BY: Mapping[str, str] = {"sessions": "user_id", "items": "item_id", "users": "user_id"}


class EngineError(PersmarkError):
    """The database refused a statement; nothing was changed."""


@contextmanager
def refusals(folder: Path) -> Iterator[None]:
    """What the database refuses, as our own error with one line."""
    try:
        yield
    except duckdb.Error as error:
        if says_full(error):
            raise disk_full(folder) from error
        raise EngineError(
            text("The database could not finish a step. Received: {problem}.",
                 problem=str(error).strip().splitlines()[0].rstrip(".")),
            hint="Nothing was changed.",
        ) from error  # fmt: skip


class QueryStoppedError(PersmarkError):
    """A query ran past its limit and was stopped; the workspace is unharmed."""


def quoted(name: str) -> str:
    """An identifier that may stand in SQL, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(path: Path | str) -> str:
    """A path as an SQL string, for statements that take no parameters (ATTACH)."""
    return "'" + str(path).replace("'", "''") + "'"


@cache
def read_sql(package: str, name: str) -> str:
    """The text of `sql/{name}.sql` beside the modules of `package`."""
    return resources.files(package).joinpath("sql", f"{name}.sql").read_text("utf-8")


def connect(temporary: Path, memory_limit: str, *, keep_order: bool) -> duckdb.DuckDBPyConnection:
    """An instance with nothing in it, closed to the network and to extensions."""
    temporary.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": str(temporary),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        # Without it DuckDB 2.0 hands Arrow batches over in any order, ORDER BY or not; keeping it
        # while a table is built costs half a load.
        "preserve_insertion_order": keep_order,
    }
    if settings().store.threads:
        config["threads"] = str(settings().store.threads)
    return duckdb.connect(":memory:", config=config)


def _select(table: str, columns: Mapping[str, str], schemas: list[str]) -> str:
    """One table over its base and deltas; empty, with its declared columns, where there is none."""
    name = quoted(table)
    # First, so that a file older than a column still has it.
    empty = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(column)}" for column, kind in columns.items())
    parts = [f"SELECT {empty} WHERE false"]
    key = LATEST_BY.get(table)
    if key is None or len(schemas) < 2:
        parts += [f"SELECT * FROM {quoted(schema)}.{name}" for schema in schemas]
        return " UNION ALL BY NAME ".join(parts)
    # One list of keys and their newest file, whatever the number of files: each file asked against all
    # later ones would hold hundreds of hash tables at once.
    key = quoted(key)
    keys = " UNION ALL ".join(
        f"SELECT {key}, {position} AS position FROM {quoted(schema)}.{name}"
        for position, schema in enumerate(schemas[1:], start=1)
    )
    newest = f"SELECT {key}, max(position) AS position FROM ({keys}) GROUP BY {key}"
    parts.append(
        f"SELECT b.* FROM {quoted(schemas[0])}.{name} AS b "
        f"WHERE NOT EXISTS (SELECT 1 FROM newest AS n WHERE n.{key} = b.{key})"
    )
    deltas = " UNION ALL BY NAME ".join(
        f"SELECT *, {position} AS position FROM {quoted(schema)}.{name}"
        for position, schema in enumerate(schemas[1:], start=1)
    )
    parts.append(
        f"SELECT d.* EXCLUDE (position) FROM ({deltas}) AS d "
        f"WHERE EXISTS (SELECT 1 FROM newest AS n WHERE n.{key} = d.{key} AND n.position = d.position)"
    )
    return f"WITH newest AS MATERIALIZED ({newest}) " + " UNION ALL BY NAME ".join(parts)


class Reader:
    """One version of a workspace's tables.

    Safe to share between threads: each call takes a cursor of its own and gives it back.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        *,
        memory_limit: str | None = None,
        keep_order: bool = True,
    ) -> None:
        self.manifest = manifest
        self._folder = folder
        self._root = connect(
            folder / "tmp",
            memory_limit or settings().store.reader_memory_limit,
            keep_order=keep_order,
        )
        # Of each table, where it stands and since which content version, base first.
        self._places: dict[str, list[tuple[int, str]]] = {}
        self._attach(folder)

    def _attach(self, folder: Path) -> None:
        made = []
        for group, tables in GROUPS.items():
            published = self.manifest.group(group)
            schemas: dict[str, list[tuple[int, str]]] = {table: [] for table in tables}
            files = zip(published.files, published.tables, published.contents, strict=True)
            for position, (file, held, content) in enumerate(files):
                schema = f"{group}_{position}"
                path = literal(folder / "tables" / file)
                self._root.execute(f"ATTACH {path} AS {quoted(schema)} (READ_ONLY)")
                for table in held:
                    schemas[table].append((content, schema))
            self._places |= schemas
            for table, columns in tables.items():
                selected = _select(table, columns, [schema for _, schema in schemas[table]])
                made.append(f"CREATE VIEW {quoted(table)} AS {selected}")
        made += [f"CREATE VIEW {quoted(view)} AS {selected}" for view, selected in VIEWS.items()]
        # All at once takes two thirds of the time of one after the other.
        self._root.execute(";\n".join(made))

    def rows_before(self, table: str, content: int) -> str:
        """A SELECT of the table as it stood at that content version of its group."""
        places = [schema for since, schema in self._places[table] if since <= content]
        return _select(table, TABLES[table], places)

    def rows_added(self, table: str, content: int) -> str | None:
        """A SELECT of the rows that were appended after that content version of the table's group.

        Where nothing stood then (version 0), all of them.

        Returns:
            None where the group was rewritten since: nothing can be told apart then.
        """
        contents = self.manifest.group(GROUP_OF[table]).contents
        if content and contents and contents[0] > content:
            return None
        places = [schema for since, schema in self._places[table] if since > content]
        return _select(table, TABLES[table], places)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files. Cursors of this reader stop working."""
        self._root.close()

    @contextmanager
    def _cursor(
        self, inputs: Mapping[str, pa.Table] | None, limit_ms: int | None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._root.cursor()
        try:
            cursor.execute(f"SET max_execution_time = {int(limit_ms or 0)}")
            for name, table in (inputs or {}).items():
                cursor.register(name, table)
            yield cursor
        except duckdb.InterruptException as error:
            raise QueryStoppedError(
                text("A query must end within {seconds} s. Received: one that ran longer.",
                     seconds=(limit_ms or 0) / 1000),
                hint="Narrow the dates or the rule.",
            ) from error  # fmt: skip
        except duckdb.Error as error:
            with refusals(self._folder):
                raise error
        finally:
            cursor.close()

    def table(
        self,
        sql: str,
        params: Mapping[str, object] | None = None,
        *,
        inputs: Mapping[str, pa.Table] | None = None,
        limit_ms: int | None = 15_000,
    ) -> pa.Table:
        """The result as an Arrow table.

        Args:
            sql: One statement; holes are `$name`.
            params: What fills the holes, bound, never pasted.
            inputs: Arrow tables that the statement sees under these names.
            limit_ms: Longest it may run, milliseconds; None = no limit.

        Raises:
            QueryStoppedError: It ran past `limit_ms`.
        """
        with self._cursor(inputs, limit_ms) as cursor:
            found = cursor.sql(sql, params=dict(params or {}))
            return found.to_arrow_table()

    def frame(
        self,
        sql: str,
        params: Mapping[str, object] | None = None,
        *,
        inputs: Mapping[str, pa.Table] | None = None,
        limit_ms: int | None = 15_000,
    ) -> pd.DataFrame:
        """`table` as a pandas frame."""
        found: pd.DataFrame = self.table(sql, params, inputs=inputs, limit_ms=limit_ms).to_pandas()
        return found

    def rows(
        self,
        sql: str,
        params: Mapping[str, object] | None = None,
        *,
        inputs: Mapping[str, pa.Table] | None = None,
        limit_ms: int | None = 15_000,
    ) -> list[tuple[Any, ...]]:
        """`table` as plain tuples."""
        with self._cursor(inputs, limit_ms) as cursor:
            return [tuple(row) for row in cursor.execute(sql, dict(params or {})).fetchall()]

    def value(
        self, sql: str, params: Mapping[str, object] | None = None, *, limit_ms: int | None = 15_000
    ) -> Any:
        """The first cell, or None where there is no row."""
        found = self.rows(sql, params, limit_ms=limit_ms)
        return found[0][0] if found else None

    def columns(self, table: str) -> dict[str, str]:
        """Column -> DuckDB type, as the table stands in this version."""
        return {row[0]: row[1] for row in self.rows(f"DESCRIBE {quoted(table)}")}
