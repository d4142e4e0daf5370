"""Older versions of saved segments: looked at, brought back, undone, copied."""

from __future__ import annotations

import json
from typing import Any

from persmark.errors import InputError, NotFoundError
from persmark.segments.built_in import BUILT_IN
from persmark.segments.evaluate import known_segments
from persmark.segments.rules import near, parse
from persmark.segments.saved import (
    MOST_NAME,
    Segment,
    as_segment,
    get_segment,
    kept_name,
    latest,
    save_segment,
    saved_rules,
)
from persmark.store import Workspace, now
from persmark.text import text


def _rows(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    """The rows of a segment that was saved once, the newest first."""
    rows = workspace.state.rows("segments", where={"name": name}, order="version DESC")
    if not rows:
        raise NotFoundError(
            text("A segment to restore must have been saved once. Received: {name}.", name=name),
            hint=near(name, list(latest(workspace))),
        )
    return list(rows)


def segment_versions(workspace: Workspace, name: str) -> list[Segment]:
    """All versions of a segment, the newest first; those of a deleted one too.

    Raises:
        NotFoundError: There never was one of that name.
    """
    if name in BUILT_IN:
        return [get_segment(workspace, name)]
    saved = saved_rules(workspace)
    return [as_segment(row, saved) for row in _rows(workspace, kept_name(name))]


def _bring_back(workspace: Workspace, newest: dict[str, Any], old: dict[str, Any]) -> int:
    """Make an older row the one in force; returns the version now in force."""
    name = newest["name"]
    # What it speaks of may have gone, or speak of it by now.
    parse(json.loads(old["rule"]), columns=None, saved=known_segments(saved_rules(workspace)), name=name)
    workspace.state.change("segments", where={"name": name}, values={"deleted": 0})
    in_force = int(newest["version"])
    if old["version"] != in_force:
        in_force += 1
        workspace.state.add(
            "segments",
            {
                **{key: value for key, value in old.items() if key != "segment_id"},
                "version": in_force,
                "saved_at": now(),
                "deleted": 0,
                "restores": old["version"],
            },
        )
    return in_force


def restore_segment(workspace: Workspace, name: str, actor: str, *, version: int | None = None) -> int:
    """Bring a deleted segment back, or save an older version's rule as the newest.

    Returns:
        The version now in force.

    Raises:
        NotFoundError: There never was one of that name or version.
        InputError: The older rule would make the segment depend on itself.
    """
    plain = kept_name(name)
    with workspace.state.transaction():
        rows = _rows(workspace, plain)
        by_version = {row["version"]: row for row in rows}
        wanted = rows[0]["version"] if version is None else version
        if wanted not in by_version:
            raise NotFoundError(
                text("Segment '{name}' must have that version. Received: {n}.", name=plain, n=wanted)
            )
        in_force = _bring_back(workspace, rows[0], by_version[wanted])
        workspace.audit(
            actor, "restore segment", {"segment": plain, "version": version}, {"version": in_force}
        )
    return in_force


def undo_segment(workspace: Workspace, name: str, actor: str) -> int:
    """Take back the last change: a deletion, or the last save; again, and the one before it goes too.

    Nothing is lost: what is taken back stays in the list of versions.

    Returns:
        The version now in force.

    Raises:
        NotFoundError: There never was one of that name.
        InputError: Only the first save is left to take back, or the older rule would make the segment
            depend on itself.
    """
    plain = kept_name(name)
    with workspace.state.transaction():
        rows = _rows(workspace, plain)
        by_version = {row["version"]: row for row in rows}
        stands = rows[0]
        if not stands["deleted"]:
            # A version that brought another one back counts as that one.
            while stands["restores"]:
                stands = by_version[stands["restores"]]
            if stands["version"] - 1 not in by_version:
                raise InputError(
                    text("A segment's first version must stay. Received: {name}, with nothing before it.",
                         name=plain),
                    title="Nothing to undo",
                    hint="Delete the segment instead.",
                )  # fmt: skip
            stands = by_version[stands["version"] - 1]
        in_force = _bring_back(workspace, rows[0], stands)
        workspace.audit(actor, "undo segment", {"segment": plain}, {"version": in_force})
    return in_force


def free_name(workspace: Workspace, name: str) -> str:
    """A name for a copy that no segment has had: "name (copy)", "name (copy 2)"."""
    taken = {*latest(workspace), *BUILT_IN}
    number, found = 1, ""
    while not found or found in taken:
        tail = " (copy)" if number == 1 else f" (copy {number})"
        found, number = name[: MOST_NAME - len(tail)].rstrip() + tail, number + 1
    return found


def duplicate_segment(
    workspace: Workspace, name: str, actor: str, *, new_name: str | None = None
) -> tuple[str, int]:
    """Save a segment's rule under another name; a built-in one can be copied and then changed.

    Returns:
        The new name, and its version.

    Raises:
        EmptyError: Profiles have not been built.
        NotFoundError: There is none of that name.
        InputError: The new name is taken or unfit.
    """
    found = get_segment(workspace, name)
    title = found.title.render() if found.built_in else found.name
    chosen = free_name(workspace, title) if new_name is None else kept_name(new_name)
    if chosen in saved_rules(workspace):
        raise InputError(
            text("A copy's name must be free. Received: {name}.", name=chosen), hint="Choose another name."
        )
    return chosen, save_segment(workspace, chosen, found.rule, actor)
