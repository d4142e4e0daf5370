"""Every verb a person can do, for the pages and the command line alike.

A verb is a frozen request. `run` checks the role, does it in this process and writes the audit;
`start` does the same in a detached process (`python -m persmark job`), which outlives page and server.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persmark import campaigns, events, jobs, profiles, recommend, segments, simulate
from persmark.columns import PURCHASE
from persmark.errors import BusyError, InputError, PersmarkError
from persmark.jobs import OnProgress
from persmark.privacy import Vault, save_consents
from persmark.settings import settings
from persmark.store import Workspace, create_workspace, delete_workspace, open_workspace, workspace_exists
from persmark.store import workspace_name as named
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.recommend import Recommender

SAMPLE, DEMO = "sample", "demo"
ROLES = ("viewer", "marketer", "owner")


@dataclass(frozen=True)
class Actor:
    """Who asks. Roles: a viewer looks, a marketer builds and exports, an owner also changes data."""

    name: str = "local"
    role: str = "owner"


class NotAllowedError(PersmarkError, PermissionError):
    """The actor's role does not carry this verb."""


@dataclass(frozen=True)
class LoadSample:
    """Load the built-in sample, then build its profiles."""


@dataclass(frozen=True)
class LoadDemo:
    """Make the synthetic shop and magazine, load it, then build its profiles.

    Attributes:
        n_users: Invented users.
        seed: Same seed, same data.
    """

    n_users: int = 2000
    seed: int = 7


@dataclass(frozen=True)
class LoadFiles:
    """Load files one after the other.

    Attributes:
        paths: Where they lie.
        kind: events, items or users; guessed per file where left out.
        mapping: What the columns mean; proposed per file where left out.
        names: What people call them; the file names where left out.
        build_profiles: Build the profiles afterwards.
        delete_after: Remove the files once they are loaded (uploads).
    """

    paths: tuple[str, ...]
    kind: str | None = None
    mapping: Mapping[str, Any] | None = None
    names: tuple[str, ...] = ()
    build_profiles: bool = True
    delete_after: bool = False


@dataclass(frozen=True)
class UndoLoad:
    """Take the events of one source out again."""

    source_id: int


@dataclass(frozen=True)
class Compact:
    """Make one sorted base of the events again."""


@dataclass(frozen=True)
class BuildProfiles:
    """Build the profiles as of a time (ISO-8601 UTC), the last event's by default."""

    as_of: str | None = None


@dataclass(frozen=True)
class SaveSegment:
    """Save a rule under a name, as a new version where the name exists."""

    name: str
    rule: Mapping[str, Any]


@dataclass(frozen=True)
class DeleteSegment:
    """Put a saved segment away."""

    name: str


@dataclass(frozen=True)
class RestoreSegment:
    """Bring a segment that was put away back."""

    name: str


@dataclass(frozen=True)
class Train:
    """Measure a recommender on the last window, train it on everything, keep the run."""

    recommender: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishRun:
    """Make a run the one that slates use."""

    run_id: str


@dataclass(frozen=True)
class Evaluate:
    """Compare recommenders; see `persmark.recommend.EvaluateRequest`."""

    recommenders: tuple[str, ...] = ("popular", "repeat", "markov")
    split: str = "temporal"
    test_file: str | None = None
    test_days: int = 28
    target: str | None = PURCHASE
    min_item_events: int = 1
    k: int = 10
    repeats: str = "allowed"
    seed: int = 0


@dataclass(frozen=True)
class CreateAudience:
    """Choose users and withhold some at random; see `persmark.campaigns.create_audience`."""

    name: str
    segment: str | None = None
    item_id: str | None = None
    exclude_segments: tuple[str, ...] = ()
    limit: int | None = None
    holdout_share: float = 0.10
    seed: int = 1


@dataclass(frozen=True)
class ExportAudience:
    """Write a target list; see `persmark.campaigns.export`. `out` is a folder."""

    audience: str
    destination: str = "csv"
    out: str | None = None
    k_items: int = 3


Request = (
    LoadSample
    | LoadDemo
    | LoadFiles
    | UndoLoad
    | Compact
    | BuildProfiles
    | SaveSegment
    | DeleteSegment
    | RestoreSegment
    | Train
    | PublishRun
    | Evaluate
    | CreateAudience
    | ExportAudience
)


def _nothing(fraction: float, message: Text) -> None:
    """Progress that nobody watches."""


