"""The recommenders on the built-in sample, on the 28-day windows that settings are chosen on.

    python tests/benchmarks/bench_sample.py [--recommenders a,b,c] [--set NAME.KEY=VALUE]... [--windows N]
    python tests/benchmarks/bench_sample.py --final --log FILE

PERSMARK_DATA names the folder with the sample. Each window ends where the next begins; what is learned
ends before it. The last window is the final test: it is measured with --final only, and each time is
written to the log. Repeats allowed and removed; NDCG@10 with 95% intervals over users, and of each
recommender minus the best one that is not made of others.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path

from persmark.metrics import paired_difference
from persmark.recommend import EvaluateRequest, Evaluation, evaluate, last_second
from persmark.recommend.registry import COMBINED
from persmark.recommend.split import local_midnight
from persmark.store import open_workspace

DAYS, WORKSPACE = 28, "sample"
NAMES = "popular,repeat,markov,graph,ease,ranker,blend"


def table(made: Evaluation) -> None:
    """Print one way of asking."""
    singles = [row for row in made.results if row.recommender not in COMBINED]
    best = max(singles or made.results, key=lambda row: row.ndcg)
    print(f"  repeats {made.repeats}: {made.n_users} users, {made.n_items} items, "
          f"{made.split['n_pairs']} pairs; best single {best.recommender}")  # fmt: skip
    for row in made.results:
        low, high = row.ndcg_interval
        gap = paired_difference(row.per_user["ndcg"], best.per_user["ndcg"], seed=0)
        share = row.ndcg / best.ndcg if best.ndcg else float("nan")
        print(
            f"    {row.recommender:22} {row.ndcg:.4f} ({low:.4f} to {high:.4f}) x{share:.3f},"
            f" minus best {gap.mean:+.4f} ({gap.low:+.4f} to {gap.high:+.4f}),"
            f" recall {row.recall:.4f}, coverage {row.coverage:.3f},"
            f" fit {row.fit_seconds:.1f} s, score {row.score_seconds:.1f} s",
            flush=True,
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recommenders", default=NAMES)
    parser.add_argument("--set", action="append", default=[], metavar="NAME.KEY=VALUE", dest="settings")
    parser.add_argument("--windows", type=int, default=2)
    parser.add_argument("--final", action="store_true", help="the last window, in place of those before")
    parser.add_argument("--log", type=Path, help="file that a final run is written to")
    chosen = parser.parse_args()
    if chosen.final and chosen.log is None:
        parser.error("--final needs --log: how often the final window was looked at is to be told")
    settings: dict[str, dict[str, object]] = {}
    for one in chosen.settings:
        where, value = one.split("=", 1)
        name, key = where.split(".", 1)
        settings.setdefault(name, {})[key] = value
    workspace = open_workspace(WORKSPACE)
    with workspace.reader() as reader:
        last = last_second(reader)
        edges = [
            local_midnight(last, days=DAYS * n, time_zone=workspace.time_zone)
            for n in range(1, chosen.windows + 2)
        ]
        spans = [(edges[0], None)] if chosen.final else list(zip(edges[1:], edges, strict=False))
        for cut, end in spans:
            if chosen.final:
                with chosen.log.open("a") as log:
                    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC bench_sample --final "
                          f"{chosen.recommenders} {' '.join(chosen.settings)}", file=log)  # fmt: skip
            request = EvaluateRequest(
                recommenders=tuple(chosen.recommenders.split(",")),
                settings=settings,
                target="purchase",
                min_item_events=5,
                repeats="both",
                cut=cut,
                before=end,
                time_zone=workspace.time_zone,
            )
            started = time.perf_counter()
            points: list[str] = []
            made = evaluate(
                reader,
                request,
                on_point=lambda name, point, points=points: points.append(
                    f"{name} {' '.join(f'{key} {value:.4f}' for key, value in point.items())}"
                ),
            )
            what = "final window" if chosen.final else "validation window"
            until = end if end is not None else last
            print(f"{what} {datetime.fromtimestamp(cut, UTC):%Y-%m-%d %H:%M} to "
                  f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC")  # fmt: skip
            for point in points:
                print(f"  {point}")
            table(made)
            if made.removed is not None:
                table(made.removed)
            print(f"  {time.perf_counter() - started:.0f} s in all", flush=True)


if __name__ == "__main__":
    main()
