"""Checking all events, and writing them anew under rules, beside the load of the same file.

    python tests/benchmarks/bench_quality.py [--csv FILE] [--rows N --users N]

Without a file it makes one (see make_events.py). One process after the other; CPU seconds are compared.
The rules fold a type that most events have, cap a few amounts, and leave out the busiest users.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.benchmarks.measure import child, line

RULES = (
    {"kind": "fold_type", "from": "view", "to": "look"},
    {"kind": "cap", "column": "value", "maximum": "100"},
    {"kind": "drop_users", "per_hour": 30},
)


def load(csv: str) -> None:
    """Child: the load."""
    from persmark.events import load as load_file
    from persmark.store import create_workspace

    print(json.dumps({"rows": load_file(create_workspace("bench"), csv).loaded}))


def check() -> None:
    """Child: one look at all events."""
    from persmark.events.quality import check_quality
    from persmark.store import open_workspace

    print(json.dumps({"findings": len(check_quality(open_workspace("bench")))}))


def rules(wanted: str) -> None:
    """Child: rules switched on and applied, or off and taken back."""
    from persmark.events import quality
    from persmark.store import open_workspace

    workspace = open_workspace("bench")
    if wanted == "on":
        for rule in RULES:
            quality.save_rule(workspace, quality.Rule.from_json(rule))
    else:
        for one in quality.saved_rules(workspace):
            quality.switch_rule(workspace, one.rule_id, active=False)
    left = quality.apply_rules(workspace)
    print(json.dumps({"left": left.n_events, "changed": left.n_changed, "left out": left.n_left_out}))


def main() -> None:
    """Print all, with their ratios to the load."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--users", type=int, default=500_000)
    options = parser.parse_args()
    me = str(Path(__file__))
    with tempfile.TemporaryDirectory() as temporary:
        csv = options.csv
        if not csv:
            from persmark.simulate import write_events_csv

            csv = f"{temporary}/events.csv"
            ends_on = datetime.now(UTC).date() - timedelta(days=2)
            write_events_csv(Path(csv), n_events=options.rows, n_users=options.users, seed=1, ends_on=ends_on)
        where = {"PERSMARK_DATA": temporary}
        loaded = child([me, "load", csv], **where)
        print(line("load", [loaded]), loaded.said, flush=True)
        for name, words in (
            ("check", ["check"]),
            ("rules applied", ["rules", "on"]),
            ("rules taken back", ["rules", "off"]),
        ):
            cost = child([me, *words], **where)
            print(line(name, [cost]), f"{cost.cpu / loaded.cpu:.2f} of the load", cost.said, flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in ("load", "check", "rules"):
        {"load": load, "check": check, "rules": rules}[sys.argv[1]](*sys.argv[2:])
    else:
        main()
