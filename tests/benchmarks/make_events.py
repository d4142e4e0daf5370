"""Write the big events file of the benchmarks, or the next day's file to append to it.

    python tests/benchmarks/make_events.py --rows 10000000 --users 500000 --seed 7 --out events.csv
    python tests/benchmarks/make_events.py --append-of 100000 --users 500000 --seed 7 --out more.csv

With `--append-of K` the file has K rows of the day after the first file's last one: mostly by the
same users (so give the same --users and --seed), and 3% of the sessions by new ones.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import date, timedelta
from pathlib import Path

from persmark.errors import PersmarkError
from persmark.simulate import write_events_csv

LAST_DAY = date(2026, 6, 30)
NEW_USER_SHARE = 0.03


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--users", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--append-of", type=int, metavar="K", help="write K rows of the next day")
    asked = parser.parse_args(arguments)
    started = time.perf_counter()
    try:
        if asked.append_of is None:
            write_events_csv(
                asked.out, n_events=asked.rows, n_users=asked.users, seed=asked.seed, ends_on=LAST_DAY
            )
        else:
            write_events_csv(
                asked.out, n_events=asked.append_of, n_users=asked.users, seed=asked.seed, days=1,
                ends_on=LAST_DAY + timedelta(days=1), new_user_share=NEW_USER_SHARE,
            )  # fmt: skip
    except (PersmarkError, OSError) as refusal:
        print(refusal, file=sys.stderr)
        return 2
    seconds = time.perf_counter() - started
    print(f"{asked.out}: {asked.out.stat().st_size / 1e6:.0f} MB in {seconds:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
