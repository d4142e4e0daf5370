"""Runs: a recommender trained on a workspace, measured, kept, published, rolled back.

The model lies in `models/<run_id>` of the workspace, its row in the state table `runs`. Exactly one
run is published at a time; publishing another retires it, and publishing an older one is the way
back. A crash before the row is written leaves a folder that nothing points to, never half a run; the
next training removes it.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persmark.errors import EmptyError, NotFoundError
from persmark.metrics import paired_difference
from persmark.recommend.contract import Recommender
from persmark.recommend.evaluate import EvaluateRequest, Evaluation, evaluate
from persmark.recommend.interactions import event_weights, load_interactions
from persmark.recommend.options import Settings
from persmark.recommend.registry import SIMPLE, recommender
from persmark.recommend.verdict import verdict
from persmark.store import Workspace, exclusive, now
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress

TRAINED, PUBLISHED, RETIRED = "trained", "published", "retired"
# Slate length and window of the figures kept with a run.
VALIDATION_K, VALIDATION_DAYS = 10, 28
_MEASURED = 0.5  # share of the progress bar that measuring takes


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
            beside it, each with `ndcg_difference`, the paired 95% interval of this run minus it; empty
            where there was too little to measure.
        verdict: In words, whether it beats the simple recommenders.
        seconds: Wall time, measuring and training.
        state: trained, published or retired.
        trained_at: ISO-8601 UTC.
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
        }


def train_run(
    workspace: Workspace,
    name: str,
    *,
    settings: Settings | Mapping[str, object] | None = None,
    weights: Mapping[str, float] | None = None,
    test_days: int = VALIDATION_DAYS,
    min_item_events: int = 1,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Run:
    """Measure on the last window, then train on everything up to `as_of`, and keep the run.

    The measuring recommender never sees the window; the kept one is trained again with it. The
    first run of a workspace is published; later ones wait for `publish`.

    Args:
        workspace: Where.
        name: Of the recommender.
        settings: Its settings; defaults for the rest.
        weights: Event type -> weight, kept with the recommender; defaults where left out.
        test_days: Length of the window, local days.
        min_item_events: Of the catalogue in the evaluation.
        seed: Of the bootstrap.
        on_progress: Called with a fraction 0 to 1 and what is happening.

    Raises:
        NotFoundError: The recommender is unknown.
        InputError: A setting is wrong.
        EmptyError: There is nothing to learn from.
    """
    kind = recommender(name)
    chosen = settings if isinstance(settings, kind.settings_type) else kind.settings_type.of(
        settings.as_dict() if isinstance(settings, Settings) else settings
    )  # fmt: skip
    started = time.perf_counter()

    def tell(share: float, doing: Text) -> None:
        if on_progress:
            on_progress(share, doing)

    _remove_orphans(workspace)
    with workspace.reader() as reader:
        tell(0.0, text("Reading events"))
        used = dict(event_weights(reader) if weights is None else weights)
        interactions = load_interactions(reader, weights=used, with_facts=kind.needs_facts)
        if not len(interactions):
            raise EmptyError(
                text("Training needs at least one weighted event on an item. Received: none."),
                title="Nothing to learn from",
                hint="Load events, or give their event types a weight.",
            )
        request = EvaluateRequest(
            recommenders=(name, *(other for other in SIMPLE if other != name)),
            settings={name: chosen},
            test_days=test_days,
            min_item_events=min_item_events,
            k=VALIDATION_K,
            seed=seed,
            time_zone=workspace.time_zone,
            event_weights=used,
        )
        measured: Evaluation | None
        try:
            measured = evaluate(
                reader, request, on_progress=lambda share, doing: tell(_MEASURED * share, doing)
            )
        except EmptyError:
            measured = None
        reads = dict(workspace.versions())

    fitting = time.perf_counter()
    made = kind.train(
        interactions,
        chosen,
        on_progress=lambda share, doing: tell(_MEASURED + (0.95 - _MEASURED) * share, doing),
    )
    fit_seconds = time.perf_counter() - fitting
    trained_at = now()
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    run_id = f"{stamp}-{name}-{secrets.token_hex(2)}"
    if weights is not None:
        made.event_weights = used
    tell(0.95, text("Saving"))
    run = Run(
        run_id=run_id,
        recommender=name,
        settings=made.settings.as_dict(),
        reads=reads,
        split=measured.split if measured else {},
        metrics=_kept_metrics(measured, fit_seconds, seed=seed),
        verdict=_said(measured, name, test_days=test_days, seed=seed),
        seconds=round(time.perf_counter() - started, 3),
        state=TRAINED,
        trained_at=trained_at,
    )
    with _models(workspace):
        try:
            made.save(_folder(workspace, run_id))
            with workspace.state.transaction():
                workspace.state.add("runs", _row(run))
                if published(workspace) is None:
                    run = publish(workspace, run_id)
        except BaseException:
            shutil.rmtree(_folder(workspace, run_id), ignore_errors=True)
            raise
    tell(1.0, text("Done"))
    return run


def _kept_metrics(measured: Evaluation | None, fit_seconds: float, *, seed: int) -> dict[str, Any]:
    kept: dict[str, Any] = {"final_fit_seconds": round(fit_seconds, 3)}
    if measured:
        ours = measured.results[0].per_user["ndcg"]
        rows = [row.to_json() for row in measured.results]
        for row, other in zip(rows[1:], measured.results[1:], strict=True):
            gap = paired_difference(ours, other.per_user["ndcg"], seed=seed)
            row["ndcg_difference"] = [gap.low, gap.high]
        kept |= rows[0] | {
            "k": measured.k,
            "n_users": measured.n_users,
            "n_items": measured.n_items,
            "target": measured.target,
            "compared": rows[1:],
        }
    return kept


def _said(measured: Evaluation | None, name: str, *, test_days: int, seed: int) -> Text:
    if measured is None:
        return text(
            "There is too little data to measure: no user has events before the last {days} days and"
            " a known item within them.",
            days=test_days,
        )
    return verdict(measured.results, k=measured.k, seed=seed, subject=name)


def publish(workspace: Workspace, run_id: str) -> Run:
    """Make this run the one that slates are served from; the one before is retired.

    Raises:
        NotFoundError: There is no such run.
        FileRefusedError: Its files were changed.
    """
    run = run_of(workspace, run_id)
    # A run that cannot be served must not replace one that can.
    recommender(run.recommender).load(_folder(workspace, run_id))
    with workspace.state.transaction():
        workspace.state.change("runs", where={"state": PUBLISHED}, values={"state": RETIRED})
        workspace.state.change("runs", where={"run_id": run_id}, values={"state": PUBLISHED})
    return run_of(workspace, run_id)


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
    return recommender(run.recommender).load(_folder(workspace, run.run_id))


def _folder(workspace: Workspace, run_id: str) -> Path:
    return workspace.folder / "models" / run_id


@contextmanager
def _models(workspace: Workspace) -> Iterator[None]:
    """Hold the folder of models: between a model and its row, nobody may take it for left over."""
    with exclusive(workspace.folder / "models.lock", wait_seconds=60):
        yield


def _remove_orphans(workspace: Workspace) -> None:
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
    )


def _packed(value: object) -> object:
    if isinstance(value, Text):
        return {"template": value.template, "values": {k: _packed(v) for k, v in value.values.items()}}
    return value


def _unpacked(value: object) -> object:
    if isinstance(value, dict):
        return Text(value["template"], {name: _unpacked(held) for name, held in value["values"].items()})
    return value
