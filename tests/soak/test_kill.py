"""Two hundred kills over the whole way, and one at each step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.kills import kill_loads


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_hundred_kills_leave_the_old_version_or_the_new_one(data_folder: Path, tmp_path: Path) -> None:
    tally = kill_loads(tmp_path, n_random=200, seed=11)
    print(tally)
    assert tally.failed > 100, tally
    assert sum(n for step, n in tally.at.items() if step != "random") > 6, tally
