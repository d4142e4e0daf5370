"""Ids that share key values are one person; nothing else is."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persmark.events.identity import BLOCKED_WORDS, crowded, is_blocked, resolve

STAND_IN = "x" + "ab" * 16
HARD = 'O\'Brien "王" 🦊; --'
Link = tuple[str | None, str | None, str | None]


def table(links: Sequence[Link]) -> pa.Table:
    names = ("source_user_id", "key", "digest")
    return pa.table(
        {name: pa.array([link[at] for link in links], pa.string()) for at, name in enumerate(names)}
    )


def named(links: Sequence[Link], *, limit: int = 10, apart: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    found = resolve(table(links), limit=limit, apart=apart)
    return dict(zip(found["source_user_id"].to_pylist(), found["user_id"].to_pylist(), strict=True))


# A customer with an e-mail, the shop that knows the e-mail, and two browsers: one logged in, one that
# shares the other's device id.
PERSON: list[Link] = [
    ("C17", "user_id", "C17"),
    ("C17", "email", STAND_IN),
    (STAND_IN, "email", STAND_IN),
    ("d-1", "user_id", "C17"),
    ("d-1", "device", "D"),
    ("d-2", "device", "D"),
    (HARD, "email", "another"),
]


def test_ids_linked_over_any_number_of_steps_are_one_person() -> None:
    found = resolve(table(PERSON), limit=10, apart=[])
    assert found.column_names == ["source_user_id", "user_id", "reason"]
    assert found.to_pylist() == [
        {"source_user_id": "d-1", "user_id": "C17", "reason": "user_id,device"},
        {"source_user_id": "d-2", "user_id": "C17", "reason": "device"},
        {"source_user_id": STAND_IN, "user_id": "C17", "reason": "email"},
    ]


@pytest.mark.parametrize(
    ("links", "name"),
    [
        ([("z", "user_id", "z"), ("z", "email", "E"), (STAND_IN, "email", "E")], "z"),
        ([("dev", "device", "D"), (STAND_IN, "device", "D")], STAND_IN),
        ([("10", "email", "E"), ("9", "email", "E")], "9"),
        ([("b", "email", "E"), ("a", "email", "E")], "a"),
        ([(HARD, "user_id", HARD), (HARD, "phone", "P"), ("a", "phone", "P")], HARD),
        ([("dev", "user_id", "王"), ("dev", "device", "D")], "王"),
    ],
    ids=[
        "declared first",
        "pseudonym before device",
        "shorter",
        "smaller",
        "any text",
        "named by a key only",
    ],
)
def test_who_names_the_person(links: list[Link], name: str) -> None:
    ids = {str(link[0]) for link in links} | {str(link[2]) for link in links if link[1] == "user_id"}
    assert named(links) == {one: name for one in ids if one != name}


@pytest.mark.parametrize(
    "nobody",
    [
        *BLOCKED_WORDS,
        "NULL",
        " Unknown ",
        "0",
        "000000",
        "",
        "   ",
        "-",
        "00000000-0000-0000-0000-000000000000",
        None,
    ],
)
def test_what_names_nobody_links_nobody(nobody: str | None) -> None:
    assert named([("a", "email", nobody), ("b", "email", nobody)]) == {}
    assert named([("a", "user_id", nobody), ("b", "user_id", nobody)]) == {}
    # As an id it would join whoever it was seen with.
    assert (
        named([(nobody, "email", "E"), ("a", "email", "E"), (nobody, "email", "F"), ("b", "email", "F")])
        == {}
    )


def test_ids_of_any_script_are_somebody() -> None:
    assert (
        is_blocked(pa.array(["🦊", "王", "C0", "a-0", "nullable", "10", "test", "xnone"])).to_pylist()
        == [False] * 8
    )


def test_a_value_that_too_many_share_links_nobody_and_is_told() -> None:
    till: list[Link] = [(f"u{n}", "phone", "till") for n in range(3)]
    assert named(till, limit=3) == {"u1": "u0", "u2": "u0"}
    assert named(till, limit=2) == {}
    pair: list[Link] = [("u0", "email", "E"), ("u1", "email", "E")]
    assert named(till + pair, limit=2) == {"u1": "u0"}
    (row,) = crowded(table(till + pair), limit=2).to_pylist()
    assert row == {"key": "phone", "side": "value", "id": "till", "n": 3}


def test_a_user_with_too_many_values_of_a_key_is_no_person_for_it() -> None:
    account: list[Link] = [("guest-1", "email", f"E{n}") for n in range(3)]
    people: list[Link] = [(f"p{n}", "email", f"E{n}") for n in range(3)]
    assert named(account + people, limit=2) == {}
    assert crowded(table(account + people), limit=2).to_pylist() == [
        {"key": "email", "side": "user", "id": "guest-1", "n": 3}
    ]
    assert named([*account, *people, ("guest-1", "phone", "P"), ("p0", "phone", "P")], limit=2) == {
        "guest-1": "p0"
    }


def test_an_id_as_its_own_value_counts_for_no_limit() -> None:
    links: list[Link] = [("C1", "user_id", "C1"), ("d1", "user_id", "C1"), ("d2", "user_id", "C1")]
    assert named(links, limit=2) == {"d1": "C1", "d2": "C1"}
    assert named([("C1", "user_id", "C1"), ("C2", "user_id", "C2")]) == {}


def test_equal_values_of_different_keys_link_nobody() -> None:
    assert named([("a", "email", "1"), ("b", "phone", "1"), ("c", "device", "1"), ("d", "user_id", "1")]) == {
        "d": "1"
    }
    assert named([("a", "colour", "1"), ("b", "colour", "1")]) == {}


def test_a_pair_apart_stays_apart_and_who_is_between_goes_with_the_stronger_link() -> None:
    assert named(PERSON, apart=[("d-2", "C17")]) == {"d-1": "C17", STAND_IN: "C17"}
    # d-1 said that it is C17, so it stays, and takes its device with it.
    assert named(PERSON, apart=[("C17", STAND_IN)]) == {"d-1": "C17", "d-2": "C17"}
    # The declared id is the stronger link of d-1; without it, the devices are one.
    assert named(PERSON, apart=[("C17", "d-1")]) == {"d-2": "d-1", STAND_IN: "C17"}
    assert named(PERSON, apart=[("nobody here", "C17"), ("C17", "C17")]) == named(PERSON)


def test_three_of_one_value_of_whom_two_are_apart() -> None:
    links: list[Link] = [("a", "email", "E"), ("b", "email", "E"), ("c", "email", "E")]
    assert named(links, apart=[("a", "b")]) == {"c": "a"}
    assert named(links, apart=[("a", "b"), ("a", "c"), ("b", "c")]) == {}


def test_no_links_are_no_rows() -> None:
    found = resolve(table([]), limit=10, apart=[])
    assert (found.num_rows, found.column_names) == (0, ["source_user_id", "user_id", "reason"])


IDS = st.sampled_from(["a", "b", "c", "9", "10", "王", STAND_IN, "d-1"])
LINKS = st.lists(
    st.tuples(
        IDS, st.sampled_from(["user_id", "email", "phone", "device"]), IDS | st.sampled_from(["E", "F", "0"])
    ),
    max_size=14,
)
PAIRS = st.lists(st.tuples(IDS, IDS), max_size=3)


def _components(links: Sequence[Link], limit: int) -> dict[str, frozenset[str]]:
    """Groups of ids found the slow way: by joining whatever shares a value until nothing changes."""
    kept = {link for link in links if link[2] != "0" and not (link[1] == "user_id" and link[0] == link[2])}
    full = {(k, d) for _, k, d in kept if len({u for u, k2, d2 in kept if (k2, d2) == (k, d)}) > limit}
    kept = {link for link in kept if link[1:] not in full}
    many = {(u, k) for u, k, _ in kept if len({d for u2, k2, d in kept if (u2, k2) == (u, k)}) > limit}
    kept = {link for link in kept if link[:2] not in many}
    groups = [{("id", u), ("id", d) if k == "user_id" else (k, d)} for u, k, d in kept]
    changed = True
    while changed:
        changed = False
        for one in groups:
            for other in groups:
                if one is not other and one & other:
                    one.update(other)
                    groups.remove(other)
                    changed = True
                    break
            if changed:
                break
    people = [frozenset(str(name) for kind, name in group if kind == "id") for group in groups]
    return {name: group for group in people for name in group}


@given(LINKS, st.integers(1, 4), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_groups_are_those_found_by_hand_whatever_the_order_of_rows(links, limit, random) -> None:  # type: ignore[no-untyped-def]
    found = named(links, limit=limit)
    groups = _components(links, limit)
    for name, group in groups.items():
        assert {found.get(one, one) for one in group} == {found.get(name, name)}
    assert all(found[one] in groups[one] for one in found)
    shuffled = [*links, *links]
    random.shuffle(shuffled)
    assert named(shuffled, limit=limit) == found


@given(LINKS, PAIRS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_pairs_apart_never_meet_whatever_the_order(links, apart, random) -> None:  # type: ignore[no-untyped-def]
    found, free = named(links, apart=apart), named(links)
    for a, b in apart:
        assert a == b or found.get(a, a) != found.get(b, b)
    # Keeping apart joins nobody who was not one person before.
    for one, name in found.items():
        assert free.get(one, one) == free.get(name, name)
    shuffled, pairs = [*links], [(b, a) for a, b in apart]
    random.shuffle(shuffled)
    random.shuffle(pairs)
    assert named(shuffled, apart=pairs) == found
