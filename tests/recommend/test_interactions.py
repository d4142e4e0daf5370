"""Events become codes, in DuckDB, with nothing that is not an interaction."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from persmark.errors import InputError
from persmark.recommend import event_weights, interactions_from, load_interactions
from persmark.recommend.interactions import Interactions
from tests.recommend.conftest import Fill

ODD_USER, ODD_ITEM = 'o\'Brien "x" 🛒', "茶 壶; DROP"


def at(moment: str) -> int:
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())


def readable(found: Interactions) -> list[tuple[str, str, str, float]]:
    return [
        (found.user_ids[u], found.item_ids[i], found.event_types[t], round(float(w), 3))
        for u, i, t, w in zip(found.user, found.item, found.event_type, found.weight, strict=True)
    ]


def test_load_interactions_encodes_weighs_and_sorts(fill: Fill) -> None:
    workspace = fill(
        [
            (ODD_USER, "b", "view", "2024-01-02 10:00:00"),
            (ODD_USER, ODD_ITEM, "purchase", "2024-01-01 10:00:00"),
            ("ann", "b", "cart", "2024-01-03 10:00:00"),
            ("ann", None, "view", "2024-01-04 10:00:00"),
            ("ann", "b", "impression", "2024-01-05 10:00:00"),
        ]
    )
    with workspace.reader() as reader:
        found = load_interactions(reader)
    assert readable(found) == [
        ("ann", "b", "cart", 0.5),
        (ODD_USER, ODD_ITEM, "purchase", 1.0),
        (ODD_USER, "b", "view", 0.2),
    ]
    assert found.time.tolist()[0] == at("2024-01-03 10:00:00")
    assert found.as_of == at("2024-01-05 10:00:00")
    assert found.starts.tolist() == [0, 1, 3]


def test_load_interactions_takes_a_window_and_named_users(fill: Fill) -> None:
    workspace = fill(
        [
            ("ann", "a", "purchase", "2024-01-01 00:00:00"),
            ("ann", "b", "purchase", "2024-01-02 00:00:00"),
            ("bob", "c", "purchase", "2024-01-02 00:00:00"),
            ("bob", "c", "purchase", "2024-01-03 00:00:00"),
        ]
    )
    with workspace.reader() as reader:
        window = load_interactions(reader, since=at("2024-01-02"), before=at("2024-01-03"))
        some = load_interactions(reader, users=["new", "ann", "ann"])
    assert [row[:2] for row in readable(window)] == [("ann", "b"), ("bob", "c")]
    assert window.as_of == at("2024-01-03")
    assert some.user_ids.tolist() == ["ann", "new"]
    assert [row[:2] for row in readable(some)] == [("ann", "a"), ("ann", "b")]
    # Ages count from the workspace's last event, not from these users' own.
    assert some.as_of == at("2024-01-03")


def test_load_interactions_nets_refunds_against_the_latest_purchase(fill: Fill) -> None:
    workspace = fill(
        [
            ("ann", "a", "purchase", "2024-01-01 00:00:00"),
            ("ann", "a", "purchase", "2024-01-02 00:00:00"),
            ("ann", "a", "refund", "2024-01-03 00:00:00"),
            ("ann", "a", "purchase", "2024-01-04 00:00:00"),
            ("ann", "b", "refund", "2024-01-03 00:00:00"),
            ("bob", "a", "purchase", "2024-01-02 00:00:00"),
        ]
    )
    with workspace.reader() as reader:
        found = load_interactions(reader)
        early = load_interactions(reader, before=at("2024-01-03"))
    assert [row[:2] for row in readable(found)] == [("ann", "a"), ("ann", "a"), ("bob", "a")]
    assert found.time[:2].tolist() == [at("2024-01-01"), at("2024-01-04")]
    assert len(early) == 3


def test_event_weights_gives_unnamed_behaviours_a_weight(fill: Fill) -> None:
    workspace = fill(
        [("ann", "a", "play", "2024-01-01 00:00:00"), ("ann", "a", "refund", "2024-01-02 00:00:00")]
    )
    with workspace.reader() as reader:
        assert event_weights(reader) == {"play": 1.0}
        assert len(load_interactions(reader)) == 1


def test_load_interactions_refuses_a_weight_of_zero(fill: Fill) -> None:
    workspace = fill([("ann", "a", "view", "2024-01-01 00:00:00")])
    with (
        workspace.reader() as reader,
        pytest.raises(InputError, match=r"event type 'view' must be above 0\. Received: 0"),
    ):
        load_interactions(reader, weights={"view": 0})


def test_load_interactions_keeps_the_order_of_many_rows(fill: Fill) -> None:
    """Enough rows for several Arrow batches, which must not change places."""
    rows = [
        (f"u{n % 97:02}", f"i{n % 11}", "view", f"2024-01-{1 + n % 28:02} 00:00:00") for n in range(300_000)
    ]
    with fill(rows).reader() as reader:
        found = load_interactions(reader)
    key = found.user.astype(np.int64) * 10**11 + found.time
    assert (np.diff(key) >= 0).all()


def test_users_and_items_are_recoded() -> None:
    found = interactions_from(["b", "a", "c", "a"], ["x", "y", "z", "x"], [3, 2, 1, 9])
    some = found.users(np.array([0, 2]))
    assert (some.user_ids.tolist(), some.user.tolist()) == (["a", "c"], [0, 0, 1])
    kept = some.items(np.array([True, False, True]))
    assert (kept.item_ids.tolist(), kept.item.tolist()) == (["x", "z"], [0, 1])
    assert found.users(np.array([1, 2])).item.tolist() == [0, 2]
