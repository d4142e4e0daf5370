"""What the attention of trained models is worth: the verdict tables, and what an explanation takes.

    python -m tests.benchmarks.check_attention --beauty FOLDER [--minutes 4] [--users 200]
    python -m tests.benchmarks.check_attention --sample [--recommenders self_attention,ranker]

FOLDER holds `amazon_beauty_sequences.txt`; PERSMARK_DATA the workspace `sample` with its events. Each model
is trained with its defaults, `--minutes` at most where it has such a setting, on everything but the last
28 days (sample) or the last two items (Beauty), so that no test window is looked at. The verdict is
the one that the page shows. Then 20 users' slates of 10 are explained, and the segment's summary is
timed: wall seconds of one process, with the load average beside them.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

from persmark.attention import cases_from, explain, judge, most_summarised, summarise
from persmark.attention.judge import Judged
from persmark.recommend import Interactions, Recommender, last_second, load_interactions, recommender
from persmark.recommend.interactions import event_weights
from persmark.recommend.split import local_midnight
from persmark.store import open_workspace
from tests.benchmarks.sequences import leave_one_out_of, read_sequences

EXPLAINED, SUMMARISED = 20, 10_000


def verdict_table(found: Judged) -> None:
    """Print what was measured and what it says."""
    print(
        f"  {found.n_users} users, {found.n_short} passed over for too few events;"
        f" weights by {found.aggregation}"
    )
    print("  order                    n   comprehensiveness (95%)         sufficiency  deletion  insertion")
    for row in found.orders:
        low, high = row.comprehensiveness_low, row.comprehensiveness_high
        print(
            f"    {row.order:21} {row.n_users:4}  {row.comprehensiveness:+.5f} ({low:+.5f} to {high:+.5f})"
            f"  {row.sufficiency:+.5f}   {row.deletion:.5f}   {row.insertion:.5f}"
        )
    for gap in found.differences:
        print(f"    attention minus {gap.control:18} {gap.mean:+.5f} ({gap.low:+.5f} to {gap.high:+.5f})")
    low, high = found.violation_low, found.violation_high
    print(
        f"  violations {found.violation_rate:.3f} ({low:.3f} to {high:.3f}); first item changes without the"
        f" heaviest unit {found.flip_attention:.3f}, a random one {found.flip_random:.3f};"
        f" share gone until it changes {found.until_flip:.3f}"
    )
    for one in found.agreements:
        print(f"  tau with |{one.other}| over {one.n_users} users: median {one.median:+.3f}"
              f" ({one.low_quartile:+.3f} to {one.high_quartile:+.3f})")  # fmt: skip
    print(f"  completeness error {found.completeness_error:.4f} (median, {found.steps} steps)")
    print(f"  validated: {found.validated}. {found.said.render()}", flush=True)


def looked_at(trained: Recommender, histories: Interactions, *, n_users: int, exclude_seen: bool) -> None:
    """Judge, explain and sum up one trained model."""
    rng = np.random.default_rng(0)
    with_events = np.flatnonzero(np.diff(histories.starts) > 0)
    drawn = np.sort(rng.choice(with_events, min(n_users, len(with_events)), replace=False))
    begun = time.perf_counter()
    found = judge(cases_from(trained, histories.users(drawn)))
    verdict_table(found)
    print(f"  judged in {time.perf_counter() - begun:.0f} s; load {os.getloadavg()[0]:.2f}")
    took = []
    for user in rng.choice(with_events, EXPLAINED, replace=False).tolist():
        own = histories.users(np.array([user]))
        explain(trained, own, exclude_seen=exclude_seen)  # what is made once is not counted
        begun = time.perf_counter()
        explain(trained, own, exclude_seen=exclude_seen)
        took.append(time.perf_counter() - begun)
    print(f"  explanation of a slate of 10: median {np.median(took):.3f} s, longest {max(took):.3f} s"
          f" over {EXPLAINED} users; load {os.getloadavg()[0]:.2f}")  # fmt: skip
    # As the job does: of more users than the recommender reads in some seconds a sample is drawn.
    many = rng.choice(with_events, SUMMARISED, replace=len(with_events) < SUMMARISED)
    read = min(SUMMARISED, most_summarised(trained))
    begun = time.perf_counter()
    part = histories.users(np.sort(rng.choice(many, read, replace=False)))
    attended = trained.attended(part)
    if attended is None:
        print("  summary: it keeps none")
        return
    summarise(attended, part)
    took_all = time.perf_counter() - begun
    print(f"  summary of a segment of {SUMMARISED} users, {part.n_users} of them read: {took_all:.1f} s;"
          f" load {os.getloadavg()[0]:.2f}", flush=True)  # fmt: skip


def main() -> None:
    """Train, judge, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--beauty", type=Path)
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--recommenders", default="self_attention,ranker")
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--users", type=int, default=200)
    chosen = parser.parse_args()
    worlds: list[tuple[str, Interactions, bool]] = []
    if chosen.beauty:
        known = read_sequences(chosen.beauty / "amazon_beauty_sequences.txt")
        worlds.append(("Beauty", leave_one_out_of(known, stage="validation").train, True))
    if chosen.sample:
        workspace = open_workspace("sample")
        with workspace.reader() as reader:
            cut = local_midnight(last_second(reader), days=28, time_zone=workspace.time_zone)
            held = load_interactions(reader, weights=event_weights(reader), before=cut, with_facts=True)
        worlds.append(("sample", held, False))
    for world, known, exclude_seen in worlds:
        for name in chosen.recommenders.split(","):
            kind = recommender(name)
            has_minutes = "minutes" in kind.settings_type.__dataclass_fields__
            settings = kind.settings_type.parse([f"minutes={chosen.minutes}"] if has_minutes else [])
            begun = time.perf_counter()
            trained = kind.train(known, settings)
            print(f"{world}: {name}, trained in {time.perf_counter() - begun:.0f} s on {len(known)} events")
            looked_at(trained, known, n_users=chosen.users, exclude_seen=exclude_seen)


if __name__ == "__main__":
    main()
