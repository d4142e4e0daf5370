"""Long chains of changes: each refresh comes to what a whole build comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.profiles.grown import grow

pytestmark = pytest.mark.soak

N_SHOPS = 100


def test_many_shops_grow_by_chance(tmp_path: Path) -> None:
    n_partial = 0
    for seed in range(N_SHOPS):
        (home := tmp_path / str(seed)).mkdir()
        n_partial += grow(home, seed)
    assert n_partial > N_SHOPS
