"""Server work of every page on a big workspace: reruns with nothing cached but the open files.

    python tests/benchmarks/bench_load.py --keep FOLDER          # makes workspace `bench`
    PERSMARK_DATA=FOLDER python -m persmark profiles --workspace bench
    PERSMARK_DATA=FOLDER python -m persmark train repeat --workspace bench
    PERSMARK_DATA=FOLDER python tests/benchmarks/bench_pages.py [--workspace bench] [--runs 15]

A rerun is what one interaction costs the server; the answers cached by an earlier rerun are thrown
away before each. Prints the median and the worst of the reruns, with the load average, and the most
rows that any query of the page handed over.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import Any

from streamlit.testing.v1 import AppTest

from persmark.store import Reader
from persmark.ui import cache
from persmark.ui.pages import STEPS, page_path

_SHELL = "../../persmark/ui/shell.py"


def _count_rows() -> list[int]:
    """Note how many rows each query of a reader hands over."""
    seen: list[int] = []

    def noting(name: str, rows_of: Any) -> None:
        inner = getattr(Reader, name)

        def call(self: Reader, *args: Any, **kwargs: Any) -> Any:
            found = inner(self, *args, **kwargs)
            seen.append(rows_of(found))
            return found

        setattr(Reader, name, call)

    noting("table", lambda found: found.num_rows)
    noting("rows", len)
    return seen


def main() -> None:
    """Print a line per page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", default="bench")
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    seen = _count_rows()
    medians, worst = [], 0.0
    for name, step in STEPS.items():
        at = AppTest.from_file(_SHELL, default_timeout=120)
        at.query_params["workspace"] = options.workspace
        at.run()
        at.switch_page(page_path(name)).run()
        if at.exception:
            raise SystemExit(f"{name}: {at.exception[0].value}")
        seen.clear()
        taken = []
        for _ in range(options.runs):
            cache._answer.clear()
            begun = time.perf_counter()
            at.run()
            taken.append(1000 * (time.perf_counter() - begun))
        medians.append(statistics.median(taken))
        worst = max(worst, *taken)
        print(
            f"{step.title:12} median {statistics.median(taken):6.0f} ms   worst {max(taken):6.0f} ms   "
            f"most rows of a query {max(seen, default=0):,}   load {os.getloadavg()[0]:.1f}"
        )
    print(f"slowest page's median {max(medians):.0f} ms (target <= 150); worst rerun {worst:.0f} ms (<= 400)")


if __name__ == "__main__":
    main()
