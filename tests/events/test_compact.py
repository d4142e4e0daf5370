"""Many appends become one file again, by themselves, and nobody notices but the disk."""

from __future__ import annotations

import time
from pathlib import Path

from persmark import actions, jobs
from persmark.settings import settings
from persmark.store import Workspace


def test_one_append_too_many_is_followed_by_a_compaction(empty: Workspace, tmp_path: Path) -> None:
    n_files = settings().events.compact_after_deltas + 1
    for number in range(n_files):
        file = tmp_path / f"{number}.csv"
        file.write_text(
            f"user_id,event_type,event_time\nO'Neil 王,view,2026-01-{number + 1:02} 10:00:00\n", "utf-8"
        )
        assert jobs.latest(empty, "compact") is None
        last = number == n_files - 1
        actions.run(empty, actions.Actor(), actions.LoadFiles((str(file),), build_profiles=last))
    give_up = time.monotonic() + 60
    while (job := jobs.latest(empty, "compact")) is None or job.active:
        assert time.monotonic() < give_up
        time.sleep(0.1)
    assert (job.state, job.result) == ("done", {"n_events": n_files})
    assert (empty.stats("events")["n_deltas"], len(empty.manifest().group("events").files)) == (0, 1)
    assert not empty.stale("profiles")
