"""Three events, two items: the second item's logit is 0, the first one's is the sum of ln 3, ln 2, -ln 2.

So p(first) is 3/4 with all events, 1/2 without the first event, 1/3 without the first two.
"""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from persmark.attention import faithfulness as faith
from persmark.attention.integrated import integrated_gradients
from persmark.attention.part import events_of, fields_of
from tests.attention.toy import Toy

THREE = Toy([[log(3), 0], [log(2), 0], [-log(2), 0]], [0.5, 0.3, 0.2])
ORDER = np.array([0, 1, 2])


def test_counts_of_short_and_long_histories() -> None:
    assert faith.removed_counts(1).tolist() == [1]
    assert faith.removed_counts(3).tolist() == [1, 2]
    assert faith.removed_counts(19).tolist() == [1, 2, 3, 5]
    # 1, 5, 10, 20 and 50% of 40, rounded up.
    assert faith.removed_counts(40).tolist() == [1, 2, 4, 8, 20]


def test_aopc_of_three_events_by_hand() -> None:
    found = faith.faithfulness(THREE, 0, ORDER)
    # (3/4 - 1/2 + 3/4 - 1/3) / 2
    assert found.comprehensiveness == pytest.approx(1 / 3)
    # only the first: 3/4; the first two: 6/7.
    assert found.sufficiency == pytest.approx((0 + 3 / 4 - 6 / 7) / 2)
    # Tenths of three events are 1, 2 and 3 of them; without any the items are level.
    assert found.deletion == pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 3)
    assert found.insertion == pytest.approx((3 / 4 + 6 / 7 + 3 / 4) / 3)


def test_several_orders_are_asked_at_once() -> None:
    orders = np.array([[0, 1, 2], [2, 1, 0]])
    # Last first: without it 6/7, without the last two 3/4.
    expected = [1 / 3, (3 / 4 - 6 / 7 + 3 / 4 - 3 / 4) / 2]
    assert faith.comprehensiveness(THREE, 0, orders) == pytest.approx(expected)


def test_occlusion_has_the_sign_that_attention_lacks() -> None:
    assert faith.occlusion(THREE)[:, 0] == pytest.approx([log(3), log(2), -log(2)])
    effects = faith.occlusion(THREE)[:, 0]
    # The third event, looked at as much as the first, speaks against the item.
    assert faith.violations(np.array([0.4, 0.2, 0.4]), effects, 3) == pytest.approx(1 / 2)
    # With less than a third of the attention it is not pointed to.
    assert faith.violations(np.array([0.5, 0.3, 0.2]), effects, 3) == 0
    assert faith.violations(np.array([1.0, 1.0, 1.0]) / 3, effects, 3) == pytest.approx(1 / 3)


def test_an_item_that_is_not_on_offer_has_no_effect_and_no_probability() -> None:
    off = Toy([[1.0, 0.0], [1.0, -np.inf]], [0.5, 0.5])
    assert np.isfinite(faith.occlusion(off)).all()
    assert faith.probabilities(np.array([[0.0, -np.inf]]), 1) == pytest.approx([0.0])


def test_flips_and_the_share_that_must_go() -> None:
    held = Toy([[2.0, 0.0], [0.5, 0.0], [0.0, 1.0]], [0.5, 0.3, 0.2])
    # 2.5 against 1; without the first event 0.5 against 1.
    assert faith.flips(held, np.array([0, 1, 2])).tolist() == [True, False, False]
    assert faith.removed_until_flip(held, np.array([0, 1, 2])) == pytest.approx(1 / 3)
    assert faith.removed_until_flip(held, np.array([1, 0, 2])) == pytest.approx(2 / 3)
    assert faith.removed_until_flip(held, np.array([2, 1, 0])) == 1.0


def test_kendall_by_hand() -> None:
    """Of three pairs two agree and one does not."""
    assert faith.agreement(np.array([0.5, 0.3, 0.2]), np.array([3.0, 1.0, 2.0])) == pytest.approx(1 / 3)
    assert np.isnan(faith.agreement(np.array([0.5, 0.5]), np.array([1.0, 2.0])))


def test_ties_go_to_the_newest() -> None:
    assert faith.order_of(np.array([1.0, 2.0, 1.0])).tolist() == [1, 2, 0]


def test_gradients_of_a_sum_are_its_parts() -> None:
    found = integrated_gradients(THREE, 0)
    assert found.values == pytest.approx([log(3), log(2), -log(2)])
    assert found.completeness_error == pytest.approx(0, abs=1e-9)


def test_gradients_of_a_square_by_hand() -> None:
    """f = (1 x + 2 y + 3 z)^2: the integral of 2 a 6 c over a is 6 c."""
    squared = Toy([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]], [0.2, 0.3, 0.5], power=2)
    found = integrated_gradients(squared, 0)
    assert found.values == pytest.approx([6, 12, 18])
    assert (found.whole, found.empty) == pytest.approx((36, 0))


def test_where_nothing_changes_completeness_is_unknown() -> None:
    assert np.isnan(integrated_gradients(Toy([[0.0, 0.0]], [1.0]), 0).completeness_error)


def test_parts_leave_the_rest_in_place() -> None:
    mixed = Toy([[log(3), 0], [log(2), 0], [-log(2), 0]], [0.6, 0.4, 1.0], fields=("income",))
    events, fields = events_of(mixed), fields_of(mixed)
    assert (events.n_units, fields.n_units, fields.fields) == (2, 1, ("income",))
    assert events.scores(np.zeros((1, 2)))[0] == pytest.approx([-log(2), 0])
    assert events.scores(np.zeros((1, 2)), np.zeros((1, 2), bool))[0] == pytest.approx([-log(2), 0])
    assert fields.weights(np.array([0])).tolist() == [[1.0]]
    assert events.heads(np.array([0])).shape == (1, 1, 1, 2)
    assert fields.scores(np.zeros((1, 1)))[0] == pytest.approx([log(6), 0])
    assert events.shuffled(1).n_units == 2
