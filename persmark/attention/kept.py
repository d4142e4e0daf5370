"""The verdict on a run's attention, kept beside its model."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from persmark.attention.judge import Judged, judge
from persmark.attention.users import cases_of
from persmark.errors import EmptyError
from persmark.recommend import load_run, run_of
from persmark.store import Workspace
from persmark.text import text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress

FILE = "attention.json"
SAMPLE_USERS = 200
LEAST_USERS = 30


def verdict_of(workspace: Workspace, run_id: str) -> Judged | None:
    """What is known of a run's attention; None before it was judged."""
    path = _path(workspace, run_id)
    try:
        held: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return Judged.of(held["judged"])


def judge_run(
    workspace: Workspace,
    run_id: str,
    *,
    n_users: int = SAMPLE_USERS,
    seed: int = 0,
    minutes: float | None = None,
    on_progress: OnProgress | None = None,
) -> Judged:
    """Measure a run's attention on a sample of users, and keep the verdict.

    Args:
        workspace: Where.
        run_id: Of a recommender that attends.
        n_users: How many are drawn.
        seed: Of the draw and the bootstrap.
        minutes: Stop after so many, once `LEAST_USERS` are measured; all `n_users` where left out.
        on_progress: Called with a fraction 0 to 1 and what is happening.

    Raises:
        NotFoundError: There is no such run.
        EmptyError: The recommender has no weights, or nobody has events enough.
    """
    run = run_of(workspace, run_id)
    recommender = load_run(workspace, run_id)
    if on_progress:
        on_progress(0.0, text("Drawing users"))
    with workspace.reader() as reader:
        rows = reader.rows(
            "SELECT DISTINCT user_id FROM events WHERE item_id IS NOT NULL ORDER BY user_id",
            limit_ms=None,
        )
        users = _drawn([str(row[0]) for row in rows], n_users, seed)
        cases = list(cases_of(reader, recommender, users, seed=seed))
    if not cases:
        raise EmptyError(
            text(
                "Attention must be that of a model that has weights. Received: {name}.", name=run.recommender
            ),
            title="No attention weights",
            hint="Train self_attention or ranker on the Train page.",
        )

    def done(n: int) -> None:
        if on_progress:
            on_progress(
                0.05 + 0.94 * n / len(cases), text("Judging attention: {n} of {m} users", n=n, m=len(cases))
            )

    started = time.monotonic()

    def enough(n: int) -> bool:
        return minutes is not None and n >= LEAST_USERS and time.monotonic() - started > 60 * minutes

    found = judge(cases, on_user=done, enough=enough, seed=seed)
    path = _path(workspace, run_id)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps({"run_id": run_id, "seed": seed, "judged": found.to_json()}), "utf-8")
    part.replace(path)
    if on_progress:
        on_progress(1.0, text("Attention is judged"))
    return found


def _drawn(users: Sequence[str], n_users: int, seed: int) -> list[str]:
    if len(users) <= n_users:
        return list(users)
    places = np.random.default_rng(seed).choice(len(users), n_users, replace=False)
    return [users[place] for place in np.sort(places).tolist()]


def _path(workspace: Workspace, run_id: str) -> Path:
    return workspace.folder / "models" / run_id / FILE
