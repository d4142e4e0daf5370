"""What an upload by a real browser costs the server's memory: `python tests/benchmarks/bench_upload.py`.

    python tests/benchmarks/bench_upload.py [--megabytes 195]

Prints resident memory before, at its peak and after the upload, and each as a ratio of the file.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from persmark.store import create_workspace
from tests.browser.screenshots import settle
from tests.browser.server import browsing, server

LINE = "user-%07d,item-%05d,view,2026-01-%02d %02d:00:00,%d.50\n"


def write_csv(path: Path, n_bytes: int) -> None:
    """An events file of about this size."""
    with path.open("w") as out:
        out.write("user_id,item_id,event_type,event_time,value\n")
        n = 0
        while out.tell() < n_bytes:
            out.writelines(
                LINE % (i % 90_001, i % 4_999, i % 28 + 1, i % 24, i % 100) for i in range(n, n + 10_000)
            )
            n += 10_000


def memory(process_id: int, key: str) -> float:
    """A figure of /proc/PID/status in MB: VmRSS now, VmHWM the most so far."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(key)


def forget_peak(process_id: int) -> None:
    """From now on VmHWM counts anew."""
    Path(f"/proc/{process_id}/clear_refs").write_text("5")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=195)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "data"
        data.mkdir()
        os.environ["PERSMARK_DATA"] = str(data)
        create_workspace("blank")
        small, big = Path(temporary) / "small.csv", Path(temporary) / "big.csv"
        write_csv(small, 1)
        write_csv(big, asked.megabytes * 1_000_000)
        size = big.stat().st_size / 1e6
        with server(data) as (address, process_id), browsing() as browser:
            page = browser.new_page()
            for _ in range(2):  # imports and caches are warm after the first
                page.goto(address)
                settle(page)
                page.locator('[data-testid="stFileUploader"] input[type=file]').set_input_files(str(small))
                page.get_by_role("button", name="Load the file").wait_for(timeout=90_000)
                settle(page)
            page.goto(address)
            settle(page)
            before = memory(process_id, "VmRSS")
            forget_peak(process_id)
            begun = time.monotonic()
            page.locator('[data-testid="stFileUploader"] input[type=file]').set_input_files(str(big))
            page.get_by_role("button", name="Load the file").wait_for(timeout=60_000)
            settle(page)
            seconds = time.monotonic() - begun
            time.sleep(2)
            peak, after = memory(process_id, "VmHWM"), memory(process_id, "VmRSS")
    print(
        f"file {size:.0f} MB; server before {before:.0f} MB, peak {peak:.0f} MB, after {after:.0f} MB; "
        f"peak rise {(peak - before) / size:.2f} x the file, held {(after - before) / size:.2f} x "
        f"({after - before:+.0f} MB); {seconds:.0f} s in the browser, load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
