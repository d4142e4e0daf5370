"""The careful way in: every record of a file as text with its line, or a reason why not.

Slower than the database's own reader, and used only where that one does not reconcile: this one
keeps line numbers, survives an unclosed quote by giving up one line, and never drops a record
without a reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, replace
from itertools import islice, repeat
from pathlib import Path

import pyarrow as pa

from persmark.errors import FileRefusedError
from persmark.events.formats import Digest, Format
from persmark.events.mapping import KEY_COLUMNS, Mapping
from persmark.events.objects import array_objects, object_records, parquet_objects, parquet_records
from persmark.events.records import Record, Rejects, csv_records, lines_of
from persmark.events.shaping import (
    UNPIVOTED_CELL,
    UNPIVOTED_ITEM,
    Shaper,
    cell,
    cells_of,
    filled_down,
    own_event_ids,
    unpivoted,
)
from persmark.events.vocabulary import TARGETS
from persmark.text import text

BATCH = 50_000
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class SourceFile:
    """A file, how it is written, what its columns mean, and what one pass over it found.

    Attributes:
        path: Where it lies.
        form: How it is written.
        mapping: What its columns mean.
        names: Its columns, in order, after shaping.
        read: Its hash and line count.
        header: Its columns as they stand in the file; empty = as `names`.
    """

    path: Path
    form: Format
    mapping: Mapping
    names: Sequence[str]
    read: Digest
    header: Sequence[str] = ()


def unreadable_parquet(name: str) -> FileRefusedError:
    """The refusal of a damaged Parquet file."""
    return FileRefusedError(
        text("A Parquet file must be readable. Received: {name}.", name=name),
        hint="It may be cut off: copy it again.",
    )


def records(
    path: Path,
    form: Format,
    names: Sequence[str],
    rejects: Rejects,
    mapping: Mapping | None = None,
    *,
    header: Sequence[str] = (),
) -> Iterator[Record]:
    """Every well-formed record of a file, in the columns that it has after shaping.

    Args:
        path: The file.
        form: How it is written.
        names: Its columns.
        rejects: Filled with what is no record.
        mapping: What is done with short rows and with nested values, and which columns no record lacks.
        header: Its columns as they stand in it, where shaping makes others of them.
    """
    lines = lines_of(path, form)
    shaper = Shaper(mapping.explode, mapping.unfold, numbered=form.kind == "csv") if mapping else Shaper()
    if form.kind == "parquet":
        return parquet_records(path, header or names, names, rejects, shaper)
    if form.kind in ("jsonl", "json"):
        return object_records(path, lines, form, names, rejects=rejects, shaper=shaper)
    header = header or names
    if mapping is None:
        return csv_records(lines, form, len(header), rejects)
    needed = {mapping.columns.get(name) for name, one in TARGETS[mapping.kind].items() if one.required}
    found = csv_records(
        lines,
        form,
        len(header),
        rejects,
        short_rows=mapping.short_rows,
        needed=[at for at, name in enumerate(header) if name in needed],
    )
    return _reshaped(found, header, names, shaper) if mapping.explode or mapping.unfold else found


def _reshaped(
    found: Iterator[Record], header: Sequence[str], names: Sequence[str], shaper: Shaper
) -> Iterator[Record]:
    """Delimited records whose cells hold JSON text, as rows of its columns."""
    known = set(names)
    for line, n_lines, cells in found:
        for row in shaper.rows(dict(zip(header, cells, strict=True))):
            yield line, n_lines, cells_of(row, names, known)


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
    place = {name: at for at, name in enumerate(names)}
    made: dict[str, pa.Array] = {
        "line": pa.array([row[0] for row in rows], pa.int64()),
        "n_lines": pa.array([row[1] for row in rows], pa.int32()),
    }
    nothing = pa.nulls(len(rows), pa.string())
    elements = {
        at for at, name in enumerate(names) if mapping.explode and name.startswith(mapping.explode + "[]")
    }
    # Stand-ins of a target that were needed, row by row: they are not told twice.
    used: list[tuple[int, ...]] = []
    for target in TARGETS[mapping.kind]:
        column = mapping.columns.get(target)
        if others := mapping.others(target):
            places = [place[name] for name in ((column, *others) if column else others)]
            inner = [at for at in places if at in elements]
            taken = [
                _first_filled(row[2], inner if inner and any(row[2][at] for at in elements) else places)
                for row in rows
            ]
            made[target] = pa.array([row[2][at] for row, at in zip(rows, taken, strict=True)], pa.string())
            used = [(*was, at) for was, at in zip(used or [()] * len(rows), taken, strict=True)]
        else:
            made[target] = pa.array(columns[place[column]], pa.string()) if column else nothing
    for key, key_column in KEY_COLUMNS.items():
        column = mapping.keys.get(key)
        made[key_column] = pa.array(columns[place[column]], pa.string()) if column else nothing
    rest = [(name, place[name]) for name in mapping.rest(names)]
    if rest or any(len(row[2]) > width for row in rows):
        nought: tuple[int, ...] = ()
        made["rest"] = pa.array(
            [
                _written(
                    {name: row[2][at] for name, at in rest if row[2][at] and at not in was}
                    | (_more(row[2][width:], mapping) if len(row[2]) > width else {})
                )
                for row, was in zip(rows, used or repeat(nought), strict=False)
            ],
            pa.string(),
        )
    else:
        made["rest"] = nothing
    return pa.table(made)


def _first_filled(cells: Sequence[str | None], places: Sequence[int]) -> int:
    return next((at for at in places if (cells[at] or "").strip()), places[0])


def _shaped(file: SourceFile, rejects: Rejects) -> tuple[Iterator[Record], Mapping, Sequence[str]]:
    """A file's rows as its mapping shapes them, with the mapping and the columns they have then."""
    mapping, names = file.mapping, list(file.names)
    # An optional column may first appear after the head of the file.
    names += [name for name in mapping.named() if name not in names]
    header = file.header or file.names
    found = records(file.path, file.form, names, rejects, mapping, header=header)
    if mapping.fill_down:
        found = filled_down(found, mapping, names)
    if mapping.unpivot:
        found = unpivoted(found, mapping, names, lambda: rejects.skip("no_event"))
    event_id = mapping.columns.get("event_id", "")
    if mapping.by_line and event_id and not event_id.startswith(mapping.explode.split("[].")[0] + "[]."):
        found = own_event_ids(found, names.index(event_id))
    if mapping.unpivot:
        made = {"item_id": UNPIVOTED_ITEM, mapping.unpivot_into: UNPIVOTED_CELL}
        mapping = replace(mapping, columns={**mapping.columns, **made})
        names += [UNPIVOTED_ITEM, UNPIVOTED_CELL]
    return found, mapping, names


def staged(file: SourceFile, rejects: Rejects) -> Iterator[pa.Table]:
    """The file's well-formed records, batch by batch, in the columns of the staging table."""
    found, mapping, names = _shaped(file, rejects)
    while rows := list(islice(found, BATCH)):
        yield _batch(rows, mapping, names)


def raw_rows(path: Path, header: Sequence[str], wanted: Map[int, int]) -> dict[int, str]:
    """Rows of a Parquet file as JSON objects: row from 1 -> text, for the rows that are wanted."""
    found: dict[int, str] = {}
    for number, one in enumerate(parquet_objects(path, header) if wanted else (), start=1):
        if number in wanted:
            filled = {name: value for name, value in one.items() if value is not None}
            found[number] = json.dumps(filled, ensure_ascii=False, default=cell)
    return found


def raw_lines(path: Path, form: Format, wanted: Map[int, int]) -> dict[int, str]:
    """The raw text of records: first line -> text, for first line -> number of lines."""
    found: dict[int, str] = {}
    if not wanted:
        return found
    last = max(line + n for line, n in wanted.items())
    if form.kind == "json":
        return {number: raw for number, raw, _ in array_objects(path, form) if number in wanted}
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
