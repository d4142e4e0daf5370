"""The sequence recommenders on the Beauty sequences of the literature.

    python -m tests.benchmarks.bench_beauty --data FOLDER [--recommenders markov,self_attention]
        [--stage validation|test] [--set self_attention.minutes=20]...

FOLDER holds `amazon_beauty_sequences.txt`. Leave-one-out: the last item of a user is the test, the
one before the validation; neither is learned from ("strict"), though the test's history holds the
validation item, as published. The full catalogue is ranked, seen items are removed, and all users
count: an item that training does not hold is a miss. Settings are chosen on `--stage validation`.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

from persmark.metrics import bootstrap_interval
from persmark.recommend import EvaluateRequest
from persmark.recommend.evaluate import REMOVED, evaluate_split
from persmark.recommend.registry import recommender
from tests.benchmarks.sequences import leave_one_out_of, read_sequences

PUBLISHED = "best published with this protocol: R@10 .0928, N@10 .0531 (d=64, 1 block, 256 negatives)"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recommenders", default="markov,self_attention")
    parser.add_argument("--stage", choices=["validation", "test"], default="test")
    parser.add_argument("--set", action="append", default=[], metavar="NAME.KEY=VALUE")
    chosen = parser.parse_args()
    names = tuple(chosen.recommenders.split(","))
    pairs: dict[str, list[str]] = {name: [] for name in names}
    for one in chosen.set:
        name, _, pair = one.partition(".")
        pairs[name].append(pair)
    settings = {name: recommender(name).settings_type.parse(pairs[name]) for name in names}

    known = read_sequences(chosen.data / "amazon_beauty_sequences.txt")
    split = leave_one_out_of(known, stage=chosen.stage)
    n_asked = len(split.test_users)
    print(
        f"{known.n_users} users, {known.n_items} items, {len(known)} events; {len(split.train)} learned from"
    )
    print(f"stage {chosen.stage}; strict: validation in training {split.facts['validation_in_training']},",
          f"in the scored history {chosen.stage == 'test'}; full catalogue, seen removed")  # fmt: skip
    print("load average:", " ".join(f"{value:.2f}" for value in os.getloadavg()))
    for name in names:
        begun, used = time.perf_counter(), time.process_time()
        request = EvaluateRequest(
            recommenders=(name,), settings={name: settings[name]}, repeats=REMOVED, max_users=10**9
        )
        points: list[dict[str, float]] = []
        found = evaluate_split(split, request, on_point=lambda _, point: points.append(dict(point)))  # noqa: B023
        (row,) = found.results
        # Users whose item training does not hold are no test users there; here they are misses.
        share = found.n_users / n_asked
        ndcg = np.concatenate([row.per_user["ndcg"], np.zeros(n_asked - found.n_users)])
        interval = bootstrap_interval(ndcg, seed=0)
        print(
            f"{name:15} R@10 {row.recall * share:.4f}  N@10 {row.ndcg * share:.4f}"
            f" ({interval.low:.4f} to {interval.high:.4f}) over {n_asked} users;"
            f"  R@10 {row.recall:.4f}  N@10 {row.ndcg:.4f} over the {found.n_users} whose item is known;"
            f"  fit {row.fit_seconds:.0f} s, score {row.score_seconds:.0f} s,"
            f" wall {time.perf_counter() - begun:.0f} s, CPU {time.process_time() - used:.0f} s",
            flush=True,
        )
        if points and "validation_ndcg" in points[-1]:
            # Of a sample of the users, with which the training ends.
            best = max(points, key=lambda point: point["validation_ndcg"])
            print(f"{'':15} best of {len(points)} passes:",
                  " ".join(f"{name} {value:.4g}" for name, value in best.items()))  # fmt: skip
    if chosen.stage == "test":
        print(PUBLISHED)


if __name__ == "__main__":
    main()
