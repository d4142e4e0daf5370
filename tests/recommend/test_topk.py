"""The best columns against a full sort, where ties, gaps and group edges could go wrong."""

from __future__ import annotations

import numpy as np
import pytest

from persmark.recommend.topk import GROUP, best_columns, best_of_factors


def by_sorting(scores: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("n_items", [40 * GROUP, 40 * GROUP + 1, 41 * GROUP - 1, 5_000])
@pytest.mark.parametrize("levels", [0, 3, 500], ids=["no ties", "mostly ties", "some ties"])
def test_best_columns_equal_a_full_sort(n_items: int, levels: int) -> None:
    rng = np.random.default_rng(n_items + levels)
    shape = (40, n_items)
    scores = (rng.integers(0, levels, shape) if levels else rng.standard_normal(shape)).astype(np.float32)
    assert np.array_equal(best_columns(scores, 20), by_sorting(scores, 20))


def test_places_not_on_offer_come_last() -> None:
    scores = np.full((2, 3_000), -np.inf, np.float32)
    scores[0, [7, 2_999, 1_500]] = [1, 3, 2]
    assert best_columns(scores, 10)[0, :3].tolist() == [2_999, 1_500, 7]
    assert len(set(best_columns(scores, 10)[1].tolist())) == 10


def test_factors_give_the_columns_of_their_products() -> None:
    rng = np.random.default_rng(3)
    users = rng.integers(-3, 4, (600, 4)).astype(np.float32)
    items = rng.integers(-3, 4, (2_600, 4)).astype(np.float32)
    columns, values = best_of_factors(users, items, 20, threads=2)
    products = users @ items.T
    assert np.array_equal(columns, by_sorting(products, 20))
    assert np.array_equal(values, np.take_along_axis(products, columns, axis=1))
