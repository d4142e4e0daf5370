"""Detached work with real processes: what becomes of it, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from persmark import jobs
from persmark.errors import BusyError, NotFoundError
from persmark.jobs import Job
from persmark.store import Workspace, open_workspace
from persmark.text import text
from tests.conftest import HARD

ROOT = Path(__file__).parents[1]


def python(source: str) -> list[str]:
    """A command that runs `source` with the job's folder as `folder`."""
    head = "import sys, time\nfrom pathlib import Path\nfolder = Path(sys.argv[1])\n"
    return [sys.executable, "-c", head + source]


DONE = python("from persmark import jobs\njobs.finish(folder, result=jobs.request(folder))")
FAILED = python("from persmark import jobs\njobs.finish(folder, error='No such file.')")
SILENT = python("sys.stderr.write('first\\nlast words\\n'); sys.exit(3)")
SLEEPS = python("time.sleep(600)")
STUBBORN = python("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                  "(folder / 'ready').touch()\ntime.sleep(600)")  # fmt: skip
HALF_WAY = python(
    "from persmark import jobs\nfrom persmark.text import text\n"
    "jobs.progress_writer(folder)(0.5, text('Reading {name}', name='a {b}'))\ntime.sleep(600)"
)


def until(workspace: Workspace, job: Job, wanted: Callable[[Job], bool]) -> Job:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        job = jobs.get(workspace, job.job_id)
        if wanted(job):
            return job
        time.sleep(0.05)
    raise AssertionError(f"never came: {job}")


def ended(workspace: Workspace, job: Job) -> Job:
    return until(workspace, job, lambda one: not one.active)


def process_group(workspace: Workspace, job: Job) -> int:
    found = jobs._read(workspace.folder / "jobs" / job.job_id / "process.json")
    assert found is not None
    return int(found["group"])


def test_work_that_ends_well_is_done_with_its_result(empty: Workspace) -> None:
    job = ended(empty, jobs.start(empty, "load", {"name": HARD}, lane="write", command=DONE))
    assert (job.state, job.fraction, job.error, job.active) == ("done", 1.0, "", False)
    assert job.result is not None
    assert job.result["name"] == HARD
    assert (job.verb, job.lane, job.result["workspace"]) == ("load", "write", empty.name)
    assert job.elapsed_seconds >= 0
    assert job.remaining_seconds is None


def test_work_that_is_refused_failed_with_one_line(empty: Workspace) -> None:
    job = ended(empty, jobs.start(empty, "load", {}, lane="write", command=FAILED))
    assert (job.state, job.error, job.result) == ("failed", "No such file.", None)


def test_work_that_ends_without_a_result_failed_with_its_last_words(empty: Workspace) -> None:
    job = ended(empty, jobs.start(empty, "load", {}, lane="write", command=SILENT))
    assert (job.state, job.error) == ("failed", "The work ended without a result. last words")


def test_progress_is_seen_with_an_estimate(empty: Workspace) -> None:
    job = jobs.start(empty, "load", {}, lane="write", command=HALF_WAY)
    assert job.state in ("starting", "running")
    job = until(empty, job, lambda one: one.state == "running")
    assert (job.fraction, job.message.render()) == (0.5, "Reading a {b}")
    assert job.remaining_seconds == pytest.approx(job.elapsed_seconds)
    assert jobs.cancel(empty, job.job_id).state == "cancelled"


def test_a_cancelled_job_is_gone_and_its_lane_free(empty: Workspace) -> None:
    job = jobs.start(empty, "train", {}, lane="train", command=SLEEPS)
    group = process_group(empty, job)
    cancelled = jobs.cancel(empty, job.job_id)
    assert (cancelled.state, cancelled.error, cancelled.active) == ("cancelled", "", False)
    again = jobs.start(empty, "train", {}, lane="train", command=DONE)
    assert ended(empty, again).state == "done"
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
    assert jobs.cancel(empty, again.job_id).state == "done"


def test_a_process_that_ignores_the_request_to_end_is_killed(empty: Workspace) -> None:
    job = jobs.start(empty, "train", {}, lane="train", command=STUBBORN)
    until(empty, job, lambda one: (empty.folder / "jobs" / one.job_id / "ready").exists())
    assert jobs.cancel(empty, job.job_id).state == "cancelled"


def test_kill_9_of_the_child_is_a_failure_not_an_endless_run(empty: Workspace) -> None:
    job = jobs.start(empty, "train", {}, lane="train", command=HALF_WAY)
    until(empty, job, lambda one: one.state == "running")
    os.killpg(process_group(empty, job), signal.SIGKILL)
    job = ended(empty, job)
    assert (job.state, job.error) == (
        "failed",
        "The work ended without a result. It was stopped from outside, or the memory ran out.",
    )


def test_a_second_job_of_a_lane_is_refused_one_of_another_is_not(empty: Workspace) -> None:
    first = jobs.start(empty, "load", {}, lane="write", command=SLEEPS)
    with pytest.raises(
        BusyError, match=r"^Only one 'write' job can run at a time\. Received: a second one\. Wait for it"
    ):
        jobs.start(empty, "load", {}, lane="write", command=SLEEPS)
    other = jobs.start(empty, "train", {}, lane="train", command=SLEEPS)
    for job in (first, other):
        assert jobs.cancel(empty, job.job_id).state == "cancelled"


def _try(_: int, folder: str, name: str) -> str:
    try:
        return jobs.start(
            open_workspace(name, root=Path(folder)), "load", {}, lane="write", command=SLEEPS
        ).job_id
    except BusyError:
        return ""


def test_of_threads_that_start_together_exactly_one_wins(empty: Workspace) -> None:
    with ThreadPoolExecutor(6) as pool:
        won = [
            one for one in pool.map(lambda n: _try(n, str(empty.folder.parent), empty.name), range(6)) if one
        ]
    assert len(won) == 1
    assert [job.job_id for job in jobs.recent(empty)] == won
    jobs.cancel(empty, won[0])


def test_of_processes_that_start_together_exactly_one_wins(empty: Workspace) -> None:
    asked = [(n, str(empty.folder.parent), empty.name) for n in range(4)]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        won = [one for one in pool.starmap(_try, asked, chunksize=1) if one]
    assert len(won) == 1
    # The one that started it is gone; the work is not.
    assert jobs.get(empty, won[0]).active
    assert jobs.cancel(empty, won[0]).state == "cancelled"


STARTER = """
import os, signal, sys
from pathlib import Path
from persmark import jobs
from persmark.store import open_workspace
work = "import sys, time; from pathlib import Path; from persmark import jobs; f = Path(sys.argv[1])\\n" \\
    "while not (f / 'go').exists(): time.sleep(0.02)\\njobs.finish(f, result={'n': 1})"
job = jobs.start(open_workspace(sys.argv[1], root=Path(sys.argv[2])), "train", {}, lane="train",
                 command=[sys.executable, "-c", work])
print(job.job_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_work_survives_the_death_of_who_started_it(empty: Workspace) -> None:
    starter = subprocess.run(
        [sys.executable, "-c", STARTER, empty.name, str(empty.folder.parent)],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert starter.returncode == -signal.SIGKILL, starter.stderr
    job = jobs.get(empty, starter.stdout.strip())
    assert job.active
    (empty.folder / "jobs" / job.job_id / "go").touch()
    assert ended(empty, job).result == {"n": 1}


def test_the_newest_is_the_one_started_last(empty: Workspace) -> None:
    started = []
    for n in range(6):
        job = jobs.start(empty, "odd" if n % 2 else "even", {}, lane=f"lane {n}", command=["true"])
        started.append(job.job_id)
    assert [job.job_id for job in jobs.recent(empty)] == started[::-1]
    assert [job.job_id for job in jobs.recent(empty, limit=2)] == [started[5], started[4]]
    latest = jobs.latest(empty, "even")
    assert latest is not None
    assert latest.job_id == started[4]
    assert jobs.latest(empty, "never") is None


def test_old_jobs_are_forgotten_but_none_that_runs(empty: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_KEEP", 2)
    runs = jobs.start(empty, "train", {}, lane="train", command=SLEEPS)
    for n in range(4):
        ended(empty, jobs.start(empty, "load", {"n": n}, lane="write", command=["true"]))
    kept = [job.job_id for job in jobs.recent(empty)]
    assert len(kept) == 3
    assert runs.job_id in kept
    jobs.cancel(empty, runs.job_id)


@pytest.mark.parametrize("job_id", ["", "../x", "20260101000000000000-00000000"])
def test_an_unknown_job_is_refused(empty: Workspace, job_id: str) -> None:
    with pytest.raises(NotFoundError, match=rf"^Job '{job_id}' must exist\. Received: {job_id}\.$"):
        jobs.get(empty, job_id)


def test_without_jobs_there_is_nothing(empty: Workspace) -> None:
    assert (jobs.recent(empty), jobs.latest(empty)) == ([], None)


def test_progress_is_kept_within_bounds_and_nested_texts_read(tmp_path: Path) -> None:
    report = jobs.progress_writer(tmp_path)
    report(7.0, text("{what}", what=text("{n} rows", n=3)))
    kept = jobs._read(tmp_path / "progress.json")
    assert kept is not None
    assert (kept["fraction"], kept["values"]) == (1.0, {"what": "3 rows"})


def test_points_of_a_curve_travel_with_the_progress_and_stay_few(tmp_path: Path) -> None:
    report = jobs.progress_writer(tmp_path)
    for epoch in range(2_000):
        jobs.points_of(report)("o'Neil", {"epoch": epoch, "loss": 1 / (1 + epoch)})
    report(1.0, text("Done"))
    kept = jobs._read(tmp_path / "progress.json")
    assert kept is not None
    epochs = [point["epoch"] for point in kept["points"]]
    assert len(epochs) <= 400
    assert epochs == sorted(epochs)
    assert (epochs[0], epochs[-1], kept["points"][0]["name"]) == (0, 1999, "o'Neil")
    # What nobody watches goes nowhere.
    jobs.points_of(jobs.unwatched)("a", {"epoch": 1.0})
