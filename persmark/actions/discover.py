"""Looking for groups and lookalikes, and keeping what was found."""

from __future__ import annotations

import dataclasses
from typing import Any

from persmark import segments
from persmark.actions.actor import Actor
from persmark.actions.audited import write_down
from persmark.actions.requests import FindGroups, FindLookalikes, SaveGroup, SaveLookalikes
from persmark.jobs import OnProgress
from persmark.store import Workspace


def find_groups(
    workspace: Workspace, actor: Actor, request: FindGroups, on_progress: OnProgress
) -> dict[str, Any]:
    """Groups of users, or that there are none."""
    found = segments.find_groups(
        workspace, families=request.families or None, wanted=request.wanted, seed=request.seed,
        on_progress=on_progress,
    )  # fmt: skip
    return {
        "run_id": found.run_id,
        "n_users": found.n_users,
        "n_groups": len(found.groups),
        "real": found.real,
        "p_value": found.p_value,
        "verdict": found.verdict.render(),
        "tried": [dataclasses.asdict(one) for one in found.tried],
        "groups": [
            {
                "number": one.number, "name": one.title.render(), "n_users": one.n_users,
                "jaccard": one.jaccard, "jaccard_interval": [one.low, one.high],
                "sentence": one.sentence.render(),
            }
            for one in found.groups
        ],
        "seconds": found.seconds,
    }  # fmt: skip


def find_lookalikes(
    workspace: Workspace, actor: Actor, request: FindLookalikes, on_progress: OnProgress
) -> dict[str, Any]:
    """Users ranked by likeness, and the test of it. The audit says how many ids were given, not which."""
    found = segments.find_lookalikes(
        workspace, segment=request.segment, rule=request.rule, user_ids=request.user_ids, seed=request.seed,
        on_progress=on_progress,
    )  # fmt: skip
    result = {
        "run_id": found.run_id,
        "n_seed": found.n_seed,
        "n_unknown": found.n_unknown,
        "n_others": found.n_others,
        "left_out": list(found.left_out),
        "recall": [dataclasses.asdict(one) for one in found.test.recalls],
        "leads": [dataclasses.asdict(one) for one in found.test.leads],
        "verdict": found.verdict.render(),
        "seconds": found.seconds,
    }
    asked = dataclasses.replace(request, user_ids=())
    write_down(workspace, actor, "lookalikes", asked, {**result, "n_listed": len(request.user_ids)})
    return result


def save_group(
    workspace: Workspace, actor: Actor, request: SaveGroup, on_progress: OnProgress
) -> dict[str, Any]:
    """A found group as a segment."""
    name = segments.save_group(workspace, request.run_id, request.number, request.name, actor.name)
    return {"segment": request.name, "list": name}


def save_lookalikes(
    workspace: Workspace, actor: Actor, request: SaveLookalikes, on_progress: OnProgress
) -> dict[str, Any]:
    """The first of a ranking as a segment."""
    name = segments.save_lookalikes(workspace, request.run_id, request.n_first, request.name, actor.name)
    return {"segment": request.name, "list": name}
