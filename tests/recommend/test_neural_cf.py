"""The network: what it learns from by hand, Keras against NumPy, and one small training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from persmark.recommend import Interactions, interactions_from
from persmark.recommend import neural_cf_training as training
from persmark.recommend.neural_cf import NeuralCf, NeuralCfSettings, example_logits

DAY = 86_400
SMALL = NeuralCfSettings(factors=8, hidden=8, history_events=6, negatives=4, batch=64, epochs=4,
                         learning_rate=0.02)  # fmt: skip


def told(*rows: tuple[str, str, int]) -> Interactions:
    users, items, days = zip(*rows, strict=True)
    return interactions_from(users, items, [day * DAY for day in days])


def test_a_positive_is_new_to_the_user_and_its_history_is_earlier() -> None:
    known = told(
        ("ann", "tea", 1), ("ann", "milk", 2), ("ann", "rye", 2), ("ann", "tea", 3), ("bob", "tea", 1)
    )
    found = training.examples_of(known, "purchase", 50)
    # Tea on day 3 is no news; a user's first moment has nothing before it.
    assert [known.item_ids[known.item[at]] for at in found.event] == ["milk", "rye"]
    tea = int(known.item[0])
    history = training.histories_of(known.item, found.first, found.end, 3)
    assert history.tolist() == [[tea + 1, 0, 0], [tea + 1, 0, 0]]


def test_a_history_is_latest_first_and_cut() -> None:
    items = np.array([4, 5, 6, 7], np.int32)
    assert training.histories_of(items, np.array([1]), np.array([4]), 2).tolist() == [[8, 7]]


def test_negatives_are_never_the_users_own() -> None:
    # User 0 has items 0 and 2 of four, user 1 has them all.
    negatives = training.Negatives(np.array([0, 2, 4, 5, 6, 7]), 4)
    drawn, true = negatives.draw(np.array([0, 1]), 40, np.random.default_rng(0))
    assert set(drawn[0][true[0]].tolist()) == {1, 3}
    assert not true[1].any()


def test_validation_is_the_last_moment_of_some_and_leaves_training() -> None:
    known = told(*[(f"u{n}", item, day) for n in range(10) for item, day in (("tea", 1), ("milk", 2))])
    rest, validation = training.apart(known, None, 0, "purchase")
    assert len(validation.row) == 2  # a fifth of ten
    assert [known.item_ids[one] for one in validation.item] == ["milk", "milk"]
    assert len(rest) == len(known) - 2
    assert (validation.histories.time < 2 * DAY).all()
    again = training.apart(known, None, 0, "purchase")[1]
    assert again.histories.user_ids.tolist() == validation.histories.user_ids.tolist()


def shelves() -> Interactions:
    """300 users who each keep to one of three shelves of fifteen items."""
    rng = np.random.default_rng(1)
    user = np.repeat(np.arange(300), 9)
    item = user % 3 * 15 + rng.integers(0, 15, len(user))
    day = np.tile(np.arange(9), 300)
    return interactions_from([f"u{n:03}" for n in user], [f"i{n:02}" for n in item], day * DAY)


@pytest.fixture(scope="module")
def trained() -> tuple[NeuralCf, list[dict[str, float]]]:
    points: list[dict[str, float]] = []
    made = NeuralCf.train(shelves(), SMALL, on_point=lambda point: points.append(dict(point)))
    return made, points


def test_it_learns_which_shelf_a_stranger_is_at(trained: tuple[NeuralCf, list[dict[str, float]]]) -> None:
    made, points = trained
    strangers = told(("x", "i01", 1), ("x", "i02", 2), ("y", "i40", 1), ("y", "i41", 2))
    found = made.recommend(strangers, k=10)
    shelf = found.item_id.str[1:].astype(int) // 15
    assert (shelf[found.user_id == "x"] == 0).all()
    assert (shelf[found.user_id == "y"] == 2).all()
    assert not found.filled.any()
    assert [point["epoch"] for point in points] == [1, 2, 3, 4]
    assert points[-1]["loss"] < points[0]["loss"]
    assert points[-1]["validation_loss"] < points[0]["validation_loss"]
    # Any order of a shelf that is found has NDCG@10 of .30 on average; an order of all items .10.
    assert points[-1]["validation_ndcg"] > 0.2


def test_it_keeps_nothing_of_users(trained: tuple[NeuralCf, list[dict[str, float]]], tmp_path: Path) -> None:
    made, _ = trained
    assert all(300 not in array.shape for array in made._arrays().values())
    known = shelves().users(np.arange(5))
    made.save(tmp_path / "m")
    back = NeuralCf.load(tmp_path / "m")
    assert np.array_equal(back.score_matrix(known), made.score_matrix(known))
    assert back.habit == made.habit
    assert back.curve == made.curve


def test_a_reason_is_the_event_that_the_score_falls_without() -> None:
    """Keys of 0 attend evenly, so that a logit is the item's vector times the mean of the events'."""
    known = told(("ann", "green tea", 1), ("ann", "milk", 1), ("ann", "tea", 1))
    made = NeuralCf.train(known)
    assert made.weights == {}  # three events teach nothing: habits and popularity serve
    even = np.eye(2, dtype=np.float32)
    made.weights = {
        "item": np.array([[1, 0], [0, 1], [1, 0]], np.float32),
        "key": np.zeros((2, 2), np.float32),
        "value": even,
        "place": np.zeros(50, np.float32),
        "dense": np.vstack([even, np.zeros((6, 2), np.float32)]),
        "dense_bias": np.zeros(2, np.float32),
        "out": np.ones(2, np.float32),
        "bias": np.zeros(3, np.float32),
    }
    made.habit = 0.0
    both = told(("x", "tea", 1), ("x", "milk", 2))
    assert made.score_matrix(both)[0] == pytest.approx([0.5, 0.5, 0.5])
    assert made.score_matrix(told(("x", "tea", 1)))[0] == pytest.approx([1, 0, 1])
    found = made.reason(both, "green tea", titles={"tea": "Tea 茶"})
    assert str(found.text) == "goes with Tea 茶, which they came to"
    assert found.facts["drop"] == pytest.approx(0.5)
    assert made.reason(both, "milk").kind == "repeat"


def test_numpy_serves_what_keras_trained() -> None:
    known, rng = shelves(), np.random.default_rng(3)
    network = training.network_of(known.n_items, SMALL)
    for layer in network.layers:
        layer.set_weights([rng.normal(0, 0.5, held.shape) for held in layer.get_weights()])
    examples = training.examples_of(known, "purchase", SMALL.history_events)
    own = known.user.astype(np.int64) * known.n_items + known.item
    batch = training.batch_of(examples, np.arange(40), training.Negatives(own, known.n_items), SMALL, rng)
    by_keras = np.asarray(network.predict_on_batch([batch.history, batch.targets]))[..., 0]
    weights = training.weights_of(network)
    by_numpy = np.stack([example_logits(weights, batch, row) for row in range(40)])
    assert np.abs(by_keras).max() > 1
    assert np.abs(by_keras - by_numpy).max() < 1e-5
