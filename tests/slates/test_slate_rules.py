"""Every rule and its cost."""

from __future__ import annotations

import pytest

from persmark.errors import InputError, NotFoundError
from persmark.slates import SlateRules

from .test_build_slate import ids, slate_of

MILK, BREAD = 2.51, 0.9


@pytest.mark.parametrize(
    ("rules", "expected", "removed"),
    [
        ({"exclude_seen": True}, ["tea", "=apple"], 2),
        # Bread was bought 6 days ago, milk a day ago.
        ({"exclude_bought_days": 5}, ["bread", "tea", "=apple"], 1),
        ({"only_categories": ["dairy", "drinks"]}, ["milk", "tea"], 2),
        ({"exclude_items": ["milk", 'it\'s "not" there 🎈']}, ["bread", "tea", "=apple"], 1),
        ({"min_price": 2}, ["bread", "tea"], 2),  # milk is cheaper, the apple's price unknown
        ({"max_price": 2.0}, ["milk", "bread"], 2),
        ({"max_per_category": 1}, ["milk", "bread", "tea", "=apple"], 0),
        ({"max_per_brand": 1}, ["milk", "tea", "=apple"], 1),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_each_rule(reader, repeat, rules, expected, removed):
    slate = slate_of(reader, repeat, user_id="ann", rules=rules)
    assert ids(slate) == expected
    (cost,) = slate.rules
    assert (cost.rule, cost.n_removed) == (next(iter(rules)), removed)


def test_the_score_given_up_is_the_fall_of_the_slates_mean(reader, repeat):
    plain = slate_of(reader, repeat, user_id="ann", k=2)
    ruled = slate_of(reader, repeat, user_id="ann", k=2, rules={"exclude_items": ["milk"]})
    before = sum(item.score for item in plain.items) / 2
    after = sum(item.score for item in ruled.items) / 2
    assert ruled.rules[0].mean_score_given_up == pytest.approx(before - after)
    assert ruled.rules[0].text.render().startswith("exclude_items: 1 removed, mean score ")


def test_costs_of_several_rules_add_up(reader, repeat):
    plain = slate_of(reader, repeat, user_id="ann", k=2)
    rules = {"exclude_items": ["tea"], "max_per_brand": 1, "min_price": 0.5, "max_per_category": 1}
    ruled = slate_of(reader, repeat, user_id="ann", k=2, rules=rules)
    assert [cost.rule for cost in ruled.rules] == [
        "exclude_items", "min_price", "max_per_category", "max_per_brand",
    ]  # fmt: skip
    assert ids(ruled) == ["milk"]
    given_up = sum(cost.mean_score_given_up for cost in ruled.rules)
    plain_mean = sum(item.score for item in plain.items) / 2
    assert given_up == pytest.approx(plain_mean - ruled.items[0].score)


def test_a_rule_that_leaves_nothing_says_so(reader, repeat):
    slate = slate_of(reader, repeat, user_id="ann", rules={"only_categories": ["="]})
    assert slate.items == ()
    assert slate.rules[0].mean_score_given_up is None
    assert slate.rules[0].text.render() == "only_categories: 4 removed, nothing is left"


def test_pins_come_first_and_push_out_the_last(reader, repeat):
    slate = slate_of(reader, repeat, user_id="ann", k=2, rules={"pinned": ["tea"], "exclude_items": ["tea"]})
    assert ids(slate) == ["tea", "milk"]
    assert [item.rank for item in slate.items] == [1, 2]
    assert slate.items[0].reason.render() == "pinned by a rule"
    assert slate.rules[-1].rule == "pinned"
    assert slate.rules[-1].n_removed == 1


def test_pins_must_exist_and_be_of_the_kind(reader, repeat):
    with pytest.raises(NotFoundError, match=r"Pinned item 'nö' must be in the catalogue"):
        slate_of(reader, repeat, user_id="ann", rules={"pinned": ["nö"]})
    with pytest.raises(InputError, match=r"Pinned item 'ad1' must be of kind product. Received: ad."):
        slate_of(reader, repeat, user_id="ann", rules={"pinned": ["ad1"]})


def test_rules_about_items_reach_the_items_that_ads_cover(reader, repeat):
    rules = {"exclude_items": ["milk"]}
    slate = slate_of(reader, repeat, user_id="ann", kind="ad", rules=rules)
    assert ids(slate) == ["ad2"]  # now for its bread
    assert slate.items[0].covered_item_id == "bread"


def test_rules_travel_as_json():
    rules = SlateRules.from_json('{"exclude_seen": true, "max_price": 3, "pinned": ["a\'b 中"]}')
    assert rules == SlateRules(exclude_seen=True, max_price=3, pinned=("a'b 中",))
    assert SlateRules.from_json(rules.to_json()) == rules
    assert SlateRules().to_json() == {}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("{", r"Slate rules must be JSON. Received: {."),
        ("[1]", r"Slate rules must be a JSON object. Received: \[1\]."),
        ({"max_shelf": 1}, r"A slate rule must be known. Received: max_shelf. Available: exclude_seen"),
        ({"exclude_seen": 1}, r"Rule 'exclude_seen' must be true or false. Received: 1."),
        ({"max_per_brand": 0}, r"Rule 'max_per_brand' must be a whole number from 1. Received: 0."),
        ({"max_per_brand": True}, r"Rule 'max_per_brand' must be a whole number from 1. Received: True."),
        ({"exclude_bought_days": 9999}, r"must be a whole number from 1 to 3,650. Received: 9999."),
        ({"min_price": float("nan")}, r"Rule 'min_price' must be a price of at least 0. Received: nan."),
        ({"min_price": 3, "max_price": 2}, r"must not lie above 'max_price'. Received: 3 and 2."),
        ({"pinned": "milk"}, r"Rule 'pinned' must be a list of texts. Received: milk."),
        ({"pinned": ["a", "a"]}, r"Rule 'pinned' must be a list of different item ids."),
        ({"only_categories": [1]}, r"Rule 'only_categories' must be a list of texts."),
    ],
)
def test_wrong_rules_are_refused(rules, message):
    with pytest.raises(InputError, match=message):
        SlateRules.from_json(rules)
