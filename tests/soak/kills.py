"""`kill -9` of the whole way from a file to profiles, at random moments and at each step.

The load runs as a page starts it: as a job, in a process of its own. A step is told from outside, by
what stands on disk at that moment, so nothing in the product knows of these tests.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from persmark import actions, events, jobs
from persmark.simulate import write_events_csv
from persmark.store import Workspace, create_workspace, open_workspace
from tests.shop import ACTOR

_LONGEST_SECONDS = 180
_LOOK_SECONDS = 0.001
Watch = Callable[[Path], bool]


@dataclass
class Tally:
    """What the kills met.

    Attributes:
        through: Loads that stood although their job was killed, or ended before it was.
        killed: Jobs that were killed before their load stood.
        failed: Jobs that say that they failed.
        at: Where they were killed.
    """

    through: int = 0
    killed: int = 0
    failed: int = 0
    at: Counter[str] = field(default_factory=Counter)


def _file(folder: Path, n: int, n_events: int) -> Path:
    path = folder / f"day {n} '张'.csv"
    write_events_csv(path, n_events=n_events, n_users=500, seed=n, ends_on=date(2026, 6, 1 + n % 28))
    return path


def _start(workspace: Workspace, path: Path) -> jobs.Job:
    return actions.start(workspace, ACTOR, actions.LoadFiles(paths=(str(path),), names=(path.name,)))


def _ended(workspace: Workspace, job: jobs.Job) -> jobs.Job:
    give_up = time.monotonic() + _LONGEST_SECONDS
    while (job := jobs.get(workspace, job.job_id)).active:
        assert time.monotonic() < give_up, job
        time.sleep(0.01)
    return job


def _template(folder: Path) -> str:
    try:
        return str(json.loads((folder / "progress.json").read_text("utf-8"))["template"])
    except (FileNotFoundError, ValueError):
        return ""


def _steps(workspace: Workspace, templates: list[str]) -> Iterator[tuple[str, Watch]]:
    """Moments of a load with profiles, each told from what lies on disk (the job's folder is given)."""
    tables = workspace.folder / "tables"

    def parts(group: str) -> Watch:
        return lambda _: any(tables.glob(f"{group}-*.part"))

    def said(template: str) -> Watch:
        return lambda folder: _template(folder) == template

    def renamed(_: Path) -> bool:
        return any(one.name not in known and one.suffix == ".duckdb" for one in tables.iterdir())

    known = workspace.manifest().files() | set(workspace.manifest().previous)
    version, n_audit = workspace.manifest().version, workspace.state.count("audit")
    yield "started", lambda folder: (folder / "process.json").exists()
    yield "events in part", parts("events")
    yield "catalogue in part", parts("catalogue")
    yield "source written down", lambda _: bool(workspace.state.count("sources", {"state": "pending"}))
    yield "file renamed", renamed
    yield "published", lambda _: workspace.manifest().version > version
    yield "acknowledged", lambda _: workspace.state.count("audit") > n_audit
    yield "profiles in part", parts("profiles")
    yield "profiles published", lambda _: workspace.manifest().version > version + 1
    for template in templates:
        yield f"said: {template}", said(template)


def _acknowledged(workspace: Workspace) -> dict[int, int]:
    """Source -> rows loaded, as the audit says it."""
    found: dict[int, int] = {}
    for row in workspace.state.rows("audit", {"verb": "load"}):
        found |= {one["source_id"]: one["loaded"] for one in json.loads(row["result"])["sources"]}
    return found


def _check(workspace: Workspace, before: tuple[int, int]) -> tuple[int, int]:
    """Open it as anybody would: the old version or the new one, and ledger, audit and profiles agree."""
    opened = open_workspace(workspace.name)
    with opened.reader() as reader:
        n_events = reader.value("SELECT count(*) FROM events")
        by_source = dict(reader.rows("SELECT source_id, count(*) FROM events GROUP BY 1"))
        n_in_sessions = reader.value("SELECT CAST(coalesce(sum(n_events), 0) AS BIGINT) FROM sessions")
        n_counted = reader.value("SELECT CAST(coalesce(sum(n_events), 0) AS BIGINT) FROM event_counts")
        n_users = reader.value("SELECT count(DISTINCT user_id) FROM events")
        n_profiles = reader.value("SELECT count(*) FROM profiles")
    sources = {one.source_id: one for one in events.ledger(opened) if one.loaded}
    assert {number: one.n_events for number, one in sources.items()} == by_source
    assert n_events == n_in_sessions == n_counted == opened.stats("events").get("n_events", 0)
    for number, loaded in _acknowledged(opened).items():
        assert sources[number].loaded == loaded, "an acknowledged load is lost"
        assert sources[number].state == "loaded"
    if opened.versions().get("profiles") and not opened.stale("profiles"):
        assert n_profiles == n_users
    found = (len(sources), n_events)
    assert found == before or (found[0] == before[0] + 1 and found[1] > before[1])
    return found


def _kill(workspace: Workspace, job: jobs.Job, when: Watch) -> jobs.Job:
    """Kill the job's processes when a moment has come; a job that ends first is left alone."""
    folder = workspace.folder / "jobs" / job.job_id
    group = int(json.loads((folder / "process.json").read_text("utf-8"))["group"])
    give_up = time.monotonic() + _LONGEST_SECONDS
    while not when(folder) and not (folder / "result.json").exists():
        assert time.monotonic() < give_up
        time.sleep(_LOOK_SECONDS)
    if not (folder / "result.json").exists():
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    job = _ended(workspace, job)
    # Killed, or done; a job that refused its work is neither.
    assert job.state == "done" or not (folder / "result.json").exists(), job.error
    return job


def _after(seconds: float) -> Watch:
    until = time.monotonic() + seconds
    return lambda _: time.monotonic() >= until


def kill_loads(
    folder: Path, *, n_random: int, seed: int, n_events: int = 5_000, every_step: bool = True
) -> Tally:
    """Kill loads of an ever new file, at each step and at random moments.

    Args:
        folder: For the files.
        n_random: How many kills at random moments.
        seed: Of the moments.
        n_events: Rows of a file.
        every_step: Whether also once at each step.
    """
    chance = random.Random(seed)
    workspace = create_workspace("killed-杀")
    # An undisturbed load: how long it takes, and what it says on its way.
    begun, said = time.monotonic(), dict[str, Any]()
    job = _start(workspace, _file(folder, 0, n_events))
    while jobs.get(workspace, job.job_id).active:
        said[_template(workspace.folder / "jobs" / job.job_id)] = None
        # It is written ten times a second at most.
        time.sleep(0.01)
    assert jobs.get(workspace, job.job_id).state == "done"
    usual = time.monotonic() - begun
    tally, state, path = Tally(), _check(workspace, (0, 0)), _file(folder, 1, n_events)
    names = [name for name, _ in _steps(workspace, [one for one in said if one])] if every_step else []
    # The import of the first third is dull; half of the random kills fall around the publications.
    moments = [
        usual * (chance.uniform(0.3, 1.0) if n % 2 else chance.gauss(0.75, 0.12)) for n in range(n_random)
    ]
    for n, moment in enumerate([*names, *moments], start=1):
        templates = [one for one in said if one]
        when = dict(_steps(workspace, templates))[moment] if isinstance(moment, str) else None
        job = _kill(workspace, _start(workspace, path), when or _after(float(moment)))
        assert job.state in ("failed", "done")
        tally.failed += job.state == "failed"
        tally.at[moment if isinstance(moment, str) else "random"] += job.state == "failed"
        found = _check(workspace, state)
        if found == state:
            tally.killed += 1
        else:
            tally.through += 1
            path.unlink()
            path = _file(folder, n + 1, n_events)
        state = found
    # After all that it still loads, and nothing of the dead is left behind.
    last = _ended(workspace, _start(workspace, path))
    assert last.state == "done", last.error
    _check(workspace, state)
    left = {one.name for one in (workspace.folder / "tables").iterdir()}
    manifest = workspace.manifest()
    assert left <= manifest.files() | set(manifest.previous)
    assert not workspace.state.rows("sources", {"state": "pending"})
    assert not workspace.stale("profiles")
    return tally
