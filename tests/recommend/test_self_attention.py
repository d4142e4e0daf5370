"""`self_attention`: one small training shared by most tests; the rest is arrays."""

from __future__ import annotations

import importlib.util
import itertools
import os
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from persmark.recommend import RECOMMENDERS, Interactions, interactions_from
from persmark.recommend.forward import gelu, layer_norm, silu, softmax
from persmark.recommend.self_attention import SelfAttention
from persmark.recommend.self_attention.aside import (
    set_aside,
    share_of_returns,
    usual_length,
    usual_networks,
)
from persmark.recommend.self_attention.batches import Asked, Epoch, Negatives, pieces
from persmark.recommend.self_attention.bound import rolled_out
from persmark.recommend.self_attention.sequences import NEVER, Events, Windows
from persmark.recommend.self_attention.serving import Served, of_network
from persmark.recommend.self_attention.start import Returns, vectors

DAY = 86_400
SMALL = {
    "width": 16, "batch_events": 64, "learning_rate": 0.01, "dropout": 0.1, "epochs": 6, "networks": 1,
}  # fmt: skip


def planted(n_users: int = 60, *, seed: int = 0) -> Interactions:
    """After a cause of some number always comes the effect of that number; noise lies between."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(n_users):
        items = []
        for number in rng.integers(0, 4, 2 + user % 2):
            items += [f"noise{rng.integers(0, 4)}", f"cause{number}", f"effect{number}"]
        rows += [(f"u{user:02d}", item, day * DAY) for day, item in enumerate(items)]
    return interactions_from(*zip(*rows, strict=True))


@pytest.fixture(scope="module")
def taught() -> SelfAttention:
    return SelfAttention.train(planted(), SMALL)


def one(items: list[str]) -> Interactions:
    return interactions_from(["x"] * len(items), items, [n * DAY for n in range(len(items))])


def test_a_planted_sequence_is_learned_and_a_new_event_moves_the_slate_at_once(taught: SelfAttention) -> None:
    for number in range(4):
        found = taught.recommend(one(["noise1", f"cause{number}"]), k=10)
        assert found.item_id[0] == f"effect{number}"
    started = time.perf_counter()
    taught.recommend(one(["noise1", "cause1", "effect1", "noise2"]), k=10)
    assert time.perf_counter() - started < 0.2


def test_the_curve_has_a_point_an_epoch_and_validation_was_never_learned_from(taught: SelfAttention) -> None:
    assert [point["epoch"] for point in taught.curve] == list(range(1, len(taught.curve) + 1))
    assert set(taught.curve[-1]) == {"epoch", "loss", "train_ndcg", "validation_ndcg"}
    assert taught.curve[-1]["loss"] < taught.curve[0]["loss"]
    known = planted()
    left, aside = set_aside(known, "purchase", seed=0)
    assert aside is not None
    assert aside.histories.n_users == 6
    assert len(left) == len(known) - 6
    for user, item in zip(aside.row, aside.item, strict=True):
        name = aside.histories.user_ids[user]
        whole = known.users(np.flatnonzero(known.user_ids == name))
        assert whole.item[-1] == item
        assert np.array_equal(aside.histories.users(np.array([user])).item, whole.item[:-1])


def test_attention_can_be_read_and_an_event_taken_away(taught: SelfAttention) -> None:
    history = one(["noise1", "noise2", "cause3"])
    bound, other = taught.explained(history), taught.explained(one(["noise1", "noise2", "cause0"]))
    assert bound is not None
    assert other is not None
    weights, heads = bound.weights(np.array([0, 1])), bound.heads(np.array([0]))
    assert weights.shape == (2, 3)
    assert heads.shape == (1, 1, 2, 3)
    assert weights.sum(axis=1) == pytest.approx([1, 1], abs=1e-6)
    assert heads.sum(axis=-1) == pytest.approx(np.ones((1, 1, 2)), abs=1e-6)
    assert (weights >= 0).all()
    kept, without = np.ones((1, 3)), np.array([[1, 1, 0]])
    assert bound.scores(kept)[0] == pytest.approx(taught.score_matrix(history)[0], abs=1e-5)
    # The latest event, too, can go: what is left does not know which it was.
    assert bound.scores(without) == pytest.approx(other.scores(without), abs=1e-5)
    effect = list(taught.item_ids).index("effect3")
    lost = bound.scores(kept)[0, effect] - bound.scores(1 - np.eye(3))[:, effect]
    assert lost.argmax() == 2
    shuffled = bound.shuffled(1)
    assert shuffled.weights(np.array([0])).sum() == pytest.approx(1, abs=1e-6)
    assert not np.allclose(shuffled.scores(kept), bound.scores(kept))


def test_attention_is_what_the_saved_weights_give_by_plain_sums(
    taught: SelfAttention, tmp_path: Path
) -> None:
    taught.save(tmp_path / "m")
    held = {
        name.removeprefix("model."): array.astype(np.float64)
        for name, array in np.load(tmp_path / "m" / "weights.npz").items()
        if name.startswith("model.")
    }

    def normed(vector: np.ndarray, name: str) -> np.ndarray:
        away = vector - vector.mean()
        return (
            away / np.sqrt((away**2).mean() + 1e-6) * held[f"block_1.{name}.gamma"]
            + held[f"block_1.{name}.beta"]
        )

    asks = (
        normed(held["query"], "norm_query") @ held["block_1.to_query.kernel"] + held["block_1.to_query.bias"]
    )
    for items in (["noise1", "cause3"], ["cause0", "effect0", "noise2"], [f"noise{n % 4}" for n in range(8)]):
        level, size = np.zeros((2, len(items))), np.zeros((2, len(items)))
        for place, item in enumerate(items):
            # A first event has no gap before it; a day is 1,440 minutes, 2^10 to 2^11 of them.
            gap = held["gap"][0 if place == 0 else 11]
            event = normed(held["item"][1 + list(taught.item_ids).index(item)] + gap, "norm_event")
            key, value = event @ held["block_1.to_key.kernel"], event @ held["block_1.to_value.kernel"]
            for head, part in enumerate((slice(0, 8), slice(8, 16))):
                steps_back = len(items) - 1 - place
                level[head, place] = (
                    asks[part] @ key[part] / np.sqrt(8) + held["block_1.distance"][steps_back, head]
                )
                size[head, place] = np.linalg.norm(value[part] @ held["block_1.to_out.kernel"][part])
        weights = np.exp(level) / np.exp(level).sum(axis=1, keepdims=True)
        joined = (weights * size).sum(axis=0)
        bound = taught.explained(one(items))
        assert bound is not None
        assert bound.heads(np.array([0]))[0, 0] == pytest.approx(weights, abs=1e-5)
        assert bound.weights(np.array([0]))[0] == pytest.approx(joined / joined.sum(), abs=1e-5)


def test_reason_names_the_event_that_matters_most(taught: SelfAttention) -> None:
    reason = taught.reason(one(["noise1", "noise2", "cause3"]), "effect3", titles={"cause3": "Tea {x} 茶"})
    assert str(reason.text) == "often bought after Tea {x} 茶"
    assert reason.facts["after_item_id"] == "cause3"


def test_where_it_looked_for_many_is_where_it_looked_for_each(taught: SelfAttention) -> None:
    """Events on items that it does not know are passed over, and places count them."""
    known = planted(5)
    strange = interactions_from(
        ["u00", "u01", *known.user_ids[known.user]],
        ["aaa new", "aaa new", *known.item_ids[known.item]],
        [-DAY, -DAY, *known.time],
    )
    looked = taught.attended(strange)
    assert len(looked.event) == len(known)
    assert strange.item_ids[strange.item[looked.event]].tolist() == known.item_ids[known.item].tolist()
    for user in range(5):
        alone = taught.explained(strange.users(np.array([user])))
        assert alone is not None
        own = strange.user[looked.event] == user
        assert looked.weight[own] == pytest.approx(alone.weights(np.array([0]))[0], abs=1e-6)
        assert (alone.event + strange.starts[user]).tolist() == looked.event[own].tolist()
        best = taught.recommend(strange.users(np.array([user])), k=1).item_id[0]
        assert taught.item_ids[looked.item[user]] == best


def test_an_update_moves_popularity_alone(taught: SelfAttention) -> None:
    later = interactions_from(["x"] * 99, ["noise0"] * 49 + ["new"] * 50, [30 * DAY + n for n in range(99)])
    moved = taught.update(later)
    assert moved.recommend(one(["?"]), k=1).item_id[0] == "noise0"
    history = one(["noise1", "cause2"])
    assert np.array_equal(moved.score_matrix(history), taught.score_matrix(history))


def test_whoever_has_no_known_event_is_served_what_is_popular(taught: SelfAttention) -> None:
    stranger = taught.recommend(one(["never seen"]), k=3)
    assert stranger.filled.all()
    assert not taught.recommend(one(["cause3"]), k=3).filled.any()
    assert taught.explained(one(["never seen"])) is None


def test_batch_and_single_agree_and_padding_changes_nothing(taught: SelfAttention) -> None:
    known = planted()
    whole = taught.score_matrix(known)
    assert whole.dtype == np.float32
    for user in (0, 5, 17):
        assert taught.score_matrix(known, slice(user, user + 1)) == pytest.approx(
            whole[user : user + 1], abs=1e-5
        )
    events = Events.of(known, taught.kinds)
    windows = Windows.of(events, events.starts[:2], events.starts[1:3])
    assert (windows.item == 0).any()
    looked = taught.served.look(windows, windows.last_step, keep_weights=True)
    for weights in looked.weights:
        assert (
            weights[:, :, -1][np.broadcast_to((windows.item == 0)[:, None], weights[:, :, -1].shape)] == 0
        ).all()


def test_save_and_load_is_a_round_trip_that_loads_no_training_library(
    taught: SelfAttention, tmp_path: Path
) -> None:
    taught.save(tmp_path / "m")
    code = """
