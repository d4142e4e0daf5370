"""Every record of a file as text in one table, and the raw text of those that could not be typed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from persmark.events.mapping import KEY_COLUMNS, Mapping
from persmark.events.objects import is_nested
from persmark.events.records import Rejects
from persmark.events.stage import (
    SourceFile,
    raw_lines,
    raw_rows,
    stage_columns,
    staged,
    unreadable_parquet,
)
from persmark.events.vocabulary import TARGETS
from persmark.jobs import OnProgress
from persmark.store import EngineError, Writer, quoted
from persmark.text import Text, text


@dataclass
class Filled:
    """What reading a file left in the table that is being built.

    Attributes:
        rejects: Rows that are not in it.
        notes: What was changed on the way, in words.
        n_links: Links of its user ids to something else.
        new_links: Whether some of them did not stand before.
        n_records: Physical records, counted apart from the loading.
    """

    rejects: Rejects
    n_records: int
    notes: list[Text] = field(default_factory=list)
    n_links: int = 0
    new_links: bool = False


def _stage_parquet(w: Writer, path: Path, mapping: Mapping, names: Sequence[str]) -> None:
    # By position: the database gives columns whose names differ in case only other names than we do.
    held = [row[0] for row in w.rows("DESCRIBE SELECT * FROM read_parquet($path)", {"path": str(path)})]
    place = {name: quoted(there) for name, there in zip(names, held, strict=True)}
    # A file may have a column of that name itself; then its order is kept and counted.
    numbered = "file_row_number" not in [name.lower() for name in held]
    line = "file_row_number + 1" if numbered else "row_number() OVER ()"
    columns = [f"{line} AS line", "1 AS n_lines"]
    for target in TARGETS[mapping.kind]:
        column = mapping.columns.get(target)
        columns.append(
            f"CAST({place[column]} AS VARCHAR) AS {quoted(target)}"
            if column
            else f"CAST(NULL AS VARCHAR) AS {quoted(target)}"
        )
    for key, column in KEY_COLUMNS.items():
        there = place.get(mapping.keys.get(key, ""), "NULL")
        columns.append(f"CAST({there} AS VARCHAR) AS {column}")
    params: dict[str, object] = {"path": str(path)}
    rest = mapping.rest(names)
    if rest:
        for position, name in enumerate(rest):
            params[f"rest_{position}"] = name
        pairs = ", ".join(f"$rest_{at}, CAST({place[name]} AS VARCHAR)" for at, name in enumerate(rest))
        columns.append(f"CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR) AS rest")
    else:
        columns.append("CAST(NULL AS VARCHAR) AS rest")
    if not numbered:
        w.run("SET preserve_insertion_order = true")
    w.run(
        f"""CREATE TEMP TABLE stage AS SELECT {", ".join(columns)}
        FROM read_parquet($path{", file_row_number = true" if numbered else ""})""",
        params,
    )
    w.run("SET preserve_insertion_order = false")


def stage(w: Writer, file: SourceFile, on_progress: OnProgress) -> Filled:
    """Every record as text into the temporary table `stage`, or into the rejects."""
    w.run("SET TimeZone = 'UTC'")
    path, form, mapping = file.path, file.form, file.mapping
    if form.kind == "parquet" and not _reshaped(file):
        try:
            _stage_parquet(w, path, mapping, file.names)
        except EngineError as error:
            raise unreadable_parquet(path.name) from error
        return Filled(
            Rejects(), int(w.rows("SELECT count(*) FROM read_parquet($path)", {"path": str(path)})[0][0])
        )
    rejects = Rejects()
    declared = ", ".join(
        ["line BIGINT", "n_lines INTEGER", *(f"{quoted(n)} VARCHAR" for n in stage_columns(mapping.kind))]
    )
    w.run(f"CREATE TEMP TABLE stage ({declared})")
    total = 0
    for batch in staged(file, rejects):
        w.rows("INSERT INTO stage BY NAME SELECT * FROM batch", inputs={"batch": batch})
        total += batch.num_rows
        on_progress(
            0.1 + 0.5 * min(total / max(file.read.n_lines, 1), 1.0),
            text("Reading carefully: {n} of about {all} lines", n=total, all=file.read.n_lines),
        )
    if mapping.by_line:
        total = int(w.rows("SELECT count(DISTINCT line) FROM stage")[0][0])
    n_records = total + len(rejects.rows) + sum(rejects.skipped.values())
    if form.kind == "parquet":
        n_records = int(w.rows("SELECT count(*) FROM read_parquet($path)", {"path": str(path)})[0][0])
    notes = rejects.notes()
    if n := rejects.skipped.get("no_event"):
        notes.append(text("{n} rows have no filled column of an item and make no event.", n=n))
    return Filled(rejects, n_records, notes)


def _reshaped(file: SourceFile) -> bool:
    """Whether a Parquet file's rows become others than they are."""
    return bool(file.mapping.shaped or file.header or is_nested(file.path))


def collect_rejects(w: Writer, file: SourceFile, filled: Filled) -> None:
    """Move rows that `typed` could not read to the rejects, with their raw text."""
    if file.mapping.by_line:
        # A record with a bad part is rejected whole: it is mended and comes again whole.
        w.run(
            """UPDATE typed SET reason = b.bad.reason, detail = b.bad.detail
            FROM (SELECT line, min({reason: reason, detail: detail}) AS bad FROM typed
                WHERE reason IS NOT NULL GROUP BY line) AS b
            WHERE typed.line = b.line"""
        )
    bad = w.rows(
        "SELECT DISTINCT line, n_lines, reason, detail FROM typed WHERE reason IS NOT NULL ORDER BY line"
    )
    raw: dict[int, str]
    if file.form.kind == "parquet" and _reshaped(file):
        raw = raw_rows(file.path, file.header or file.names, {line: n for line, n, _, _ in bad})
    elif file.form.kind == "parquet":
        # Under the file's own names, so that a corrected row is read by the same mapping.
        own = {**file.mapping.columns, **{KEY_COLUMNS[key]: name for key, name in file.mapping.keys.items()}}
        raw = {
            line: json.dumps(
                {own[k]: v for k, v in zip(names, cells, strict=True) if v is not None}
                | json.loads(rest or "{}"),
                ensure_ascii=False,
            )
            for names in [[row[0] for row in w.rows("DESCRIBE stage")][2:-1]]
            for line, _, *cells, rest in w.rows(
                "SELECT s.* FROM stage s JOIN typed t ON t.line = s.line WHERE t.reason IS NOT NULL"
            )
        }
    else:
        raw = raw_lines(file.path, file.form, {line: n for line, n, _, _ in bad})
    filled.rejects.rows.extend((line, reason, detail, raw.get(line, "")) for line, _, reason, detail in bad)
