"""Writing many rows in the order of their users, one range of users after the other.

Sorting ten million wide rows at once takes more memory than a laptop lends; ranges of users that follow
each other are sorted one by one and come to the same order.
"""

from __future__ import annotations

from persmark.store import Writer

ROWS_AT_ONCE = 1_000_000


def _bounds(w: Writer, rows: str, key: str) -> list[str]:
    """The last user of each range but the last one."""
    (n,) = w.rows(f"SELECT count(*) FROM ({rows})")[0]
    if n <= ROWS_AT_ONCE:
        return []
    found = w.rows(
        f"""SELECT max(user_id) FROM (
            SELECT user_id, sum(n) OVER (ORDER BY user_id ROWS UNBOUNDED PRECEDING) AS up_to
            FROM (SELECT {key} AS user_id, count(*) AS n FROM ({rows}) GROUP BY {key})
        ) GROUP BY CAST(up_to - 1 AS BIGINT) // $at_once ORDER BY 1""",
        {"at_once": ROWS_AT_ONCE},
    )
    return [str(row[0]) for row in found[:-1]]


def write_sorted(w: Writer, table: str, columns: str, rows: str, *, order: str, key: str = "user_id") -> None:
    """`CREATE TABLE {table} AS SELECT {columns} FROM ({rows}) {order}`, however many rows there are.

    Args:
        w: Writing the table's group.
        table: Where to, with its schema.
        columns: What is selected.
        rows: SELECT of what is selected from; it is run once for each range.
        order: ORDER BY of the columns, by `user_id` first.
        key: What `user_id` is made of among the columns of `rows`.
    """
    bounds = _bounds(w, rows, key)
    low: str | None = None
    for position, high in enumerate([*bounds, None]):
        limits = [f"{key} > $low"] if low is not None else []
        limits += [f"{key} <= $high"] if high is not None else []
        where = f"WHERE {' AND '.join(limits)}" if limits else ""
        params = {name: value for name, value in (("low", low), ("high", high)) if value is not None}
        into = f"CREATE TABLE {table} AS" if not position else f"INSERT INTO {table}"
        w.run(f"{into} SELECT * FROM (SELECT {columns} FROM ({rows}) {where}) {order}", params)
        low = high
