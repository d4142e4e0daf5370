"""The ledger: each file that was loaded, what became of its rows, and the rows that were not."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from persmark.errors import FileRefusedError, InputError, NotFoundError
from persmark.events.catalogue import load_catalogue
from persmark.events.finish import Counts
from persmark.events.formats import digest
from persmark.events.load import Filled, load_events
from persmark.events.mapping import Mapping
from persmark.events.propose import Proposal, Question, guess_time, phone_question, propose
from persmark.events.records import Rejects
from persmark.events.stage import SourceFile
from persmark.events.waiting import check_key, settle_contacts, settle_left_over
from persmark.jobs import OnProgress, unwatched
from persmark.privacy import seal_all, unseal
from persmark.spreadsheet import escaped_cell
from persmark.store import Workspace, now
from persmark.text import text

_KEPT_RAW = 10_000  # characters of a rejected record that are kept


@dataclass(frozen=True)
class Source:
    """One loaded file.

    Attributes:
        source_id: Its number in the workspace.
        name: What people call it.
        sha256: Of its bytes.
        kind: events, items or users.
        rows_in: Physical records; always loaded + duplicate + rejected + skipped.
        loaded: Rows that stand in the tables.
        duplicate: Rows that stood there already, or repeats the mapping drops.
        rejected: Rows that could not be read, each with line and reason.
        skipped: Blank and preamble lines.
        n_events: Events that its loaded rows hold: more than those where a row lists several.
        repeated: Loaded rows identical to an earlier one of the file.
        rejected_by_reason: Reason code -> rows.
        questions: What was assumed, in words.
        mapping: How it was read.
        seconds: Wall time of the load.
        loaded_at: ISO-8601 UTC.
        state: loaded, undone or failed.
    """

    source_id: int
    name: str
    sha256: str
    kind: str
    rows_in: int
    loaded: int
    duplicate: int
    rejected: int
    skipped: int
    repeated: int
    n_events: int = 0
    rejected_by_reason: dict[str, int] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    mapping: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    loaded_at: str = ""
    state: str = "loaded"

    def to_json(self) -> dict[str, Any]:
        """The keys of the command line's `load`."""
        return {"file": self.name, **{key: value for key, value in asdict(self).items() if key != "name"}}


def _known_mapping(workspace: Workspace, found: Proposal) -> Mapping | None:
    """The mapping that was saved for files of this shape, unless this file plainly speaks otherwise.

    Dates that can only be read one way, and a decimal comma, outweigh what the last file had.
    """
    shape = found.mapping.shape(found.columns)
    for row in workspace.state.rows("mappings", {"shape": shape}, order="rowid DESC"):
        saved = Mapping.from_json(json.loads(row["mapping"]))
        if saved.kind == found.kind:
            return replace(
                saved,
                time_format=_plain_time(found, saved) or saved.time_format,
                decimal="," if found.mapping.decimal == "," else saved.decimal,
            )
    return None


def _plain_time(found: Proposal, saved: Mapping) -> str | None:
    """The time format that the first rows leave no doubt of; None where they do."""
    column = saved.columns.get("event_time")
    if column not in found.preview:
        return None
    values = [str(value) for value in found.preview[column].dropna()]
    written, question = guess_time(values)
    doubtful = question or (written == "iso" and not any(value[:4].isdigit() for value in values))
    return None if doubtful else written


def _phone_ids(found: Proposal, mapping: Mapping) -> list[Question]:
    """The question whether user ids are phones, where a mapping does not answer it yet."""
    column = mapping.columns.get("user_id")
    if mapping.phone_ids or column not in found.preview:
        return []
    if column == found.mapping.columns.get("user_id"):
        return [question for question in found.questions if question.key == "phone_ids"]
    asked = phone_question([str(value) for value in found.preview[column].dropna()])
    return [asked] if asked else []


def _answered(found: Proposal, mapping: Mapping | None, name: str) -> tuple[Mapping, list[str]]:
    """The mapping to load with, and in words what was assumed.

    Raises:
        InputError: Something must be answered first.
    """
    open_ones = [question for question in found.questions if question.assumed is None]
    if mapping is not None:
        open_ones = _phone_ids(found, mapping)
    if open_ones:
        one = open_ones[0]
        raise InputError(
            text("A file's meaning must not be guessed: {question} Received: {file}.",
                 question=one.text, file=name),
            title="One question first",
            hint=text("Answer it on the Events page, or give --mapping with '{key}' as one of {options}.",
                      key=one.key, options=", ".join(one.options)),
        )  # fmt: skip
    if mapping is not None:
        return mapping, []
    return found.mapping, [f"{question.text} ({question.assumed})" for question in found.questions]


