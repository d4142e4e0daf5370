"""One hash for what a workspace's events say, however they came in."""

from __future__ import annotations

import hashlib

from persmark.columns import TABLES
from persmark.store import Reader, quoted

_PART = 8  # hexadecimal digits of a row's md5 that make one sum


def content_hash(reader: Reader) -> str:
    """A hash of all events, the same for the same events in any order, from any file.

    Every column counts but `source_id`. The md5 of each row is cut into four numbers, which are added
    up exactly over the rows: unlike an exclusive or, sums tell a row from the same row three times.

    Returns:
        32 hexadecimal digits.
    """
    cells = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in TABLES["events"] if name != "source_id")
    sums = ", ".join(
        f"sum(CAST(concat('0x', substring(hashed, {at * _PART + 1}, {_PART})) AS BIGINT))" for at in range(4)
    )
    rows = reader.rows(
        f"""SELECT count(*), {sums}
        FROM (SELECT md5(CAST(json_array({cells}) AS VARCHAR)) AS hashed FROM events) AS hashes"""
    )
    return hashlib.md5(repr([int(one or 0) for one in rows[0]]).encode(), usedforsecurity=False).hexdigest()
