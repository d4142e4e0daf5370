"""The badge is given where weights move the score, and refused where they do not: both directions."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest

from persmark.attention.judge import (
    CONTROLS,
    RECENCY,
    SHUFFLED,
    Case,
    Judged,
    judge,
)
from persmark.errors import EmptyError
from persmark.recommend.explained import Explained, Floats
from tests.attention.toy import Toy

N_EVENTS = 8


def world(n_users: int = 30, *, honest: bool = True) -> list[Case]:
    """One event of each user speaks for the first item, somewhere in the history."""
    rng = np.random.default_rng(4)
    cases = []
    for _ in range(n_users):
        cause = int(rng.integers(N_EVENTS))
        strength = np.full(N_EVENTS, 0.1)
        strength[cause] = 2.0
        looked = strength if honest else rng.permutation(strength)
        toy = Toy([[s, 0.0, 0.0] for s in strength], (looked / looked.sum()).tolist())
        cases.append(Case(toy, rng.random(N_EVENTS)))
    return cases


def newest(explained: Explained, item: int) -> Floats:
    return np.arange(explained.n_units) / explained.n_units


def test_weights_that_move_the_score_are_validated() -> None:
    found = judge(world(), draws=12, steps=4)
    assert found.validated
    assert found.lost_to == ()
    assert found.n_users == 30
    assert [one.control for one in found.differences] == list(CONTROLS)
    assert found.violation_rate == 0
    # The one event that speaks for the first item is the heaviest.
    order = {one.order: one.comprehensiveness for one in found.orders}
    assert order["attention"] == pytest.approx(order["occlusion"])
    assert found.flip_attention >= found.flip_random
    assert str(found.said).startswith("Weights validated")


def test_weights_that_learned_nothing_are_refused() -> None:
    found = judge(world(honest=False), draws=12, steps=4)
    assert not found.validated
    assert SHUFFLED in found.lost_to
    assert "Where the model looked, not why" in str(found.said)


def test_recency_in_place_of_weights_is_refused() -> None:
    found = judge(world(), draws=12, steps=4, weights_of=newest)
    assert not found.validated
    assert RECENCY in found.lost_to
    gap = next(one for one in found.differences if one.control == RECENCY)
    assert (gap.mean, gap.low, gap.high) == (0, 0, 0)


def test_weights_on_events_that_speak_against_are_refused() -> None:
    """Attention beats every control, but most of what it points to lowers the score."""
    cases = []
    rng = np.random.default_rng(1)
    for _ in range(20):
        cause = int(rng.integers(1, N_EVENTS - 1))
        strength = np.full(N_EVENTS, -0.05)
        strength[cause] = 3.0
        looked = np.full(N_EVENTS, 0.1 / 3)
        looked[rng.choice(np.setdiff1d(np.arange(N_EVENTS), [cause]), 4, replace=False)] = 0.15
        looked[cause] = 0.3
        toy = Toy([[s, 0.0] for s in strength], looked.tolist())
        cases.append(Case(toy, np.zeros(N_EVENTS)))
    found = judge(cases, draws=12, steps=4)
    assert found.lost_to == ()
    # Four of the five that have more than an eighth of the attention speak against.
    assert found.violation_rate == pytest.approx(0.8)
    assert not found.validated
    assert "80% of the events" in str(found.said)


def test_short_histories_are_counted_not_judged() -> None:
    short = Case(Toy([[1.0, 0.0]] * 4, [0.25] * 4), np.zeros(4))
    assert judge([short, *world(10)], draws=3, steps=2).n_short == 1
    with pytest.raises(EmptyError, match="at least 5 events"):
        judge([short])


def test_a_verdict_survives_its_file() -> None:
    found = judge(world(6), draws=3, steps=2)
    again = Judged.of(json.loads(json.dumps(found.to_json())))
    assert again.to_json() == found.to_json()
    assert str(again.said) == str(found.said)


def test_judging_stops_where_it_is_enough() -> None:
    found = judge(world(30), draws=3, steps=2, enough=lambda n: n >= 7)
    assert found.n_users == 7


def test_gradients_are_taken_of_a_part_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    # By its module: the package calls the function by the same name.
    monkeypatch.setattr(importlib.import_module("persmark.attention.judge"), "GRADIENT_USERS", 4)
    found = judge(world(9), draws=3, steps=2)
    n_of = {one.order: one.n_users for one in found.orders}
    assert (n_of["attention"], n_of["integrated gradients"]) == (9, 4)
    assert found.agreements[1].n_users == 4
