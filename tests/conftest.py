"""A house of its own for a test that asks for one: where workspaces live, and the key."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

# As many workers as cores run the tests: threads of their own would only wait for one another. Set before
# anything that counts with them is imported, and handed on to the processes that tests start.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
# Tests start hundreds of processes of the house: compiled once, it is read by all of them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

from persmark.store import Workspace, create_workspace, open_workspace  # noqa: E402

# With room to spare temporary files stay in memory: tests wait for the disk a third of their time.
IN_MEMORY = Path("/dev/shm")
ROOM_BYTES = 6 << 30


def _ours(process: int) -> Path:
    return IN_MEMORY / f"persmark-tests-{process}"


def pytest_configure(config: pytest.Config) -> None:
    # Workers of a parallel run are given a folder by the process that started them.
    if config.option.basetemp or hasattr(config, "workerinput") or not IN_MEMORY.is_dir():
        return
    for left in IN_MEMORY.glob("persmark-tests-*"):
        # Of a run that was killed.
        if not Path(f"/proc/{left.name.rsplit('-', 1)[1]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    if shutil.disk_usage(IN_MEMORY).free >= ROOM_BYTES:
        config.option.basetemp = str(_ours(os.getpid()))


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.option.basetemp == str(_ours(os.getpid())):
        shutil.rmtree(_ours(os.getpid()), ignore_errors=True)


# Quotes, spaces, a formula's sign, markup, other scripts and emoji.
HARD = '=O\'Neil "乳品" <b>; -- 😀'


@contextmanager
def house(root: Path) -> Iterator[Path]:
    """An empty data folder below `root`, its name with a space and a quote, and a key of the tests' own."""
    folder = root / "data o'f 张"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSMARK_DATA", str(folder))
        patch.setenv("PERSMARK_KEY", "5a" * 32)
        yield folder


def copied(made: Workspace, root: Path) -> Workspace:
    """A workspace's folder once more, to be written to: a copy takes a hundredth of the time of a load."""
    shutil.copytree(made.folder, root / made.name)
    return open_workspace(made.name, root=root)


@pytest.fixture
def data_folder(tmp_path: Path) -> Iterator[Path]:
    """The data folder that is in force during the test."""
    with house(tmp_path) as folder:
        yield folder


@pytest.fixture
def empty(data_folder: Path) -> Workspace:
    """A workspace that nothing was loaded into, in UTC, with a name in two scripts."""
    return create_workspace("shop-商店")


@pytest.fixture(autouse=True)
def own_main_module() -> Iterator[None]:
    """Streamlit's AppTest leaves its page as `__main__`; a process spawned later would run that page."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture(autouse=True, scope="session")
def packages_are_looked_through_once() -> Iterator[None]:
    """Streamlit looks through all installed packages for each page tried; here they stay the same."""
    from streamlit.components.v2 import manifest_scanner

    patch = pytest.MonkeyPatch()
    patch.setattr(
        manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)
    )
    yield
    patch.undo()
