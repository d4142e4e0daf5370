"""What was found, kept: a row of the state, and a folder with what it says of each user."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persmark.errors import NotFoundError
from persmark.segments.lists import changed_since
from persmark.store import Reader, Workspace, now, read_sql
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa

GROUPS, LOOKALIKES = "groups", "lookalikes"
# Of each kind; older ones go as new ones come.
MOST_KEPT = 10
_USERS = "users.parquet"


@dataclass(frozen=True)
class Discovery:
    """One search and what came of it.

    Attributes:
        run_id: Its name.
        kind: `groups` or `lookalikes`.
        settings: What was asked.
        reads: Content versions of what was read.
        report: What was found, as JSON.
        seconds: Wall time.
        found_at: ISO-8601 UTC.
    """

    run_id: str
    kind: str
    settings: Mapping[str, Any]
    reads: Mapping[str, int]
    report: Mapping[str, Any]
    seconds: float
    found_at: str

    def stale(self, workspace: Workspace) -> bool:
        """Whether what was read has changed since."""
        return changed_since(workspace, self.reads)


def _folder(workspace: Workspace, run_id: str) -> Path:
    return workspace.folder / "discoveries" / run_id


def keep(
    workspace: Workspace,
    kind: str,
    *,
    settings: Mapping[str, Any],
    reads: Mapping[str, int],
    report: Mapping[str, Any],
    seconds: float,
    users: pa.Table,
) -> Discovery:
    """Keep a result; the users first, so that a crash leaves a folder and never a row without one."""
    import pyarrow.parquet as pq

    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{kind}-{secrets.token_hex(2)}"
    made = Discovery(run_id, kind, settings, reads, report, round(seconds, 3), now())
    folder = _folder(workspace, run_id)
    folder.mkdir(parents=True)
    pq.write_table(users, folder / _USERS)
    workspace.state.add(
        "discoveries",
        {
            "run_id": run_id,
            "kind": kind,
            "settings": json.dumps(dict(settings), ensure_ascii=False),
            "reads": json.dumps(dict(reads)),
            "report": json.dumps(dict(report), ensure_ascii=False),
            "seconds": made.seconds,
            "found_at": made.found_at,
        },
    )
    _forget_old(workspace, kind)
    return made


def _forget_old(workspace: Workspace, kind: str) -> None:
    for old in discoveries(workspace, kind)[MOST_KEPT:]:
        workspace.state.drop("discoveries", where={"run_id": old.run_id})
    known = {row["run_id"] for row in workspace.state.rows("discoveries")}
    for folder in (workspace.folder / "discoveries").glob(f"*-{kind}-*"):
        # Of a crash, or just forgotten.
        if folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)


def _found(row: Mapping[str, Any]) -> Discovery:
    return Discovery(
        row["run_id"], row["kind"], json.loads(row["settings"]), json.loads(row["reads"]),
        json.loads(row["report"]), row["seconds"], row["found_at"],
    )  # fmt: skip


def discoveries(workspace: Workspace, kind: str) -> list[Discovery]:
    """All of one kind, the latest first."""
    return [
        _found(row) for row in workspace.state.rows("discoveries", where={"kind": kind}, order="rowid DESC")
    ]


def discovery(workspace: Workspace, run_id: str) -> Discovery:
    """One by its id.

    Raises:
        NotFoundError: There is none.
    """
    rows = workspace.state.rows("discoveries", where={"run_id": run_id})
    if not rows:
        raise NotFoundError(
            text("A search for groups or lookalikes must exist. Received: {run_id}.", run_id=run_id),
            title="No such search",
            hint="Search again on the Discover page.",
        )
    return _found(rows[0])


def users_of(workspace: Workspace, run_id: str) -> pa.Table:
    """What it says of each user: `user_id`, and `group` (from 1) or `rank` (from 1).

    Raises:
        NotFoundError: There is none, or its folder is gone.
    """
    import pyarrow.parquet as pq

    path = _folder(workspace, discovery(workspace, run_id).run_id) / _USERS
    if not path.is_file():
        raise NotFoundError(
            text("The users of a search must be kept. Received: {run_id} without them.", run_id=run_id),
            hint="Search again on the Discover page.",
        )
    return pq.read_table(path)


def with_profiles(reader: Reader, users: pa.Table) -> pa.Table:
    """These users with their main figures, in the table's order; who has no profile any more is left out.

    Args:
        reader: Whose profiles.
        users: `user_id`, and `place` to sort by.
    """
    return reader.table(read_sql("persmark.segments", "listed_users"), inputs={"listed": users})
