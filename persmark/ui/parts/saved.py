"""The state of the saved segments, as part of what cached answers depend on."""

from __future__ import annotations

from persmark import segments
from persmark.store import Workspace


def saved_versions(workspace: Workspace) -> tuple[tuple[str, int], ...]:
    """What distinguishes one state of the saved segments from another, for cache keys."""
    return tuple((one.name, one.version) for one in segments.list_segments(workspace) if not one.built_in)
