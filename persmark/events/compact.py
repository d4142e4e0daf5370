"""All events written anew as one base file: as they stand, under other rules, or without a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from persmark.columns import TABLES
from persmark.errors import InputError, NotFoundError
from persmark.events.echoes import take_keys_out, take_out
from persmark.events.finish import ORDER, conclude
from persmark.events.ledger import recover
from persmark.events.ranges import write_sorted
from persmark.events.ruling import CAME, LISTED, Ruling, lay_down
from persmark.jobs import OnProgress, unwatched
from persmark.store import Workspace, Writer
from persmark.text import text

# Tables of the group that a new base takes over as they are.
_CARRIED = ("exposures", "outcomes")
_STOPS = (0.1, 0.2, 0.7, 0.95)


def _carry(w: Writer, tables: Iterable[str]) -> None:
    for table in tables:
        if not w.rows(f"SELECT 1 FROM {table} LIMIT 1"):
            continue
        if TABLES[table] == TABLES["events"]:
            write_sorted(w, f"out.{table}", LISTED, f"SELECT * FROM {table}", order=ORDER)
        else:
            w.run(f"CREATE TABLE out.{table} AS SELECT * FROM {table}")


def compact(workspace: Workspace, *, on_progress: OnProgress = unwatched) -> int:
    """Rewrite the events as one base file; readers go on with the old version meanwhile.

    The rows are those that stood, rules that were switched since included.

    Returns:
        Events in the new base.
    """
    with workspace.write("events") as w:
        recover(workspace)
        w.same_rows = True
        on_progress = w.watch(on_progress, (0.1, 0.6, 0.95))
        on_progress(0.1, text("Sorting all events into one file"))
        write_sorted(w, "out.events", LISTED, "SELECT * FROM events", order=ORDER)
        _carry(w, ("originals", "echoes", "identity_keys", "identities", *_CARRIED))
        on_progress(0.6, text("Finding sessions"))
        stats = w.manifest.group("events").stats
        ruling = Ruling.of(workspace, w, delta=True)
        ruling.n_originals = stats.get("n_originals", 0)
        ruling.n_events = {int(number): n for number, n in stats.get("rule_events", {}).items()}
        conclude(w, delta=False, ruling=ruling, n_echoes=stats.get("n_echoes", 0))
        left = int(w.stats["n_events"])
        on_progress(0.95, text("Publishing"))
    return left


def rewrite(workspace: Workspace, *, on_progress: OnProgress = unwatched) -> dict[str, Any]:
    """Write the events anew from how they came, under the rules that are switched on.

    Returns:
        The new stats of the events; empty where there are none.
    """
    with workspace.write("events") as w:
        recover(workspace)
        if not w.manifest.group("events").files:
            w.discarded = True
            return {}
        on_progress = w.watch(on_progress, _STOPS)
        on_progress(0.1, text("Carrying over what rules leave alone"))
        _carry(w, ("echoes", "identity_keys"))
        stats = w.manifest.group("events").stats
        n_echoes = stats.get("n_echoes", 0)
        _lay_down(workspace, w, CAME, n_echoes=n_echoes, on_progress=on_progress)
        # Rules that change nothing make nothing stale.
        w.same_rows = not (stats.get("n_originals") or w.stats["n_originals"])
    return workspace.stats("events")


def _lay_down(workspace: Workspace, w: Writer, came: str, *, n_echoes: int, on_progress: OnProgress) -> None:
    """Everything of the group but echoes and keys, which are there already."""
    ruling = Ruling.of(workspace, w, delta=False)
    on_progress(0.2, text("Writing all events"))
    w.create("identity_keys")
    lay_down(w, ruling, came, keys="SELECT * FROM out.identity_keys", order=ORDER, delta=False)
    _carry(w, _CARRIED)
    on_progress(0.7, text("Finding sessions"))
    conclude(w, delta=False, ruling=ruling, n_echoes=n_echoes)
    on_progress(0.95, text("Publishing"))


def _heir(workspace: Workspace, row: dict[str, Any]) -> int | None:
    """The oldest other load of the same bytes that found all of its rows standing."""
    holding = set(workspace.stats("events").get("source_ids", []))
    same = {"sha256": row["sha256"], "kind": "events", "state": "loaded", "loaded": 0}
    for other in workspace.state.rows("sources", same, order="source_id"):
        if other["source_id"] not in holding and json.loads(other["mapping"]) == json.loads(row["mapping"]):
            return int(other["source_id"])
    return None


def undo_load(workspace: Workspace, source_id: int, *, on_progress: OnProgress = unwatched) -> int:
    """Take a file's events out again; everything derived from events is stale afterwards.

    What later files brought as well stands afterwards under the next of them: the events are those
    that loading the other files alone would have made. Items that the file described beside its events
    stay in the catalogue.

    Returns:
        Events that are left.

    Raises:
        NotFoundError: No file of that number stands loaded.
        InputError: It is a file of items or users.
    """
    rows = workspace.state.rows("sources", {"source_id": source_id, "state": "loaded"})
    if not rows:
        raise NotFoundError(
            text("Source {number} must be a loaded events file. Received: {number}.", number=source_id)
        )
    (row,) = rows
    if row["kind"] != "events":
        raise InputError(
            text("A load that is undone must be of events. Received: {file}, a file of {kind}.",
                 file=row["name"], kind=row["kind"]),
            title="Not possible for items and users",
            hint=text("Load a corrected file: its {kind} take the place of those with the same id.",
                      kind=row["kind"]),
        )  # fmt: skip
    left, moved = publish_without(workspace, row, on_progress=on_progress)
    with workspace.state.transaction():
        workspace.state.change("sources", {"source_id": source_id}, {"state": "undone"})
        for number, (n, n_repeats) in moved.items():
            _more_stand(workspace, number, n, n_repeats)
    return left


def publish_without(
    workspace: Workspace, row: dict[str, Any], *, on_progress: OnProgress = unwatched
) -> tuple[int, dict[int, tuple[int, int]]]:
    """The tables' part of an undo; a crash after it is settled by `recover`.

    Args:
        workspace: Whose events.
        row: The source's row of the table `sources`.
        on_progress: Told what is happening.

    Returns:
        Events that are left; by source the events that later files got, and how many are repeats.
    """
    source_id = int(row["source_id"])
    with workspace.write("events") as w:
        recover(workspace)
        stats = w.manifest.group("events").stats
        if source_id not in stats.get("source_ids", []):
            # All of it stood already, and stands without it.
            w.discarded = True
            return int(stats.get("n_events", 0)), {}
        on_progress = w.watch(on_progress, _STOPS)
        on_progress(0.1, text("Taking the events of {file} out", file=row["name"]))
        heir = _heir(workspace, row)
        came, moved, n_echoes = take_out(w, source_id, heir)
        take_keys_out(w, heir)
        _lay_down(workspace, w, came, n_echoes=n_echoes, on_progress=on_progress)
        left = int(w.stats["n_events"])
    return left, moved


def _more_stand(workspace: Workspace, source_id: int, n: int, n_repeats: int) -> None:
    """Events of a later file that stand now, for its line in the ledger."""
    (row,) = workspace.state.rows("sources", {"source_id": source_id})
    held = row["loaded"] if row["n_events"] is None else row["n_events"]
    changed = {"n_events": held + n, "repeated": row["repeated"] + n_repeats}
    if held == row["loaded"] and n <= row["duplicate"]:
        # One event a record; where a record makes several, records stay as they were counted.
        changed |= {"loaded": row["loaded"] + n, "duplicate": row["duplicate"] - n}
    workspace.state.change("sources", {"source_id": source_id}, changed)