def _part(on_progress: OnProgress, low: float, high: float) -> OnProgress:
    """The progress of one step of several."""
    return lambda fraction, message: on_progress(low + (high - low) * fraction, message)


def _built(workspace: Workspace, actor: Actor, on_progress: OnProgress) -> dict[str, Any]:
    made = profiles.build_profiles(workspace, actor=actor.name, on_progress=on_progress)
    return {"n_users": made.n_users, "as_of": made.as_of.isoformat(), "seconds": made.seconds}


def _load_sample(
    workspace: Workspace, actor: Actor, request: LoadSample, on_progress: OnProgress
) -> dict[str, Any]:
    loaded = events.load_sample(workspace, on_progress=_part(on_progress, 0, 0.7))
    if workspace.stale("profiles") or not workspace.versions().get("profiles"):
        _built(workspace, actor, _part(on_progress, 0.7, 1))
    return {**loaded, "sources": [source.to_json() for source in events.ledger(workspace)]}


def _load_demo(
    workspace: Workspace, actor: Actor, request: LoadDemo, on_progress: OnProgress
) -> dict[str, Any]:
    import pyarrow.parquet as pq

    on_progress(0.02, text("Inventing {n} users", n=request.n_users))
    made = simulate.simulate(n_users=request.n_users, seed=request.seed)
    tables = {
        name: getattr(made, name)
        for name in ("events", "items", "item_offers", "users", "exposures", "outcomes")
    }
    on_progress(0.3, text("Loading {n} events", n=made.events.num_rows))
    name = f"simulation (seed {request.seed})"
    n_events = events.load_tables(workspace, name, tables, on_progress=_part(on_progress, 0.3, 0.6))
    on_progress(0.6, text("Locking the contacts away"))
    Vault(workspace.folder).put_contacts(made.contacts)
    save_consents(workspace.state, made.consents)
    truth = workspace.folder / "truth"
    truth.mkdir(exist_ok=True)
    pq.write_table(made.truth, truth / "users.parquet")
    pq.write_table(made.item_truth, truth / "items.parquet")
    planted = {"campaign": dict(made.campaign), "ads": dict(made.ads), "seed": request.seed}
    (truth / "world.json").write_text(json.dumps(planted, default=str), "utf-8")
    built = _built(workspace, actor, _part(on_progress, 0.7, 1))
    return {"n_events": n_events, "n_users": built["n_users"], "seed": request.seed}


def _load_files(
    workspace: Workspace, actor: Actor, request: LoadFiles, on_progress: OnProgress
) -> dict[str, Any]:
    mapping = events.Mapping.from_json(request.mapping) if request.mapping else None
    share = 0.7 if request.build_profiles else 1.0
    sources: list[events.Source] = []
    try:
        for position, path in enumerate(request.paths):
            low, high = share * position / len(request.paths), share * (position + 1) / len(request.paths)
            sources.append(
                events.load(
                    workspace,
                    path,
                    kind=request.kind,
                    mapping=mapping,
                    name=request.names[position] if position < len(request.names) else None,
                    on_progress=_part(on_progress, low, high),
                )
            )
    finally:
        if request.delete_after:
            for path in request.paths:
                Path(path).unlink(missing_ok=True)
    if request.build_profiles and workspace.stats("events").get("n_events"):
        _built(workspace, actor, _part(on_progress, share, 1))
    if workspace.stats("events").get("n_deltas", 0) >= settings().events.compact_after_deltas:
        # Nobody waits for it: readers go on with base and deltas until it is published.
        with suppress(BusyError):
            start(workspace, actor, Compact())
    return {"sources": [source.to_json() for source in sources]}


def _undo(workspace: Workspace, actor: Actor, request: UndoLoad, on_progress: OnProgress) -> dict[str, Any]:
    return {"n_events": events.undo_load(workspace, request.source_id, on_progress=on_progress)}


def _compact(workspace: Workspace, actor: Actor, request: Compact, on_progress: OnProgress) -> dict[str, Any]:
    return {"n_events": events.compact(workspace, on_progress=on_progress)}


def _profiles(
    workspace: Workspace, actor: Actor, request: BuildProfiles, on_progress: OnProgress
) -> dict[str, Any]:
    try:
        as_of = datetime.fromisoformat(request.as_of) if request.as_of else None
    except ValueError as error:
        raise InputError(
            text("A time must be ISO-8601, UTC. Received: {value}.", value=request.as_of),
            hint="For example 2017-12-03T23:59:59.",
        ) from error
    made = profiles.build_profiles(workspace, as_of=as_of, actor=actor.name, on_progress=on_progress)
    return {"n_users": made.n_users, "as_of": made.as_of.isoformat(), "seconds": made.seconds}


