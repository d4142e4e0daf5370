"""Trainings of the profile models: kept, published one at a time, rolled back.

Models and scores lie in `predictions/<run_id>` of the workspace, the report in the state table
`prediction_runs`. Publishing writes the run's stored scores as table `predictions`; publishing an older
run is the way back. A crash before the row is written leaves a folder that the next training removes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from persmark.errors import EmptyError, NotFoundError
from persmark.profiles.predict import saved
from persmark.store import Workspace, exclusive
from persmark.text import text

# In the state table a run is trained until it is published first, and retired from then on; which of
# those is published, the tables tell.
TRAINED, PUBLISHED, RETIRED = "trained", "published", "retired"
SCORES, INPUTS = "scores.parquet", "inputs.parquet"
# What a training reads; where one of them moved on, its predictions are stale.
READS = ("events", "catalogue", "profiles")
_ROWS_AT_ONCE = 500_000


@dataclass(frozen=True)
class PredictionRun:
    """One training.

    Attributes:
        run_id: Its name.
        settings: As trained.
        reads: Content versions of the groups that were read.
        report: What each target came to: see `persmark.profiles.predict.train`.
        seconds: Wall time.
        state: trained, published or retired.
        trained_at: ISO-8601 UTC.
    """

    run_id: str
    settings: Mapping[str, Any]
    reads: Mapping[str, int]
    report: Mapping[str, Any]
    seconds: float
    state: str
    trained_at: str

    def to_json(self) -> dict[str, Any]:
        """A short document: no bins, no curves."""
        targets = self.report["targets"]
        return {
            "run_id": self.run_id,
            "as_of": self.report["as_of"],
            "n_users": self.report["n_users"],
            "n_targets": len(targets),
            "n_refused": len(self.report["refused"]),
            "seconds": self.seconds,
            "state": self.state,
            "trained_at": self.trained_at,
        }


def folder_of(workspace: Workspace, run_id: str) -> Path:
    """Where a run's files lie."""
    return workspace.folder / "predictions" / run_id


def prediction_runs(workspace: Workspace) -> list[PredictionRun]:
    """All runs, the latest first."""
    return [_run(workspace, row) for row in workspace.state.rows("prediction_runs", order="rowid DESC")]


def published_run(workspace: Workspace) -> PredictionRun | None:
    """The run whose scores are table `predictions`; None before the first."""
    rows = workspace.state.rows("prediction_runs", where={"run_id": _published_id(workspace)})
    return _run(workspace, rows[0]) if rows else None


def _published_id(workspace: Workspace) -> str:
    """What the published tables themselves say, so that a crash cannot part them from the state."""
    return str(workspace.stats("scores").get("run_id", ""))


def prediction_run(workspace: Workspace, run_id: str) -> PredictionRun:
    """One run.

    Raises:
        NotFoundError: There is none of that id.
    """
    rows = workspace.state.rows("prediction_runs", where={"run_id": run_id})
    if not rows:
        there = ", ".join(run.run_id for run in prediction_runs(workspace)[:5]) or "none yet"
        raise NotFoundError(
            text("A run of predictions must exist. Received: {run_id}.", run_id=run_id),
            title="No such run",
            hint=text("Latest: {names}.", names=there),
        )
    return _run(workspace, rows[0])


def need_run(workspace: Workspace) -> PredictionRun:
    """The published run.

    Raises:
        EmptyError: Nothing is published yet.
    """
    run = published_run(workspace)
    if run is None:
        raise EmptyError(
            text("Predictions must be trained first. Received: a workspace without any."),
            title="No predictions yet",
            hint="Train them on the Predictions page.",
        )
    return run


def is_stale(workspace: Workspace, run: PredictionRun) -> bool:
    """Whether events, catalogue or profiles have changed since a run was trained."""
    manifest = workspace.manifest()
    return any(manifest.group(name).content != run.reads.get(name, 0) for name in READS)


def content_versions(workspace: Workspace) -> dict[str, int]:
    """Of the groups that a training reads."""
    manifest = workspace.manifest()
    return {name: manifest.group(name).content for name in READS}


def publish_predictions(workspace: Workspace, run_id: str) -> PredictionRun:
    """Make a run's scores table `predictions`; the run before is retired.

    Raises:
        NotFoundError: There is no such run, or its files are gone.
        FileRefusedError: Its files were changed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    run = prediction_run(workspace, run_id)
    # Everything is compared first: a run that could not be explained must not replace one that can.
    folder = saved.load(folder_of(workspace, run_id)).folder
    with workspace.write("scores") as writer:
        for batch in pq.ParquetFile(folder / SCORES).iter_batches(_ROWS_AT_ONCE):
            writer.put("predictions", pa.Table.from_batches([batch]))
        writer.create("predictions")
        place = writer.place("prediction_inputs")
        writer.rows(
            f"CREATE TABLE {place} AS SELECT * FROM given_inputs ORDER BY user_id",
            inputs={"given_inputs": pq.read_table(folder / INPUTS)},
        )
        named = [
            [name, one.get("title"), bool(one.get("contacted"))]
            for name, one in run.report["targets"].items()
        ]
        writer.stats.update({"run_id": run_id, "as_of": run.report["as_of"], "targets": named})
    workspace.state.change("prediction_runs", where={"run_id": run_id}, values={"state": RETIRED})
    return prediction_run(workspace, run_id)


@contextmanager
def _folders(workspace: Workspace) -> Iterator[None]:
    """Hold the folder of runs: between files and their row, nobody may take them for left over."""
    with exclusive(workspace.folder / "predictions.lock", wait_seconds=60):
        yield


def remove_orphans(workspace: Workspace) -> None:
    """Remove folders that no run points to; a crashed or cancelled training left them."""
    folder = workspace.folder / "predictions"
    if not folder.is_dir():
        return
    with _folders(workspace):
        known = {str(row["run_id"]) for row in workspace.state.rows("prediction_runs")}
        for path in folder.iterdir():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)


def keep_run(workspace: Workspace, run: PredictionRun, write: Any) -> None:
    """Write a run's files by calling `write(folder)`, then its row: both or neither."""
    with _folders(workspace):
        folder = folder_of(workspace, run.run_id)
        folder.parent.mkdir(exist_ok=True)
        try:
            write(folder)
            workspace.state.add("prediction_runs", _row(run))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _row(run: PredictionRun) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "settings": json.dumps(dict(run.settings)),
        "reads": json.dumps(dict(run.reads)),
        "report": json.dumps(dict(run.report), ensure_ascii=False),
        "seconds": run.seconds,
        "state": run.state,
        "trained_at": run.trained_at,
    }


def _run(workspace: Workspace, row: Mapping[str, Any]) -> PredictionRun:
    return PredictionRun(
        run_id=row["run_id"],
        settings=json.loads(row["settings"]),
        reads=json.loads(row["reads"]),
        report=json.loads(row["report"]),
        seconds=row["seconds"],
        state=PUBLISHED if row["run_id"] == _published_id(workspace) else row["state"],
        trained_at=row["trained_at"],
    )
