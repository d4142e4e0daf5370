"""Who would like an item, worked by hand."""

from __future__ import annotations

import pytest

from persmark.errors import EmptyError, InputError, NotFoundError
from persmark.slates import who_would_like

from .conftest import ODD

EVERYBODY = ["ann", ODD, "dan", "carl"]


def test_users_are_ordered_by_the_items_place_among_all(reader, repeat):
    found = who_would_like(reader, repeat, "tea", users=EVERYBODY)
    # First of four for O'Neil and dan (all of their range), second for carl, third for ann.
    assert list(found["user_id"]) == [ODD, "dan", "carl", "ann"]
    assert list(found["score"]) == pytest.approx([1, 1, 2 / 3, 1 / 3])
    assert list(found["rank"]) == [1, 2, 3, 4]


def test_an_ad_counts_as_the_best_item_that_it_covers(reader, repeat):
    found = who_would_like(reader, repeat, "ad2", users=EVERYBODY, limit=2)
    assert list(found["user_id"]) == ["ann", "carl"]  # milk is first for both


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