def recover(workspace: Workspace) -> None:
    """Settle what a crash interrupted: the published manifest tells which loads stand.

    A load that was under way is loaded or never was; one whose events are gone, undone or replaced,
    says so. Call it while holding the write lock, so that no load is under way.
    """
    for row in workspace.state.rows("sources", {"state": "pending"}):
        number = row["source_id"]
        if number in _published_sources(workspace):
            settle_contacts(workspace, number, stands=True)
            workspace.state.change("sources", {"source_id": number}, {"state": "loaded"})
        else:
            with workspace.state.transaction():
                workspace.state.drop("rejects", {"source_id": number})
                workspace.state.drop("sources", {"source_id": number})
    settle_left_over(workspace)
    standing = set(workspace.stats("events").get("source_ids", []))
    for row in workspace.state.rows("sources", {"state": "loaded", "kind": "events"}):
        if row["loaded"] and row["source_id"] not in standing:
            workspace.state.change("sources", {"source_id": row["source_id"]}, {"state": "undone"})


def _published_sources(workspace: Workspace) -> set[int]:
    return {
        int(number)
        for group in ("events", "catalogue")
        for number in workspace.stats(group).get("source_ids", [])
    }


def load(
    workspace: Workspace,
    path: Path | str,
    *,
    kind: str | None = None,
    mapping: Mapping | None = None,
    name: str | None = None,
    on_progress: OnProgress = unwatched,
) -> Source:
    """Load one file of events, items or users; all of it that can be read, or nothing.

    Args:
        workspace: Where to.
        path: CSV, TSV, Parquet or JSON lines, the text ones also gzipped.
        kind: events, items or users; guessed from the header where not given.
        mapping: What its columns mean; the saved one of this shape, else the proposal.
        name: What people call the file.
        on_progress: Told what is happening.

    Returns:
        The ledger of the file.

    Raises:
        FileRefusedError: Nothing of it can be read.
        InputError: The mapping does not fit, or a question is open.
        BusyError: Another load or build is writing.
    """
    begun = time.monotonic()
    path = Path(path)
    name = name or path.name
    if workspace.kind == "sample":
        raise InputError(
            text("The built-in sample must stay as it is. Received: {file} for workspace '{workspace}'.",
                 file=name, workspace=workspace.name),
            title="The sample takes no files",
            hint="Load it into a workspace of its own: leave --workspace out, or name another one.",
        )  # fmt: skip
    on_progress(0.0, text("Looking at {file}", file=name))
    found = propose(
        path, kind=kind or (mapping.kind if mapping else None), name=name, time_zone=workspace.time_zone
    )
    mapping, assumed = _answered(found, mapping or _known_mapping(workspace, found), name)
    mapping.check(found.columns, name)
    if mapping.kind == "users":
        check_key(workspace)
    on_progress(0.02, text("Counting the lines of {file}", file=name))
    read = digest(path, found.format.compression)
    with _plain_path(workspace, path) as readable:
        file = SourceFile(readable, found.format, mapping, found.columns, read)
        return _load(workspace, file, name, assumed=assumed, begun=begun, on_progress=on_progress)


@contextmanager
def _plain_path(workspace: Workspace, path: Path) -> Iterator[Path]:
    """The path, or one without the characters that the database takes for a pattern of many files."""
    if not set("*?[") & set(str(path)):
        yield path
        return
    folder = workspace.folder / "tmp"
    folder.mkdir(exist_ok=True)
    plain = folder / f"{uuid.uuid4().hex}{path.suffix if path.suffix.isalnum() else ''}"
    shutil.copyfile(path, plain)
    try:
        yield plain
    finally:
        plain.unlink(missing_ok=True)


def _load(
    workspace: Workspace,
    file: SourceFile,
    name: str,
    *,
    assumed: list[str],
    begun: float,
    on_progress: OnProgress,
) -> Source:
    mapping = file.mapping
    # Users bring links between ids, which stand beside the events.
    groups = {"events": ("events", "catalogue"), "users": ("catalogue", "events")}.get(
        mapping.kind, ("catalogue",)
    )
    # Always added: the first file of a group is its base, and a group that stands is never replaced.
    with workspace.write(*groups, delta=True) as w:
        recover(workspace)
        number = 1 + max((row["source_id"] for row in workspace.state.rows("sources")), default=0)
        if mapping.kind == "events":
            filled, counts = load_events(workspace, w, file, source_id=number, on_progress=on_progress)
        else:
            filled, counts = load_catalogue(
                workspace, w, file, source_id=number, on_progress=on_progress
            )
        for group in groups:
            known = w.manifest.group(group).stats
            if group == "catalogue":
                w.stats_of[group].update({**known, "source_ids": [*known.get("source_ids", []), number]})
        source = _source(
            number,
            name,
            file,
            filled=filled,
            counts=counts,
            assumed=[*assumed, *(note.render() for note in filled.notes)],
            seconds=time.monotonic() - begun,
        )
        if not counts.loaded and not counts.n_echoes and not filled.n_links:
            w.discarded = True
        with workspace.state.transaction():
            _write_down(workspace, source, filled.rejects, pending=not w.discarded)
        on_progress(0.95, text("Publishing"))
    settle_contacts(workspace, number, stands=not w.discarded)
    workspace.state.change("sources", {"source_id": number}, {"state": "loaded"})
    workspace.state.put(
        "mappings",
        {
            "name": name,
            "shape": mapping.shape(file.names),
            "mapping": json.dumps(mapping.to_json(), ensure_ascii=False),
            "saved_at": now(),
        },
    )
    on_progress(1.0, text("{n} rows of {file} loaded", n=counts.loaded, file=name))
    return source


