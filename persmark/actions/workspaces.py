"""Workspaces as people come by them: the sample, the demo, and one for an upload."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from persmark import jobs
from persmark.errors import BusyError
from persmark.store import Workspace, create_workspace, delete_workspace, workspace_exists
from persmark.store import workspace_name as named

if TYPE_CHECKING:
    pass

from persmark.actions.actor import Actor
from persmark.actions.requests import LoadDemo, LoadFiles, LoadSample, UndoLoad
from persmark.actions.verbs import start, verb_of

SAMPLE, DEMO = "sample", "demo"


def _busy(workspace: Workspace, verb: str) -> bool:
    job = jobs.latest(workspace, verb)
    return job is not None and job.active


def sample_workspace() -> Workspace:
    """The workspace of the built-in sample, made where it is missing; nothing is loaded."""
    from persmark.events.sample import TIME_ZONE

    return create_workspace(SAMPLE, label="The Complete Journey (sample)", kind="sample", time_zone=TIME_ZONE)


def demo_workspace() -> Workspace:
    """The workspace of the synthetic demo, made where it is missing; nothing is loaded."""
    return create_workspace(DEMO, label="Demo (synthetic)", kind="demo", time_zone="Europe/Berlin")


def ensure_sample(actor: Actor) -> Workspace:
    """The sample's workspace, being loaded in the background unless it stands already."""
    workspace = sample_workspace()
    if not workspace.stats("events").get("n_events") and not _busy(workspace, "sample"):
        # Two first visitors may come at once: the one who is late finds the work begun.
        with suppress(BusyError):
            start(workspace, actor, LoadSample())
    return workspace


def ensure_demo(actor: Actor, *, n_users: int = 2000, seed: int = 7) -> Workspace:
    """The demo's workspace, being made in the background unless it stands already."""
    workspace = demo_workspace()
    if not workspace.stats("events").get("n_events") and not _busy(workspace, "simulate"):
        with suppress(BusyError):
            start(workspace, actor, LoadDemo(n_users=n_users, seed=seed))
    return workspace


def workspace_for_upload(file_name: str) -> str:
    """A free workspace name made from a file's name."""
    stem = file_name
    for ending in (".gz", ".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson", ".json"):
        stem = stem[: -len(ending)] if stem.lower().endswith(ending) else stem
    base = named(Path(stem).name)
    name, n = base, 2
    while name in (SAMPLE, DEMO) or workspace_exists(name):
        name, n = f"{base}-{n}", n + 1
    return name


def create_workspace_for_upload(actor: Actor, file_name: str, *, time_zone: str = "UTC") -> Workspace:
    """A new workspace named after a file.

    Raises:
        NotAllowedError: The actor is no owner.
        InputError: The time zone is unknown.
    """
    verb_of(LoadFiles(paths=()), actor)
    return create_workspace(workspace_for_upload(file_name), label=Path(file_name).name, time_zone=time_zone)


def drop_refused_upload(actor: Actor, workspace: Workspace) -> jobs.Job | None:
    """Delete a workspace that was made for an upload of which nothing was loaded.

    Returns:
        The load that failed or was cancelled; None where the workspace stays.
    """
    known = workspace.state.count("sources") - workspace.state.count("sources", {"state": "pending"})
    if workspace.kind != "own" or workspace.versions() or known:
        return None
    job = jobs.latest(workspace)
    if job is None or job.active or job.state == "done":
        return None
    asked = jobs.request(workspace.folder / "jobs" / job.job_id)
    if not asked.get("request", {}).get("new_workspace"):
        return None
    remove_workspace(actor, workspace.name)
    return job


def remove_workspace(actor: Actor, name: str) -> None:
    """Delete a workspace with all it holds.

    Raises:
        NotAllowedError: The actor is no owner.
        NotFoundError: There is none of that name.
    """
    verb_of(UndoLoad(0), actor)
    delete_workspace(name)