import sys, time
from pathlib import Path
import numpy as np
from persmark.recommend import recommender, interactions_from
made = recommender("self_attention").load(Path(sys.argv[1]))
one = interactions_from(["x", "x"], ["noise1", "cause3"], [0, 86400])
found = made.recommend(one, k=3)
made.reason(one, "effect3"), made.explained(one).weights(np.array([0]))
assert not {"keras", "tensorflow", "torch"} & set(sys.modules)
print(",".join(found.item_id), repr(float(found.score[0])))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m")], capture_output=True, text=True, check=True
    )
    found = taught.recommend(one(["noise1", "cause3"]), k=3)
    assert ran.stdout.split() == [",".join(found.item_id), repr(float(found.score[0]))]


def test_few_events_are_given_several_networks_and_many_one() -> None:
    assert [usual_networks(n) for n in (0, 1, 150_000, 200_000, 300_000, 300_001, 600_001, 10_000_000)] == [
        3, 3, 3, 3, 2, 1, 1, 1,
    ]  # fmt: skip


SEVERAL = {**SMALL, "epochs": 3, "networks": 2, "blocks": 1}


def returning() -> Interactions:
    """Own items that users come back to."""
    rows = [(f"u{user}", f"i{(user + day % 3) % 12}", day * DAY) for user in range(30) for day in range(9)]
    return interactions_from(*zip(*rows, strict=True))


