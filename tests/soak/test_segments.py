"""Thousands of random nested rules, in shards beside each other: `pytest -n 2 -m soak tests/soak`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.segments.random_rules import look, make_shop
from tests.segments.test_against_pandas import check

N_RULES, N_SHARDS = 2_000, 8


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shard", range(N_SHARDS))
def test_random_rules_hold_for_the_users_that_pandas_finds(shard: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(shard)
    with make_shop(tmp_path, rng).reader() as reader:
        n_telling = check(reader, look(reader), rng, n_rules=N_RULES // N_SHARDS)
    assert n_telling > N_RULES / N_SHARDS / 2
