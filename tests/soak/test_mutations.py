"""Thousands of damaged files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.events.mutated import damaged
from tests.events.test_ledger import check_damaged


@pytest.mark.soak
@settings(
    max_examples=2000, deadline=None, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.generate],
)  # fmt: skip
@given(raw=damaged())
def test_rows_of_thousands_of_damaged_files_add_up(raw: bytes, data_folder: Path) -> None:
    check_damaged(raw, again=True)