@pytest.fixture(scope="module")
def several() -> SelfAttention:
    """Two networks."""
    return SelfAttention.train(returning(), SEVERAL)


def test_several_networks_score_as_their_mean_and_share_one_attention(several: SelfAttention) -> None:
    held = several.served
    assert (held.n_networks, held.repeats) == (2, True)
    apart = [
        Served(
            {name.removeprefix(head): array for name, array in held.arrays.items() if name.startswith(head)},
            held.n_heads,
            held.blocks,
        )
        for head in map(of_network, range(2))
    ]
    assert not np.array_equal(apart[0].item, apart[1].item)
    users = [f"x{number % 3}" for number in range(9)]
    items = [f"i{number % 5}" for number in range(8)] + ["i0"]
    known = several._own_items(interactions_from(users, items, [number * DAY for number in range(9)]))
    events = Events.of(known, several.kinds)
    windows = Windows.of(events, *events.latest(np.arange(3), 10))
    query = windows.last_step
    rng = np.random.default_rng(0)
    presence = rng.random(windows.item.shape).astype(np.float32)
    masked = rng.random(windows.item.shape) < 0.3
    for asked in (
        {},
        {"presence": presence},
        {"presence": presence * ~masked, "masked": masked},
        {"presence": presence, "items": np.array([4, 1])},
    ):
        means = np.mean([one.scores(windows, query, **asked) for one in apart], axis=0)
        assert held.scores(windows, query, **asked) == pytest.approx(means, abs=1e-5)
    faded = [one.scores(windows, query, presence=presence, baseline=one.mean_event) for one in apart]
    whole = held.scores(windows, query, presence=presence, baseline=held.mean_event)
    assert whole == pytest.approx(np.mean(faded, axis=0), abs=1e-5)
    looked = held.look(windows, query, keep_weights=True)
    assert [weights.shape[1] for weights in looked.weights] == [2 * held.n_heads] * 2
    shares = rolled_out(looked)
    assert shares.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert (shares[windows.item == 0] == 0).all()


