"""Splits and the table, on shops small enough to work out by hand."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from persmark.errors import EmptyError, FileRefusedError, InputError, NotFoundError
from persmark.metrics import Floats
from persmark.recommend import EvaluateRequest, Evaluation, Result, evaluate
from persmark.recommend import split as splits
from persmark.recommend.evaluate import verdict
from tests.recommend.conftest import Fill, Row

ODD = 'o\'Brien "x" 🛒'


def at(moment: str) -> int:
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())


def bought(user: str, item: str, day: int, hour: int = 12) -> Row:
    return (user, item, "purchase", f"2024-01-{day:02} {hour:02}:00:00")


# Train: milk three times, tea twice, rye once. Test (from the 9th): ann tea twice and rye, odd milk,
# new (no history) milk, odd soap (not in training).
SHOP = [
    bought("ann", "tea", 1), bought("ann", "milk", 2), bought("bob", "milk", 2), bought("bob", "rye", 3),
    bought(ODD, "milk", 3), bought(ODD, "tea", 4),
    bought("ann", "tea", 9), bought("ann", "tea", 10), bought("ann", "rye", 10),
    bought(ODD, "milk", 9), bought(ODD, "soap", 9), bought("new", "milk", 10),
]  # fmt: skip
FLAT = {"popular": {"half_life_days": 36_500.0}}


def test_temporal_by_hand(fill: Fill) -> None:
    request = EvaluateRequest(
        recommenders=("popular",), settings=FLAT, test_days=2, k=2, time_zone="America/New_York"
    )
    with fill(SHOP).reader() as reader:
        found = evaluate(reader, request)
    (row,) = found.results
    assert found.split["cut"] == "2024-01-09T05:00:00Z"
    assert (found.n_users, found.n_items, found.split["n_pairs"]) == (2, 3, 3)
    # The slate is milk, tea. ann wants tea (place 2) and rye (3); odd wants milk (place 1).
    ann = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    assert row.ndcg == pytest.approx((ann + 1) / 2)
    assert row.recall == pytest.approx((0.5 + 1) / 2)
    assert row.hit_rate == 1.0
    assert row.mrr == pytest.approx((0.5 + 1) / 2)
    assert row.coverage == pytest.approx(2 / 3)


def test_repeats_removed_leave_ranking_and_test(fill: Fill) -> None:
    """ann's tea and odd's milk were bought before: only ann's rye is left, and stands first."""
    request = EvaluateRequest(recommenders=("popular",), test_days=2, k=2, repeats="removed")
    with fill(SHOP).reader() as reader:
        found = evaluate(reader, request)
    assert (found.n_users, found.split["n_pairs"]) == (1, 1)
    assert found.results[0].ndcg == 1.0
    assert found.results[0].coverage == pytest.approx(1 / 3)


def test_min_item_events_bounds_the_catalogue(fill: Fill) -> None:
    request = EvaluateRequest(recommenders=("popular",), test_days=2, min_item_events=2)
    with fill(SHOP).reader() as reader:
        found = evaluate(reader, request)
    assert (found.n_users, found.n_items, found.split["n_pairs"]) == (2, 2, 2)


def test_json_has_the_promised_keys(fill: Fill) -> None:
    with fill(SHOP).reader() as reader:
        found = evaluate(reader, EvaluateRequest(test_days=2)).to_json()
        again = evaluate(reader, EvaluateRequest(test_days=2)).to_json()
    assert list(found) == [
        "split", "k", "n_users", "n_items", "target", "min_item_events", "repeats", "results", "verdict",
        "alarms",
    ]  # fmt: skip
    assert list(found["results"][0]) == [
        "recommender", "ndcg", "recall", "hit_rate", "mrr", "coverage", "ndcg_interval", "fit_seconds",
        "score_seconds", "settings", "novelty", "popularity_bias", "exposure_gini", "debiased_recall",
        "intervals", "against_simple", "against_single", "by_history", "by_segment", "curve", "overfitting",
    ]  # fmt: skip
    assert [row["recommender"] for row in found["results"]] == ["popular", "repeat", "markov"]
    for row in (*found["results"], *again["results"]):
        del row["fit_seconds"], row["score_seconds"]
    assert found == again


