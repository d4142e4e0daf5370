"""Long work outside the page: started detached, watched by files, cancelled, outliving the server.

A job is a folder in the workspace: the request, the progress, the result, the log. Whether it is
alive is told by a lock that the child inherits and the kernel frees however the child ends, so no
process number has to be trusted.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from persmark.errors import BusyError, DiskFullError, NotFoundError
from persmark.store import Workspace, room_on_disk
from persmark.text import Text, text

OnProgress = Callable[[float, Text], None]


def unwatched(fraction: float, message: Text) -> None:
    """Progress that nobody watches."""


OnNamedPoint = Callable[[str, Mapping[str, float]], None]


def points_of(on_progress: OnProgress) -> OnNamedPoint:
    """Where points of learning curves go that are found on the way: into a job's progress, else nowhere."""
    return on_progress.point if isinstance(on_progress, ProgressFile) else _unwatched_point


def _unwatched_point(_name: str, _point: Mapping[str, float]) -> None:
    return None


_START_WAIT_SECONDS = 3.0
_KILL_AFTER_SECONDS = 2.0
_KEEP = 50
# Of learning curves in a job's progress; beyond, older ones are thinned.
_MOST_POINTS = 400
# Room for a job's result, set aside when it starts.
_ASIDE = "aside"
_ASIDE_BYTES = 16_384
_ID = re.compile(r"[0-9]{20}-[0-9a-f]{8}")


@dataclass(frozen=True)
class Job:
    """What is known of one piece of long work.

    Attributes:
        job_id: Sortable by start.
        verb: What is being done (`train`, `load`, ...).
        lane: Only one job of a lane runs at a time in a workspace.
        state: starting, running, done, failed or cancelled.
        fraction: 0 to 1.
        message: What is happening, for people.
        started_at: UTC.
        elapsed_seconds: So far, or in all.
        remaining_seconds: Estimate from the fraction; None while too early to tell.
        result: What the work returned, once done.
        error: One clear line, once failed.
        published: Whether tables of the workspace were published since it started.
        points: Of learning curves so far, oldest first: `name` and what was measured.
    """

    job_id: str
    verb: str
    lane: str
    state: str
    fraction: float
    message: Text
    started_at: datetime
    elapsed_seconds: float
    remaining_seconds: float | None
    result: dict[str, Any] | None
    error: str
    published: bool
    points: tuple[Mapping[str, Any], ...] = ()

    @property
    def active(self) -> bool:
        """Whether it is still going on."""
        return self.state in ("starting", "running")


def _folder(workspace: Workspace) -> Path:
    return workspace.folder / "jobs"


