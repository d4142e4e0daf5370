"""Figures of a test window against values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from persmark.profiles.predict.judge import (
    OURS,
    Resampled,
    auc,
    captured,
    chosen,
    inside,
    judge_amounts,
    judge_chances,
    judge_waits,
    lift,
    reliability,
)
from persmark.profiles.predict.judge_pairs import judge_pairs
from persmark.profiles.predict.learners import simplest
from persmark.profiles.predict.scoring import bin_bounds
from persmark.profiles.predict.verdicts import (
    BEATS,
    LEVEL,
    WORSE,
    packed,
    standing,
    standings,
    unpacked,
    verdict,
)

USERS = np.array(["a", "b", "c", "d"])
ONCE = np.ones((1, 4), np.float32)


def test_auc_counts_pairs_and_half_of_ties() -> None:
    chances, happened = np.array([0.9, 0.5, 0.5, 0.1]), np.array([1.0, 0.0, 1.0, 0.0])
    # Pairs of who did and who did not: 0.9 over both, 0.5 tied with 0.5 and over 0.1.
    assert auc(chances, happened, ONCE)[0] == pytest.approx((2 + 0.5 + 1) / 4)


def test_auc_of_drawn_users_counts_each_as_often_as_drawn() -> None:
    chances, happened = np.array([0.9, 0.5, 0.4, 0.1]), np.array([1.0, 0.0, 1.0, 0.0])
    weights = np.array([[0, 2, 1, 1]], np.float32)
    assert auc(chances, happened, weights)[0] == pytest.approx(1 / 3)


def test_auc_without_both_outcomes_is_unknown() -> None:
    assert np.isnan(auc(np.array([0.9, 0.1]), np.ones(2), np.ones((1, 2), np.float32))[0])


def test_the_best_part_shares_what_is_tied() -> None:
    assert chosen(np.array([3.0, 1.0, 1.0, 1.0]), 0.5).tolist() == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])
    assert chosen(np.array([1.0, 2.0]), 1.0).tolist() == [1.0, 1.0]


def test_lift_and_captured_worth_of_the_best_half() -> None:
    scores = np.array([4.0, 3.0, 2.0, 1.0])
    assert lift(scores, np.array([1.0, 0, 1, 0]), ONCE, part=0.5)[0] == pytest.approx(0.5 / 0.5)
    assert lift(scores, np.array([1.0, 1, 0, 0]), ONCE, part=0.5)[0] == pytest.approx(2)
    assert captured(scores, np.array([60.0, 20, 10, 10]), ONCE, part=0.5)[0] == pytest.approx(0.8)


def test_reliability_holds_its_shares_and_never_a_point() -> None:
    chances = np.array([0.1] * 10 + [0.8] * 10)
    happened = np.array([0.0] * 10 + [1.0] * 7 + [0.0] * 3)
    weights = Resampled([str(n) for n in range(20)], seed=1).weights
    low, high = reliability(chances, happened, weights, n_bins=2)
    assert (low["mean"], low["share"], low["n"]) == (pytest.approx(0.1), 0.0, 10)
    assert low["share_high"] == pytest.approx(0.2775, abs=1e-4)  # Wilson's for 0 of 10
    assert (high["mean"], high["share"]) == (pytest.approx(0.8), pytest.approx(0.7))
    assert high["share_low"] < 0.7 < high["share_high"]


def test_rows_of_one_user_are_drawn_together() -> None:
    drawn = Resampled(["a", "b", "a", "c"], seed=3)
    assert drawn.n_users == 3
    assert np.array_equal(drawn.weights[:, 0], drawn.weights[:, 2])
    assert (drawn.by_user.sum(axis=1) == 3).all()


def test_chances_are_compared_on_the_same_draws() -> None:
    happened = np.array([1.0, 0.0, 1.0, 0.0])
    ours, base = np.array([0.9, 0.1, 0.8, 0.2]), np.full(4, 0.5)
    found = judge_chances(USERS, happened, {OURS: ours, "base": base}, seed=0)
    assert found["figures"][OURS]["brier"][0] == pytest.approx((0.01 + 0.01 + 0.04 + 0.04) / 4)
    assert found["figures"]["base"]["brier"][0] == pytest.approx(0.25)
    assert found["gains"]["base"]["brier"][0] == pytest.approx(0.225)
    assert found["gains"]["base"]["auc"][0] == pytest.approx(0.5)
    assert (found["n_positive"], found["n_users"]) == (2, 4)
    assert found["off"][0] == pytest.approx(0.0)


def test_pairs_are_averaged_over_categories_that_can_be_ranked() -> None:
    happened = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 0], [0, 0, 0]], bool)
    ours = np.array([[0.9, 0.1, 0.6], [0.1, 0.1, 0.7], [0.8, 0.1, 0.2], [0.2, 0.1, 0.1]])
    whole, single = judge_pairs(USERS, happened, {OURS: ours, "base": np.full((4, 3), 0.5)}, seed=0)
    assert single[1] is None
    assert whole["n_things"] == 2
    briers = [one["figures"][OURS]["brier"][0] for one in single if one]
    assert whole["figures"][OURS]["brier"][0] == pytest.approx(np.mean(briers))
    assert briers[0] == pytest.approx((0.01 + 0.01 + 0.04 + 0.04) / 4)
    assert whole["gains"]["base"]["auc"][0] == pytest.approx(0.5)
    assert whole["curve"][-1]["share"] == pytest.approx(1.0)
    assert sum(group["n"] for group in whole["reliability"]) == 12


def test_amounts_and_waits_are_measured_by_their_error() -> None:
    found = np.array([10.0, 0.0, 30.0, 0.0])
    money = judge_amounts(USERS, found, {OURS: np.array([8.0, 2, 30, 0]), "base": np.full(4, 10.0)}, seed=0)
    assert money["figures"][OURS]["mae"][0] == pytest.approx(1.0)
    assert money["gains"]["base"]["mae"][0] == pytest.approx(9.0)
    assert money["figures"][OURS]["ratio"][0] == pytest.approx(1.0)
    days = judge_waits(USERS, np.array([3.0, 10, 84, 84]), {OURS: np.array([5.0, 8, 84, 80])}, seed=0)
    assert days["figures"][OURS]["mae"][0] == pytest.approx(2.0)
    assert days["figures"][OURS]["sooner"][0] == pytest.approx(0.5)
    assert inside(USERS, found, found - 1, np.array([9.0, 1, 31, 1]), seed=0)[0] == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("brier", "auc_gain", "stands"),
    [
        ([0.1, 0.05, 0.2], [0.1, 0.05, 0.2], BEATS),
        ([0.1, -0.05, 0.2], [0.1, 0.05, 0.2], LEVEL),
        ([-0.1, -0.2, -0.05], [0.0, -0.1, 0.1], WORSE),
        ([-0.1, -0.2, -0.05], [0.1, 0.05, 0.2], LEVEL),
        ([0.0, None, None], [0.0, None, None], LEVEL),
    ],
)
def test_a_prediction_stands_by_whole_intervals(brier, auc_gain, stands) -> None:
    assert standing({"brier": brier, "auc": auc_gain}, "chance") == stands


def test_a_verdict_says_what_it_beats_and_when_it_rests_on_few() -> None:
    happened = np.tile([1.0, 0.0], 10)
    users = np.array([str(n) for n in range(20)])
    scores = {OURS: np.tile([0.9, 0.1], 10), "base": np.full(20, 0.5)}
    result = {"kind": "chance", **judge_chances(users, happened, scores, seed=0)}
    said = verdict(result).render()
    assert said.startswith("It beats the base rate. AUC 1.000")
    assert "Only 10 of 20 did it" in said
    assert standings(result) == {"base": BEATS}
    assert "level was off" not in said
    low = {
        **result,
        **judge_chances(users, happened, {OURS: scores[OURS] / 2, "base": scores["base"]}, seed=0),
    }
    assert "Its level was off: 25.0% was promised on average, 50.0% came." in verdict(low).render()
    assert unpacked(packed(verdict(result))) == verdict(result)


def test_a_verdict_tells_by_which_measure_it_is_better() -> None:
    figure = [1.0, 0.9, 1.1]
    result = {
        "kind": "amount", "n_users": 9, "n_positive": 9, "n_rows": 9, "share": figure,
        "figures": {OURS: {"mae": figure, "captured": figure, "ratio": figure}},
        "gains": {"bgnbd": {"mae": [2.0, 1.0, 3.0], "captured": [0.1, -0.1, 0.2]},
                  "rfm": {"mae": [2.0, -1.0, 3.0], "captured": [0.1, -0.1, 0.2]}},
    }  # fmt: skip
    said = verdict(result).render()
    assert said.startswith(
        "It is not separable from recency, frequency and money alone. By mean error it beats BG/NBD + "
        "Gamma-Gamma; by the money with the best tenth they are not separable. Off by 1.00 (95% 0.90 to 1.10)"
    )


def test_a_chance_is_shown_with_what_came_of_such_chances() -> None:
    groups = [
        {"high": 0.2, "share_low": 0.0, "share_high": 0.1},
        {"high": 0.9, "share_low": 0.5, "share_high": None},
    ]
    low, high = bin_bounds(groups, np.array([0.1, 0.2, 0.21, 0.99]))
    assert low.tolist() == [0.0, 0.0, 0.5, 0.5]
    assert high[:2].tolist() == [0.1, 0.1]
    assert np.isnan(high[2:]).all()


def test_the_simplest_that_is_not_surely_worse_is_chosen() -> None:
    best = np.array([1.0, 2.0, 1.0, 2.0])
    assert (
        simplest({"base": best + 1, "rfm": best + np.array([0.5, -0.4, 0.5, -0.4]), "trees": best}) == "rfm"
    )
    assert simplest({"base": best + 1, "rfm": best + 0.5, "trees": best}) == "trees"
    assert simplest({"base": best, "rfm": best + 0.1, "trees": best + 0.1}) == "base"
    # A constant is not taken for simplicity's sake alone.
    noisy = best + np.array([0.5, -0.4, 0.5, -0.4])
    assert simplest({"base": noisy, "rfm": noisy, "trees": best}) == "rfm"