def test_several_networks_are_saved_resumed_and_explained(several: SelfAttention, tmp_path: Path) -> None:
    several.save(tmp_path / "m")
    loaded = SelfAttention.load(tmp_path / "m")
    history = one(["i1", "i2", "i3"])
    assert np.array_equal(loaded.score_matrix(history), several.score_matrix(history))
    bound = loaded.explained(history)
    assert bound is not None
    assert bound.heads(np.array([0])).shape == (1, 2, 4, 3)
    assert bound.weights(np.array([0])).sum() == pytest.approx(1, abs=1e-6)
    assert bound.scores(np.ones((1, 3)))[0] == pytest.approx(several.score_matrix(history)[0], abs=1e-5)

    def cancel(point: Mapping[str, float]) -> None:
        if point["epoch"] == 2:
            raise _Cancelled

    with pytest.raises(_Cancelled):
        SelfAttention.train(returning(), SEVERAL, on_point=cancel, checkpoint=tmp_path / "state")
    resumed = SelfAttention.train(returning(), SEVERAL, checkpoint=tmp_path / "state")
    assert resumed.curve == several.curve
    for name, array in several.served.arrays.items():
        assert np.array_equal(array, resumed.served.arrays[name]), name


class _Cancelled(Exception):
    pass


def test_a_cancelled_training_goes_on_where_it_was_and_ends_the_same(
    taught: SelfAttention, tmp_path: Path
) -> None:
    def cancel(point: Mapping[str, float]) -> None:
        if point["epoch"] == 3:
            raise _Cancelled

    with pytest.raises(_Cancelled):
        SelfAttention.train(planted(), SMALL, on_point=cancel, checkpoint=tmp_path / "state")
    doing: list[str] = []
    resumed = SelfAttention.train(
        planted(), SMALL, on_progress=lambda _, said: doing.append(str(said)), checkpoint=tmp_path / "state"
    )
    assert next(said.split(";")[0] for said in doing if said.startswith("Epoch")) == "Epoch 3"
    assert resumed.curve == taught.curve
    for name, array in taught.served.arrays.items():
        assert np.array_equal(array, resumed.served.arrays[name]), name


def test_a_training_that_is_ended_does_not_wait_for_the_networks_beside_it() -> None:
    from persmark.recommend.self_attention.training import Training

    class First:
        def fit(self, _: object, pulse: Any) -> float:
            pulse.tell(0.0)
            return 0.0

    class Beside:
        heard = False

        def fit(self, _: object, pulse: Any) -> float:
            self.heard = pulse.ended.wait(60)
            return 0.0

    def cancel(_: float) -> None:
        raise _Cancelled

    training = Training.__new__(Training)
    training.networks, training.latest = [First(), Beside()], deque([{}])
    training._epoch = lambda *_: None
    with pytest.raises(_Cancelled):
        training._pass(1, cancel, 0.0)
    assert training.networks[1].heard


