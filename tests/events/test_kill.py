"""A load with profiles that is killed at any moment leaves the old version or the new one."""

from __future__ import annotations

from pathlib import Path

from tests.soak.kills import kill_loads


def test_a_few_kills_leave_the_old_version_or_the_new_one(data_folder: Path, tmp_path: Path) -> None:
    kill_loads(tmp_path, n_random=4, seed=3, every_step=False)
