"""Counting on: later events on top give what training on everything gives."""

from __future__ import annotations

import numpy as np
import pytest

from persmark.errors import InputError
from persmark.recommend import RECOMMENDERS, Interactions, interactions_from

DAY = 86_400
OLD = [
    ("ann", "tea", 70, "purchase"),
    ("ann", "tea", 80, "purchase"),
    ("ann", "rye", 80, "view"),
    ("bob", "tea", 78, "purchase"),
    ("bob", "milk", 81, "view"),
    ("cid", "milk", 60, "purchase"),
]
# ann goes on from what she had; bob comes back to milk; dot and jam are new.
NEW = [
    ("ann", "milk", 90, "purchase"),
    ("bob", "milk", 91, "purchase"),
    ("bob", "jam", 91, "view"),
    ("dot", "jam", 95, "purchase"),
]
COUNTED = [name for name, kind in RECOMMENDERS.items() if kind.grows]


def table(rows: list[tuple[str, str, int, str]], as_of: int) -> Interactions:
    users, items, days, kinds = zip(*rows, strict=True)
    weights = [1.0 if kind == "purchase" else 0.2 for kind in kinds]
    return interactions_from(
        users, items, [day * DAY for day in days], weight=weights, event_type=kinds, as_of=as_of * DAY
    )


def test_all_counting_recommenders_count_on() -> None:
    assert COUNTED == ["popular", "repeat", "markov", "graph"]


@pytest.mark.parametrize("name", COUNTED)
def test_counting_on_equals_training_on_everything(name: str) -> None:
    settings = {"hops": 2} if name == "graph" else {}
    before = RECOMMENDERS[name].train(table(OLD, 85), settings)
    held = before.score_matrix(table(OLD, 85)).copy()
    made = before.update(table(NEW, 100), histories=table(OLD, 85))
    whole = RECOMMENDERS[name].train(table(OLD + NEW, 100), settings)
    assert made.item_ids.tolist() == ["jam", "milk", "rye", "tea"]
    assert made.as_of == 100 * DAY
    everybody = table(OLD + NEW, 100)
    assert made.score_matrix(everybody) == pytest.approx(whole.score_matrix(everybody), rel=1e-5, abs=1e-7)
    # The one before is as it was.
    assert before.item_ids.tolist() == ["milk", "rye", "tea"]
    assert np.array_equal(before.score_matrix(table(OLD, 85)), held)


@pytest.mark.parametrize("name", COUNTED)
def test_step_by_step_equals_at_once_and_survives_a_round_trip(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("m") / name
    before = RECOMMENDERS[name].train(table(OLD, 85))
    # The second step begins in the moment that the first ended in, with a basket half counted.
    once = before.update(table(NEW[:2], 91), histories=table(OLD, 85))
    once.save(folder)
    known = table(OLD + NEW[:2], 91)
    twice = RECOMMENDERS[name].load(folder).update(table(NEW[2:], 95), histories=known)
    everybody = table(OLD + NEW, 95)
    whole = RECOMMENDERS[name].train(everybody)
    assert twice.score_matrix(everybody) == pytest.approx(whole.score_matrix(everybody), rel=1e-5, abs=1e-7)


def test_popular_reasons_count_on_from_where_they_started() -> None:
    before = RECOMMENDERS["popular"].train(table(OLD, 85))
    ann = table(OLD, 85).users(np.array([0]))
    assert str(before.reason(ann, "milk").text) == "popular in the last 42 days: 1 purchase by 1 user"
    made = before.update(table(NEW, 100), histories=table(OLD, 85))
    # cid's of day 60, ann's and bob's: all since day 43.
    assert str(made.reason(ann, "milk").text) == "popular in the last 57 days: 3 purchases by 3 users"


def test_who_buys_again_is_one_user() -> None:
    before = RECOMMENDERS["popular"].train(table(OLD, 85))
    again = table([("ann", "tea", 90, "purchase")], 90)
    ann = table(OLD, 85).users(np.array([0]))
    told = {
        who: str(before.update(again, histories=histories).reason(ann, "tea").text)
        for who, histories in (("known", table(OLD, 85)), ("new", None))
    }
    assert told["known"] == "popular in the last 47 days: 4 purchases by 2 users"
    assert told["new"] == "popular in the last 47 days: 4 purchases by 3 users"


def test_learned_weights_stay_and_new_items_are_passed_over() -> None:
    before = RECOMMENDERS["ease"].train(table(OLD, 85))
    made = before.update(table(NEW, 100), histories=table(OLD, 85))
    assert made.item_ids.tolist() == ["milk", "rye", "tea"]
    assert made.weights is before.weights
    # Three purchases of milk beside a view of jam that nobody counts: it leads now.
    assert made.popularity.score[0] > made.popularity.score[2]


def test_nothing_new_only_fades() -> None:
    nothing = interactions_from([], [], [], as_of=127 * DAY)
    made = RECOMMENDERS["popular"].train(table(OLD, 85)).update(nothing)
    faded = RECOMMENDERS["popular"].train(table(OLD, 127))
    assert made.popularity.score == pytest.approx(faded.popularity.score)


def test_events_known_already_are_refused() -> None:
    before = RECOMMENDERS["markov"].train(table(OLD, 85))
    with pytest.raises(InputError, match=r"takes events after the training\. Received: earlier ones"):
        before.update(table(OLD, 100))
