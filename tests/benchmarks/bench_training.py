"""What training costs: seconds and peak memory of every recommender that counts, `ease` and the factors.

    python tests/benchmarks/bench_training.py [--sample] [--csv FILE | --simulated ROWS --users N]
        [--recommenders a,b,c]

Each training is a process of its own that opens the workspace, reads the events and trains with the
defaults; its peak memory is of all of that. The sample and the file are loaded first, untimed (see
bench_load.py). Exits 1 where on the sample a counting one takes more than 10 s or `ease` more than
60 s, or where with ten million events or more any process needs more than 6 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.measure import Cost, child

COUNTING = ("popular", "repeat", "markov", "graph")
OTHERS = ("ease", "matrix_factorisation")
SECONDS = dict.fromkeys(COUNTING, 10.0) | {"ease": 60.0}
PEAK_MB, MANY = 6_000, 10_000_000


def train(workspace: str, name: str) -> None:
    """Child: read the events and train."""
    from persmark.recommend import load_interactions, recommender
    from persmark.store import open_workspace

    begun = time.perf_counter()
    with open_workspace(workspace).reader() as reader:
        known = load_interactions(reader)
    read = time.perf_counter()
    recommender(name).train(known)
    ended = time.perf_counter()
    found = {"events": len(known), "users": known.n_users, "items": known.n_items}
    print(json.dumps(found | {"read": read - begun, "train": ended - read}))


def _lines(title: str, costs: dict[str, Cost]) -> None:
    first = next(iter(costs.values())).said
    print(f"\n{title}: {first['events']:,} events, {first['users']:,} users, {first['items']:,} items")
    for name, cost in costs.items():
        print(
            f"{name:22} train {cost.said['train']:7.1f} s   read {cost.said['read']:6.1f} s   "
            f"cpu of both {cost.cpu:7.1f} s   peak {cost.peak_mb:7.0f} MB   load {cost.load:.1f}"
        )


def _measured(workspace: str, names: list[str]) -> dict[str, Cost]:
    return {name: child([__file__, "--one", workspace, name]) for name in names}


def main() -> int:
    """Print the tables; 0 where all is within bounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--simulated", type=int, metavar="ROWS")
    parser.add_argument("--users", type=int, default=500_000)
    parser.add_argument("--recommenders", default=",".join((*COUNTING, *OTHERS)))
    parser.add_argument("--one", nargs=2, metavar=("WORKSPACE", "NAME"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        train(*chosen.one)
        return 0
    names = chosen.recommenders.split(",")
    within = True
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["PERSMARK_DATA"] = f"{temporary}/data"
        if chosen.sample or not (chosen.csv or chosen.simulated):
            subprocess.run(
                [sys.executable, "-m", "persmark", "sample"], check=True, stdout=subprocess.DEVNULL
            )
            costs = _measured("sample", names)
            _lines("sample", costs)
            within = all(cost.said["train"] <= SECONDS.get(name, 1e9) for name, cost in costs.items())
        csv = chosen.csv
        if chosen.simulated:
            csv = Path(temporary) / "events.csv"
            made = ["--rows", str(chosen.simulated), "--users", str(chosen.users), "--out", str(csv)]
            child([str(Path(__file__).parent / "make_events.py"), *made])
        if csv:
            child(["-m", "persmark", "load", str(csv), "--workspace", "bench"])
            costs = _measured("bench", names)
            _lines(csv.name, costs)
            if next(iter(costs.values())).said["events"] >= MANY:
                within = within and all(cost.peak_mb <= PEAK_MB for cost in costs.values())
    print("\nwithin bounds" if within else "\nout of bounds")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
