"""Profiles, their core alone, and segment counts against DuckDB's bare load of the same CSV.

    python tests/benchmarks/make_events.py --rows 10000000 --users 500000 --seed 7 --out events.csv
    python tests/benchmarks/bench_profiles.py --csv events.csv
    python tests/benchmarks/bench_profiles.py --csv events.csv --refresh --users 500000 --seed 7

CPU seconds are of the whole process, all threads. The bare load is `CREATE TABLE AS FROM
read_csv(all text)` into a file of its own under the same memory limit. The events are loaded once,
outside the clock, sorted by user as the store keeps them. The core is recency, frequency, money, their
scores, gaps and activity: the same statements, without the others, into a table of those columns.
Everything is what a build publishes, the table of attention included. The CSV has no catalogue: with
`--catalogue` every item gets one of 120 categories and 700 brands by its place in the list, so that
nearly every event is a share of attention of its own.

With `--refresh`, a day of `--append` rows is loaded after each build, and the refresh after it is
set against a whole build of the same events; give the users and the seed that the CSV was made with.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

from persmark.events import load
from persmark.profiles import ProfilesBuilt, build_profiles, refresh_profiles
from persmark.segments import count
from persmark.settings import settings
from persmark.simulate import write_events_csv
from persmark.store import Workspace, create_workspace, read_sql
from persmark.text import Text
from tests.benchmarks.make_events import LAST_DAY, NEW_USER_SHARE

ITEMS = """
CREATE TABLE out.items AS
WITH listed AS (SELECT DISTINCT item_id FROM events WHERE item_id IS NOT NULL),
numbered AS (SELECT item_id, row_number() OVER (ORDER BY item_id) AS n FROM listed)
SELECT item_id, 'product' AS kind, 'Item ' || n AS title, 'category ' || (n % 120) AS category,
    'brand ' || (n % 700) AS brand
FROM numbered
"""
CLAUSES: dict[str, dict[str, Any]] = {
    "profile clause": {"column": "recency_days", "is": "<=", "value": 30},
    "event clause": {"events": {"event_type": "purchase", "at_least": 3, "within_days": 60}},
    "event and category clause": {
        "events": {"event_type": "view", "category": "category 7", "at_least": 2, "within_days": 60}
    },
    "rule of four clauses": {
        "all": [
            {"segment": "lifecycle: at_risk"},
            {"column": "n_views", "is": ">=", "value": 3},
            {"events": {"event_type": "view", "category": ["category 7", "category 8"], "at_least": 2}},
            {"not": {"events": {"event_type": "campaign_received", "at_least": 1, "within_days": 30}}},
        ]
    },
}


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(work: Callable[[], object]) -> float:
    before = cpu_seconds()
    work()
    return cpu_seconds() - before


class Steps:
    """Remembers when each step of a build began."""

    def __init__(self) -> None:
        self.begun: list[tuple[float, str]] = []

    def __call__(self, share: float, doing: Text) -> None:
        self.begun.append((cpu_seconds(), doing.render()))

    def show(self) -> None:
        for (began, doing), (ended, _) in pairwise(self.begun):
            print(f"    {ended - began:5.2f} s  {doing}")


def bare_load(csv: Path, folder: Path) -> None:
    target = folder / "bare.duckdb"
    target.unlink(missing_ok=True)
    config = {"memory_limit": settings().store.memory_limit, "preserve_insertion_order": "false"}
    with duckdb.connect(str(target), config=config) as connection:
        connection.execute("CREATE TABLE raw AS FROM read_csv($path, all_varchar = true)", {"path": str(csv)})


CORE_STEPS = ("base", "given_back", "orders", "buying", "ended_sessions")
CORE = """
CREATE TABLE out.core AS
SELECT
    p.user_id, p.first_event_time, p.last_event_time, p.n_events, p.n_views, p.n_clicks, p.n_carts,
    s.n_sessions, s.events_per_session, b.n_purchases, b.first_purchase_time, b.last_purchase_time,
    b.won_back_time, p.monetary, b.average_order_value, b.mean_gap_days, b.gap_spread_days,
    r.r_score, r.f_score, r.m_score, r.rfm_segment
