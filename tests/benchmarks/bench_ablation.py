"""Is the ranker's attention used, or only shown? The ranker with parts of it switched off, on the sample.

    python -m tests.benchmarks.bench_ablation [--window 1] [--set KEY=VALUE]...

PERSMARK_DATA names the folder with the sample. On the 28 days before the final window (`--window 2`: the
28 before those) the same ranker is trained whole, without attention to the history, without attention
to the profile's fields, and without both, which leaves the plain network. NDCG@10 with 95% intervals
over users, and of each minus the whole one, over the same users.
"""

from __future__ import annotations

import argparse
import os
import time

from persmark.metrics import paired_difference
from persmark.recommend import EvaluateRequest, Evaluation, evaluate, last_second, recommender
from persmark.recommend.split import local_midnight
from persmark.store import open_workspace

VARIANTS = {
    "both attentions": (),
    "no history attention": ("history_attention=false",),
    "no field attention": ("field_attention=false",),
    "network only": ("history_attention=false", "field_attention=false"),
}


def main() -> None:
    """Train each, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--window", type=int, default=1, help="28-day windows before the final one, from 1")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    chosen = parser.parse_args()
    if chosen.window < 1:
        parser.error("--window counts from 1; the final window is not for choosing")
    kind = recommender("ranker").settings_type
    found: dict[str, Evaluation] = {}
    workspace = open_workspace("sample")
    with workspace.reader() as reader:
        last = last_second(reader)
        before, cut = (
            local_midnight(last, days=28 * n, time_zone=workspace.time_zone)
            for n in (chosen.window, chosen.window + 1)
        )
        for name, off in VARIANTS.items():
            begun, used = time.perf_counter(), time.process_time()
            request = EvaluateRequest(
                recommenders=("ranker",),
                settings={"ranker": kind.parse([*chosen.settings, *off])},
                target="purchase",
                min_item_events=5,
                repeats="both",
                cut=cut,
                before=before,
                time_zone=workspace.time_zone,
            )
            found[name] = evaluate(reader, request)
            print(f"{name}: wall {time.perf_counter() - begun:.0f} s, CPU {time.process_time() - used:.0f} s,"
                  f" load {os.getloadavg()[0]:.2f}", flush=True)  # fmt: skip
    whole = found["both attentions"]
    for repeats in ("allowed", "removed"):
        print(f"repeats {repeats}")
        for name, made in found.items():
            one, base = (made, whole) if repeats == "allowed" else (made.removed, whole.removed)
            if one is None or base is None:
                continue
            row = one.results[0]
            gap = paired_difference(row.per_user["ndcg"], base.results[0].per_user["ndcg"], seed=0)
            low, high = row.ndcg_interval
            print(
                f"  {name:22} NDCG@10 {row.ndcg:.4f} ({low:.4f} to {high:.4f}), minus the whole"
                f" {gap.mean:+.4f} ({gap.low:+.4f} to {gap.high:+.4f}), {one.n_users} users"
            )


if __name__ == "__main__":
    main()
