"""What a group of users comes to, worked by hand on five users; see conftest for their events."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest

from persmark import segments
from persmark.errors import InputError
from persmark.privacy import Vault, save_consents
from persmark.profiles import build_profiles, profiles_as_of
from tests.profiles.made import event, workspace
from tests.segments.conftest import ODD

BUYERS = {"column": "n_purchases", "is": ">=", "value": 1}
DAIRY = {"events": {"event_type": "purchase", "category": "dairy", "at_least": 1}}
NOBODY = {"column": "n_purchases", "is": ">", "value": 99}


@pytest.fixture
def known(shop, monkeypatch, tmp_path):
    """The shop with contacts of the odd one and of `b`, and what three users said."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PERSMARK_DATA", str(tmp_path / "data"))
    contacts = {
        "user_id": [ODD, "b", "nobody"], "email": ["o@example.com", None, "n@example.com"],
        "phone": [None, "1", None],
    }  # fmt: skip
    Vault(shop.folder).put_contacts(pa.table(contacts))
    said = [(ODD, "email", "granted"), ("b", "email", "denied"), ("w", "email", "granted"),
            ("b", "sms", "granted"), ("nobody", "email", "granted")]  # fmt: skip
    names = ("user_id", "purpose", "state")
    save_consents(
        shop.state,
        pa.table({name: list(column) for name, column in zip(names, zip(*said, strict=True), strict=True)}),
    )
    return shop


def test_the_facts_of_all_buyers_by_hand(known):
    # Spent: the odd one 10, b 20.50, c 5 + 5; w never bought. Dairy was bought by the odd one and b.
    with known.reader() as reader:
        found = segments.segment_facts(known, reader, BUYERS)
        dairy = segments.segment_facts(known, reader, DAIRY)
    assert (found.n_users, found.n_all, found.n_buyers) == (3, 4, 3)
    assert found.revenue == pytest.approx(40.5)
    assert found.revenue_share == pytest.approx(1.0)
    assert dict(found.n_reachable) == {"email": 1, "phone": 1}
    assert found.n_contacts == 2
    assert found.consent["email"] == {"granted": 1, "denied": 1, "unknown": 1}
    assert found.consent["sms"] == {"granted": 1, "denied": 0, "unknown": 2}
    assert found.consent["ad_user_data"] == {"granted": 0, "denied": 0, "unknown": 3}
    assert dairy.n_users == 2
    assert dairy.revenue_share == pytest.approx(30.5 / 40.5)


def test_the_facts_of_nobody_and_of_people_without_money(known, tmp_path):
    with known.reader() as reader:
        found = segments.segment_facts(known, reader, NOBODY)
    assert (found.n_users, found.n_buyers, found.revenue, found.revenue_share) == (0, 0, 0.0, 0.0)
    made = workspace(tmp_path / "looks", [event("a", "view", "2026-01-01T00:00:00", "x")])
    build_profiles(made, as_of=datetime(2026, 1, 2), actor="test")
    with made.reader() as reader:
        found = segments.segment_facts(made, reader, {"all": []})
    assert (found.n_users, found.revenue, found.revenue_share) == (1, None, None)


def test_the_overlap_by_hand(reader):
    # Buyers: the odd one, b, c; dairy: the odd one, b; on the web: the odd one, w.
    others = {
        "dairy": DAIRY, 'web "é"': {"events": {"channel": "web", "at_least": 1}}, "none": NOBODY,
    }  # fmt: skip
    found = segments.overlap(reader, BUYERS, others).to_pylist()
    assert [(one["segment"], one["n_users"], one["n_both"]) for one in found] == [
        ("dairy", 2, 2), ('web "é"', 2, 1), ("none", 0, 0),
    ]  # fmt: skip
    assert [one["share_of_this"] for one in found] == pytest.approx([2 / 3, 1 / 3, 0])
    assert [one["share_of_other"] for one in found[:2]] == pytest.approx([1, 1 / 2])
    assert [one["jaccard"] for one in found] == pytest.approx([2 / 3, 1 / 4, 0])
    assert found[2]["share_of_other"] is None
    (empty,) = segments.overlap(reader, NOBODY, {"none": NOBODY}).to_pylist()
    assert (empty["share_of_this"], empty["jaccard"]) == (None, None)


