"""Parts of a rule: counted, told for every user and for one, also against other profiles; lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from persmark.columns import GROUP_OF
from persmark.errors import NotFoundError
from persmark.segments import (
    clause_flags,
    count,
    members,
    save_segment,
    saved_rules,
    segments_of,
    tree_counts,
    why,
)
from persmark.store import Reader, Workspace
from tests.segments.conftest import ODD

LATELY = {"column": "recency_days", "is": "<=", "value": 30}
VIEWED = {"events": {"event_type": "view", "at_least": 1}}
NESTED: dict[str, Any] = {
    "all": [VIEWED, {"not": {"any": [LATELY, {"segment": "lifecycle: never_purchased"}]}}, {"all": []}]
}


def test_every_part_of_a_nested_rule_is_counted(reader: Reader) -> None:
    found = {part.path: (part.n_users, part.n_left) for part in tree_counts(reader, NESTED)}
    assert found == {
        (): (1, 1),  # b
        ("all", 0): (3, 3),  # b, the odd one, w
        ("all", 1): (1, 1),
        ("all", 1, "not"): (3, 3),  # c, the odd one; w
        ("all", 1, "not", "any", 0): (2, 2),
        ("all", 1, "not", "any", 1): (1, 3),
        ("all", 2): (4, 1),
    }
    assert next(iter(found)) == ()
    parts = tree_counts(reader, NESTED)
    assert parts[0].rule == NESTED
    assert parts[4].sentence.render() == "Recency is at most 30 days"


def test_a_rule_of_one_condition_is_its_only_part(reader: Reader) -> None:
    (only,) = tree_counts(reader, LATELY)
    assert (only.path, only.n_users, only.n_left) == ((), 2, 2)


def test_five_hundred_parts_are_counted_in_one_query(reader: Reader) -> None:
    wide = {"any": [{"column": "recency_days", "is": "<=", "value": n} for n in range(499)] + [VIEWED]}
    found = tree_counts(reader, wide)
    assert len(found) == 501
    assert (found[0].n_users, found[2].n_users, found[-1].n_left) == (4, 1, 4)


def test_flags_of_every_user(reader: Reader) -> None:
    found = clause_flags(reader, {"any": [LATELY, VIEWED]}).to_pydict()
    assert found == {
        "user_id": ["b", "c", ODD, "w"],
        "holds": [True, True, True, True],
        "c0": [False, True, True, False],
        "c1": [True, False, True, True],
    }
    alone = clause_flags(reader, LATELY).to_pydict()
    assert (alone["holds"], alone["c0"]) == ([False, True, True, False],) * 2


def test_flags_against_other_profiles_look_at_events_up_to_then(reader: Reader) -> None:
    """As of 2026-03-01, the odd one had viewed the loaf, and b bought long ago; c had just bought."""
    then = datetime(2026, 3, 1)
    profiles = pa.table(
        {
            "user_id": ["b", "c", ODD],
            "as_of": pa.array([then] * 3, pa.timestamp("us")),
            "recency_days": pa.array([50, 0, None], pa.int32()),
        }
    )
    rule = {"all": [LATELY, {"events": {"event_type": "purchase", "at_least": 1, "within_days": 30}}, VIEWED]}
    found = clause_flags(reader, rule, inputs={"profiles": profiles}).to_pydict()
    assert found == {
        "user_id": ["b", "c", ODD],
        "holds": [False, False, False],
        "c0": [False, True, False],
        "c1": [False, True, False],
        "c2": [True, False, True],
    }
    earlier = clause_flags(reader, VIEWED, inputs={"profiles": profiles}, as_of=datetime(2026, 2, 1))
    assert earlier["holds"].to_pylist() == [True, False, False]
    assert clause_flags(reader, VIEWED, up_to_source=0)["holds"].to_pylist() == [False] * 4
    assert clause_flags(reader, VIEWED, up_to_source=1)["holds"].to_pylist() == [True, False, True, True]


def test_why_one_user_is_in_a_segment_or_not(reader: Reader) -> None:
    found = why(reader, {"all": [LATELY, VIEWED]}, "c")
    assert [(one.rule, one.holds) for one in found] == [(LATELY, True), (VIEWED, False)]
    assert found[1].sentence.render() == "viewed at least once"
    sequence = {"sequence": [{"event_type": "view"}, {"event_type": "purchase"}], "within_days": 2}
    assert [why(reader, sequence, user)[0].holds for user in ("b", "c", ODD, "w")] == [
        True,
        False,
        True,
        False,
    ]
    assert [one.holds for one in why(reader, LATELY, "'; DROP TABLE profiles; --")] == [False]


def test_segments_of_one_user(shop: Workspace) -> None:
    save_segment(shop, ODD, LATELY, "me")
    save_segment(shop, "others", {"not": {"segment": ODD}}, "me")
    save_segment(shop, "tier", {"column": "attribute_tier", "is": "is not empty"}, "me")
    with shop.reader() as reader:
        found = {user: segments_of(shop, reader, user) for user in ("b", "c", ODD, "w", "unknown")}
    assert found["b"] == ["everyone", "rfm: lost", "lifecycle: at_risk", "others", "tier"]
    assert found["w"] == ["everyone", "lifecycle: never_purchased", "others"]
    assert found[ODD][-1] == ODD
    assert found["unknown"] == []


def test_predictions_and_lists(shop: Workspace) -> None:
    rows = [("b", 0.5), ("c", None), (ODD, 0.25), ("nobody", 0.9)]
    with shop.write(GROUP_OF["predictions"]) as writer:
        scores = [{"user_id": user, "target": ODD, "score": score} for user, score in rows]
        writer.put(
            "predictions", pa.Table.from_pylist([*scores, {"user_id": "c", "target": "x", "score": 1.0}])
        )
    with shop.write(GROUP_OF["segment_members"]) as writer:
        writer.put("segment_members", pa.table({"segment": [ODD, ODD, "x"], "user_id": ["w", "nobody", "b"]}))
    expected: list[tuple[dict[str, Any], list[str]]] = [
        ({"prediction": ODD, "is": ">=", "value": 0.5}, ["b"]),
        ({"prediction": ODD, "is": "<", "value": 1}, ["b", ODD]),
        ({"prediction": ODD, "is": "!=", "value": 0.25}, ["b", "c", "w"]),
        ({"prediction": ODD, "is": "not in", "value": [0.25, 0.5]}, ["c", "w"]),
        ({"prediction": ODD, "is": "between", "value": [0.2, 0.5]}, ["b", ODD]),
        ({"prediction": ODD, "is": "is empty"}, ["c", "w"]),
        ({"prediction": ODD, "is": "is not empty"}, ["b", ODD]),
        ({"members": ODD}, ["w"]),
        ({"not": {"members": ODD}}, ["b", "c", ODD]),
        ({"any": [{"members": "x"}, {"prediction": "x", "is": "=", "value": 1}]}, ["b", "c"]),
    ]
    with shop.reader() as reader:
        for rule, users in expected:
            assert members(reader, rule)["user_id"].to_pylist() == users, rule
        with pytest.raises(
            NotFoundError, match=r"prediction named in a rule must be published\. Received: z\. Avail"
        ):
            count(reader, {"not": {"prediction": "z", "is": ">", "value": 0}})
        with pytest.raises(
            NotFoundError, match=r"list named in a rule must exist\. Received: xx\. Did you mean x\?"
        ):
            count(reader, {"members": "xx"})
    assert saved_rules(shop) == {}


def test_nothing_published_says_so(reader: Reader) -> None:
    with pytest.raises(NotFoundError, match=r"must be published\. Received: buy\. Available: none\."):
        count(reader, {"prediction": "buy", "is": ">", "value": 0})
    with pytest.raises(NotFoundError, match=r"must exist\. Received: list\. Available: none\."):
        count(reader, {"members": "list"})
