"""Segments side by side on eight users, worked by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from persmark.errors import InputError
from persmark.experiments import wilson
from persmark.profiles import build_profiles
from persmark.segments import (
    EVERYBODY,
    HOUR,
    WEEKDAY,
    compare,
    compare_attention,
    compare_times,
    compare_value,
)
from persmark.segments.habits import lift_interval
from persmark.segments.intervals import Moments
from persmark.store import Reader
from tests.profiles.made import event, workspace

ODD = 'o\'Neil "张" 😀%'
USERS = [ODD, "b", "c", "d", "e", "f", "g", "w"]


def of(*users: str) -> dict[str, object]:
    return {"column": "user_id", "is": "in", "value": list(users)}


FIRST, SECOND = of(ODD, "b", "c", "d"), of("c", "d", "e", "f")
RULES = {ODD: FIRST, "second": SECOND}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Seven buyers of 10, 20, ... 70, each once: at ten o'clock on a Monday, or (e to g) at eleven on the
    Tuesday; `w` only looks. Bread is bought by the first, milk by the others."""
    events = [
        event(
            user,
            "purchase",
            "2026-03-02T10:00:00" if place < 4 else "2026-03-03T11:00:00",
            "loaf" if place == 0 else "milk",
            value=10 * (place + 1),
            channel="web" if place % 2 else ODD,
        )
        for place, user in enumerate(USERS[:7])
    ]
    made = workspace(
        tmp_path_factory.mktemp("compared"),
        [*events, event("w", "view", "2026-03-02T10:30:00", "milk", channel="web"),
         event("w", "campaign_received", "2026-03-02T01:00:00")],
        items=[
            {"item_id": "milk", "category": ODD, "brand": "B"},
            {"item_id": "loaf", "category": "bread", "brand": "B"},
        ],
    )  # fmt: skip
    build_profiles(made, actor="test")
    return made.reader()


def test_sizes_and_overlap(reader: Reader) -> None:
    found = compare(reader, RULES)
    assert (found.segments, found.n_users, found.n_all) == ((ODD, "second"), (4, 4), 8)
    assert found.overlaps.to_pylist() == [
        {"segment": ODD, "other": "second", "n_both": 2, "share_of_segment": 0.5, "share_of_other": 0.5}
    ]


def test_means_have_intervals_of_their_users(reader: Reader) -> None:
    rows = {row["segment"]: row for row in compare(reader, RULES).numbers.to_pylist()
            if row["feature"] == "monetary"}  # fmt: skip
    # 10, 20, 30, 40: mean 25, spread 12.9099, error 6.45497, t of 3 degrees of freedom 3.182446, no skew.
    one = rows[ODD]
    assert (one["n"], one["mean"], one["median"]) == (4, 25.0, 25.0)
    assert [one["low"], one["high"]] == pytest.approx([25 - 20.5426, 25 + 20.5426], abs=1e-3)
    assert rows["second"]["mean"] == 45.0


def test_the_same_users_count_once_in_a_difference(reader: Reader) -> None:
    (one,) = (d for d in compare(reader, RULES).differences if d.feature == "monetary")
    # As `test_intervals` works it by hand for 1 to 4 and 3 to 6, ten times that, the other way round.
    assert (one.segment, one.base, one.difference) == ("second", ODD, 20.0)
    assert [one.low, one.high] == pytest.approx([-30.7727, 55.4756], abs=2e-3)
    assert one.effect == pytest.approx(20 / 12.9099, abs=1e-3)
    assert not one.clear


def test_shares_of_a_name_have_wilsons_interval(reader: Reader) -> None:
    (one,) = (
        row for row in compare(reader, RULES).shares.to_pylist()
        if (row["feature"], row["value"], row["segment"]) == ("favourite_channel", ODD, "second")
    )  # fmt: skip
    assert (one["n"], one["n_with"], one["share"]) == (4, 2, 0.5)
    assert (one["low"], one["high"]) == pytest.approx(wilson(2, 4))


