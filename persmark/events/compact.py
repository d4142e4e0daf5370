"""One sorted base again out of base and deltas, with or without some sources."""

from __future__ import annotations

from collections.abc import Sequence

from persmark.errors import NotFoundError
from persmark.events.finish import ORDER, finish
from persmark.events.ledger import recover
from persmark.jobs import OnProgress, unwatched
from persmark.store import Workspace
from persmark.text import text

_CARRIED = ("identities", "exposures", "outcomes")


def compact(workspace: Workspace, *, without: Sequence[int] = (), on_progress: OnProgress = unwatched) -> int:
    """Rewrite the events as one base file; readers go on with the old version meanwhile.

    Args:
        workspace: Whose events.
        without: Source numbers whose events are left out.
        on_progress: Told what is happening.

    Returns:
        Events in the new base.
    """
    with workspace.write("events") as w:
        recover(workspace)
        w.same_rows = not without
        on_progress(0.1, text("Sorting all events into one file"))
        w.run(
            f"""CREATE TABLE out.events AS SELECT * FROM events
            WHERE NOT list_contains($without, source_id) {ORDER}""",
            {"without": [int(number) for number in without]},
        )
        for table in _CARRIED:
            if w.rows(f"SELECT 1 FROM {table} LIMIT 1"):
                w.run(f"CREATE TABLE out.{table} AS SELECT * FROM {table}")
        on_progress(0.6, text("Finding sessions"))
        finish(w, table="out.events", delta=False)
        (left,) = w.rows("SELECT count(*) FROM out.events")[0]
        on_progress(0.95, text("Publishing"))
    return int(left)


def undo_load(workspace: Workspace, source_id: int, *, on_progress: OnProgress = unwatched) -> int:
    """Take a file's events out again; everything derived from events is stale afterwards.

    Returns:
        Events that are left.

    Raises:
        NotFoundError: No events file of that number stands loaded.
    """
    rows = workspace.state.rows("sources", {"source_id": source_id, "state": "loaded", "kind": "events"})
    if not rows:
        raise NotFoundError(
            text("Source {number} must be a loaded events file. Received: {number}.", number=source_id)
        )
    left = compact(workspace, without=(source_id,), on_progress=on_progress)
    workspace.state.change("sources", {"source_id": source_id}, {"state": "undone"})
    return left
