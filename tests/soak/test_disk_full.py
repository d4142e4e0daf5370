"""A disk that fills up during a load: said clearly, nothing lost, readers go on.

Needs a small file system of its own; skipped where this process may not mount one.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from persmark.errors import DiskFullError
from persmark.events import ledger, load
from persmark.store import create_workspace
from tests.events.files import csv_of

pytestmark = pytest.mark.soak

MEGABYTE = 1 << 20
SIZE = 48 * MEGABYTE
# Room that is left when the second load begins: the smallest are refused before anything is read.
LEVELS = [0, 65_536, *(int(MEGABYTE * n) for n in (1, 2.5, 4, 6, 8, 10, 12, 14))]
SECONDS = 5.0


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600,000 rows whose ids and orders do not compress well."""
    import hashlib

    path = tmp_path_factory.mktemp("big") / "big.csv"
    with path.open("w") as out:
        out.write("user_id,item_id,event_type,event_time,value,order_id\n")
        for number in range(600_000):
            key = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()
            out.write(f"u{number % 50_000},{key[:8]},view,2026-01-{1 + number % 28:02d} 10:00:00,1.5,{key}\n")
    return path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def files_of(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.name.endswith(("-wal", "-shm", ".lock"))
        and path.name != "state.sqlite"
    }


@pytest.mark.parametrize("room", LEVELS)
def test_a_load_meets_the_end_of_the_disk(
    disk: Path, big: Path, tmp_path: Path, room: int, monkeypatch
) -> None:
    monkeypatch.setenv("PERSMARK_MEMORY", "300MB")
    first = tmp_path / "first.csv"
    first.write_text(csv_of(["u1,a,view,2026-01-01 10:00:00,2", "u2,b,view,2026-01-02 10:00:00,3"]))
    workspace = create_workspace("w", root=disk)
    load(workspace, first)
    before, version, stood = ledger(workspace), workspace.manifest(), files_of(workspace.folder)
    filling = disk / "filling"
    with filling.open("wb") as out:
        left = SIZE - sum(path.stat().st_blocks * 512 for path in disk.rglob("*") if path.is_file())
        for _ in range((left - room) // 4096):
            try:
                out.write(bytes(4096))
                out.flush()
            except OSError:
                break
    answers: list[float] = []
    stop = threading.Event()

    def read_on() -> None:
        with workspace.reader() as reader:
            while not stop.is_set():
                assert reader.value("SELECT count(*) FROM events") == 2
                answers.append(time.monotonic())

    told: list[float] = []
    thread = threading.Thread(target=read_on)
    thread.start()
    try:
        with pytest.raises(DiskFullError, match=r"must have room.* Received: .* MB free") as refusal:
            load(workspace, big, on_progress=lambda fraction, message: told.append(time.monotonic()))
    finally:
        ended = time.monotonic()
        stop.set()
        thread.join()
    assert refusal.value.title == "The disk is full"
    assert ended - max(told, default=ended) < SECONDS
    assert len(answers) > 1
    assert workspace.manifest() == version
    assert ledger(workspace) == before
    assert files_of(workspace.folder) == stood
    filling.unlink()
    source = load(workspace, big)
    assert source.loaded == 600_000
    assert workspace.stats("events")["n_events"] == 600_002
