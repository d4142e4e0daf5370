"""Event weights by validation, where it is known what the events are worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from persmark.recommend import Interactions, interactions_from
from persmark.recommend.interactions import DAY
from persmark.recommend.split import Split
from persmark.recommend.weighing import GIVEN, TARGET_ONLY, weights_by


def split(rows: list[tuple[str, str, int, str]], asked: list[tuple[str, str]]) -> Split:
    users, items, days, kinds = zip(*rows, strict=True)
    weights = [1.0 if kind == "purchase" else 0.2 for kind in kinds]
    train: Interactions = interactions_from(
        users, items, [day * DAY for day in days], weight=weights, event_type=kinds, as_of=100 * DAY
    )
    test_users, test_items = zip(*asked, strict=True)
    facts: dict[str, object] = {}
    made = Split(train, train, np.array(test_users, object), np.array(test_items, object), "purchase", facts)
    return replace(made, test_times=np.full(len(asked), 101 * DAY))


def shop(*, views_tell: bool) -> Split:
    """Sixty people bought one thing once, and looked at another more often before or since.

    What they come back for is what they looked at, or what they bought.
    """
    rows, asked = [], []
    for n in range(60):
        bought, seen = f"b{n}", f"s{n}"
        rows += [(f"u{n}", bought, 90, "purchase"), (f"u{n}", seen, 80, "purchase")]
        rows += [(f"u{n}", seen, 91 + day, "view") for day in range(3)]
        asked.append((f"u{n}", seen if views_tell else bought))
    return split(rows, asked)


def test_weights_follow_what_people_come_back_for() -> None:
    # With 0.2 three views and an old purchase lead (0.6 and more); alone, the later purchase does.
    found = weights_by(shop(views_tell=False), recommender="repeat", k=1)
    by_name = {trial.name: trial for trial in found.trials}
    assert by_name[GIVEN].ndcg == 0.0
    assert by_name[TARGET_ONLY].ndcg == 1.0
    assert found.weights == {"purchase": 1.0}
    assert found.n_users == 60
    assert str(found.said).startswith("Weights 'target only' rank better here: NDCG@1 1,")


def test_the_given_weights_stay_where_nothing_is_better() -> None:
    found = weights_by(shop(views_tell=True), recommender="repeat", k=1)
    assert found.weights == {"purchase": 1.0, "view": pytest.approx(0.2)}
    assert found.trials[0].name == GIVEN
    assert found.trials[0].gain_interval == (0.0, 0.0)
    assert str(found.said) == "No other weights are better beyond chance (60 users of a window before)."


def test_one_kind_of_event_leaves_nothing_to_choose() -> None:
    rows = [("ann", "tea", 80, "purchase"), ("ann", "rye", 90, "purchase")]
    found = weights_by(split(rows, [("ann", "tea")]))
    assert (found.trials, found.n_users) == ((), 0)
    assert str(found.said) == "There is one kind of event with a weight: nothing to choose."
