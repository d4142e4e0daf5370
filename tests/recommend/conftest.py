"""A real workspace, filled from plain rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from persmark.recommend import registry
from persmark.store import Workspace, create_workspace
from tests.recommend import fakes

Row = tuple[str, str | None, str, str]
Fill = Callable[[list[Row]], Workspace]


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    """Rows of (user, item, event type, UTC time) -> a workspace in New York that holds them."""

    def filled(rows: list[Row]) -> Workspace:
        workspace = create_workspace("shop", time_zone="America/New_York", root=tmp_path)
        table = pa.table(
            {
                "user_id": pa.array([row[0] for row in rows], pa.string()),
                "item_id": pa.array([row[1] for row in rows], pa.string()),
                "event_type": pa.array([row[2] for row in rows], pa.string()),
                "event_time": pa.array([datetime.fromisoformat(row[3]) for row in rows], pa.timestamp("us")),
            }
        )
        with workspace.write("events") as writer:
            writer.put("events", table)
        return workspace

    return filled


@pytest.fixture
def learner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `learner` and `constant` known."""
    monkeypatch.setattr(registry, "RECOMMENDERS", fakes.known())
