"""Rejected rows as a file to fix, and the fixed file on its way back in.

The file names its source and each row's line, so that what comes back is read as that file was:
with its mapping, its delimiter, its columns. A row left as it was stays rejected.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any

from persmark.errors import FileRefusedError, InputError, NotFoundError
from persmark.events.formats import Format, digest
from persmark.events.mapping import Mapping
from persmark.events.reasons import what_to_do
from persmark.events.records import Rejects, parsed
from persmark.events.stage import SourceFile, records
from persmark.privacy import seal_all, unseal_all
from persmark.spreadsheet import escaped_cell, restored_cell
from persmark.store import Workspace
from persmark.text import text

KEPT_RAW = 10_000  # characters of a rejected record that are kept
_KEPT_DETAIL = 200
_SEALED_AT_ONCE = 1_000
_FROM, _LINE, _RAW = "rejected_from", "line", "raw"
COLUMNS = (_FROM, _LINE, "reason", "detail", _RAW, "what_to_do")

_NOTHING: tuple[str, ...] = ()

# Line, reason, detail, raw text.
Row = tuple[int, str, str, str]


def is_corrections(names: Sequence[str]) -> bool:
    """Whether a header is that of rejected rows as they are downloaded."""
    return {_FROM, _LINE, _RAW} <= {name.strip().lower() for name in names}


def sealed(rows: Iterable[Row]) -> Iterator[tuple[Row, bytes]]:
    """Each rejected row with what the state keeps of it: detail and raw text, sealed.

    The detail of a bad value is that value, so it is sealed with the line.
    """
    batch = iter(rows)
    while some := list(islice(batch, _SEALED_AT_ONCE)):
        # ASCII, so that broken bytes come through.
        written = (json.dumps([detail[:_KEPT_DETAIL], raw[:KEPT_RAW]]).encode() for _, _, detail, raw in some)
        yield from zip(some, seal_all(written, "rejects.raw"), strict=True)


def reject_rows(workspace: Workspace, source_id: int) -> Iterator[Row]:
    """A file's rejected rows, by line."""
    found = workspace.state.each("rejects", {"source_id": source_id}, order="line")
    for row, opened in unseal_all(((row, row["raw"]) for row in found), "rejects.raw"):
        detail, raw = json.loads(opened)
        yield row["line"], row["reason"], detail, raw


def _shown(raw: str) -> str:
    """Bytes that were no text as the mark for it."""
    return raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _token(source: dict[str, Any]) -> str:
    return f"persmark-{source['source_id']}-{source['sha256'][:12]}"


def _source(workspace: Workspace, source_id: int) -> dict[str, Any]:
    found = workspace.state.rows("sources", {"source_id": source_id})
    if not found:
        raise NotFoundError(text("Source {number} must exist. Received: {number}.", number=source_id))
    return found[0]


def rejects_file(workspace: Workspace, source_id: int) -> IO[bytes]:
    """A file's rejected rows as CSV for a spreadsheet: from, line, reason, detail, raw, what to do.

    Written row by row to a file without a name, which is gone once it is closed.

    Raises:
        NotFoundError: No file of that number was loaded.
    """
    token = _token(_source(workspace, source_id))
    out = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
    written = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=False)
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line, reason, detail, raw in reject_rows(workspace, source_id):
        cells = (escaped_cell(detail), escaped_cell(_shown(raw)), what_to_do(reason).render())
        writer.writerow([token, line, reason, *cells])
    written.flush()
    written.detach()
    out.seek(0)
    return out


@dataclass(frozen=True)
class Prepared:
    """Corrections as a file that is read like the one they correct.

    Attributes:
        of: The row of `sources` they belong to.
        file: The fixed rows, without a header.
        kept: Rows left as they were, and blank ones.
        whence: Line of `file` -> line of the corrected file, and the row as it came back.
    """

    of: dict[str, Any]
    file: SourceFile
    kept: Rejects
    whence: dict[int, tuple[int, str]]

    def settle(self, rejects: Rejects) -> int:
        """Give rejected rows their own lines again and add those that were left as they were.

        Returns:
            How many records were added.
        """
        rejects.rows[:] = [
            (self.whence[line][0], reason, detail, self.whence[line][1])
            for line, reason, detail, _ in rejects.rows
        ]
        rejects.rows.extend(self.kept.rows)
        for reason, n in self.kept.skipped.items():
            rejects.skip(reason, n)
        return len(self.kept.rows) + sum(self.kept.skipped.values())


def corrected_source(workspace: Workspace, path: Path, form: Format, names: Sequence[str]) -> dict[str, Any]:
    """The row of `sources` that a file of corrections belongs to.

    Raises:
        InputError: It belongs to no file of this workspace.
    """
    place = [name.strip().lower() for name in names].index(_FROM)
    for _, _, cells in records(path, form, names, Rejects()):
        token = restored_cell((cells[place] or "").strip())
        for row in workspace.state.rows("sources"):
            if _token(row) == token:
                return row
        raise InputError(
            text("Corrections must belong to a file of this workspace. Received: {token} for '{workspace}'.",
                 token=token[:80] or "nothing", workspace=workspace.name),
            title="Corrections of another file",
            hint="Load them into the workspace where the rows were rejected, and keep the first two columns.",
        )  # fmt: skip
    raise FileRefusedError(text("Corrections must hold at least one row. Received: none."))


