"""How many files of csv-spectrum come out equal to the JSON that goes with them.

    python -m tests.benchmarks.check_csv_spectrum --data PATH

PATH holds the folders `csvs` and `json` of https://github.com/max-mapper/csv-spectrum.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from persmark.events.head import look
from persmark.events.propose import unique_names
from persmark.events.records import Rejects
from persmark.events.stage import records


def rows_of(path: Path) -> list[dict[str, str | None]]:
    """A file's rows as persmark reads them, nothing about it being known beforehand."""
    head, _ = look(path)
    names = unique_names(head.names)
    rejects = Rejects()
    rows = [dict(zip(names, cells, strict=True)) for _, _, cells in records(path, head.form, names, rejects)]
    assert not rejects.rows, rejects.rows
    return rows


def main() -> None:
    """Compare them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    files = sorted((folder / "csvs").glob("*.csv"))
    equal = 0
    for path in files:
        expected = json.loads((folder / "json" / f"{path.stem}.json").read_text("utf-8"))
        same = rows_of(path) == expected
        equal += same
        print(f"{path.name:28} {'equal' if same else 'differs'}")
    print(f"{equal} of {len(files)} equal")
    raise SystemExit(equal != len(files))


if __name__ == "__main__":
    main()
