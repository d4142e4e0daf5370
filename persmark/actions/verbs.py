"""Role check, work, audit: in this process, or in a detached one that outlives page and server."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persmark import jobs
from persmark.errors import BusyError
from persmark.jobs import OnProgress, unwatched
from persmark.settings import settings
from persmark.store import Workspace, open_workspace, room_on_disk
from persmark.text import text

if TYPE_CHECKING:
    pass

from persmark.actions import attending, discover, training, work
from persmark.actions.actor import ROLES, Actor, NotAllowedError
from persmark.actions.audited import write_down
from persmark.actions.requests import (
    ApplyRules,
    BuildProfiles,
    CheckQuality,
    Compact,
    CreateAudience,
    DeleteSegment,
    DropSnapshot,
    DuplicateSegment,
    Evaluate,
    ExportAudience,
    ExportSegment,
    FindBest,
    FindGroups,
    FindLookalikes,
    ImportSegment,
    JudgeAttention,
    KeepApart,
    LoadDemo,
    LoadFiles,
    LoadSample,
    PublishPredictions,
    PublishRun,
    RenameRun,
    Request,
    RestoreSegment,
    SaveGroup,
    SaveLookalikes,
    SaveRule,
    SaveSegment,
    SummariseAttention,
    SwitchRule,
    TakeSnapshot,
    Train,
    TrainPredictions,
    UndoLoad,
    UndoSegment,
)  # fmt: skip


@dataclass(frozen=True)
class _Verb:
    """How a request is carried out.

    Attributes:
        name: As in jobs and audit.
        request: Its class.
        role: The least role that may do it.
        lane: Jobs of one lane run one after the other.
        do: The work.
        audited: Whether the room writes the audit row itself.
    """

    name: str
    request: type[Any]
    role: str
    lane: str
    do: Callable[[Workspace, Actor, Any, OnProgress], dict[str, Any]]
    audited: bool = False


_VERBS = (
    _Verb("sample", LoadSample, "owner", "write", work.load_sample, audited=True),
    _Verb("simulate", LoadDemo, "owner", "write", work.load_demo, audited=True),
    _Verb("load", LoadFiles, "owner", "write", work.load_files, audited=True),
    _Verb("undo", UndoLoad, "owner", "write", work.undo),
    _Verb("keep apart", KeepApart, "owner", "write", work.keep_apart),
    _Verb("quality", CheckQuality, "owner", "quality", work.check_quality),
    _Verb("save rule", SaveRule, "owner", "state", work.save_rule),
    _Verb("switch rule", SwitchRule, "owner", "state", work.switch_rule),
    _Verb("rules", ApplyRules, "owner", "write", work.apply_rules),
    _Verb("compact", Compact, "owner", "compact", work.compact),
    _Verb("profiles", BuildProfiles, "marketer", "write", work.build_profiles, audited=True),
    _Verb("save segment", SaveSegment, "marketer", "state", work.save_segment, audited=True),
    _Verb("delete segment", DeleteSegment, "marketer", "state", work.delete_segment, audited=True),
    _Verb("snapshot", TakeSnapshot, "marketer", "snapshot", work.take_snapshot),
    _Verb("drop snapshot", DropSnapshot, "marketer", "snapshot", work.drop_snapshot),
    _Verb("restore segment", RestoreSegment, "marketer", "state", work.restore_segment, audited=True),
    _Verb("undo segment", UndoSegment, "marketer", "state", work.undo_segment, audited=True),
    _Verb("duplicate segment", DuplicateSegment, "marketer", "state", work.duplicate_segment, audited=True),
    _Verb("import segment", ImportSegment, "marketer", "state", work.import_segment, audited=True),
    _Verb("export segment", ExportSegment, "marketer", "export", work.export_segment, audited=True),
    _Verb("groups", FindGroups, "marketer", "discover", discover.find_groups),
    _Verb("lookalikes", FindLookalikes, "marketer", "discover", discover.find_lookalikes, audited=True),
    _Verb("save group", SaveGroup, "marketer", "state", discover.save_group),
    _Verb("save lookalikes", SaveLookalikes, "marketer", "state", discover.save_lookalikes),
    _Verb("train", Train, "marketer", "train", training.train),
    _Verb("find best", FindBest, "marketer", "train", training.find_best),
    _Verb("name run", RenameRun, "marketer", "state", training.rename),
    _Verb("predict", TrainPredictions, "marketer", "train", work.train_predictions),
    _Verb("judge", JudgeAttention, "marketer", "attention", attending.judge),
    _Verb("summarise attention", SummariseAttention, "marketer", "attention", attending.summarise),
    _Verb("publish predictions", PublishPredictions, "marketer", "write", work.publish_predictions),
    _Verb("publish", PublishRun, "marketer", "state", training.publish),
    _Verb("evaluate", Evaluate, "marketer", "train", training.evaluate),
    _Verb("audience", CreateAudience, "marketer", "state", work.audience, audited=True),
    _Verb("export", ExportAudience, "marketer", "export", work.export, audited=True),
)
_BY_REQUEST = {verb.request: verb for verb in _VERBS}
_BY_NAME = {verb.name: verb for verb in _VERBS}


def verb_of(request: Request, actor: Actor) -> _Verb:
    """The verb of a request, if the actor may do it."""
    verb = _BY_REQUEST[type(request)]
    if actor.role not in ROLES or ROLES.index(actor.role) < ROLES.index(verb.role):
        raise NotAllowedError(
            text("To {verb}, a person must be {role}. Received: {name}, a {actual}.",
                 verb=verb.name, role=verb.role, name=actor.name, actual=actor.role),
            title="Not allowed",
            hint="Ask an owner of this workspace.",
        )  # fmt: skip
    return verb


def run(
    workspace: Workspace, actor: Actor, request: Request, on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """Do it now, in this process.

    Returns:
        The JSON document that the command line prints.

    Raises:
        NotAllowedError: The actor's role does not carry it.
        PersmarkError: Whatever the room refuses.
    """
    verb = verb_of(request, actor)
    with room_on_disk(workspace.folder):
        result = verb.do(workspace, actor, request, on_progress or unwatched)
    if not verb.audited:
        write_down(workspace, actor, verb.name, request, result)
    if workspace.stats("events").get("n_deltas", 0) >= settings().events.compact_after_deltas:
        _compact_beside(workspace, actor, request)
    return result


def _compact_beside(workspace: Workspace, actor: Actor, request: Request) -> None:
    """After one append too many, a compaction that nobody waits for: readers go on meanwhile."""
    if isinstance(request, LoadFiles):
        with suppress(BusyError):
            start(workspace, actor, Compact())


def start(workspace: Workspace, actor: Actor, request: Request) -> jobs.Job:
    """Do it in a detached process and return at once.

    Raises:
        NotAllowedError: The actor's role does not carry it.
        BusyError: Something of the same lane is running in this workspace.
    """
    verb = verb_of(request, actor)
    asked = {"actor": dataclasses.asdict(actor), "request": dataclasses.asdict(request)}
    return jobs.start(workspace, verb.name, asked, lane=verb.lane)


def carry_out(folder: Path) -> dict[str, Any]:
    """The work of the detached process: do what the job in `folder` was asked to do."""
    asked = jobs.request(folder)
    verb = _BY_NAME[asked["verb"]]
    kinds = {one.name: one for one in dataclasses.fields(verb.request)}
    values = {
        name: tuple(value) if isinstance(value, list) and name in kinds else value
        for name, value in asked["request"].items()
    }
    workspace = open_workspace(asked["workspace"])
    return run(workspace, Actor(**asked["actor"]), verb.request(**values), jobs.progress_writer(folder))
