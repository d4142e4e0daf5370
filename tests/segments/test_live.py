"""Counts beside every part of a draft, against counts of the same parts asked one by one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from persmark import segments
from persmark.segments import drafts
from tests.segments.conftest import ODD

LEAVES = [
    {"column": "n_purchases", "is": ">=", "value": 1},
    {"column": "user_id", "is": "=", "value": ODD},
    {"events": {"event_type": "view", "at_least": 1}},
    {"events": {"category": "dairy", "at_most": 0}},
    {"segment": "lifecycle: active"},
]


def figures(reader, draft):
    everybody = segments.people(reader)
    found = segments.part_counts(
        draft, len(everybody.users), lambda leaf: segments.marks(reader, everybody, leaf)
    )
    return {one.part.place: one for one in found}


def test_a_funnel_by_hand(reader):
    # Buyers 3 (the odd one, b, c); viewed anything 3 (the odd one, b, w): both 2; without the first, 3.
    draft = drafts.draft_of({"all": [LEAVES[0], LEAVES[2], {"any": []}]})
    found = figures(reader, draft)
    assert [(found[at].n_users, found[at].n_left, found[at].n_without) for at in ((), (0,), (1,))] == [
        (2, 2, None), (3, 3, 3), (3, 2, 3),
    ]  # fmt: skip
    assert (found[(2,)].n_users, found[(2,)].n_left, found[(2,)].n_without) == (None, None, None)
    none = figures(reader, {"not": {"any": [LEAVES[0], LEAVES[2]]}})
    assert [none[at].n_users for at in ((), (0,), (1,))] == [0, 3, 3]
    assert none[(1,)].n_left == 4


def _random(draw, depth):
    if depth == 0 or draw.random() < 0.4:
        rule = dict(draw.choice(LEAVES))
    else:
        parts = [_random(draw, depth - 1) for _ in range(draw.randint(1, 3))]
        rule = {draw.choice(["all", "any"]): parts}
    return {"not": rule} if draw.random() < 0.3 else rule


@pytest.mark.parametrize("seed", range(8))
def test_every_part_counts_as_if_it_were_asked_alone(reader, seed):
    draw = random.Random(seed)
    draft = drafts.draft_of(_random(draw, 3))
    everybody = segments.people(reader)
    for place, one in figures(reader, draft).items():
        assert one.n_users == segments.count(reader, one.part.whole)
        if place:
            rest = drafts.finished(drafts.remove(draft, place)) or {"all": []}
            assert one.n_without == segments.count(reader, rest)
    holds = segments.holds(draft, len(everybody.users), lambda leaf: segments.marks(reader, everybody, leaf))
    named = np.asarray(everybody.users)[holds].tolist()
    assert named == segments.members(reader, draft).column("user_id").to_pylist()


def test_each_condition_is_asked_once():
    rule = {"all": [LEAVES[0], {"not": LEAVES[0]}, {"any": [LEAVES[2], LEAVES[0]]}]}
    assert segments.conditions(drafts.draft_of(rule)) == [LEAVES[0], LEAVES[2]]
