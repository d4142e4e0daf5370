"""The time of a search."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from persmark.text import Text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress


class Clock:
    """The budget, and how much of it is gone."""

    def __init__(self, seconds: float, on_progress: OnProgress | None) -> None:
        self.seconds = seconds
        self.spent_before = 0.0
        self._started = time.monotonic()
        self._on_progress = on_progress

    def spent(self) -> float:
        """Wall seconds, those before a resume included."""
        return self.spent_before + time.monotonic() - self._started

    def left(self) -> float:
        """Seconds of the budget that are not spent."""
        return self.seconds - self.spent()

    def tell(self, doing: Text, *, done: bool = False) -> None:
        """Progress is the share of the budget: what is left of it is the longest that it can take."""
        if self._on_progress:
            self._on_progress(1.0 if done else min(self.spent() / self.seconds, 0.99), doing)
