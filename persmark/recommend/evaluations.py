"""Evaluations that were asked for, kept for the leaderboard: what was printed then, and what it read."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from persmark.store import Workspace, now

MOST_KEPT = 20


@dataclass(frozen=True)
class KeptEvaluation:
    """One evaluation.

    Args:
        evaluation_id: Its name.
        reads: Versions of the table groups that were read.
        document: As `evaluate` prints it.
        made_at: ISO-8601 UTC.
    """

    evaluation_id: str
    reads: Mapping[str, int]
    document: Mapping[str, Any]
    made_at: str


def keep_evaluation(workspace: Workspace, document: Mapping[str, Any], reads: Mapping[str, int]) -> str:
    """Keep a document, and only the latest of them; returns its name."""
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    with workspace.state.transaction():
        workspace.state.add(
            "evaluations",
            {
                "evaluation_id": name,
                "reads": json.dumps(dict(reads)),
                "document": json.dumps(dict(document), ensure_ascii=False),
                "made_at": now(),
            },
        )
        for (old,) in workspace.state.tuples("evaluations", ("evaluation_id",))[:-MOST_KEPT]:
            workspace.state.drop("evaluations", {"evaluation_id": old})
    return name


def evaluations(workspace: Workspace) -> list[KeptEvaluation]:
    """All that are kept, the latest first."""
    return [
        KeptEvaluation(
            row["evaluation_id"], json.loads(row["reads"]), json.loads(row["document"]), row["made_at"]
        )
        for row in workspace.state.rows("evaluations", order="rowid DESC")
    ]
