"""All events written anew under the rules that are switched on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from persmark.events.compact import rewrite
from persmark.events.rules import rules_pending
from persmark.jobs import OnProgress, unwatched
from persmark.text import text

if TYPE_CHECKING:
    from persmark.store import Workspace


@dataclass(frozen=True)
class Applied:
    """What applying the rules left.

    Attributes:
        n_events: Events that stand.
        n_changed: Of those, how many are not as they came.
        n_left_out: Events that rules took out.
    """

    n_events: int
    n_changed: int
    n_left_out: int


def apply_rules(workspace: Workspace, *, on_progress: OnProgress = unwatched) -> Applied:
    """Write the events anew from how they came, under the rules that are switched on.

    Nothing is lost: with every rule switched off the events are as they were loaded. Readers go on
    with the old version meanwhile, and see all of the new one or none of it. Where the events stand
    under just these rules nothing is written.

    Raises:
        BusyError: Another load or build is writing.
    """
    stats = workspace.stats("events")
    if rules_pending(workspace):
        stats = rewrite(workspace, on_progress=on_progress)
    if not stats:
        return Applied(0, 0, 0)
    on_progress(1.0, text("{n} events stand", n=int(stats["n_events"])))
    n_originals = int(stats.get("n_originals", 0))
    n_changed = 0
    if n_originals:
        with workspace.reader() as reader:
            n_changed = int(reader.value("SELECT count(*) FROM events WHERE by_rule > 0", limit_ms=None))
    return Applied(int(stats["n_events"]), n_changed, n_originals - n_changed)