def _fixed_rows(
    path: Path, form: Format, names: Sequence[str], token: str, kept: Rejects
) -> dict[int, list[str]]:
    """Line -> what came back for it.

    Raises:
        FileRefusedError: A row lost its columns, its line or its source.
    """
    lower = [name.strip().lower() for name in names]
    from_, line_, raw_ = (lower.index(name) for name in (_FROM, _LINE, _RAW))
    found: dict[int, list[str]] = {}
    broken = Rejects()
    for number, _, cells in records(path, form, names, broken):
        where = restored_cell((cells[from_] or "").strip())
        line = (cells[line_] or "").strip().removesuffix(".0")
        if where != token or not line.isdecimal():
            raise _lost(number, f"{where[:60]}, {line[:20]}")
        found.setdefault(int(line), []).append(restored_cell(cells[raw_] or ""))
    if broken.rows:
        number, reason, _, raw = broken.rows[0]
        raise _lost(number, f"{raw[:60]} ({reason})")
    for reason, n in broken.skipped.items():
        kept.skip(reason, n)
    return found


def _lost(line: int, received: str) -> FileRefusedError:
    return FileRefusedError(
        text("Each row of corrections must keep its '{a}' and '{b}'. Received in line {line}: {received}.",
             a=_FROM, b=_LINE, line=line, received=received),
        title="Corrections cannot be told apart",
        hint="Change the column 'raw' only; one file of rejected rows at a time.",
    )  # fmt: skip


def _same(written: str, shown: str) -> bool:
    """Equal but for line ends and blanks at the end, which spreadsheets change."""
    return (
        written.replace("\r\n", "\n").replace("\r", "\n").rstrip()
        == shown.replace("\r\n", "\n").replace("\r", "\n").rstrip()
    )


def prepare(workspace: Workspace, path: Path, form: Format, names: Sequence[str], *, out: Path) -> Prepared:
    """Write the fixed rows to `out` as a file that is read as the one they come from.

    Raises:
        InputError: They belong to no file of this workspace.
        FileRefusedError: A row lost its line or its source, or its source is not known well enough.
    """
    of = corrected_source(workspace, path, form, names)
    if not of["form"]:
        raise FileRefusedError(
            text("Corrections must be of a file whose reading is known. Received: {file}, loaded long ago.",
                 file=of["name"]),
            hint="Load the fixed rows as a file of their own.",
        )  # fmt: skip
    kept = Rejects()
    fixed = _fixed_rows(path, form, names, _token(of), kept)
    first, mapping, columns, header = _reading(of)
    whence: dict[int, tuple[int, str]] = {}
    at = 1
    with out.open("w", encoding="utf-8", newline="") as file:
        for line, reason, detail, raw in reject_rows(workspace, int(of["source_id"])):
            for written in fixed.pop(line, _NOTHING):
                if not written.strip():
                    kept.skip("blank")
                elif _same(written, _shown(raw)):
                    kept.rows.append((line, reason, detail, raw))
                elif len(raw) >= KEPT_RAW:
                    kept.rows.append((line, "raw_cut", "", raw))
                else:
                    for record in _alone(line, written, first, len(header or columns), kept):
                        file.write(record)
                        n_lines = len(io.StringIO(record, newline="").readlines())
                        whence.update(dict.fromkeys(range(at, at + n_lines), (line, written)))
                        at += n_lines
    if fixed:
        line = min(fixed)
        raise _lost(line, f"{_token(of)}, {line}, which was not rejected")
    alone = Format(first.kind, header=False)
    read = replace(digest(out, "none", alone), sha256=digest(path, form.compression, form).sha256)
    return Prepared(of, SourceFile(out, alone, mapping, columns, read, header), kept, whence)


def _alone(line: int, written: str, form: Format, width: int, kept: Rejects) -> Iterator[str]:
    """One corrected row written so plainly that no quote of it can take in the next one."""
    if form.kind == "jsonl":
        yield written.replace("\r", " ").replace("\n", " ") + "\n"
        return
    for _, taken, cells, failed, _ in parsed(iter(io.StringIO(written + "\n", newline="")), form, width):
        if cells is None:
            kept.rows.append((line, failed, "", taken[0].rstrip("\r\n")))
            continue
        plain = io.StringIO(newline="")
        csv.writer(plain, lineterminator="\n").writerow(cells)
        yield plain.getvalue()


def written_form(file: SourceFile) -> str:
    """How a file was read, for its corrections."""
    written = {"format": asdict(file.form), "names": list(file.names), "header": list(file.header)}
    return json.dumps(written, ensure_ascii=False)


def _reading(of: dict[str, Any]) -> tuple[Format, Mapping, list[str], tuple[str, ...]]:
    """Format, mapping, columns and header that the rows were read with."""
    stored = json.loads(of["form"])
    known = {one.name for one in fields(Format)}
    form = Format(**{key: value for key, value in stored["format"].items() if key in known})
    mapping = Mapping.from_json(json.loads(of["mapping"]))
    if form.kind == "parquet":
        # Rejected rows of a Parquet file are JSON objects; their numbers always have a point.
        form, mapping = replace(form, kind="jsonl"), replace(mapping, decimal=".")
    elif form.kind == "json":
        form = replace(form, kind="jsonl")
    return form, mapping, stored["names"], tuple(stored.get("header", ()))
