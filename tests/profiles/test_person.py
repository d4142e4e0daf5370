"""One user looked at: found, placed, over time, beside others, contacted; all worked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from persmark.errors import EmptyError, InputError
from persmark.privacy import Vault, save_consents
from persmark.profiles import build_profiles, contacted, person, profile, profile_columns, standing
from persmark.store import Reader, create_workspace
from tests.profiles.made import EVENT, event, workspace

ODD = 'o\'Neil "张" 😀%'
AS_OF = datetime(2026, 1, 31)
BUYERS = ("SELECT user_id FROM profiles WHERE n_purchases >= $v0", {"v0": 1})


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    made = workspace(
        tmp_path_factory.mktemp("person"),
        [
            event(ODD, "campaign_received", "2026-01-01T08:00:00", campaign_id="spring", channel="mail"),
            event(ODD, "purchase", "2026-01-02T10:00:00", "a", value=10, order_id="o1"),
            event(ODD, "purchase", "2026-01-02T10:00:00", "b", value=5, order_id="o1"),
            event(ODD, "purchase", "2026-01-02T10:05:00", "c", value=2.5, order_id="o1"),
            event(ODD, "coupon_redeemed", "2026-01-05T09:00:00", campaign_id="spring"),
            event(ODD, "campaign_received", "2026-01-06T08:00:00", campaign_id="spring", channel="mail"),
            event(ODD, "purchase", "2026-01-09T12:00:00", "a", value=4),
            event(ODD, "campaign_received", "2026-01-29T08:00:00", campaign_id="other", channel="app"),
            event("ann", "view", "2026-01-05T10:00:00", "a"),
            event("ann", "view", "2026-01-05T10:05:00", "b"),
            event("ann", "view", "2026-01-05T11:00:00", "a"),
            event("ann", "view", "2026-01-06T10:00:00", "a"),
            event("anna", "purchase", "2026-01-04T10:00:00", "a", value=30),
            event("bob", "purchase", "2026-01-05T10:00:00", "a", value=4),
        ],
        items=[{"item_id": "a", "title": "Milk <b>", "category": "dairy", "brand": "Acme"}],
        sessions=[
            {"user_id": "ann", "session_no": 1, "started_at": datetime(2026, 1, 5, 10),
             "ended_at": datetime(2026, 1, 5, 10, 5), "n_events": 2, "n_own_events": 2},
            {"user_id": "ann", "session_no": 2, "started_at": datetime(2026, 1, 5, 11),
             "ended_at": datetime(2026, 1, 5, 11), "n_events": 1, "n_own_events": 1},
            {"user_id": "ann", "session_no": 3, "started_at": datetime(2026, 1, 6, 10),
             "ended_at": datetime(2026, 1, 6, 10), "n_events": 1, "n_own_events": 1},
            {"user_id": ODD, "session_no": 1, "started_at": datetime(2026, 1, 1, 8),
             "ended_at": datetime(2026, 1, 1, 8), "n_events": 1, "n_own_events": 0},
        ],
    )  # fmt: skip
    build_profiles(made, as_of=AS_OF, actor="test")
    with made.reader() as opened:
        yield opened


def test_exists_asks_for_the_very_id(reader: Reader) -> None:
    assert person.exists(reader, ODD)
    assert not person.exists(reader, "Ann")
    assert not person.exists(reader, "")


def test_near_users_ignore_case_and_forgive_two_letters(reader: Reader) -> None:
    assert person.near_users(reader, "ANN", 2) == ["ann", "anna"]
    assert person.near_users(reader, "bxx", 1) == ["bob"]
    assert person.near_users(reader, ODD.replace("张", "王"), 1) == [ODD]


def test_near_users_stand_beside_in_order_where_none_is_alike(reader: Reader) -> None:
    assert person.near_users(reader, "b-something-else", 2) == ["anna", "bob"]
    assert person.near_users(reader, "zz" * 5_000, 2) == [ODD]


def test_place_of_a_user_and_of_one_who_is_not_there(reader: Reader) -> None:
    assert person.place_of(reader, "bob") == person.Place(4, 3, True, "anna", ODD, "ann", ODD)
    assert person.place_of(reader, "b") == person.Place(4, 3, False, "anna", "bob", "ann", ODD)
    assert person.place_of(reader, "anna", BUYERS) == person.Place(3, 1, True, None, "bob", "anna", ODD)
    nobody = ("SELECT user_id FROM profiles WHERE user_id = $v0", {"v0": "x'; --"})
    assert person.place_of(reader, ODD, nobody) == person.Place(0, 1, False, None, None, None, None)
    assert person.any_user(reader, "salt", nobody) is None


def test_any_user_is_the_same_for_a_salt_and_any_for_others(reader: Reader) -> None:
    drawn = [person.any_user(reader, str(salt), BUYERS) for salt in range(30)]
    assert drawn == [person.any_user(reader, str(salt), BUYERS) for salt in range(30)]
    assert set(drawn) == {"anna", "bob", ODD}


def test_finding_needs_profiles(tmp_path: Path) -> None:
    with create_workspace("blank", root=tmp_path).reader() as blank:
        for ask in (person.exists, person.near_users, person.place_of):
            with pytest.raises(EmptyError, match="Profiles must be built first"):
                ask(blank, "u")


def test_timeline_of_moments_joins_the_lines_of_an_order(reader: Reader) -> None:
    found = person.timeline(reader, ODD)
    assert found.grain == "moment"
    assert [tuple(row.values()) for row in found.events.select(
        ["event_type", "event_time", "n_events", "n_items", "value", "campaign_id"]).to_pylist()] == [
        ("campaign_received", datetime(2026, 1, 1, 8), 1, 0, None, "spring"),
        ("purchase", datetime(2026, 1, 2, 10), 3, 3, Decimal("17.5000"), None),
        ("coupon_redeemed", datetime(2026, 1, 5, 9), 1, 0, None, "spring"),
        ("campaign_received", datetime(2026, 1, 6, 8), 1, 0, None, "spring"),
        ("purchase", datetime(2026, 1, 9, 12), 1, 1, Decimal("4.0000"), None),
        ("campaign_received", datetime(2026, 1, 29, 8), 1, 0, None, "other"),
    ]  # fmt: skip
    assert found.n_by_type == {"campaign_received": 3, "purchase": 4, "coupon_redeemed": 1}
    assert found.n_events == 8
    assert found.sessions.num_rows == 0  # a contact alone is no session of theirs


@pytest.mark.parametrize(
    ("most", "grain", "events", "n_sessions"),
    [
        (4, "moment", [(None, 1), (None, 1), (None, 1), (None, 1)], [1, 1, 1]),
        (3, "day", [(date(2026, 1, 5), 3), (date(2026, 1, 6), 1)], [2, 1]),
        (1, "week", [(date(2026, 1, 5), 4)], [3]),
        (0, "month", [(date(2026, 1, 1), 4)], [3]),
    ],
)
def test_timeline_grows_coarser_with_fewer_points(
    reader: Reader, most: int, grain: str, events: list[tuple[date | None, int]], n_sessions: list[int]
) -> None:
    found = person.timeline(reader, "ann", most_points=most)
    assert found.grain == grain
    assert [(row["local_date"], row["n_events"]) for row in found.events.to_pylist()] == events
    assert found.sessions["n_sessions"].to_pylist() == n_sessions


def test_timeline_of_a_span_of_one_event_and_of_nobody(reader: Reader) -> None:
    late = person.timeline(reader, ODD, since=datetime(2026, 1, 9, 12))
    assert late.n_by_type == {"purchase": 1, "campaign_received": 1}
    assert person.timeline(reader, "bob").n_events == 1
    assert person.timeline(reader, "nobody").events.num_rows == 0


def test_timeline_of_fifty_thousand_events_is_by_day(tmp_path: Path) -> None:
    n = 50_000
    moments = [datetime(2025, 1, 1) + timedelta(seconds=place * 517) for place in range(n)]
    table = pa.table({
        "user_id": pa.array([ODD] * n),
        "event_type": pa.array(["view", "click", "cart"] * (n // 3) + ["view"] * (n % 3)),
        "event_time": pa.array(moments, pa.timestamp("us")),
        "local_date": pa.array([moment.date() for moment in moments], pa.date32()),
    })  # fmt: skip
    made = create_workspace("many", root=tmp_path)
    with made.write("events") as writer:
        empty = pa.Table.from_pylist([], schema=EVENT)
        writer.put("events", pa.concat_tables([empty, table], promote_options="default"))
    with made.reader() as opened:
        found = person.timeline(opened, ODD)
        assert found.grain == "day"
        assert found.events.num_rows == 3 * 300 <= person.MOST_POINTS
        assert found.n_events == n
        assert person.events_page(opened, ODD, page=1_000, rows=50).num_rows == 50
        assert person.events_page(opened, ODD, page=1_001, rows=50).num_rows == 0


def test_events_page_by_page_the_newest_first(reader: Reader) -> None:
    first = person.events_page(reader, ODD, rows=2)
    assert first["event_time"].to_pylist() == [datetime(2026, 1, 29, 8), datetime(2026, 1, 9, 12)]
    assert first["title"].to_pylist() == [None, "Milk <b>"]
    assert person.events_page(reader, ODD, rows=3, page=3).num_rows == 2
    bought = person.events_page(
        reader, ODD, event_type="purchase", since=datetime(2026, 1, 2), until=datetime(2026, 1, 9, 12)
    )
    assert bought["item_id"].to_pylist() == ["c", "a", "b"]
    with pytest.raises(InputError, match="Received: page 0 of 50 rows"):
        person.events_page(reader, ODD, page=0)
    with pytest.raises(InputError, match=r"of 1 to 1,000 rows\. Received: page 1 of 1,001 rows"):
        person.events_page(reader, ODD, rows=1_001)


def test_typical_quartiles(reader: Reader) -> None:
    found = standing.typical(reader, ["n_purchases", "monetary", "mean_gap_days"]).to_pylist()
    # Orders 0, 1, 1, 2; money 4, 21.5, 30; one gap of seven days.
    assert found == [
        {"feature": "n_purchases", "n_users": 4, "low": 0.75, "median": 1.0, "high": 1.25},
        {"feature": "monetary", "n_users": 3, "low": 12.75, "median": 21.5, "high": 25.75},
        {"feature": "mean_gap_days", "n_users": 1, "low": 7.0, "median": 7.0, "high": 7.0},
    ]
    nobody = ("SELECT user_id FROM profiles WHERE false", {})
    assert standing.typical(reader, ["monetary"], nobody).to_pylist() == [
        {"feature": "monetary", "n_users": 0, "low": None, "median": None, "high": None}
    ]


@pytest.mark.parametrize(
    ("user", "among", "feature", "expected"),
    [
        (ODD, person.EVERYONE, "n_purchases", (2, 4, 3, 1, 3.5 / 4)),
        ("bob", person.EVERYONE, "n_purchases", (1, 4, 1, 2, 2 / 4)),
        (ODD, person.EVERYONE, "monetary", (21.5, 3, 1, 1, 1.5 / 3)),
        (ODD, BUYERS, "n_purchases", (2, 3, 2, 1, 2.5 / 3)),
        ("ann", BUYERS, "n_purchases", (0, 3, 0, 0, 0)),
        ("ann", person.EVERYONE, "monetary", (None, 3, 0, 0, None)),
    ],
)
def test_standing_counts_those_with_less_and_half_of_the_equal(
    reader: Reader, user: str, among: person.Members, feature: str, expected: tuple[float | None, ...]
) -> None:
    (row,) = standing.standing(reader, user, [feature], among).to_pylist()
    assert tuple(row[name] for name in ("value", "n_users", "n_less", "n_equal", "percentile")) == expected


def test_standing_of_nobody_and_of_no_feature(reader: Reader) -> None:
    assert standing.standing(reader, "nobody", ["monetary"]).num_rows == 0
    assert standing.standing(reader, ODD, []).num_rows == 0
    with pytest.raises(InputError, match="Received: lifecycle"):
        standing.standing(reader, ODD, ["lifecycle"])
    with pytest.raises(InputError, match="Received: r_score"):
        standing.typical(reader, ["r_score"])


def test_every_number_of_the_profiles_can_be_compared(reader: Reader) -> None:
    names = standing.compared_features(profile_columns(reader))
    assert {"monetary", "recency_days", "discount_share"} <= set(names)
    assert not {"user_id", "as_of", "lifecycle", "r_score"} & set(names)
    found = standing.standing(reader, ODD, names)
    assert found["feature"].to_pylist() == names
    ranks = [rank for rank in found["percentile"].to_pylist() if rank is not None]
    assert all(0 <= rank <= 1 for rank in ranks)


def test_contacts_with_what_came_after_within_a_week(reader: Reader) -> None:
    found = contacted.contacts_of(reader, ODD)
    names = (
        "event_time",
        "campaign_id",
        "channel",
        "n_contacts",
        "answered_at",
        "n_named",
        "n_orders",
        "value",
    )
    bought, again = datetime(2026, 1, 2, 10), datetime(2026, 1, 9, 12)
    # The coupon of 5 January names the campaign before its second contact.
    assert [tuple(row[name] for name in names) for row in found.to_pylist()] == [
        (datetime(2026, 1, 29, 8), "other", "app", 1, None, 0, 0, None),
        (datetime(2026, 1, 6, 8), "spring", "mail", 1, again, 0, 1, Decimal("4.0000")),
        (datetime(2026, 1, 1, 8), "spring", "mail", 1, bought, 1, 1, Decimal("17.5000")),
    ]
    assert contacted.contacts_of(reader, ODD, response_days=30)["n_orders"].to_pylist() == [0, 1, 2]
    assert contacted.contacts_of(reader, ODD, response_days=1)["answered_at"].to_pylist() == [None] * 3
    assert contacted.contacts_of(reader, "ann").num_rows == 0
    assert contacted.contacts_of(reader, "nobody").num_rows == 0


def test_contacts_add_up_to_the_figures_of_the_profile(reader: Reader) -> None:
    row, found = profile(reader, ODD), contacted.contacts_of(reader, ODD)
    assert row is not None
    assert row["n_campaigns_received"] == sum(found["n_contacts"].to_pylist())
    assert row["n_campaigns_answered"] == sum(at is not None for at in found["answered_at"].to_pylist())


def test_reach_says_what_is_there_and_never_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSMARK_KEY", "5a" * 32)
    made = create_workspace("made", root=tmp_path)
    with made.write("events") as writer:
        writer.put("identities", pa.table({
            "source_user_id": [f"{ODD} old"], "user_id": [ODD], "source_id": pa.array([1], pa.int32()),
            "reason": ["email"],
        }))  # fmt: skip
    with made.reader() as opened:
        nothing = contacted.reach_of(made, opened, "ann")
        assert not (made.folder / "vault.sqlite").exists()
        assert (nothing.fields, nothing.fields_known, nothing.is_pseudonym) == ((), True, False)
        assert {one.state for one in nothing.consent} == {"unknown"}
        vault = Vault(made.folder)
        vault.put_contacts(pa.table({"user_id": [ODD], "email": ["zoe@secret.test"]}))
        (hidden,) = vault.pseudonyms(["ann@secret.test"])
        said = [(ODD, "email", "granted"), (f"{ODD} old", "email", "denied"), (ODD, "sms", "granted")]
        save_consents(
            made.state,
            pa.table(dict(zip(("user_id", "purpose", "state"), zip(*said, strict=True), strict=True))),
            changed_at="2026-01-02T00:00:00Z",
        )
        found = contacted.reach_of(made, opened, ODD)
        assert found.source_ids == (f"{ODD} old",)
        assert found.fields == ("email",)
        assert "secret" not in repr(found)
        # Of one person who said both, the no counts.
        assert {one.purpose: one.state for one in found.consent} == {
            "email": "denied", "sms": "granted", "ad_user_data": "unknown", "ad_personalization": "unknown",
        }  # fmt: skip
        assert contacted.reach_of(made, opened, hidden).is_pseudonym
        # Told without the key: a page can say it although nothing can be opened.
        monkeypatch.setenv("PERSMARK_KEY", "6b" * 32)
        assert contacted.reach_of(made, opened, ODD).fields == ("email",)


def test_attention_without_spend_is_much_of_one_and_little_of_the_other() -> None:
    shares = pd.DataFrame({
        "name": ["bread", "dairy", "toys", "wine", "rare"],
        "n_events": [40, 30, 3, 20, 2],
        "attention_share": [0.40, 0.30, 0.06, 0.04, 0.20],
        "spend_share": [0.50, 0.10, 0.00, 0.00, 0.00],
    })  # fmt: skip
    # Bread gets more money than attention, wine has little attention, rare too few events.
    assert person.attention_without_spend(shares)["name"].tolist() == ["dairy", "toys"]
    assert person.attention_without_spend(shares.assign(spend_share=np.nan)).empty
