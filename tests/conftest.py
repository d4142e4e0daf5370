"""A house of its own for a test that asks for one: where workspaces live, and the key."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from persmark.store import Workspace, create_workspace

# Quotes, spaces, a formula's sign, markup, other scripts and emoji.
HARD = '=O\'Neil "乳品" <b>; -- 😀'


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, its name with a space and a quote, and a key of the test's own."""
    folder = tmp_path / "data o'f 张"
    folder.mkdir()
    monkeypatch.setenv("PERSMARK_DATA", str(folder))
    monkeypatch.setenv("PERSMARK_KEY", "5a" * 32)
    return folder


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