FROM base AS p
LEFT JOIN buying AS b ON b.user_id = p.user_id
LEFT JOIN ended_sessions AS s ON s.user_id = p.user_id
LEFT JOIN scores AS r ON r.user_id = p.user_id
ORDER BY p.user_id
"""


def build_core(workspace: Workspace) -> None:
    """Recency, frequency, money, gaps and activity alone, written to a file that is thrown away."""
    as_of = workspace.as_of()
    with workspace.scratch("profiles") as writer:
        values = {"as_of": as_of, **asdict(settings().profiles)}
        writer.run(read_sql("persmark.profiles", "seen"))
        for step in CORE_STEPS:
            sql = read_sql("persmark.profiles", step)
            writer.run(sql, {name: value for name, value in values.items() if f"${name}" in sql})
        writer.run(
            """CREATE TEMP TABLE buyers AS
            SELECT base.user_id, b.last_purchase_time, b.n_purchases, base.monetary
            FROM base INNER JOIN buying AS b ON b.user_id = base.user_id"""
        )
        writer.run(read_sql("persmark.profiles", "scores"))
        writer.run(CORE)
        writer.finish()


def loaded(csv: Path, folder: Path, *, catalogue: bool = True) -> Workspace:
    workspace = create_workspace("bench", root=folder)
    load(workspace, csv)
    if catalogue:
        with workspace.write("catalogue") as writer:
            writer.run(ITEMS)
    return workspace


def compare_refresh(workspace: Workspace, folder: Path, asked: argparse.Namespace) -> None:
    """Day after day: load it, refresh, and build whole what the refresh came to."""
    build_profiles(workspace, actor="bench")
    ratios = []
    made: list[ProfilesBuilt] = []
    for day in range(1, asked.rounds + 1):
        more = folder / "more.csv"
        write_events_csv(
            more, n_events=asked.append, n_users=asked.users, seed=asked.seed, days=1,
            ends_on=LAST_DAY + timedelta(days=day), new_user_share=NEW_USER_SHARE,
        )  # fmt: skip
        load(workspace, more)
        refresh = measured(lambda: made.append(refresh_profiles(workspace, actor="bench")))
        whole = measured(lambda: made.append(build_profiles(workspace, actor="bench")))
        ratios.append(refresh / whole)
        some, all_ = made[-2:]
        print(
            f"{asked.append:,} rows more: {some.n_refreshed:,} of {some.n_users:,} users counted anew; "
            f"refresh {refresh:.2f} s CPU ({some.seconds:.1f} wall), whole {whole:.2f} s CPU "
            f"({all_.seconds:.1f} wall): ratio {refresh / whole:.3f} (load {os.getloadavg()[0]:.2f})"
        )
    print(f"refresh / whole build: median {statistics.median(ratios):.3f} of {asked.rounds}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--steps", action="store_true", help="print the CPU time of each step of the first build"
    )
    parser.add_argument("--catalogue", action="store_true", help="with a category and a brand for each item")
    parser.add_argument("--refresh", action="store_true", help="appends and what a refresh after them costs")
    parser.add_argument("--append", type=int, default=100_000, help="rows of each append")
    parser.add_argument("--users", type=int, default=500_000, help="of the CSV")
    parser.add_argument("--seed", type=int, default=7, help="of the CSV")
    asked = parser.parse_args()
    if not asked.csv.is_file():
        print(f"No file {asked.csv}.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(dir=asked.csv.parent) as name:
        folder = Path(name)
        workspace = loaded(asked.csv, folder, catalogue=asked.catalogue)
        if asked.refresh:
            compare_refresh(workspace, folder, asked)
            return 0
        ratios, core_ratios = [], []
        for round_ in range(asked.rounds):
            bare = measured(lambda: bare_load(asked.csv, folder))
            core = measured(lambda: build_core(workspace))
            steps = Steps()
            build = measured(lambda heard=steps: build_profiles(workspace, actor="bench", on_progress=heard))
            ratios.append(build / bare)
            core_ratios.append(core / bare)
            busy = os.getloadavg()[0]
            print(
                f"bare {bare:.2f} s, core {core:.2f} s, everything {build:.2f} s CPU: "
                f"ratios {core / bare:.3f} and {build / bare:.3f} (load {busy:.2f})"
            )
            if asked.steps and round_ == 0:
                steps.show()
        for what, found, limit in (("core", core_ratios, 0.4), ("everything", ratios, 1.5)):
            print(
                f"{what} / bare load: median {statistics.median(found):.3f} of {asked.rounds} (limit {limit})"
            )
        with workspace.reader() as reader:
            for title, rule in CLAUSES.items():
                walls = []
                for _ in range(5):
                    began = time.perf_counter()
                    n_users = count(reader, rule)
                    walls.append(time.perf_counter() - began)
                wall = 1000 * statistics.median(walls)
                print(f"{title}: {n_users:,} users, median {wall:.0f} ms (load {os.getloadavg()[0]:.2f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
