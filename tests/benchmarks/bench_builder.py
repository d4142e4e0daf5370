"""Server work of each interaction with the segment builder: what a click costs until the page is whole again.

    PERSMARK_DATA=FOLDER python -m persmark sample
    PERSMARK_DATA=FOLDER python tests/benchmarks/bench_builder.py [--workspace sample] [--runs 15]

The answers cached by earlier interactions are thrown away before each, but for those about the data that
hold whatever the rule (all profiles, what can be chosen), which the first visit reads: the line "with
nothing known" has those thrown away too. Prints per interaction the median and the worst time, the median of
the processor's time (all threads together; what a busy machine does not stretch), and the load average.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from persmark.ui import cache
from persmark.ui.pages import page_path

_SHELL = "../../persmark/ui/shell.py"
_RULE = {
    "all": [
        {"events": {"event_type": "purchase", "at_least": 3, "within_days": 60}},
        {"column": "rfm_segment", "is": "in", "value": ["at_risk", "cannot_lose"]},
        {
            "any": [
                {"events": {"event_type": "campaign_received", "at_most": 0, "within_days": 30}},
                {"column": "monetary", "is": ">=", "value": 500},
            ]
        },
        {"not": {"segment": "lifecycle: lost"}},
    ]
}  # fmt: skip
_TABS = (
    "Step by step", "Who they are", "Overlap", "Reach and consent", "What a test could show", "As text",
)  # fmt: skip


def _opened(workspace: str, rule: dict[str, object] | None, tab: str) -> AppTest:
    at = AppTest.from_file(_SHELL, default_timeout=120)
    at.query_params["workspace"] = workspace
    if rule:
        at.query_params["rule"] = json.dumps(rule)
    at.session_state["segment_tabs"] = tab
    at.switch_page(page_path("segments")).run()
    if at.exception:
        raise SystemExit(f"{tab}: {at.exception[0].value}")
    return at


def _timed(name: str, runs: int, ready: Callable[[], AppTest], act: Callable[[AppTest, int], None]) -> float:
    """Median of one interaction, milliseconds."""
    at = ready()
    taken, worked = [], []
    for number in range(runs):
        begun, spent = time.perf_counter(), time.process_time()
        act(at, number)
        taken.append(1000 * (time.perf_counter() - begun))
        worked.append(1000 * (time.process_time() - spent))
        if at.exception:
            raise SystemExit(f"{name}: {at.exception[0].value}")
    median = statistics.median(taken)
    print(
        f"{name:34} median {median:5.0f} ms   worst {max(taken):5.0f} ms   "
        f"processor {statistics.median(worked):5.0f} ms   load {os.getloadavg()[0]:.1f}"
    )
    return median


def _rerun_cold(at: AppTest, _: int) -> None:
    cache._answer.clear()
    at.run()


def _change_days(at: AppTest, number: int) -> None:
    """A number of the open form: a condition that was never asked before."""
    field = next(one for one in at.number_input if one.key and one.key.endswith("_within"))
    field.set_value(61 + number).run()


def _open_form(at: AppTest) -> AppTest:
    next(one for one in at.button if one.key and one.key.startswith("pm-words")).click().run()
    return at


def _join(at: AppTest, number: int) -> None:
    box = next(one for one in at.selectbox if one.key and one.key.startswith("join_"))
    box.set_value("any" if number % 2 == 0 else "all").run()


def _share(at: AppTest, number: int) -> None:
    at.slider(key="meter_share").set_value(11 + number).run()


def main() -> None:
    """Print a line per interaction."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", default="sample")
    parser.add_argument("--runs", type=int, default=15)
    asked = parser.parse_args()

    def ready(tab: str = _TABS[0]) -> Callable[[], AppTest]:
        return lambda: _opened(asked.workspace, _RULE, tab)

    medians = [
        _timed("a number of a condition changed", asked.runs, lambda: _open_form(ready()()), _change_days),
        _timed("groups joined otherwise", asked.runs, ready(), _join),
        _timed("holdout share moved", asked.runs, ready(_TABS[4]), _share),
    ]
    medians += [_timed(f"rerun, tab {tab}", asked.runs, ready(tab), lambda at, _: at.run()) for tab in _TABS]
    _timed(
        "no rule, with nothing known",
        asked.runs,
        lambda: _opened(asked.workspace, None, _TABS[0]),
        _rerun_cold,
    )
    _timed("a rule, with nothing known", asked.runs, ready(), _rerun_cold)
    print(f"slowest median of an interaction {max(medians):.0f} ms (target <= 150)")


if __name__ == "__main__":
    main()