def _source(
    number: int,
    name: str,
    file: SourceFile,
    *,
    filled: Filled,
    counts: Counts,
    assumed: list[str],
    seconds: float,
) -> Source:
    rejected = len(filled.rejects.rows)
    skipped = sum(filled.rejects.skipped.values())
    if filled.n_records != counts.loaded + counts.duplicate + rejected + skipped:
        raise FileRefusedError(
            text("A file's rows must add up. Received: {file} with {n} records, {known} accounted for.",
                 file=name, n=filled.n_records, known=counts.loaded + counts.duplicate + rejected + skipped),
            hint="Nothing was loaded. Please report this file.",
        )  # fmt: skip
    return Source(
        source_id=number,
        name=name,
        sha256=file.read.sha256,
        kind=file.mapping.kind,
        rows_in=filled.n_records,
        loaded=counts.loaded,
        duplicate=counts.duplicate,
        rejected=rejected,
        skipped=skipped,
        repeated=counts.repeated,
        n_events=counts.n_events,
        rejected_by_reason=dict(Counter(row[1] for row in filled.rejects.rows)),
        questions=assumed,
        mapping=file.mapping.to_json(),
        seconds=round(seconds, 3),
        loaded_at=now(),
    )


def _write_down(workspace: Workspace, source: Source, rejects: Rejects, *, pending: bool) -> None:
    workspace.state.add(
        "sources",
        {
            "source_id": source.source_id,
            "name": source.name,
            "kind": source.kind,
            "sha256": source.sha256,
            "mapping": json.dumps(source.mapping, ensure_ascii=False),
            "rows_in": source.rows_in,
            "loaded": source.loaded,
            "duplicate": source.duplicate,
            "rejected": source.rejected,
            "skipped": source.skipped,
            "repeated": source.repeated,
            "n_events": source.n_events,
            "state": "pending" if pending else "loaded",
            "seconds": source.seconds,
            "loaded_at": source.loaded_at,
        },
    )
    rows = sorted(rejects.rows)
    # The detail of a bad value is that value, so it is sealed with the line; the column stays empty.
    raw = seal_all(
        (
            json.dumps([detail[:200], raw[:_KEPT_RAW]]).encode()  # ASCII, so that broken bytes come through
            for _, _, detail, raw in rows
        ),
        "rejects.raw",
    )
    workspace.state.add_many(
        "rejects",
        (
            {
                "source_id": source.source_id,
                "line": line,
                "reason": reason,
                "detail": "",
                "raw": sealed,
            }
            for (line, reason, _, _), sealed in zip(rows, raw, strict=True)
        ),
    )


def ledger(workspace: Workspace) -> list[Source]:
    """Every file loaded, newest first."""
    published = _published_sources(workspace)
    found = []
    for row in workspace.state.rows("sources", order="source_id DESC"):
        if row["state"] == "pending" and row["source_id"] not in published:
            continue
        state = "loaded" if row["state"] == "pending" else row["state"]
        by_reason = Counter(
            one["reason"] for one in workspace.state.rows("rejects", {"source_id": row["source_id"]})
        )
        found.append(
            Source(
                **{key: row[key] for key in row if key not in ("mapping", "state", "n_events")},
                n_events=row["loaded"] if row["n_events"] is None else row["n_events"],
                mapping=json.loads(row["mapping"]),
                rejected_by_reason=dict(by_reason),
                state=state,
            )
        )
    return found


def rejects_csv(workspace: Workspace, source_id: int) -> str:
    """A file's rejected rows as CSV: line, reason, detail, raw.

    Raises:
        NotFoundError: No file of that number was loaded.
    """
    if not workspace.state.rows("sources", {"source_id": source_id}):
        raise NotFoundError(text("Source {number} must exist. Received: {number}.", number=source_id))
    rows: Iterable[dict[str, Any]] = workspace.state.rows("rejects", {"source_id": source_id}, order="line")
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(["line", "reason", "detail", "raw"])
    for row in rows:
        detail, raw = json.loads(unseal(row["raw"], "rejects.raw"))
        # Bytes that were no text are shown as the mark for it.
        shown = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        writer.writerow([row["line"], row["reason"], escaped_cell(detail), escaped_cell(shown)])
    return out.getvalue()
