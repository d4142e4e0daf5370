"""Thousands of damaged files, in shards that run beside each other: `pytest -n 2 -m soak tests/soak`."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.events.mutated import damaged_file
from tests.events.test_ledger import check_damaged

N_FILES, N_SHARDS = 2_000, 8
_MOST_SECONDS = 5.0  # of CPU for a file of some hundred bytes: past that it hangs


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shard", range(N_SHARDS))
def test_a_damaged_file_is_loaded_or_refused_in_words(shard: int, data_folder: Path) -> None:
    n_files = n_refused = 0
    longest = 0.0

    @seed(shard)
    @settings(
        max_examples=N_FILES // N_SHARDS, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    @given(file=damaged_file())
    def each(file: tuple[str, bytes, bytes]) -> None:
        nonlocal n_files, n_refused, longest
        name, raw, unpacked = file
        begun = time.process_time()
        source = check_damaged(raw, again=n_files % 4 == 0, name=name, unpacked=unpacked)
        longest = max(longest, time.process_time() - begun)
        n_files += 1
        n_refused += source is None

    each()
    print(f"shard {shard}: {n_files} files, {n_refused} refused, longest {longest:.2f} s of CPU")
    assert n_files >= N_FILES // N_SHARDS
    assert longest < _MOST_SECONDS
