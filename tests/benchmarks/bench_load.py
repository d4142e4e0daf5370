"""A full audited load, and an append, beside the database's bare load of the same file.

    python tests/benchmarks/bench_load.py [--csv FILE] [--append FILE] [--gigabytes G | --rows N --users N]
        [--runs N]

Without files it makes them (see make_events.py). "Bare" is `CREATE TABLE AS FROM read_csv` of all-text
columns with DuckDB's defaults, and once more without keeping the file's order, which is cheaper.
The bare load may hold 2 GB; the audited one runs as persmark sets itself, and its whole process must
stay below 1.5 GB. One process after the other, bare and audited in turn; CPU seconds are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.benchmarks.measure import child, line

_ROWS_OF_GIGABYTE = 20_700_000  # as `make_events.py` writes them


def bare(csv: str, keep_order: str) -> None:
    """Child: the bare load."""
    import duckdb

    folder = tempfile.mkdtemp(dir=os.environ.get("BENCH_TMP"))
    con = duckdb.connect(
        f"{folder}/bare.duckdb",
        config={
            "memory_limit": "2GB",
            "temp_directory": folder,
            "preserve_insertion_order": keep_order == "ordered",
        },
    )
    con.execute("CREATE TABLE raw AS FROM read_csv($f, all_varchar = true)", {"f": csv})
    con.execute("CHECKPOINT")
    print(json.dumps({"rows": con.execute("SELECT count(*) FROM raw").fetchall()[0][0]}))


def load(csv: str) -> None:
    """Child: the audited load into workspace `bench`, or the append to it."""
    from persmark.events import load as load_file
    from persmark.store import create_workspace

    workspace = create_workspace("bench", time_zone="America/New_York")
    source = load_file(workspace, csv)
    assert source.rows_in == source.loaded + source.duplicate + source.rejected + source.skipped
    print(json.dumps({"rows": source.loaded, "duplicate": source.duplicate, "rejected": source.rejected}))


def main() -> None:
    """Print both, with their ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv")
    parser.add_argument("--append")
    parser.add_argument("--gigabytes", type=float, help="size of the file, instead of --rows and --users")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--users", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", help="folder that keeps the last workspace, for the other benchmarks")
    options = parser.parse_args()
    if options.gigabytes:
        options.rows = int(options.gigabytes * _ROWS_OF_GIGABYTE)
        options.users = options.rows // 20
    me = str(Path(__file__))
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["BENCH_TMP"] = temporary
        csv, append = options.csv, options.append
        if not csv or not append:
            from persmark.simulate import write_events_csv

            csv, append = f"{temporary}/events.csv", f"{temporary}/append.csv"
            today = datetime.now(UTC).date()
            write_events_csv(
                Path(csv),
                n_events=options.rows,
                n_users=options.users,
                seed=1,
                ends_on=today - timedelta(days=2),
            )
            write_events_csv(
                Path(append), n_events=max(options.rows // 100, 1), n_users=options.users, seed=1, days=1,
                ends_on=today - timedelta(days=1), new_user_share=0.03,
            )  # fmt: skip
        ordered, unordered, loads, appends = [], [], [], []
        for number in range(options.runs):
            ordered.append(child([me, "bare", csv, "ordered"]))
            unordered.append(child([me, "bare", csv, "unordered"]))
            folder = options.keep if options.keep and number == options.runs - 1 else f"{temporary}/w{number}"
            loads.append(child([me, "load", csv], PERSMARK_DATA=folder))
            appends.append(child([me, "load", append], PERSMARK_DATA=folder))
        print(f"{loads[0].said['rows']:,} rows, {Path(csv).stat().st_size / 1e6:.0f} MB; "
              f"append of {appends[0].said['rows']:,} rows")  # fmt: skip
        print(line("bare load (DuckDB's defaults)", ordered))
        print(line("bare load, order not kept", unordered))
        print(line("audited load", loads))
        print(line("append", appends))

        def ratio(over, under):  # type: ignore[no-untyped-def]
            return statistics.median(a.cpu / b.cpu for a, b in zip(over, under, strict=True))

        print(f"audited load / bare load: {ratio(loads, ordered):.2f}   (target <= 2.5)")
        print(f"audited load / bare load, order not kept: {ratio(loads, unordered):.2f}")
        print(f"append / audited load: {ratio(appends, loads):.3f}   (target <= 0.15)")
        peak = max(cost.peak_mb for cost in (*loads, *appends)) * 1.048576
        print(f"peak memory of a whole process: {peak:.0f} MB   (target <= 1500)")


if __name__ == "__main__":
    {"bare": bare, "load": load}[sys.argv[1]](*sys.argv[2:]) if sys.argv[1:2] in (
        ["bare"],
        ["load"],
    ) else main()
