"""Vectors that minimise what they say they minimise; users worked out from their events."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from persmark.recommend import RECOMMENDERS, Interactions, interactions_from
from persmark.recommend.matrix_factorisation import MatrixFactorisation

NOW = 1_000_000
PLAIN: dict[str, object] = {
    "factors": 2, "regularisation": 0.1, "confidence": 3.0, "itself": 0.0, "age_power": 0.0, "rounds": 30,
}  # fmt: skip


def known() -> Interactions:
    """Two circles: ann, bob and cid have a, b or both; dot and eve have c and d."""
    pairs = ["ann a", "ann b", "bob a", "bob b", "cid a", "dot c", "dot d", "eve c", "eve d"]
    users, items = zip(*(pair.split() for pair in pairs), strict=True)
    return interactions_from(users, items, [NOW] * len(pairs))


def trained(settings: dict[str, object] | None = None) -> MatrixFactorisation:
    made = MatrixFactorisation.train(known(), PLAIN | (settings or {}))
    assert isinstance(made, MatrixFactorisation)
    return made


def objective(made: MatrixFactorisation) -> float:
    """The formula itself, over every cell, at the users' own least squares."""
    table = known()
    tastes = np.zeros((5, 4))
    tastes[table.user, table.item] = 1.0
    users = made.user_factors(table)
    error = (tastes > 0) - users @ made.items.T
    norms = np.square(users).sum() + np.square(made.items).sum()
    return float(((1 + 3.0 * tastes) * np.square(error)).sum() + 0.1 * norms)


def test_the_objective_falls_with_every_round_to_a_resting_point() -> None:
    after = [objective(trained({"rounds": rounds})) for rounds in (1, 2, 4, 100, 200)]
    assert after[0] > after[1] > after[2] > after[3]
    assert after[4] == pytest.approx(after[3], rel=1e-3)


def test_items_are_the_least_squares_of_users_too() -> None:
    """At the resting point each item's vector solves its own equations, written out."""
    made, table = trained({"rounds": 200}), known()
    users = made.user_factors(table)
    for item in range(4):
        has = np.zeros(5)
        has[table.user[table.item == item]] = 1.0
        sure = np.diag(1 + 3.0 * has)
        solved = np.linalg.solve(users.T @ sure @ users + 0.1 * np.eye(2), users.T @ sure @ has)
        assert made.items[item] == pytest.approx(solved, abs=5e-3)


def test_a_user_is_the_answer_to_their_events() -> None:
    made = trained()
    a = made.items[0].astype(float)
    # One event on a: confidence 4 there and 1 elsewhere, preference 1 there and 0 elsewhere.
    left = made.items.T @ made.items + 3.0 * np.outer(a, a) + 0.1 * np.eye(2)
    new = interactions_from(["new"], ["a"], [NOW])
    assert made.user_factors(made._own_items(new))[0] == pytest.approx(
        np.linalg.solve(left, 4.0 * a), rel=1e-4
    )


def test_circles_are_told_apart_and_the_reason_is_the_own_item() -> None:
    made = trained()
    new = interactions_from(["new"], ["a"], [NOW])
    found = made.recommend(new, k=4, exclude_seen=True)
    assert found.item_id.tolist()[0] == "b"
    said = made.reason(new, "b", titles={"a": "Tea {green} 茶"})
    assert str(said.text) == "often bought by people who buy Tea {green} 茶"
    # What the own items add up to is the score.
    both = interactions_from(["new", "new"], ["a", "c"], [NOW, NOW])
    assert made.reason(both, "d").facts["because_of_item_id"] == "c"


def test_the_curve_holds_the_loss_of_every_round() -> None:
    points: list[dict[str, float]] = []
    made = MatrixFactorisation.train(
        known(), PLAIN | {"rounds": 4}, on_point=lambda p: points.append(dict(p))
    )
    assert [point["epoch"] for point in points] == [1, 2, 3, 4]
    assert points[-1]["loss"] < points[0]["loss"]
    assert list(made.curve) == points


def test_same_seed_same_table() -> None:
    one, two, other = (trained({"seed": seed}).items for seed in (3, 3, 4))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_serving_needs_no_library() -> None:
    code = "import sys, persmark.recommend; sys.exit('implicit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert RECOMMENDERS["matrix_factorisation"] is MatrixFactorisation