def test_what_a_rule_itself_decides_is_marked(reader: Reader) -> None:
    rules = {"much": {"column": "monetary", "is": ">=", "value": 50},
             "little": {"segment": "all of it"}}  # fmt: skip
    found = compare(
        reader, rules, saved={"all of it": {"all": [{"column": "recency_days", "is": "is not empty"}]}}
    )
    marked = {one.feature for one in found.differences if one.by_rule}
    assert {"monetary"} <= marked
    assert marked.isdisjoint({"n_items", "favourite_channel"})
    assert all(not one.by_rule for one in found.clear)


def test_a_segment_beside_itself_differs_in_nothing(reader: Reader) -> None:
    found = compare(reader, {"one": FIRST, "again": FIRST})
    assert found.differences
    assert {(one.difference, one.low, one.high, one.clear) for one in found.differences} == {
        (0.0, 0.0, 0.0, False)
    }


def test_empty_and_single_user_segments_are_compared_without_intervals(reader: Reader) -> None:
    found = compare(reader, {"nobody": of("no-such"), "one": of("b"), "all": {"all": []}})
    assert found.n_users == (0, 1, 8)
    rows = [row for row in found.numbers.to_pylist() if row["feature"] == "monetary"]
    assert [(row["n"], row["mean"], row["low"]) for row in rows[:2]] == [(0, None, None), (1, 20.0, None)]
    assert found.differences == ()
    assert compare_value(reader, {"nobody": of("no-such"), "one": of("b")}).num_rows == 3
    assert compare_times(reader, {"nobody": of("no-such"), "one": of("b")}).num_rows == 3 * 31
    assert compare_attention(reader, {"nobody": of("no-such"), "w": of("w")}, "category").num_rows


@pytest.mark.parametrize("n", [1, 5])
def test_two_to_four_segments_are_compared(reader: Reader, n: int) -> None:
    with pytest.raises(InputError, match=rf"Segments to compare must be 2 to 4\. Received: {n}\."):
        compare(reader, {str(number): FIRST for number in range(n)})


def test_value_counts_users_without_a_purchase_as_nothing(reader: Reader) -> None:
    rows = {row["segment"]: row for row in
            compare_value(reader, {"late": of("g", "w"), "second": SECOND}).to_pylist()}  # fmt: skip
    late, all_ = rows["late"], rows[EVERYBODY]
    assert (late["n_users"], late["n_buyers"], late["revenue"]) == (2, 1, 70.0)
    assert late["revenue_share"] == pytest.approx(70 / 280)
    assert (late["per_user"], late["median_per_user"], late["orders_per_user"]) == (35.0, 35.0, 0.5)
    # 70 and 0: error 35, t of one degree of freedom 12.7062.
    assert late["per_user_low"] == pytest.approx(35 - 35 * 12.7062, abs=1e-2)
    assert (late["buyer_low"], late["buyer_high"]) == pytest.approx(wilson(1, 2))
    assert (all_["n_users"], all_["revenue"], all_["revenue_share"]) == (8, 280.0, 1.0)


def test_attention_is_that_of_the_mean_user_beside_everybodys(reader: Reader) -> None:
    rows = {(row["name"], row["segment"]): row for row in
            compare_attention(reader, RULES, "category").to_pylist()}  # fmt: skip
    milk, bread = rows[ODD, ODD], rows["bread", ODD]
    assert (milk["attention"], milk["attention_n"], milk["spend"]) == (0.75, 4, 0.75)
    assert (bread["attention"], bread["reach"], bread["reach_n"]) == (0.25, 0.25, 4)
    assert (bread["reach_low"], bread["reach_high"]) == pytest.approx(wilson(1, 4))
    # One of eight users of everybody: twice as common here.
    assert bread["attention_lift"] == pytest.approx(2.0)
    assert rows["bread", "second"]["attention"] == 0.0
    assert rows["bread", "second"]["attention_lift"] is None
    assert rows["bread", EVERYBODY]["attention"] == pytest.approx(1 / 8)
    assert rows["bread", EVERYBODY]["spend"] == pytest.approx(1 / 7)
    lift = rows["bread", EVERYBODY]
    assert (lift["attention_lift"], lift["attention_lift_low"], lift["attention_lift_high"]) == (1, 1, 1)


