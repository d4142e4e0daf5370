"""Features of a moment against values worked by hand; what comes later leaves no trace in them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from persmark.profiles.predict.features import (
    Frame,
    Shape,
    Whom,
    channel_frame,
    footed,
    frame,
    is_growing,
    sampled,
    typical,
)
from persmark.profiles.predict.material import Material
from persmark.profiles.predict.own_features import families, feature_of
from persmark.profiles.predict.pairs import most_bought, pair_outcomes, pairs
from persmark.profiles.predict.targets import BUY, CHURN, NEXT, SPEND, reach_of, target, thing_of
from persmark.store import Workspace
from tests.profiles.made import event, workspace

ODD = 'o\'Neil "张" 😀%'
MILK = 'Milk\'s "best" 乳品'
AS_OF = datetime(2026, 3, 31, 12)
BEGUN = datetime(2026, 1, 1, 12)

EVENTS = [
    event(ODD, "purchase", "2026-01-01T12:00:00", "a", value=10, channel="web"),
    event(ODD, "purchase", "2026-03-11T12:00:00", "a", value=8, channel="web"),
    event(ODD, "refund", "2026-03-12T12:00:00", "a", value=-3),
    event(ODD, "campaign_received", "2026-03-20T12:00:00", channel="mail", campaign_id="c1"),
    event(ODD, "view", "2026-03-21T12:00:00", "b", channel="web", campaign_id="c1"),
    event(ODD, "purchase", "2026-03-29T12:00:00", "b", value=5, channel="web"),
    event("v", "view", "2026-03-30T12:00:00", "b", channel="app"),
]
LATER = [
    event(ODD, "purchase", "2026-04-01T12:00:00", "a", value=7, channel="web"),
    event(ODD, "refund", "2026-04-02T12:00:00", "a", value=-2),
    event("v", "campaign_received", "2026-04-03T12:00:00", channel="mail", campaign_id="c2"),
    event("v", "view", "2026-04-04T12:00:00", "b", channel="app", campaign_id="c2"),
    event("new", "purchase", "2026-04-05T12:00:00", "a", value=9, channel="web"),
]
ITEMS = [
    {"item_id": "a", "title": "Milk", "category": MILK},
    {"item_id": "b", "title": "Loaf", "category": "bread"},
]


def put(root: Path, events: list[dict[str, Any]]) -> Workspace:
    return workspace(root, events, items=ITEMS)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return put(tmp_path, [*EVENTS, *LATER])


def looked_at(made: Workspace, as_of: datetime = AS_OF) -> Frame:
    with made.reader() as reader:
        return frame(made, reader, as_of, BEGUN)


def test_windows_of_a_buyer(shop: Workspace) -> None:
    found = looked_at(shop)
    assert found.users.tolist() == [ODD, "v"]
    assert found.span_days == pytest.approx(89)
    mine = {name: column[0] for name, column in found.columns.items() if name in EXPECTED}
    assert mine == pytest.approx(EXPECTED, nan_ok=True)
    assert found.columns["buying_days"].tolist() == [3, 0]
    assert np.isnan(found.columns["bought_ago"][1])


EXPECTED = {
    "buying_days": 3, "bought_ago": 2, "first_bought_ago": 89, "longest_gap": 69, "last_gap": 18,
    "late_gap": 43.5,  # 18 and 69
    "buying_days_7": 1, "buying_days_14": 1, "buying_days_28": 2, "buying_days_84": 2, "buying_days_168": 3,
    "money_28": 10, "money_84": 10, "money_168": 20, "money_ever": 20,  # 8 - 3 + 5, and 10 before
    "lines_28": 2, "looks_28": 1, "contacts_28": 1, "contacts": 1, "redeemed": 0,
}  # fmt: skip


def test_what_comes_later_leaves_no_trace(tmp_path: Path, shop: Workspace) -> None:
    (tmp_path / "early").mkdir()
    early = looked_at(put(tmp_path / "early", EVENTS))
    late = looked_at(shop)
    assert late.users.tolist() == early.users.tolist()
    assert set(late.columns) == set(early.columns)
    for name, column in early.columns.items():
        assert np.array_equal(column, late.columns[name], equal_nan=column.dtype != object), name


def test_pairs_of_users_and_categories(shop: Workspace) -> None:
    with shop.reader() as reader:
        things = most_bought(reader, AS_OF, days=84, most=5)
        assert sorted(things.names) == sorted([MILK, "bread"])
        made = pairs(reader, things, frame(shop, reader, AS_OF, BEGUN))
        came = pair_outcomes(reader, things, made.of, 28)
    milk = things.names.index(MILK)
    assert made.plane("pair_ago")[0, milk] == 20
    assert made.plane("pair_gap")[0, milk] == 69
    assert made.plane("pair_due")[0, milk] == pytest.approx(20 / 69)
    assert made.plane("pair_days_28")[0].tolist() == [1, 1]
    assert made.plane("pair_looks_14")[0, 1 - milk] == 1
    assert made.plane("n_things_84")[:, 0].tolist() == [2, 0]
    assert came.tolist() == [[milk == 0, milk == 1], [False, False]]


def test_without_categories_items_take_their_place(tmp_path: Path) -> None:
    made = workspace(tmp_path, EVENTS, items=[{"item_id": "a", "title": "Milk"}, {"item_id": "b"}])
    with made.reader() as reader:
        things = most_bought(reader, AS_OF, days=84, most=5)
    assert things.by_item
    assert dict(zip(things.names, things.titles, strict=True)) == {"a": "Milk", "b": "b"}


def test_outcomes_of_the_days_after(shop: Workspace) -> None:
    with shop.reader() as reader:
        material = Material(shop, reader, BEGUN, AS_OF, Whom(), Whom())
        assert material.sample(BUY, AS_OF, 28).found.tolist() == [1, 0]
        assert material.sample(CHURN, AS_OF, 28).found.tolist() == [0]  # of buyers alone
        assert material.sample(SPEND, AS_OF, 28).found.tolist() == [5]  # 7 - 2
        assert material.sample(NEXT, AS_OF, 28).found.tolist() == [1]
        assert material.sample(NEXT, datetime(2026, 4, 20), 28).found.tolist() == [84, 84]  # ODD and new


def test_a_contact_is_answered_by_an_event_of_its_campaign(shop: Workspace) -> None:
    with shop.reader() as reader:
        material = Material(shop, reader, BEGUN, AS_OF, Whom(), Whom())
        before = channel_frame(reader, material.frame(AS_OF), "mail")
        assert before.columns["channel_contacts"].tolist() == [1, 0]
        assert before.columns["channel_answers"].tolist() == [1, 0]
        assert before.columns["channel_answered_ago"][0] == pytest.approx(11)
        reached = material.reached("mail", AS_OF, 28, contacted=True)
        assert reached.frame.users.tolist() == ["v"]
        assert reached.found.tolist() == [1]
        assert material.reached("web", AS_OF, 28, contacted=False).found.tolist() == [1, 0]


def test_counts_are_put_on_a_common_footing() -> None:
    tenure = np.array([13.0, 55.0], np.float32)
    counts = np.array([4.0, 4.0], np.float32)
    assert footed("buying_days_84", counts, 42.0, tenure).tolist() == [8, 8]
    assert footed("buying_days_28", counts, 42.0, tenure).tolist() == [4, 4]
    assert footed("buying_days", counts, 42.0, tenure).tolist() == [4, 2]  # per 28 days, 28 at least
    assert footed("tenure_days", np.array([400.0], np.float32), 42.0, tenure[:1]).tolist() == [168]
    assert footed("late_gap", counts, 42.0, tenure).tolist() == [4, 4]
    assert is_growing("n_purchases")
    assert is_growing("monetary")
    assert not is_growing("n_campaigns_recent")
    assert not is_growing("average_order_value")


def test_a_shape_is_the_same_after_a_round_trip() -> None:
    columns = {
        "x": np.array([1.0, np.nan, 3.0], np.float32),
        "same": np.array([2.0, 2.0, 2.0], np.float32),
        "name": np.array(["b", "a", "b"], object),
    }
    given = Frame(AS_OF, 90.0, np.array(["1", "2", "3"], object), columns)
    shape = Shape.of_frames([given])
    assert (shape.numbers, shape.gappy, shape.names) == (("x",), ("x",), {"name": ("b", "a")})
    assert Shape.of_json(shape.to_json()) == shape
    assert shape.trees(given)[:, 1].tolist() == [0, 1, 0]
    assert shape.linear(given)[1].tolist() == [0, 1, 0, 1]  # no number, missing, not b, a
    assert typical(given, ["x", "same", "name"]) == {"x": 2.0, "same": 2.0, "name": "b"}


def test_a_sample_is_a_share_by_md5() -> None:
    assert sampled(10, 20) == Whom()
    assert sampled(400, 100).below == "40000000"


def test_names_tell_what_they_are_of() -> None:
    assert thing_of(f"buy: {MILK}") == MILK
    assert thing_of(reach_of("web")) is None
    assert target(f"buy: {MILK}").title.render() == f"Buys {MILK}"
    assert "of users who get one" in target(reach_of("mail"), contacted=True).definition.render()
    assert families(["buying_days_7", "buying_days_28", "buying_days", "late_gap"]) == {
        "buying_days_28": ["buying_days_7", "buying_days_28", "buying_days"],
        "late_gap": ["late_gap"],
    }
    assert feature_of("attribute_age").title.render() == "age"
