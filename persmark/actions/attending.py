"""Verbs over attention: whether a run's weights may be believed, where it looks over segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from persmark import attention, recommend, segments
from persmark.errors import EmptyError, InputError
from persmark.jobs import OnProgress
from persmark.store import Workspace
from persmark.text import text

if TYPE_CHECKING:
    from persmark.actions.actor import Actor
    from persmark.actions.requests import JudgeAttention, SummariseAttention

MOST_SEGMENTS = 4


def judge(
    workspace: Workspace, actor: Actor, request: JudgeAttention, on_progress: OnProgress
) -> dict[str, Any]:
    """Judged, and kept beside the run."""
    run_id = request.run_id
    if run_id is None:
        published = recommend.published(workspace)
        if published is None:
            raise EmptyError(
                text("Judging attention needs a trained recommender. Received: a workspace without one."),
                title="Nothing trained",
                hint="Train one on the Train page.",
            )
        run_id = published.run_id
    found = attention.judge_run(
        workspace, run_id, n_users=request.n_users, seed=request.seed, on_progress=on_progress
    )
    return {"run_id": run_id, "said": found.said.render(), **found.to_json()}


def summarise(
    workspace: Workspace, actor: Actor, request: SummariseAttention, on_progress: OnProgress
) -> dict[str, Any]:
    """One table per segment; of two, what differs most."""
    names = list(dict.fromkeys(request.segments)) or [segments.EVERYONE]
    if len(names) > MOST_SEGMENTS:
        raise InputError(
            text(
                "At most {most} segments are summed up at once. Received: {n}.",
                most=MOST_SEGMENTS,
                n=len(names),
            )
        )
    run = recommend.run_of(workspace, request.run_id)
    on_progress(0.0, text("Loading the model"))
    recommender = recommend.load_run(workspace, run.run_id)
    # What the result depends on, as it was before: a change meanwhile makes it old.
    versions, saved = dict(workspace.versions()), segments.saved_rules(workspace)
    tables = {}
    n_users = {}
    with workspace.reader() as reader:
        for place, name in enumerate(names):
            on_progress((place + 0.1) / len(names), text("Where the model looks: {segment}", segment=name))
            rule = segments.get_segment(workspace, name).rule
            users = segments.members(reader, rule, saved=saved)["user_id"].to_pylist()
            n_users[name] = len(users)
            tables[name] = attention.summarise_users(reader, recommender, users, as_of=workspace.as_of())
    result: dict[str, Any] = {
        "run_id": run.run_id,
        "recommender": run.recommender,
        "versions": versions,
        "saved": saved,
        "segments": [
            {
                "segment": name,
                "n_users": n_users[name],
                "n_drawn": min(n_users[name], attention.most_summarised(recommender)),
                "rows": _rows(table),
            }
            for name, table in tables.items()
        ],
    }
    if len(tables) > 1:
        one, other = list(tables.values())[:2]
        result["differences"] = _rows(attention.differences(one, other))
    on_progress(1.0, text("Summed up"))
    return result


def _rows(table: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")
    return rows
