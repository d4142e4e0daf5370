"""The audit row of a verb."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from persmark.actions.actor import Actor
from persmark.store import Workspace

if TYPE_CHECKING:
    from persmark.actions.requests import Request


def write_down(
    workspace: Workspace, actor: Actor, verb: str, request: Request, result: Mapping[str, Any]
) -> None:
    """Write who asked for what and what came of it, as soon as it stands."""
    workspace.audit(actor.name, verb, dataclasses.asdict(request), _short(result))


def _short(result: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit keeps of a result: figures and names, not whole documents."""
    kept: dict[str, Any] = {
        key: value for key, value in result.items() if isinstance(value, str | int | float | bool)
    }
    if "sources" in result:
        keys = ("source_id", "file", "sha256", "rows_in", "loaded", "duplicate", "rejected", "skipped")
        kept["sources"] = [{key: source[key] for key in keys} for source in result["sources"]]
    return kept
