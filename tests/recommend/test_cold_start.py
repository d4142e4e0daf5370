"""New items by what they are called, new users by whom they are like: by hand on small tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from persmark.errors import InputError
from persmark.recommend import RECOMMENDERS, Interactions, interactions_from
from persmark.recommend.content import Space, with_new_items, words_of
from persmark.recommend.facts import ItemFacts, Named, UserFacts
from persmark.recommend.popular_by_group import part_of_day

DAY = 86_400
FOREVER = {"half_life_days": 36_500}


def described(titles: list[str], *, prices: list[float] | None = None, path: str | None = None) -> ItemFacts:
    n = len(titles)
    none = Named.of([None] * n)
    return ItemFacts(
        kind=none,
        category=none,
        path=Named.of([path] * n),
        brand=none,
        price=np.array(prices or [np.nan] * n, np.float32),
        title=np.array(titles, dtype=object),
        text=np.array([""] * n, dtype=object),
        offer_item=np.zeros(0, np.int32),
        offer_from=np.zeros(0, np.int64),
        offer_until=np.zeros(0, np.int64),
        offer_channel=Named.of([]),
    )


def shop() -> Interactions:
    """Items a green tea, b green tea, c whole milk, d whole milk; nobody has bought b or d yet."""
    known = interactions_from(["ann", "bob", "cid"], ["a", "c", "c"], [90 * DAY] * 3, as_of=100 * DAY)
    facts = described(["green tea", "green tea", "whole milk", "whole milk"])
    items = np.array(["a", "b", "c", "d"], dtype=object)
    return replace(known, item_ids=items, item=np.array([0, 2, 2], np.int32), item_facts=facts)


def test_words_keep_their_fields_apart() -> None:
    facts = described(["Tee 绿茶 500ml"], prices=[7.9], path="Food / Tea")
    assert words_of(facts) == [["tee", "绿", "茶", "500ml", "price 3", "path Food", "path Food / Tea"]]
    assert words_of(described(["", ""])) == [[], []]


def test_alike_words_are_near_and_words_of_one_item_are_passed_over() -> None:
    facts = described(["green tea", "green tea x1", "whole milk", "whole milk x2", "x3"])
    space = Space.of(facts, axes=64, seed=0)
    assert space.words.tolist() == ["green", "milk", "tea", "whole"]
    vectors = space.vectors(facts)
    assert vectors @ vectors.T == pytest.approx(
        np.array([[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 0]]),
        abs=1e-6,
    )
    # The decomposition keeps what is told apart, in fewer dimensions.
    fewer = Space.of(facts, axes=2, seed=0).vectors(facts)
    assert fewer.shape == (5, 2)
    assert fewer[0] @ fewer[1] == pytest.approx(1)
    assert fewer[0] @ fewer[2] == pytest.approx(0, abs=1e-6)


def test_content_scores_an_item_that_nobody_bought_yet() -> None:
    known = shop()
    made = RECOMMENDERS["content"].train(known)
    scores = made.score_matrix(known)
    # ann: all her events are on a, the only neighbour of b; milk is popularity's.
    assert scores[0, :2] == pytest.approx([1, 1], rel=2e-3)
    assert (scores[0, 2:] < 0).all()
    assert scores[1, 2:] == pytest.approx([1, 1], rel=2e-3)
    ann = known.users(np.array([0]))
    assert str(made.reason(ann, "b", titles={"a": "Green tea"}).text) == "described like Green tea"
    found = made.recommend(known, k=1, exclude_seen=True)
    assert found.item_id.tolist() == ["b", "d", "d"]
    assert not found.filled.any()


def test_a_new_item_is_placed_where_those_like_it_are() -> None:
    known = interactions_from(["ann", "bob", "cid"], ["a", "c", "c"], [100 * DAY] * 3)
    base = RECOMMENDERS["popular"].train(known)
    assert base.score_matrix(known)[0].tolist() == [1, 2]
    ids = np.array(["a", "b", "c", "d", "e", "f"], dtype=object)
    facts = described(["green tea", "green tea", "whole milk", "green milk tea whole", "?", "whole milk"])
    made = with_new_items(base, ids, facts=facts)
    assert made.item_ids.tolist() == ids.tolist()
    # b is as a (1), f as c (2); d is between them, equally like both; e is like nothing.
    assert made.score_matrix(known)[0] == pytest.approx([1, 1, 2, 1.5, 1, 2])
    assert made.recommend(known, k=3).item_id.tolist() == ["c", "f", "d"] * 3
    assert str(made.reason(known.users(np.array([0])), "b").text) == "new, described like a"
    assert made.reason(known.users(np.array([0])), "c").kind == "popular"


def test_new_items_join_a_trained_recommender_only() -> None:
    with pytest.raises(InputError, match=r"New items join a recommender that is trained"):
        type(with_new_items(RECOMMENDERS["popular"].train(shop()), np.array(["a"], dtype=object),
                            facts=described(["tea"]))).train(shop())  # fmt: skip


def young_and_old() -> Interactions:
    """The young bought x three times, the old y twice."""
    known = interactions_from(["a", "a", "b", "c", "d"], list("xxxyy"), [9 * DAY] * 5, as_of=9 * DAY)
    ages = Named.of(["young", "young", "old", "old"])
    return replace(known, user_facts=UserFacts({"age": ages}))


def strangers(**fields: str) -> Interactions:
    nobody = interactions_from([], [], [])
    facts = UserFacts({name: Named.of([value]) for name, value in fields.items()})
    return replace(nobody, user_ids=np.array(["new"], dtype=object), user_facts=facts)


def test_a_group_is_drawn_towards_everybody() -> None:
    made = RECOMMENDERS["popular_by_group"].train(
        young_and_old(), FOREVER | {"attribute": "age", "shrinkage": 2}
    )
    # Everybody: x 3/5, y 2/5. Young: (3 + 2 * .6) / 5 and (0 + 2 * .4) / 5. Old: 1.2 / 4 and 2.8 / 4.
    assert made.score_matrix(strangers(age="young"))[0] == pytest.approx([0.84, 0.16])
    assert made.score_matrix(strangers(age="old"))[0] == pytest.approx([0.3, 0.7])
    assert made.score_matrix(strangers(age="middle"))[0] == pytest.approx([0.6, 0.4])
    assert made.score_matrix(strangers(town="Rome"))[0] == pytest.approx([0.6, 0.4])
    said = str(made.reason(strangers(age="old"), "y").text)
    assert said == "1.8 times as popular where age is old"
    assert str(made.reason(strangers(age="old"), "x").text).startswith("popular in the last")


def test_an_unknown_attribute_is_refused() -> None:
    with pytest.raises(InputError, match=r"Received: size"):
        RECOMMENDERS["popular_by_group"].train(young_and_old(), {"attribute": "size"})


def test_the_attribute_is_chosen_on_held_out_users_and_none_where_none_helps() -> None:
    rng = np.random.default_rng(0)
    users = [f"u{n:03}" for n in range(200)]
    # In the north people buy n0 to n9, in the south s0 to s9; the coin says nothing.
    places = ["north" if n % 2 else "south" for n in range(200)]
    items = [f"{place[0]}{rng.integers(10)}" for place in places for _ in range(3)]
    known = interactions_from(np.repeat(users, 3).tolist(), items, [DAY] * 600)
    coin = Named.of([str(one) for one in rng.integers(0, 2, 200)])
    told = replace(known, user_facts=UserFacts({"coin": coin, "town": Named.of(places)}))
    made = RECOMMENDERS["popular_by_group"].train(told)
    assert made.attribute == "town"
    assert made.recommend(strangers(town="north"), k=10).item_id.str.startswith("n").all()
    blind = replace(known, user_facts=UserFacts({"coin": coin}))
    assert RECOMMENDERS["popular_by_group"].train(blind).attribute == ""


def test_parts_of_the_day_are_local() -> None:
    # 04:30 UTC on 15 January is half past eleven at night in New York, half past twelve in Shanghai.
    time = np.array([1_768_451_400])
    assert part_of_day(time, "America/New_York").names == ("evening",)
    assert part_of_day(time, "Asia/Shanghai").names == ("midday",)
    assert part_of_day(time, "UTC").names == ("night",)
