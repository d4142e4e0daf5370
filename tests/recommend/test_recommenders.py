"""The family behind one contract; scores, reasons and files by hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from persmark.errors import EmptyError, FileRefusedError, InputError, NotFoundError
from persmark.recommend import RECOMMENDERS, Interactions, interactions_from, recommender
from persmark.recommend.topk import best_columns

DAY = 86_400
# What is learned in epochs has tests of its own, on one shared training.
NAMES = tuple(name for name, kind in RECOMMENDERS.items() if not kind.learned)
ODD_USER, ODD_ITEM = 'o\'Brien "x" 🛒', "茶 壶; DROP"


def shop(as_of_day: int = 100) -> Interactions:
    """ann returns to tea; bob and cid buy milk, bob tea once long ago."""
    rows = [
        ("ann", "tea", 70),
        ("ann", "tea", 80),
        ("ann", "tea", 90),
        ("ann", "rye", 90),
        ("bob", "tea", 58),
        ("bob", "milk", 100),
        ("cid", "milk", 100),
    ]
    users, items, days = zip(*rows, strict=True)
    return interactions_from(users, items, [day * DAY for day in days], as_of=as_of_day * DAY)


def test_popular_halves_by_age() -> None:
    made = RECOMMENDERS["popular"].train(shop(), {"half_life_days": 10})
    scores = dict(zip(made.item_ids, made.score_matrix(shop())[0], strict=True))
    assert scores["milk"] == pytest.approx(2.0)
    assert scores["rye"] == pytest.approx(0.5)
    assert scores["tea"] == pytest.approx(0.5 + 0.25 + 0.125 + 2**-4.2)


def test_repeat_puts_own_habits_first_then_popular() -> None:
    made = RECOMMENDERS["repeat"].train(shop())
    found = made.recommend(shop(), k=3)
    ann = found[found.user_id == "ann"]
    assert ann.item_id.tolist() == ["tea", "rye", "milk"]
    assert ann["rank"].tolist() == [1, 2, 3]
    assert ann.filled.tolist() == [False, False, True]
    # 2^(-30/42) + 2^(-20/42) + 2^(-10/42), up to the tie-break of one in a thousand.
    assert ann.score.iloc[0] == pytest.approx(2 ** (-30 / 42) + 2 ** (-20 / 42) + 2 ** (-10 / 42), rel=2e-3)


def test_repeat_breaks_ties_of_one_basket_by_popularity() -> None:
    rows = [("ann", "a", 1), ("ann", "b", 1), ("bob", "b", 1)]
    users, items, days = zip(*rows, strict=True)
    known = interactions_from(users, items, [day * DAY for day in days])
    found = RECOMMENDERS["repeat"].train(known).recommend(known, k=2)
    assert found[found.user_id == "ann"].item_id.tolist() == ["b", "a"]


def test_markov_learns_what_follows_what() -> None:
    """Three people went from a to b, one from a to c: after a comes b."""
    rows = [(f"u{n}", item, day) for n in range(4) for day, item in ((1, "a"), (2, "b" if n < 3 else "c"))]
    rows += [("new", "a", 3), ("old", "d", 3)]
    users, items, days = zip(*rows, strict=True)
    known = interactions_from(users, items, [day * DAY for day in days])
    plain = {"source_power": 1.0, "popularity_power": 0.0, "half_life_days": 36_500, "together": 0.0}
    made = RECOMMENDERS["markov"].train(known, plain)
    scores = dict(
        zip(made.item_ids, made.score_matrix(known)[list(known.user_ids).index("new")], strict=True)
    )
    # 3 of the 5 occurrences of a are followed by b, 1 by c; nothing speaks for a or d. Over the 10
    # occurrences of anything those 4 steps are 2/5 each: scaled to 1, 5/2 as much.
    assert scores["b"] == pytest.approx(3 / 5 * 5 / 2, rel=2e-3)
    assert scores["c"] == pytest.approx(1 / 5 * 5 / 2, rel=2e-3)
    assert scores["a"] < 0
    assert scores["d"] < 0


def test_markov_joins_items_of_one_basket_but_never_an_item_with_itself() -> None:
    rows = [("ann", "tea", 1), ("ann", "milk", 1), ("bob", "tea", 1), ("bob", "milk", 1), ("new", "tea", 2)]
    users, items, days = zip(*rows, strict=True)
    known = interactions_from(users, items, [day * DAY for day in days])
    made = RECOMMENDERS["markov"].train(known)
    found = made.recommend(known, k=2)
    new = found[found.user_id == "new"]
    assert new.item_id.tolist() == ["milk", "tea"]
    assert new.filled.tolist() == [False, True]


def test_markov_keeps_the_strongest_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """In chunks of one user and under pruning, the result is that of one pass."""
    rng = np.random.default_rng(5)
    users = [f"u{n}" for n in rng.integers(0, 9, 400)]
    items = [f"i{n}" for n in rng.zipf(1.7, 400) % 23]
    known = interactions_from(users, items, rng.integers(0, 40, 400) * DAY)
    kind = RECOMMENDERS["markov"]
    whole = kind.train(known, {"neighbours": 3})
    assert np.diff(whole.transitions.indptr).max() == 3
    monkeypatch.setattr("persmark.recommend.markov.PAIRS_AT_ONCE", 1)
    pieces = kind.train(known, {"neighbours": 3})
    assert pieces.score_matrix(known) == pytest.approx(whole.score_matrix(known), rel=1e-4)


def test_markov_thins_bulk_orders() -> None:
    known = interactions_from(["a"] * 50, [f"i{n}" for n in range(50)], [0] * 50)
    made = RECOMMENDERS["markov"].train(known, {"step_items": 10})
    assert made.transitions.nnz == 10 * 9


@pytest.mark.parametrize("name", NAMES)
class TestContract:
    def test_recommend_gives_k_distinct_ranked_items(self, name: str) -> None:
        found = RECOMMENDERS[name].train(shop()).recommend(shop(), k=2)
        assert list(found.columns) == ["user_id", "item_id", "score", "rank", "filled"]
        assert found["rank"].tolist() == [1, 2] * 3
        assert found.groupby("user_id").item_id.nunique().tolist() == [2, 2, 2]
        assert (found.groupby("user_id").score.diff().dropna() <= 0).all()

    def test_unknown_users_and_items_are_served_what_is_popular(self, name: str) -> None:
        made = RECOMMENDERS[name].train(shop())
        stranger = interactions_from([ODD_USER], ["never seen"], [99 * DAY], as_of=100 * DAY)
        found = made.recommend(stranger, k=5)
        assert found.item_id.tolist() == ["tea", "milk", "rye"]
        assert found.user_id.unique().tolist() == [ODD_USER]
        assert found.filled.all()

    def test_exclude_seen_and_candidates(self, name: str) -> None:
        made = RECOMMENDERS[name].train(shop())
        found = made.recommend(shop(), k=5, exclude_seen=True)
        assert found[found.user_id == "ann"].item_id.tolist() == ["milk"]
        only = made.recommend(shop(), k=5, candidates=["rye", "not sold"])
        assert only.item_id.tolist() == ["rye"] * 3
        assert made.recommend(shop(), k=5, candidates=[]).empty

    def test_a_new_event_changes_the_scores_without_training(self, name: str) -> None:
        made = RECOMMENDERS[name].train(shop())
        before = made.score_matrix(interactions_from(["x"], ["tea"], [99 * DAY], as_of=100 * DAY))
        both = interactions_from(["x", "x"], ["tea", "milk"], [99 * DAY, 100 * DAY])
        changed = not np.array_equal(before, made.score_matrix(both))
        assert changed == (name not in ("popular", "popular_by_group"))

    def test_scores_are_finite_and_slices_agree(self, name: str) -> None:
        made = RECOMMENDERS[name].train(shop())
        whole = made.score_matrix(shop())
        assert whole.dtype == np.float32
        assert np.isfinite(whole).all()
        assert np.array_equal(made.score_matrix(shop(), slice(1, 3)), whole[1:3])

    def test_save_and_load_is_a_round_trip(self, name: str, tmp_path: Path) -> None:
        users, items = [ODD_USER, ODD_USER, "b"], [ODD_ITEM, "x", ODD_ITEM]
        known = interactions_from(users, items, [0, DAY, 2 * DAY])
        made = RECOMMENDERS[name].train(known)
        made.save(tmp_path / "it's 中文")
        back = RECOMMENDERS[name].load(tmp_path / "it's 中文")
        assert back.item_ids.tolist() == made.item_ids.tolist()
        assert (back.settings, back.as_of, back.target) == (made.settings, made.as_of, made.target)
        assert np.array_equal(back.score_matrix(known), made.score_matrix(known))
        assert str(back.reason(known.users(np.array([1])), ODD_ITEM).text)

    @pytest.mark.parametrize("file", ["weights.npz", "manifest.json"])
    def test_load_refuses_a_changed_file(self, name: str, file: str, tmp_path: Path) -> None:
        RECOMMENDERS[name].train(shop()).save(tmp_path / "m")
        path = tmp_path / "m" / file
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(bytes(raw))
        with pytest.raises(FileRefusedError, match=re.escape(f"Received: a changed {file}. Train again")):
            RECOMMENDERS[name].load(tmp_path / "m")

    @pytest.mark.parametrize(
        "known",
        [
            interactions_from(["a"], ["x"], [5]),
            interactions_from(["a", "a"], ["x", "y"], [5, 5]),
            interactions_from(["a", "b", "c"], ["x", "x", "x"], [5, 5, 5]),
            interactions_from(["a", "a"], ["x", "x"], [0, 100 * 365 * DAY]),
        ],
        ids=["one event", "one moment", "one item", "a century apart"],
    )
    def test_tiny_data_works(self, name: str, known: Interactions) -> None:
        made = RECOMMENDERS[name].train(known)
        assert made.recommend(known, k=1).user_id.tolist() == known.user_ids.tolist()
        assert str(made.reason(known.users(np.array([0])), "x").text)

    def test_nothing_to_learn_from_is_refused(self, name: str) -> None:
        with pytest.raises(EmptyError, match=r"at least one weighted event on an item\. Received: none"):
            RECOMMENDERS[name].train(interactions_from([], [], []))

    def test_future_events_are_refused(self, name: str) -> None:
        with pytest.raises(InputError, match="must not lie after the time trained for"):
            RECOMMENDERS[name].train(shop(as_of_day=99))

    def test_no_users_give_an_empty_table(self, name: str) -> None:
        found = RECOMMENDERS[name].train(shop()).recommend(interactions_from([], [], []), k=3)
        assert found.empty
        assert list(found.columns) == ["user_id", "item_id", "score", "rank", "filled"]


@pytest.mark.parametrize("name", NAMES)
def test_some_columns_score_as_all_of_them_do(name: str) -> None:
    known = shop()
    made = RECOMMENDERS[name].train(known)
    rows = [("ann", "tea", 90), ("ann", "milk", 95), ("nobody's", "soap", 96)]
    users, items, days = zip(*rows, strict=True)
    later = interactions_from(users, items, [day * DAY for day in days], as_of=100 * DAY)
    for columns in ([0, 2], [1], [0, 1, 2], []):
        chosen = np.array(columns, np.int64)
        assert np.allclose(
            made.score_columns(later, chosen), made.score_matrix(later)[:, chosen], rtol=1e-5, atol=1e-7
        )


def test_load_refuses_another_recommender(tmp_path: Path) -> None:
    RECOMMENDERS["popular"].train(shop()).save(tmp_path / "m")
    with pytest.raises(FileRefusedError, match=r"must hold a 'repeat'\. Received: popular"):
        RECOMMENDERS["repeat"].load(tmp_path / "m")
    with pytest.raises(NotFoundError, match=r"Received: none without it"):
        RECOMMENDERS["repeat"].load(tmp_path / "none")


def test_saved_files_hold_no_pickle(tmp_path: Path) -> None:
    RECOMMENDERS["markov"].train(shop()).save(tmp_path / "m")
    with np.load(tmp_path / "m" / "weights.npz", allow_pickle=False) as held:
        assert all(held[name].dtype != object for name in held.files)
    assert json.loads((tmp_path / "m" / "manifest.json").read_text())["facts"]["recommender"] == "markov"


def test_reasons_in_words() -> None:
    known = shop()
    ann, cid = known.users(np.array([0])), known.users(np.array([2]))
    repeat, popular = RECOMMENDERS["repeat"].train(known), RECOMMENDERS["popular"].train(known)
    assert str(repeat.reason(ann, "tea").text) == "bought every 10 days, last 10 days ago"
    assert repeat.reason(ann, "tea").facts == {
        "n_events": 3, "last_days_ago": 10, "gap_days": 10, "bought": True,
    }  # fmt: skip
    assert str(repeat.reason(ann, "rye").text) == "bought once, 10 days ago"
    assert str(repeat.reason(cid, "milk").text) == "bought once, today"
    assert str(popular.reason(ann, "milk").text) == "popular in the last 42 days: 2 purchases by 2 users"
    # bob's purchase lies 42 days back, on the edge, and is out.
    assert str(repeat.reason(cid, "tea").text) == "popular in the last 42 days: 3 purchases by 1 user"


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ([79], "bought once, 21 days ago"),
        ([79, 79], "bought 21 days ago"),  # two lines of one order are no habit, nor once
        ([64, 79], "bought twice, 15 days apart, last 21 days ago"),
        ([98, 99], "bought twice, 1 day apart, last yesterday"),
        ([64, 79, 79], "bought on two days, 15 days apart, last 21 days ago"),
        ([71, 80, 89], "bought every 9 days, last 11 days ago"),
    ],
)
def test_two_purchases_are_told_as_two_and_no_habit(days: list[int], said: str) -> None:
    known = interactions_from(["ann"] * len(days), ["tea"] * len(days), [day * DAY for day in days],
                              as_of=100 * DAY)  # fmt: skip
    assert str(RECOMMENDERS["repeat"].train(known).reason(known, "tea").text) == said


def test_one_purchase_by_one_user_is_said_in_the_singular() -> None:
    known = interactions_from(["ann", "bob"], ["tea", "rye"], [99 * DAY, 99 * DAY], as_of=100 * DAY)
    said = RECOMMENDERS["popular"].train(known).reason(known.users(np.array([0])), "rye").text
    assert str(said) == "popular in the last 42 days: 1 purchase by 1 user"


def test_markov_says_what_it_follows() -> None:
    rows = [("ann", "tea", 1), ("ann", "milk", 2), ("new", "tea", 2)]
    users, items, days = zip(*rows, strict=True)
    known = interactions_from(users, items, [day * DAY for day in days])
    made = RECOMMENDERS["markov"].train(known)
    new = known.users(np.array([1]))
    assert (
        str(made.reason(new, "milk", titles={"tea": "Tea {green} 茶"}).text)
        == "often bought after Tea {green} 茶"
    )
    assert made.reason(new, "milk").facts["after_item_id"] == "tea"
    assert made.reason(new, "tea").kind == "popular"


def test_reason_refuses_many_users_and_unknown_items() -> None:
    made = RECOMMENDERS["popular"].train(shop())
    with pytest.raises(InputError, match=r"A reason is for one user\. Received: 3"):
        made.reason(shop(), "tea")
    with pytest.raises(InputError, match=r"Received: soap\. Train again if it is new"):
        made.reason(shop().users(np.array([0])), "soap")


def test_recommend_refuses_k_below_one() -> None:
    with pytest.raises(InputError, match=r"k must be at least 1\. Received: 0"):
        RECOMMENDERS["popular"].train(shop()).recommend(shop(), k=0)


def test_unknown_recommender_lists_what_is_available() -> None:
    with pytest.raises(NotFoundError, match=r"Received: bm25\. Available: popular, repeat, markov"):
        recommender("bm25")


def test_best_columns_takes_earlier_columns_of_a_tie() -> None:
    scores = np.array([[1, 2, 2, 2], [0, 0, 0, 0]], np.float32)
    assert best_columns(scores, 2).tolist() == [[1, 2], [0, 1]]
    assert best_columns(scores, 9).tolist() == [[1, 2, 3, 0], [0, 1, 2, 3]]


def test_importing_loads_no_tensorflow() -> None:
    code = "import sys, persmark.recommend; sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
