"""Recommenders, their evaluation and their runs.

One contract (`Recommender`): train on interactions, score histories, say why, save and load.
"""

from persmark.recommend.contract import FILLED, Reason, Recommender
from persmark.recommend.evaluate import EvaluateRequest, Evaluation, evaluate
from persmark.recommend.evaluations import KeptEvaluation, evaluations, keep_evaluation
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
from persmark.recommend.runs import (
    Run,
    RunComparison,
    compare_runs,
    load_run,
    publish,
    published,
    rename,
    run_of,
    runs,
)
from persmark.recommend.search import FindBest, Found, find_best, unfinished
from persmark.recommend.training import chosen_weights, train_run
from persmark.recommend.verdict import Result

__all__ = [
    "EVENT_WEIGHTS",
    "FILLED",
    "RECOMMENDERS",
    "SIMPLE",
    "EvaluateRequest",
    "Evaluation",
    "FindBest",
    "Found",
    "Interactions",
    "KeptEvaluation",
    "Reason",
    "Recommender",
    "Result",
    "Run",
    "RunComparison",
    "Settings",
    "chosen_weights",
    "compare_runs",
    "evaluate",
    "evaluations",
    "event_weights",
    "find_best",
    "history_weights",
    "interactions_from",
    "keep_evaluation",
    "last_second",
    "load_histories",
    "load_interactions",
    "load_run",
    "publish",
    "published",
    "recommender",
    "rename",
    "run_of",
    "runs",
    "train_run",
    "unfinished",
]
