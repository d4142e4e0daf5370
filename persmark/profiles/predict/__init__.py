"""Profile models: what users will do next, judged on weeks that nothing was learned from."""

from persmark.profiles.predict.look import best_users, predictions_of, reasons, targets
from persmark.profiles.predict.runs import (
    PredictionRun,
    is_stale,
    prediction_run,
    prediction_runs,
    publish_predictions,
    published_run,
)
from persmark.profiles.predict.targets import (
    AHEAD_DAYS,
    BUY,
    BUY_DAYS,
    CHURN,
    NEXT,
    SPEND,
    TARGETS,
    Target,
    buy_of,
    channel_of,
    reach_of,
    target,
    thing_of,
)
from persmark.profiles.predict.train import train_predictions
from persmark.profiles.predict.verdicts import AGAINST, BEATS, LEVEL, WORSE, unpacked
from persmark.profiles.predict.windows import least_days

__all__ = [
    "AGAINST",
    "AHEAD_DAYS",
    "BEATS",
    "BUY",
    "BUY_DAYS",
    "CHURN",
    "LEVEL",
    "NEXT",
    "SPEND",
    "TARGETS",
    "WORSE",
    "PredictionRun",
    "Target",
    "best_users",
    "buy_of",
    "channel_of",
    "is_stale",
    "least_days",
    "prediction_run",
    "prediction_runs",
    "predictions_of",
    "publish_predictions",
    "published_run",
    "reach_of",
    "reasons",
    "target",
    "targets",
    "thing_of",
    "train_predictions",
    "unpacked",
]
