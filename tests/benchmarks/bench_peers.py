"""Ours beside what an analyst would install instead, in one run and by one yardstick.

    python -m tests.benchmarks.bench_peers --peers PYTHON --beauty FILE [--stage test]
    python -m tests.benchmarks.bench_peers --peers PYTHON --workspace sample [--windows-back 1]

PYTHON has `rectools[torch]` and `implicit` (any environment of its own); the two sides exchange files
and `persmark.metrics` judges both. Beauty: leave-one-out, strict (validation items in no training),
full catalogue, seen removed, over all users; an item that training does not hold is a miss. The
sample: 28 local days, items with 5 purchases before; settings and epochs of the peers are chosen on
the window before the one that is told, `--windows-back 0` being the final one.

RecTools' SASRec has the width, depth and length of `self_attention`. With `--sasrec packed` it is
spared the work on padding in its loss (the same model and gradient, several times sooner), and one
epoch of the library as it comes is timed beside; with `as-is` it runs as it comes to its end.
The ratio is the wall time in which `self_attention` reaches the peer's best validation NDCG@10, its
own measuring included, over the peer's, whose measuring is left out. Loads are told; a ratio under
load is worth little.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from persmark import metrics
from persmark.recommend import RECOMMENDERS, event_weights
from persmark.recommend import split as splits
from persmark.recommend.interactions import places
from persmark.recommend.lesson import Validation
from persmark.recommend.split import Split
from persmark.store import open_workspace
from tests.benchmarks import peer_models
from tests.benchmarks.sequences import leave_one_out_of, read_sequences

K, DAYS, MIN_EVENTS, SEED = 10, 28, 5, 0
HERE = Path(__file__).parent
SASREC = {"n_factors": 64, "n_heads": 2, "session_max_len": 50}
# Small grids: what a careful analyst tries in an hour.
GRIDS: dict[str, list[dict[str, Any]]] = {
    "als": [
        {"factors": factors, "regularization": amount, "alpha": alpha, "iterations": 15}
        for factors in (128, 256)
        for amount in (0.01, 1.0)
        for alpha in (10.0, 40.0)
    ],
    "bpr": [
        {"factors": 128, "learning_rate": rate, "regularization": amount, "iterations": 200}
        for rate in (0.02, 0.1)
        for amount in (0.001, 0.01)
    ],
    "ease": [{"regularization": amount} for amount in (100.0, 500.0, 2000.0)],
}
# EASE inverts a square of its items: a bigger catalogue is cut to its most frequent ones.
EASE_WHOLE, EASE_CUT = 12_500, 8_000
LOSSES: dict[str, dict[str, Any]] = {
    "softmax": {"loss": "softmax"},
    "sampled": {"loss": "sampled_softmax", "n_negatives": 256},
}


def write_task(parts: Split, mode: str, path: Path) -> peer_models.Task:
    """The split for the other environment; pairs of unknown items stay, as misses."""
    train, shown = parts.train, parts.histories
    user, item = places(train.user_ids, parts.test_users), places(train.item_ids, parts.test_items)
    keep = user >= 0
    if mode == "removed":
        seen = np.unique(shown.user.astype(np.int64) * train.n_items + shown.item)
        keep &= ~((item >= 0) & np.isin(user * train.n_items + item, seen))
    order = np.lexsort((item[keep], user[keep]))
    np.savez(
        path,
        user=train.user, item=train.item, time=train.time,
        n_users=train.n_users, n_items=train.n_items,
        history_user=shown.user, history_item=shown.item,
        asked_user=user[keep][order], asked_item=item[keep][order], mode=mode,
    )  # fmt: skip
    return peer_models.Task.read(path)


def in_catalogue(parts: Split) -> Split:
    """Items with enough purchases; what is asked for is of those, as `evaluate` has it."""
    count = np.bincount(parts.train.item, minlength=parts.train.n_items)
    train = parts.train.items(count >= MIN_EVENTS)
    active = train.user_ids[np.unique(train.user)]
    known = (places(train.item_ids, parts.test_items) >= 0) & (places(active, parts.test_users) >= 0)
    return Split(train, train, parts.test_users[known], parts.test_items[known], parts.target, parts.facts)


def figures(task: peer_models.Task, items: np.ndarray, values: np.ndarray) -> dict[str, metrics.Floats]:
    """(n_users,) NDCG and recall at 10."""
    ranks = peer_models.ranks_of(task, items, values)
    return {"ndcg": metrics.ndcg(ranks, K), "recall": metrics.recall(ranks, K)}


def peer(
    python: str, model: str, grid: list[dict[str, Any]], files: Mapping[str, Path], *, threads: int
) -> dict[str, Any]:
    """Run one peer to its end; its summary, with its lists read back."""
    out = files["report"].with_name(f"{model}.npz")
    process = subprocess.Popen(
        [python, str(HERE / "peer_models.py"), model, "--choose", str(files["choose"]),
         "--report", str(files["report"]), "--out", str(out), "--grid", json.dumps(grid),
         "--seed", str(SEED)],
        stdout=subprocess.PIPE, text=True, env=environment(threads),
    )  # fmt: skip
    assert process.stdout is not None
    last = "null"
    for line in process.stdout:
        last = line
        print(f"    {line.rstrip()[:200]}", file=sys.stderr, flush=True)
    if process.wait():
        raise SystemExit(f"{model} ended with {process.returncode}")
    with np.load(out) as held:
        return json.loads(last) | {"items": held["items"], "values": held["values"]}


def environment(threads: int) -> dict[str, str]:
    """One number of threads for every library."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, "PYTHONPATH": ".", **dict.fromkeys(names, str(threads))}