def _save_segment(
    workspace: Workspace, actor: Actor, request: SaveSegment, on_progress: OnProgress
) -> dict[str, Any]:
    version = segments.save_segment(workspace, request.name, dict(request.rule), actor.name)
    return {"segment": request.name, "version": version}


def _delete_segment(
    workspace: Workspace, actor: Actor, request: DeleteSegment, on_progress: OnProgress
) -> dict[str, Any]:
    segments.delete_segment(workspace, request.name, actor.name)
    return {"segment": request.name}


def _restore_segment(
    workspace: Workspace, actor: Actor, request: RestoreSegment, on_progress: OnProgress
) -> dict[str, Any]:
    version = segments.restore_segment(workspace, request.name, actor.name)
    return {"segment": request.name, "version": version}


def _train(workspace: Workspace, actor: Actor, request: Train, on_progress: OnProgress) -> dict[str, Any]:
    run_ = recommend.train_run(
        workspace, request.recommender, settings=request.settings, on_progress=on_progress
    )
    return run_.to_json()


def _publish(
    workspace: Workspace, actor: Actor, request: PublishRun, on_progress: OnProgress
) -> dict[str, Any]:
    return recommend.publish(workspace, request.run_id).to_json()


def _evaluate(
    workspace: Workspace, actor: Actor, request: Evaluate, on_progress: OnProgress
) -> dict[str, Any]:
    values = dataclasses.asdict(request)
    values["test_file"] = Path(request.test_file) if request.test_file else None
    values["recommenders"] = tuple(request.recommenders)
    asked = recommend.EvaluateRequest(**values, time_zone=workspace.time_zone)
    with workspace.reader() as reader:
        found: dict[str, Any] = recommend.evaluate(reader, asked, on_progress=on_progress).to_json()
    return found


def serving(workspace: Workspace, name: str | None = None) -> tuple[Recommender, str] | None:
    """The recommender that slates use, with its run: the published one, or the newest of a name.

    Returns:
        None where nothing was trained and no name was asked for.

    Raises:
        NotFoundError: The name is unknown, or was never trained here.
    """
    if name is None:
        run_ = recommend.published(workspace)
        return (recommend.load_run(workspace, run_.run_id), run_.run_id) if run_ else None
    recommend.recommender(name)
    for run_ in recommend.runs(workspace):
        if run_.recommender == name:
            return recommend.load_run(workspace, run_.run_id), run_.run_id
    raise _never_trained(name)


def _never_trained(name: str) -> PersmarkError:
    """A recommender of that name was never trained in the workspace."""
    return InputError(
        text("Recommender '{name}' must have been trained in this workspace. Received: {name}.", name=name),
        title="Not trained yet",
        hint="Train it on the Train page, or with `train`.",
    )


def _audience(
    workspace: Workspace, actor: Actor, request: CreateAudience, on_progress: OnProgress
) -> dict[str, Any]:
    on_progress(0.1, text("Choosing users for {name}", name=request.name))
    found = serving(workspace)
    made = campaigns.create_audience(
        workspace,
        request.name,
        segment=request.segment,
        item_id=request.item_id,
        exclude_segments=tuple(request.exclude_segments),
        limit=request.limit,
        holdout_share=request.holdout_share,
        seed=request.seed,
        actor=actor.name,
        recommender=found[0] if found else None,
        run_id=found[1] if found else None,
    )
    return made.to_json()


