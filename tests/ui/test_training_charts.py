"""Charts of training: what they draw, and whether the sentence under them says what is drawn."""

from __future__ import annotations

import pandas as pd

from persmark.ui import charts

POINTS = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "loss": [2.0, 1.5, 1.0],
        "train_ndcg": [0.20, 0.30, 0.45],
        "validation_ndcg": [0.18, 0.25, 0.21],
    }
)
AHEAD = pd.DataFrame(
    {
        "recommender": ["markov", "<b>ease", "ranker"],
        "difference": [0.02, -0.03, 0.05],
        "low": [-0.01, -0.05, 0.03],
        "high": [0.05, -0.01, 0.07],
    }
)


def test_the_curve_shows_training_beside_validation_and_names_the_gap() -> None:
    drawn = charts.learning_curve(POINTS)
    assert [trace.name for trace in drawn.data] == [
        "NDCG on what it learned from", "NDCG on what it has not seen",
    ]  # fmt: skip
    assert str(charts.read_learning_curve(POINTS)) == (
        "Best after pass 2: NDCG 0.250 on users or days it has not seen, 0.300 on what it learned from; the "
        "gap of 0.050 is how far it knows its own examples by heart."
    )
    losses = charts.learning_curve(POINTS[["epoch", "loss"]])
    assert [trace.name for trace in losses.data] == ["loss on what it learned from"]
    assert str(charts.read_learning_curve(POINTS[["epoch", "loss"]])) == (
        "The loss fell from 2.000 to 1.000 in 3 passes."
    )


def test_only_what_is_clearly_ahead_is_called_so() -> None:
    (trace,) = charts.ahead(AHEAD).data
    assert list(trace.y) == ["&lt;b&gt;ease", "markov", "ranker"]
    assert str(charts.read_ahead(AHEAD, "repeat")) == (
        "1 of 3 are clearly ahead of repeat; ranker most, by 0.050 (95% interval 0.030 to 0.070)."
    )
    assert str(charts.read_ahead(AHEAD.head(2), "repeat")).startswith(
        "No recommender is clearly ahead of repeat"
    )
    assert "nothing to compare" in str(charts.read_ahead(AHEAD.head(0), "repeat"))


def test_groups_and_time_are_read_from_the_table() -> None:
    table = pd.DataFrame(
        {
            "name": ["New users", "Known", "New users", "Known"],
            "segment": ["markov", "markov", "popular", "popular"],
            "n_users": [3, 40, 3, 40],
            "value": [0.1, 0.4, 0.1, 0.2],
            "low": [0.0, 0.3, 0.0, 0.1],
            "high": [0.2, 0.5, 0.2, 0.3],
        }
    )
    assert len(charts.grouped(table, ["markov", "popular"]).data) == 2
    assert str(charts.read_grouped(table)) == (
        "markov does best for Known (NDCG 0.400, 40 users) and worst for New users (0.100, 3 users)."
    )
    rows = pd.DataFrame({"recommender": ["a", "b"], "ndcg": [0.40, 0.39], "seconds": [100.0, 2.0]})
    assert str(charts.read_time(rows)) == (
        "a is the best and takes 100.0 s; b comes within 5% of it in 2.0 s."
    )
    assert len(charts.time_for_accuracy(rows).data[0].x) == 2
