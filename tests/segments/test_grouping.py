"""Groups are claimed where they are, never where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from persmark.segments.grouping import Grouping, find_grouping, gap_depth, nearest, separation
from persmark.segments.surrogates import Surrogates

N = 300


def found(values: np.ndarray, seed: int = 0, wanted: int | None = None) -> Grouping:
    return find_grouping(values, seed=seed, tried=(2, 3, 4), n_surrogates=19, n_resamples=6, wanted=wanted)


def lumps(rng: np.random.Generator, middles: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    group = rng.integers(0, len(middles), N)
    return np.array(middles)[group] + rng.normal(size=(N, len(middles[0]))), group


def duplicated(rng: np.random.Generator) -> np.ndarray:
    made = rng.normal(size=(N, 3))
    return np.hstack([made, made])


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: rng.uniform(size=(N, 4)),
        lambda rng: rng.normal(size=(N, 5)) @ rng.normal(size=(5, 5)),
        lambda rng: np.exp(1.5 * rng.normal(size=(N, 4))),
        lambda rng: np.where(rng.uniform(size=(N, 4)) < 0.6, 0.0, rng.exponential(size=(N, 4))),
        duplicated,
    ],
    ids=["uniform", "correlated", "heavy tails", "zeros", "duplicated columns"],
)
def test_noise_has_no_groups(make) -> None:
    grouping = found(make(np.random.default_rng(1)), 1)
    assert (grouping.n_groups, grouping.real) == (0, False)
    assert len(grouping.tried) == 3
    assert not any(one.passes for one in grouping.tried)


@pytest.mark.parametrize(
    "middles",
    [[[0, 0, 0, 0], [4, 4, 4, 4]], [[0, 0, 0, 0], [5, 0, 5, 0], [0, 5, 0, 5]]],
    ids=["two", "three"],
)
def test_planted_groups_are_found_and_users_placed(middles) -> None:
    values, group = lumps(np.random.default_rng(3), middles)
    grouping = found(values)
    assert grouping.n_groups == len(middles)
    assert grouping.real
    assert adjusted_rand_score(group, nearest(values, grouping.centres)[0]) > 0.95
    assert grouping.jaccard.mean(axis=1).min() > 0.9


def test_one_group_split_in_two_has_no_gap() -> None:
    """A long lump is cut the same way again and again, and further apart than a round one, but no gap."""
    rng = np.random.default_rng(4)
    grouping = found(rng.normal(size=(N, 3)) * np.array([6.0, 1.0, 1.0]))
    assert grouping.tried[0].stability > 0.8
    assert grouping.tried[0].depth > 1
    assert not grouping.real


def test_the_same_seed_gives_the_same_answer() -> None:
    values, _ = lumps(np.random.default_rng(5), [[0, 0, 0], [5, 5, 0]])
    one, other = found(values, 7), found(values, 7)
    assert one.tried == other.tried
    assert np.array_equal(one.centres, other.centres)


def test_a_number_that_was_asked_for_is_cut_and_not_called_real() -> None:
    grouping = found(np.random.default_rng(6).normal(size=(N, 3)), wanted=3)
    assert (grouping.n_groups, grouping.real) == (3, False)
    assert grouping.centres.shape == (3, 3)


@pytest.mark.parametrize(
    "values", [np.empty((0, 3)), np.ones((10, 2)), np.ones((200, 2))], ids=["nobody", "few", "all the same"]
)
def test_too_little_to_tell_is_no_group(values) -> None:
    grouping = found(values)
    assert (grouping.n_groups, grouping.real, grouping.tried) == (0, False, ())


def test_the_nearest_middle_and_the_separation_are_those_of_hand() -> None:
    values = np.array([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]])
    group, own, other = nearest(values, np.array([[0.0, 0.0], [10.0, 0.0]]))
    assert group.tolist() == [0, 0, 1]
    assert own.tolist() == [0.0, 1.0, 1.0]
    assert other.tolist() == [10.0, 9.0, 9.0]
    # (10 - 0) / 10, (9 - 1) / 9, (9 - 1) / 9
    assert separation(values, np.array([[0.0, 0.0], [10.0, 0.0]])) == pytest.approx((1 + 8 / 9 + 8 / 9) / 3)


def test_the_depth_of_a_gap_counts_users_halfway() -> None:
    centres = np.array([[0.0], [1.0]])
    apart = np.array([0.0] * 100 + [1.0] * 100)[:, None]
    # Nobody halfway: one standard error of none, sqrt(0.5), over 100.
    assert gap_depth(apart, centres) == pytest.approx(0.5**0.5 / 100)
    filled = np.array([0.0] * 100 + [0.49] * 100 + [1.0] * 200)[:, None]
    assert gap_depth(filled, centres) == pytest.approx((100 + 100.5**0.5) / 100)


def test_surrogates_keep_values_and_correlations() -> None:
    rng = np.random.default_rng(8)
    base = rng.normal(size=(2000, 1))
    values = np.hstack([base, base + rng.normal(size=(2000, 1)), rng.integers(0, 2, (2000, 1))])
    drawn = Surrogates(values, rng).draw(rng)
    assert np.array_equal(np.sort(drawn, axis=0), np.sort(values, axis=0))
    assert np.corrcoef(drawn.T) == pytest.approx(np.corrcoef(values.T), abs=0.06)


def test_surrogates_of_equal_columns_are_equal() -> None:
    rng = np.random.default_rng(9)
    column = rng.exponential(size=(500, 1))
    drawn = Surrogates(np.hstack([column, column]), rng).draw(rng)
    assert np.array_equal(drawn[:, 0], drawn[:, 1])
