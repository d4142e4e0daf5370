"""Every feature against values worked by hand."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from persmark.errors import EmptyError, InputError
from persmark.profiles import (
    FEATURES,
    LIFECYCLE,
    RFM_SEGMENTS,
    build_profiles,
    distribution,
    feature_catalogue,
    profile,
    search_users,
    summary,
    user_history,
)
from persmark.store import Workspace, create_workspace, read_sql
from tests.events.files import csv_of, load, write
from tests.profiles.made import event, workspace

ODD = 'o\'Neil "张" 😀%'
AS_OF = datetime(2026, 3, 31, 12)
ODD_KEY = "a/b~'\""


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    made = workspace(
        tmp_path,
        [
            event(ODD, "purchase", "2026-01-01T10:00:00", "a", value=10, order_id="o1", channel="web"),
            event(ODD, "purchase", "2026-01-01T10:00:00", "b", value=5, discount=5, order_id="o1",
                  channel="web"),
            event(ODD, "purchase", "2026-01-11T20:00:00", "c", value=20, order_id="o2", channel="web"),
            event(ODD, "purchase", "2026-03-11T09:00:00", "c", value=8, channel="app"),
            event(ODD, "refund", "2026-03-12T09:00:00", "c", value=-3),
            event(ODD, "campaign_received", "2026-02-01T09:00:00", channel="mail"),
            event(ODD, "campaign_received", "2026-03-20T09:00:00", channel="mail"),
            event(ODD, "view", "2026-03-31T12:00:00", "a", channel="web"),
            event("v", "view", "2026-03-01T02:00:00", "unlisted"),
            event("v", "purchase", "2026-04-02T02:00:00", "a", value=1),
        ],
        items=[
            {"item_id": "a", "title": "Milk", "category": "dairy", "brand": "Acme"},
            {"item_id": "b", "title": "Curd", "category": "dairy", "brand": "Bon"},
            {"item_id": "c", "title": "Loaf", "category": "bread", "brand": "Acme"},
        ],
        users=[
            {"user_id": ODD, "attributes": json.dumps({"Age Group": "35-44", ODD_KEY: "x", "n": 3})},
            {"user_id": "v", "attributes": json.dumps({"Age Group": "18-24", "age-group": "young"})},
        ],
        sessions=[
            {"user_id": ODD, "session_no": 1, "started_at": datetime(2026, 1, 1, 10),
             "ended_at": datetime(2026, 1, 1, 10), "n_events": 3, "n_own_events": 2},
            {"user_id": ODD, "session_no": 2, "started_at": datetime(2026, 1, 11, 20),
             "ended_at": datetime(2026, 1, 11, 20), "n_events": 1, "n_own_events": 1},
            {"user_id": ODD, "session_no": 2, "started_at": datetime(2026, 1, 12, 20),
             "ended_at": datetime(2026, 1, 12, 20), "n_events": 1, "n_own_events": 0},
            {"user_id": ODD, "session_no": 3, "started_at": datetime(2026, 3, 31, 12),
             "ended_at": datetime(2026, 3, 31, 12, 1), "n_events": 7, "n_own_events": 7},
        ],
    )  # fmt: skip
    build_profiles(made, as_of=AS_OF, actor="test")
    return made


def halved(days: float) -> float:
    return 0.5 ** (days / 42)


def test_every_feature_of_a_buyer(shop: Workspace) -> None:
    milk_or_curd = halved(89 + 2 / 24)
    old_loaf, loaf, view = halved(78 + 16 / 24), halved(20 + 3 / 24), 1.0
    dairy, bread = 2 * milk_or_curd + view, old_loaf + loaf
    expected = {
        "user_id": ODD,
        "as_of": AS_OF,
        "first_event_time": datetime(2026, 1, 1, 10),
        "last_event_time": AS_OF,
        "tenure_days": 89,
        "inactive_days": 0,
        "n_events": 8,
        "n_views": 1,
        "n_clicks": 0,
        "n_carts": 0,
        "n_sessions": 2,  # a mailing alone is none, and the last ends after as_of
        "events_per_session": 1.5,
        "n_purchases": 3,  # o1, o2, and one without an order id
        "n_items": 3,
        "first_purchase_time": datetime(2026, 1, 1, 10),
        "last_purchase_time": datetime(2026, 3, 11, 9),
        "won_back_time": None,
        "recency_days": 20,
        "frequency": 3,
        "monetary": Decimal("40.0000"),  # 43 bought, 3 given back
        "average_order_value": 43 / 3,
        "discount_share": 5 / 48,
        "mean_gap_days": 34.5,  # 10 and 59
        "gap_spread_days": 24.5 * math.sqrt(2),
        "n_coupons_redeemed": 0,
        "n_campaigns_received": 2,
        "n_campaigns_recent": 1,
        "top_category_1": "dairy",
        "top_category_1_share": dairy / (dairy + bread),
        "top_category_2": "bread",
        "top_category_2_share": bread / (dairy + bread),
        "top_category_3": None,
        "top_category_3_share": None,
        "favourite_brand": "Acme",
        "favourite_brand_share": 1 - milk_or_curd / (dairy + bread),
        "favourite_channel": "web",
        "favourite_channel_share": 4 / 5,  # the mail was sent to them
        "favourite_daypart": "morning",
        "favourite_daypart_share": 4 / 6,
        "night_share": 0.0,
        "morning_share": 4 / 6,
        "afternoon_share": 1 / 6,
        "evening_share": 1 / 6,
        "weekend_share": 1 / 6,  # 2026-01-11 was a Sunday
        "r_score": 1,
        "f_score": 1,
        "m_score": 1,
        "rfm_segment": "lost",
        "lifecycle": "active",
        "n_events_recent": 3,
        "event_trend": 1.0,  # none in the 28 days before
        "n_orders_recent": 1,
        "order_trend": 1.0,
        "spend_recent": Decimal("5.0000"),
        "spend_trend": 1.0,
        "minutes_per_session": 0.0,
        "dwell_minutes": None,
        "mean_dwell_seconds": None,
        "opportunity_category": None,  # money went to both
        "opportunity_share": None,
        "price_level": None,
        "discounted_order_share": 1.0,  # of the one that tells
        "coupon_order_share": 0.0,
        "n_campaigns_week": 0,
        "n_campaigns_answered": 0,
        "campaign_response_rate": 0.0,
        "repeat_share": 0.5,
        "novelty_share": 0.5,
        "items_per_order": 4 / 3,
        "attribute_age_group": "35-44",
        "attribute_age_group_2": None,
        "attribute_a_b": "x",
        "attribute_n": "3",
    }
    with shop.reader() as reader:
        found = profile(reader, ODD)
    assert found is not None
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        wanted = pytest.approx(value, abs=1e-8) if isinstance(value, float) else value
        assert found[name] == wanted, name


def test_what_a_user_never_did_is_empty_not_zero(shop: Workspace) -> None:
    with shop.reader() as reader:
        found = profile(reader, "v")
        assert found is not None
        assert profile(reader, "nobody") is None
    empty = {name for name, value in found.items() if value is None}
    assert empty == {
        "n_sessions", "events_per_session", "first_purchase_time", "last_purchase_time", "won_back_time",
        "recency_days", "monetary", "average_order_value", "discount_share", "mean_gap_days",
        "gap_spread_days", "top_category_1", "top_category_1_share", "top_category_2", "top_category_2_share",
        "top_category_3", "top_category_3_share", "favourite_brand", "favourite_brand_share",
        "favourite_channel", "favourite_channel_share", "r_score", "f_score", "m_score", "rfm_segment",
        "event_trend", "order_trend", "spend_recent", "spend_trend", "minutes_per_session", "dwell_minutes",
        "mean_dwell_seconds", "opportunity_category", "opportunity_share", "price_level",
        "discounted_order_share", "coupon_order_share", "campaign_response_rate", "repeat_share",
        "novelty_share", "items_per_order",
        "attribute_a_b", "attribute_n",
    }  # fmt: skip
    assert (found["n_purchases"], found["frequency"], found["n_items"]) == (0, 0, 0)
    assert found["lifecycle"] == "never_purchased"
    assert found["favourite_daypart"] == "night"
    assert found["attribute_age_group_2"] == "young"


def test_catalogue_has_every_column_with_its_type(shop: Workspace) -> None:
    with shop.reader() as reader:
        columns = reader.columns("profiles")
        listed = feature_catalogue(reader)
    assert [feature.name for feature in listed] == list(columns)
    assert {feature.name: feature.dtype for feature in listed} == columns
    assert set(FEATURES) == {name for name in columns if not name.startswith("attribute_")}
    for feature in listed:
        assert feature.title.render()
        assert feature.definition.render().endswith(".")
        assert feature.unit
        assert feature.source
    assert listed[-1].title.render() in {"n", ODD_KEY, "age-group", "Age Group"}


def test_summary_is_published_with_the_table(shop: Workspace) -> None:
    with shop.reader() as reader:
        told = summary(reader)
    assert told == shop.stats("profiles")
    assert (told["n_users"], told["as_of"]) == (2, "2026-03-31T12:00:00")
    assert told["lifecycle"] == {group.name: int(group.name in {"active", "never_purchased"})
                                 for group in LIFECYCLE}  # fmt: skip
    assert sum(told["rfm_segment"].values()) == 1
    assert told["attributes"]["attribute_a_b"] == ODD_KEY
    recency = told["features"]["recency_days"]
    assert [(bin_["bin"], bin_["low"], bin_["high"], bin_["n_users"]) for bin_ in recency] == [
        (0, None, None, 1), (1, 20, 21, 1),
    ]  # fmt: skip


def test_build_is_audited_and_as_of_defaults_to_the_last_event(shop: Workspace) -> None:
    heard: list[float] = []
    built = build_profiles(shop, actor="me", on_progress=lambda share, doing: heard.append(share))
    assert (built.n_users, built.as_of) == (2, datetime(2026, 4, 2, 2))
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    last = shop.state.rows("audit", order="audit_id DESC", limit=1)[0]
    assert (last["actor"], last["verb"]) == ("me", "build profiles")
    assert not shop.stale("profiles")


def test_as_of_with_a_zone_is_turned_to_utc(shop: Workspace) -> None:
    assert build_profiles(shop, as_of=AS_OF.replace(tzinfo=UTC), actor="test").as_of == AS_OF


def test_nothing_to_build_from_is_refused_and_leaves_the_old_table(shop: Workspace, tmp_path: Path) -> None:
    with pytest.raises(EmptyError, match="Profiles need an event up to 2020-01-01 00:00"):
        build_profiles(shop, as_of=datetime(2020, 1, 1), actor="test")
    assert shop.stats("profiles")["n_users"] == 2
    bare = create_workspace("bare", root=tmp_path)
    with pytest.raises(EmptyError, match="Profiles need events"):
        build_profiles(bare, actor="test")
    with bare.reader() as reader:
        assert profile(reader, "u") is None
        for look in (lambda: summary(reader), lambda: distribution(reader, "n_events"),
                     lambda: search_users(reader, "u"), lambda: feature_catalogue(reader)):  # fmt: skip
            with pytest.raises(EmptyError, match="Profiles must be built first"):
                look()


def test_equal_weights_go_by_name(tmp_path: Path) -> None:
    made = workspace(
        tmp_path,
        [event("u", "view", "2026-01-01T00:00:00", item, channel=channel)
         for item, channel in (("1", "web"), ("2", "app"), ("3", "web"), ("4", "app"))],
        items=[{"item_id": n, "category": c, "brand": b}
               for n, c, b in (("1", "zoo", "B"), ("2", "bee", "A"), ("3", "ant", "B"), ("4", "cat", "A"))],
    )  # fmt: skip
    build_profiles(made, actor="test")
    with made.reader() as reader:
        found = profile(reader, "u")
    assert found is not None
    assert [found[f"top_category_{n}"] for n in (1, 2, 3)] == ["ant", "bee", "cat"]
    assert [found["favourite_brand"], found["favourite_channel"]] == ["A", "app"]
    assert [found["top_category_1_share"], found["favourite_brand_share"]] == [0.25, 0.5]


def test_scores_are_fifths_of_the_buyers(tmp_path: Path) -> None:
    """Ten buyers, later ones paid more: two in each fifth; equal frequencies go by user_id."""
    made = workspace(
        tmp_path,
        [event(f"u{n}", "purchase", f"2026-01-{n + 1:02}T00:00:00", "i", value=n) for n in range(10)],
    )
    build_profiles(made, actor="test")
    with made.reader() as reader:
        rows = reader.rows("SELECT r_score, f_score, m_score, rfm_segment FROM profiles ORDER BY user_id")
    assert [row[0] for row in rows] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert all(row[0] == row[1] == row[2] for row in rows)
    assert [row[3] for row in rows[::2]] == ["lost", "hibernating", "need_attention", "loyal", "champions"]


def test_without_money_frequency_stands_alone(tmp_path: Path) -> None:
    made = workspace(
        tmp_path, [event(f"u{n}", "purchase", f"2026-01-{n + 1:02}T00:00:00", "i") for n in range(5)]
    )
    build_profiles(made, actor="test")
    with made.reader() as reader:
        rows = reader.rows("SELECT m_score, monetary, rfm_segment FROM profiles ORDER BY user_id")
    assert rows[4] == (None, None, "champions")
    assert rows[0] == (None, None, "lost")


def test_rfm_grid_is_whole(tmp_path: Path) -> None:
    """Rows: recency score 5 down to 1; columns: frequency and money score 1 to 5."""
    grid = [
        ["new_users", "potential_loyalist", "potential_loyalist", "champions", "champions"],
        ["promising", "potential_loyalist", "potential_loyalist", "loyal", "loyal"],
        ["about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"],
        ["hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"],
        ["lost", "lost", "at_risk", "at_risk", "cannot_lose"],
    ]
    sql = read_sql("persmark.profiles", "scores")
    case = sql[sql.index("    CASE\n        WHEN r_score = 5") : sql.index("AS rfm_segment")]
    cells = ", ".join(f"({r}, {fm})" for r in (5, 4, 3, 2, 1) for fm in (1, 2, 3, 4, 5))
    with create_workspace("made", root=tmp_path).reader() as reader:
        found = reader.rows(
            f"SELECT {case} FROM (VALUES {cells}) AS t(r_score, fm_score) ORDER BY r_score DESC, fm_score"
        )
    assert [row[0] for row in found] == [name for row in grid for name in row]
    assert {name for row in grid for name in row} == {group.name for group in RFM_SEGMENTS}


def test_lifecycle_stages(tmp_path: Path) -> None:
    """As of 2026-12-31: first purchase and later ones, against 30, 60 and 180 days."""
    bought = {
        "new": ["2026-12-01"],
        "active": ["2026-01-01", "2026-06-01", "2026-11-15"],  # gaps of 151 and 167 days
        "at_risk": ["2026-09-01"],
        "lost": ["2026-01-01"],
        "won_back": ["2026-01-01", "2026-12-01"],
    }
    events = [
        event(name, "purchase", f"{day}T00:00:00", "i") for name, days in bought.items() for day in days
    ]
    made = workspace(tmp_path, [*events, event("never_purchased", "view", "2026-05-01T00:00:00", "i")])
    build_profiles(made, as_of=datetime(2026, 12, 31), actor="test")
    with made.reader() as reader:
        assert all(user == stage for user, stage in reader.rows("SELECT user_id, lifecycle FROM profiles"))
    assert set(bought) | {"never_purchased"} == {group.name for group in LIFECYCLE}


def test_the_past_knows_nothing_of_its_future(shop: Workspace) -> None:
    """With the later events removed, the profile as of then is the same."""
    with shop.reader() as reader:
        before = profile(reader, ODD)
    with shop.write("events") as writer:
        writer.run(
            "CREATE TABLE out.events AS SELECT * FROM events WHERE event_time <= $as_of", {"as_of": AS_OF}
        )
        writer.run(
            "CREATE TABLE out.sessions AS SELECT * FROM sessions WHERE ended_at <= $as_of", {"as_of": AS_OF}
        )
    build_profiles(shop, as_of=AS_OF, actor="test")
    with shop.reader() as reader:
        assert profile(reader, ODD) == before


def test_broken_attributes_are_left_out(tmp_path: Path) -> None:
    made = workspace(
        tmp_path, [event("u", "view", "2026-01-01T00:00:00")],
        users=[{"user_id": "u", "attributes": "not json"}, {"user_id": "x", "attributes": "[1]"}],
    )  # fmt: skip
    assert build_profiles(made, actor="test").n_users == 1


def test_distribution(shop: Workspace) -> None:
    with shop.reader() as reader:
        numbers = distribution(reader, "n_events", 4).to_pylist()
        assert [(row["bin"], row["low"], row["high"], row["n_users"]) for row in numbers] == [
            (0, None, None, 0), (1, 1, 3, 1), (2, 3, 5, 0), (3, 5, 7, 0), (4, 7, 9, 1),
        ]  # fmt: skip
        names = distribution(reader, "favourite_brand").to_pylist()
        assert [(row["bin"], row["value"], row["n_users"]) for row in names] == [(0, None, 1), (1, "Acme", 1)]
        assert sum(distribution(reader, "monetary")["n_users"].to_pylist()) == 2
        times = distribution(reader, "first_event_time", 2).to_pylist()
        assert times[1]["low"] == datetime(2026, 1, 1, 10, tzinfo=UTC).timestamp()
        with pytest.raises(InputError, match=r"A feature must be a column of the profiles\. Received: \"x\."):
            distribution(reader, '"x')
        with pytest.raises(InputError, match=r"bins must be 1 to 200\. Received: 0"):
            distribution(reader, "n_events", 0)


def test_search_finds_beginnings_first(tmp_path: Path) -> None:
    names = ["b", "ab", "ba", ODD, "a%b", "张b"]
    made = workspace(tmp_path, [event(name, "view", "2026-01-01T00:00:00") for name in names])
    build_profiles(made, actor="test")
    with made.reader() as reader:

        def search(wanted: str, limit: int = 20) -> list[str]:
            return search_users(reader, wanted, limit)["user_id"].to_pylist()

        assert search("b") == ["b", "ba", "a%b", "ab", "张b"]
        assert search("b", 2) == ["b", "ba"]
        assert search("%") == ["a%b", ODD]
        assert search("'Neil") == [ODD]
        assert search("😀") == [ODD]
        assert len(search("")) == 6
        assert search("_") == []


def test_history_is_newest_first_with_titles(shop: Workspace) -> None:
    with shop.reader() as reader:
        rows = user_history(reader, ODD, 3).to_pylist()
        assert [(row["event_type"], row["title"]) for row in rows] == [
            ("view", "Milk"), ("campaign_received", None), ("refund", "Loaf"),
        ]  # fmt: skip
        assert user_history(reader, "nobody").num_rows == 0


def test_a_session_is_counted_where_the_user_did_something(tmp_path: Path) -> None:
    """By hand, through a load and an append; both kinds of what is done to a user, alone and beside."""
    made = create_workspace("mailed", root=tmp_path)
    kinds = [
        ("10:00:00", "campaign_received"), ("10:10:00", "view"), ("10:20:00", "view"),
        ("12:00:00", "impression"), ("12:00:00", "campaign_received"), ("15:00:00", "view"),
    ]  # fmt: skip
    rows = [f"O'Neil 王 🛒,i,{kind},2026-01-01 {moment},1" for moment, kind in kinds]
    load(made, write(tmp_path / "a.csv", csv_of(rows)))

    def own() -> list[tuple[int, ...]]:
        with made.reader() as reader:
            return reader.rows("SELECT session_no, n_events, n_own_events FROM sessions ORDER BY ALL")

    assert own() == [(1, 3, 2), (2, 2, 0), (3, 1, 1)]
    build_profiles(made, actor="test")
    with made.reader() as reader:
        assert reader.rows("SELECT n_sessions, events_per_session FROM profiles") == [(2, 1.5)]
    # A click makes the mailing's session the user's own.
    load(made, write(tmp_path / "b.csv", csv_of(["O'Neil 王 🛒,i,click,2026-01-01 12:20:00,1"])))
    assert own() == [(1, 3, 2), (2, 3, 1), (3, 1, 1)]
    build_profiles(made, actor="test")
    with made.reader() as reader:
        assert reader.rows("SELECT n_sessions, events_per_session FROM profiles") == [(3, 4 / 3)]
