"""Mean attention over users, by hand; and nothing on fewer people than the smallest group."""

from __future__ import annotations

import numpy as np
import pytest

from persmark.attention.summary import OTHERS, differences, summarise
from persmark.errors import EmptyError
from persmark.recommend import Interactions, interactions_from
from persmark.recommend.explained import Attended


def users(n: int = 12, *, odd_item: str = "") -> Interactions:
    """Each user viewed tea, then bought rye; the last one has an item of their own."""
    rows = []
    for number in range(n):
        rows.append((f"u{number:02d}", odd_item if odd_item and number == n - 1 else "tea", 1, "view"))
        rows.append((f"u{number:02d}", "rye", 2, "purchase"))
    who, items, times, kinds = zip(*rows, strict=True)
    return interactions_from(who, items, times, event_type=kinds)


def looked(known: Interactions, first: float = 0.25) -> Attended:
    n = known.n_users
    return Attended(
        item=np.zeros(n, np.int64),
        event=np.arange(len(known)),
        # Users differ a little, evenly around `first`.
        weight=np.stack([w := first + 0.01 * (np.arange(n) % 2 - 0.5), 1 - w], axis=1).ravel(),
        fields=("age", "gap"),
        field_weight=np.tile([0.2, 0.8], (n, 1)),
    )


def test_shares_by_hand() -> None:
    known = users()
    categories = ["Tea" if one == "tea" else "Bread" for one in known.item_ids]
    found = summarise(looked(known), known, categories=categories).set_index(["part", "name"])
    assert found.loc[("position", "1"), "share"] == pytest.approx(0.75)
    assert found.loc[("position", "2"), "share"] == pytest.approx(0.25)
    assert found.loc[("event_type", "view"), "share"] == pytest.approx(0.25)
    assert found.loc[("category", "Bread"), "share"] == pytest.approx(0.75)
    assert found.loc[("category", "Bread"), "usual"] == pytest.approx(0.5)
    assert found.loc[("field", "gap"), "share"] == pytest.approx(0.8)
    assert found.loc[("field", "gap"), "n_users"] == 12
    sums = found.groupby("part")["share"].sum()
    assert sums.tolist() == pytest.approx([1, 1, 1, 1])


def test_a_name_of_one_person_is_not_told() -> None:
    known = users(odd_item="secret")
    categories = [{"tea": "Tea", "rye": "Bread", "secret": "Secret"}[one] for one in known.item_ids]
    found = summarise(looked(known), known, categories=categories)
    named = found[found["part"] == "category"]
    # Neither the name nor a remainder that only one person stands behind.
    assert set(named["name"]) == {"Tea", "Bread"}
    assert (found["n_users"] >= 10).all()


def test_small_names_of_enough_people_are_joined() -> None:
    rows = [(f"u{n:02d}", item, n_th) for n in range(12) for n_th, item in enumerate((f"i{n % 6}", "rye"))]
    who, items, times = zip(*rows, strict=True)
    known = interactions_from(who, items, times)
    categories = [str(one) for one in known.item_ids]
    found = summarise(looked(known), known, categories=categories)
    named = found[found["part"] == "category"].set_index("name")
    # Six names of two people each.
    assert named.loc[OTHERS, "share"] == pytest.approx(0.25)
    assert named.loc[OTHERS, "n_users"] == 12


def test_too_few_people_are_refused() -> None:
    known = users(9)
    with pytest.raises(EmptyError, match=r"at least 10 users with events. Received: 9"):
        summarise(looked(known), known)


def test_two_segments_are_set_apart() -> None:
    known = users()
    one, other = summarise(looked(known, 0.25), known), summarise(looked(known, 0.5), known)
    found = differences(one, other)
    first = found.iloc[0]
    assert first["clear"]
    assert abs(first["difference"]) == pytest.approx(0.25)
    assert not found[found["part"] == "field"]["clear"].any()
