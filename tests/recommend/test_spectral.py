"""Both filters by hand on two users and three items."""

from __future__ import annotations

import numpy as np
import pytest

from persmark.recommend import Interactions, interactions_from
from persmark.recommend.spectral import Spectral

NOW = 1_000_000
PLAIN: dict[str, object] = {"itself": 0.0, "age_power": 0.0, "taste_power": 1.0}


def known() -> Interactions:
    """ann has a and b, bob a and c."""
    return interactions_from(["ann", "ann", "bob", "bob"], ["a", "b", "a", "c"], [NOW] * 4)


def from_b(settings: dict[str, object]) -> tuple[Spectral, list[float]]:
    made = Spectral.train(known(), PLAIN | settings)
    return made, made.score_matrix(interactions_from(["new"], ["b"], [NOW]))[0].tolist()


def test_alone_the_near_filter_is_the_evened_walk() -> None:
    made, found = from_b({"smooth": 0.0})
    # R'R between a and b: 1 * 1 / 2 over sqrt(2 * 1). Walks of what people have: 2 * (2 times that) /
    # sqrt(2) + 2 times that = 1/2 * (2 + sqrt(2)) of 4.
    near = 0.5 / np.sqrt(2)
    assert made.walks.toarray() == pytest.approx(np.array([[0, near, near], [near, 0, 0], [near, 0, 0]]))
    scale = 4 / (2 * 2 * near / np.sqrt(2) + 2 * near)
    assert found[0] == pytest.approx(scale * near, rel=1e-5)
    assert found[2] < 0


def test_the_strongest_current_is_popularity() -> None:
    made, found = from_b({"smooth": 1.0, "currents": 1})
    # R has the value 1 for sqrt(d) = (sqrt(2), 1, 1) over 2: V V' sqrt(d) from b is 1/2 * d / 2.
    assert np.abs(made.vectors[:, 0]) == pytest.approx(np.sqrt([2, 1, 1]) / 2, rel=1e-5)
    near = 0.5 / np.sqrt(2)
    assert np.array(found) / made.scale == pytest.approx([near + 2 / 4, 1 / 4, 1 / 4], rel=1e-5)


def test_own_items_are_the_reason() -> None:
    made, _ = from_b({})
    said = made.reason(interactions_from(["new"], ["b"], [NOW]), "a", titles={"b": "Tea {green} 茶"})
    assert str(said.text) == "often bought by people who buy Tea {green} 茶"
