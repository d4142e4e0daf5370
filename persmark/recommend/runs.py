"""Runs: a recommender trained on a workspace, measured, kept, published, rolled back.

The model lies in `models/<run_id>` of the workspace, its row in the state table `runs`. Exactly one
run is published at a time; publishing another retires it, and publishing an older one is the way
back. A run that does not beat the simple recommenders is never published by itself. A crash before the
row is written leaves a folder that nothing points to, never half a run; the next training removes it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from persmark import metrics
from persmark.errors import EmptyError, InputError, NotFoundError
from persmark.recommend.contract import Recommender
from persmark.recommend.registry import SIMPLE, recommender
from persmark.store import Workspace, exclusive
from persmark.text import Text, text

TRAINED, PUBLISHED, RETIRED = "trained", "published", "retired"
# Figures of single users, without their ids: runs judged on the same users are compared in pairs.
MEASURED_FILE = "measured.npz"
PAIRED = ("ndcg", "recall", "hit_rate", "mrr")
_LONGEST_LABEL = 80


@dataclass(frozen=True)
class Run:
    """One training.

    Args:
        run_id: Its name.
        recommender: Name of the recommender.
        settings: As trained.
        reads: Versions of the table groups that were read.
        split: What it was measured on.
        metrics: The row of the evaluation (`ndcg`, `ndcg_interval`, ...) with `compared`, the rows
            beside it, each with `ndcg_difference`, the paired 95% interval of this run minus it, and
            `removed`, the same with repeats removed; empty where there was too little to measure.
        verdict: In words, whether it beats the simple recommenders.
        seconds: Wall time, measuring and training.
        state: trained, published or retired.
        trained_at: ISO-8601 UTC.
        label: What people call it; "" where nobody named it.
        data: What was chosen to learn from: `window_days`, `event_weights`.
    """

    run_id: str
    recommender: str
    settings: Mapping[str, Any]
    reads: Mapping[str, int]
    split: Mapping[str, Any]
    metrics: Mapping[str, Any]
    verdict: Text
    seconds: float
    state: str
    trained_at: str
    label: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def beats_simple(self) -> bool:
        """Whether it is better than every simple recommender measured beside it, by paired intervals."""
        rows = [row for row in self.metrics.get("compared", []) if row["recommender"] in SIMPLE]
        return bool(rows) and all(row.get("ndcg_difference", [0])[0] > 0 for row in rows)

    def to_json(self) -> dict[str, Any]:
        """The document that `train --json` prints."""
        return {
            "run_id": self.run_id,
            "recommender": self.recommender,
            "settings": dict(self.settings),
            "fit_seconds": self.metrics.get("final_fit_seconds", self.seconds),
            "seconds": self.seconds,
            "metrics": dict(self.metrics),
            "split": dict(self.split),
            "verdict": self.verdict.render(),
            "state": self.state,
            "trained_at": self.trained_at,
            "label": self.label,
            "data": dict(self.data),
        }


def publish(workspace: Workspace, run_id: str) -> Run:
    """Make this run the one that slates are served from; the one before is retired.

    Raises:
        NotFoundError: There is no such run.
        FileRefusedError: Its files were changed.
    """
    run = run_of(workspace, run_id)
    # A run that cannot be served must not replace one that can.
    recommender(run.recommender).load(folder_of(workspace, run_id))
    with workspace.state.transaction():
        workspace.state.change("runs", where={"state": PUBLISHED}, values={"state": RETIRED})
        workspace.state.change("runs", where={"run_id": run_id}, values={"state": PUBLISHED})
    return run_of(workspace, run_id)


def rename(workspace: Workspace, run_id: str, label: str) -> Run:
    """Call a run something; "" takes the name away.

    Raises:
        NotFoundError: There is no such run.
        InputError: The name is too long.
    """
    run_of(workspace, run_id)
    workspace.state.change("runs", where={"run_id": run_id}, values={"label": named(label)})
    return run_of(workspace, run_id)


def named(label: str) -> str:
    """A name for a run, without blanks around it.

    Raises:
        InputError: It is too long.
    """
    found = " ".join(label.split())
    if len(found) > _LONGEST_LABEL:
        raise InputError(
            text(
                "A run's name must have at most {most} characters. Received: {n}.",
                most=_LONGEST_LABEL,
                n=len(found),
            )
        )
    return found


@dataclass(frozen=True)
class RunComparison:
    """One run minus another.

    Args:
        paired: Whether both were judged on the same users, asked for the same.
        n_users: Of the first.
        differences: Metric -> mean difference with its paired 95% interval; empty where not paired.
    """

    paired: bool
    n_users: int
    differences: Mapping[str, metrics.Interval]


def compare_runs(workspace: Workspace, one: Run, other: Run, *, seed: int = 0) -> RunComparison:
    """How far one run is ahead of another, user by user where both were judged on the same ones."""
    n_users = int(one.metrics.get("n_users", 0))
    same = one.metrics.get("fingerprint")
    ours, theirs = _figures(workspace, one), _figures(workspace, other)
    if not same or same != other.metrics.get("fingerprint") or not ours or not theirs:
        return RunComparison(False, n_users, {})
    gaps = np.column_stack([ours[name] - theirs[name] for name in PAIRED])
    found = metrics.bootstrap_intervals(gaps, seed=seed)
    return RunComparison(True, n_users, dict(zip(PAIRED, found, strict=True)))


def _figures(workspace: Workspace, run: Run) -> dict[str, metrics.Floats]:
    """Figures of single users; empty for runs that kept none."""
    path = folder_of(workspace, run.run_id) / MEASURED_FILE
    try:
        with np.load(path, allow_pickle=False) as held:
            return {name: held[name].astype(np.float64) for name in PAIRED}
    except (OSError, ValueError, KeyError):
        return {}


def keep_run(
    workspace: Workspace,
    made: Recommender,
    run: Run,
    *,
    per_user: Mapping[str, metrics.Floats] | None = None,
) -> Run:
    """Write a recommender and its row: both or neither.

    Args:
        workspace: Where.
        made: Trained on everything.
        run: Its row.
        per_user: Figures of single users, to compare later runs with.
    """
    folder = folder_of(workspace, run.run_id)
    with _models(workspace):
        try:
            made.save(folder)
            if per_user:
                np.savez(folder / MEASURED_FILE, **{name: per_user[name].astype("f4") for name in PAIRED})  # type: ignore[arg-type]
            workspace.state.add("runs", _row(run))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return run


def runs(workspace: Workspace) -> list[Run]:
    """All runs, the latest first."""
    return [_run(row) for row in workspace.state.rows("runs", order="rowid DESC")]


def published(workspace: Workspace) -> Run | None:
    """The run that slates are served from; None before the first."""
    rows = workspace.state.rows("runs", where={"state": PUBLISHED}, limit=1)
    return _run(rows[0]) if rows else None


def run_of(workspace: Workspace, run_id: str) -> Run:
    """One run by its id.

    Raises:
        NotFoundError: There is none; the hint lists the latest.
    """
    rows = workspace.state.rows("runs", where={"run_id": run_id})
    if not rows:
        there = ", ".join(run.run_id for run in runs(workspace)[:5]) or "none yet"
        raise NotFoundError(
            text("A run must exist. Received: {run_id}.", run_id=run_id),
            title="No such run",
            hint=text("Latest: {names}.", names=there),
        )
    return _run(rows[0])


def load_run(workspace: Workspace, run_id: str | None = None) -> Recommender:
    """The trained recommender of a run; of the published one where no id is given.

    Raises:
        EmptyError: Nothing is published yet.
        NotFoundError: There is no such run, or its files are gone.
        FileRefusedError: Its files were changed.
    """
    run = published(workspace) if run_id is None else run_of(workspace, run_id)
    if run is None:
        raise EmptyError(
            text("A recommender must be trained first. Received: no published run."),
            title="Nothing trained",
            hint="Train one on the Train page.",
        )
    return recommender(run.recommender).load(folder_of(workspace, run.run_id))


def folder_of(workspace: Workspace, run_id: str) -> Path:
    """Where a run's files lie."""
    return workspace.folder / "models" / run_id


