"""Cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import pyarrow as pa
import pytest

from persmark.spreadsheet import escaped, escaped_cell, restored


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-5", "'-5"), ("@a", "'@a"), ("\t=", "'\t="), ("\r=", "'\r="),
        ("\n=", "'\n="), ("\0=", "'\0="), ("＝1", "'＝1"), ("＋1", "'＋1"), ("－1", "'－1"), ("＠a", "'＠a"),
        ("'=1", "''=1"), ("a=1", "a=1"), ("", ""), ("王", "王"), ("a\n=1", "a\n=1"),
    ],
)  # fmt: skip
def test_cells_are_escaped_and_restore_exactly(cell: str, shown: str) -> None:
    column = pa.array([cell], pa.string())
    assert escaped(column).to_pylist() == [shown]
    assert restored(escaped(column)).to_pylist() == [cell]
    assert escaped_cell(cell) == shown
