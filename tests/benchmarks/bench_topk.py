"""The best 20 of 30,000 items for 100,000 users from factors, beside `implicit` in the same run.

    python tests/benchmarks/bench_topk.py [--users 100000] [--items 30000] [--factors 64] [--runs 3]

Both sides have the same factors and the same number of threads, and take turns. Prints the median
seconds of each and the ratio of their throughputs; exits 1 below 0.8, or where fewer than 99.9 % of
the items shown agree (sums in another order may swap items whose products are nearly equal).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

# Before numpy: both sides share the work out themselves.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from persmark.recommend.topk import best_of_factors

K, THREADS, WANTED, AGREE = 20, 2, 0.8, 0.999


def main() -> int:
    """Print both sides; 0 where ours is fast enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=30_000)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    rng = np.random.default_rng(7)
    users = rng.standard_normal((chosen.users, chosen.factors), dtype=np.float32)
    items = rng.standard_normal((chosen.items, chosen.factors), dtype=np.float32)
    model = AlternatingLeastSquares(factors=chosen.factors, num_threads=THREADS)
    model.user_factors, model.item_factors = users, items
    nothing = sparse.csr_matrix((chosen.users, chosen.items), dtype=np.float32)
    seconds: dict[str, list[float]] = {"ours": [], "implicit": []}
    for _ in range(chosen.runs):
        begun = time.perf_counter()
        ours, _ = best_of_factors(users, items, K, threads=THREADS)
        between = time.perf_counter()
        with threadpool_limits(1, user_api="blas"):
            theirs, _ = model.recommend(
                np.arange(chosen.users), nothing, N=K, filter_already_liked_items=False
            )
        ended = time.perf_counter()
        seconds["ours"].append(between - begun)
        seconds["implicit"].append(ended - between)
    agree = float((np.sort(ours, axis=1) == np.sort(theirs, axis=1)).mean())
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = middle["implicit"] / middle["ours"]
    print("load average:", " ".join(f"{value:.2f}" for value in os.getloadavg()))
    for name, values in seconds.items():
        each = ", ".join(f"{value:.2f}" for value in values)
        rate = chosen.users / middle[name]
        print(f"{name:9} median {middle[name]:6.2f} s ({each})   {rate:8.0f} users a second")
    print(f"same items {agree:.5f} (at least {AGREE}); throughput ratio {ratio:.2f} (at least {WANTED})")
    return 0 if ratio >= WANTED and agree >= AGREE else 1


if __name__ == "__main__":
    sys.exit(main())
