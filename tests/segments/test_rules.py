"""Rules by hand on four users, and the refusals."""

from __future__ import annotations

from typing import Any

import pytest
import sqlglot

from persmark.errors import EmptyError, InputError, NotFoundError
from persmark.segments import count, count_by_clause, describe, members, sample, to_sql
from persmark.store import Reader, create_workspace
from tests.segments.conftest import ODD

LATELY = {"column": "recency_days", "is": "<=", "value": 30}


def column(name: str, operator: str, *value: Any) -> dict[str, Any]:
    return {"column": name, "is": operator, **({"value": value[0]} if value else {})}


def events(**asked: Any) -> dict[str, Any]:
    return {"events": asked}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"all": []}, ["b", "c", ODD, "w"]),
        (LATELY, ["c", ODD]),
        ({"not": LATELY}, ["b", "w"]),  # w never bought: not lately either
        (column("recency_days", ">", 30), ["b"]),
        (column("recency_days", "is empty"), ["w"]),
        (column("recency_days", "is not empty"), ["b", "c", ODD]),
        (column("recency_days", "!=", 1), ["b", "c", "w"]),
        (column("recency_days", "in", [1, 80.0]), ["b", ODD]),
        (column("recency_days", "not in", [1, 80]), ["c", "w"]),
        (column("recency_days", "between", [1, 29]), ["c", ODD]),
        (column("monetary", "=", 20.5), ["b"]),
        (column("monetary", "<", 10.0), []),
        (column("monetary", "<=", 10), ["c", ODD]),
        (column("monetary", ">", 10**30), []),
        (column("monetary", ">", -(10**18)), ["b", "c", ODD]),
        (column("n_events", ">=", 2.5), ["c", ODD]),
        (column("user_id", "=", ODD), [ODD]),
        (column("user_id", "contains", "'"), [ODD]),
        (column("user_id", "contains", "%"), [ODD]),
        (column("user_id", "contains", "_"), []),
        (column("user_id", "starts with", "o'Neil \""), [ODD]),
        (column("user_id", "in", [ODD, "b", "x' OR '1'='1"]), ["b", ODD]),
        (column("attribute_tier", "=", ODD), ["b"]),
        (column("attribute_tier", "not in", [ODD]), ["c", ODD, "w"]),
        (column("favourite_brand", "contains", "😀"), ["b", ODD, "w"]),
        (column("last_purchase_time", ">=", "2026-03-02"), ["c", ODD]),
        (column("last_purchase_time", "=", "2026-03-02T01:00:00+01:00"), ["c"]),
        ({"any": [column("user_id", "=", "w"), LATELY]}, ["c", ODD, "w"]),
        ({"all": [{"not": {"not": LATELY}}, column("n_views", "=", 0)]}, ["c"]),
        (events(at_least=1), ["b", "c", ODD, "w"]),
        (events(event_type="purchase", at_least=2), ["c"]),
        (events(event_type="purchase", at_most=1), ["b", ODD, "w"]),
        (events(event_type="purchase", at_least=1, at_most=1), ["b", ODD]),
        (events(event_type="purchase", at_least=0, at_most=0), ["w"]),
        (events(event_type="purchase", at_least=0), ["b", "c", ODD, "w"]),
        (events(event_type="purchase", at_most=0, within_days=30), ["b", "w"]),
        # 2026-03-01 is exactly 30 days before as_of, so outside the last 30 days.
        (events(event_type="purchase", at_least=2, within_days=30), []),
        (events(event_type="purchase", at_least=2, within_days=30.5), ["c"]),
        (events(category="dairy", at_least=2), [ODD]),
        (events(category=["dairy", "bread"], brand="B", at_least=1), ["b", "c", ODD]),
        (events(brand=ODD, event_type=["view", "purchase"], at_least=1), ["b", ODD, "w"]),
        (events(item_id="milk", channel="web", event_type="view", at_least=1), [ODD, "w"]),
        (events(item_id="x'); DROP TABLE events; --", at_least=1), []),
        ({"segment": "everyone"}, ["b", "c", ODD, "w"]),
        ({"segment": "lifecycle: never_purchased"}, ["w"]),
        ({"not": {"segment": "lifecycle: new"}}, ["b", "w"]),
        ({"segment": "saved"}, ["c", ODD]),
    ],
    ids=str,
)  # fmt: skip
def test_members(reader: Reader, rule: dict[str, Any], expected: list[str]) -> None:
    saved = {"saved": LATELY}
    assert members(reader, rule, saved=saved)["user_id"].to_pylist() == expected
    assert count(reader, rule, saved=saved) == len(expected)
    assert sample(reader, rule, 10, ["user_id"], saved=saved).num_rows == len(expected)
    sql, params = to_sql(rule, saved=saved)
    assert sorted(row[0] for row in reader.rows(sql, params)) == sorted(expected)
    assert describe(rule, saved=saved).render("en").startswith("Users: ")


