"""What the ledger knows of each file that was loaded."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from persmark.store import Workspace

_AS_STORED = (
    "source_id", "name", "sha256", "kind", "rows_in", "loaded", "duplicate", "rejected", "skipped",
    "repeated", "seconds", "loaded_at",
)  # fmt: skip


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
        rejected_by_reason: Reason code -> rows, see `persmark.events.REASONS`.
        skipped_by_reason: The same of skipped rows, see `persmark.events.SKIPPED`.
        questions: What was assumed, in words.
        mapping: How it was read.
        seconds: Wall time of the load.
        loaded_at: ISO-8601 UTC.
        state: loaded, undone or failed.
        corrects: The source whose rejected rows it brings back fixed; 0 = none.
        read_as: The saved mapping it was read with.
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
    skipped_by_reason: dict[str, int] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    mapping: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    loaded_at: str = ""
    state: str = "loaded"
    corrects: int = 0
    read_as: str = ""

    def to_json(self) -> dict[str, Any]:
        """The keys of the command line's `load`."""
        return {"file": self.name, **{key: value for key, value in asdict(self).items() if key != "name"}}


def published_sources(workspace: Workspace) -> set[int]:
    """Numbers of the files whose rows stand in the published tables."""
    return {
        int(number)
        for group in ("events", "catalogue")
        for number in workspace.stats(group).get("source_ids", [])
    }


def ledger(workspace: Workspace) -> list[Source]:
    """Every file loaded, newest first."""
    published = published_sources(workspace)
    found = []
    for row in workspace.state.rows("sources", order="source_id DESC"):
        if row["state"] == "pending" and row["source_id"] not in published:
            continue
        state = "loaded" if row["state"] == "pending" else row["state"]
        by_reason = (
            json.loads(row["by_reason"])
            if row["by_reason"]
            else workspace.state.count_by("rejects", "reason", {"source_id": row["source_id"]})
        )
        found.append(
            Source(
                **{key: row[key] for key in _AS_STORED},
                corrects=row["corrects"] or 0,
                read_as=row["read_as"] or "",
                n_events=row["loaded"] if row["n_events"] is None else row["n_events"],
                mapping=json.loads(row["mapping"]),
                rejected_by_reason=by_reason,
                skipped_by_reason=json.loads(row["skipped_by_reason"] or "{}"),
                questions=json.loads(row["questions"] or "[]"),
                state=state,
            )
        )
    return found
