"""Small files typed by hand, and what a workspace made of them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from persmark import actions, events
from persmark.events import Mapping, Source
from persmark.store import Workspace, create_workspace
from tests.conftest import house

HEADER = "user_id,item_id,event_type,event_time,value"
UTC_PLAIN = Mapping(
    "events",
    {name: name for name in HEADER.split(",")},
)


def write(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    """Bytes, or text encoded, as a file; gzipped where the name says so."""
    raw = content.encode(encoding) if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw)
    return path


def loaded_from(folder: Path, rows: Iterable[str], actor: actions.Actor) -> Workspace:
    """A workspace in a house of its own below `folder`, these rows loaded into it as the pages do it."""
    path = write(folder / "shop '张' 😀.csv", csv_of(rows))
    with house(folder):
        made = create_workspace("shop-商店")
        actions.run(made, actor, actions.LoadFiles(paths=(str(path),)))
    return made


def csv_of(rows: Iterable[str], header: str = HEADER) -> str:
    """A CSV of these lines."""
    return "\n".join([header, *rows]) + "\n"


def load(workspace: Workspace, path: Path, **more: Any) -> Source:
    """Load a file and check what must hold of every file."""
    before = len(workspace.state.rows("sources"))
    source = events.load(workspace, path, **more)
    assert source.rows_in == source.loaded + source.duplicate + source.rejected + source.skipped
    assert sum(source.rejected_by_reason.values()) == source.rejected
    assert set(source.rejected_by_reason) <= set(events.REASONS)
    assert len(workspace.state.rows("sources")) == before + 1
    return source


def event_rows(
    workspace: Workspace, columns: str = "user_id, item_id, event_type, event_time, value"
) -> list[Any]:
    """Events in a total order."""
    with workspace.reader() as reader:
        return reader.rows(f"SELECT {columns} FROM events ORDER BY ALL")


def lines_rejected(workspace: Workspace, source: Source) -> list[tuple[int, str]]:
    """(line, reason) of a source's rejects."""
    rows = workspace.state.rows("rejects", {"source_id": source.source_id}, order="line")
    return [(row["line"], row["reason"]) for row in rows]


def counts(source: Source) -> Sequence[int]:
    """rows_in, loaded, duplicate, rejected, skipped, repeated."""
    return (
        source.rows_in, source.loaded, source.duplicate, source.rejected, source.skipped, source.repeated,
    )  # fmt: skip


def rejects_csv(workspace: Workspace, source_id: int) -> str:
    """A source's rejected rows as they are downloaded."""
    with events.rejects_file(workspace, source_id) as file:
        return file.read().decode("utf-8-sig")
