"""The careful way in: every record of a file as text with its line, or a reason why not.

Slower than the database's own reader, and used only where that one does not reconcile: this one
keeps line numbers, survives an unclosed quote by giving up one line, and never drops a record
without a reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from persmark.errors import FileRefusedError
from persmark.events.formats import MAX_LINE, Digest, Format
from persmark.events.mapping import KEY_COLUMNS, Mapping
from persmark.events.records import Record, Rejects, broken, csv_records, lines_of
from persmark.events.vocabulary import TARGETS
from persmark.text import text

BATCH = 50_000
@dataclass(frozen=True)
class SourceFile:
    """A file, how it is written, what its columns mean, and what one pass over it found.

    Attributes:
        path: Where it lies.
        form: How it is written.
        mapping: What its columns mean.
        names: Its columns, in order.
        read: Its hash and line count.
    """

    path: Path
    form: Format
    mapping: Mapping
    names: Sequence[str]
    read: Digest


def unreadable_parquet(name: str) -> FileRefusedError:
    """The refusal of a damaged Parquet file."""
    return FileRefusedError(
        text("A Parquet file must be readable. Received: {name}.", name=name),
        hint="It may be cut off: copy it again.",
    )


def flat(value: Any) -> str | None:
    """A JSON value as the text of one cell."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _json_records(
    lines: Iterator[str], form: Format, names: Sequence[str], rejects: Rejects
) -> Iterator[Record]:
    known = set(names)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            rejects.skip("blank")
            continue
        trouble = broken(line, form)
        try:
            one: Any = json.loads(line) if trouble is None else None
        except (ValueError, RecursionError):  # also a number of thousands of digits
            one, trouble = None, "bad_json"
        if trouble is None and not isinstance(one, dict):
            trouble = "bad_json"
        cells = [flat(one.get(name)) for name in names] if trouble is None else []
        # Escapes can spell what no line holds: NUL, or half of a character.
        trouble = trouble or broken("".join(filter(None, cells)), form)
        if trouble:
            rejects.rows.append((number, trouble, "", line.rstrip("\r\n")[:MAX_LINE]))
            continue
        if more := {name: flat(value) for name, value in one.items() if name not in known}:
            if broken("".join(str(cell) for pair in more.items() for cell in pair), form):
                rejects.rows.append((number, "bad_encoding", "", line.rstrip("\r\n")[:MAX_LINE]))
                continue
            cells.append(json.dumps(more))
        yield number, 1, cells


def records(
    path: Path, form: Format, names: Sequence[str], rejects: Rejects, mapping: Mapping | None = None
) -> Iterator[Record]:
    """Every well-formed record of a CSV or JSON-lines file, in the columns that it has.

    Args:
        path: The file.
        form: How it is written.
        names: Its columns.
        rejects: Filled with what is no record.
        mapping: What is done with short rows, and which columns no record lacks.
    """
    lines = lines_of(path, form)
    if form.kind == "jsonl":
        return _json_records(lines, form, names, rejects)
    if mapping is None:
        return csv_records(lines, form, len(names), rejects)
    needed = {mapping.columns.get(name) for name, one in TARGETS[mapping.kind].items() if one.required}
    return csv_records(
        lines,
        form,
        len(names),
        rejects,
        short_rows=mapping.short_rows,
        needed=[at for at, name in enumerate(names) if name in needed],
    )


def stage_columns(kind: str) -> list[str]:
    """Columns of the staging table: the kind's targets, the keys of a user, and what has no target."""
    return [*TARGETS[kind], *KEY_COLUMNS.values(), "rest"]


def _more(cells: list[str | None], mapping: Mapping) -> dict[str, str]:
    """What a JSON line has beyond the names of the file's head."""
    found: dict[str, str | None] = json.loads(cells[0]) if cells and cells[0] else {}
    return {
        name: value
        for name, value in found.items()
        if value and name not in mapping.ignored and not mapping.withholds(name)
    }


def _batch(rows: list[Record], mapping: Mapping, names: Sequence[str]) -> pa.Table:
    """Records as an Arrow table of text: line, n_lines, the targets, the rest as a JSON object."""
    width = len(names)
    columns = list(zip(*(row[2][:width] for row in rows), strict=True))
    made: dict[str, pa.Array] = {
        "line": pa.array([row[0] for row in rows], pa.int64()),
        "n_lines": pa.array([row[1] for row in rows], pa.int32()),
    }
    nothing = pa.nulls(len(rows), pa.string())
    for target in TARGETS[mapping.kind]:
        column = mapping.columns.get(target)
        made[target] = pa.array(columns[names.index(column)], pa.string()) if column else nothing
    for key, place in KEY_COLUMNS.items():
        column = mapping.keys.get(key)
        made[place] = pa.array(columns[names.index(column)], pa.string()) if column else nothing
    rest = mapping.rest(names)
    if rest or any(len(row[2]) > width for row in rows):
        positions = [names.index(name) for name in rest]
        made["rest"] = pa.array(
            [
                json.dumps(
                    {name: row[2][at] for name, at in zip(rest, positions, strict=True) if row[2][at]}
                    | _more(row[2][width:], mapping),
                    ensure_ascii=False,
                    separators=(",", ":"),
                )
                for row in rows
            ],
            pa.string(),
        )
    else:
        made["rest"] = nothing
    return pa.table(made)


def staged(file: SourceFile, rejects: Rejects) -> Iterator[pa.Table]:
    """The file's well-formed records, batch by batch, in the columns of the staging table."""
    rows: list[Record] = []
    for record in records(file.path, file.form, file.names, rejects, file.mapping):
        rows.append(record)
        if len(rows) == BATCH:
            yield _batch(rows, file.mapping, file.names)
            rows = []
    if rows:
        yield _batch(rows, file.mapping, file.names)


def raw_lines(path: Path, form: Format, wanted: Map[int, int]) -> dict[int, str]:
    """The raw text of records: first line -> text, for first line -> number of lines."""
    found: dict[int, str] = {}
    if not wanted:
        return found
    last = max(line + n for line, n in wanted.items())
    open_until, current = 0, 0
    for number, line in enumerate(lines_of(path, form), start=1):
        if number in wanted:
            current, open_until = number, number + wanted[number] - 1
            found[current] = line
        elif number <= open_until:
            found[current] += line
        if number >= last:
            break
    return {line: raw.rstrip("\r\n") for line, raw in found.items()}
