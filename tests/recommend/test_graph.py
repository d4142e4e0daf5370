"""Walks by hand on two users and three items."""

from __future__ import annotations

import numpy as np
import pytest

from persmark.recommend import RECOMMENDERS, Interactions, interactions_from

NOW = 1_000_000
# No power is taken out and nothing fades: the chances of the walk themselves.
PLAIN: dict[str, object] = {
    "half_life_days": 36_500, "own_half_life_days": 36_500, "source_power": 1.0, "popularity_power": 0.0,
    "age_power": 0.0, "itself": 0.0, "taste_power": 1.0,
}  # fmt: skip


def known() -> Interactions:
    """ann has a and b, bob a and c: from b one goes to ann, and half the time on to a."""
    return interactions_from(["ann", "ann", "bob", "bob"], ["a", "b", "a", "c"], [NOW] * 4)


def from_b(settings: dict[str, object]) -> dict[str, float]:
    made = RECOMMENDERS["graph"].train(known(), PLAIN | settings)
    new = interactions_from(["new"], ["b"], [NOW])
    return dict(zip(made.item_ids, made.score_matrix(new)[0].tolist(), strict=True))


def test_one_hop_is_the_walk_of_three_steps() -> None:
    found = from_b({})
    # P = [[1/2, 1/4, 1/4], [1/2, 1/2, 0], [1/2, 0, 1/2]]. Without the diagonal the walks of what
    # people have, a twice, b and c once, sum to 2 * 1/2 + 1/2 + 1/2 = 2 of 4: doubled, b to a is 1.
    assert found["a"] == pytest.approx(1.0, rel=2e-3)
    assert found["b"] < 0
    assert found["c"] < 0


def test_popularity_is_divided_out() -> None:
    # P[b, a] = 1/2 over 2 for a; the walks sum to 2 * (1/4 + 1/4) + 1/4 + 1/4 = 3/2 of 4.
    assert from_b({"popularity_power": 1.0})["a"] == pytest.approx(1 / 4 * 8 / 3, rel=2e-3)


def test_two_hops_reach_what_friends_of_friends_have() -> None:
    found = from_b({"hops": 2, "go_on": 0.5})
    # P squared from b: a 1/2 * 1/2 + 1/2 * 1/2 = 1/2, c 1/2 * 1/4 = 1/8; half of each is added.
    assert found["a"] / found["c"] == pytest.approx((1 / 2 + 1 / 4) / (1 / 16), rel=2e-3)


def test_many_hops_are_personalised_pagerank() -> None:
    found = from_b({"hops": 20, "go_on": 0.5})
    # w = P[b] + w P / 2 has the solution a 1, b 5/6, c 1/6.
    assert found["a"] / found["c"] == pytest.approx(6, rel=2e-3)


def test_returns_count_as_often_as_they_happen() -> None:
    rows = [("ann", "tea", 1), ("ann", "tea", 2), ("ann", "tea", 3), ("bob", "tea", 3), ("bob", "rye", 3)]
    users, items, days = zip(*rows, strict=True)
    table = interactions_from(users, items, [NOW + day * 86_400 for day in days])
    made = RECOMMENDERS["graph"].train(table, PLAIN | {"itself": 1.0, "habit_half_life_days": 1.0})
    # Two of the four moments with tea came after another, two of all five; 20 of those are the prior.
    share = (2 + 20 * 2 / 5) / (4 + 20)
    # ann's three moments, one, two and none of the habit's half-lives of one day ago, make 7/4.
    score = made.score_matrix(table)[0, 1]
    assert score == pytest.approx(share * (1 / 4 + 1 / 2 + 1), rel=2e-3)
    assert str(made.reason(table.users(np.array([0])), "tea").text) == "bought every day, last today"


def test_tastes_fade_and_keep_the_strongest_items() -> None:
    table = interactions_from(["ann"] * 3, ["a", "b", "c"], [NOW - 864_000, NOW, NOW])
    made = RECOMMENDERS["graph"].train(table, PLAIN | {"half_life_days": 10.0, "neighbours": 1})
    # x is 1/2, 1, 1 of 2.5: from a to b and c go 1/2 * 1 / 2.5 each, and one of them is kept.
    assert made.walks.degree.tolist() == pytest.approx([0.5, 1, 1])
    assert made.walks.between.toarray()[0].max() == pytest.approx(0.2)
    assert np.diff(made.walks.between.indptr).max() == 1
    # a is a little older and the first to go.
    assert RECOMMENDERS["graph"].train(table, PLAIN | {"history_items": 2}).walks.degree.tolist() == [0, 1, 1]


def test_it_says_whose_people_buy_what() -> None:
    made = RECOMMENDERS["graph"].train(known())
    said = made.reason(interactions_from(["new"], ["b"], [NOW]), "a", titles={"b": "Tea {green} 茶"})
    assert str(said.text) == "often bought by people who buy Tea {green} 茶"
    assert said.facts == {"because_of_item_id": "b", "share": 1.0}
