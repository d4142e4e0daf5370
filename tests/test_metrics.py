"""Ranking arithmetic against values worked by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from persmark import metrics
from persmark.errors import InputError
from persmark.metrics import TiedRanks


def ranks_of(scores: list[list[float]], pairs: list[tuple[int, int]]) -> TiedRanks:
    rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    return metrics.tied_ranks(np.array(scores, np.float32), rows, columns)


def test_tied_ranks_counts_greater_and_equal() -> None:
    ranks = ranks_of([[5, 3, 3, 1], [0, 0, 0, 0]], [(0, 0), (0, 2), (0, 3), (1, 1)])
    assert ranks.greater.tolist() == [0, 1, 3, 0]
    assert ranks.equal.tolist() == [1, 2, 1, 4]
    assert ranks.mean_rank.tolist() == [1.0, 2.5, 4.0, 2.5]


def test_tied_ranks_puts_items_off_offer_last() -> None:
    ranks = ranks_of([[-math.inf, -2, -1, -math.inf]], [(0, 1)])
    assert (ranks.greater.tolist(), ranks.equal.tolist()) == ([1], [1])


def test_tied_ranks_refuses_nan() -> None:
    with pytest.raises(InputError, match=r"Scores must be numbers\. Received: NaN"):
        ranks_of([[1, math.nan]], [(0, 0)])


def test_metrics_of_strict_ranks() -> None:
    # Relevant at positions 1 and 3 of 4; k = 3; the second user's only item stands at 4.
    ranks = ranks_of([[9, 8, 7, 6], [9, 8, 7, 6]], [(0, 0), (0, 2), (1, 3)])
    gain = 1 + 1 / math.log2(4)
    best = 1 + 1 / math.log2(3)
    assert metrics.ndcg(ranks, 3) == pytest.approx([gain / best, 0])
    assert metrics.recall(ranks, 3) == pytest.approx([1, 0])
    assert metrics.recall(ranks, 2) == pytest.approx([0.5, 0])
    assert metrics.hit_rate(ranks, 3) == pytest.approx([1, 0])
    assert metrics.mrr(ranks, 4) == pytest.approx([1, 0.25])


def test_ndcg_ideal_is_capped_at_k() -> None:
    """Three relevant items fill both places of k = 2: nothing better is possible."""
    ranks = ranks_of([[9, 8, 7, 6]], [(0, 0), (0, 1), (0, 2)])
    assert metrics.ndcg(ranks, 2) == pytest.approx([1.0])


def test_constant_scores_give_chance() -> None:
    # 10 items, 1 relevant, k = 4: on offer in 4 of 10 places.
    ranks = ranks_of([[0.5] * 10], [(0, 3)])
    discounts = [1 / math.log2(place + 1) for place in range(1, 5)]
    assert metrics.recall(ranks, 4) == pytest.approx([0.4])
    assert metrics.hit_rate(ranks, 4) == pytest.approx([0.4])
    assert metrics.ndcg(ranks, 4) == pytest.approx([sum(discounts) / 10])
    assert metrics.mrr(ranks, 4) == pytest.approx([(1 + 1 / 2 + 1 / 3 + 1 / 4) / 10])


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_ties_are_the_mean_over_all_orders(k: int) -> None:
    """One item ahead, then four tied of which two are relevant: every order is tried."""
    tied = ranks_of([[2, 1, 1, 1, 1]], [(0, 1), (0, 3)])
    every = []
    for order in itertools.permutations(range(4)):
        scores = [2.0] + [1.0 - 0.1 * place for place in order]
        every.append(ranks_of([scores], [(0, 1), (0, 3)]))
    for metric in (metrics.ndcg, metrics.recall, metrics.hit_rate, metrics.mrr):
        mean = np.mean([metric(ranks, k)[0] for ranks in every])
        assert metric(tied, k)[0] == pytest.approx(mean), metric.__name__


def test_users_without_a_pair_count_as_zero() -> None:
    ranks = ranks_of([[1, 2], [1, 2]], [(1, 1)])
    assert metrics.recall(ranks, 1).tolist() == [0, 1]
    assert metrics.ndcg(ranks_of([[1, 2]], []), 1).tolist() == [0]
    assert metrics.mrr(ranks_of([[1, 2]], []), 1).tolist() == [0]


def test_combined_shifts_the_users_of_later_blocks() -> None:
    whole = metrics.combined([ranks_of([[1, 2]], [(0, 1)]), ranks_of([[1, 2], [2, 1]], [(1, 1)])])
    assert whole.user.tolist() == [0, 2]
    assert whole.n_users == 3


def test_k_below_one_is_refused() -> None:
    with pytest.raises(InputError, match=r"k must be at least 1\. Received: 0\. Give a slate length like 10"):
        metrics.ndcg(ranks_of([[1, 2]], [(0, 1)]), 0)


def test_coverage_counts_distinct_items_and_passes_over_empty_places() -> None:
    assert metrics.coverage(np.array([[0, 1], [1, -1]]), 4) == 0.5
    assert metrics.coverage(np.array([[-1]]), 0) == 0.0


def test_bootstrap_interval_holds_the_mean_and_repeats_under_its_seed() -> None:
    values = np.array([0.0, 1.0] * 50)
    first = metrics.bootstrap_interval(values, seed=3)
    assert first == metrics.bootstrap_interval(values, seed=3)
    # Standard error sqrt(.25 / 100) = .05, so about .40 to .60.
    assert first.mean == 0.5
    assert first.low == pytest.approx(0.40, abs=0.02)
    assert first.high == pytest.approx(0.60, abs=0.02)


def test_bootstrap_interval_of_one_user_is_a_point() -> None:
    assert metrics.bootstrap_interval(np.array([0.25]), seed=0) == metrics.Interval(0.25, 0.25, 0.25)


def test_bootstrap_interval_needs_a_user() -> None:
    with pytest.raises(InputError, match=r"An interval needs at least one user\. Received: none"):
        metrics.bootstrap_interval(np.zeros(0), seed=0)


def test_paired_difference_is_sharper_than_two_intervals() -> None:
    theirs = np.linspace(0, 1, 100)
    gap = metrics.paired_difference(theirs + 0.01, theirs, seed=1)
    assert gap.low == pytest.approx(0.01)
    assert gap.high == pytest.approx(0.01)
    with pytest.raises(InputError, match="Received: 2 and 1"):
        metrics.paired_difference(np.zeros(2), np.zeros(1), seed=1)
