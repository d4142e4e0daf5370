"""Profile models on real data: learned and chosen before the last 12 weeks, judged on them.

    python tests/benchmarks/check_predictions.py [--data online_retail.parquet] [--cdnow cdnow.csv]

Without `--data` the built-in sample is used. Prints, for each target, every figure beside each baseline
with its 95% interval over users, the paired differences, and how promised chances compare with what came;
over categories also how many of them beat each baseline one by one. `--cdnow` is a table of frequency,
recency and T per buyer (Fader, Hardie & Lee's CDNOW summary, which is not ours to keep): BG/NBD is fitted
to it and printed beside the published parameters. Exits 1 where a figure that is required falls short;
where `--only-report` is given it says so and exits 0.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


def _shown(values: Sequence[float | None] | None, digits: int = 4) -> str:
    if not values or values[0] is None:
        return "-"
    if values[1] is None or values[2] is None:
        return f"{values[0]:.{digits}f}"
    return f"{values[0]:.{digits}f} [{values[1]:.{digits}f}, {values[2]:.{digits}f}]"


def _print(name: str, one: Mapping[str, Any]) -> None:
    print(f"\n{name}: {one['candidate']}, {one['n_users']:,} users, {one['n_rows']:,} rows, "
          f"{one['n_positive']:,} did it")  # fmt: skip
    if one.get("errors"):
        print("  error on the window that chose:", {k: round(v, 5) for k, v in one["errors"].items()})
    for against, figures in one["figures"].items():
        print(f"  {against:6}", "  ".join(f"{m} {_shown(v)}" for m, v in figures.items()))
    for against, gains in one["gains"].items():
        print(f"  better than {against:6}", "  ".join(f"{m} {_shown(v, 5)}" for m, v in gains.items()),
              "->", one["standings"][against])  # fmt: skip
    if one.get("off"):
        print("  mean promised minus mean that came:", _shown(one["off"]))
    if one.get("inside"):
        print("  inside the 80% interval:", _shown(one["inside"]))
    for group in one.get("reliability", ()):
        print(f"    promised {group['mean']:.3f}  came {group['share']:.3f} "
              f"[{group['share_low']:.3f}, {group['share_high']:.3f}]  n {group['n']:,}")  # fmt: skip


def _over_categories(targets: Mapping[str, Any]) -> None:
    """Each category on its own, and an interval in which categories are drawn as well."""
    single = [one for name, one in targets.items() if name.startswith("buy: ")]
    rng = np.random.default_rng(0)
    for against in ("base", "rfm"):
        for measure in ("brier", "auc"):
            gains = np.array([one["gains"][against][measure][0] for one in single])
            lows = np.array([one["gains"][against][measure][1] for one in single], float)
            highs = np.array([one["gains"][against][measure][2] for one in single], float)
            drawn = gains[rng.integers(0, len(gains), (2000, len(gains)))].mean(axis=1)
            low, high = np.quantile(drawn, [0.025, 0.975])
            print(f"  {measure:5} over {against:4}: mean over {len(gains)} categories {gains.mean():.5f}, "
                  f"categories drawn [{low:.5f}, {high:.5f}]; better for certain in {int((lows > 0).sum())}, "
                  f"worse for certain in {int((highs < 0).sum())}")  # fmt: skip


def _cdnow(path: Path) -> bool:
    from persmark.profiles.predict.bgnbd import bgnbd_likelihood, fit_bgnbd

    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    x, t_x, age = (np.array([float(row[name]) for row in rows]) for name in ("frequency", "recency", "T"))
    found = fit_bgnbd(x, t_x, age)
    value, _ = bgnbd_likelihood(np.array([found.r, found.alpha, found.a, found.b]), x, t_x, age)
    print(f"\nCDNOW, {len(x):,} buyers: log-likelihood {value:.1f} (published -9582.4)")
    same = True
    for name, published in PUBLISHED.items():
        mine = getattr(found, name)
        same &= round(mine, 3) == published
        print(f"  {name:6} {mine:.4f}  published {published}")
    return same


def _required(report: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """What must hold: the lower bound of the difference above 0."""
    found = []
    for against in ("base", "rfm"):
        gains = report["categories"].get("gains", {}).get(against, {})
        for measure in ("brier", "auc"):
            low = gains.get(measure, [None, None, None])[1]
            found.append((f"categories beat {against} by {measure}", low is not None and low > 0))
    spend = report["targets"].get("spend", {}).get("gains", {}).get("bgnbd", {})
    for measure in ("mae", "captured"):
        low = spend.get(measure, [None, None, None])[1]
        found.append((f"spend beats BG/NBD + Gamma-Gamma by {measure}", low is not None and low > 0))
    return found


def main() -> int:
    """Load, train, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cdnow", type=Path)
    parser.add_argument("--only-report", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["PERSMARK_DATA"] = temporary
        from persmark import events
        from persmark.profiles import predict
        from persmark.store import create_workspace

        if options.data:
            workspace = create_workspace("check")
            events.load(workspace, options.data)
        else:
            workspace = create_workspace("check", kind="sample", time_zone="America/New_York")
            events.load_sample(workspace)
        begun, cpu = time.monotonic(), time.process_time()
        run = predict.train_predictions(workspace)
        print(f"trained in {time.monotonic() - begun:.0f} s ({time.process_time() - cpu:.0f} s of processor)")
        report = run.report
        print("test window:", report["test"])
        for name, one in report["targets"].items():
            if not name.startswith("buy: "):
                _print(name, one)
        if report["categories"]:
            _print("all categories", report["categories"])
            _over_categories(report["targets"])
        print(f"\nrefused: {len(report['refused'])}")
        for one in report["refused"][:10]:
            print("  ", one["title"], "-", predict.unpacked(one["why"]))
        with workspace.reader() as reader:
            user = reader.value("SELECT min(user_id) FROM predictions")
            for target in predict.targets(reader)[:4]:
                begun = time.monotonic()
                why = predict.reasons(workspace, reader, user, target.name, 3).to_pylist()
                said = [(row["title"], row["value"], row["typical"], round(row["change"], 4)) for row in why]
                print(f"reasons of {target.name} in {1000 * (time.monotonic() - begun):.0f} ms:", said)
        short = [what for what, holds in _required(report) if not holds]
    if options.cdnow and not _cdnow(options.cdnow):
        short.append("BG/NBD equals the published CDNOW parameters")
    print("\nfalls short:" if short else "\nall that is required holds", "; ".join(short))
    return 1 if short and not options.only_report else 0


if __name__ == "__main__":
    sys.exit(main())
