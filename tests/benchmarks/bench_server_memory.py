"""The server's memory before, during and after a training that is started on its page.

    PERSMARK_DATA=FOLDER python tests/benchmarks/bench_server_memory.py [--workspace sample] [--minutes 1]

FOLDER is written to: give it a copy. Starts the real server, opens the Train and Leaderboard pages in a
browser, presses Find the best, waits for the end, opens both pages again, and prints the server's resident
memory and whether TensorFlow or Keras is mapped into it. Exits 1 where memory grew by more than
--allowed MB or TensorFlow is loaded.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from pathlib import Path

from persmark import jobs
from persmark.settings import settings
from persmark.store import open_workspace
from tests.browser.screenshots import settle
from tests.browser.server import browsing, server

_HEAVY = ("tensorflow", "libtensorflow", "keras")
_LONGEST_SECONDS = 1800


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    line = next(
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")
    )
    return int(line.split()[1]) / 1024


def heavy(pid: int) -> list[str]:
    """Which of the heavy libraries have files mapped into a process."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    return [name for name in _HEAVY if name in maps]


def main() -> int:
    """Print a line per stage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", default="sample")
    parser.add_argument("--minutes", type=int, default=1, choices=[1, 2, 5, 10, 20, 30, 60, 120])
    parser.add_argument("--allowed", type=float, default=50.0, help="MB of growth")
    asked = parser.parse_args()
    workspace = open_workspace(asked.workspace)
    with server(settings().data_folder) as (address, pid), browsing() as browser:
        page = browser.new_page()

        def look() -> float:
            for name in ("train", "leaderboard", "train"):
                page.goto(f"{address}/{name}?workspace={asked.workspace}")
                settle(page)
            gc.collect()
            return resident_mb(pid)

        look()
        before = look()
        print(f"before a training    {before:7.0f} MB   heavy libraries: {heavy(pid) or 'none'}", flush=True)
        page.get_by_role("slider").first.focus()
        while f"{asked.minutes}" != page.get_by_role("slider").first.get_attribute("aria-valuetext"):
            page.keyboard.press("ArrowLeft")
        page.get_by_role("button", name="Find the best").last.click()
        give_up = time.monotonic() + _LONGEST_SECONDS
        most, libraries = 0.0, set()
        job = None
        while time.monotonic() < give_up:
            job = jobs.latest(workspace, "find best")
            most = max(most, resident_mb(pid))
            libraries |= set(heavy(pid))
            if job is not None and not job.active:
                break
            time.sleep(0.5)
        assert job is not None
        print(f"while it trained     {most:7.0f} MB   heavy libraries: {sorted(libraries) or 'none'}")
        print(f"  it ended as {job.state} after {job.elapsed_seconds:.0f} s {job.error}")
        after = look()
        print(f"after, pages opened  {after:7.0f} MB   heavy libraries: {heavy(pid) or 'none'}")
        print(f"grown by {after - before:+.0f} MB (allowed {asked.allowed:.0f})")
        return 0 if after - before <= asked.allowed and not libraries and job.state == "done" else 1


if __name__ == "__main__":
    sys.exit(main())
