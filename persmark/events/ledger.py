"""The ledger: each file that was loaded, what became of its rows, and the rows that were not."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from persmark.errors import FileRefusedError, InputError, PersmarkError, called
from persmark.events.catalogue import load_catalogue
from persmark.events.corrections import Prepared, is_corrections, prepare, sealed, written_form
from persmark.events.finish import Counts
from persmark.events.formats import digest
from persmark.events.guesses import Question, phone_question
from persmark.events.load import load_events
from persmark.events.mapping import Mapping
from persmark.events.mappings import keep_mapping, mapping_for, read_as_before, saved_mapping
from persmark.events.propose import Proposal, propose
from persmark.events.records import Rejects
from persmark.events.sources import Source, published_sources
from persmark.events.stage import SourceFile
from persmark.events.staging import Filled
from persmark.events.waiting import check_key, settle_contacts, settle_left_over
from persmark.jobs import OnProgress, unwatched
from persmark.store import Workspace, now, require_room
from persmark.text import text


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
        if number in published_sources(workspace):
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


def load(
    workspace: Workspace,
    path: Path | str,
    *,
    kind: str | None = None,
    mapping: Mapping | str | None = None,
    use_saved: bool = True,
    name: str | None = None,
    on_progress: OnProgress = unwatched,
) -> Source:
    """Load one file of events, items or users; all of it that can be read, or nothing.

    Rejected rows that come back corrected are read as the file they belong to.

    Args:
        workspace: Where to.
        path: CSV, TSV, Parquet, JSON lines or a JSON array, the text ones also as gzip or zstd.
        kind: events, items or users; guessed from the header where not given.
        mapping: What its columns mean, or the name of a saved mapping; where left out the saved one of
            this shape, else the proposal.
        use_saved: Whether a saved mapping is taken where none is given.
        name: What people call the file.
        on_progress: Told what is happening.

    Returns:
        The ledger of the file.

    Raises:
        FileRefusedError: Nothing of it can be read.
        InputError: The mapping does not fit, or a question is open.
        NotFoundError: No mapping of that name is saved.
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
    with called(name, instead_of=path.name):
        return _read_in(
            workspace, path, name, kind=kind, mapping=mapping, use_saved=use_saved, begun=begun,
            on_progress=on_progress,
        )  # fmt: skip