def validation_of(parts: Split) -> Validation | None:
    """The pairs that the split set aside, for those of ours that stop by them."""
    train = parts.train
    user = places(train.user_ids, parts.validation_users)
    item = places(train.item_ids, parts.validation_items)
    users = np.unique(user[item >= 0])
    if not len(users):
        return None
    row, column = np.searchsorted(users, user[item >= 0]), item[item >= 0]
    order = np.argsort(row, kind="stable")
    return Validation(train.users(users), row[order], column[order], exclude_seen=True)


def ours(name: str, parts: Split, task: peer_models.Task) -> dict[str, Any]:
    """Train one of ours with its defaults and list for the same users."""
    points: list[dict[str, float]] = []
    begun = time.perf_counter()

    def point(values: Mapping[str, float]) -> None:
        points.append({"seconds": round(time.perf_counter() - begun, 1), **values})
        print(f"    {json.dumps(points[-1])}", file=sys.stderr, flush=True)

    made = RECOMMENDERS[name].train(parts.train, validation=validation_of(parts), on_point=point)
    seconds = time.perf_counter() - begun
    histories = parts.histories
    items, values = peer_models.lists(task, lambda users: made.score_matrix(histories.users(users)))
    return {"seconds": round(seconds, 1), "items": items, "values": values, "curve": points}


def reached(curve: list[dict[str, float]], goal: float) -> float | None:
    """Seconds to the first point at or above the goal."""
    found = [point["seconds"] for point in curve if point.get("validation_ndcg", -1.0) >= goal]
    return found[0] if found else None


def table(rows: Mapping[str, dict[str, Any]], task: peer_models.Task) -> None:
    """Print, with the paired difference to the best of ours."""
    found = {name: figures(task, row["items"], row["values"]) for name, row in rows.items()}
    own = {name: one["ndcg"] for name, one in found.items() if name in RECOMMENDERS}
    best = max(own, key=lambda name: own[name].mean())
    print(f"  {len(task.users)} users, {task.n_items} items, seen {task.mode}; load {os.getloadavg()[0]:.1f}")
    print(f"  {'':16} recall@10  NDCG@10  95% interval      seconds   best of ours ({best}) ahead by")
    for name, one in found.items():
        interval = metrics.bootstrap_interval(one["ndcg"], seed=SEED)
        gap = metrics.paired_difference(own[best], one["ndcg"], seed=SEED)
        print(f"  {name:16} {one['recall'].mean():.4f}     {interval.mean:.4f}   "
              f"{interval.low:.4f} to {interval.high:.4f}  {rows[name]['seconds']:8.1f}   "
              f"{gap.mean:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})", flush=True)  # fmt: skip


