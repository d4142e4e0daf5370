"""What is predicted for a user, and why: read from the published run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from persmark.errors import EmptyError, NotFoundError
from persmark.profiles.predict import features, saved
from persmark.profiles.predict.features import Column, Frame, Whom
from persmark.profiles.predict.learners import AmountLearner, ChanceLearner, Shapes, WaitLearner
from persmark.profiles.predict.own_features import families, feature_of
from persmark.profiles.predict.pair_learner import COLUMNS_OF, PairLearner
from persmark.profiles.predict.pairs import Pairs, Things, pairs
from persmark.profiles.predict.runs import INPUTS, SCORES, folder_of
from persmark.profiles.predict.saved import Stored
from persmark.profiles.predict.targets import AMOUNT, CHANCE, DAYS, Target, target, thing_of
from persmark.store import Reader, Workspace
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa

_LEARNERS: Mapping[str, Any] = {CHANCE: ChanceLearner, AMOUNT: AmountLearner, DAYS: WaitLearner}
_TABLES = (SCORES, INPUTS)


def targets(reader: Reader) -> list[Target]:
    """What the published run predicts; empty before the first."""
    named = reader.manifest.group("scores").stats.get("targets", [])
    return [target(name, title, contacted=contacted) for name, title, contacted in named]


def predictions_of(reader: Reader, user_id: str) -> pa.Table:
    """What is predicted for a user.

    Returns:
        Columns: `target`, `score` (a chance 0 to 1, money or days), `low`, `high`: of a chance, how many
        users with such a chance did it on the test window, at least and at most; of money and days,
        between which 80% lay. Ordered by target; empty for a user who was not scored.
    """
    return reader.table(features.query("predictions_of"), {"user_id": user_id})


def best_users(reader: Reader, name: str, most: int) -> pa.Table:
    """The users with the highest scores of a target (columns: `user_id`, `score`, `low`, `high`)."""
    return reader.table(features.query("best_users"), {"target": name, "most": most})


def reasons(workspace: Workspace, reader: Reader, user_id: str, name: str, k: int = 5) -> pa.Table:
    """Why a score is what it is: how it would change if one thing about the user were typical.

    Occlusion: the score minus the score with a feature set to its typical value, the median or commonest
    of all users. Features that say the same of several windows are set together, and shown by one.

    Args:
        workspace: Where the models lie.
        reader: Of the version whose predictions are explained.
        user_id: Whose.
        name: A published target.
        k: How many, those that change most.

    Returns:
        Columns: `feature`, `title`, `value`, `typical` (as text), `change` (in the score's unit); the
        largest change first. Empty where the score is the same for everybody.

    Raises:
        EmptyError: Nothing is published.
        NotFoundError: The target or the user is not among the predictions.
        FileRefusedError: The stored model was changed.
    """
    import pyarrow as pa
    from threadpoolctl import threadpool_limits

    run_id = reader.manifest.group("scores").stats.get("run_id")
    if not run_id:
        raise EmptyError(text("Predictions must be trained first. Received: a workspace without any."),
                         title="No predictions yet", hint="Train them on the Predictions page.")  # fmt: skip
    if name not in [one.name for one in targets(reader)]:
        raise NotFoundError(
            text("A target must be among the published ones. Received: {name}.", name=name),
            title="Not predicted",
            hint="The Predictions page lists them, and why others were refused.",
        )
    folder = folder_of(workspace, str(run_id))
    facts = _facts(str(folder))
    given = _inputs(reader, user_id, facts)
    # A few dozen rows: threads would wait for one another longer than they work.
    with threadpool_limits(limits=1):
        if thing_of(name) is not None and name not in facts["targets"]:
            changes = _pair_changes(reader, folder, facts, given, str(thing_of(name)))
        else:
            changes = _user_changes(reader, folder, facts, given, name)
    changes.sort(key=lambda row: -abs(row["change"]))
    kept = [row for row in changes if row["change"]][:k]
    fields = ("feature", "title", "value", "typical")
    schema = pa.schema([*((field, pa.string()) for field in fields), ("change", pa.float64())])
    return pa.Table.from_pylist(kept, schema=schema)


@lru_cache(maxsize=8)
def _facts(folder: str) -> Mapping[str, Any]:
    return saved.load(Path(folder), only=()).facts


@lru_cache(maxsize=16)
def _estimators(folder: str, file: str) -> Any:
    """A run's files never change: what was compared and read once is kept."""
    stored: Stored = saved.load(Path(folder), only=(file,))
    return stored.estimators(file)


def _inputs(reader: Reader, user_id: str, facts: Mapping[str, Any]) -> Frame:
    """The user as they were scored."""
    row = reader.table("SELECT * FROM prediction_inputs WHERE user_id = $user_id", {"user_id": user_id})
    if not row.num_rows:
        raise NotFoundError(
            text("User '{user}' must be among the scored ones. Received: {user}.", user=user_id),
            title="Not scored",
            hint="Train the predictions again where the user is new.",
        )
    columns: dict[str, Column] = {}
    for name in row.column_names:
        column = features.column_of(row.column(name))
        if name != "user_id" and column is not None:
            columns[name] = column
    users = np.array([user_id], dtype=object)
    return Frame(datetime.fromisoformat(facts["as_of"]), float(facts["span_days"]), users, columns)


def _repeated(given: Frame, n: int) -> Frame:
    return given.of(np.zeros(n, np.int64))


def _user_changes(
    reader: Reader, folder: Path, facts: Mapping[str, Any], given: Frame, name: str
) -> list[dict[str, Any]]:
    about = facts["targets"][name]
    usual = {**facts["typical"], **about.get("typical", {})}
    if name in facts["channels"]:
        whom = Whom(first=str(given.users[0]), last=str(given.users[0]))
        given = features.channel_frame(reader, given, facts["channels"][name], whom=whom)
    learner = _LEARNERS[about["kind"]](
        about["candidate"],
        Shapes.of_json(about["shapes"]),
        dict(_estimators(str(folder), about["file"])),
        dict(about["facts"]),
    )
    known = [column for column in learner.columns if column in given.columns and column in usual]
    groups = families(known)
    asked = _repeated(given, len(groups) + 1)
    for place, members in enumerate(groups.values(), start=1):
        for member in members:
            column = asked.columns[member]
            value = usual[member]
            column[place] = value if column.dtype == object else np.nan if value is None else value
    scores = learner.predict(asked)
    return [
        {
            "feature": lead,
            "title": str(feature_of(lead).title),
            "value": _shown(given.columns[lead][0]),
            "typical": _shown(usual[lead]),
            "change": float(scores[0] - scores[place]),
        }
        for place, lead in enumerate(groups, start=1)
    ]


def _pair_changes(
    reader: Reader, folder: Path, facts: Mapping[str, Any], given: Frame, thing: str
) -> list[dict[str, Any]]:
    held = _estimators(str(folder), "pairs.skops")
    things = Things(
        tuple(facts["things"]["names"]), tuple(facts["things"]["titles"]), facts["things"]["by_item"]
    )
    at = things.names.index(thing)
    rates = {name: held[name] for name in ("thing_rate_28", "thing_rate_84")}
    whom = Whom(first=str(given.users[0]), last=str(given.users[0]))
    made = pairs(reader, things, given, whom=whom, factors=held["factors"], rates=rates)
    usual = {name: column[at if len(column) > 1 else 0] for name, column in facts["pairs"]["typical"].items()}
    learner = _of_one_thing(held, facts["pairs"], at)
    groups = families([name for name in COLUMNS_OF[learner.candidate] if name in usual])
    n = len(groups) + 1
    values = {name: np.repeat(made.plane(name)[:, at : at + 1], n, axis=0) for name in made.values}
    for place, members in enumerate(groups.values(), start=1):
        for member in members:
            values[member][place] = np.nan if usual[member] is None else usual[member]
    scores = learner.predict(Pairs(_repeated(given, n), values, 1))[:, 0]
    return [
        {
            "feature": lead,
            "title": str(feature_of(lead).title),
            "value": _shown(values[lead][0, 0]),
            "typical": _shown(usual[lead]),
            "change": float(scores[0] - scores[place]),
        }
        for place, lead in enumerate(groups, start=1)
    ]


def _of_one_thing(held: Mapping[str, Any], about: Mapping[str, Any], at: int) -> PairLearner:
    """The model of one category alone."""
    linear = {
        part: {name: array[at : at + 1] for name, array in arrays.items()}
        for part, arrays in held["linear"].items()
    }
    return PairLearner(
        about["candidate"], held["base"][at : at + 1], linear, held["trees"], dict(about["calibration"])
    )


def _shown(value: Any) -> str | None:
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return None
    return str(value) if isinstance(value, str) else text("{value}", value=float(value)).render()
