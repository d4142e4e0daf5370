"""UCI Online Retail as Parquet and as CSV, loaded with no parameters, against SQL over the file itself.

    python tests/benchmarks/check_online_retail.py --data online_retail.parquet

Prints what became of the rows and the totals by month both ways; exits 1 where they differ.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import duckdb

from persmark import events
from persmark.profiles import build_profiles
from persmark.store import Workspace, create_workspace

Months = dict[str, tuple[int, int, Decimal]]

# The rule: a row counts if it has a customer; its money is quantity times unit price; rows of invoices
# that begin with C are refunds and count negative. Repeats count.
_BY_MONTH = """
    SELECT strftime(InvoiceDate, '%Y-%m'),
        count(*) FILTER (WHERE InvoiceNo NOT LIKE 'C%'),
        count(*) FILTER (WHERE InvoiceNo LIKE 'C%'),
        sum(CASE WHEN InvoiceNo LIKE 'C%' THEN -abs(line) ELSE line END)
    FROM (
        SELECT *, CAST(Quantity AS DECIMAL(18,4)) * CAST(CAST(UnitPrice AS VARCHAR) AS DECIMAL(18,4)) AS line
        FROM read_parquet($path) WHERE CustomerID IS NOT NULL)
    GROUP BY 1 ORDER BY 1
"""
_LOADED = """
    SELECT strftime(event_time, '%Y-%m'), count(*) FILTER (WHERE event_type = 'purchase'),
        count(*) FILTER (WHERE event_type = 'refund'), sum(value)
    FROM events GROUP BY 1 ORDER BY 1
"""
# Descriptions go to the catalogue: rows that differ in nothing else are the same event.
_REPEATS = """
    SELECT (SELECT count(*) FROM known) - (SELECT count(*) FROM (SELECT DISTINCT * FROM known)),
        (SELECT count(*) FROM known)
            - (SELECT count(*) FROM (SELECT DISTINCT * EXCLUDE Description FROM known))
    FROM (SELECT 1)
"""


def _months(rows: list[tuple[str, int, int, Decimal]]) -> Months:
    return {str(month): (int(bought), int(back), Decimal(money)) for month, bought, back, money in rows}


def _checked(workspace: Workspace, path: Path, expected: Months, n_nobody: int, n_repeats: int) -> bool:
    begun = time.monotonic()
    source = events.load(workspace, path)
    seconds = time.monotonic() - begun
    with workspace.reader() as reader:
        got = _months(reader.rows(_LOADED))
    build_profiles(workspace, actor="check")
    with workspace.reader() as reader:
        spent = reader.value("SELECT sum(monetary) FROM profiles")
    netted = sum((money for _, _, money in expected.values()), Decimal(0))
    print(f"\n{path.name}: {seconds:.1f} s, {source.rows_in:,} rows in")
    print(f"  loaded {source.loaded:,}, duplicate {source.duplicate:,}, rejected {source.rejected:,} "
          f"{source.rejected_by_reason}, "
        f"skipped {source.skipped:,}; repeats kept {source.repeated:,}")  # fmt: skip
    print(f"  {'month':8} {'purchases':>10} {'refunds':>8} {'net':>14}   same")
    for month in sorted({*expected, *got}):
        bought, back, money = got.get(month, (0, 0, Decimal(0)))
        same = got.get(month) == expected.get(month)
        print(f"  {month:8} {bought:10,} {back:8,} {money:14,.2f}   {same}")
    facts = {
        "months": got == expected,
        "adds up": source.rows_in == source.loaded + source.duplicate + source.rejected + source.skipped,
        "missing customers": source.rejected_by_reason == {"no_user": n_nobody},
        "repeats": source.repeated == n_repeats,
        "profiles net the refunds": Decimal(str(spent)) == netted,
    }
    print("  " + ", ".join(f"{name}: {'ok' if held else 'DIFFERS'}" for name, held in facts.items()))
    return all(facts.values())


def main() -> int:
    """Compare; 0 where all is the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="online_retail.parquet")
    data: Path = parser.parse_args().data
    path = {"path": str(data)}
    expected = _months(duckdb.sql(_BY_MONTH, params=path).fetchall())
    nobody = duckdb.sql("SELECT count(*) FROM read_parquet($path) WHERE CustomerID IS NULL", params=path)
    (n_nobody,) = nobody.fetchall()[0]
    n_repeats = 0
    for who, rows in (("all rows", "true"), ("rows with a customer", "CustomerID IS NOT NULL")):
        known = f"WITH known AS (SELECT * FROM read_parquet($path) WHERE {rows}) "
        ((n_exact, n_repeats),) = duckdb.sql(known + _REPEATS, params=path).fetchall()
        print(f"{who}: {n_exact:,} exact repeats, {n_repeats:,} but for the description")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        written = root / "online_retail.csv"
        duckdb.sql("FROM read_parquet($path)", params=path).write_csv(str(written))
        same = [
            _checked(create_workspace(name, root=root), file, expected, n_nobody, n_repeats)
            for name, file in (("parquet", data), ("csv", written))
        ]
    return 0 if all(same) else 1


if __name__ == "__main__":
    sys.exit(main())
