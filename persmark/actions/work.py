"""How each request is carried out: the rooms in their order, one function per verb."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persmark import campaigns, events, profiles, segments, simulate
from persmark.errors import InputError
from persmark.events import quality
from persmark.jobs import OnProgress
from persmark.privacy import Vault, save_consents
from persmark.store import Workspace
from persmark.text import text

if TYPE_CHECKING:
    pass

from persmark.actions.actor import Actor
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
    ExportAudience,
    ExportSegment,
    ImportSegment,
    KeepApart,
    LoadDemo,
    LoadFiles,
    LoadSample,
    PublishPredictions,
    RestoreSegment,
    SaveRule,
    SaveSegment,
    SwitchRule,
    TakeSnapshot,
    TrainPredictions,
    UndoLoad,
    UndoSegment,
)  # fmt: skip
from persmark.actions.serving import serving


def _part(on_progress: OnProgress, low: float, high: float) -> OnProgress:
    """The progress of one step of several."""
    return lambda fraction, message: on_progress(low + (high - low) * fraction, message)


def _built(
    workspace: Workspace, actor: Actor, on_progress: OnProgress, as_of: datetime | None = None
) -> dict[str, Any]:
    made = profiles.refresh_profiles(workspace, as_of=as_of, actor=actor.name, on_progress=on_progress)
    return {
        "n_users": made.n_users,
        "as_of": made.as_of.isoformat(),
        "seconds": made.seconds,
        "n_refreshed": made.n_refreshed,
    }


def load_sample(
    workspace: Workspace, actor: Actor, request: LoadSample, on_progress: OnProgress
) -> dict[str, Any]:
    """The sample, then its profiles."""
    loaded = events.load_sample(workspace, on_progress=_part(on_progress, 0, 0.65))
    write_down(workspace, actor, "sample", request, loaded)
    _settled(workspace, _part(on_progress, 0.65, 0.7))
    if workspace.stale("profiles") or not workspace.versions().get("profiles"):
        _built(workspace, actor, _part(on_progress, 0.7, 1))
    return {**loaded, "sources": [source.to_json() for source in events.ledger(workspace)]}


def load_demo(
    workspace: Workspace, actor: Actor, request: LoadDemo, on_progress: OnProgress
) -> dict[str, Any]:
    """The synthetic shop with its contacts and consents, its truth beside it, then its profiles."""
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
    write_down(workspace, actor, "simulate", request, {"n_events": n_events})
    on_progress(0.6, text("Locking the contacts away"))
    Vault(workspace.folder).put_contacts(made.contacts)
    save_consents(workspace.state, made.consents)
    truth = workspace.folder / "truth"
    truth.mkdir(exist_ok=True)
    pq.write_table(made.truth, truth / "users.parquet")
    pq.write_table(made.item_truth, truth / "items.parquet")
    planted = {"campaign": dict(made.campaign), "ads": dict(made.ads), "seed": request.seed}
    (truth / "world.json").write_text(json.dumps(planted, default=str), "utf-8")
    _settled(workspace, _part(on_progress, 0.65, 0.7))
    built = _built(workspace, actor, _part(on_progress, 0.7, 1))
    return {"n_events": n_events, "n_users": built["n_users"], "seed": request.seed}


def load_files(
    workspace: Workspace, actor: Actor, request: LoadFiles, on_progress: OnProgress
) -> dict[str, Any]:
    """File after file, then rules, a check and the profiles."""
    mapping = events.Mapping.from_json(request.mapping) if request.mapping is not None else None
    share = 0.7 if request.build_profiles else 1.0
    sources: list[events.Source] = []
    try:
        for position, path in enumerate(request.paths):
            low, high = (0.9 * share * (position + n) / len(request.paths) for n in (0, 1))
            source = events.load(
                workspace,
                path,
                kind=request.kind,
                mapping=mapping or request.mapping_name,
                name=request.names[position] if position < len(request.names) else None,
                on_progress=_part(on_progress, low, high),
            )
            # At once: what stands is written down even where the profiles after it are cancelled.
            write_down(workspace, actor, "load", request, {"sources": [source.to_json()]})
            sources.append(source)
    finally:
        if request.delete_after:
            for path in request.paths:
                Path(path).unlink(missing_ok=True)
    _settled(workspace, _part(on_progress, 0.9 * share, share))
    if request.build_profiles and workspace.stats("events").get("n_events"):
        _built(workspace, actor, _part(on_progress, share, 1))
    return {"sources": [source.to_json() for source in sources]}


def undo(workspace: Workspace, actor: Actor, request: UndoLoad, on_progress: OnProgress) -> dict[str, Any]:
    """One source out again."""
    left = events.undo_load(workspace, request.source_id, on_progress=_part(on_progress, 0, 0.9))
    _settled(workspace, _part(on_progress, 0.9, 1))
    return {"n_events": left}


def _settled(workspace: Workspace, on_progress: OnProgress) -> None:
    """After new events: rules that have more to do, then a look at all of them."""
    if quality.rules_pending(workspace):
        quality.apply_rules(workspace, on_progress=_part(on_progress, 0, 0.7))
    quality.check_quality(workspace, on_progress=_part(on_progress, 0.7, 1))


def check_quality(
    workspace: Workspace, actor: Actor, request: CheckQuality, on_progress: OnProgress
) -> dict[str, Any]:
    """A look at all events."""
    found = quality.check_quality(workspace, on_progress=on_progress)
    return {level: sum(one.level == level for one in found) for level in quality.LEVELS}


def save_rule(
    workspace: Workspace, actor: Actor, request: SaveRule, on_progress: OnProgress
) -> dict[str, Any]:
    """A quality rule, switched on."""
    return {"rule_id": quality.save_rule(workspace, quality.Rule.from_json(request.rule))}


def switch_rule(
    workspace: Workspace, actor: Actor, request: SwitchRule, on_progress: OnProgress
) -> dict[str, Any]:
    """A quality rule on or off."""
    quality.switch_rule(workspace, request.rule_id, active=request.active)
    return {"rule_id": request.rule_id, "active": request.active}


def apply_rules(
    workspace: Workspace, actor: Actor, request: ApplyRules, on_progress: OnProgress
) -> dict[str, Any]:
    """All events under the rules that are switched on, a check, then the profiles where there are any."""
    share = 0.6 if request.build_profiles and workspace.versions().get("profiles") else 1.0
    left = quality.apply_rules(workspace, on_progress=_part(on_progress, 0, 0.8 * share))
    quality.check_quality(workspace, on_progress=_part(on_progress, 0.8 * share, share))
    if share < 1 and left.n_events:
        _built(workspace, actor, _part(on_progress, share, 1))
    return dataclasses.asdict(left)


def keep_apart(
    workspace: Workspace, actor: Actor, request: KeepApart, on_progress: OnProgress
) -> dict[str, Any]:
    """Two ids that are two people after all."""
    left = events.keep_apart(workspace, request.one, request.other, on_progress=_part(on_progress, 0, 0.9))
    _settled(workspace, _part(on_progress, 0.9, 1))
    return dataclasses.asdict(left)


def compact(workspace: Workspace, actor: Actor, request: Compact, on_progress: OnProgress) -> dict[str, Any]:
    """One base again."""
    return {"n_events": events.compact(workspace, on_progress=on_progress)}


def build_profiles(
    workspace: Workspace, actor: Actor, request: BuildProfiles, on_progress: OnProgress
) -> dict[str, Any]:
    """The profiles as of a time."""
    return _built(workspace, actor, on_progress, _moment(request.as_of))


def _moment(as_of: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(as_of) if as_of else None
    except ValueError as error:
        raise InputError(
            text("A time must be ISO-8601, UTC. Received: {value}.", value=as_of),
            hint="For example 2017-12-03T23:59:59.",
        ) from error


def take_snapshot(
    workspace: Workspace, actor: Actor, request: TakeSnapshot, on_progress: OnProgress
) -> dict[str, Any]:
    """The profiles of another moment, kept."""
    kept = segments.take_snapshot(
        workspace,
        as_of=_moment(request.as_of),
        before_source=request.before_source,
        on_progress=on_progress,
    )
    return kept.to_json()


def drop_snapshot(
    workspace: Workspace, actor: Actor, request: DropSnapshot, on_progress: OnProgress
) -> dict[str, Any]:
    """The profiles of a moment, no longer kept."""
    segments.drop_snapshot(workspace, request.snapshot_id)
    return {"snapshot_id": request.snapshot_id}


def save_segment(
    workspace: Workspace, actor: Actor, request: SaveSegment, on_progress: OnProgress
) -> dict[str, Any]:
    """A rule under a name."""
    version = segments.save_segment(workspace, request.name, dict(request.rule), actor.name)
    return {"segment": request.name, "version": version}


def delete_segment(
    workspace: Workspace, actor: Actor, request: DeleteSegment, on_progress: OnProgress
) -> dict[str, Any]:
    """A segment put away."""
    segments.delete_segment(workspace, request.name, actor.name)
    return {"segment": request.name}


def restore_segment(
    workspace: Workspace, actor: Actor, request: RestoreSegment, on_progress: OnProgress
) -> dict[str, Any]:
    """A segment brought back."""
    version = segments.restore_segment(workspace, request.name, actor.name, version=request.version)
    return {"segment": request.name, "version": version}


def undo_segment(
    workspace: Workspace, actor: Actor, request: UndoSegment, on_progress: OnProgress
) -> dict[str, Any]:
    """The last change of a segment taken back."""
    return {"segment": request.name, "version": segments.undo_segment(workspace, request.name, actor.name)}


def duplicate_segment(
    workspace: Workspace, actor: Actor, request: DuplicateSegment, on_progress: OnProgress
) -> dict[str, Any]:
    """A segment's rule under another name."""
    name, version = segments.duplicate_segment(workspace, request.name, actor.name, new_name=request.new_name)
    return {"segment": name, "version": version}