def test_views_train_but_purchases_are_asked_for(fill: Fill) -> None:
    rows: list[Row] = [
        ("ann", "tea", "view", "2024-01-01 00:00:00"),
        ("bob", "tea", "purchase", "2024-01-01 00:00:00"),
        ("ann", "tea", "view", "2024-01-09 00:00:00"),
        ("ann", "tea", "purchase", "2024-01-09 00:00:00"),
    ]
    with fill(rows).reader() as reader:
        found = evaluate(reader, EvaluateRequest(recommenders=("repeat",), test_days=1))
        views = evaluate(reader, EvaluateRequest(recommenders=("repeat",), test_days=1, target="view"))
    assert (found.target, found.n_users, found.split["n_train_events"]) == ("purchase", 1, 2)
    assert (views.target, views.n_users) == ("view", 1)


def test_leave_one_out_hides_the_last_two(fill: Fill) -> None:
    rows = [bought("ann", item, day) for day, item in enumerate(("a", "b", "c", "d"), 1)]
    rows += [bought("bob", "a", 1), bought("bob", "d", 2)]
    with fill(rows).reader() as reader:
        strict = splits.leave_one_out(
            reader, weights={"purchase": 1}, target=None, before=None, validation_in_history=False
        )
        shown = splits.leave_one_out(
            reader, weights={"purchase": 1}, target=None, before=None, validation_in_history=True
        )
        found = evaluate(reader, EvaluateRequest(split="leave-one-out", recommenders=("popular",)))
    assert (strict.test_users.tolist(), strict.test_items.tolist()) == (["ann"], ["d"])
    assert [strict.train.item_ids[i] for i in strict.train.item] == ["a", "b", "a", "d"]
    assert [shown.histories.item_ids[i] for i in shown.histories.item] == ["a", "b", "c", "a", "d"]
    assert len(shown.train) == len(strict.train)
    assert (found.n_users, found.split["name"]) == (1, "leave-one-out")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_given_reads_a_file(fill: Fill, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"it's 中文.{ending}"
    pairs = pa.table({"user_id": ["ann", ODD, "nobody"], "item_id": ["rye", "milk", "tea"]})
    if ending == "parquet":
        pq.write_table(pairs, file)
    else:
        pairs.to_pandas().to_csv(file, index=False)
    with fill(SHOP[:6]).reader() as reader:
        found = evaluate(reader, EvaluateRequest(recommenders=("popular",), split="given", test_file=file))
    assert (found.n_users, found.split["n_given"], found.split["n_known"]) == (2, 3, 1)


def test_given_refuses_a_missing_file_and_column(fill: Fill, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("user,item_id\nann,tea\n")
    with fill(SHOP).reader() as reader:
        with pytest.raises(FileRefusedError, match=r"'user_id' must be in t\.csv\. Received: user, item_id"):
            evaluate(reader, EvaluateRequest(split="given", test_file=file))
        with pytest.raises(FileRefusedError, match=r"must be a file\. Received: none"):
            evaluate(reader, EvaluateRequest(split="given"))


def test_nothing_to_measure_is_said(fill: Fill) -> None:
    workspace = fill([bought("ann", "tea", 1), bought("ann", "milk", 9)])
    with workspace.reader() as reader:
        with pytest.raises(EmptyError, match="a later 'purchase' of a known item"):
            evaluate(reader, EvaluateRequest(test_days=1))
        with pytest.raises(EmptyError, match=r"Received: 0 before, 2 after\. Ask for fewer test days"):
            evaluate(reader, EvaluateRequest(test_days=20))
        with pytest.raises(EmptyError, match=r"Received: view\. Available: purchase"):
            evaluate(reader, EvaluateRequest(test_days=1, target="view"))


def test_empty_workspace_is_said(fill: Fill) -> None:
    with fill([]).reader() as reader:
        for split in ("temporal", "leave-one-out"):
            with pytest.raises(EmptyError, match=r"Received: (0 before|none)"):
                evaluate(reader, EvaluateRequest(split=split))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"split": "random"}, r"Received: random\. Available: temporal, leave-one-out, given"),
        ({"repeats": "some"}, r"Received: some\. Available: allowed, removed"),
        ({"k": 0}, r"k must be at least 1\. Received: 0"),
        ({"recommenders": ("magic",)}, r"Received: magic\. Available: popular"),
        ({"recommenders": ()}, r"at least one recommender\. Received: none"),
    ],
)
def test_request_refuses(wrong: dict[str, object], said: str) -> None:
    with pytest.raises((InputError, NotFoundError), match=said):
        EvaluateRequest(**wrong)  # type: ignore[arg-type]


