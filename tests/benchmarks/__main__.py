"""All benchmarks on generated data of one size, one after the other: `python -m tests.benchmarks`.

    python -m tests.benchmarks [--rows 10000000] [--users 500000] [--runs 3]

Needs about 3 GB of disk for ten million rows. Each can be run alone; see its own top lines.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--users", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    size = ["--rows", str(options.rows), "--users", str(options.users)]
    with tempfile.TemporaryDirectory() as temporary:
        environment = {**os.environ, "PYTHONPATH": ".", "PERSMARK_DATA": f"{temporary}/data"}

        def run(*arguments: str) -> None:
            print("\n$", " ".join(arguments).replace(temporary, "TMP"), flush=True)
            subprocess.run([sys.executable, *arguments], env=environment, check=True)

        csv = f"{temporary}/events.csv"
        run(f"{HERE}/make_events.py", *size, "--seed", "1", "--out", csv)
        run(f"{HERE}/bench_load.py", *size, "--runs", str(options.runs), "--keep", f"{temporary}/data")
        run(f"{HERE}/bench_quality.py", "--csv", csv)
        run(f"{HERE}/bench_profiles.py", "--csv", csv)
        run(f"{HERE}/bench_profiles.py", "--csv", csv, "--catalogue")
        made = ["--csv", csv, "--users", str(options.users), "--seed", "1"]
        run(f"{HERE}/bench_profiles.py", *made, "--refresh")
        run("-m", "persmark", "profiles", "--workspace", "bench")
        run("-m", "persmark", "train", "repeat", "--workspace", "bench")
        run(f"{HERE}/bench_pages.py")
        from persmark.events.sample import sample_folder

        run(f"{HERE}/bench_evaluate.py", "--data", str(sample_folder()))


if __name__ == "__main__":
    main()
