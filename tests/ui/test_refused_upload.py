"""An upload that is refused after its workspace was made leaves no workspace, and says why."""

from __future__ import annotations

import gzip
import random
import time
from pathlib import Path

import pytest

from persmark import actions, jobs
from persmark.store import Workspace, create_workspace, list_workspaces, workspace_exists
from tests.events.files import HEADER
from tests.opened import open_page, said
from tests.shop import ACTOR


def cut_gz(path: Path) -> Path:
    """A file whose beginning can be looked at and whose end is missing."""
    chance = random.Random(1)
    lines = (f"u{chance.random()},i{chance.random()},view,2026-01-01 00:00:00,1\n" for _ in range(60_000))
    path.write_bytes(gzip.compress((HEADER + "\n" + "".join(lines)).encode())[:-5_000])
    return path


def ended(workspace: Workspace, asked: actions.LoadFiles) -> jobs.Job:
    """The load, once it has ended."""
    job, give_up = actions.start(workspace, ACTOR, asked), time.monotonic() + 90
    while job.active and time.monotonic() < give_up:
        time.sleep(0.1)
        job = jobs.get(workspace, job.job_id)
    return job


@pytest.fixture
def refused(data_folder: Path, tmp_path: Path) -> Workspace:
    create_workspace("blank")
    made = actions.create_workspace_for_upload(ACTOR, "../../x '张'.csv.gz")
    asked = actions.LoadFiles(
        paths=(str(cut_gz(tmp_path / "cut.csv.gz")),), names=("../../x '张'.csv.gz",), new_workspace=True
    )
    assert ended(made, asked).state == "failed"
    return made


def test_its_workspace_goes_and_the_reason_is_read_on_the_page(refused: Workspace) -> None:
    at = open_page("events", refused.name)
    assert list_workspaces() == ["blank"]
    assert "Nothing of the file was loaded" in said(at)
    assert "must be readable to its end" in said(at)
    assert "does not exist here" not in said(at)
    at.button(key="refused_away").click().run()
    assert "Nothing of the file was loaded" not in said(at)


def test_a_workspace_that_was_there_before_stays(empty: Workspace, tmp_path: Path) -> None:
    asked = actions.LoadFiles(paths=(str(cut_gz(tmp_path / "cut.csv.gz")),))
    assert ended(empty, asked).state == "failed"
    assert actions.drop_refused_upload(ACTOR, empty) is None
    assert workspace_exists(empty.name)
