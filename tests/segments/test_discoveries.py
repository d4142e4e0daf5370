"""From a workspace's events to named groups, ranked lookalikes and lists that rules speak of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from persmark import segments
from persmark.errors import EmptyError, InputError, NotFoundError
from persmark.profiles import build_profiles
from persmark.segments.apart import Trait, differences, name_of, sentence_of
from persmark.segments.lists import keep_list
from persmark.segments.matrix import Matrix, Measure, Scale, unfolded, user_matrix
from persmark.store import Workspace, create_workspace
from persmark.text import text
from tests.profiles.made import event, workspace

ODD = 'o\'Neil "张" 😀%'
DAIRY = 'Dairy "乳" <b>'
N_EACH = 40


def _events() -> list[dict]:
    """Two kinds of users: many small orders of dairy in the morning; few of beer, late in the evening."""
    rng = np.random.default_rng(0)
    start, made = datetime(2026, 1, 1), []
    for user in range(2 * N_EACH):
        early = user < N_EACH
        name = ODD if user == 0 else f"u{user:03d}"
        for step in range(int(rng.integers(12, 16)) if early else int(rng.integers(3, 9))):
            day = step * (5 if early else 15) + int(rng.integers(0, 3))
            hour = int(rng.integers(6, 10)) if early else int(rng.integers(19, 23))
            at = (start + timedelta(days=day, hours=hour)).isoformat()
            favourite = "milk" if early else "beer"
            for item in (favourite, favourite if rng.uniform() < 0.8 else "loaf"):
                made.append(event(name, "purchase", at, item, value=2 + int(rng.integers(0, 3))))
        if user % 10 == 0:
            made.append(event(name, "campaign_received", "2026-01-05T08:00:00"))
    return made


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = workspace(
        tmp_path_factory.mktemp("discover"), _events(),
        items=[{"item_id": "milk", "category": DAIRY}, {"item_id": "beer", "category": "Beer"},
               {"item_id": "loaf", "category": "Bread"}],
    )  # fmt: skip
    build_profiles(made, actor="test")
    return made


@pytest.fixture(scope="module")
def groups(shop: Workspace) -> segments.FoundGroups:
    return segments.find_groups(shop, families=["when", "category"], seed=1)


@pytest.fixture(scope="module")
def alike(shop: Workspace) -> segments.Lookalikes:
    return segments.find_lookalikes(shop, user_ids=[ODD, "nobody", *(f"u{n:03d}" for n in range(1, 20)), ODD])


@pytest.fixture
def matrix(shop: Workspace) -> Iterator[Matrix]:
    with shop.reader() as reader:
        yield user_matrix(reader)


def test_the_matrix_holds_profile_columns_and_attention(shop, matrix) -> None:
    names = [one.name for one in matrix.measures]
    assert {"n_purchases", "morning_share", f"category: {DAIRY}", "category: Beer"} <= set(names)
    assert not [name for name in names if "campaign" in name or name in {"n_events", "frequency", "r_score"}]
    assert len(matrix) == 2 * N_EACH
    place = matrix.user_ids.to_pylist().index(ODD)
    with shop.reader() as reader:
        orders = reader.value("SELECT n_purchases FROM profiles WHERE user_id = $u", {"u": ODD})
    assert matrix.values[place, names.index("n_purchases")] == orders
    shares = matrix.values[place, [names.index(name) for name in names if name.startswith("category: ")]]
    assert shares.sum() == pytest.approx(1, abs=1e-6)


def test_one_family_can_be_asked_for_and_an_unknown_one_is_refused(shop) -> None:
    with shop.reader() as reader:
        assert {one.family for one in user_matrix(reader, ["when"]).measures} == {"when"}
        with pytest.raises(InputError, match=r"must be known. Received: shoes. Available: buying, looking"):
            user_matrix(reader, ["shoes"])
        with pytest.raises(EmptyError, match=r"must differ in something .* Received: 80 users"):
            user_matrix(reader, ["channel"])


def test_values_unfold_to_scales_that_compare() -> None:
    measures = (
        Measure("monetary", text("m"), "buying", "money", True),
        Measure("category: x", text("x"), "category", "share", False),
        Measure("weekend_share", text("w"), "when", "share", False),
    )
    got = unfolded(np.array([[np.e - 1, 0.25, 0.25], [1 - np.e, np.nan, 0.5]]), measures)
    assert got[0].tolist() == pytest.approx([1.0, 0.5, 0.25])
    assert got[1, 0] == pytest.approx(-1.0)
    assert np.isnan(got[1, 1])


def test_a_scale_centres_cuts_and_leaves_out_what_few_have() -> None:
    measures = tuple(Measure(f"m{n}", text("m"), "when", "share", False) for n in range(3))
    values = np.array([[0.0, 1, np.nan], [1, 1, np.nan], [2, 1, np.nan], [3, 1, 1], [1000, 1, 1]])
    scale = Scale.of(values, measures)
    # The second is the same for all, the third is known of two of five.
    assert [one.name for one in scale.measures] == ["m0"]
    got = scale.apply(values)
    # Middle 2, quarters 1 and 3; the last lies as far out as three spreads.
    assert (got[:, 0] / scale.weight[0]).tolist() == pytest.approx(
        [-2 * 1.349 / 2, -1.349 / 2, 0, 1.349 / 2, 3.0]
    )


def test_what_sets_users_apart_is_measured_by_hand() -> None:
    measures = (
        Measure("weekend_share", text("w"), "when", "share", False),
        Measure("night_share", text("n"), "when", "share", False),
    )
    values = np.array([[1.0, 0.5], [1.0, 0.1], [0.0, 0.1], [0.0, 0.5]], np.float32)
    ids = pa.array(["a", "b", "c", "d"])
    found = differences(Matrix(ids, values, measures), np.array([True, True, False, False]))
    # Means 1 and 0, standard deviation 0.5; the other measure does not differ.
    assert found == (Trait("weekend_share", "share", 2.0, 1.0, 0.0),)
    assert str(name_of(found)) == "Weekend share high"
    assert str(sentence_of(found)) == "Weekend share 100% on average, 0% among the others"


def test_a_name_speaks_of_lift_where_attention_differs() -> None:
    found = (Trait(f"category: {DAIRY}", "share", 0.9, 0.42, 0.2), Trait("recency_days", "days", -0.8, 3, 30))
    assert str(name_of(found)) == f"{DAIRY} ×2.1, Recency low"
    assert str(name_of(())) == "Close to everybody else"


def test_the_planted_groups_are_found_named_and_stable(shop, groups) -> None:
    assert groups.real
    assert [one.number for one in groups.groups] == [1, 2]
    assert sorted(one.n_users for one in groups.groups) == [N_EACH, N_EACH]
    assert all(one.jaccard > 0.9 for one in groups.groups)
    ids = {one: set(segments.users_of_group(shop, groups.run_id, one).to_pylist()) for one in (1, 2)}
    early = {ODD, *(f"u{n:03d}" for n in range(1, N_EACH))}
    assert early in ids.values()
    assert "real groups" in str(groups.verdict)
    assert "40 users (50% of all)" in str(groups.groups[0].sentence)
    assert groups.groups[0].title != groups.groups[1].title
    titles = [str(one.title) for one in groups.groups]
    assert sorted(
        name for name in (DAIRY, "Beer") if any(f"{name} (only they)" in one for one in titles)
    ) == [
        "Beer",
        DAIRY,
    ]
    assert segments.found_groups(shop)[0] == groups


def test_a_group_becomes_a_segment_that_a_rebuild_of_profiles_keeps(shop, groups) -> None:
    number = next(
        one for one in (1, 2) if ODD in segments.users_of_group(shop, groups.run_id, one).to_pylist()
    )
    assert segments.save_group(shop, groups.run_id, number, f"Early {ODD}", "test") == f"Early {ODD}"
    build_profiles(shop, actor="test")
    with shop.reader() as reader:
        saved = segments.saved_rules(shop)
        rule = {"segment": f"Early {ODD}"}
        assert segments.count(reader, rule, saved=saved) == N_EACH
        assert ODD in segments.members(reader, rule, saved=saved).column("user_id").to_pylist()
    (kept,) = segments.user_lists(shop)
    assert (kept.name, kept.n_users) == (f"Early {ODD}", N_EACH)
    # The profiles were rebuilt since.
    assert kept.stale(shop)
    assert segments.found_groups(shop)[0].stale


def test_a_list_of_a_taken_name_gets_a_number_and_leaves_the_first_as_it_was(shop) -> None:
    before = {one.name for one in segments.user_lists(shop)}
    facts = {"source": "test", "as_of": "", "reads": {}}
    assert keep_list(shop, "mine", pa.array([ODD, "u001"]), **facts) == "mine"
    assert keep_list(shop, " mine ", pa.array(["u002"]), **facts) == "mine (2)"
    with shop.reader() as reader:
        assert segments.count(reader, {"members": "mine"}) == 2
        assert segments.count(reader, {"members": "mine (2)"}) == 1
        assert segments.count(reader, {"all": [{"members": "mine"}, {"members": "mine (2)"}]}) == 0
    assert {one.name for one in segments.user_lists(shop)} == before | {"mine", "mine (2)"}
    with pytest.raises(InputError, match=r"must have a name and users. Received: 'x' with 0 users"):
        keep_list(shop, "x", pa.array([], pa.string()), **facts)


def test_lookalikes_of_some_early_users_are_the_other_early_ones(shop, alike) -> None:
    assert (alike.n_seed, alike.n_unknown, alike.n_others) == (20, 1, 60)
    assert alike.better_than_chance
    ranked = segments.ranked_users(shop, alike.run_id, 20)
    assert ranked.column("rank").to_pylist() == list(range(1, 21))
    assert set(ranked.column("user_id").to_pylist()) == {f"u{n:03d}" for n in range(20, N_EACH)}
    assert segments.save_lookalikes(shop, alike.run_id, 20, "Like 早", "test") == "Like 早"
    with shop.reader() as reader:
        assert segments.count(reader, {"members": "Like 早"}) == 20
        listed = segments.with_profiles(reader, ranked.rename_columns(["user_id", "place"]))
    assert listed.column("user_id").to_pylist() == ranked.column("user_id").to_pylist()


def test_what_the_rule_of_a_seed_asks_is_not_compared(shop) -> None:
    found = segments.find_lookalikes(shop, rule={"column": "n_purchases", "is": ">=", "value": 12})
    assert {"n_purchases", "mean_gap_days", "n_items"} <= set(found.left_out)
    assert found.seed_name.startswith("Orders is at least 12")
    assert segments.found_lookalikes(shop)[0] == found


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, r"must be one of a segment, a rule and a list of user ids. Received: 0 of them"),
        (
            {"user_ids": ["u001", "u002"]},
            r"at least 8 users .* Received: 2 users, 78 others. Choose a larger",
        ),
        ({"segment": "everyone"}, r"leave 20 others. Received: 80 users, 0 others. Choose a smaller"),
    ],
)
def test_a_seed_that_nothing_can_be_learned_from_is_refused(shop, asked, message) -> None:
    with pytest.raises(InputError, match=message):
        segments.find_lookalikes(shop, **asked)


def test_what_is_not_there_is_said(shop, groups) -> None:
    with pytest.raises(NotFoundError, match="Received: nonsense"):
        segments.users_of_group(shop, "nonsense", 1)
    with pytest.raises(NotFoundError, match=r"must be one of those found, 1 to 2. Received: 3"):
        segments.users_of_group(shop, groups.run_id, 3)
    with pytest.raises(InputError, match=r"A number of groups must be 2 to 12. Received: 1"):
        segments.find_groups(shop, wanted=1)


def test_a_few_users_are_too_few_to_tell(tmp_path: Path) -> None:
    made = workspace(
        tmp_path, [event(f"u{n}", "purchase", f"2026-01-0{n}T10:00:00", "a", value=n) for n in range(1, 9)]
    )
    build_profiles(made, actor="test")
    found = segments.find_groups(made)
    assert (found.real, found.groups, found.tried) == (False, (), ())
    assert str(found.verdict) == "Too few users to tell: 8. Groups are looked for from 50 users on."


def test_without_profiles_the_search_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EmptyError, match="Profiles must be built first"):
        segments.find_groups(create_workspace("blank", root=tmp_path))
