"""Every recommender measured in a process of its own.

It is ended when it would not fit, so that the budget is kept and no recommender can take the others with it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from persmark.recommend.apart import StoppedError, apart
from persmark.recommend.evaluate import OnNamedPoint
from persmark.recommend.measure import Measured, measured
from persmark.recommend.registry import recommender
from persmark.recommend.search.asked import FindBest
from persmark.recommend.search.clock import Clock
from persmark.recommend.search.kept import State
from persmark.recommend.task import Task
from persmark.recommend.training import VALIDATION_K
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress

MINUTES = "minutes"  # the setting by which a recommender is told how long it may learn
# The final training learns from a window more, and is saved.
FINAL_TIMES, FINAL_SECONDS = 1.25, 2.0


@dataclass(frozen=True)
class Skipped:
    """A recommender without a figure, and why."""

    recommender: str
    why: Text


def measure_all(
    task: Task, request: FindBest, clock: Clock, state: State, on_point: OnNamedPoint | None
) -> tuple[list[Measured], list[Skipped]]:
    """What was measured, and what was not and why; what an earlier start measured is taken over."""
    found: list[Measured] = []
    skipped: list[Skipped] = []
    learning = [name for name in request.names if recommender(name).learned]
    for name in request.names:
        before = state.load(name)
        if before is not None:
            found.append(before)
            continue
        to_learn = [
            one for one in learning if one == name or request.names.index(one) > request.names.index(name)
        ]
        # What is measured is trained once more on everything: one share of the rest is for that.
        longest = max((one.fit_seconds for one in found), default=0.0)
        rest = clock.left() - FINAL_SECONDS
        shares = len(to_learn) + 1 if to_learn else 2
        share = min(rest / shares, rest - FINAL_TIMES * longest)
        if share <= 0:
            skipped.append(Skipped(name, text("no time was left")))
            continue
        try:
            one = _measure(name, task, request, clock=clock, state=state, on_point=on_point, seconds=share)
        except StoppedError as error:
            skipped.append(Skipped(name, error.message))
            continue
        state.keep(one, clock.spent())
        found.append(one)
    return found, skipped


def _settings_for(name: str, request: FindBest, seconds: float) -> tuple[dict[str, object], bool]:
    """The settings asked for, with the time it may take where the recommender can be told."""
    settings = dict(request.settings.get(name, {}))
    fields = {one.name: one for one in dataclasses.fields(recommender(name).settings_type)}
    if MINUTES not in fields or MINUTES in settings:
        return settings, False
    low, high = (fields[MINUTES].metadata.get(end) for end in ("low", "high"))
    # What comes before learning and the ranking after it need time too.
    minutes = max(0.6 * seconds / 60, low or 0.0)
    wanted = min(minutes, high) if high is not None else minutes
    return settings | {MINUTES: int(wanted) if isinstance(fields[MINUTES].default, int) else wanted}, True


def _measure(
    name: str,
    task: Task,
    request: FindBest,
    *,
    clock: Clock,
    state: State,
    on_point: OnNamedPoint | None,
    seconds: float,
) -> Measured:
    settings, told = _settings_for(name, request, seconds)
    clock.tell(text("Measuring {name}", name=name))

    def work(progress: OnProgress, point: Callable[[Mapping[str, float]], None]) -> Measured:
        return measured(
            name,
            task,
            k=VALIDATION_K,
            settings=settings,
            on_progress=progress,
            on_point=point,
            checkpoint=state.learning(name),
        )

    def on_measured_point(point: Mapping[str, float]) -> None:
        state.spend(clock.spent())
        if on_point:
            on_point(name, point)

    return apart(
        work,
        deadline=time.monotonic() + seconds,
        ends_itself=told,
        on_progress=lambda _, doing: clock.tell(text("Measuring {name}: {doing}", name=name, doing=doing)),
        on_point=on_measured_point,
    )
