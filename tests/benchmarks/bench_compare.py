"""Server work of the Compare page, interaction by interaction, on a loaded workspace.

    PERSMARK_DATA=FOLDER python -m persmark sample
    PERSMARK_DATA=FOLDER python tests/benchmarks/bench_compare.py [--workspace sample]

Segments are changed, every part is looked at, features are chosen; then, if a moment is kept, a segment's
migration and the flows. Each is timed once, as a visitor's first click is: what it needs anew is worked
out, what stands is not. Prints a line per interaction and the median (target <= 150 ms).
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from persmark.ui.pages import page_path

_SHELL = "../../persmark/ui/shell.py"
_CHOICES = (
    ["rfm: champions", "rfm: lost"],
    ["rfm: loyal", "lifecycle: active", "rfm: at_risk"],
    ["everyone", "rfm: champions"],
    ["rfm: loyal", "rfm: lost", "lifecycle: at_risk", "everyone"],
)
_PARTS = ("Attention and spend", "Hours and weekdays", "Value", "Profile")
_FEATURES = ("monetary", "favourite_daypart", "n_items")


def main() -> None:
    """Print a line per interaction."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", default="sample")
    options = parser.parse_args()
    at = AppTest.from_file(_SHELL, default_timeout=120)
    at.query_params["workspace"] = options.workspace
    at.run()
    at.switch_page(page_path("compare")).run()
    taken: list[float] = []

    def timed(name: str, act: Callable[[], AppTest]) -> None:
        begun = time.perf_counter()
        act()
        taken.append(1000 * (time.perf_counter() - begun))
        if at.exception:
            raise SystemExit(f"{name}: {at.exception[0].value}")
        print(f"{name:22} {taken[-1]:6.0f} ms")

    for names in _CHOICES:
        timed("other segments", at.multiselect(key="compared").set_value(names).run)
        for part in _PARTS:
            timed(part, at.segmented_control(key="compare_part").set_value(part).run)
        for feature in _FEATURES:
            timed("another feature", at.selectbox(key="compared_feature").set_value(feature).run)
    timed("who moved", at.segmented_control(key="compare_view").set_value("Who moved").run)
    if any(one.key == "moved_segment" for one in at.selectbox):
        for name in ("lifecycle: active", "rfm: champions", "everyone"):
            timed("another segment", at.selectbox(key="moved_segment").set_value(name).run)
        timed("another flow", at.segmented_control(key="moved_groups").set_value("rfm_segment").run)
    print(
        f"median {statistics.median(taken):.0f} ms (target <= 150), worst {max(taken):.0f} ms, "
        f"load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
