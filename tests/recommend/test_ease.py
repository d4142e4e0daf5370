"""The closed form on three items, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from persmark.errors import InputError
from persmark.recommend import RECOMMENDERS, Interactions, interactions_from

NOW = 1_000_000
PLAIN: dict[str, object] = {"regularisation": 1.0, "itself": 0.0, "age_power": 0.0, "taste_power": 1.0}


def known() -> Interactions:
    """ann and bob have a and b, cid a and c."""
    users = ["ann", "ann", "bob", "bob", "cid", "cid"]
    return interactions_from(users, ["a", "b", "a", "b", "a", "c"], [NOW] * 6)


def test_weights_are_the_closed_form() -> None:
    made = RECOMMENDERS["ease"].train(known(), PLAIN)
    # x'x + 1 = [[4, 2, 1], [2, 3, 0], [1, 0, 2]], of determinant 13; the inverse times 13 is
    # [[6, -4, -3], [-4, 7, 2], [-3, 2, 8]]; each column over minus its diagonal, which then is 0.
    expected = [[0, 4 / 7, 3 / 8], [4 / 6, 0, -2 / 8], [3 / 6, -2 / 7, 0]]
    assert made.weights.toarray() == pytest.approx(np.array(expected), abs=1e-6)


def test_scores_are_sums_over_own_items_and_what_speaks_against_falls_below() -> None:
    made = RECOMMENDERS["ease"].train(known(), PLAIN)
    both = interactions_from(["new", "new", "one"], ["a", "b", "b"], [NOW] * 3)
    new, one = made.score_matrix(both)
    assert new[2] == pytest.approx(3 / 8 - 2 / 8, rel=2e-3)
    assert one[0] == pytest.approx(4 / 6, rel=2e-3)
    assert one[2] < 0
    assert str(made.reason(both.users(np.array([1])), "a").text) == "often bought by people who buy b"
    assert made.reason(both.users(np.array([1])), "c").kind == "popular"


def test_only_the_items_in_most_demand_take_part() -> None:
    made = RECOMMENDERS["ease"].train(known(), PLAIN | {"catalogue": 2})
    # x'x + 1 of a and b is [[4, 2], [2, 3]]: b to a is 2 / 3, a to b 2 / 4; c is placed by popularity.
    assert made.weights.toarray() == pytest.approx(np.array([[0, 0.5, 0], [2 / 3, 0, 0], [0, 0, 0]]))
    assert made._facts() == {"n_items_related": 2, "n_items": 3}
    found = made.recommend(known().users(np.array([2])), k=3)
    assert found.set_index("item_id").filled.to_dict() == {"b": False, "a": False, "c": True} | {"a": True}


def test_the_scale_of_weights_changes_nothing() -> None:
    table = known()
    heavy = interactions_from(
        table.user_ids[table.user], table.item_ids[table.item], table.time, weight=[7.0] * 6
    )
    one, seven = (RECOMMENDERS["ease"].train(part, PLAIN).weights.toarray() for part in (table, heavy))
    assert seven == pytest.approx(one, abs=1e-6)


def test_the_largest_weights_are_kept() -> None:
    made = RECOMMENDERS["ease"].train(known(), PLAIN | {"neighbours": 1})
    expected = [[0, 4 / 7, 0], [4 / 6, 0, 0], [3 / 6, 0, 0]]
    assert made.weights.toarray() == pytest.approx(np.array(expected), abs=1e-6)


def test_items_that_cannot_be_told_apart_are_refused() -> None:
    # Ten thousand equal weights on two items that always come together, against a thousandth.
    users = [f"u{n}" for n in range(20_000) for _ in "ab"]
    table = interactions_from(users, ["a", "b"] * 20_000, [NOW] * 40_000)
    with pytest.raises(InputError, match=r"large enough to tell the items apart\. Received: 0\.001"):
        RECOMMENDERS["ease"].train(table, PLAIN | {"regularisation": 0.001})
