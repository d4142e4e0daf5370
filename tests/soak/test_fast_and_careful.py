"""Hundreds of clean files, each read both ways: `pytest -m soak tests/soak/test_fast_and_careful.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.events.test_fast_and_careful import check_both_ways, clean_file

N_FILES = 400


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_both_ways_make_the_same_table(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n_files = n_fast = 0

    @seed(0)
    @settings(
        max_examples=N_FILES, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    @given(made=clean_file())
    def each(made: tuple[str, str]) -> None:
        nonlocal n_files, n_fast
        n_fast += check_both_ways(made, monkeypatch)
        n_files += 1

    each()
    print(f"{n_files} files, {n_fast} of them read by the database's own reader")
    assert n_files >= N_FILES
    # Otherwise both ways are one.
    assert n_fast > N_FILES // 4
