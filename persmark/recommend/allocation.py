"""How the C library hands memory back while a network is trained.

TensorFlow tells it, whenever a dataset is made, to give freed memory back to the system from 128 kB on.
Every large array of every step is then fetched from the system and zeroed anew: measured as half of
the CPU time of a training of small networks.
"""

from __future__ import annotations

import ctypes
import sys

# `man 3 mallopt`, and the numbers in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, up to 1 GB, for the next step.

    To be called once the dataset of a training is made, for making it sets the opposite.

    Returns:
        Whether the C library took it; others than glibc have no such setting.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return bool(mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)) and bool(mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES))
