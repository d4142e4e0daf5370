"""Saved segments: the state that cached answers depend on, and what lists call each."""

from __future__ import annotations

from persmark import segments
from persmark.store import Workspace
from persmark.ui.words import words


def saved_versions(workspace: Workspace) -> tuple[tuple[str, int], ...]:
    """What distinguishes one state of the saved segments from another, for cache keys."""
    newest: dict[str, tuple[int, int]] = {}
    for name, version, deleted in workspace.state.tuples("segments", ("name", "version", "deleted")):
        newest[name] = max(newest.get(name, (0, 0)), (version, deleted))
    return tuple(sorted((name, version) for name, (version, deleted) in newest.items() if not deleted))


def segment_title(segment: segments.Segment) -> str:
    """What lists call a segment: a built-in one with the grid it comes from."""
    kind, _, _ = segment.name.partition(": ")
    prefix = {"rfm": "RFM: ", "lifecycle": "Lifecycle: "}.get(kind, "") if segment.built_in else ""
    return prefix + words(segment.title)
