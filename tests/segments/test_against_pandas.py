"""Random nested rules: the engine's users equal an evaluation written without it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from persmark.segments import count, count_by_clause, describe, members, to_sql, tree_counts
from persmark.segments.flags import clause_flags
from persmark.store import Reader
from tests.segments.random_rules import SAVED, Seen, holds, look, make_shop, random_rule

SEED = 20_261
N_RULES = 60


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with make_shop(tmp_path_factory.mktemp("random"), np.random.default_rng(SEED)).reader() as opened:
        yield opened


def check(reader: Reader, seen: Seen, rng: np.random.Generator, *, n_rules: int) -> int:
    """Compare so many rules; returns how many held for some users, but not for all."""
    n_telling = 0
    for number in range(n_rules):
        rule = random_rule(rng, seen, int(rng.integers(1, 5)))
        said = json.dumps(rule, ensure_ascii=False)[:2000]
        expected = holds(rule, seen)
        n_users = int(expected.sum())
        assert count(reader, rule, saved=SAVED) == n_users, said
        n_telling += 0 < n_users < len(expected)
        if number % 3 == 0:
            assert members(reader, rule, saved=SAVED)["user_id"].to_pylist() == list(
                seen.profiles.loc[expected, "user_id"]
            ), said
            for part in tree_counts(reader, rule, saved=SAVED):
                assert part.n_users == holds(part.rule, seen).sum(), said
        elif number % 3 == 1:
            assert count_by_clause(reader, rule, saved=SAVED)[-1].n_left == n_users, said
            flags = clause_flags(reader, rule, saved=SAVED)
            assert flags["holds"].to_pylist() == list(expected), said
        else:
            sql, params = to_sql(rule, saved=SAVED, columns=reader.columns("profiles"), pretty=True)
            assert len(reader.rows(sql, params)) == n_users, said
            describe(rule, saved=SAVED).render()
    return n_telling


def test_random_rules_hold_for_the_users_that_pandas_finds(reader: Reader) -> None:
    n_telling = check(reader, look(reader), np.random.default_rng(SEED), n_rules=N_RULES)
    assert n_telling > N_RULES / 2
