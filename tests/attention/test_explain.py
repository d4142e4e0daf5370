"""A user's slate in words and figures, by a recommender whose scores can be added up by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from persmark.attention import carried, explain
from persmark.attention.said import Past, said_of, told
from persmark.errors import InputError
from persmark.recommend import RECOMMENDERS, Interactions, interactions_from

DAY = 86_400
TEA, RYE = '茶 "壶"', "rye o'dwyer 🍞"


def at(month: int, day: int, hour: int = 12) -> int:
    return int(datetime(2017, month, day, hour, tzinfo=UTC).timestamp())


def shop() -> Interactions:
    """ann bought tea on three days of May and rye once in June; bob milk."""
    rows = [
        ("ann", "tea", at(5, 2)),
        ("ann", "tea", at(5, 9)),
        ("ann", "tea", at(5, 30)),
        ("ann", "rye", at(6, 1)),
        ("bob", "milk", at(6, 1)),
    ]
    users, items, times = zip(*rows, strict=True)
    return interactions_from(users, items, times)


def test_without_what_an_item_would_go() -> None:
    known = shop()
    made = RECOMMENDERS["repeat"].train(known, {"half_life_days": 365})
    ann = known.users(np.array([0]))
    found = explain(made, ann, k=1, titles={"tea": TEA, "rye": RYE})
    assert [one.item_id for one in found.items] == ["tea"]
    # Three purchases of May against one of June that counts a little more: two of them have to go.
    assert found.items[0].undone_by == (1, 2)
    assert str(found.items[0].why) == (
        f"without the 2 purchases of {TEA} in May 2017 this would not be among the first 1"
    )
    assert found.reindexed
    assert found.items[0].weights is None
    assert json.loads(json.dumps(found.to_json()))["items"][0]["events"][0]["title"] == TEA


def test_an_item_of_one_purchase_goes_without_it() -> None:
    known = shop()
    made = RECOMMENDERS["repeat"].train(known)
    found = explain(made, known.users(np.array([0])), ["rye", "milk"], k=2, titles={"rye": RYE})
    rye, milk = found.items
    # Without its purchase rye is as popular as milk, which comes first by its id.
    assert rye.undone_by == (3,)
    assert str(rye.why) == (
        f"without the purchase of {RYE} on 1 Jun 2017 this would not be among the first 2"
    )
    assert rye.ranks_without[3] == 3
    assert milk.undone_by is None
    assert str(milk.why) == "nothing they did speaks for it: it is popular"


def test_a_user_without_events_is_shown_what_is_popular() -> None:
    known = shop()
    made = RECOMMENDERS["repeat"].train(known)
    nobody = known.rows(np.zeros(len(known), bool)).users(np.array([0]))
    found = explain(made, nobody, k=2)
    assert len(found.events) == 0
    assert [str(one.why) for one in found.items] == ["nothing they did speaks for it: it is popular"] * 2


def test_seen_items_leave_the_ranking() -> None:
    known = shop()
    made = RECOMMENDERS["repeat"].train(known)
    found = explain(made, known.users(np.array([0])), k=3, exclude_seen=True)
    assert [one.item_id for one in found.items] == ["milk"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        ({"items": ["gin"]}, "Received: gin"),
        ({"k": 0}, "k must be at least 1. Received: 0"),
    ],
)
def test_wrong_questions_are_refused(ask: dict[str, object], message: str) -> None:
    known = shop()
    made = RECOMMENDERS["repeat"].train(known)
    with pytest.raises(InputError, match=message):
        explain(made, known.users(np.array([0])), **ask)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is for one user"):
        explain(made, known)


def test_what_carries_an_item_is_told_with_what_would_be_without_it() -> None:
    """dan bought tea twice and rye twice: among three places for three items nothing ever leaves."""
    rows = [
        ("dan", "rye", at(5, 1)),
        ("dan", "tea", at(5, 2)),
        ("dan", "tea", at(5, 3)),
        ("dan", "rye", at(6, 1)),
    ]
    users, items, times = zip(*rows, strict=True)
    known = interactions_from([*users, "bob"], [*items, "milk"], [*times, at(6, 1)])
    made = RECOMMENDERS["repeat"].train(known, {"half_life_days": 365})
    dan = known.users(np.array([1]))
    found = explain(made, dan, k=3, titles={"tea": TEA, "rye": RYE})
    assert [str(one.why) for one in found.items] == [
        f"the 2 purchases of {RYE} from May to June 2017 speak most for it; without them it would be number 2"
        " instead of 1",
        # Popular enough to stay before milk.
        f"the 2 purchases of {TEA} in May 2017 speak most for it; it would stay number 2 without them",
        "nothing they did speaks for it: it is popular",
    ]
    cards = carried(made, dan, ["rye", "tea", "milk"], k=1, titles={"rye": RYE, "tea": TEA})
    assert list(cards) == ["rye", "tea"]
    assert (cards["rye"].item_id, cards["rye"].n_events) == ("rye", 2)
    assert str(cards["rye"].why) == (
        f"without the 2 purchases of {RYE} from May to June 2017 this would not be among the first 1"
    )
    # Second already: that it would leave the first place cannot be said.
    assert str(cards["tea"].why) == f"the 2 purchases of {TEA} in May 2017 speak most for it"


def past(*rows: tuple[str, str, str, int]) -> Past:
    ids, categories, kinds, times = zip(*rows, strict=True)
    return Past(ids, tuple(one.upper() for one in ids), categories, kinds, np.array(times), "UTC")


def test_events_in_words() -> None:
    held = past(
        ("oats", "Cereal", "purchase", at(5, 2)),
        ("bran", "Cereal", "purchase", at(5, 20)),
        ("tea", "", "view", at(6, 1)),
        ("oats", "Cereal", "purchase", at(7, 1)),
        ("oats", "Cereal", "download", at(7, 1, 13)),
    )
    assert str(told(held, [0])) == "the purchase of OATS on 2 May 2017"
    assert str(told(held, [0, 1])) == "the 2 purchases of Cereal in May 2017"
    assert str(told(held, [0, 3])) == "the 2 purchases of OATS from May to July 2017"
    assert str(told(held, [2])) == "the look at TEA on 1 Jun 2017"
    assert str(told(held, [0, 2])) == "the 2 events on OATS and TEA from May to June 2017"
    assert str(told(held, [0, 1, 2, 3])) == "the 4 events on OATS, BRAN and 1 more item from May to July 2017"
    assert str(told(held, [3, 4])) == "the 2 events on OATS on 1 Jul 2017"


def test_fields_of_the_profile_in_words() -> None:
    held = past(("oats", "", "purchase", at(5, 2)))
    effects = np.array([0.2, 0.9])
    said = said_of(held, ("household_size",), effects, (1,), rank=1, k=10)
    assert str(said) == "without what is known of them (household size) this would not be among the first 10"
    said = said_of(held, ("age",), np.array([-0.1, 0.5]), None, rank=1, k=10)
    assert str(said) == "nothing they did speaks for it; what is known of them does (age)"
    said = said_of(held, (), np.array([0.3]), None, rank=12, k=10)
    assert str(said) == "the purchase of OATS on 2 May 2017 speaks most for it; it is number 12"
