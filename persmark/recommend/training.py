"""Train one recommender: measured on the last window, then trained on everything and kept.

What serves when nothing was published yet: the new run, if it is one of the simple recommenders or
beats them by the paired interval; else the best simple one, trained beside it in the same go. Nothing
else is ever published by itself.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persmark.errors import BusyError, EmptyError, InputError
from persmark.metrics import paired_difference
from persmark.recommend.contract import Recommender
from persmark.recommend.evaluate import BOTH, EvaluateRequest, Evaluation, OnNamedPoint, evaluate
from persmark.recommend.interactions import Interactions, event_weights, load_interactions
from persmark.recommend.lesson import OnPoint
from persmark.recommend.options import Settings
from persmark.recommend.popular import Popular
from persmark.recommend.registry import SIMPLE, recommender
from persmark.recommend.runs import TRAINED, Run, keep_run, named, publish, published, remove_orphans
from persmark.recommend.split import windowed
from persmark.recommend.verdict import Result, verdict
from persmark.store import Reader, Workspace, exclusive, now
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress

# Slate length and window of the figures kept with a run.
VALIDATION_K, VALIDATION_DAYS = 10, 28
_MEASURED = 0.5  # share of the progress bar that measuring takes
_FOLDER = "trainings"


@dataclass(frozen=True)
class Ground:
    """What a training stands on, fixed once for measuring and for the final training.

    Args:
        weights: Event type -> weight, all that are used.
        own_weights: Whether they differ from the defaults.
        window_days: Only the last days are learned from; all where None.
        reads: Versions of the table groups.
    """

    weights: Mapping[str, float]
    own_weights: bool
    window_days: int | None
    reads: Mapping[str, int]

    def facts(self) -> dict[str, Any]:
        """As kept with a run."""
        return {
            "window_days": self.window_days,
            "event_weights": dict(self.weights) if self.own_weights else None,
        }


def chosen_weights(reader: Reader, weights: Mapping[str, float] | None) -> dict[str, float]:
    """The default weights with some of them changed; a weight of 0 leaves the type out.

    Raises:
        InputError: A weight is below 0, or of a type that this workspace does not hold on items.
    """
    usual = event_weights(reader)
    if not weights:
        return usual
    held = {
        str(row[0])
        for row in reader.rows(
            "SELECT DISTINCT event_type FROM events WHERE item_id IS NOT NULL", limit_ms=None
        )
    }
    for name, weight in weights.items():
        if name not in held:
            raise InputError(
                text("A weight must be of an event type with events on items. Received: {name}.", name=name),
                title="Unknown event type",
                hint=text("Available: {names}.", names=", ".join(sorted(held)) or "none"),
            )
        if not weight >= 0:
            raise InputError(
                text(
                    "The weight of '{name}' must be 0 or above. Received: {weight}.", name=name, weight=weight
                )
            )
    return {name: weight for name, weight in (usual | dict(weights)).items() if weight > 0}


def ground_of(
    workspace: Workspace, reader: Reader, *, weights: Mapping[str, float] | None, window_days: int | None
) -> Ground:
    """Weights and versions that a training uses.

    Raises:
        InputError: A weight is wrong.
    """
    used = chosen_weights(reader, weights)
    return Ground(used, used != event_weights(reader), window_days, dict(workspace.versions()))


def everything(reader: Reader, ground: Ground, *, with_facts: bool) -> Interactions:
    """What a run that serves is trained on.

    Raises:
        EmptyError: There is nothing to learn from.
    """
    interactions = load_interactions(reader, weights=ground.weights, with_facts=with_facts)
    if not len(interactions):
        raise EmptyError(
            text("Training needs at least one weighted event on an item. Received: none."),
            title="Nothing to learn from",
            hint="Load events, or give their event types a weight.",
        )
    return windowed(interactions, ground.window_days)


def train_run(
    workspace: Workspace,
    name: str,
    *,
    settings: Settings | Mapping[str, object] | None = None,
    weights: Mapping[str, float] | None = None,
    window_days: int | None = None,
    label: str = "",
    test_days: int = VALIDATION_DAYS,
    min_item_events: int = 1,
    seed: int = 0,
    on_progress: OnProgress | None = None,
    on_point: OnNamedPoint | None = None,
) -> Run:
    """Measure on the last window, then train on everything up to `as_of`, and keep the run.

    The measuring recommender never sees the window; the kept one is trained again with it. A long training
    that was cut off goes on where it was when it is asked for again.

    Args:
        workspace: Where.
        name: Of the recommender.
        settings: Its settings; defaults for the rest.
        weights: Event type -> weight, in place of the defaults; 0 leaves a type out.
        window_days: Learn from the last days only.
        label: What to call the run.
        test_days: Length of the window it is measured on, local days.
        min_item_events: Of the catalogue in the evaluation.
        seed: Of the bootstrap.
        on_progress: Called with a fraction 0 to 1 and what is happening.
        on_point: Called with the recommender's name and each point of its learning curve.

    Raises:
        NotFoundError: The recommender is unknown.
        InputError: A setting, a weight or the name is wrong.
        EmptyError: There is nothing to learn from.
    """
    kind = recommender(name)
    chosen = settings if isinstance(settings, kind.settings_type) else kind.settings_type.of(
        settings.as_dict() if isinstance(settings, Settings) else settings
    )  # fmt: skip
    called = named(label)
    started = time.perf_counter()

    def tell(share: float, doing: Text) -> None:
        if on_progress:
            on_progress(share, doing)

    remove_orphans(workspace)
    with _kept_on_the_way(workspace) as checkpoints:
        with workspace.reader() as reader:
            tell(0.0, text("Reading events"))
            ground = ground_of(workspace, reader, weights=weights, window_days=window_days)
            interactions = everything(reader, ground, with_facts=kind.needs_facts)
            request = EvaluateRequest(
                recommenders=(name, *(other for other in SIMPLE if other != name)),
                settings={name: chosen},
                test_days=test_days,
                min_item_events=min_item_events,
                k=VALIDATION_K,
                repeats=BOTH,
                seed=seed,
                time_zone=workspace.time_zone,
                event_weights=ground.weights,
                window_days=window_days,
            )
            measured: Evaluation | None
            try:
                measured = evaluate(
                    reader,
                    request,
                    on_progress=lambda share, doing: tell(_MEASURED * share, doing),
                    on_point=on_point,
                    checkpoints=checkpoints / "measured" if checkpoints else None,
                )
            except EmptyError:
                measured = None

        def fit(which: str, values: Settings | None, low: float, high: float) -> Run:
            fitting = time.perf_counter()
            made = recommender(which).train(
                interactions,
                values,
                on_progress=lambda share, doing: tell(low + (high - low) * share, doing),
                on_point=final_points(which, on_point),
                checkpoint=checkpoints / "final" / which if checkpoints else None,
            )
            run = run_for(
                made,
                measured,
                ground,
                label=called if which == name else "",
                fit_seconds=time.perf_counter() - fitting,
                seconds=time.perf_counter() - started,
                seed=seed,
                test_days=test_days,
            )
            return keep_run(workspace, with_weights(made, ground), run, per_user=figures_of(measured, which))

        run = fit(name, chosen, _MEASURED, 0.9)
        if published(workspace) is None:
            if name in SIMPLE or run.beats_simple:
                run = publish(workspace, run.run_id)
            else:
                tell(0.92, text("Training the best simple recommender, which serves meanwhile"))
                publish(workspace, fit(best_simple(measured), None, 0.92, 0.99).run_id)
        tell(1.0, text("Done"))
    return run


@contextmanager
def _kept_on_the_way(workspace: Workspace) -> Iterator[Path | None]:
    """Where a training keeps how far it is until it ends; None while another one of the workspace does."""
    folder: Path | None = workspace.folder / _FOLDER
    with ExitStack() as held:
        try:
            held.enter_context(exclusive(workspace.folder / f"{_FOLDER}.lock", wait_seconds=0))
        except BusyError:
            folder = None
        yield folder
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def final_points(name: str, on_point: OnNamedPoint | None) -> OnPoint | None:
    """The curve of the training on everything is told apart from the measured one."""
    return None if on_point is None else lambda point: on_point(f"{name} on everything", point)


def best_simple(measured: Evaluation | None) -> str:
    """The simple recommender with the highest NDCG; where nothing was measured, popularity."""
    rows = [row for row in measured.results if row.recommender in SIMPLE] if measured else []
    return max(rows, key=lambda row: row.ndcg).recommender if rows else Popular.name


def with_weights(made: Recommender, ground: Ground) -> Recommender:
    """Weights that are not the defaults travel with the recommender."""
    if ground.own_weights:
        made.event_weights = dict(ground.weights)
    return made


def figures_of(measured: Evaluation | None, name: str) -> Mapping[str, Any] | None:
    """Figures of single users of one row."""
    return (
        next((row.per_user for row in measured.results if row.recommender == name), None)
        if measured
        else None
    )


def run_for(
    made: Recommender,
    measured: Evaluation | None,
    ground: Ground,
    *,
    label: str,
    fit_seconds: float,
    seconds: float,
    seed: int,
    test_days: int,
) -> Run:
    """The row of a recommender that was trained on everything."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    kept: dict[str, Any] = {"final_fit_seconds": round(fit_seconds, 3)}
    if measured:
        kept |= _row_of(measured, made.name, seed=seed) | {"fingerprint": measured.fingerprint}
        if measured.removed:
            kept["removed"] = _row_of(measured.removed, made.name, seed=seed)
    return Run(
        run_id=f"{stamp}-{made.name}-{secrets.token_hex(2)}",
        recommender=made.name,
        settings=made.settings.as_dict(),
        reads=dict(ground.reads),
        split=measured.split if measured else {},
        metrics=kept,
        verdict=_said(measured, made.name, test_days=test_days, seed=seed),
        seconds=round(seconds, 3),
        state=TRAINED,
        trained_at=now(),
        label=label,
        data=ground.facts(),
    )


def _row_of(measured: Evaluation, name: str, *, seed: int) -> dict[str, Any]:
    """The row of a recommender with short ones of the others beside it."""
    ours = next(row for row in measured.results if row.recommender == name)
    return ours.to_json() | {
        "k": measured.k,
        "n_users": measured.n_users,
        "n_items": measured.n_items,
        "target": measured.target,
        "compared": [_beside(ours, row, seed=seed) for row in measured.results if row is not ours],
    }


def _beside(ours: Result, other: Result, *, seed: int) -> dict[str, Any]:
    gap = paired_difference(ours.per_user["ndcg"], other.per_user["ndcg"], seed=seed)
    short = replace(other, by_history=(), by_segment=(), curve=()).to_json()
    return short | {"ndcg_difference": [gap.low, gap.high]}


def _said(measured: Evaluation | None, name: str, *, test_days: int, seed: int) -> Text:
    if measured is None:
        return text(
            "There is too little data to measure: no user has events before the last {days} days and"
            " a known item within them.",
            days=test_days,
        )
    return verdict(measured.results, k=measured.k, seed=seed, subject=name)