def _export(
    workspace: Workspace, actor: Actor, request: ExportAudience, on_progress: OnProgress
) -> dict[str, Any]:
    found = serving(workspace)
    written = campaigns.export(
        workspace,
        request.audience,
        destination=request.destination,
        out=Path(request.out) if request.out else None,
        k_items=request.k_items,
        recommender=found[0] if found else None,
        run_id=found[1] if found else None,
        actor=actor.name,
        on_progress=on_progress,
    )
    return written.to_json()


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
    _Verb("sample", LoadSample, "owner", "write", _load_sample),
    _Verb("simulate", LoadDemo, "owner", "write", _load_demo),
    _Verb("load", LoadFiles, "owner", "write", _load_files),
    _Verb("undo", UndoLoad, "owner", "write", _undo),
    _Verb("compact", Compact, "owner", "compact", _compact),
    _Verb("profiles", BuildProfiles, "marketer", "write", _profiles, audited=True),
    _Verb("save segment", SaveSegment, "marketer", "state", _save_segment, audited=True),
    _Verb("delete segment", DeleteSegment, "marketer", "state", _delete_segment, audited=True),
    _Verb("restore segment", RestoreSegment, "marketer", "state", _restore_segment, audited=True),
    _Verb("train", Train, "marketer", "train", _train),
    _Verb("publish", PublishRun, "marketer", "state", _publish),
    _Verb("evaluate", Evaluate, "marketer", "train", _evaluate),
    _Verb("audience", CreateAudience, "marketer", "state", _audience, audited=True),
    _Verb("export", ExportAudience, "marketer", "export", _export, audited=True),
)
_BY_REQUEST = {verb.request: verb for verb in _VERBS}
_BY_NAME = {verb.name: verb for verb in _VERBS}


def _verb(request: Request, actor: Actor) -> _Verb:
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
    verb = _verb(request, actor)
    result = verb.do(workspace, actor, request, on_progress or _nothing)
    if not verb.audited:
        workspace.audit(actor.name, verb.name, dataclasses.asdict(request), _short(result))
    return result


def _short(result: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit keeps of a result: figures and names, not whole documents."""
    kept: dict[str, Any] = {
        key: value for key, value in result.items() if isinstance(value, str | int | float | bool)
    }
    if "sources" in result:
        keys = ("source_id", "file", "sha256", "rows_in", "loaded", "duplicate", "rejected", "skipped")
        kept["sources"] = [{key: source[key] for key in keys} for source in result["sources"]]
    return kept


def start(workspace: Workspace, actor: Actor, request: Request) -> jobs.Job:
    """Do it in a detached process and return at once.

    Raises:
        NotAllowedError: The actor's role does not carry it.
        BusyError: Something of the same lane is running in this workspace.
    """
    verb = _verb(request, actor)
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


def _busy(workspace: Workspace, verb: str) -> bool:
    job = jobs.latest(workspace, verb)
    return job is not None and job.active


def sample_workspace() -> Workspace:
    """The workspace of the built-in sample, made where it is missing; nothing is loaded."""
    from persmark.events.sample import TIME_ZONE

    return create_workspace(SAMPLE, label="The Complete Journey (sample)", kind="sample", time_zone=TIME_ZONE)


def demo_workspace() -> Workspace:
    """The workspace of the synthetic demo, made where it is missing; nothing is loaded."""
    return create_workspace(DEMO, label="Demo (synthetic)", kind="demo", time_zone="Europe/Berlin")


def ensure_sample(actor: Actor) -> Workspace:
    """The sample's workspace, being loaded in the background unless it stands already."""
    workspace = sample_workspace()
    if not workspace.stats("events").get("n_events") and not _busy(workspace, "sample"):
        start(workspace, actor, LoadSample())
    return workspace


def ensure_demo(actor: Actor, *, n_users: int = 2000, seed: int = 7) -> Workspace:
    """The demo's workspace, being made in the background unless it stands already."""
    workspace = demo_workspace()
    if not workspace.stats("events").get("n_events") and not _busy(workspace, "simulate"):
        start(workspace, actor, LoadDemo(n_users=n_users, seed=seed))
    return workspace


def workspace_for_upload(file_name: str) -> str:
    """A free workspace name made from a file's name."""
    stem = file_name
    for ending in (".gz", ".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson", ".json"):
        stem = stem[: -len(ending)] if stem.lower().endswith(ending) else stem
    base = named(Path(stem).name)
    name, n = base, 2
    while name in (SAMPLE, DEMO) or workspace_exists(name):
        name, n = f"{base}-{n}", n + 1
    return name


def create_workspace_for_upload(actor: Actor, file_name: str, *, time_zone: str = "UTC") -> Workspace:
    """A new workspace named after a file.

    Raises:
        NotAllowedError: The actor is no owner.
        InputError: The time zone is unknown.
    """
    _verb(LoadFiles(paths=()), actor)
    return create_workspace(workspace_for_upload(file_name), label=Path(file_name).name, time_zone=time_zone)


def remove_workspace(actor: Actor, name: str) -> None:
    """Delete a workspace with all it holds.

    Raises:
        NotAllowedError: The actor is no owner.
        NotFoundError: There is none of that name.
    """
    _verb(UndoLoad(0), actor)
    delete_workspace(name)
