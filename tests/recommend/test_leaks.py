"""Future events planted in a training are refused or reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from persmark.errors import InputError
from persmark.recommend import EvaluateRequest, Interactions, evaluate, interactions_from
from persmark.recommend.evaluate import evaluate_split
from persmark.recommend.interactions import DAY
from persmark.recommend.leaks import alarms
from persmark.recommend.split import GIVEN, LEAVE_ONE_OUT, TEMPORAL, Split
from tests.recommend.conftest import Fill
from tests.recommend.test_evaluate import bought

USERS = [f"u{n:02}" for n in range(40)]


def events(days: tuple[int, ...], *, second: int = 0) -> Interactions:
    """Each user buys an item of their own and of their neighbour's on each day, at a second of their own."""
    rows = [
        (user, f"i{(n + turn) % 40:02}", day * DAY + (n * 997 + turn * 61 + second) % DAY)
        for turn, day in enumerate(days)
        for n, user in enumerate(USERS)
    ]
    users, items, times = zip(*rows, strict=True)
    return interactions_from(users, items, times)


def split_of(train: Interactions, *, test_days: int, name: str = TEMPORAL, second: int = 0) -> Split:
    """Everybody is asked for the item of their own on a later day."""
    items = np.array([f"i{n:02}" for n in range(40)], dtype=object)
    times = np.array([test_days * DAY + (n * 997 + second) % DAY for n in range(40)])
    users = np.array(USERS, dtype=object)
    return Split(train, train, users, items, "purchase", {"name": name}, test_times=times)


def test_planted_future_events_are_refused() -> None:
    clean = replace(events((0, 1, 2)), as_of=9 * DAY)
    request = EvaluateRequest(recommenders=("popular",))
    assert evaluate_split(split_of(clean, test_days=9), request).alarms == ()
    planted = replace(events((0, 1, 9)), as_of=9 * DAY)
    with pytest.raises(InputError, match=r"must lie before the test, .* Received: 40 later ones\. Cut"):
        evaluate_split(split_of(planted, test_days=9), request)
    # Also where the training says of itself that it ends later.
    with pytest.raises(InputError, match=r"must lie before the test"):
        evaluate_split(split_of(replace(planted, as_of=20 * DAY), test_days=9), request)


def test_shuffled_time_is_refused() -> None:
    known = events((0, 3, 6))
    shuffled = np.random.default_rng(0).permutation(np.concatenate([known.time, np.full(40, 9 * DAY)]))
    mixed = replace(known, time=np.sort(shuffled[: len(known)]), as_of=9 * DAY)
    with pytest.raises(InputError, match=r"Leak|must lie before the test"):
        evaluate_split(split_of(mixed, test_days=9), EvaluateRequest(recommenders=("popular",)))


def test_what_another_split_cannot_promise_is_said(fill: Fill) -> None:
    rows = [bought("ann", item, day) for day, item in enumerate(("a", "b", "c", "d"), 1)]
    with fill([*rows, bought("bob", "a", 1), bought("bob", "d", 6)]).reader() as reader:
        found = evaluate(reader, EvaluateRequest(recommenders=("popular",), split="leave-one-out"))
    (said,) = found.alarms
    assert str(said).startswith("Training and test overlap in time:")
    assert str(said) in str(found.verdict)
    assert 0 < found.split["overlap_share"] < 1
    own = split_of(events((0, 1, 9)), test_days=5, name=LEAVE_ONE_OUT)
    assert any("40 are earlier than the last event known of the same user" in str(one) for one in alarms(own))


def test_a_given_test_out_of_the_training_is_reported(fill: Fill, tmp_path: Path) -> None:
    """Thirty users with one item each; what is given is what they have."""
    rows = [bought(f"u{n:02}", f"i{n:02}", 1 + n % 9) for n in range(30)]
    file = tmp_path / "given.csv"
    file.write_text("user_id,item_id\n" + "".join(f"{user},{item}\n" for user, item, *_ in rows))
    with fill(rows).reader() as reader:
        found = evaluate(reader, EvaluateRequest(recommenders=("popular",), split="given", test_file=file))
    assert str(found.alarms[0]).startswith("Leak: 100% of the given pairs are in training already, where 0%")
    assert "Leak:" in str(found.verdict)


def test_events_copied_with_another_date_are_reported() -> None:
    known = replace(events(tuple(range(30))), as_of=40 * DAY)
    copied = split_of(known, test_days=45, name=GIVEN)
    assert any("look like copies" in str(one) for one in alarms(copied))
    fresh = split_of(known, test_days=45, name=GIVEN, second=7)
    assert not any("look like copies" in str(one) for one in alarms(fresh))
