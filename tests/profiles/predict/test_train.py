"""A whole training on two hundred users: judged, scored, explained, published, rolled back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from persmark.errors import EmptyError, FileRefusedError, NotFoundError
from persmark.profiles import predict
from persmark.profiles.predict import saved
from persmark.profiles.predict.runs import INPUTS, SCORES, folder_of, keep_run
from persmark.store import Workspace, create_workspace
from tests.profiles.made import EVENT, event, workspace

ODD = 'o\'Neil "张" 😀%'
MILK = 'Milk\'s "best" 乳品'
N_USERS, N_DAYS = 200, 230
BEGUN = datetime(2026, 1, 1, 9)


def shop_events() -> list[dict]:
    """Even users come weekly and buy milk, odd ones every five weeks and buy bread; a third leave."""
    rng = np.random.default_rng(11)
    rows = []
    for user in range(N_USERS):
        name = ODD if user == 0 else f"user-{user:03d}"
        gap = 7 if user % 2 == 0 else 35
        last = N_DAYS if user % 3 or user == 0 else rng.integers(60, N_DAYS)
        day = float(rng.uniform(0, gap))
        while day < last:
            at = (BEGUN + timedelta(days=day)).replace(microsecond=0)
            item = "milk" if user % 2 == 0 or rng.random() < 0.1 else "bread"
            rows.append(event(name, "purchase", at.isoformat(), item, value=round(rng.gamma(4, 3), 2),
                              channel="web"))  # fmt: skip
            if user < 3 and rng.random() < 0.3:
                rows.append(event(name, "purchase", at.isoformat(), "rare", value=1, channel="web"))
            day += float(rng.gamma(6, gap / 6))
    return rows


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = workspace(
        tmp_path_factory.mktemp("shop"), shop_events(),
        items=[{"item_id": "milk", "category": MILK}, {"item_id": "bread", "category": "bread"},
               {"item_id": "rare", "category": "rare"}],
    )  # fmt: skip
    told: list[tuple[float, str]] = []
    predict.train_predictions(made, on_progress=lambda share, doing: told.append((share, str(doing))))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert told[-1] == (1.0, "Done")
    return made


@pytest.fixture
def run(shop: Workspace) -> predict.PredictionRun:
    found = predict.published_run(shop)
    assert found is not None
    return found


def test_every_user_has_a_score_of_every_target(shop: Workspace, run: predict.PredictionRun) -> None:
    with shop.reader() as reader:
        counted = dict(reader.rows("SELECT target, count(*) FROM predictions GROUP BY target"))
        names = [one.name for one in predict.targets(reader)]
        ids = reader.rows("SELECT DISTINCT run_id FROM predictions")
        odd = reader.rows("SELECT target FROM predictions WHERE score IS NULL OR low > high OR score < 0")
    assert set(counted) == set(names) == set(run.report["targets"])
    assert set(counted.values()) == {N_USERS}
    assert {predict.buy_of(MILK), predict.buy_of("bread"), predict.BUY, predict.SPEND} <= set(names)
    assert ids == [(run.run_id,)]
    assert odd == []


def test_who_comes_weekly_for_milk_is_likely_to_again(shop: Workspace) -> None:
    with shop.reader() as reader:
        found = predict.predictions_of(reader, ODD).to_pydict()
        best = predict.best_users(reader, predict.buy_of(MILK), 20).to_pydict()
    score = dict(zip(found["target"], found["score"], strict=True))
    assert found["target"] == sorted(found["target"])
    assert score[predict.buy_of(MILK)] > 0.7
    assert score[predict.buy_of("bread")] < 0.4
    assert 0 < score[predict.NEXT] < 20
    assert best["score"] == sorted(best["score"], reverse=True)
    with shop.reader() as reader:
        assert predict.predictions_of(reader, "nobody").num_rows == 0


def test_models_are_judged_on_weeks_they_saw_nothing_of(run: predict.PredictionRun) -> None:
    report = run.report
    assert report["test"]["days"] == 84
    whole = report["categories"]
    assert whole["n_things"] == 2
    assert whole["standings"]["base"] == predict.BEATS
    milk = report["targets"][predict.buy_of(MILK)]
    assert milk["figures"]["model"]["auc"][0] > 0.8
    assert milk["figures"]["base"]["auc"] == [0.5, 0.5, 0.5]
    assert 0 < milk["n_positive"] < milk["n_rows"]
    assert len(milk["reliability"]) == 5
    said = predict.unpacked(milk["verdict"]).render()
    assert said.startswith("It beats the base rate")
    assert f"{N_USERS} users" in said or "users." in said
    spend = report["targets"][predict.SPEND]
    assert set(spend["figures"]) == {"model", "base", "rfm", "again", "bgnbd"}
    assert spend["inside"][1] < spend["inside"][0] < spend["inside"][2]


def test_what_has_too_little_data_is_refused_in_words(run: predict.PredictionRun) -> None:
    refused = {one["target"]: predict.unpacked(one["why"]).render() for one in run.report["refused"]}
    assert "at least 10 users must have bought it and 10 not" in refused[predict.buy_of("rare")]


def test_reasons_are_what_a_typical_value_would_change(shop: Workspace) -> None:
    with shop.reader() as reader:
        for name in (predict.buy_of(MILK), predict.BUY, predict.SPEND, predict.NEXT):
            found = predict.reasons(shop, reader, ODD, name, 3).to_pylist()
            sizes = [abs(row["change"]) for row in found]
            assert 0 < len(found) <= 3, name
            assert sizes == sorted(sizes, reverse=True)
            assert all(row["title"] and row["feature"] for row in found)
        milk = predict.reasons(shop, reader, ODD, predict.buy_of(MILK), 50).to_pylist()
    # A weekly buyer would be less likely to buy with a typical past.
    assert max(row["change"] for row in milk) > 0


def test_reasons_of_nothing_are_refused(shop: Workspace) -> None:
    with shop.reader() as reader:
        with pytest.raises(NotFoundError, match=r"among the published ones\. Received: buy: rare\."):
            predict.reasons(shop, reader, ODD, predict.buy_of("rare"))
        with pytest.raises(NotFoundError, match=r"User 'nobody' must be among the scored ones"):
            predict.reasons(shop, reader, "nobody", predict.BUY)


def another_run(shop: Workspace) -> str:
    """The published run once more under another id, read from and written to the disk."""
    first = predict.published_run(shop)
    stored = saved.load(folder_of(shop, first.run_id))
    second = f"{first.run_id}-again"
    scores = stored.table(SCORES).drop_columns("run_id")
    tables = {
        SCORES: [scores.append_column("run_id", pa.array([second] * scores.num_rows))],
        INPUTS: [stored.table(INPUTS)],
    }
    files = {name: stored.estimators(name) for name in stored.facts["files"] if name.endswith(".skops")}
    facts = {name: value for name, value in stored.facts.items() if name != "files"}
    run = replace(first, run_id=second, state="trained")
    keep_run(shop, run, lambda folder: saved.store(folder, facts, files, tables))
    return second


def test_a_second_training_waits_to_be_published_and_can_be_rolled_back(shop: Workspace) -> None:
    first = predict.published_run(shop)
    second = another_run(shop)

    def scored_by() -> list[tuple]:
        with shop.reader() as reader:
            return reader.rows("SELECT DISTINCT run_id FROM predictions")

    def why() -> list[dict]:
        with shop.reader() as reader:
            return predict.reasons(shop, reader, ODD, predict.buy_of(MILK), 3).to_pylist()

    before = why()
    assert [one.state for one in predict.prediction_runs(shop)] == ["trained", "published"]
    assert scored_by() == [(first.run_id,)]
    assert predict.publish_predictions(shop, second).state == "published"
    assert [one.state for one in predict.prediction_runs(shop)] == ["published", "retired"]
    assert scored_by() == [(second,)]
    assert why() == before
    predict.publish_predictions(shop, first.run_id)
    assert predict.published_run(shop).run_id == first.run_id
    assert scored_by() == [(first.run_id,)]
    with pytest.raises(NotFoundError, match=rf"Received: no-such\. Latest: {second}, {first.run_id}\."):
        predict.publish_predictions(shop, "no-such")


def test_a_changed_file_is_refused_and_what_is_published_stays(shop: Workspace) -> None:
    first = predict.published_run(shop)
    folder = folder_of(shop, first.run_id)
    for name in ("pairs.skops", "scores.parquet", "manifest.json"):
        path = folder / name
        kept = path.read_bytes()
        path.write_bytes(kept[:-20] + b"x" + kept[-19:])
        with pytest.raises(
            FileRefusedError, match=rf"must be as it was written\. Received: a changed {name}"
        ):
            predict.publish_predictions(shop, first.run_id)
        path.write_bytes(kept)
    assert predict.published_run(shop) == first


def test_only_known_types_are_stored_or_read(tmp_path: Path) -> None:
    with pytest.raises(
        FileRefusedError, match=r"known types alone\. Received: tests\..*Stranger in m\.skops"
    ):
        saved.store(tmp_path / "run", {}, {"m.skops": Stranger()}, {})
    assert not (tmp_path / "run").exists()
    saved.store(tmp_path / "run", {"a": 1}, {"m.skops": {"x": np.arange(3)}}, {})
    stored = saved.load(tmp_path / "run")
    assert stored.facts["a"] == 1
    assert stored.estimators("m.skops")["x"].tolist() == [0, 1, 2]
    with pytest.raises(NotFoundError, match=r"Received: other\.skops\."):
        stored.estimators("other.skops")
    (tmp_path / "run" / "manifest.json").unlink()
    with pytest.raises(NotFoundError, match=r"must have a manifest\.json\. Received: run without it\."):
        saved.load(tmp_path / "run")


class Stranger:
    """A type that nobody vouches for."""

    def __init__(self) -> None:
        self.x = 1


def test_new_events_make_predictions_stale_and_left_over_folders_go(shop: Workspace) -> None:
    copied = Workspace(Path(shutil.copytree(shop.folder, shop.folder.with_name("copied"))))
    run = predict.published_run(copied)
    assert not predict.is_stale(copied, run)
    (copied.folder / "predictions" / "left-over").mkdir()
    with copied.write("events") as writer:
        rows = [event("late", "view", "2026-02-01T10:00:00", "milk")]
        writer.put("events", pa.Table.from_pylist(rows, schema=EVENT))
    assert predict.is_stale(copied, run)
    with pytest.raises(EmptyError):
        predict.train_predictions(copied)
    assert not (copied.folder / "predictions" / "left-over").exists()
    assert predict.published_run(copied).run_id == run.run_id


def test_history_begins_with_the_first_behaviour_and_not_with_a_mailing(tmp_path: Path) -> None:
    made = workspace(
        tmp_path,
        [event("u", "campaign_received", "2025-06-01T10:00:00", channel="mail"),
         event("u", "purchase", "2026-01-01T10:00:00", "a", value=1),
         event("v", "purchase", "2026-01-21T10:00:00", "a", value=1)],
    )  # fmt: skip
    with pytest.raises(EmptyError, match=r"It needs 84 days of events; there are 20\."):
        predict.train_predictions(made)


def test_nothing_is_predicted_from_nothing(tmp_path: Path) -> None:
    empty = create_workspace("empty", root=tmp_path)
    with pytest.raises(EmptyError, match=r"Predictions need events\. Received: a workspace without any\."):
        predict.train_predictions(empty)
    with empty.reader() as reader:
        assert predict.targets(reader) == []
        with pytest.raises(EmptyError, match=r"must be trained first"):
            predict.reasons(empty, reader, "u", predict.BUY)


def test_a_few_days_are_refused_with_what_is_missing(tmp_path: Path) -> None:
    short = workspace(tmp_path, [event("u", "purchase", f"2026-01-{day:02d}T10:00:00", "a", value=1)
                                 for day in range(1, 29)])  # fmt: skip
    with pytest.raises(EmptyError, match=r"'Buys anything': It needs 84 days of events; there are 27\."):
        predict.train_predictions(short)
    assert predict.prediction_runs(short) == []
