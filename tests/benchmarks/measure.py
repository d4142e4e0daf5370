"""One child process at a time: its CPU seconds, wall seconds and peak memory, with the load beside."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    """What one process took.

    Attributes:
        cpu: Seconds, user and system, all threads.
        wall: Seconds.
        peak_mb: Largest resident memory.
        load: Load average of the last minute, at the end.
        said: The last line it printed, as JSON where it is some.
    """

    cpu: float
    wall: float
    peak_mb: float
    load: float
    said: Any


def child(arguments: Sequence[str], **environment: str) -> Cost:
    """Run this Python with `arguments` to its end."""
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ".", **environment},
        text=True,
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments[0]} ended with {process.returncode}: {printed}")
    last = printed.strip().splitlines()[-1] if printed.strip() else "null"
    try:
        said = json.loads(last)
    except json.JSONDecodeError:
        said = last
    return Cost(
        cpu=usage.ru_utime + usage.ru_stime,
        wall=time.monotonic() - begun,
        peak_mb=usage.ru_maxrss / 1024,
        load=os.getloadavg()[0],
        said=said,
    )


def line(name: str, costs: Sequence[Cost]) -> str:
    """Medians of several runs, for people."""
    return (
        f"{name:34} cpu {statistics.median(c.cpu for c in costs):7.1f} s   "
        f"wall {statistics.median(c.wall for c in costs):7.1f} s   "
        f"peak {max(c.peak_mb for c in costs):7.0f} MB   load {costs[-1].load:.1f}   (n={len(costs)})"
    )
