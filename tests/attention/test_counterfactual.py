"""Two items: the first has what its events add, the second a score that nothing takes away."""

from __future__ import annotations

import numpy as np

from persmark.attention.counterfactual import Occluded, smallest_set, smallest_sets
from persmark.attention.rescored import Rescored
from persmark.recommend import RECOMMENDERS, interactions_from
from persmark.recommend.explained import Floats, Mask
from tests.attention.toy import Toy

DAY = 86_400


def against(bar: float, adds: list[float]) -> Toy:
    """The second item keeps `bar` through a last unit that is no event of interest."""
    return Toy([[add, 0.0] for add in adds] + [[0.0, bar]], [1 / (len(adds) + 1)] * (len(adds) + 1))


def test_one_event_is_enough() -> None:
    toy = against(2.0, [0.5, 1.6, 0.2])
    occluded = Occluded.of(toy)
    assert occluded.rank(0) == 1
    assert occluded.ranks_without(0).tolist() == [2, 2, 1, 1]
    # Both the first and the second would do; the one that carries most is named.
    assert smallest_set(toy, occluded, 0, k=1) == (1,)


def test_two_events_are_needed() -> None:
    toy = against(1.5, [1.0, 1.0, 0.6])
    # 2.6 against 1.5: 1.6 without one of them, 0.6 without both.
    assert smallest_set(toy, Occluded.of(toy), 0, k=1) == (0, 1)


def test_many_small_ones_are_pruned_to_those_needed() -> None:
    toy = against(4.5, [1.0] * 10)
    # 10 against 4.5: six have to go.
    found = smallest_set(toy, Occluded.of(toy), 0, k=1)
    assert found is not None
    assert len(found) == 6


def test_all_events_on_one_item_are_told_before_a_mixture() -> None:
    toy = against(4.5, [1.0] * 10)
    of_item = [[0, 2, 4, 6, 8, 9], [1, 3, 5, 7]]
    # Four are too few, and of the six on one item none may stay: 5 without five is above 4.5.
    assert smallest_set(toy, Occluded.of(toy), 0, k=1, groups=of_item) == (0, 2, 4, 6, 8, 9)


class Costly(Toy):
    """Counts what it is asked."""

    costly = True
    asked = 0

    def scores(self, presence: Floats, masked: Mask | None = None) -> Floats:
        self.asked += len(presence)
        return super().scores(presence, masked)


def test_a_costly_model_is_asked_about_what_should_suffice_alone() -> None:
    says = [[1.0, 0.0]] * 30 + [[0.0, 16.5]]
    cheap, costly = Toy(says, [1 / 31] * 31), Costly(says, [1 / 31] * 31)
    occluded = Occluded.of(costly)
    # 30 against 16.5: rank 2 without fourteen of them, as the single removals foretell.
    assert occluded.foretold(0, [list(range(13)), list(range(14))]).tolist() == [1, 2]
    costly.asked = 0
    found = smallest_set(costly, occluded, 0, k=1)
    assert found is not None
    assert len(found) == 14
    # 6 pairs, 5 sizes.
    assert costly.asked == 11
    assert smallest_set(cheap, Occluded.of(cheap), 0, k=1) == found


def test_items_sought_in_step_get_what_each_gets_alone() -> None:
    # Three places, and rivals at 1.1 and 1.0: the first item goes with its one event, the second with both
    # of 2, the third with all three of 1.2; the fourth is not shown.
    says = np.zeros((8, 6))
    says[0, 0], says[1:3, 1], says[3:6, 2], says[6, 4], says[7, 5] = 9, 2, 1.2, 1.1, 1.0
    for kind in (Toy, Costly):
        toy = kind(says.tolist(), [1 / 8] * 8)
        occluded = Occluded.of(toy)
        for k in (1, 2, 3):
            together = smallest_sets(toy, occluded, [0, 1, 2, 3], k=k)
            assert together == [smallest_set(toy, occluded, item, k=k) for item in range(4)]
    assert together == [(0,), (1, 2), (3, 4, 5), None]
    assert smallest_sets(toy, occluded, [], k=1) == []


def test_an_item_that_stays_has_none() -> None:
    toy = against(-1.0, [0.5, 0.5])
    assert smallest_set(toy, Occluded.of(toy), 0, k=1) is None
    # With two places for two items nothing ever leaves.
    assert smallest_set(against(9.0, [0.5]), Occluded.of(against(9.0, [0.5])), 0, k=2) is None


def test_items_that_may_not_be_ranked_are_nobody_s_rival() -> None:
    toy = against(2.0, [0.5, 1.6])
    occluded = Occluded.of(toy, allowed=np.array([True, False]))
    assert smallest_set(toy, occluded, 0, k=1) is None


def test_ranks_are_counted_among_the_contenders_and_those_asked_for() -> None:
    toy = Toy([[3.0, 0.0, 0.0, 0.0], [0.0, 2.0, 1.0, 0.5]], [0.5, 0.5])
    occluded = Occluded.of(toy, items=np.array([3]), contenders=2)
    assert occluded.columns.tolist() == [0, 1, 3]
    # Without the first unit item 0 is behind 1 and 3; item 2, which is before it too, does not contend.
    assert occluded.ranks_without(0).tolist() == [3, 1]
    assert Occluded.of(toy).ranks_without(0).tolist() == [4, 1]
    assert smallest_set(toy, occluded, 0, k=1) == (0,)


def test_any_recommender_is_explained_by_scoring_anew() -> None:
    """tea was bought twice, rye once: without either purchase of tea it still stands level or above."""
    known = interactions_from(
        ["ann"] * 3 + ["bob"], ["tea", "rye", "tea", "rye"], [0, 9 * DAY, 10 * DAY, 10 * DAY]
    )
    made = RECOMMENDERS["repeat"].train(known, {"half_life_days": 10})
    ann = known.users(np.array([0]))
    explained = Rescored(made, ann)
    rye, tea = 0, 1
    occluded = Occluded.of(explained)
    # 1 + 2^-1 for tea, 2^-0.1 for rye.
    assert abs(occluded.whole[tea] - 1.5) < 2e-3
    effects = occluded.effects(tea)
    assert np.allclose(effects, [0.5, 0.0, 1.0], atol=2e-3)
    # Without its latest purchase tea has 0.5 and rye 0.93.
    assert smallest_set(explained, occluded, tea, k=1) == (2,)
    assert explained.weights(np.array([rye])).tolist() == [[1 / 3] * 3]
