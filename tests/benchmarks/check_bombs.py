"""How soon, and in how much memory, files that grow a thousandfold are refused.

    python -m tests.benchmarks.check_bombs [--gigabytes 10]

Prints for each its size, what it would grow to, CPU seconds until the refusal, and by how much the
process grew.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from persmark.errors import FileRefusedError
from persmark.events import load
from persmark.store import create_workspace
from tests.events.test_hostile_reading import TEXT_BLOCK, gzip_bomb, zstd_bomb


def main() -> None:
    """Make and refuse them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--gigabytes", type=int, default=10)
    n_bytes = parser.parse_args().gigabytes << 30
    with tempfile.TemporaryDirectory() as folder:
        workspace = create_workspace("bombs", root=Path(folder))
        path = Path(folder) / "x.csv"
        for name, make in (("gzip", gzip_bomb), ("zstd", zstd_bomb)):
            for kind, block in (
                ("zeros", bytes(1 << 20)),
                ("letters", b"a" * (1 << 20)),
                ("rows", TEXT_BLOCK),
            ):
                make(path, block, n_bytes // len(block))
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                begun = time.process_time()
                try:
                    load(workspace, path)
                    outcome = "LOADED"
                except FileRefusedError as refused:
                    outcome = refused.message.render()
                seconds = time.process_time() - begun
                grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
                size = path.stat().st_size / 1e6
                print(
                    f"{name} of {kind}: {size:.1f} MB, {seconds:.2f} s, +{grown:.0f} MB: {outcome}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
