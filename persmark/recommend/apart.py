"""Work in a child process: stopped at a deadline, and survived where it breaks or runs out of memory.

The child is forked where the system can, so that what was read is shared and not read again; all that it
took is given back when it ends. It watches its parent and ends with it.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, TypeVar

from persmark.errors import PersmarkError
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress
    from persmark.recommend.lesson import OnPoint

Answer = TypeVar("Answer")
# What the child does: told how to report progress and points, it returns what can travel back.
Work = Callable[["OnProgress", "OnPoint"], Answer]

_LOOK_SECONDS = 0.05
_END_SECONDS = 2.0
# With no end in sight long before the deadline, time is better spent on the next one.
_EARLY_SECONDS, _TOO_LONG = 5.0, 2.0


class StoppedError(PersmarkError):
    """Work in a child did not come to its end: out of time, out of memory, or broken."""


def apart(
    work: Work[Answer],
    *,
    deadline: float | None = None,
    ends_itself: bool = False,
    on_progress: OnProgress,
    on_point: OnPoint,
) -> Answer:
    """What `work` returns, worked out in a child process.

    Args:
        work: Called in the child with a reporter of progress and one of curve points.
        deadline: Of `time.monotonic`; the child is ended then.
        ends_itself: Whether it was told to be done by the deadline, so that slow progress says nothing.
        on_progress: Called here.
        on_point: Called here.

    Raises:
        StoppedError: It did not come to its end, said in words.
        PersmarkError: What the work itself refused.
    """
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(work, theirs, os.getpid()), daemon=True)
    started = time.monotonic()
    first: tuple[float, float] | None = None
    child.start()
    theirs.close()
    try:
        while True:
            moment = time.monotonic()
            if deadline is not None and moment > deadline:
                raise _too_long()
            if not ours.poll(_LOOK_SECONDS):
                if not child.is_alive() and not ours.poll(0):
                    raise _died(child.exitcode)
                continue
            try:
                kind, value = ours.recv()
            except EOFError:
                child.join(_END_SECONDS)
                raise _died(child.exitcode) from None
            if kind == "done":
                found: Answer = value
                return found
            if kind == "point":
                on_point(value)
            elif kind == "progress":
                share, doing = value
                on_progress(share, doing)
                # What comes before the first step, such as loading a library, says nothing of the pace.
                if deadline is None or ends_itself or share <= 0:
                    continue
                first = first or (moment, share)
                took, done = moment - first[0], share - first[1]
                if took < _EARLY_SECONDS:
                    continue
                rest = (1 - share) * took / max(done, 1e-9)
                if moment - started + rest > _TOO_LONG * (deadline - started):
                    raise _too_long()
            elif kind == "refused":
                raise value
            else:
                raise StoppedError(value)
    finally:
        ours.close()
        _end(child)


def _child(work: Work[Any], to: Connection, parent: int) -> None:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    lock = threading.Lock()

    def send(kind: str, value: object) -> None:
        with lock:
            to.send((kind, value))

    try:
        found = work(
            lambda share, doing: send("progress", (share, doing)), lambda point: send("point", dict(point))
        )
        send("done", found)
    except MemoryError:
        send("stopped", text("ran out of memory"))
    except PersmarkError as error:
        send("refused", error)
    except BaseException as error:
        traceback.print_exc()
        send("stopped", text("broke ({name})", name=type(error).__name__))


def _end_with(parent: int) -> None:
    """End as soon as the parent is gone, however it went."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _end(child: Any) -> None:
    child.join(0.2)
    if child.is_alive():
        child.terminate()
        child.join(_END_SECONDS)
    if child.is_alive():
        child.kill()
        child.join(_END_SECONDS)


def _too_long() -> StoppedError:
    return StoppedError(text("would not have fitted into the time"))


def _died(exitcode: int | None) -> StoppedError:
    said: Text = text("was stopped from outside, most likely because the memory ran out")
    return StoppedError(said if exitcode and exitcode < 0 else text("ended without a result"))
