"""Trainings in real processes, however they end: a clear state, and what was published goes on serving."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from persmark import actions, jobs
from persmark.errors import BusyError
from persmark.jobs import Job
from persmark.recommend import load_run, published, runs, train_run, unfinished
from persmark.store import Workspace
from tests.recommend.conftest import Fill
from tests.recommend.test_search import HABITS

# The command line's own job, in a process that also knows the recommenders of `fakes`.
_JOB = """
import resource, sys
from tests.recommend import fakes
fakes.register()
from persmark.__main__ import main
room = {room}
if room:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
sys.exit(main(["job", sys.argv[1]]))
"""


@pytest.fixture
def serving(fill: Fill) -> Iterator[Workspace]:
    """A shop with a published run, which must still serve after the test."""
    workspace = fill(HABITS)
    before = train_run(workspace, "popular")
    yield workspace
    now = published(workspace)
    assert now is not None
    assert now.run_id == before.run_id
    assert load_run(workspace).name == "popular"


def begin(workspace: Workspace, request: Any, *, verb: str = "train", room: int = 0) -> Job:
    asked = {"actor": dataclasses.asdict(actions.Actor()), "request": dataclasses.asdict(request)}
    command = [sys.executable, "-c", _JOB.format(room=room)]
    return jobs.start(workspace, verb, asked, lane="train", command=command)


def until(workspace: Workspace, job: Job, wanted: Callable[[Job], object]) -> Job:
    give_up = time.monotonic() + 90
    while time.monotonic() < give_up:
        job = jobs.get(workspace, job.job_id)
        if wanted(job):
            return job
        time.sleep(0.05)
    raise AssertionError(f"never came: {job}")


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        ("memory", "The memory ran out. Learn from fewer days, or use a larger machine."),
        ("killed", "The work ended without a result. It was stopped from outside, or the memory ran out."),
    ],
)
def test_a_training_that_runs_out_of_memory_says_so(serving: Workspace, breaks: str, said: str) -> None:
    job = begin(serving, actions.Train("learner", {"breaks": breaks}))
    job = until(serving, job, lambda one: not one.active)
    assert (job.state, job.error) == ("failed", said)
    assert len(runs(serving)) == 1


def test_a_full_disk_is_named_and_leaves_no_half_run(serving: Workspace) -> None:
    job = begin(serving, actions.Train("markov"), room=1_500)
    job = until(serving, job, lambda one: not one.active)
    assert job.state == "failed"
    assert "must have room" in job.error
    assert len(runs(serving)) == 1


def test_a_curve_is_seen_live_a_second_is_refused_and_cancel_keeps_what_serves(serving: Workspace) -> None:
    slow = {"epochs": 500, "pause_seconds": 0.05}
    job = begin(serving, actions.Train("learner", slow))
    job = until(serving, job, lambda one: len(one.points) >= 3)
    assert job.points[0]["name"] == "learner"
    assert [point["epoch"] for point in job.points[:2]] == [1, 2]
    assert job.message.render().startswith("Measuring learner: Pass")
    with pytest.raises(BusyError):
        begin(serving, actions.Train("popular"))
    # Another reader of the same files, as after a refresh of the page or a restart of the server.
    assert len(jobs.get(Workspace(serving.folder), job.job_id).points) >= 3
    assert jobs.cancel(serving, job.job_id).state == "cancelled"
    assert len(runs(serving)) == 1


def test_a_killed_search_goes_on_where_it_was_and_its_children_end_with_it(serving: Workspace) -> None:
    settings = {"learner": {"epochs": 4_000, "pause_seconds": 0.05, "minutes": 9.0}}
    request = actions.FindBest(minutes=9, recommenders=("learner",), settings=settings)
    job = begin(serving, request, verb="find best")
    until(serving, job, lambda one: one.points)
    process = jobs._read(serving.folder / "jobs" / job.job_id / "process.json")
    assert process is not None
    group = int(process["group"])
    os.kill(group, signal.SIGKILL)  # `nice` became the job; its child is another process
    job = until(serving, job, lambda one: not one.active)
    assert (job.state, unfinished(serving)) == ("failed", ["popular", "repeat"])
    until(serving, job, lambda _: not _group_alive(group))
    assert jobs.asked_of(serving, job.job_id)["minutes"] == 9


def _group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