def test_max_users_draws_and_says_so(fill: Fill) -> None:
    rows = [bought(f"u{n}", "tea", day) for n in range(9) for day in (1, 9)]
    with fill(rows).reader() as reader:
        found = evaluate(reader, EvaluateRequest(recommenders=("popular",), test_days=1, max_users=4))
    assert (found.n_users, found.split["n_users_eligible"]) == (4, 9)


@pytest.mark.parametrize(
    ("last", "cut"),
    [
        # 03:00 UTC on the 10th is still the 9th in New York.
        ("2024-01-10 03:00:00", "2024-01-09 05:00:00"),
        # Clocks change at 2 on this day; its midnight is still UTC-5.
        ("2024-03-10 20:00:00", "2024-03-10 05:00:00"),
    ],
)
def test_local_midnight(last: str, cut: str) -> None:
    assert splits.local_midnight(at(last), days=1, time_zone="America/New_York") == at(cut)


def plain(found: Evaluation) -> dict[str, Any]:
    """The document without what takes time."""
    document = found.to_json()
    for row in (*document["results"], *document.get("removed", {"results": []})["results"]):
        del row["fit_seconds"], row["score_seconds"]
    return document


def test_both_ways_of_asking_in_one_go_equal_each_alone(fill: Fill) -> None:
    rows = [bought(f"u{n:02}", f"i{(n + day) % 7}", day) for n in range(30) for day in (1, 2, 4, 8, 9, 10)]
    with fill(rows).reader() as reader:
        asked = {
            kind: plain(evaluate(reader, EvaluateRequest(test_days=2, k=2, max_users=9, repeats=kind)))
            for kind in ("allowed", "removed", "both")
        }
    judged = {"allowed": 9, "removed": 9}
    for one in (asked["both"]["removed"], *asked.values()):
        assert one["split"].pop("n_users_judged").items() <= judged.items()
    assert asked["both"].pop("removed") == asked["removed"]
    assert asked["both"] == asked["allowed"]
    assert asked["removed"]["n_users"] == 9


def test_a_constant_score_is_chance_and_cannot_be_told_from_popular(fill: Fill, learner: None) -> None:
    """Three items, one asked for of each user: recall@2 is 2/3 whatever the order."""
    with fill(SHOP).reader() as reader:
        found = evaluate(reader, EvaluateRequest(recommenders=("constant", "popular"), test_days=2, k=2))
    assert found.results[0].recall == pytest.approx(2 / 3)
    assert found.results[0].hit_rate == pytest.approx((1 + 2 / 3) / 2)
    assert str(found.verdict).startswith("constant cannot be told from the simple recommender popular")


def test_beyond_accuracy_by_hand(fill: Fill) -> None:
    """All three users have milk, two tea, one rye; the slate is milk, tea."""
    request = EvaluateRequest(recommenders=("popular",), settings=FLAT, test_days=2, k=2)
    with fill(SHOP).reader() as reader:
        (row,) = evaluate(reader, request).results
    assert row.novelty == pytest.approx((0 + math.log2(3 / 2)) / 2)
    # Percentiles: rye 1/6, tea 3/6, milk 5/6. ann came to tea and rye, odd to milk; shown is 4/6.
    assert row.popularity_bias == pytest.approx(((4 / 6 - 2 / 6) + (4 / 6 - 5 / 6)) / 2)
    # Two items have both places of both users, one has none: places 1, 2.5, 2.5.
    assert row.exposure_gini == pytest.approx(2 * (2.5 * 2 + 2.5 * 2) / (3 * 4) - 4 / 3)
    assert row.debiased_recall == pytest.approx(2 / 3)
    assert row.intervals.keys() >= {"ndcg", "coverage", "novelty", "popularity_bias", "exposure_gini"}


