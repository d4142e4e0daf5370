"""Progress of long statements: what is being done is said again while one of them runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from persmark.text import Text

PULSE_SECONDS = 1.0

Tell = Callable[[float, Text], None]


class Pulse:
    """Passes progress on, and repeats it each second while a statement runs.

    The fraction moves on with the database's own count of the statement, up to the next stop.

    Args:
        tell: Told a fraction from 0 to 1, and what is happening.
        stops: Fractions that are reported when a step ends, in order.
        share: How much of the running statement is done, 0 to 1; below 0 where nobody knows.
        seconds: Between two repetitions; one by default.
    """

    def __init__(
        self,
        tell: Tell,
        stops: Sequence[float],
        share: Callable[[], float],
        *,
        seconds: float | None = None,
    ) -> None:
        self._tell = tell
        self._stops = tuple(stops)
        self._share = share
        self._seconds = PULSE_SECONDS if seconds is None else seconds
        self._last: tuple[float, Text] | None = None
        self._said = 0.0
        self._busy_since: float | None = None
        self._trouble: Exception | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
        self._thread.start()

    def __call__(self, fraction: float, message: Text) -> None:
        """Report a step, from the thread that does the work."""
        with self._lock:
            self._last = (fraction, message)
            self._said = max(self._said, fraction)
            self._tell(self._said, message)

    @contextmanager
    def statement(self) -> Iterator[None]:
        """Around each statement; what the told one raised meanwhile is raised here."""
        self._busy_since = time.monotonic()
        try:
            yield
        finally:
            self._busy_since = None
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            raise trouble

    def end(self) -> None:
        """No more repetitions."""
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(self._seconds):
            since = self._busy_since
            if since is None or time.monotonic() - since < self._seconds / 2:
                continue
            share = self._share()
            with self._lock:
                if self._last is None or self._busy_since is None or self._trouble is not None:
                    continue
                begun, message = self._last
                stop = next((one for one in self._stops if one > begun), begun)
                self._said = max(self._said, begun + (stop - begun) * min(max(share, 0.0), 1.0))
                try:
                    self._tell(self._said, message)
                except Exception as error:  # raised where the work is done
                    self._trouble = error
