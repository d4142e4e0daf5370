"""Looking at all events once, and keeping what was found so that no page has to look again."""

from __future__ import annotations

import json
from collections.abc import Callable

from persmark.events.quality.behaviour import behaviour_findings
from persmark.events.quality.calendar import calendar_findings
from persmark.events.quality.finding import LEVELS, Finding, Look
from persmark.events.quality.people import people_findings
from persmark.events.quality.rows import load_findings, loaded_at, row_findings
from persmark.jobs import OnProgress, unwatched
from persmark.store import Workspace, now
from persmark.text import text

# What is looked at, and the part of the whole work that it is.
_PARTS: tuple[tuple[str, float, Callable[[Look], list[Finding]]], ...] = (
    ("Looking at what loading made of the files", 0.02, load_findings),
    ("Looking at times, signs and blanks", 0.4, row_findings),
    ("Looking at users", 0.15, people_findings),
    ("Looking at types, items, orders and amounts", 0.28, behaviour_findings),
    ("Looking at clocks and days", 0.15, calendar_findings),
)


def _contents(workspace: Workspace) -> dict[str, int]:
    manifest = workspace.manifest()
    return {group: manifest.group(group).content for group in ("events", "catalogue")}


def _order(one: Finding) -> tuple[int, int]:
    return (0 if one.source_id is None else one.source_id, -LEVELS.index(one.level))


def findings(workspace: Workspace) -> list[Finding] | None:
    """What the last `check_quality` found, overall ones first, then by source; problems first in each.

    Returns:
        None where events or items have changed since, or were never checked: `check_quality` is needed.
    """
    rows = workspace.state.rows("quality_findings", _contents(workspace))
    if not rows:
        return None
    return [Finding.from_json(one) for one in json.loads(rows[0]["findings"])]


def check_quality(workspace: Workspace, *, on_progress: OnProgress = unwatched) -> list[Finding]:
    """Look at all events and keep what was found for `findings`; nothing is changed."""
    contents = _contents(workspace)
    sources = [row for row in workspace.state.rows("sources") if row["kind"] == "events"]
    standing = set(workspace.stats("events").get("source_ids", []))
    found: list[Finding] = []
    with workspace.reader() as reader:
        look = Look(
            workspace=workspace,
            reader=reader,
            n_events=int(workspace.stats("events").get("n_events", 0)),
            loaded={
                row["source_id"]: loaded_at(row["loaded_at"])
                for row in sources
                if row["source_id"] in standing
            },
        )
        done = 0.0
        for title, share, part in _PARTS:
            on_progress(done, text(title))
            # Without events only what loading made of the files can be told.
            if look.n_events or part is load_findings:
                found += part(look)
            done += share
    found.sort(key=_order)
    with workspace.state.transaction():
        for row in workspace.state.rows("quality_findings"):
            workspace.state.drop("quality_findings", {"checked_at": row["checked_at"]})
        workspace.state.add(
            "quality_findings",
            {
                **contents,
                "findings": json.dumps([one.to_json() for one in found], ensure_ascii=False),
                "checked_at": now(),
            },
        )
    on_progress(1.0, text("{n} checks done", n=len(found)))
    return found