def test_new_users_groups_and_history_lengths_stand_apart(fill: Fill) -> None:
    groups = {"tea drinkers": ["ann", "nobody"], "empty": ["zoe"], ODD: [ODD, "ann"]}
    request = EvaluateRequest(recommenders=("popular", "repeat"), settings=FLAT, test_days=2, k=2)
    with fill(SHOP).reader() as reader:
        found = evaluate(reader, request, groups=groups)
    popular = found.results[0]
    assert found.split["n_new_users"] == 1
    assert [(one.group, one.n_users) for one in popular.by_history] == [("0", 1), ("1-4", 2)]
    # `new` came to milk, which stands first for everybody who is not known.
    assert popular.by_history[0].ndcg == 1.0
    assert [(one.group, one.n_users) for one in popular.by_segment] == [("tea drinkers", 1), (ODD, 2)]
    assert popular.by_segment[1].ndcg == pytest.approx(popular.ndcg)
    assert found.results[1].against_simple is None or found.results[1].against_simple.other == "popular"


def test_a_window_is_learned_from_but_histories_stay_whole(fill: Fill) -> None:
    """Of the last five days before the 9th only odd's tea is left; ann still has her tea to repeat."""
    request = EvaluateRequest(recommenders=("popular", "repeat"), test_days=2, k=1, window_days=6)
    with fill(SHOP).reader() as reader:
        found = evaluate(reader, request)
        with pytest.raises(EmptyError, match=r"The last 1 days must hold events"):
            evaluate(reader, EvaluateRequest(test_days=2, window_days=1))
        with pytest.raises(InputError, match=r"at least 1 day\. Received: 0"):
            evaluate(reader, EvaluateRequest(test_days=2, window_days=0))
    assert (found.split["n_train_events"], found.n_items) == (3, 3)
    assert found.split["window_days"] == 6


def test_a_learning_curve_and_its_gap_come_with_the_row(fill: Fill, learner: None) -> None:
    points: list[tuple[str, float]] = []
    with fill(SHOP).reader() as reader:
        found = evaluate(
            reader, EvaluateRequest(recommenders=("popular", "learner"), test_days=2),
            on_point=lambda name, point: points.append((name, point["epoch"])),
        )  # fmt: skip
    assert points == [("learner", epoch) for epoch in (1, 2, 3, 4)]
    row = found.results[1].to_json()
    assert len(row["curve"]) == 4
    assert row["overfitting"]["measure"] == "ndcg"
    assert row["overfitting"]["gap"] == pytest.approx(0.1)
    assert found.results[0].to_json()["overfitting"] is None


def row(name: str, values: Floats) -> Result:
    return Result(name, float(values.mean()), 0, 0, 0, 0, (0, 0), 0, 0, {}, {"ndcg": values})


def test_verdict_in_words() -> None:
    base = np.linspace(0, 0.8, 50)
    ahead = verdict((row("popular", base), row("markov", base + 0.1)), k=10, seed=0)
    assert str(ahead) == (
        "markov beats the simple recommenders, the best of which is popular"
        " (NDCG@10 0.500 against 0.400; 95% interval of the difference 0.100 to 0.100)."
    )
    level = verdict((row("popular", base), row("markov", base[::-1] + 1e-9)), k=10, seed=0)
    assert str(level).startswith("markov cannot be told from the simple recommender popular")
    behind = verdict((row("popular", base + 0.1), row("markov", base)), k=10, seed=0, subject="markov")
    assert str(behind).startswith("markov is behind the simple recommender popular")
    alone = verdict((row("markov", base),), k=10, seed=0)
    assert str(alone).endswith("no simple recommender was measured beside it.")