def _write(path: Path, content: Mapping[str, object]) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        part.write_text(json.dumps(content, ensure_ascii=False, default=str), "utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return loaded


def _lock(path: Path, *, wait_seconds: float) -> int | None:
    """A held lock's handle, or None where somebody else holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    give_up = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                os.close(handle)
                return None
            time.sleep(0.05)
        else:
            return handle


def _alive(folder: Path) -> bool:
    handle = _lock(folder / "alive.lock", wait_seconds=0)
    if handle is None:
        return True
    os.close(handle)
    return False


class ProgressFile:
    """What a job's process reports through; at most ten writes a second reach the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = 0.0
        self._at = (0.0, text("Starting"))
        self._points: list[dict[str, Any]] = []

    def __call__(self, fraction: float, message: Text) -> None:
        """How far the work is, and what it does."""
        self._at = (fraction, message)
        self._write(at_once=fraction >= 1)

    def point(self, name: str, point: Mapping[str, float]) -> None:
        """One more point of a learning curve."""
        self._points.append({"name": name, **point})
        if len(self._points) > _MOST_POINTS:
            half = len(self._points) // 2
            self._points = self._points[:half:2] + self._points[half:]
        self._write(at_once=False)

    def _write(self, *, at_once: bool) -> None:
        moment = time.monotonic()
        if not at_once and moment - self._last < 0.1:
            return
        self._last = moment
        fraction, message = self._at
        values = {
            name: str(value) if isinstance(value, Text) else value for name, value in message.values.items()
        }
        # No room to say how far the work is must not end it.
        with suppress(DiskFullError), room_on_disk(self._folder):
            _write(
                self._folder / "progress.json",
                {
                    "fraction": min(max(fraction, 0.0), 1.0),
                    "template": message.template,
                    "values": values,
                    "at": time.time(),
                    "points": self._points,
                },
            )


def progress_writer(folder: Path) -> ProgressFile:
    """What the process of the job in `folder` reports through."""
    return ProgressFile(folder)


def finish(folder: Path, *, result: Mapping[str, object] | None = None, error: str = "") -> None:
    """Called once by the job's process: what came of it.

    Where the disk is full it is written over what `start` set aside, which needs no room.
    """
    ended = {"result": result, "error": error, "at": time.time()}
    try:
        with room_on_disk(folder):
            _write(folder / "result.json", ended)
        (folder / _ASIDE).unlink(missing_ok=True)
    except DiskFullError:
        aside = folder / _ASIDE
        content = json.dumps({**ended, "error": error[: _ASIDE_BYTES // 8]}, default=str).encode()
        if len(content) > _ASIDE_BYTES:
            content = json.dumps({**ended, "result": None}, default=str).encode()
        with aside.open("r+b") as out:
            out.write(content.ljust(_ASIDE_BYTES))
        aside.replace(folder / "result.json")


def request(folder: Path) -> dict[str, Any]:
    """What the job in `folder` was asked to do."""
    asked = _read(folder / "request.json")
    if asked is None:
        raise NotFoundError(
            text("A job's folder must hold a request. Received: {folder}.", folder=folder.name)
        )
    return asked


def asked_of(workspace: Workspace, job_id: str) -> dict[str, Any]:
    """What a job was asked to do, to ask for it again.

    Raises:
        NotFoundError: There is none of that id.
    """
    get(workspace, job_id)
    return dict(request(_folder(workspace) / job_id).get("request", {}))


def start(
    workspace: Workspace,
    verb: str,
    asked: Mapping[str, object],
    *,
    lane: str,
    command: list[str] | None = None,
) -> Job:
    """Start detached work.

    Args:
        workspace: Where it belongs.
        verb: What it is, for people and for `latest`.
        asked: JSON that the process finds through `request`.
        lane: Only one job of a lane at a time.
        command: Program and arguments; the job's folder is appended. By default this Python
            running `-m persmark job`.

    Raises:
        BusyError: One of the same lane is running.
        DiskFullError: There is no room even for a job's folder.
    """
    with room_on_disk(workspace.folder):
        return _start(workspace, verb, asked, lane=lane, command=command)


def _start(
    workspace: Workspace, verb: str, asked: Mapping[str, object], *, lane: str, command: list[str] | None
) -> Job:
    parent = _folder(workspace)
    parent.mkdir(exist_ok=True)
    # A job that has just written its result still holds its lane for a moment.
    lane_handle = _lock(parent / f"{lane}.lock", wait_seconds=_START_WAIT_SECONDS)
    if lane_handle is None:
        raise BusyError(
            text("Only one '{lane}' job can run at a time. Received: a second one.", lane=lane),
            title="Already running",
            hint="Wait for it to end, or cancel it.",
        )
    job_id = f"{datetime.now(UTC):%Y%m%d%H%M%S%f}-{uuid.uuid4().hex[:8]}"
    folder = parent / job_id
    folder.mkdir()
    alive_handle = _lock(folder / "alive.lock", wait_seconds=0)
    assert alive_handle is not None
    try:
        (folder / _ASIDE).write_bytes(b" " * _ASIDE_BYTES)
        _write(
            folder / "request.json",
            {
                **asked,
                "verb": verb,
                "lane": lane,
                "workspace": workspace.name,
                "version": workspace.manifest().version,
                "started_at": time.time(),
            },
        )
        program = command or [sys.executable, "-m", "persmark", "job"]
        with (folder / "log").open("wb") as log:
            child = subprocess.Popen(
                ["nice", "-n", "10", *program, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lane_handle, alive_handle),
                env={**os.environ, "PERSMARK_DATA": str(workspace.folder.parent)},
                cwd=Path(__file__).resolve().parents[1],
            )
        _write(folder / "process.json", {"group": child.pid})
        _REAPED.append(child)
    finally:
        os.close(lane_handle)
        os.close(alive_handle)
    _forget_old(parent)
    return get(workspace, job_id)


# Children are polled when the next state is read, so that none is left a zombie of the server.
_REAPED: list[subprocess.Popen[bytes]] = []


def _forget_old(parent: Path) -> None:
    finished = sorted((path for path in parent.iterdir() if _ID.fullmatch(path.name)), reverse=True)[_KEEP:]
    for folder in finished:
        if not _alive(folder):
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()


def _failure(folder: Path) -> str:
    """The last thing a process said that ended without a result."""
    lines = (
        (folder / "log").read_text("utf-8", "replace").strip().splitlines()
        if (folder / "log").exists()
        else []
    )
    last = lines[-1].strip() if lines else "It was stopped from outside, or the memory ran out."
    return f"The work ended without a result. {last}"[:500].strip()


def get(workspace: Workspace, job_id: str) -> Job:
    """One job's state.

    Raises:
        NotFoundError: There is none of that id.
    """
    folder = _folder(workspace) / job_id
    if not _ID.fullmatch(job_id) or not folder.is_dir():
        raise NotFoundError(text("Job '{id}' must exist. Received: {id}.", id=job_id))
    _REAPED[:] = [child for child in _REAPED if child.poll() is None]
    # Liveness first: what is read after it can only be newer.
    alive = _alive(folder)
    asked = request(folder)
    progress = _read(folder / "progress.json") or {}
    ended = _read(folder / "result.json")
    started = float(asked["started_at"])
    fraction = float(progress.get("fraction", 0.0))
    error = ""
    if ended is not None:
        error = str(ended["error"])
        state, until = ("failed" if error else "done"), float(ended["at"])
        fraction = fraction if error else 1.0
    elif (folder / "cancelled").exists():
        state, until = "cancelled", (folder / "cancelled").stat().st_mtime
    elif alive:
        state, until = ("running" if progress else "starting"), time.time()
    else:
        state, until, error = "failed", float(progress.get("at", started)), _failure(folder)
    elapsed = max(until - started, 0.0)
    early = state != "running" or fraction < 0.03
    return Job(
        job_id=job_id,
        verb=str(asked["verb"]),
        lane=str(asked["lane"]),
        state=state,
        fraction=fraction,
        message=Text(progress.get("template", "Starting"), progress.get("values", {})),
        started_at=datetime.fromtimestamp(started, UTC),
        elapsed_seconds=elapsed,
        remaining_seconds=None if early else elapsed * (1 - fraction) / fraction,
        result=ended["result"] if ended else None,
        error=error,
        published=workspace.manifest().version > int(asked["version"]),
        points=tuple(progress.get("points", ())),
    )


def recent(workspace: Workspace, *, verb: str | None = None, limit: int = 20) -> list[Job]:
    """The newest jobs first, of one verb or of all."""
    parent = _folder(workspace)
    if not parent.is_dir():
        return []
    found: list[Job] = []
    for folder in sorted((p for p in parent.iterdir() if _ID.fullmatch(p.name)), reverse=True):
        if not (folder / "request.json").exists():
            continue
        job = get(workspace, folder.name)
        if verb is None or job.verb == verb:
            found.append(job)
        if len(found) == limit:
            break
    return found


def latest(workspace: Workspace, verb: str | None = None) -> Job | None:
    """The newest job, of one verb or of all; None where there was none."""
    found = recent(workspace, verb=verb, limit=1)
    return found[0] if found else None


def cancel(workspace: Workspace, job_id: str) -> Job:
    """End a job's processes; work that ended before is left as it is."""
    folder = _folder(workspace) / job_id
    job = get(workspace, job_id)
    process = _read(folder / "process.json")
    if not job.active or process is None:
        return job
    (folder / "cancelled").touch()
    give_up = time.monotonic() + _KILL_AFTER_SECONDS
    sign = signal.SIGTERM
    while _alive(folder):
        try:
            os.killpg(int(process["group"]), sign)
        except ProcessLookupError:
            break
        time.sleep(0.05)
        if time.monotonic() > give_up:
            sign = signal.SIGKILL
    return get(workspace, job_id)
