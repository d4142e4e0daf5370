"""How long a rule's count takes on a large workspace: median of the runs, with CPU and load beside it.

    python -m tests.benchmarks.bench_segments WORKSPACE [--runs 5] [--only WORD]

`PERSMARK_DATA` names the folder that holds the workspace; nothing in it is changed. A workspace
without a catalogue is also asked about item fields: its items are then put into invented categories
by their id, beside the workspace. Targets: a profile clause 100 ms, an event clause 400 ms, a sequence
1,500 ms, wall-clock on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from persmark.segments import clause_flags, count, count_by_clause, segments_of, tree_counts, why
from persmark.segments.evaluate import ready
from persmark.store import Reader, open_workspace

N_CATEGORIES = 40


def _step(name: str, **more: Any) -> dict[str, Any]:
    return {"event_type": name, **more}


def _rules() -> dict[str, tuple[int, dict[str, Any]]]:
    """Name -> the most milliseconds it may take, and the rule."""
    profile = {"all": [{"column": "recency_days", "is": "<=", "value": 30},
                       {"column": "monetary", "is": ">", "value": 20}]}  # fmt: skip
    thrice = {"events": _step("view", at_least=3, within_days=30)}
    nested = {
        "all": [
            {"events": _step("view", at_least=3, within_days=30)},
            {"not": {"events": _step("purchase", at_least=1, within_days=30)}},
            {"any": [profile, {"sequence": [_step("cart"), _step("purchase")], "within_days": 2}]},
        ]
    }
    return {
        "profile: one column": (100, profile["all"][0]),
        "profile: two columns": (100, profile),
        "profile: text contains": (100, {"column": "user_id", "is": "contains", "value": "99"}),
        "profile: lifecycle": (100, {"segment": "lifecycle: at_risk"}),
        "events: viewed 3 times in 30 days": (400, thrice),
        "events: any, all time": (400, {"events": {"at_least": 10}}),
        "events: did not buy": (400, {"events": _step("purchase", at_most=0)}),
        "events: spent 20 in 60 days": (400, {"events": _step("purchase", spent_at_least=20,
                                                              within_days=60)}),
        "events: item filter": (400, {"events": {"category": "c7", "at_least": 3, "within_days": 60}}),
        "events: viewed, item filter": (400, {"events": _step("view", category=["c1", "c2"], at_least=1)}),
        "sequence: viewed, bought, 7 days": (1500, {"sequence": [_step("view"), _step("purchase")],
                                                    "within_days": 7}),
        "sequence: viewed, bought, ever": (1500, {"sequence": [_step("view"), _step("purchase")]}),
        "sequence: viewed, viewed, 7 days": (1500, {"sequence": [_step("view"), _step("view")],
                                                    "within_days": 7}),
        "sequence: anything twice in an hour": (1500, {"sequence": [{}, {}], "within_days": 1 / 24}),
        "sequence: items of two categories": (1500, {"sequence": [{"category": "c1"}, {"category": "c2"}],
                                                     "within_days": 7}),
        "sequence: viewed, carted, bought": (1500, {"sequence": [_step("view"), _step("cart"),
                                                                 _step("purchase")], "within_days": 7}),
        "sequence: three views": (1500, {"sequence": [_step("view")] * 3, "within_days": 7}),
        "nested": (2000, nested),
    }  # fmt: skip


class _WithItems(Reader):
    """A reader that answers every query with these items in place of its own."""

    def __init__(self, reader: Reader, items: pa.Table | None) -> None:
        self._reader = reader
        self._inputs = {"items": items} if items is not None else {}
        self.manifest = reader.manifest

    def rows(
        self, sql: str, params: Mapping[str, object] | None = None, **more: Any
    ) -> list[tuple[Any, ...]]:
        inputs = {**self._inputs, **(more.pop("inputs", None) or {})}
        return self._reader.rows(sql, params, inputs=inputs, **more)

    def table(self, sql: str, params: Mapping[str, object] | None = None, **more: Any) -> pa.Table:
        inputs = {**self._inputs, **(more.pop("inputs", None) or {})}
        return self._reader.table(sql, params, inputs=inputs, **more)


def _invented(reader: Reader) -> pa.Table | None:
    """Categories for a workspace without any."""
    if reader.value("SELECT count(*) FROM items WHERE category IS NOT NULL"):
        return None
    return reader.table(
        "SELECT item_id, 'c' || (row_number() OVER (ORDER BY item_id) % $n) AS category, "
        "CAST(NULL AS VARCHAR) AS brand, 'product' AS kind FROM (SELECT DISTINCT item_id FROM events) AS e",
        {"n": N_CATEGORIES},
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _timed(work: Callable[[], object], runs: int) -> tuple[float, float, object]:
    """Median wall-clock and CPU milliseconds, and what came out."""
    walls, cpus, found = [], [], work()
    for _ in range(runs):
        cpu, began = _cpu(), time.perf_counter()
        found = work()
        walls.append(1000 * (time.perf_counter() - began))
        cpus.append(1000 * (_cpu() - cpu))
    return statistics.median(walls), statistics.median(cpus), found


def main() -> None:
    """Print one line for each rule."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("workspace")
    asked.add_argument("--runs", type=int, default=5)
    asked.add_argument("--only", default="")
    args = asked.parse_args()
    workspace = open_workspace(args.workspace)
    with workspace.reader() as plain:
        reader = _WithItems(plain, _invented(plain))
        n_events, n_users = (plain.value(f"SELECT count(*) FROM {name}") for name in ("events", "profiles"))
        print(f"{n_events:,} events, {n_users:,} users, {os.cpu_count()} cores")
        print(f"{'':40} {'median':>9} {'CPU':>9} {'target':>9} {'load':>6}  users")

        def show(name: str, most: int | None, work: Callable[[], object]) -> None:
            if args.only in name:
                wall, cpu, found = _timed(work, args.runs)
                target = "" if most is None else f"{most:,}"
                said = f"{found:,}" if isinstance(found, int) else ""
                print(
                    f"{name:40} {wall:6,.0f} ms {cpu:6,.0f} ms {target:>9} {os.getloadavg()[0]:6.1f}  {said}"
                )

        rules = _rules()
        for name, (most, rule) in rules.items():
            show(name, most, lambda rule=rule: count(reader, rule))  # type: ignore[misc]
        nested = rules["nested"][1]
        user_id = str(plain.value("SELECT user_id FROM profiles WHERE n_events > 20 LIMIT 1"))
        show("nested: count by clause", None, lambda: count_by_clause(reader, nested))
        show("nested: count of every part", None, lambda: tree_counts(reader, nested))
        show("nested: flags of all users", None, lambda: clause_flags(reader, nested))
        show("nested: why one user", None, lambda: why(reader, nested, user_id))
        show("segments of one user", None, lambda: segments_of(workspace, reader, user_id))
        show("checking and compiling alone", None, lambda: ready(reader, nested, None))


if __name__ == "__main__":
    main()