def import_segment(
    workspace: Workspace, actor: Actor, request: ImportSegment, on_progress: OnProgress
) -> dict[str, Any]:
    """The rule of a file."""
    made = segments.import_segment(workspace, request.content, actor.name, name=request.name)
    return {"segment": made.name, "version": made.version, "also": list(made.also)}


def export_segment(
    workspace: Workspace, actor: Actor, request: ExportSegment, on_progress: OnProgress
) -> dict[str, Any]:
    """The users of a segment as a file."""
    made = segments.export_members(
        workspace, request.name, actor.name, out=Path(request.out) if request.out else None
    )
    return {"segment": request.name, **made.to_json()}


def train_predictions(
    workspace: Workspace, actor: Actor, request: TrainPredictions, on_progress: OnProgress
) -> dict[str, Any]:
    """Profile models chosen, judged, kept."""
    from persmark.profiles.predict import train_predictions as trained

    return trained(workspace, seed=request.seed, on_progress=on_progress).to_json()


def publish_predictions(
    workspace: Workspace, actor: Actor, request: PublishPredictions, on_progress: OnProgress
) -> dict[str, Any]:
    """The predictions that rules and pages use."""
    from persmark.profiles.predict import publish_predictions as published

    return published(workspace, request.run_id).to_json()


def audience(
    workspace: Workspace, actor: Actor, request: CreateAudience, on_progress: OnProgress
) -> dict[str, Any]:
    """Users chosen and withheld, by the serving recommender where an item asks for one."""
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
        only_granted=request.only_granted,
        actor=actor.name,
        recommender=found[0] if found else None,
        run_id=found[1] if found else None,
    )
    return made.to_json()


def export(
    workspace: Workspace, actor: Actor, request: ExportAudience, on_progress: OnProgress
) -> dict[str, Any]:
    """A target list."""
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