def test_a_lift_knows_that_the_segment_is_a_part_of_everybody() -> None:
    """0.2 and 0.4 among 0.2, 0.4, 0.1, 0.1: 0.3 over 0.2."""
    one = Moments(*(np.array([x]) for x in (2.0, 0.3, 0.02, 0.0)))
    whole = Moments(*(np.array([x]) for x in (4.0, 0.2, 0.06, 0.0)))
    lift, low, high = lift_interval(one, whole)
    # Each user moves its logarithm by (x - 0.3) / 0.6 if in the segment, less (x - 0.2) / 0.8:
    # -1/6, -1/12, 1/8, 1/8; squares 0.0659722, error 0.256851, t of one degree of freedom 12.7062.
    reach = 12.7062 * 0.256851
    assert lift[0] == pytest.approx(1.5)
    assert [np.log(low[0] / 1.5), np.log(high[0] / 1.5)] == pytest.approx([-reach, reach], abs=1e-3)


def test_hours_and_weekdays_are_shares_of_own_events(reader: Reader) -> None:
    rows = {
        (row["part"], row["place"], row["segment"]): row for row in compare_times(reader, RULES).to_pylist()
    }
    ten, eleven = rows[HOUR, 10, "second"], rows[HOUR, 11, "second"]
    assert (ten["n_events"], ten["n_users"], ten["share"], eleven["share"]) == (2, 4, 0.5, 0.5)
    # Each user's one event is 1 or 0 of it: residuals of 1/2, error sqrt(4 * 1/4 * 4/3) / 4 = 0.288675, as
    # that of 0.25 / 0.288675 ** 2 = 3 independent events, t of three degrees of freedom 3.182446:
    # 0.5 -+ 3.182446 * sqrt(0.25 / 3 + 10.127963 / 36) / (1 + 10.127963 / 3).
    assert [ten["low"], ten["high"]] == pytest.approx([0.060830, 0.939170], abs=1e-5)
    assert rows[HOUR, 10, ODD]["share"] == 1.0
    # The campaign at one o'clock was done to the user; eight own events are left.
    assert rows[HOUR, 1, EVERYBODY]["n_events"] == 0
    assert rows[WEEKDAY, 0, EVERYBODY]["share"] == pytest.approx(5 / 8)
    assert rows[WEEKDAY, 1, EVERYBODY]["n_events"] == 3
    assert rows[HOUR, 10, EVERYBODY]["share"] == pytest.approx(5 / 8)
    # Residuals of 3/8 five times and 5/8 thrice: error sqrt(1.875 * 8/7) / 8 = 0.182981, worth 7 events; t
    # 2.364624: (0.625 + 0.399389 - 2.364624 * sqrt(0.033482 + 0.028528)) / 1.798778.
    assert rows[HOUR, 10, EVERYBODY]["low"] == pytest.approx(0.242138, abs=1e-5)


def test_what_is_clear_has_enough_users_behind_it(tmp_path: Path) -> None:
    """Twelve who spend 10 to 21, twelve who spend 100 to 111; names of their own are no figures."""
    users = [f"{ODD}{number}" for number in range(24)]
    spent = [10 + number if number < 12 else 88 + number for number in range(24)]
    made = workspace(
        tmp_path,
        [event(user, "purchase", "2026-03-02T10:00:00", "milk", value=value)
         for user, value in zip(users, spent, strict=True)],
        users=[{"user_id": user, "attributes": json.dumps({"tier": tier, "card": user})}
               for user, tier in zip(users, [ODD] * 12 + ["b"] * 12, strict=True)],
    )  # fmt: skip
    build_profiles(made, actor="test")
    with made.reader() as opened:
        whole = compare(opened, {"little": of(*users[:12]), "much": of(*users[12:])})
        part = compare(opened, {"little": of(*users[:10]), "much": of(*users[12:])})
    clear = {(one.feature, one.value) for one in whole.clear}
    assert {("monetary", None), ("attribute_tier", ODD), ("attribute_tier", "b")} <= clear
    assert ("recency_days", None) not in clear
    assert "attribute_card" not in {one.feature for one in whole.differences}
    (money,) = (one for one in part.differences if one.feature == "monetary")
    assert money.low is not None
    assert (money.low > 0, money.p_adjusted is not None and money.p_adjusted < 0.001) == (True, True)
    assert part.clear == ()