def test_the_base_rate_counts_those_known_before_the_window(reader):
    # As of 31 March, 28 days begin on 3 March. Known before: the odd one (1 March), b, c; w came on 31 March.
    # The odd one bought on 30 March; b on 10 January and c on 1 and 2 March did not buy inside.
    everybody = segments.people(reader)
    everyone = segments.marks(reader, everybody, {"all": []})
    found = segments.base_rate(everybody, everyone, 28)
    assert (found.n_users, found.n_converted) == (3, 1)
    assert found.rate == pytest.approx(1 / 3)
    assert found.low is not None and found.high is not None and found.low < 1 / 3 < found.high
    # 29 days begin on 2 March at midnight: an order of that very second lies outside, as for a rule's days.
    assert segments.base_rate(everybody, everyone, 29).n_converted == 1
    assert segments.base_rate(everybody, everyone, 30).n_converted == 2
    none = segments.base_rate(everybody, everyone, 3650)
    assert (none.n_users, none.rate, none.low) == (0, None, None)


def test_the_base_rate_of_those_who_were_in_it_before(known):
    # On 1 March at noon the buyers were b (10 January) and c (1 March); c bought again on 2 March.
    then = profiles_as_of(known, datetime(2026, 3, 1, 12))
    with known.reader() as reader:
        everybody = segments.people(reader)
        found = segments.base_rate_then(reader, BUYERS, everybody, then)
        lately = {"events": {"event_type": "purchase", "at_least": 1, "within_days": 7}}
        only_c = segments.base_rate_then(reader, lately, everybody, then)
        assert segments.base_rate_then(reader, NOBODY, everybody, then).rate is None
    assert (found.n_users, found.n_converted, found.window_days) == (2, 1, 29)
    assert (only_c.n_users, only_c.n_converted, only_c.rate) == (1, 1, 1.0)


def test_rules_marked_together_are_those_marked_one_by_one(reader):
    everybody = segments.people(reader)
    rules = {"buyers": BUYERS, "none": NOBODY, "all": {"all": []}, "not": {"not": DAIRY}}
    together = segments.marks_together(reader, everybody, rules)
    assert list(together) == list(rules)
    for name, rule in rules.items():
        assert together[name].tolist() == segments.marks(reader, everybody, rule).tolist()
    assert segments.marks_together(reader, everybody, {}) == {}


def test_what_can_be_chosen_comes_from_the_data(reader):
    assert segments.offered_values(reader, "category") == ["bread", "dairy"]
    assert segments.offered_values(reader, "brand") == ["B", ODD]
    assert segments.offered_values(reader, "event_type", 2) == ["view", "purchase"]
    assert segments.offered_values(reader, "campaign_id") == []
    assert segments.offered_items(reader, 1).column("item_id").to_pylist() == ["milk"]
    assert segments.offered_lists(reader) == {}
    # Orders of the four: 0, 1, 1, 2.
    assert segments.quartiles(reader, "n_purchases") == (0, 1, 1)
    with pytest.raises(
        InputError, match=r"must be one of an event. Received: catgory. Did you mean category\?"
    ):
        segments.offered_values(reader, "catgory")


def test_the_sql_to_paste_finds_the_same_users(reader):
    rule = {
        "any": [
            {"events": {"channel": ["web", "o'x"], "at_least": 1, "within_days": 30}},
            {"column": "attribute_tier", "is": "in", "value": [ODD, "%"]},
            {"column": "first_event_time", "is": ">=", "value": "2026-03-31"},
        ]
    }
    sql = segments.readable_sql(rule)
    assert "$" not in sql and sql.count("\n") > 10
    found = sorted(user for (user,) in reader.rows(sql))
    assert found == segments.members(reader, rule).column("user_id").to_pylist() == sorted([ODD, "b", "w"])
