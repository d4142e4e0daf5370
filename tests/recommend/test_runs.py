"""Runs are measured, kept, published and rolled back."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pytest

from persmark.errors import EmptyError, FileRefusedError, InputError, NotFoundError
from persmark.recommend import (
    compare_runs,
    load_interactions,
    load_run,
    publish,
    published,
    rename,
    runs,
    train_run,
)
from persmark.store import exclusive
from persmark.text import Text
from tests.recommend.conftest import Fill, Row
from tests.recommend.test_search import HABITS

ROWS: list[Row] = [
    (f"u{n}", item, "purchase", f"2024-0{month}-0{1 + n} 12:00:00")
    for n in range(6)
    for month, item in ((1, "tea"), (2, f"i{n % 3}"), (3, "tea"))
]


def test_train_run_measures_saves_and_publishes_the_first(fill: Fill) -> None:
    workspace = fill(ROWS)
    told: list[tuple[float, Text]] = []
    run = train_run(workspace, "repeat", on_progress=lambda share, doing: told.append((share, doing)))
    assert (run.state, run.recommender, run.reads["events"]) == ("published", "repeat", 1)
    assert run.metrics["n_users"] == 6
    assert [row["recommender"] for row in run.metrics["compared"]] == ["popular"]
    assert "popular" in str(run.verdict)
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[-1][0] == 1.0
    assert published(workspace) == run
    with workspace.reader() as reader:
        histories = load_interactions(reader, users=["u1", "nobody"])
    found = load_run(workspace).recommend(histories, k=2)
    assert found.user_id.tolist() == ["nobody", "nobody", "u1", "u1"]
    # Trained on everything: the measuring cut is not the run's.
    assert load_run(workspace).as_of == histories.as_of


def test_publish_retires_and_rolls_back(fill: Fill) -> None:
    workspace = fill(ROWS)
    first, second = train_run(workspace, "popular"), train_run(workspace, "markov")
    assert second.state == "trained"
    publish(workspace, second.run_id)
    assert [(run.recommender, run.state) for run in runs(workspace)] == [
        ("markov", "published"), ("popular", "retired"),
    ]  # fmt: skip
    assert publish(workspace, first.run_id).state == "published"
    assert load_run(workspace).name == "popular"
    assert load_run(workspace, second.run_id).name == "markov"
    assert [run.state for run in runs(workspace)] == ["retired", "published"]


def test_publish_refuses_changed_files_and_keeps_the_old_run(fill: Fill) -> None:
    workspace = fill(ROWS)
    first, second = train_run(workspace, "popular"), train_run(workspace, "repeat")
    (workspace.folder / "models" / second.run_id / "weights.npz").write_bytes(b"x")
    with pytest.raises(FileRefusedError, match=re.escape("a changed weights.npz")):
        publish(workspace, second.run_id)
    kept = published(workspace)
    assert kept is not None
    assert kept.run_id == first.run_id


def test_too_little_data_is_trained_and_said_and_what_is_simple_serves(fill: Fill) -> None:
    workspace = fill(ROWS[:1])
    run = train_run(workspace, "markov")
    assert run.state == "trained"
    assert load_run(workspace).name == "popular"
    assert str(run.verdict).startswith("There is too little data to measure")
    assert np.isfinite(run.metrics["final_fit_seconds"])


def test_a_first_run_that_does_not_beat_the_simple_ones_is_not_published(fill: Fill, learner: None) -> None:
    workspace = fill(ROWS)
    run = train_run(workspace, "learner")
    assert (run.state, run.beats_simple) == ("trained", False)
    serving = published(workspace)
    assert serving is not None
    assert serving.recommender == max(run.metrics["compared"], key=lambda row: row["ndcg"])["recommender"]
    assert "learner" in str(run.verdict)
    assert len(run.metrics["curve"]) == 4


def test_runs_are_named_and_compared_user_by_user(fill: Fill) -> None:
    workspace = fill(ROWS)
    one, other = train_run(workspace, "repeat", label=" Spring  o'Neil "), train_run(workspace, "popular")
    assert (one.label, rename(workspace, other.run_id, "Café 中文").label) == ("Spring o'Neil", "Café 中文")
    with pytest.raises(InputError, match=r"at most 80 characters\. Received: 81"):
        rename(workspace, other.run_id, "x" * 81)
    found = compare_runs(workspace, one, other)
    assert (found.paired, found.n_users) == (True, 6)
    gap = one.metrics["ndcg"] - other.metrics["ndcg"]
    assert found.differences["ndcg"].mean == pytest.approx(gap, abs=1e-6)
    own = compare_runs(workspace, one, one).differences["mrr"]
    assert (own.mean, own.low, own.high) == (0, 0, 0)
    # Asked for less of the same people: no longer the same test.
    shorter = train_run(workspace, "repeat", test_days=3)
    assert not compare_runs(workspace, one, shorter).paired


def test_a_window_and_weights_are_chosen_and_kept(fill: Fill) -> None:
    workspace = fill([*ROWS, ("u1", "tea", "view", "2024-03-01 10:00:00")])
    run = train_run(workspace, "popular", window_days=10, weights={"view": 0.0})
    assert run.data == {"window_days": 10, "event_weights": {"purchase": 1.0}}
    # Only March is learned from, when everybody buys tea.
    assert load_run(workspace, run.run_id).item_ids.tolist() == ["i0", "i1", "i2", "tea"]
    with workspace.reader() as reader:
        shown = load_run(workspace, run.run_id).recommend(load_interactions(reader, users=["u1"]), k=1)
    assert shown.item_id.tolist() == ["tea"]
    with pytest.raises(InputError, match=r"Received: dance\. Available: purchase, view"):
        train_run(workspace, "popular", weights={"dance": 1})
    with pytest.raises(InputError, match=r"0 or above\. Received: -1"):
        train_run(workspace, "popular", weights={"view": -1})


def test_runs_refuse_in_words(fill: Fill) -> None:
    workspace = fill([])
    with pytest.raises(EmptyError, match=r"no published run\. Train one"):
        load_run(workspace)
    with pytest.raises(NotFoundError, match=r"Received: r1\. Latest: none yet"):
        load_run(workspace, "r1")
    with pytest.raises(EmptyError, match=r"at least one weighted event on an item\. Received: none"):
        train_run(workspace, "popular")
    with pytest.raises(NotFoundError, match=r"Received: magic\. Available: popular, repeat, markov"):
        train_run(workspace, "magic")
    with pytest.raises(InputError, match=r"Received: speed\. Available: half_life_days"):
        train_run(workspace, "popular", settings={"speed": 1})
    assert runs(workspace) == []
    assert not list((workspace.folder / "models").glob("*"))


def test_weights_of_a_run_travel_with_it(fill: Fill) -> None:
    workspace = fill(ROWS)
    own, plain = train_run(workspace, "repeat", weights={"purchase": 2.5}), train_run(workspace, "repeat")
    assert load_run(workspace, own.run_id).event_weights == {"purchase": 2.5}
    assert load_run(workspace, plain.run_id).event_weights == {}


def test_what_a_crashed_training_left_is_removed_by_the_next(fill: Fill) -> None:
    workspace = fill(ROWS)
    first = train_run(workspace, "popular")
    models = workspace.folder / "models"
    for name in ("20240101-000000-o'Neil 王-ab12", ".x.part"):
        (models / name).mkdir()
        (models / name / "weights.npz").write_bytes(b"half")
    second = train_run(workspace, "popular")
    assert sorted(path.name for path in models.iterdir()) == sorted([first.run_id, second.run_id])
    assert load_run(workspace).name == "popular"


def test_a_training_cut_off_goes_on_with_its_next_pass(fill: Fill) -> None:
    workspace = fill(HABITS)
    small = {"width": 8, "epochs": 4, "minutes": 5.0, "networks": 1}

    def cut_off(name: str, point: Mapping[str, float]) -> None:
        if (name, point["epoch"]) == ("self_attention on everything", 3):
            raise KeyboardInterrupt

    straight = train_run(workspace, "self_attention", settings=small)
    assert not (workspace.folder / "trainings").exists()
    with pytest.raises(KeyboardInterrupt):
        train_run(workspace, "self_attention", settings=small, on_point=cut_off)
    told: list[str] = []
    resumed = train_run(
        workspace, "self_attention", settings=small, on_progress=lambda _, said: told.append(str(said))
    )
    # Measuring had come to its end; of the training on everything the third pass was not kept yet.
    assert not any("self_attention: Epoch" in said for said in told)
    assert next(said for said in told if said.startswith("Epoch")).startswith("Epoch 3; best validation NDCG")
    assert resumed.metrics["curve"] == straight.metrics["curve"]
    with workspace.reader() as reader:
        histories = load_interactions(reader)
    scores = [load_run(workspace, run.run_id).score_matrix(histories) for run in (straight, resumed)]
    assert np.array_equal(*scores)
    assert not (workspace.folder / "trainings").exists()
    # Beside another training, which keeps its own state there, one still comes to its end.
    with exclusive(workspace.folder / "trainings.lock", wait_seconds=0):
        assert train_run(workspace, "popular").state == "trained"
