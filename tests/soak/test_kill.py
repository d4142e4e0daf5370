"""A hundred kills."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.kills import kill_loads


@pytest.mark.soak
def test_a_hundred_kills_leave_the_old_version_or_the_new_one(data_folder: Path, tmp_path: Path) -> None:
    through, killed = kill_loads(tmp_path, n_kills=100, seed=11)
    assert killed > 20, (through, killed)
