"""One recommender measured: trained once, every score matrix ranked for all questions."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from persmark import metrics
from persmark.errors import InputError
from persmark.recommend import exposure
from persmark.recommend.contract import Recommender, blocks
from persmark.recommend.interactions import Interactions
from persmark.recommend.lesson import OnPoint
from persmark.recommend.options import Settings
from persmark.recommend.registry import recommender
from persmark.recommend.task import REMOVED, Question, Task
from persmark.recommend.topk import best_columns
from persmark.text import text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress

Figures = Mapping[str, metrics.Floats]


@dataclass(frozen=True, eq=False)
class Measured:
    """What measuring came to, before intervals.

    Args:
        recommender: Name.
        settings: As trained.
        fit_seconds: Wall time of training.
        score_seconds: Wall time of scoring and ranking, all questions together.
        curve: Points of the learning curve.
        figures: For each question: metric -> (n_users,).
        shown: For each question: (n_users, k) slates as columns; negative ones are empty places.
        new: Figures of users without a history; empty where there are none.
    """

    recommender: str
    settings: Mapping[str, Any]
    fit_seconds: float
    score_seconds: float
    curve: tuple[Mapping[str, float], ...]
    figures: tuple[Figures, ...]
    shown: tuple[metrics.Ints, ...]
    new: Figures


def measured(
    name: str,
    task: Task,
    *,
    k: int,
    settings: Settings | Mapping[str, object] | None = None,
    on_progress: OnProgress | None = None,
    on_point: OnPoint | None = None,
    checkpoint: Path | None = None,
) -> Measured:
    """Train on the task's training events and rank the catalogue for everybody who is asked for.

    `checkpoint` is a folder in which a long training keeps its state, and from which it goes on.

    Raises:
        InputError: A score is not finite.
    """
    started = time.perf_counter()
    made = recommender(name).train(
        task.train,
        settings,
        validation=task.validation,
        on_progress=on_progress,
        on_point=on_point,
        checkpoint=checkpoint,
    )
    fitted = time.perf_counter()
    found = [
        (_figures(question, ranks, shown, task, k), shown[question.users])
        for question, (ranks, shown) in zip(
            task.questions, ranked(made, task.histories, task.questions, task, k=k), strict=True
        )
    ]
    scored = time.perf_counter()
    new: Figures = {}
    if task.new is not None:
        ((ranks, shown),) = ranked(made, task.new_histories, (task.new,), task, k=k)
        new = _figures(task.new, ranks, shown, task, k)
    return Measured(
        recommender=name,
        settings=made.settings.as_dict(),
        fit_seconds=fitted - started,
        score_seconds=scored - fitted,
        curve=tuple(dict(point) for point in made.curve),
        figures=tuple(one for one, _ in found),
        shown=tuple(shown for _, shown in found),
        new=new,
    )


def ranked(
    made: Recommender, histories: Interactions, questions: tuple[Question, ...], task: Task, *, k: int
) -> list[tuple[metrics.TiedRanks, metrics.Ints]]:
    """For each question the ranks of its pairs and the slate of each user, in blocks of users."""
    n_items = task.train.n_items
    ranks: list[list[metrics.TiedRanks]] = [[] for _ in questions]
    shown: list[list[npt.NDArray[Any]]] = [[] for _ in questions]
    for block in blocks(histories.n_users, n_items):
        scores = made.score_matrix(histories, block)
        # A sum is finite only where every term is; far cheaper than a mask of the block.
        if not np.isfinite(scores.sum(dtype=np.float64)):
            raise InputError(
                text("Scores of '{name}' must be finite. Received: others. Train it again.", name=made.name)
            )
        for place, question in enumerate(questions):
            own = scores
            seen = slice(*np.searchsorted(task.seen_row, [block.start, block.stop]))
            if question.repeats == REMOVED and seen.stop > seen.start:
                own = scores.copy()
                own[task.seen_row[seen] - block.start, task.seen_item[seen]] = -np.inf
            pairs = slice(*np.searchsorted(question.row, [block.start, block.stop]))
            ranks[place].append(
                metrics.tied_ranks(own, question.row[pairs] - block.start, question.item[pairs])
            )
            top = best_columns(own, min(k, n_items))
            shown[place].append(np.where(np.isfinite(np.take_along_axis(own, top, axis=1)), top, -1))
    return [(metrics.combined(one), np.concatenate(slates)) for one, slates in zip(ranks, shown, strict=True)]


def _figures(
    question: Question, ranks: metrics.TiedRanks, shown: metrics.Ints, task: Task, k: int
) -> Figures:
    """Metric -> figure of each user of the question."""
    n_rows = ranks.n_users
    users = question.users
    within = metrics.share_within(ranks, k)
    weight = np.bincount(question.row, weights=question.pair_weight, minlength=n_rows)
    found = np.bincount(question.row, weights=question.pair_weight * within, minlength=n_rows)
    percentile = task.standing.percentile
    bias = exposure.mean_shown(percentile, shown) - exposure.mean_of_pairs(
        percentile, question.row, question.item, n_rows
    )
    whole = {
        "ndcg": metrics.ndcg(ranks, k),
        "recall": metrics.recall(ranks, k),
        "hit_rate": metrics.hit_rate(ranks, k),
        "mrr": metrics.mrr(ranks, k),
        "novelty": exposure.mean_shown(task.standing.bits, shown),
        "popularity_bias": bias,
        "debiased_recall": found / np.where(weight > 0, weight, 1.0),
    }
    return {name: values[users] for name, values in whole.items()}


def save_measured(path: Path, found: Measured) -> None:
    """Write what was measured to a file, whole or not at all; no pickle."""
    facts = {
        "recommender": found.recommender,
        "settings": dict(found.settings),
        "fit_seconds": found.fit_seconds,
        "score_seconds": found.score_seconds,
        "curve": [dict(point) for point in found.curve],
        "n_questions": len(found.figures),
    }
    arrays: dict[str, npt.NDArray[Any]] = {"facts": np.frombuffer(json.dumps(facts).encode(), np.uint8)}
    for place, (figures, shown) in enumerate(zip(found.figures, found.shown, strict=True)):
        arrays |= {f"{place}:{name}": values for name, values in figures.items()}
        arrays[f"{place}/shown"] = shown
    arrays |= {f"new:{name}": values for name, values in found.new.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    with aside.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    aside.replace(path)


def load_measured(path: Path) -> Measured | None:
    """What `save_measured` wrote; None where there is none that can be read."""
    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        facts = json.loads(arrays["facts"].tobytes())
        places = range(facts["n_questions"])

        def figures(head: str) -> Figures:
            return {name.split(":")[1]: one for name, one in arrays.items() if name.startswith(f"{head}:")}

        return Measured(
            recommender=facts["recommender"],
            settings=facts["settings"],
            fit_seconds=facts["fit_seconds"],
            score_seconds=facts["score_seconds"],
            curve=tuple(facts["curve"]),
            figures=tuple(figures(str(place)) for place in places),
            shown=tuple(arrays[f"{place}/shown"] for place in places),
            new=figures("new"),
        )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
