"""The best in a given time: in order, within the budget, whatever breaks on the way."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from persmark.errors import BusyError, InputError
from persmark.recommend import (
    FindBest,
    find_best,
    load_run,
    publish,
    published,
    runs,
    train_run,
    unfinished,
)
from persmark.recommend.search import final, find, measuring
from persmark.store import Workspace, exclusive
from tests.recommend.conftest import Fill, Row


def date(day: int) -> str:
    return f"2024-{1 + day // 28:02}-{1 + day % 28:02} 12:00:00"


# Everybody keeps to two items of their own, so that `repeat` beats what sells most.
HABITS: list[Row] = [
    (
        f"u{n:02}",
        f"i{(n + turn % 2) % 40:02}",
        "purchase",
        f"2024-{1 + day // 28:02}-{1 + day % 28:02} 12:00:00",
    )
    for n in range(40)
    for turn, day in enumerate((0, 9, 20, 33, 41, 50, 62, 70))
]
Names = list[tuple[str, str]]


@pytest.fixture
def shop(fill: Fill, learner: None) -> Workspace:
    return fill(HABITS)


def asked(minutes: float, *names: str, breaks: str = "", **more: object) -> FindBest:
    settings = {"learner": {"epochs": 5, "breaks": breaks}}
    return FindBest(minutes=minutes, recommenders=names, settings=settings, min_item_events=1, **more)  # type: ignore[arg-type]


def test_the_order_is_counting_first_and_what_is_not_known_last(learner: None) -> None:
    assert FindBest(minutes=1).names[:3] == ("popular", "repeat", "markov")
    assert FindBest(minutes=1).names[-2:] == ("learner", "constant")
    assert FindBest(minutes=1, recommenders=("learner",)).names == ("popular", "repeat", "learner")
    with pytest.raises(InputError, match=r"above 0 minutes\. Received: 0"):
        FindBest(minutes=0)


def test_a_search_measures_all_and_a_simple_winner_serves_with_a_word(shop: Workspace) -> None:
    points: list[str] = []
    told: list[float] = []
    found = find_best(
        shop, asked(5, "learner", "constant"),
        on_progress=lambda share, _: told.append(share), on_point=lambda name, _: points.append(name),
    )  # fmt: skip
    assert found.evaluation is not None
    assert [row.recommender for row in found.evaluation.results] == [
        "popular",
        "repeat",
        "learner",
        "constant",
    ]
    assert found.winner.recommender == "repeat"
    assert str(found.said) == "No recommender beats the simple ones here; repeat serves."
    assert load_run(shop).name == "repeat"
    assert points == ["learner"] * 5 + ["constant"] * 4
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert (unfinished(shop), list((shop.folder / "searches").iterdir())) == ([], [])
    # Where something serves that is measurably behind, the simple one takes its place.
    behind = train_run(shop, "popular")
    publish(shop, behind.run_id)
    # The table is that of measuring without a budget, whatever process it was measured in.
    again = find_best(shop, asked(5, "learner", "constant"))
    assert again.evaluation is not None
    for one, other in zip(found.evaluation.results, again.evaluation.results, strict=True):
        assert np.array_equal(one.per_user["ndcg"], other.per_user["ndcg"])
    assert str(again.said).startswith("repeat, simple as it is, is ahead of popular and serves now.")
    assert load_run(shop).name == "repeat"


@pytest.mark.parametrize(
    ("breaks", "why"),
    [
        ("memory", "ran out of memory"),
        ("killed", "was stopped from outside, most likely because the memory ran out"),
        ("error", "broke (RuntimeError)"),
    ],
)
def test_one_that_breaks_takes_nobody_with_it(shop: Workspace, breaks: str, why: str) -> None:
    found = find_best(shop, asked(5, "learner", "markov", breaks=breaks))
    assert [(one.recommender, str(one.why)) for one in found.skipped] == [("learner", why)]
    assert load_run(shop).name == found.winner.recommender
    assert found.to_json()["skipped"][0]["why"] == why


def test_the_budget_is_kept_and_what_does_not_fit_is_named(shop: Workspace) -> None:
    """Six hundred passes of a tenth of a second do not fit into twelve seconds; told `minutes`, it stops."""
    slow = {"learner": {"epochs": 600, "pause_seconds": 0.1, "minutes": 60.0}}
    started = time.monotonic()
    found = find_best(shop, FindBest(minutes=0.2, recommenders=("learner",), settings=slow))
    assert time.monotonic() - started < 12 + 10
    assert [str(one.why) for one in found.skipped] == ["would not have fitted into the time"]
    told = {"learner": {"epochs": 600, "pause_seconds": 0.05}}
    started = time.monotonic()
    found = find_best(shop, FindBest(minutes=0.2, recommenders=("learner",), settings=told))
    assert time.monotonic() - started < 12 + 10
    assert found.skipped == ()
    assert found.evaluation is not None
    assert 0 < found.evaluation.results[2].settings["minutes"] < 0.1


def here(
    work: Callable[..., object],
    *,
    on_progress: Callable[..., None],
    on_point: Callable[..., None],
    **_: object,
) -> object:
    """The work in this very process, so that a test can look into it."""
    return work(on_progress, on_point)


def test_what_was_measured_is_kept_and_not_measured_again(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled(*_: object) -> None:
        raise KeyboardInterrupt

    measured: list[str] = []
    real: Callable[..., object] = measuring.measured

    def noted(name: str, *args: object, **more: object) -> object:
        measured.append(name)
        return real(name, *args, **more)

    monkeypatch.setattr(measuring, "apart", here)
    monkeypatch.setattr(final, "apart", here)
    monkeypatch.setattr(measuring, "measured", noted)
    with monkeypatch.context() as patch:
        patch.setattr(find, "evaluation_of", cancelled)
        with pytest.raises(KeyboardInterrupt):
            find_best(shop, asked(5, "learner"))
    assert unfinished(shop) == ["learner", "popular", "repeat"]
    assert published(shop) is None
    measured.clear()
    # More time and one more recommender: the same search goes on.
    found = find_best(shop, asked(9, "learner", "markov", resume=True))
    assert measured == ["markov"]
    assert found.evaluation is not None
    assert len(found.evaluation.results) == 4
    assert found.evaluation.results[2].recommender == "markov"
    assert unfinished(shop) == []


def test_a_search_cut_off_in_mid_learning_goes_on_with_the_next_pass(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"self_attention": {"width": 8, "epochs": 4, "minutes": 5.0}}
    request = FindBest(minutes=9, recommenders=("self_attention",), settings=small)
    # A process that has a training library in it cannot be forked safely: other tests may have loaded one.
    monkeypatch.setattr(measuring, "apart", here)
    monkeypatch.setattr(final, "apart", here)
    whole = find_best(shop, request)
    assert whole.skipped == ()

    def cut_off(name: str, point: Mapping[str, float]) -> None:
        if point["epoch"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_best(shop, request, on_point=cut_off)
    assert unfinished(shop) == ["popular", "repeat"]
    told: list[str] = []
    found = find_best(
        shop, dataclasses.replace(request, resume=True), on_progress=lambda _, said: told.append(str(said))
    )
    passes = [said for said in told if said.startswith("Measuring self_attention: Epoch")]
    # The third pass was not kept yet when it was cut off.
    assert passes[0].startswith("Measuring self_attention: Epoch 3; best validation NDCG so far")
    assert found.evaluation is not None
    assert whole.evaluation is not None
    for one, other in zip(found.evaluation.results, whole.evaluation.results, strict=True):
        assert one.curve == other.curve
        assert np.array_equal(one.per_user["ndcg"], other.per_user["ndcg"])
    assert list((shop.folder / "searches").iterdir()) == []


def test_a_winner_is_published_where_it_beats_the_simple_ones(fill: Fill) -> None:
    """After each item another follows always: only `markov` can know."""
    cycle: list[Row] = [
        (
            f"u{n:02}",
            f"i{(n + day) % 60:02}",
            "purchase",
            f"2024-{1 + day // 28:02}-{1 + day % 28:02} 12:00:00",
        )
        for n in range(60)
        for day in range(0, 50)
    ]
    workspace = fill(cycle)
    before = train_run(workspace, "popular")
    assert before.state == "published"
    found = find_best(
        workspace, FindBest(minutes=5, recommenders=("markov",), test_days=2, label="Spring o'Neil 中文")
    )
    assert found.published
    assert str(found.said).startswith("markov serves now. markov beats the simple recommenders")
    serving = published(workspace)
    assert serving is not None
    assert (serving.run_id, serving.label) == (found.winner.run_id, "Spring o'Neil 中文")
    publish(workspace, before.run_id)
    assert [run.state for run in runs(workspace)] == ["retired", "published"]


def test_two_searches_at_once_and_too_little_data_are_said(fill: Fill, shop: Workspace) -> None:
    with exclusive(shop.folder / "searches.lock", wait_seconds=0), pytest.raises(BusyError):
        find_best(shop, FindBest(minutes=1))
    with pytest.raises(InputError, match=r"more time than 0\.001 minutes\. Received: no recommender"):
        find_best(shop, FindBest(minutes=0.001))
    assert runs(shop) == []


def test_too_little_data_to_measure_still_serves_and_is_said(fill: Fill) -> None:
    workspace = fill(HABITS[:1])
    found = find_best(workspace, FindBest(minutes=1))
    assert found.evaluation is None
    assert str(found.said).startswith("There is too little data to measure")
    assert load_run(workspace).name == "popular"
