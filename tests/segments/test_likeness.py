"""Hidden users of a seed are looked for honestly; rules give their own measures away."""

from __future__ import annotations

import numpy as np
import pytest

from persmark.segments.defining import given_away, is_given
from persmark.segments.likeness import found_within, hold_out, likeness, prepared, stands_above
from persmark.segments.rules import parse


def test_hidden_users_are_counted_in_the_first_part() -> None:
    # Ranked: 0 (known, out of the pool), then 1, 2, 3 ... 10.
    scores = np.array([99.0, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
    known = np.array([True] + [False] * 10)
    assert found_within(scores, known, np.array([1, 2, 3]), 0.2).tolist() == [1.0, 1.0, 0.0]


def test_users_of_one_score_share_the_places() -> None:
    scores = np.array([5.0, 5, 5, 5, 1])
    known = np.zeros(5, bool)
    # Two places for four alike: each stands in them in half of all orders.
    assert found_within(scores, known, np.array([0, 4]), 0.4).tolist() == [0.5, 0.0]


def test_one_place_is_looked_at_even_where_the_part_is_smaller() -> None:
    assert found_within(np.array([2.0, 1]), np.zeros(2, bool), np.array([0]), 0.01).tolist() == [1.0]


def test_standing_above_others_counts_ties_half() -> None:
    scores = np.array([99.0, 5, 3, 3, 1])
    known = np.array([True, False, False, False, False])
    # Of the hidden, one stands above all three others but beside one of them; known users do not count.
    assert stands_above(scores, known, np.array([1])).tolist() == [1.0]
    assert stands_above(scores, known, np.array([2])).tolist() == [0.5]


def planted(n: int = 300, n_seed: int = 40, strength: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """The seed lies to one side in two of six measures; of the rest nothing tells."""
    rng = np.random.default_rng(1)
    seed = np.arange(n) < n_seed
    return rng.normal(size=(n, 6)) + strength * seed[:, None] * np.array([1, 1, 0, 0, 0, 0]), seed


def test_a_seed_that_shows_is_found_better_than_by_chance() -> None:
    values, seed = planted()
    test = hold_out(prepared(values), prepared(values[:, 2:4]), seed)
    ours, theirs = test.recall_at("likeness", 0.05), test.recall_at("rfm", 0.05)
    assert ours.recall > 0.25 > theirs.recall
    assert ours.low < ours.recall < ours.high
    assert test.lead_over("random", 0.05).low > 0
    assert test.lead_over("rfm", 0.05).low > 0
    assert test.area_of("likeness").low > 0.8
    assert test.recall_at("random", 0.05).recall == pytest.approx(0.05, abs=0.005)
    assert (test.n_seed, test.n_others, test.n_hidden, test.repeats) == (40, 260, 10, 3)


def test_a_seed_at_random_is_not_called_better() -> None:
    values, seed = planted(strength=0.0)
    test = hold_out(prepared(values), None, seed)
    assert test.area_of("likeness").low <= 0.5
    assert test.recall_at("rfm", 0.05) is None


def test_the_same_draws_give_the_same_scores() -> None:
    values, seed = planted(200, 20)
    one, other = (likeness(prepared(values), seed, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(one, other)


def test_users_of_the_seed_are_not_ranked() -> None:
    values, seed = planted(200, 20)
    scores = likeness(prepared(values), seed, np.random.default_rng(0))
    assert np.isneginf(scores[seed]).all()
    assert np.isfinite(scores[~seed]).all()


def test_empty_values_become_medians_with_a_mark() -> None:
    values = np.array([[1.0, 5, np.nan], [2, np.nan, np.nan], [9, 7, np.nan]])
    columns = prepared(values)
    # Two measures with values, one mark; the measure that nobody has is gone.
    assert columns.shape == (3, 3)
    assert columns[:, 1].tolist() == pytest.approx([-1.2247, 0.0, 1.2247], abs=1e-3)
    assert columns[:, 2].tolist() == pytest.approx([-0.7071, 1.4142, -0.7071], abs=1e-3)


def given(rule) -> frozenset[str]:
    return given_away(parse(rule, columns=None, saved={"vip": {"column": "monetary", "is": ">", "value": 9}}))


@pytest.mark.parametrize(
    ("rule", "gone", "stays"),
    [
        ({"column": "n_coupons_redeemed", "is": ">", "value": 0}, "discount_share", "n_purchases"),
        ({"column": "rfm_segment", "is": "=", "value": "champions"}, "monetary", "weekend_share"),
        ({"column": "top_category_1", "is": "=", "value": "Dairy"}, "category: Beer", "brand: Dairy"),
        ({"segment": "vip"}, "average_order_value", "recency_days"),
        ({"not": {"column": "night_share", "is": ">", "value": 0.5}}, "evening_share", "weekend_share"),
        (
            {"events": {"event_type": "purchase", "category": "Dairy", "at_least": 3}},
            "category: Dairy", "category: Beer",
        ),
        ({"events": {"event_type": "view", "at_least": 3}}, "n_views", "n_purchases"),
        ({"events": {"event_type": "coupon_redeemed", "category": "x", "at_least": 1}},
         "coupon_order_share", "n_items"),
        ({"sequence": [{"event_type": "view"}, {"event_type": "cart"}], "within_days": 7},
         "n_carts", "n_purchases"),
    ],
)  # fmt: skip
def test_what_a_rule_asks_is_left_out_with_what_says_it_again(rule, gone, stays) -> None:
    assert is_given(gone, given(rule))
    assert not is_given(stays, given(rule))