def _read_in(
    workspace: Workspace,
    path: Path,
    name: str,
    *,
    kind: str | None,
    mapping: Mapping | str | None,
    use_saved: bool,
    begun: float,
    on_progress: OnProgress,
) -> Source:
    saved = saved_mapping(workspace, mapping) if isinstance(mapping, str) else None
    given = saved.mapping if saved else mapping if isinstance(mapping, Mapping) else None
    found, shape = _looked_at(workspace, path, name, kind or (given.kind if given else None), given)
    if is_corrections(found.columns):
        return _load_corrections(workspace, path, name, found, begun=begun, on_progress=on_progress)
    if given is None and use_saved and (saved := mapping_for(workspace, found)):
        given = saved.mapping
        found, _ = _looked_at(workspace, path, name, given.kind, given)
    read_with, assumed = _answered(found, given, name)
    if saved:
        assumed = [read_as_before(saved).render(), *assumed]
    read_with.check(found.columns, name)
    if read_with.kind == "users":
        check_key(workspace)
    on_progress(0.02, text("Counting the lines of {file}", file=name))
    read = digest(
        path,
        found.format.compression,
        found.format,
        width=len(found.columns),
        on_progress=lambda share, message: on_progress(0.02 + 0.06 * share, message),
    )
    # Tables take a quarter to a half of their text; a twentieth is less than any.
    require_room(workspace.folder, read.n_bytes // 20, text("{file}", file=name))
    with _plain_path(workspace, path) as readable:
        file = SourceFile(readable, found.format, read_with, found.columns, read, found.header)
        source = _load(workspace, file, name, assumed=assumed, begun=begun, on_progress=on_progress)
    kept = keep_mapping(workspace, shape, read_with, file=name, used=saved)
    workspace.state.change("sources", {"source_id": source.source_id}, {"read_as": kept})
    return replace(source, read_as=kept)


def _looked_at(
    workspace: Workspace, path: Path, name: str, kind: str | None, given: Mapping | None
) -> tuple[Proposal, str]:
    """What a file is, as a person said it is read where they did; and the shape it shows by itself."""
    zone = workspace.time_zone
    if given is None:
        found = propose(path, kind=kind, name=name, time_zone=zone)
        return found, found.mapping.shape(found.columns)
    told = propose(path, kind=kind, name=name, time_zone=zone, reading=given.reading, mapping=given)
    try:
        plain = propose(path, kind=kind, name=name, time_zone=zone)
    except PersmarkError:
        plain = told
    return told, plain.mapping.shape(plain.columns)


def _load_corrections(
    workspace: Workspace, path: Path, name: str, found: Proposal, *, begun: float, on_progress: OnProgress
) -> Source:
    """Rejected rows that were fixed, read as the file that they come from."""
    fixed = workspace.temporary()
    try:
        with _plain_path(workspace, path) as readable:
            prepared = prepare(workspace, readable, found.format, found.columns, out=fixed)
        said = text("Corrections of {file}.", file=prepared.of["name"]).render()
        return _load(
            workspace, prepared.file, name, assumed=[said], begun=begun, on_progress=on_progress,
            corrections=prepared,
        )  # fmt: skip
    finally:
        fixed.unlink(missing_ok=True)


@contextmanager
def _plain_path(workspace: Workspace, path: Path) -> Iterator[Path]:
    """The path, or one without the characters that the database takes for a pattern of many files."""
    if not set("*?[") & set(str(path)):
        yield path
        return
    plain = workspace.temporary()
    try:
        shutil.copyfile(path, plain)
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
    corrections: Prepared | None = None,
) -> Source:
    mapping = file.mapping
    # Users bring links between ids, which stand beside the events.
    groups = {"events": ("events", "catalogue"), "users": ("catalogue", "events")}.get(
        mapping.kind, ("catalogue",)
    )
    # Always added: the first file of a group is its base, and a group that stands is never replaced.
    with workspace.write(*groups, delta=True) as w:
        on_progress = w.watch(on_progress, (0.1, 0.7, 0.95, 1.0))
        recover(workspace)
        number = 1 + max((row["source_id"] for row in workspace.state.rows("sources")), default=0)
        if mapping.kind == "events":
            filled, counts = load_events(workspace, w, file, source_id=number, on_progress=on_progress)
        else:
            filled, counts = load_catalogue(workspace, w, file, source_id=number, on_progress=on_progress)
        for group in groups:
            known = w.manifest.group(group).stats
            if group == "catalogue":
                w.stats_of[group].update({**known, "source_ids": [*known.get("source_ids", []), number]})
        if corrections:
            filled.n_records += corrections.settle(filled.rejects)
        source = _source(
            number,
            name,
            file,
            filled=filled,
            counts=counts,
            assumed=[*assumed, *(note.render() for note in filled.notes)],
            seconds=time.monotonic() - begun,
            corrects=int(corrections.of["source_id"]) if corrections else 0,
        )
        if not counts.loaded and not counts.n_echoes and not filled.new_links:
            w.discarded = True
        with workspace.state.transaction():
            _write_down(workspace, source, filled.rejects, form=written_form(file), pending=not w.discarded)
        on_progress(0.95, text("Publishing"))
    settle_contacts(workspace, number, stands=not w.discarded)
    workspace.state.change("sources", {"source_id": number}, {"state": "loaded"})
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
    corrects: int,
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
        skipped_by_reason=dict(filled.rejects.skipped),
        questions=assumed,
        mapping=file.mapping.to_json(),
        seconds=round(seconds, 3),
        loaded_at=now(),
        corrects=corrects,
    )


def _write_down(workspace: Workspace, source: Source, rejects: Rejects, *, form: str, pending: bool) -> None:
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
            "by_reason": json.dumps(source.rejected_by_reason),
            "skipped_by_reason": json.dumps(source.skipped_by_reason),
            "questions": json.dumps(source.questions, ensure_ascii=False),
            "form": form,
            "corrects": source.corrects or None,
        },
    )
    workspace.state.add_many(
        "rejects",
        (
            {
                "source_id": source.source_id,
                "line": line,
                "reason": reason,
                "detail": "",
                "raw": kept,
            }
            for (line, reason, _, _), kept in sealed(sorted(rejects.rows))
        ),
    )
