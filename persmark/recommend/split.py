"""What a recommender may learn from, and what it is then asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from persmark.columns import EVENT_TIME, ITEM_ID, PURCHASE, USER_ID
from persmark.errors import EmptyError, FileRefusedError, InputError
from persmark.recommend.contract import heaviest_type
from persmark.recommend.facts import UserFacts, load_user_facts
from persmark.recommend.interactions import (
    DAY,
    Ids,
    Interactions,
    Seconds,
    last_second,
    load_interactions,
    places,
)
from persmark.store import Reader
from persmark.text import text

TEMPORAL, LEAVE_ONE_OUT, GIVEN = "temporal", "leave-one-out", "given"
_SECOND = "first_second"
SPLITS = (TEMPORAL, LEAVE_ONE_OUT, GIVEN)


@dataclass(frozen=True, eq=False)
class Split:
    """Train events, and distinct (user, item) pairs to be found.

    Args:
        train: What is learned from; also the users' histories when they are scored.
        histories: What is known of the users when they are scored; `train` but for leave-one-out
            with the validation event in the history.
        test_users: (n_pairs,) user ids.
        test_items: (n_pairs,) item ids.
        target: The event type asked for.
        facts: What to print about the split.
        validation_users: (n_validation,) ids of the users of pairs that are neither learned from nor
            asked for: a training may stop by them. Empty where the split sets none aside.
        validation_items: (n_validation,) their item ids.
        test_times: (n_pairs,) epoch seconds of the first event that asks for each pair; None where
            nobody knows.
        asked_facts: Attributes of the distinct `test_users`, ascending; None where not asked for.
    """

    train: Interactions
    histories: Interactions
    test_users: Ids
    test_items: Ids
    target: str
    facts: Mapping[str, Any]
    validation_users: Ids = field(default_factory=lambda: np.zeros(0, object))
    validation_items: Ids = field(default_factory=lambda: np.zeros(0, object))
    test_times: Seconds | None = None
    asked_facts: UserFacts | None = None


def distinct(ids: Ids) -> Ids:
    """The distinct ids, ascending."""
    found: Ids = np.asarray(pd.factorize(ids, sort=True)[1], dtype=object)
    return found


def windowed(known: Interactions, window_days: int | None) -> Interactions:
    """Only the last days before `as_of`; the vocabularies stay, so that histories can be longer.

    Args:
        known: Events.
        window_days: 24-hour days; all of them where left out.

    Raises:
        InputError: It is below 1.
        EmptyError: No event lies in the window.
    """
    if window_days is None:
        return known
    if window_days < 1:
        raise InputError(
            text("The window to learn from must be at least 1 day. Received: {days}.", days=window_days)
        )
    kept = known.rows(known.time >= known.as_of - window_days * DAY)
    if len(known) and not len(kept):
        raise EmptyError(
            text("The last {days} days must hold events to learn from. Received: none.", days=window_days),
            title="Nothing in the window",
            hint="Learn from more days.",
        )
    return kept


def local_midnight(last: int, *, days: int, time_zone: str) -> int:
    """Epoch seconds of the local midnight that starts the last `days` local days.

    Args:
        last: Epoch seconds of the last event; its local day is the last of them.
        days: How many, at least 1.
        time_zone: IANA name.
    """
    zone = ZoneInfo(time_zone)
    first_day = datetime.fromtimestamp(last, UTC).astimezone(zone).date() - timedelta(days=days - 1)
    return int(datetime(first_day.year, first_day.month, first_day.day, tzinfo=zone).timestamp())


def chosen_target(interactions: Interactions, target: str | None) -> str:
    """The event type asked for: the one named, else purchases, else the heaviest type.

    Raises:
        EmptyError: There is no event of that type.
    """
    if target is None:
        bought = interactions.typed(PURCHASE).any()
        return PURCHASE if bought or not len(interactions) else heaviest_type(interactions)
    if not interactions.typed(target).any():
        held = [name for name in interactions.event_types if interactions.typed(name).any()]
        raise EmptyError(
            text("The target must be an event type with events on items. Received: {target}.", target=target),
            title="No target events",
            hint=text("Available: {names}.", names=", ".join(held) or "none"),
        )
    return target


def temporal(
    reader: Reader,
    *,
    weights: Mapping[str, float],
    target: str | None,
    test_days: int,
    time_zone: str,
    before: int | None,
    cut: int | None,
    window_days: int | None = None,
    with_facts: bool = False,
) -> Split:
    """Everything earlier than a moment is learned from; what comes later is asked for.

    With `window_days` only the last days before that moment are learned from; histories stay whole.

    Raises:
        InputError: `test_days` is below 1.
        EmptyError: Nothing lies on one of the two sides.
    """
    if test_days < 1:
        raise InputError(text("The test must last at least 1 day. Received: {days}.", days=test_days))
    last = last_second(reader, before=before)
    start = local_midnight(last, days=test_days, time_zone=time_zone) if cut is None else cut
    known = load_interactions(reader, weights=weights, before=start, with_facts=with_facts)
    train = windowed(known, window_days)
    after = load_interactions(reader, weights=weights, since=start, before=before)
    if not len(train) or not len(after):
        raise EmptyError(
            text(
                "A test of the last {days} days needs events before and after {cut}."
                " Received: {n_before} before, {n_after} after.",
                days=test_days,
                cut=datetime.fromtimestamp(start, UTC),
                n_before=len(train),
                n_after=len(after),
            ),
            title="Too little time",
            hint="Ask for fewer test days.",
        )
    wanted = chosen_target(train, target)
    users, items, times = _pairs(after, after.typed(wanted))
    asked = None
    if with_facts:
        # One vocabulary of values for both, so that a new user's mean what the others' mean.
        both = distinct(np.concatenate([known.user_ids, users]))
        of_both = load_user_facts(reader, both)
        known = replace(known, user_facts=of_both.users(places(both, known.user_ids)))
        train = replace(train, user_facts=known.user_facts)
        asked = of_both.users(places(both, distinct(users)))
    facts = {
        "name": TEMPORAL,
        "test_days": test_days,
        "time_zone": time_zone,
        "cut": _iso(start),
        "end": _iso(last),
        "window_days": window_days,
    }
    return Split(train, known, users, items, wanted, facts, test_times=times, asked_facts=asked)


def leave_one_out(
    reader: Reader,
    *,
    weights: Mapping[str, float],
    target: str | None,
    before: int | None,
    validation_in_history: bool,
    window_days: int | None = None,
    with_facts: bool = False,
) -> Split:
    """The last target event of each user is asked for; the one before it is not learned from.

    Users with fewer than three target events stay in training whole. Events of other types at or
    after the validation event leave training too. This split lets training see other users' later
    events: for comparison with the literature only.
    """
    known = load_interactions(reader, weights=weights, before=before, with_facts=with_facts)
    if not len(known):
        raise EmptyError(
            text("Leave-one-out needs events on items. Received: none."),
            title="No events",
            hint="Load events.",
        )
    wanted = chosen_target(known, target)
    at = np.flatnonzero(known.typed(wanted))
    user = known.user[at]
    from_last = np.searchsorted(user, user, side="right") - 1 - np.arange(len(user))
    enough = np.bincount(user, minlength=known.n_users)[user] >= 3
    test, validation = at[enough & (from_last == 0)], at[enough & (from_last == 1)]
    end = known.starts[1:].copy()
    end[known.user[validation]] = validation
    place = np.arange(len(known))
    histories = known.rows(place < end[known.user])
    train = windowed(histories, window_days)
    if validation_in_history:
        end[known.user[test]] = test
        histories = known.rows(place < end[known.user])
    users, items = known.user_ids[known.user[test]], known.item_ids[known.item[test]]
    facts = {
        "name": LEAVE_ONE_OUT,
        "validation_in_history": validation_in_history,
        "window_days": window_days,
    }
    return Split(
        train,
        histories,
        users,
        items,
        wanted,
        facts,
        validation_users=known.user_ids[known.user[validation]],
        validation_items=known.item_ids[known.item[validation]],
        test_times=known.time[test],
    )


def given(
    reader: Reader,
    *,
    weights: Mapping[str, float],
    target: str | None,
    test_file: Path | None,
    before: int | None,
    window_days: int | None = None,
    with_facts: bool = False,
) -> Split:
    """Everything in the workspace is learned from; a file says what is asked for.

    The file (`.parquet`, or CSV with a header) has columns `user_id`, `item_id`, and `event_time`
    (UTC) where it is to be seen whether its pairs come from after the workspace's events. `n_known`
    counts the pairs that training holds already.

    Raises:
        FileRefusedError: The file is missing or lacks a column.
    """
    if test_file is None or not test_file.is_file():
        raise FileRefusedError(
            text(
                "A given test must be a file. Received: {file}.", file=str(test_file) if test_file else "none"
            ),
            title="No test file",
            hint="Give --test FILE with the columns user_id and item_id.",
        )
    pairs = _read_pairs(reader, test_file)
    known = load_interactions(reader, weights=weights, before=before, with_facts=with_facts)
    train = windowed(known, window_days)
    wanted = chosen_target(train, target)
    users = pairs[USER_ID].to_numpy(zero_copy_only=False).astype(object)
    items = pairs[ITEM_ID].to_numpy(zero_copy_only=False).astype(object)
    user, item = places(train.user_ids, users), places(train.item_ids, items)
    cells = user[(user >= 0) & (item >= 0)] * max(train.n_items, 1) + item[(user >= 0) & (item >= 0)]
    held = np.unique(train.user.astype(np.int64) * max(train.n_items, 1) + train.item)
    facts = {
        "name": GIVEN,
        "file": test_file.name,
        "n_given": len(users),
        "n_known": int(np.isin(cells, held).sum()),
        "window_days": window_days,
    }
    times = pairs[_SECOND].to_numpy(zero_copy_only=False) if _SECOND in pairs.column_names else None
    return Split(
        train, known, users, items, wanted, facts,
        test_times=None if times is None or np.isnan(times.astype(float)).any() else times.astype(np.int64),
    )  # fmt: skip


def _read_pairs(reader: Reader, file: Path) -> pa.Table:
    source = (
        "read_parquet($file)"
        if file.suffix.lower() == ".parquet"
        else "read_csv($file, header = true, all_varchar = true)"
    )
    found = [row[0] for row in reader.rows(f"DESCRIBE SELECT * FROM {source}", {"file": str(file)})]
    for column in (USER_ID, ITEM_ID):
        if column not in found:
            raise FileRefusedError(
                text(
                    "Column '{column}' must be in {file}. Received: {names}. Rename it.",
                    column=column,
                    file=file.name,
                    names=", ".join(found),
                )
            )
    timed = (
        f", CAST(epoch(MIN(try_cast({EVENT_TIME} AS TIMESTAMP))) AS BIGINT) AS {_SECOND}"
        if EVENT_TIME in found
        else ""
    )
    return reader.table(
        f"SELECT CAST(user_id AS VARCHAR) AS user_id, CAST(item_id AS VARCHAR) AS item_id{timed}"
        f" FROM {source} WHERE user_id IS NOT NULL AND item_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2",
        {"file": str(file)},
        limit_ms=None,
    )


def _pairs(known: Interactions, keep: npt.NDArray[np.bool_]) -> tuple[Ids, Ids, Seconds]:
    """Ids of the distinct (user, item) pairs among some events, and when each came first."""
    n_items = max(known.n_items, 1)
    # Events of a user are in the order of time, so the first of a pair is its earliest.
    cells, first = np.unique(
        known.user[keep].astype(np.int64) * n_items + known.item[keep], return_index=True
    )
    return known.user_ids[cells // n_items], known.item_ids[cells % n_items], known.time[keep][first]


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
