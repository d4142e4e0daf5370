"""Recommenders, their evaluation and their runs.

One contract (`Recommender`): train on interactions, score histories, say why, save and load.
"""

from persmark.recommend.contract import FILLED, Reason, Recommender
from persmark.recommend.evaluate import EvaluateRequest, Evaluation, evaluate
from persmark.recommend.histories import history_weights, load_histories
from persmark.recommend.interactions import (
    EVENT_WEIGHTS,
    Interactions,
    event_weights,
    interactions_from,
    last_second,
    load_interactions,
)
from persmark.recommend.options import Settings
from persmark.recommend.registry import RECOMMENDERS, SIMPLE, recommender
from persmark.recommend.runs import Run, load_run, publish, published, run_of, runs, train_run
from persmark.recommend.verdict import Result

__all__ = [
    "EVENT_WEIGHTS",
    "FILLED",
    "RECOMMENDERS",
    "SIMPLE",
    "EvaluateRequest",
    "Evaluation",
    "Interactions",
    "Reason",
    "Recommender",
    "Result",
    "Run",
    "Settings",
    "evaluate",
    "event_weights",
    "history_weights",
    "interactions_from",
    "last_second",
    "load_histories",
    "load_interactions",
    "load_run",
    "publish",
    "published",
    "recommender",
    "run_of",
    "runs",
    "train_run",
]