@pytest.mark.parametrize(
    "value", [ODD, "'; DROP TABLE profiles; --", "%", "\\", "$v0", "a\x00b", "x" * 10_000]
)
def test_values_are_bound_never_pasted(reader: Reader, value: str) -> None:
    rule = {
        "any": [
            column("user_id", "=", value),
            column("user_id", "contains", value),
            column("user_id", "in", [value]),
            events(item_id=value, category=value, at_least=1),
        ]
    }
    sql, params = to_sql(rule)
    assert value not in sql or value == "$v0"
    assert list(params.values()).count(value) == 4
    assert isinstance(sqlglot.parse_one(sql, dialect="duckdb"), sqlglot.exp.Select)
    assert count(reader, rule) == {ODD: 1, "%": 1}.get(value, 0)
    describe(rule).render()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (column("recensy_days", "<", 1), r"Received: 'recensy_days'\. Did you mean recency_days\?"),
        (column("zzz", "<", 1), r"Available: user_id, as_of"),
        ({"column": 3, "is": "=", "value": 1}, r"must be a column of the profiles\. Received: 3"),
        (column("recency_days", "contains", 1), r"holds a number; 'is' must fit it\. Received: 'contains'"),
        (column("lifecycle", "<", "a"), r"holds a text.*Available: =, !=, in, not in, contains"),
        (column("recency_days", "<=", "30"), r"column 'recency_days' must be a number\. Received: '30'"),
        (column("recency_days", "<=", True), r"must be a number\. Received: True"),
        (column("recency_days", "<=", float("nan")), r"must be a finite number"),
        (column("recency_days", "<="), r"A rule on column 'recency_days' must have a value"),
        (column("recency_days", "is empty", 1), r"'is empty' must stand without a value\. Received: 1"),
        (column("recency_days", "in", []), r"must be a list of 1 to 10,000 values\. Received: \[\]"),
        (column("recency_days", "between", [3, 1]), r"must begin with the smaller one\. Received: \[3, 1\]"),
        (column("recency_days", "between", [3]), r"must be a list of 2 values"),
        (column("lifecycle", "=", ""), r"must be text of at least one character"),
        (column("lifecycle", "=", "\ud800"), r"must be valid Unicode"),
        (column("lifecycle", "=", "x" * 100_001), r"at most 100,000 characters"),
        (column("as_of", "=", "soon"), r"must be a date or time such as 2026-01-31.*Received: 'soon'"),
        (events(event_type="view"), r"'events' must say how many.*at_most 0 means that none happened"),
        (events(at_least=-1), r"'at_least' must be a whole number from 0 on\. Received: -1"),
        (events(at_least=2, at_most=1), r"'at_least' must not be above 'at_most'\. Received: \[2, 1\]"),
        (events(at_least=1, within_days=0), r"'within_days' must be above 0"),
        (events(at_least=1, event_typ="view"), r"Received: 'event_typ'\. Did you mean event_type\?"),
        (events(at_least=1, category=7), r"'category' must be text"),
        ({"events": 3}, r"'events' must hold what is counted"),
        ({}, r"one form.*Available: all, any, not, column, events, sequence, prediction, members, segment"),
        ({"al": []}, r"Received: 'al'\. Did you mean all\?"),
        ({"all": [], "any": []}, r"exactly one form\. Received: 'all, any'"),
        ({"any": []}, r"'any' must be a list of 1 to 500 values"),
        ({"all": {}}, r"'all' must be a list"),
        ({"not": []}, r"A rule must be an object\. Received: \[\]"),
        ({**LATELY, "colour": 1}, r"must not have other keys\. Received: 'colour'"),
        ("recency", r"A rule must be an object"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_refusals_name_what_there_is(reader: Reader, rule: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        count(reader, rule)


def test_unknown_segment_is_not_found(reader: Reader) -> None:
    with pytest.raises(NotFoundError, match=r"Received: lifecycle: lst\. Did you mean lifecycle: lost\?"):
        count(reader, {"segment": "lifecycle: lst"})


def test_too_deep_and_too_wide_are_refused(reader: Reader) -> None:
    deep: dict[str, Any] = LATELY
    for _ in range(29):
        deep = {"not": deep}
    assert count(reader, deep) == 2  # an odd number of times not: the same as "not lately"
    with pytest.raises(InputError, match="at most 30 levels deep"):
        count(reader, {"not": deep})
    assert count(reader, {"any": [LATELY] * 500}) == 2
    with pytest.raises(InputError, match="at most 500 conditions"):
        count(reader, {"all": [{"any": [LATELY] * 300}] * 2})


def test_segments_that_depend_on_themselves_are_refused(reader: Reader) -> None:
    saved = {"a": {"segment": "b"}, "b": {"not": {"segment": "a"}}}
    with pytest.raises(InputError, match=r"must not depend on itself\. Received: 'a → b → a'"):
        count(reader, {"segment": "a"}, saved=saved)


def test_funnel_of_all(reader: Reader) -> None:
    rule = {"all": [LATELY, events(event_type="view", at_least=1), column("monetary", ">", 50)]}
    steps = count_by_clause(reader, rule)
    assert [(step.n_users, step.n_left) for step in steps] == [(2, 2), (3, 1), (0, 0)]
    assert [step.rule for step in steps] == rule["all"]
    assert steps[0].sentence.render() == "Recency is at most 30 days"


def test_funnel_of_any_and_of_one(reader: Reader) -> None:
    steps = count_by_clause(reader, {"any": [LATELY, column("user_id", "=", "w"), {"all": []}]})
    assert [(step.n_users, step.n_left) for step in steps] == [(2, 2), (1, 3), (4, 4)]
    (only,) = count_by_clause(reader, {"not": LATELY})
    assert (only.n_users, only.n_left) == (2, 2)
    (everyone,) = count_by_clause(reader, {"all": []})
    assert (everyone.n_users, everyone.n_left) == (4, 4)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"all": []}, "everyone"),
        (column("lifecycle", "=", ODD), f"Lifecycle is “{ODD}”"),
        (column("lifecycle", "=", "{0}{x}"), "Lifecycle is “{0}{x}”"),
        (column("recency_days", "between", [1, 2]), "Recency is between 1 and 2 days"),
        (column("attribute_age", "is empty"), "age is empty"),
        (column("user_id", "in", list("abcdefg")), "User is one of “a”, “b”, “c”, “d”, “e” or 2 more"),
        (column("user_id", "=", "x" * 70), f"User is “{'x' * 60}…”"),
        (column("lifecycle", "in", ["at_risk", "won_back"]), "Lifecycle is one of “At risk” or “Won back”"),
        (events(event_type="view", category="dairy", at_least=3, within_days=30),
         "viewed in category “dairy” at least 3 times in the last 30 days"),
        (events(event_type=["view", "click"], brand=["A", "B", "C"], at_least=1, within_days=1),
         "viewed or clicked from brand “A”, “B” or “C” at least once in the last day"),
        (events(event_type="purchase", at_most=0), "did not buy"),
        (events(event_type="campaign_received", at_most=0, within_days=30),
         "received no campaign in the last 30 days"),
        (events(event_type="spin {0}", channel="web", at_least=2, at_most=2, until_days=30),
         "had an event “spin {0}” by channel “web” exactly 2 times more than 30 days ago"),
        (events(at_most=4), "had an event at most 4 times"),
        (events(at_least=2, at_most=4), "had an event 2 to 4 times"),
        (events(event_type="purchase", at_least=2, spent_at_least=50.5, within_days=60, until_days=30),
         "bought at least 2 times, for at least 50.5 in total 30 to 60 days ago"),
        (events(event_type="purchase", spent_at_most=9, within_days=7),
         "bought for at most 9 in total in the last 7 days"),
        ({"sequence": [{"event_type": "view"}, {"event_type": "purchase"}], "within_days": 7},
         "viewed, then bought within 7 days"),
        ({"sequence": [{"event_type": "view"}, {"category": "dairy"}, {}], "within_days": 1, "last_days": 90},
         "viewed, then had an event in category “dairy”, then had an event, all within a day, in the last "
         "90 days"),
        ({"sequence": [{"event_type": "view"}, {"event_type": "cart"}], "last_days": 90},
         "viewed, then put into the cart in the last 90 days"),
        ({"prediction": "buy: o'x", "is": ">=", "value": 0.5},
         "Predicted chance to buy “o'x” in the next 28 days is at least 50%"),
        ({"prediction": "churn", "is": "between", "value": [0.1, 0.2]},
         "Predicted chance not to buy in the next 84 days is between 10% and 20%"),
        ({"prediction": "{odd}", "is": "is empty"}, "Prediction “{odd}” is empty"),
        ({"members": ODD}, f"is on the list “{ODD}”"),
        ({"not": {"members": "a"}}, "is not on the list “a”"),
        ({"not": events(event_type="purchase", at_least=1, within_days=30)},
         "did not buy in the last 30 days"),
        ({"not": events(event_type="purchase", at_least=2)}, "not (bought at least 2 times)"),
        ({"all": [LATELY, {"any": [LATELY, {"not": {"segment": "everyone"}}]}]},
         "Recency is at most 30 days and (Recency is at most 30 days or is not in segment “everyone”)"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_describe(rule: dict[str, Any], sentence: str) -> None:
    assert describe(rule).render() == f"Users: {sentence}"


def test_sample_is_the_same_each_time_and_shows_asked_columns(reader: Reader) -> None:
    first, again = (sample(reader, {"all": []}, 3, ["monetary", "user_id"]).to_pylist() for _ in range(2))
    assert first == again
    assert list(first[0]) == ["monetary", "user_id"]
    assert len(first) == 3
    with pytest.raises(InputError, match=r"Received: monetry\. Did you mean monetary\?"):
        sample(reader, {"all": []}, 3, ["monetry"])


def test_without_profiles_every_question_says_what_to_do(tmp_path: Any) -> None:
    with create_workspace("bare", root=tmp_path).reader() as bare:
        for ask in (count, count_by_clause, sample, members):
            with pytest.raises(EmptyError, match="Profiles must be built first"):
                ask(bare, {"all": []})
