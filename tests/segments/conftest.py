from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from persmark.profiles import build_profiles
from persmark.store import Reader, Workspace
from tests.conftest import copied
from tests.profiles.made import event, workspace

ODD = 'o\'Neil "张" 😀%'


def _shop(root: Path) -> Workspace:
    """As of 2026-03-31: three buyers, the odd one lately; `w` only looks."""
    made = workspace(
        root,
        [
            event(ODD, "purchase", "2026-03-30T00:00:00", "milk", value=10, channel="web"),
            event(ODD, "view", "2026-03-29T00:00:00", "milk", channel="web"),
            event(ODD, "view", "2026-03-01T00:00:00", "loaf", channel="web"),
            event("b", "purchase", "2026-01-10T00:00:00", "milk", value=20.5, channel="app"),
            event("b", "view", "2026-01-09T00:00:00", "loaf", channel="app"),
            event("c", "purchase", "2026-03-01T00:00:00", "loaf", value=5),
            event("c", "purchase", "2026-03-02T00:00:00", "loaf", value=5),
            event("c", "campaign_received", "2026-03-15T00:00:00"),
            event("w", "view", "2026-03-31T00:00:00", "milk", channel="web"),
            event("later", "view", "2026-04-02T00:00:00", "milk"),
        ],
        items=[
            {"item_id": "milk", "category": "dairy", "brand": ODD},
            {"item_id": "loaf", "category": "bread", "brand": "B"},
        ],
        users=[{"user_id": "b", "attributes": json.dumps({"tier": ODD})}],
    )
    build_profiles(made, as_of=datetime(2026, 3, 31), actor="test")
    return made


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return _shop(tmp_path_factory.mktemp("segments"))


@pytest.fixture
def shop(made_once: Workspace, tmp_path: Path) -> Workspace:
    """A shop of the test's own, to write to."""
    return copied(made_once, tmp_path)


@pytest.fixture(scope="session")
def reader(made_once: Workspace) -> Iterator[Reader]:
    """The same shop, only read, shared by all tests."""
    with made_once.reader() as opened:
        yield opened
