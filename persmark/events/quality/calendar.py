"""Clocks and days: sources that run late, days without events, times that are no times."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import numpy as np

from persmark.events.quality.charts import volume_by_day
from persmark.events.quality.finding import FINE, LOOK, PROBLEM, Finding, Look, percent
from persmark.events.rules import ShiftTime
from persmark.text import text

_SAME_TIME = 0.2  # share of a source's events at one time of day
_SAME_INSTANT = 0.01
_LEAST = 100  # events below which a share says nothing
_LEAST_AN_HOUR = 10  # events that each hour of the day needs on average, for its profile to say something
_FITS, _BETTER = 0.8, 0.3  # correlation that a shifted profile must reach, and by how much it must win
_UNLIKE = 5  # a day with this many times more or fewer events than its weekday usually has
_DAILY = 50  # events of a usual day below which ups and downs are chance
_WEEKS = 3
_STRAY = 0.01  # share of the events before the first and after the last day that is looked at


def calendar_findings(look: Look) -> list[Finding]:
    """Times of day, moments, days and hours."""
    days = volume_by_day(look.reader)
    volume = days["n_events"].to_numpy(dtype=np.int64)
    # A stray event years away is no reason to speak of the years between.
    up_to = np.cumsum(volume)
    within = (up_to >= _STRAY * up_to[-1]) & (up_to - volume <= (1 - _STRAY) * up_to[-1])
    dates = list(days["local_date"][within])
    volume = volume[within]
    return [
        *_same_time(look),
        _same_instant(look),
        *_clocks(look),
        _gaps(dates, volume),
        *_volumes(dates, volume),
    ]


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second % 3600 // 60:02}:{second % 60:02}"


def _same_time(look: Look) -> list[Finding]:
    n_of: dict[int, int] = defaultdict(int)
    for row in look.rows("hours_by_source"):
        n_of[row["source_id"]] += int(row["n_events"])
    found = []
    for row in look.rows("seconds_of_day"):
        n, of = int(row["n_events"]), n_of[row["source_id"]]
        if of >= _LEAST and n >= _SAME_TIME * of:
            found.append(
                Finding(
                    key="same_time",
                    level=LOOK,
                    title=text("Days without times"),
                    text=text(
                        "{n} of {of} events of source {source} ({share} %) stand at {clock}: it says the day "
                        "and not the time, so hours and sessions mean little.",
                        n=n, of=of, source=row["source_id"], share=percent(n, of),
                        clock=_clock(int(row["second_of_day"])),
                    ),
                    n=n,
                    of=of,
                    source_id=row["source_id"],
                )
            )  # fmt: skip
    if found:
        return found
    return [
        Finding(
            key="same_time",
            level=FINE,
            title=text("Days without times"),
            text=text("No source of {of} events puts them at one time of the day.", of=look.n_events),
            n=0,
            of=look.n_events,
        )
    ]


def _same_instant(look: Look) -> Finding:
    least = max(_LEAST, int(_SAME_INSTANT * look.n_events))
    rows = look.rows("same_instant", {"least": least})
    n = sum(int(row["n_events"]) for row in rows)
    return Finding(
        key="same_instant",
        level=LOOK if n else FINE,
        title=text("Identical timestamps"),
        text=text(
            "{n} of {of} events happened in {moments} single seconds: a batch job's clock, not people's.",
            n=n, of=look.n_events, moments=len(rows),
        )
        if n
        else text("No single second holds more than {least} of {of} events.", least=least, of=look.n_events),
        n=n,
        of=look.n_events,
        examples=tuple(
            text("{time}: {n} events", time=row["event_time"], n=int(row["n_events"])) for row in rows[:5]
        ),
    )  # fmt: skip


def best_shift(own: np.ndarray, others: np.ndarray) -> tuple[int, float, float]:
    """By how many hours a source's day must be turned to look like that of the others.

    Args:
        own: Events in each of the 24 hours.
        others: The same of the other sources.

    Returns:
        Hours from -11 to 12, the correlation with that shift, and the one without.
    """
    # Roots, so that one busy hour of one user does not outweigh the day of all the others.
    own, others = np.sqrt(own), np.sqrt(others)
    scores = {hours: _alike(np.roll(own, hours), others) for hours in range(-11, 13)}
    # Of equals the smallest shift: a clock is rather off by little than by much.
    best = max(scores, key=lambda hours: (scores[hours], -abs(hours), hours))
    return best, scores[best], scores[0]


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    if not one.std() or not other.std():
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _clocks(look: Look) -> list[Finding]:
    hours: dict[int, Any] = defaultdict(lambda: np.zeros(24))
    for row in look.rows("hours_of_own"):
        hours[row["source_id"]][row["local_hour"]] += int(row["n_events"])
    if len(hours) < 2:
        return []
    total = sum(hours.values())
    found, judged = [], 0
    for source_id, own in hours.items():
        others = total - own
        # A source that has most of all events sets the clock that the others are held against.
        if min(own.sum(), others.sum()) < 24 * _LEAST_AN_HOUR or own.sum() > others.sum():
            continue
        judged += 1
        shift, fits, before = best_shift(own, others)
        if not shift or fits < _FITS or fits - before < _BETTER:
            continue
        n = int(own.sum())
        found.append(
            Finding(
                key="clock",
                level=PROBLEM if fits >= 0.9 else LOOK,
                title=text("A clock that is off"),
                text=text(
                    "The {n} events of source {source} fit the day of the others when they happen {hours} h "
                    "{direction} (correlation {fits} instead of {before}): a time zone was missed.",
                    n=n, source=source_id, hours=abs(shift), fits=round(fits, 2), before=round(before, 2),
                    direction=text("later" if shift > 0 else "earlier"),
                ),
                n=n,
                of=look.n_events,
                source_id=source_id,
                fix=ShiftTime(source_id, shift * 3600),
            )
        )  # fmt: skip
    if found or not judged:
        return found
    return [
        Finding(
            key="clock",
            level=FINE,
            title=text("A clock that is off"),
            text=text("None of {n} sources with enough events keeps other hours than the rest.", n=judged),
            n=0,
            of=judged,
        )
    ]


def _usual(dates: list[date], volume: np.ndarray) -> dict[int, float]:
    """Weekday -> its median number of events."""
    weekdays = np.array([one.weekday() for one in dates])
    return {day: float(np.median(volume[weekdays == day])) for day in range(7) if (weekdays == day).any()}


def _gaps(dates: list[date], volume: np.ndarray) -> Finding:
    usual = _usual(dates, volume)
    empty = [one for one, n in zip(dates, volume, strict=True) if not n and usual[one.weekday()]]
    n_closed = int((volume == 0).sum()) - len(empty)
    said = (
        text(
            "{n} of the {of} days from {first} to {last}, between which nearly all events lie, "
            "have no events, though their weekday usually has some.",
            n=len(empty), of=len(dates), first=dates[0], last=dates[-1],
        )
        if empty
        else text("None of {of} days lacks events.", of=len(dates))
        if not n_closed
        else text(
            "None of {of} days lacks events that its weekday usually has; {closed} days are usually empty.",
            of=len(dates), closed=n_closed,
        )
    )  # fmt: skip
    return Finding(
        key="gaps",
        level=LOOK if empty else FINE,
        title=text("Days without events"),
        text=said,
        n=len(empty),
        of=len(dates),
        examples=tuple(text("{day}", day=one) for one in empty[:5]),
    )


def _volumes(dates: list[date], volume: np.ndarray) -> list[Finding]:
    usual = _usual(dates, volume)
    if len(dates) < 7 * _WEEKS:
        return []
    odd = [
        (one, int(n), usual[one.weekday()])
        for one, n in zip(dates, volume, strict=True)
        if n and usual[one.weekday()] >= _DAILY
        and not usual[one.weekday()] / _UNLIKE <= n <= usual[one.weekday()] * _UNLIKE
    ]  # fmt: skip
    return [
        Finding(
            key="volume",
            level=LOOK if odd else FINE,
            title=text("Days unlike the others"),
            text=text(
                "{n} of {of} days have {factor} times more or fewer events than their weekday usually has.",
                n=len(odd), of=len(dates), factor=_UNLIKE,
            )
            if odd
            else text(
                "None of {of} days has {factor} times more or fewer events than its weekday usually has.",
                of=len(dates), factor=_UNLIKE,
            ),
            n=len(odd),
            of=len(dates),
            examples=tuple(
                text("{day}: {n} events, usually {usual}", day=one, n=n, usual=typical)
                for one, n, typical in odd[:5]
            ),
        )
    ]  # fmt: skip