def compared(choose: Split, report: Split, mode: str, asked: argparse.Namespace) -> None:
    """All rows of one way of asking."""
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        files = {"choose": Path(folder) / "choose.npz", "report": Path(folder) / "report.npz"}
        first = write_task(choose, mode, files["choose"])
        task = write_task(report, mode, files["report"])
        for name in asked.models:
            grid = GRIDS.get(name, [])
            if name == "ease":
                most = first.n_items if first.n_items <= EASE_WHOLE else EASE_CUT
                grid = [one | {"most_items": most} for one in grid]
            if name == "sasrec":
                common = SASREC | {"n_blocks": asked.blocks, "packed": asked.sasrec == "packed"}
                grid = [common | LOSSES[loss] for loss in asked.losses]
            rows[f"peer {name}"] = peer(asked.peers, name, grid, files, threads=asked.threads)
        for name in asked.ours:
            rows[name] = ours(name, report, task)
        print(f"\n{report.facts['name']}, {asked.threads} threads", flush=True)
        table(rows, task)
        for name, row in rows.items():
            if name.startswith("peer"):
                print(f"  {name}: chosen {json.dumps(row['chosen'])}, "
                      f"validation NDCG@10 {row['validation_ndcg']:.4f}")  # fmt: skip
        if "peer sasrec" in rows and "self_attention" in rows and first.same_training(task):
            as_is = None
            if asked.sasrec == "packed":
                once = rows["peer sasrec"]["chosen"] | {"packed": False, "epochs": 1}
                as_is = peer(asked.peers, "sasrec", [once], files, threads=asked.threads)
            ratio(rows["peer sasrec"], rows["self_attention"], as_is)


def ratio(theirs: dict[str, Any], own: dict[str, Any], as_is: dict[str, Any] | None) -> None:
    """Print how soon ours reaches the peer's best."""
    goal = theirs["validation_ndcg"]
    seconds = reached(own["curve"], goal)
    print(f"  RecTools SASRec: best validation NDCG@10 {goal:.4f} in epoch {theirs['epoch']}, "
          f"{theirs['seconds']:.0f} s of training")  # fmt: skip
    if as_is:
        whole = as_is["seconds"] * theirs["epoch"]
        print(f"  as it comes, one epoch takes {as_is['seconds']:.0f} s, hence about {whole:.0f} s")
    if seconds is None:
        print(f"  self_attention does not reach it in {own['seconds']:.0f} s")
        return
    print(f"  self_attention reaches it in {seconds:.0f} s: ratio {seconds / theirs['seconds']:.3f}")
    if as_is:
        print(f"  and {seconds / whole:.3f} of the library as it comes")


def listed(value: str) -> list[str]:
    return [one for one in value.split(",") if one]


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", required=True, help="Python of the environment that holds them")
    parser.add_argument("--beauty", type=Path, help="file of sequences")
    parser.add_argument("--stage", choices=["validation", "test"], default="validation")
    parser.add_argument("--workspace")
    parser.add_argument("--windows-back", type=int, default=1)
    parser.add_argument("--modes", type=listed, default=list(peer_models.MODES), help="of the sample")
    parser.add_argument("--models", type=listed, default=["als", "bpr", "ease", "sasrec"])
    own = [name for name in RECOMMENDERS if name not in ("content", "popular_by_group")]
    parser.add_argument("--ours", type=listed, default=own)
    parser.add_argument("--losses", type=listed, default=["sampled"], help=", ".join(LOSSES))
    parser.add_argument("--blocks", type=int, default=1)
    parser.add_argument("--sasrec", choices=["packed", "as-is"], default="packed")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "2")))
    asked = parser.parse_args()
    print("load average:", " ".join(f"{value:.2f}" for value in os.getloadavg()), flush=True)
    if asked.beauty:
        known = read_sequences(asked.beauty)
        compared(
            leave_one_out_of(known, stage="validation"),
            leave_one_out_of(known, stage=asked.stage),
            "removed",
            asked,
        )
    if asked.workspace:
        workspace = open_workspace(asked.workspace)
        with workspace.reader() as reader:
            windows, before = [], None
            for back in range(asked.windows_back + 2):
                parts = splits.temporal(
                    reader, weights=event_weights(reader), target="purchase", test_days=DAYS,
                    time_zone=workspace.time_zone, before=before, cut=None,
                )  # fmt: skip
                before = parts.train.as_of
                if back >= asked.windows_back:
                    windows.append(in_catalogue(parts))
        for mode in asked.modes:
            compared(windows[1], windows[0], mode, asked)


if __name__ == "__main__":
    main()
