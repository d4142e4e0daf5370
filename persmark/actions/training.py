"""How requests about recommenders are carried out: train, find the best, publish, name, compare."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persmark import attention, recommend, segments
from persmark.errors import EmptyError
from persmark.jobs import OnProgress, points_of
from persmark.store import Reader, Workspace
from persmark.text import Text

if TYPE_CHECKING:
    from persmark.actions.actor import Actor
    from persmark.actions.requests import Evaluate, FindBest, PublishRun, RenameRun, Train

# Share of the progress bar that training takes where attention is judged after it.
_TRAINING = 0.8
# Judging stops after this, with as many users as were measured.
_JUDGING_MINUTES = 3.0


def train(workspace: Workspace, actor: Actor, request: Train, on_progress: OnProgress) -> dict[str, Any]:
    """Measured, trained, kept; then whether its attention may be believed, where it has any."""
    attends = recommend.recommender(request.recommender).attends()
    share = _TRAINING if attends else 1.0

    def training(fraction: float, doing: Text) -> None:
        on_progress(share * fraction, doing)

    run = recommend.train_run(
        workspace,
        request.recommender,
        settings=request.settings,
        weights=request.weights or None,
        window_days=request.window_days,
        label=request.label,
        on_progress=training,
        on_point=points_of(on_progress),
    )
    document = run.to_json()
    if attends:
        document["attention"] = _judged(
            workspace, run.run_id, lambda done, doing: on_progress(share + (1 - share) * done, doing)
        )
    return document


def _judged(workspace: Workspace, run_id: str, on_progress: OnProgress) -> str | None:
    """The verdict in words; None where there is too little to judge by. The run stands either way."""
    try:
        found = attention.judge_run(workspace, run_id, minutes=_JUDGING_MINUTES, on_progress=on_progress)
    except EmptyError:
        return None
    return found.said.render()


def find_best(
    workspace: Workspace, actor: Actor, request: FindBest, on_progress: OnProgress
) -> dict[str, Any]:
    """The best in a given time; its leaderboard is kept."""
    values = {one.name: getattr(request, one.name) for one in dataclasses.fields(request)}
    asked = recommend.FindBest(**values | {"weights": request.weights or None})
    found = recommend.find_best(workspace, asked, on_progress=on_progress, on_point=points_of(on_progress))
    document = found.to_json()
    if found.winner is not None and recommend.recommender(found.winner.recommender).attends():
        document["attention"] = _judged(workspace, found.winner.run_id, on_progress)
    if found.evaluation is not None:
        recommend.keep_evaluation(workspace, document["evaluation"], found.winner.reads)
    return document


def publish(
    workspace: Workspace, actor: Actor, request: PublishRun, on_progress: OnProgress
) -> dict[str, Any]:
    """The run that serves."""
    return recommend.publish(workspace, request.run_id).to_json()


def rename(workspace: Workspace, actor: Actor, request: RenameRun, on_progress: OnProgress) -> dict[str, Any]:
    """A run called something else."""
    return recommend.rename(workspace, request.run_id, request.label).to_json()


def evaluate(
    workspace: Workspace, actor: Actor, request: Evaluate, on_progress: OnProgress
) -> dict[str, Any]:
    """Recommenders compared; the table is kept for the leaderboard."""
    reads = dict(workspace.versions())
    with workspace.reader() as reader:
        asked = recommend.EvaluateRequest(
            recommenders=tuple(request.recommenders),
            settings=request.settings,
            split=request.split,
            test_days=request.test_days,
            test_file=Path(request.test_file) if request.test_file else None,
            target=request.target,
            min_item_events=request.min_item_events,
            k=request.k,
            repeats=request.repeats,
            seed=request.seed,
            time_zone=workspace.time_zone,
            event_weights=recommend.chosen_weights(reader, request.weights) if request.weights else None,
            window_days=request.window_days,
        )
        found: dict[str, Any] = recommend.evaluate(
            reader,
            asked,
            groups={name: _members(workspace, reader, name) for name in request.segments},
            on_progress=on_progress,
            on_point=points_of(on_progress),
        ).to_json()
    recommend.keep_evaluation(workspace, found, reads)
    return found


def _members(workspace: Workspace, reader: Reader, name: str) -> list[str]:
    rule = segments.get_segment(workspace, name).rule
    saved = segments.saved_rules(workspace)
    found: list[str] = segments.members(reader, rule, saved=saved)["user_id"].to_pylist()
    return found
