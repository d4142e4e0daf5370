"""Arms and arithmetic against published figures."""

from __future__ import annotations

import hashlib
import random

import pytest

from persmark.errors import InputError
from persmark.experiments import (
    assign_arms,
    detectable_lift,
    hash_order,
    minimum_detectable_difference,
    power,
    rate_difference,
    users_needed,
)

USERS = ["u1", "u2", "u 3", "O'Neil", "王芳", "🛒", "=cmd", "u8", "u9", "u10"]


def arms(users, **settings):
    return {row["user_id"]: row["arm"] for row in assign_arms(users, **settings).to_pylist()}


def test_arms_have_the_exact_share_and_do_not_depend_on_row_order():
    drawn = arms(USERS, share=0.3, seed=7, key="spring")
    assert sorted(drawn) == sorted(USERS)
    assert sum(arm == "holdout" for arm in drawn.values()) == 3
    shuffled = USERS * 2
    random.Random(1).shuffle(shuffled)
    assert arms(shuffled, share=0.3, seed=7, key="spring") == drawn


def test_arms_are_the_first_by_the_hash_anybody_can_compute():
    by_hand = sorted(USERS, key=lambda user: hashlib.sha256(f"7:6:spring:{user}".encode()).digest())
    assert hash_order(USERS, seed=7, key="spring") == by_hand
    drawn = arms(USERS, share=0.3, seed=7, key="spring")
    assert {user for user, arm in drawn.items() if arm == "holdout"} == set(by_hand[:3])


def test_other_seeds_and_keys_draw_otherwise():
    users = [f"u{n}" for n in range(200)]
    first = arms(users, share=0.5, seed=1, key="a")
    assert first != arms(users, share=0.5, seed=2, key="a")
    assert first != arms(users, share=0.5, seed=1, key="b")


@pytest.mark.parametrize(
    ("n", "share", "expected"), [(0, 0.1, 0), (1, 0.1, 0), (5, 0.1, 1), (14, 0.1, 1), (4, 0, 0)]
)
def test_the_share_rounds_half_up(n, share, expected):
    drawn = arms([f"u{i}" for i in range(n)], share=share, seed=1, key="k")
    assert sum(arm == "holdout" for arm in drawn.values()) == expected


def test_a_share_outside_the_range_is_refused():
    with pytest.raises(InputError, match=r"A holdout's share must be at least 0 and below 1. Received: 1."):
        assign_arms(USERS, share=1.0, seed=1, key="k")


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Newcombe (1998), table II, examples with method 10.
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((0, 10, 0, 20), -0.1611, 0.2775),
    ],
)
def test_rate_difference_equals_newcombes_table(counts, low, high):
    found = rate_difference(*counts)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_lift_is_relative_to_the_holdout():
    assert rate_difference(56, 70, 48, 80).lift == pytest.approx(0.2 / 0.6)
    assert rate_difference(1, 10, 0, 10).lift is None


def test_impossible_counts_are_refused():
    with pytest.raises(InputError, match=r"Received: 3 of 2, 0 of 5."):
        rate_difference(3, 2, 0, 5)
    with pytest.raises(InputError, match=r"Both arms must hold users. Received: 10 in the target arm, 0"):
        minimum_detectable_difference(10, 0, 0.1)


def test_power_equals_the_examples_of_r():
    # ?power.prop.test: n = 50, p1 = .50, p2 = .75 -> power 0.740; power .90 -> n = 76.7 a group.
    assert power(50, 50, 0.5, 0.25) == pytest.approx(0.740, abs=5e-4)
    assert power(77, 77, 0.5, 0.25) > 0.90 > power(76, 76, 0.5, 0.25)


def test_minimum_detectable_difference_inverts_power():
    found = minimum_detectable_difference(900, 100, 0.05)
    assert found is not None
    assert power(900, 100, 0.05, found) == pytest.approx(0.8, abs=1e-9)
    larger = minimum_detectable_difference(9000, 1000, 0.05)
    assert larger is not None
    assert larger < found


def test_no_difference_can_be_detected_with_two_users():
    assert minimum_detectable_difference(1, 1, 0.5) is None


def test_the_detectable_lift_is_that_of_rs_power_prop_test():
    # R's documentation of power.prop.test: n = 50 in each arm, p1 = .50, power = .90 gives p2 = 0.8026.
    found = detectable_lift(100, 0.5, 0.5, power=0.9)
    assert (found.n_target, found.n_holdout) == (50, 50)
    assert found.difference == pytest.approx(0.3026, abs=5e-5)
    assert found.lift == pytest.approx(0.6052, abs=1e-4)


def test_the_users_needed_are_those_of_rs_power_prop_test():
    # The same page: p1 = .50, p2 = .75, power = .90 gives n = 76.7 in each arm.
    assert users_needed(0.5, 0.5, 0.5, power=0.9) == pytest.approx(2 * 76.7, abs=1)


def test_a_tenth_withheld_by_hand():
    # 1,000 users of whom 100 are withheld, 20% buy anyway, and the rate rises by 0.12 to 32%:
    # pooled (900 * .32 + 100 * .20) / 1000 = .308; under no effect sqrt(.308 * .692 * (1/900 + 1/100))
    # = .048664; with it sqrt(.32 * .68 / 900 + .20 * .80 / 100) = .042911;
    # (.12 - 1.959964 * .048664) / .042911 = .5737, whose normal chance is .717: .12 is too small.
    assert power(900, 100, 0.2, 0.12) == pytest.approx(0.717, abs=5e-4)
    found = detectable_lift(1000, 0.2, 0.1)
    assert found.difference is not None and found.difference > 0.12
    assert power(900, 100, 0.2, found.difference) == pytest.approx(0.8, abs=1e-9)
    assert found.lift == pytest.approx(found.difference / 0.2)
    assert users_needed(0.2, found.lift, 0.1) in (1000, 1001)


def test_what_no_test_could_show_is_none():
    assert detectable_lift(10, 0.2, 0.0).lift is None
    assert detectable_lift(0, 0.2, 0.1).difference is None
    assert detectable_lift(4, 0.5, 0.5).difference is None
    none_bought = detectable_lift(1000, 0.0, 0.5)
    assert none_bought.lift is None and none_bought.difference is not None
    assert users_needed(0.6, 1.0, 0.1) is None
    assert users_needed(0.0, 0.1, 0.1) is None
    with pytest.raises(InputError, match=r"at least 0 and below 1. Received: 1."):
        detectable_lift(10, 0.2, 1.0)
