"""Who would like an item, worked by hand."""

from __future__ import annotations

import pytest

from persmark.errors import EmptyError, InputError, NotFoundError
from persmark.experiments import hash_order
from persmark.recommend import load_interactions, recommender
from persmark.slates import who_would_like

from .conftest import ODD

EVERYBODY = ["ann", ODD, "dan", "carl"]


def test_users_are_ordered_by_the_items_score_then_by_its_place(reader, repeat):
    found = who_would_like(reader, repeat, "tea", users=EVERYBODY)
    # First of four for O'Neil and dan, who bought it at one moment: the seeded draw parts them. For
    # carl and ann popularity alone speaks; it is second of four for him, third for her.
    assert list(found["user_id"]) == [*hash_order([ODD, "dan"], seed=0, key="tea"), "carl", "ann"]
    assert list(found["score"]) == pytest.approx([1, 1, 2 / 3, 1 / 3])
    assert list(found["rank"]) == [1, 2, 3, 4]


def test_the_stronger_habit_comes_first_whatever_the_ids(reader, repeat):
    found = who_would_like(reader, repeat, "bread", users=EVERYBODY)
    # O'Neil bought bread a day before the last event, ann five: 2^(-1/42) against 2^(-5/42), up to
    # the tie-break of one in a thousand.
    assert list(found["user_id"])[:2] == [ODD, "ann"]
    assert list(found["strength"])[:2] == pytest.approx([2 ** (-2 / 42), 2 ** (-6 / 42)], rel=2e-2)


def test_scores_that_do_not_compare_between_users_only_part_equal_places(reader, repeat, monkeypatch):
    monkeypatch.setattr(type(repeat), "comparable_between_users", False)
    found = who_would_like(reader, repeat, "milk", users=EVERYBODY)
    assert list(found["score"]) == sorted(found["score"], reverse=True)


def test_equals_are_drawn_by_the_seed_and_never_by_id(reader):
    popular = recommender("popular").train(load_interactions(reader))
    for seed in (1, 2):
        found = who_would_like(reader, popular, "tea", users=EVERYBODY, seed=seed, limit=2)
        assert list(found["user_id"]) == hash_order(EVERYBODY, seed=seed, key="tea")[:2]


def test_histories_are_weighed_as_in_training(reader, repeat):
    plain = who_would_like(reader, repeat, "tea", users=["dan"])
    repeat.event_weights = {"purchase": 3.0}
    heavy = who_would_like(reader, repeat, "tea", users=["dan"])
    assert heavy["strength"][0] == pytest.approx(3 * plain["strength"][0])


def test_an_ad_counts_as_the_best_item_that_it_covers(reader, repeat):
    found = who_would_like(reader, repeat, "ad2", users=EVERYBODY, limit=2)
    assert list(found["user_id"]) == ["ann", ODD]  # her milk, his bread


def test_of_too_many_users_the_nearest_are_scored(reader, repeat):
    found = who_would_like(reader, repeat, "tea", users=EVERYBODY, most_scored=2)
    assert sorted(found["user_id"]) == [ODD, "dan"]


def test_what_cannot_be_asked(reader, repeat):
    with pytest.raises(NotFoundError, match=r"Item 'cof'fee' must be known to the recommender 'repeat'"):
        who_would_like(reader, repeat, "cof'fee", users=EVERYBODY)
    with pytest.raises(EmptyError, match=r"At least one user is needed. Received: none."):
        who_would_like(reader, repeat, "tea", users=[])
    with pytest.raises(InputError, match=r"A limit must be at least 1. Received: 0."):
        who_would_like(reader, repeat, "tea", users=EVERYBODY, limit=0)
