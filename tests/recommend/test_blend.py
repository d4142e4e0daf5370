"""The mixture: weights found where one component knows the answers, saved with what it is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from persmark.recommend import Interactions, interactions_from
from persmark.recommend.blend import Blend, climbed, components_of, weighed
from persmark.recommend.candidates import Candidates, find_candidates
from persmark.recommend.judged import Judge
from persmark.recommend.lesson import Lesson
from persmark.recommend.registry import recommender

DAY = 86_400
ODD_USER, ODD_ITEM = 'o\'Brien "x" 🛒', "茶 壶; DROP"
UNWATCHED = Lesson(lambda _share, _doing: None, lambda _point: None)


def habits(n_users: int = 20) -> Interactions:
    """Everybody has an own item every ten days; a fashion of each week is bought by few."""
    rows = [(f"u{user:02}", f"i{user:02}", day) for user in range(n_users) for day in range(0, 100, 10)]
    rows += [(f"u{day % n_users:02}", f"fashion {day // 7}", day) for day in range(1, 99, 2)]
    users, items, days = zip(*rows, strict=True)
    return interactions_from([*users, ODD_USER], [*items, ODD_ITEM], [d * DAY for d in [*days, 50]])


def test_the_weight_goes_to_the_component_that_knows() -> None:
    """Two users, three candidates: the second component puts the answers first, the first last."""
    said = np.array([[1, 0, -1, 2], [0, 1, 0, 1], [-1, 2, 1, 0]] * 2, np.float32)
    found = Candidates(
        row=np.repeat([0, 1], 3), item=np.tile([0, 1, 2], 2), said=said,
        own=np.zeros(6, bool), bought=np.zeros(6, bool), n_users=2,
    )  # fmt: skip
    wanted = np.array([2, 5])
    judge = Judge(found, wanted, wanted, n_items=3)
    weights, figures = weighed(("bad", "good"), found, judge, UNWATCHED)
    assert weights == {"good": (1.0, 0.0)}
    assert figures["blend"] == {"ndcg": 1.0, "ndcg_removed": 1.0}
    assert figures["alone"]["bad"]["ndcg"] == pytest.approx(1 / np.log2(4))


def test_components_are_chosen_by_how_often_users_return() -> None:
    """Nine of ten events are returns, or none is."""
    once = interactions_from(["ann", "ann", "bob"], ["a", "b", "a"], [0, DAY, 0])
    assert "ranker" in components_of("auto", habits(), target="purchase")
    assert "self_attention" in components_of("auto", once, target="purchase")
    assert components_of("ease, repeat ease", once, target="purchase") == ("ease", "repeat")


def test_a_climb_ends_at_the_top() -> None:
    best = climbed(
        np.array([1.0, 0.0]), lambda w: -((w[0] - 1) ** 2) - (w[1] - 0.4) ** 2, lambda _point: None
    )
    assert best == pytest.approx([1.0, 0.4])


def test_own_items_and_others_have_places_of_their_own() -> None:
    known = habits()
    one = known.users(np.array([1]))
    source = {"repeat": recommender("repeat").train(known)}
    found = find_candidates(source, one, n_own=1, n_fresh=2, target="purchase")
    names = known.item_ids[found.item].tolist()
    assert len(names) == 3
    assert [name for name, own in zip(names, found.own, strict=True) if own] == ["i00"]
    # Standardised within the user: mean 0, spread 1; ranks 1 to 3.
    assert found.said[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert found.said[:, 0].std() == pytest.approx(1, rel=1e-4)
    assert sorted(found.said[:, 1].tolist()) == pytest.approx([np.log(1), np.log(2), np.log(3)])


@pytest.fixture(scope="module")
def made() -> Blend:
    return Blend.train(habits(), {"components": "popular, repeat markov", "window_days": 14})


def test_it_finds_habits_on_its_own_window(made: Blend) -> None:
    figures = made.figures
    assert figures["n_users"] == 20
    assert figures["blend"]["ndcg"] >= max(one["ndcg"] for one in figures["alone"].values()) - 1e-9
    assert set(made.components) == set(made.weights)
    found = made.recommend(habits(), k=1)
    assert found.item_id.tolist()[1:] == [f"i{user:02}" for user in range(20)]


def test_save_and_load_is_a_round_trip(made: Blend, tmp_path: Path) -> None:
    known = habits()
    made.save(tmp_path / "it's 中文")
    back = Blend.load(tmp_path / "it's 中文")
    assert (back.weights, back.figures) == (made.weights, made.figures)
    assert np.array_equal(back.score_matrix(known), made.score_matrix(known))
    one = known.users(np.array([1]))
    assert str(back.reason(one, "i00").text) == "bought every 10 days, last 7 days ago"