def test_a_state_that_cannot_be_kept_does_not_end_the_training(taught: SelfAttention, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        made = SelfAttention.train(planted(), SMALL, checkpoint=tmp_path / "state")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert made.curve == taught.curve
    assert not (tmp_path / "state").exists()


def rates(validation: Callable[[int], float], *, epochs: int, patience: int) -> list[float]:
    """The rate of each pass of a training with these figures after its passes."""
    from persmark.recommend.self_attention.model import Shape
    from persmark.recommend.self_attention.training import Plan, Training, Watch

    known = planted(4)
    events = Events.of(known, ("purchase",))
    shape = Shape(n_items=known.n_items, n_kinds=1, n_categories=0, width=4, n_heads=1, blocks=0,
                  dropout=0.0, repeats=False, seed=0)  # fmt: skip
    plan = Plan(length=10, tokens=1000, negatives=10, popularity_power=0.0, event_dropout=0.0,
                learning_rate=0.01, weight_decay=0.0, epochs=epochs, minutes=5.0, patience=patience,
                lowerings=2, averaged=1, networks=1, seed=0)  # fmt: skip
    training = Training(events, shape, np.zeros(known.n_items + 1, np.int32), plan)
    found: list[float] = []

    def measured(_: object) -> dict[str, float]:
        found.append(float(np.asarray(training.networks[0].optimizer.learning_rate)))
        return {"validation_ndcg": validation(len(found))}

    nobody = lambda *_: None  # noqa: E731
    training.run(Watch(nobody, nobody, measured, None, ""))
    return found


def test_the_rate_is_lowered_where_nothing_is_clearly_better_and_in_time_for_the_end() -> None:
    # With 0.4 of the passes left, and with 0.4 of those, though each was better than the one before.
    assert rates(float, epochs=10, patience=100) == pytest.approx([0.01] * 6 + [0.003] * 3 + [0.0009])
    # Better by a thousandth each time is not clearly better; after the last lowering that is the end.
    slowly = rates(lambda n: 1.001**n, epochs=1000, patience=2)
    assert slowly == pytest.approx([0.01] * 3 + [0.003] * 2 + [0.0009] * 2)


def test_the_time_allowed_is_kept_and_returns_are_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody comes back to their own item; nobody to the shop's favourite, which all saw first."""
    from persmark.recommend.self_attention import training

    # A clock that goes on by a second whenever it is looked at, after each batch for one.
    clock = SimpleNamespace(monotonic=itertools.count().__next__)
    monkeypatch.setattr(training, "time", clock)
    rows = [(f"u{user}", "fad", 0) for user in range(40)]
    rows += [(f"u{user}", f"own{user % 10}", day * DAY) for user in range(40) for day in range(1, 9)]
    known = interactions_from(*zip(*rows, strict=True))
    made = SelfAttention.train(known, {**SMALL, "epochs": 100_000, "minutes": 1.0, "patience": 1000})
    assert clock.monotonic() < 70
    assert made.curve[-1]["epoch"] > 1
    assert made.served.repeats
    found = made.recommend(known, k=1)
    assert (found.item_id == [f"own{int(user[1:]) % 10}" for user in found.user_id]).mean() > 0.9


@pytest.mark.parametrize(
    "known",
    [
        interactions_from(["a"], ["x"], [5]),
        interactions_from(["a", "a"], ["x", "y"], [5, 5]),
        interactions_from(["a", "b", "c"], ["x", "x", "x"], [5, 5, 5]),
    ],
    ids=["one event", "one moment", "one item"],
)
def test_without_a_second_step_popularity_serves(known: Interactions, tmp_path: Path) -> None:
    made = RECOMMENDERS["self_attention"].train(known)
    assert made.recommend(known, k=1).filled.all()
    assert made.reason(known.users(np.array([0])), "x").kind == "popular"
    made.save(tmp_path / "m")
    assert np.array_equal(SelfAttention.load(tmp_path / "m").score_matrix(known), made.score_matrix(known))


class TestArrays:
    """Windows, targets and negatives, by hand."""

    known = interactions_from(
        ["a", "a", "a", "a", "b", "b"], ["x", "y", "x", "z", "y", "x"], [0, 0, 60, 120, 0, 0]
    )

    def test_steps_gaps_counts_and_returns(self) -> None:
        events = Events.of(self.known, ("purchase",))
        # a: x y | x | z; b: x y, all of one moment.
        assert events.item.tolist() == [0, 1, 0, 2, 0, 1]
        assert events.step.tolist() == [0, 0, 1, 2, 3, 3]
        assert events.gap.tolist() == [0, 0, 2, 2, 0, 0]
        assert events.count.tolist() == [0, 0, 1, 0, 0, 0]
        assert events.again.tolist() == [1, 4, 4, 4, 4, 4]
        assert share_of_returns(events) == pytest.approx(1 / 6)

    def test_a_window_is_padded_behind(self) -> None:
        events = Events.of(self.known, ("purchase",))
        windows = Windows.of(events, np.array([1, 4]), np.array([4, 6]))
        assert windows.item.tolist() == [[2, 1, 3], [1, 2, 0]]
        assert windows.step.tolist() == [[0, 1, 2], [0, 0, NEVER]]
        assert windows.last_step.tolist() == [2, 0]

    def test_each_query_is_asked_for_the_step_after_it(self) -> None:
        events = Events.of(self.known, ("purchase",))
        asked = Asked.of(events)
        assert asked.first.tolist() == [0, 2, 3, 4, 6]
        assert asked.item.tolist() == [0, 1, 0, 2, 0, 1]
        assert asked.previous.tolist() == [-1, -1, 0, -1, -1, -1]
        negatives = Negatives.of(events, 3, most=2, popularity_power=0.0)
        epoch = Epoch(
            events,
            asked,
            negatives,
            n_items=3,
            length=9,
            tokens=99,
            event_dropout=0,
            repeats=True,
            seed=(0, 0),
        )
        batch = epoch.batch(0)
        # b has one step and teaches nothing; a is read up to the step before its last.
        assert batch["item"].tolist() == [1, 2, 1]
        assert batch["asked_query"].tolist() == [0, 1]
        assert batch["asked_item"].tolist() == [1, 3]
        assert batch["asked_own"].tolist() == [1, 0]
        drawn = batch["negative"]
        clash = batch["clash"].reshape(2, 2)
        # Own items are weighed apart, and what was asked for is no negative: x and y, then all three.
        for query, apart in enumerate(({1, 2}, {1, 2, 3})):
            assert clash[query].tolist() == [float(item in apart) for item in drawn]

    def test_long_histories_are_cut_at_steps_and_covered(self) -> None:
        known = interactions_from(["a"] * 7, list("stuvwxy"), [0, 0, 0, 1, 1, 2, 2])
        start, stop = pieces(Events.of(known, ("purchase",)), 4)
        assert list(zip(start.tolist(), stop.tolist(), strict=True)) == [(0, 3), (3, 7)]

    def test_length_follows_the_histories(self) -> None:
        assert usual_length(np.array([3, 4, 5])) == 10
        assert usual_length(np.full(100, 40)) == 40
        assert usual_length(np.full(100, 4000)) == 200
        assert usual_length(np.array([0])) == 10

    def test_neighbours_share_directions_from_the_start(self) -> None:
        """x and y always lie side by side, as do v and w; nothing joins the two pairs."""
        pairs = [(f"a{n}", item, n) for n in range(6) for item in ("x", "y")]
        pairs += [(f"b{n}", item, n) for n in range(6) for item in ("v", "w")]
        known = interactions_from(*zip(*pairs, strict=True))
        found = vectors(Events.of(known, ("purchase",)), 4, width=4, seed=0)
        alike = found @ found.T
        v, w, x, y = range(4)
        assert alike[x, y] > 10 * abs(alike[x, v])
        assert alike[v, w] > 10 * abs(alike[v, x])
        # Two factors of one sign; what they leave of the width is small and random.
        assert np.sqrt(np.sum(found[:, :2] ** 2) / found.size) == pytest.approx(0.15, rel=1e-4)

    def test_own_items_start_with_the_share_that_returned(self) -> None:
        """100 users with steps x, x, y: x returns after 1 step in 100 of 100 tries, then never again."""
        rows = [(f"u{n}", item, day * DAY) for n in range(100) for day, item in enumerate("xxy")]
        known = interactions_from(*zip(*rows, strict=True))
        returns = Returns.of(Events.of(known, ("purchase",)), np.zeros(2, np.float32))
        # By steps since: 0 steps 200 tries and 100 returns. Once seen 100 of 100, twice 0 of 100. Each
        # average is eased by 20 tries at the mean of 101 / 202; 200 firsts in 200 tries of 2 items: 1/2.
        assert returns.since[0] == pytest.approx(np.log(0.5 / 0.5))
        assert returns.often[0] == pytest.approx(np.log(110 / 120 / 0.5))
        assert returns.often[1] == pytest.approx(np.log(10 / 120 / 0.5))


class TestForward:
    def test_softmax_hides_exactly_and_bears_an_empty_row(self) -> None:
        scores = np.array([[0, 0, 99], [1, 2, 3]], np.float32)
        found = softmax(scores, np.array([[True, True, False], [False, False, False]]))
        assert found.tolist() == [[0.5, 0.5, 0], [0, 0, 0]]

    def test_norm_and_activations_by_hand(self) -> None:
        two = np.ones(2, np.float32)
        assert layer_norm(np.array([[1, 3]], np.float32), two, 0 * two) == pytest.approx(np.array([[-1, 1]]))
        assert silu(np.array([0, -100, 100], np.float32)) == pytest.approx([0, 0, 100])
        assert gelu(np.array([0, 1], np.float32)) == pytest.approx([0, 0.841192], abs=1e-5)


KERAS_TESTS = """
import numpy as np
from persmark.recommend import interactions_from
from persmark.recommend.self_attention.sequences import Events, Windows
from persmark.recommend.self_attention.serving import Served
from persmark.recommend.self_attention.model import Model, Shape

rng = np.random.default_rng(3)
users = [f"u{n}" for n in rng.integers(0, 9, 120)]
items = [f"i{n:02d}" for n in rng.integers(0, 15, 120)]
kinds = [("purchase", "view")[n] for n in rng.integers(0, 2, 120)]
known = interactions_from(users, items, rng.integers(0, 30, 120) * 7200, event_type=kinds)
events = Events.of(known, ("purchase", "view"))
start, stop = events.latest(np.arange(known.n_users), 10)
windows = Windows.of(events, start, stop)
category = np.append(0, rng.integers(0, 4, known.n_items)).astype(np.int32)
for blocks in (0, 2):
    shape = Shape(n_items=known.n_items, n_kinds=2, n_categories=3, width=8, n_heads=2, blocks=blocks,
                  dropout=0.5, repeats=True, seed=1)
    model = Model(shape, category)
    model.build()
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    served = Served(model.exported(), 2, blocks)
    def batch(item, query):
        return {"row": np.arange(len(item), dtype="int32"), "item": item.ravel(),
                "kind": windows.kind.ravel(), "gap": windows.gap.ravel(), "step": windows.step.ravel(),
                "query": query.ravel(), "shown": (item > 0).ravel().astype("float32")}
    import keras
    def found(item, query):
        return keras.ops.convert_to_numpy(model(batch(item, query), training=False))
    last = windows.last_step
    keras_found = found(windows.item, last[:, None])[:, 0]
    looked = served.look(windows, last, keep_weights=True)
    assert np.abs(keras_found - looked.found).max() < 1e-5, np.abs(keras_found - looked.found).max()
    alone = [
        served.look(Windows.of(events, start[[n]], stop[[n]]), last[[n]]).found[0] for n in range(len(last))
    ]
    assert np.abs(keras_found - np.array(alone)).max() < 1e-5
    # Causality: other items in later steps change nothing of an earlier query.
    early = np.maximum(last // 2, 0)
    later = (windows.step > early[:, None]) & (windows.item > 0)
    changed = np.where(later, windows.item % known.n_items + 1, windows.item)
    assert later.any()
    before, after = found(windows.item, early[:, None]), found(changed.astype("int32"), early[:, None])
    assert np.abs(before - after).max() < 1e-6
    assert np.abs(found(changed.astype("int32"), last[:, None])[:, 0] - keras_found).max() > 1e-3
print("equal", keras.backend.backend())
"""


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_numpy_equals_keras_and_the_future_is_unseen(backend: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    environment = {**os.environ, "KERAS_BACKEND": backend}
    ran = subprocess.run(
        [sys.executable, "-c", KERAS_TESTS], capture_output=True, text=True, env=environment, check=False
    )
    assert ran.stdout.strip() == f"equal {backend}", ran.stderr[-2000:]
