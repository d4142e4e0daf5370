"""What a recommender may learn from, and what it is then asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from persmark.columns import ITEM_ID, PURCHASE, USER_ID
from persmark.errors import EmptyError, FileRefusedError, InputError
from persmark.recommend.contract import heaviest_type
from persmark.recommend.interactions import Ids, Interactions, last_second, load_interactions, places
from persmark.store import Reader
from persmark.text import text

TEMPORAL, LEAVE_ONE_OUT, GIVEN = "temporal", "leave-one-out", "given"
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
    """

    train: Interactions
    histories: Interactions
    test_users: Ids
    test_items: Ids
    target: str
    facts: Mapping[str, Any]
    validation_users: Ids = field(default_factory=lambda: np.zeros(0, object))
    validation_items: Ids = field(default_factory=lambda: np.zeros(0, object))


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
    with_facts: bool = False,
) -> Split:
    """Everything earlier than a moment is learned from; what comes later is asked for.

    Raises:
        InputError: `test_days` is below 1.
        EmptyError: Nothing lies on one of the two sides.
    """
    if test_days < 1:
        raise InputError(text("The test must last at least 1 day. Received: {days}.", days=test_days))
    last = last_second(reader, before=before)
    start = local_midnight(last, days=test_days, time_zone=time_zone) if cut is None else cut
    train = load_interactions(reader, weights=weights, before=start, with_facts=with_facts)
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
    users, items = _pairs(after, after.typed(wanted))
    facts = {
        "name": TEMPORAL,
        "test_days": test_days,
        "time_zone": time_zone,
        "cut": _iso(start),
        "end": _iso(last),
    }
    return Split(train, train, users, items, wanted, facts)


def leave_one_out(
    reader: Reader,
    *,
    weights: Mapping[str, float],
    target: str | None,
    before: int | None,
    validation_in_history: bool,
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
    train = known.rows(place < end[known.user])
    histories = train
    if validation_in_history:
        end[known.user[test]] = test
        histories = known.rows(place < end[known.user])
    users, items = known.user_ids[known.user[test]], known.item_ids[known.item[test]]
    facts = {"name": LEAVE_ONE_OUT, "validation_in_history": validation_in_history}
    return Split(
        train,
        histories,
        users,
        items,
        wanted,
        facts,
        validation_users=known.user_ids[known.user[validation]],
        validation_items=known.item_ids[known.item[validation]],
    )


def given(
    reader: Reader,
    *,
    weights: Mapping[str, float],
    target: str | None,
    test_file: Path | None,
    before: int | None,
    with_facts: bool = False,
) -> Split:
    """Everything in the workspace is learned from; a file says what is asked for.

    The file (`.parquet`, or CSV with a header) has columns `user_id`, `item_id`. Whether its pairs
    come from after the workspace's events cannot be seen here; `n_known` counts those that training
    already holds.

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
    train = load_interactions(reader, weights=weights, before=before, with_facts=with_facts)
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
    }
    return Split(train, train, users, items, wanted, facts)


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
    return reader.table(
        "SELECT DISTINCT CAST(user_id AS VARCHAR) AS user_id, CAST(item_id AS VARCHAR) AS item_id"
        f" FROM {source} WHERE user_id IS NOT NULL AND item_id IS NOT NULL ORDER BY 1, 2",
        {"file": str(file)},
        limit_ms=None,
    )


def _pairs(known: Interactions, keep: npt.NDArray[np.bool_]) -> tuple[Ids, Ids]:
    """Ids of the distinct (user, item) pairs among some events."""
    n_items = max(known.n_items, 1)
    cells = np.unique(known.user[keep].astype(np.int64) * n_items + known.item[keep])
    return known.user_ids[cells // n_items], known.item_ids[cells % n_items]


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
