"""A world with one cause: the model that learned it is explained, judged, and refused where it should be."""

from __future__ import annotations

import numpy as np
import pytest

from persmark.attention import cases_from, judge
from persmark.attention.faithfulness import occlusion
from persmark.attention.judge import RECENCY, SHUFFLED, Case
from persmark.recommend import Interactions, interactions_from
from persmark.recommend.explained import Explained, Floats
from persmark.recommend.self_attention import SelfAttention

DAY = 86_400
N_EVENTS, N_KINDS = 7, 4
SMALL = {
    "width": 16, "batch_events": 256, "learning_rate": 0.02, "dropout": 0.0, "epochs": 12, "patience": 12,
}  # fmt: skip


def world(n_users: int, *, seed: int, with_effect: bool) -> tuple[Interactions, np.ndarray]:
    """One cause somewhere among noise; last comes the effect of that number. Its place is returned."""
    rng = np.random.default_rng(seed)
    rows, places = [], []
    for user in range(n_users):
        items = [f"noise{number}" for number in rng.integers(0, 8, N_EVENTS)]
        place, number = int(rng.integers(N_EVENTS)), int(rng.integers(N_KINDS))
        items[place] = f"cause{number}"
        if with_effect:
            items.append(f"effect{number}")
        places.append(place)
        rows += [(f"u{user:04d}", item, day * DAY) for day, item in enumerate(items)]
    return interactions_from(*zip(*rows, strict=True)), np.array(places)


@pytest.fixture(scope="module")
def taught() -> SelfAttention:
    return SelfAttention.train(world(1000, seed=1, with_effect=True)[0], SMALL)


@pytest.fixture(scope="module")
def asked(taught: SelfAttention) -> tuple[list[Case], np.ndarray]:
    """Users who have had their cause and wait for the effect."""
    histories, places = world(60, seed=2, with_effect=False)
    bound = [taught.explained(histories.users(np.array([user]))) for user in range(60)]
    assert all(one is not None for one in bound)
    rng = np.random.default_rng(3)
    return [Case(one, rng.random(one.n_events)) for one in bound if one is not None], places


def test_occlusion_names_the_cause(taught: SelfAttention, asked: tuple[list[Case], np.ndarray]) -> None:
    cases, places = asked
    effects = np.array([str(one).startswith("effect") for one in taught.item_ids])
    found = []
    for case in cases:
        scores = case.explained.scores(np.ones((1, N_EVENTS), np.float32))[0]
        item = int(np.where(effects, scores, -np.inf).argmax())
        found.append(int(occlusion(case.explained)[:, item].argmax()))
    assert np.mean(np.array(found) == places) >= 0.95


def test_the_badge_is_given_where_attention_finds_the_cause(
    asked: tuple[list[Case], np.ndarray],
) -> None:
    found = judge(asked[0], draws=30, steps=16)
    assert found.completeness_error <= 0.05
    assert found.lost_to == ()
    assert found.validated, (found.violation_rate, found.said)


def newest(explained: Explained, item: int) -> Floats:
    return np.arange(explained.n_units) / explained.n_units


def shuffled(explained: Explained, item: int) -> Floats:
    weights = np.asarray(explained.weights(np.array([item]))[0])
    return np.random.default_rng(len(weights) + item).permutation(weights)


@pytest.mark.parametrize(("instead", "control"), [(newest, RECENCY), (shuffled, SHUFFLED)])
def test_the_badge_is_refused_where_the_weights_are_no_longer_the_models(
    asked: tuple[list[Case], np.ndarray], instead: object, control: str
) -> None:
    found = judge(asked[0], draws=30, steps=2, weights_of=instead)  # type: ignore[arg-type]
    assert not found.validated
    assert control in found.lost_to


def test_cases_come_in_an_order_drawn_by_the_seed(taught: SelfAttention) -> None:
    histories, _ = world(6, seed=5, with_effect=False)
    first = [case.popularity.tolist() for case in cases_from(taught, histories, seed=1)]
    assert first == [case.popularity.tolist() for case in cases_from(taught, histories, seed=1)]
    assert len(first) == 6
