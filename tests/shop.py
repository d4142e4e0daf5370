"""A small shop as CSV files and as a loaded workspace, for the tests of pages and browser."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from persmark import actions
from persmark.store import Workspace, open_workspace

# Names with quotes, spaces, markup, other scripts and emoji go through every path.
HARD_USER = 'O\'Neil "乳品" 🧀'
HARD_ITEM = "<img src=x onerror=alert(1)> ![a](http://evil.test/a.png)"
N_USERS, N_ITEMS, N_DAYS = 40, 12, 90
ACTOR = actions.Actor()


def _rows() -> Iterator[dict[str, str]]:
    start = datetime(2026, 1, 1, 9, 0)
    for user in range(N_USERS):
        name = HARD_USER if user == 0 else f"user-{user:02d}"
        gap = 3 + user % 9
        for step, day in enumerate(range(user % 7, N_DAYS - (user % 5) * 12, gap)):
            # Each user comes back to two items, and now and then looks at a third.
            item = (user + (step % 2) * 5) % N_ITEMS
            moment = start + timedelta(days=day, hours=user % 10, minutes=step % 50)
            title = HARD_ITEM if item == 0 else f"Item no. {item}"
            base = {"item": f"sku-{item}", "title": title, "category": f"Aisle {item % 3}"}
            yield {
                "customer": name, "time": moment.isoformat(sep=" "), "event": "view", **base, "amount": "",
            }  # fmt: skip
            yield {
                "customer": name, "time": (moment + timedelta(minutes=4)).isoformat(sep=" "),
                "event": "purchase", **base, "amount": f"{2 + item * 0.5:.2f}",
            }  # fmt: skip


def write_csv(path: Path) -> Path:
    """The shop's events; one row has no time and must be rejected."""
    rows = list(_rows())
    broken = {**rows[0], "time": "yesterday"}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows([*rows, broken])
    return path


def load_shop(folder: Path) -> Workspace:
    """The shop in a workspace of its own; `PERSMARK_DATA` must name where workspaces live."""
    workspace = actions.create_workspace_for_upload(ACTOR, "shop.csv")
    path = write_csv(folder / "shop.csv")
    actions.run(workspace, ACTOR, actions.LoadFiles(paths=(str(path),), names=("shop.csv",)))
    return open_workspace(workspace.name)
