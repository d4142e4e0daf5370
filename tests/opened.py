"""Pages opened without a browser, and what stands on them."""

from __future__ import annotations

import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from persmark import jobs
from persmark.store import Workspace
from persmark.ui.pages import page_path

SHELL = str(Path(__file__).parents[1] / "persmark" / "ui" / "shell.py")
_LONGEST_SECONDS = 90


def open_page(page: str, workspace: str, **query: str) -> AppTest:
    """A page of a workspace, run once."""
    at = AppTest.from_file(SHELL, default_timeout=60)
    for name, value in {"workspace": workspace, **query}.items():
        at.query_params[name] = value
    if page != "events":
        at.switch_page(page_path(page))
    return at.run()


def said(at: AppTest) -> str:
    """All of our own HTML on the page."""
    return "\n".join(one.proto.body for one in at.get("html"))


def whole(at: AppTest) -> None:
    """Nothing failed and nothing was refused."""
    assert not at.exception
    assert 'role="alert"' not in said(at), said(at)
    assert not at.error


def keys(at: AppTest, kind: str) -> set[str]:
    """Keys of the widgets of a kind."""
    return {one.key for one in at.get(kind) if one.key}


def finished(workspace: Workspace, verb: str) -> jobs.Job:
    """The latest job of a verb, once it has ended."""
    give_up = time.monotonic() + _LONGEST_SECONDS
    while (job := jobs.latest(workspace, verb)) and job.active and time.monotonic() < give_up:
        time.sleep(0.2)
    assert job is not None
    assert job.state == "done", job.error
    return job
