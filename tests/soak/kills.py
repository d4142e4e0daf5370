"""`kill -9` of real loads at random moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from persmark import events
from persmark.simulate import write_events_csv
from persmark.store import Workspace, create_workspace, open_workspace

ROOT = Path(__file__).parents[2]
LOAD = """
import sys
from persmark import events, store
events.load(store.open_workspace(sys.argv[1]), sys.argv[2])
"""


def _file(folder: Path, n: int, n_events: int) -> Path:
    path = folder / f"day {n} '张'.csv"
    write_events_csv(path, n_events=n_events, n_users=500, seed=n, ends_on=date(2026, 6, 1 + n % 28))
    return path


def _start(workspace: Workspace, path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, workspace.name, str(path)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _check(workspace: Workspace, before: tuple[int, int]) -> tuple[int, int]:
    """Open it as anybody would; it holds the old version or the new one, and the ledger agrees."""
    opened = open_workspace(workspace.name)
    with opened.reader() as reader:
        n_events = reader.value("SELECT count(*) FROM events")
        by_source = dict(reader.rows("SELECT source_id, count(*) FROM events GROUP BY 1"))
        n_in_sessions = reader.value("SELECT CAST(coalesce(sum(n_events), 0) AS BIGINT) FROM sessions")
        n_counted = reader.value("SELECT CAST(coalesce(sum(n_events), 0) AS BIGINT) FROM event_counts")
    sources = [source for source in events.ledger(opened) if source.loaded]
    assert {source.source_id: source.loaded for source in sources} == by_source
    assert n_events == n_in_sessions == n_counted == opened.stats("events").get("n_events", 0)
    found = (len(sources), n_events)
    assert found == before or (found[0] == before[0] + 1 and found[1] > before[1])
    return found


def kill_loads(folder: Path, *, n_kills: int, seed: int, n_events: int = 60_000) -> tuple[int, int]:
    """Kill loads of an ever new file; returns how many came through and how many did not."""
    chance = random.Random(seed)
    workspace = create_workspace("killed-杀")
    # How long one takes undisturbed: Python's start, the reading, the publication.
    begun = time.monotonic()
    assert _start(workspace, _file(folder, 0, n_events)).wait() == 0
    usual = time.monotonic() - begun
    state = _check(workspace, (0, 0))
    through = 0
    path = _file(folder, 1, n_events)
    for n in range(1, n_kills + 1):
        child = _start(workspace, path)
        try:
            # The import of the first third is dull; half of the kills fall around the publication.
            moment = usual * (chance.uniform(0.3, 1.05) if n % 2 else chance.gauss(0.95, 0.08))
            child.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        found = _check(workspace, state)
        if found != state:
            through += 1
            path.unlink()
            path = _file(folder, n + 1, n_events)
        state = found
    # After all that it still loads, and nothing of the dead is left behind.
    assert _start(workspace, path).wait() == 0
    state = _check(workspace, state)
    names = {one.name for one in (workspace.folder / "tables").iterdir()}
    manifest = workspace.manifest()
    assert names <= manifest.files() | set(manifest.previous)
    assert not workspace.state.rows("sources", {"state": "pending"})
    return through, n_kills - through