@contextmanager
def _models(workspace: Workspace) -> Iterator[None]:
    """Hold the folder of models: between a model and its row, nobody may take it for left over."""
    with exclusive(workspace.folder / "models.lock", wait_seconds=60):
        yield


def remove_orphans(workspace: Workspace) -> None:
    """Remove model folders that no run points to; a crashed training left them."""
    folder = workspace.folder / "models"
    if not folder.is_dir():
        return
    with _models(workspace):
        known = {str(row["run_id"]) for row in workspace.state.rows("runs")}
        for path in folder.iterdir():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)


def _row(run: Run) -> dict[str, object]:
    """The columns of `runs`; the verdict travels with the metrics, as template and values."""
    metrics = dict(run.metrics) | {"verdict": _packed(run.verdict)}
    return {
        "run_id": run.run_id,
        "recommender": run.recommender,
        "settings": json.dumps(dict(run.settings)),
        "reads": json.dumps(dict(run.reads)),
        "split": json.dumps(dict(run.split), ensure_ascii=False),
        "metrics": json.dumps(metrics, ensure_ascii=False),
        "seconds": run.seconds,
        "state": run.state,
        "trained_at": run.trained_at,
        "label": run.label,
        "data": json.dumps(dict(run.data)),
    }


def _run(row: Mapping[str, Any]) -> Run:
    metrics = json.loads(row["metrics"])
    said = _unpacked(metrics.pop("verdict"))
    assert isinstance(said, Text)
    return Run(
        run_id=row["run_id"],
        recommender=row["recommender"],
        settings=json.loads(row["settings"]),
        reads=json.loads(row["reads"]),
        split=json.loads(row["split"]),
        metrics=metrics,
        verdict=said,
        seconds=row["seconds"],
        state=row["state"],
        trained_at=row["trained_at"],
        label=row["label"] or "",
        data=json.loads(row["data"] or "{}"),
    )


def _packed(value: object) -> object:
    if isinstance(value, Text):
        return {"template": value.template, "values": {k: _packed(v) for k, v in value.values.items()}}
    return value


def _unpacked(value: object) -> object:
    if isinstance(value, dict):
        return Text(value["template"], {name: _unpacked(held) for name, held in value["values"].items()})
    return value
