"""Cells that no spreadsheet takes for a formula, and that restore exactly.

Source: OWASP, CSV Injection; ASVS 5.0, 1.2.10. Full-width signs are what some East Asian input
methods, and some spreadsheets, treat alike.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

# A cell that starts with an apostrophe is escaped too, so that dropping one apostrophe always gives
# back what was there.
_FIRST = ("'", "=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
_PATTERN = "^([" + "".join(f"\\x{{{ord(one):x}}}" for one in _FIRST) + "])"


def escaped(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A text column with an apostrophe before every cell that could be taken for a formula."""
    return pc.replace_substring_regex(column, pattern=_PATTERN, replacement="'\\1")


def escaped_cell(cell: str) -> str:
    """One cell as `escaped` writes it."""
    return f"'{cell}" if cell.startswith(_FIRST) else cell


def restored(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """What `escaped` was given."""
    return pc.replace_substring_regex(column, pattern="^'", replacement="")


def restored_cell(cell: str) -> str:
    """What `escaped_cell` was given."""
    return cell.removeprefix("'")
