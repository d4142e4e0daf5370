"""Profiles as of other moments, kept: what a migration begins and ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from persmark.errors import EmptyError, InputError, NotFoundError
from persmark.jobs import OnProgress, unwatched
from persmark.profiles import making, profile_columns, profiles_as_of
from persmark.store import Reader, Workspace, now, quoted, read_sql
from persmark.text import Text, text

if TYPE_CHECKING:
    import pyarrow as pa

# A few moments answer "since when"; each costs the disk as much as the profiles do.
MOST_KEPT = 6
# In place of a snapshot's number: the profiles that are published now.
PUBLISHED = 0
_MADE_FROM = ("events", "catalogue")


@dataclass(frozen=True)
class Snapshot:
    """One kept moment.

    Attributes:
        snapshot_id: From 1; `PUBLISHED` stands for the profiles of now.
        as_of: Events up to then count, UTC without zone.
        up_to_source: Only sources up to this number count; None = all there were.
        before: Name of the upload it stands before; None where it is a date's.
        n_users: Users with a profile.
        made_at: ISO-8601 UTC; empty for the profiles of now.
        stale: Whether events, catalogue, or how profiles are made have changed since.
    """

    snapshot_id: int
    as_of: datetime
    up_to_source: int | None
    before: str | None
    n_users: int
    made_at: str
    stale: bool

    @property
    def title(self) -> Text:
        """What a page calls it."""
        if self.snapshot_id == PUBLISHED:
            return text("Now: profiles as of {time} UTC", time=self.as_of)
        if self.before is not None:
            return text("Before the upload of {name} ({time} UTC)", name=self.before, time=self.as_of)
        return text("As of {time} UTC", time=self.as_of)

    def to_json(self) -> dict[str, Any]:
        """For the command line and a job's result."""
        return {**asdict(self), "as_of": self.as_of.isoformat()}


@dataclass(frozen=True)
class Upload:
    """A source of events that others stood before.

    Attributes:
        source_id: Its number.
        name: What it is called.
        loaded_at: ISO-8601 UTC.
    """

    source_id: int
    name: str
    loaded_at: str


def uploads(workspace: Workspace) -> list[Upload]:
    """Sources of events with an earlier one, newest first: the moments "before an upload"."""
    rows = workspace.state.rows("sources", where={"kind": "events", "state": "loaded"}, order="source_id ASC")
    return [Upload(row["source_id"], row["name"], row["loaded_at"]) for row in rows[1:]][::-1]


def _kept(workspace: Workspace) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workspace.stats("snapshots").get("kept", [])
    return found


def _contents(workspace: Workspace) -> dict[str, int]:
    manifest = workspace.manifest()
    return {name: manifest.group(name).content for name in _MADE_FROM}


def list_snapshots(workspace: Workspace) -> list[Snapshot]:
    """The kept moments, latest moment first."""
    present, made_by = _contents(workspace), making()
    found = [
        Snapshot(
            snapshot_id=one["snapshot_id"],
            as_of=datetime.fromisoformat(one["as_of"]),
            up_to_source=one["up_to_source"],
            before=one["before"],
            n_users=one["n_users"],
            made_at=one["made_at"],
            stale=one["reads"] != present or one.get("making") != made_by,
        )
        for one in _kept(workspace)
    ]
    return sorted(found, key=lambda one: (one.as_of, one.snapshot_id), reverse=True)


def published_snapshot(workspace: Workspace) -> Snapshot:
    """The profiles of now, as one end of a migration.

    Raises:
        EmptyError: Profiles have not been built.
    """
    stats = workspace.stats("profiles")
    if not stats.get("as_of"):
        raise EmptyError(text("Profiles must have been built. Received: a workspace without any."),
                         title="No profiles yet", hint="Build profiles first.")  # fmt: skip
    return Snapshot(
        PUBLISHED, datetime.fromisoformat(stats["as_of"]), None, None, stats["n_users"], "",
        workspace.stale("profiles"),
    )  # fmt: skip


def get_snapshot(workspace: Workspace, snapshot_id: int) -> Snapshot:
    """One kept moment by its number, or the profiles of now (`PUBLISHED`).

    Raises:
        EmptyError: The profiles of now are meant and there are none.
        NotFoundError: There is none of that number.
    """
    if snapshot_id == PUBLISHED:
        return published_snapshot(workspace)
    found = {one.snapshot_id: one for one in list_snapshots(workspace)}
    if snapshot_id not in found:
        raise NotFoundError(
            text("A snapshot must be one that is kept. Received: {n}.", n=snapshot_id),
            title="No such snapshot",
            hint=text("Available: {names}.", names=", ".join(map(str, sorted(found))) or "none"),
        )
    return found[snapshot_id]


def snapshot_values(reader: Reader, snapshot_id: int, columns: Sequence[str]) -> pa.Table:
    """Some columns of the profiles of a kept moment, or of those of now (`PUBLISHED`).

    Returns:
        One row per user, in the order of `user_id`; NULL in a column that is only known at another moment.

    Raises:
        EmptyError: There are no profiles of now to tell the columns from.
        InputError: No moment has such a column.
    """
    present = profile_columns(reader)
    table, where, params, there = "profiles", "", {}, present
    if snapshot_id != PUBLISHED:
        table, there = "snapshots", reader.columns("snapshots")
        where, params = "WHERE snapshot_id = $snapshot_id", {"snapshot_id": snapshot_id}
    asked = []
    for name in columns:
        if name not in there and name not in present:
            raise InputError(
                text("A column must be one of the profiles. Received: {name}.", name=name),
                hint=text("Available: {names}.", names=", ".join(present)),
            )
        missing = f"CAST(NULL AS {present.get(name)}) AS {quoted(name)}"
        asked.append(quoted(name) if name in there else missing)
    return reader.table(f"SELECT {', '.join(asked)} FROM {table} {where} ORDER BY user_id", params)


def _moment(workspace: Workspace, source_id: int) -> datetime:
    """The last event's time among the sources before one."""
    with workspace.reader() as reader:
        found = reader.value(
            "SELECT max(event_time) FROM events WHERE source_id < $source_id", {"source_id": source_id}
        )
    if found is None:
        raise EmptyError(
            text("An upload to look back from must have events of earlier ones. Received: upload {n}.",
                 n=source_id),
            title="Nothing stood before it",
            hint="Choose a later upload, or a date.",
        )  # fmt: skip
    return datetime.fromisoformat(str(found))


def take_snapshot(
    workspace: Workspace,
    *,
    as_of: datetime | None = None,
    before_source: int | None = None,
    on_progress: OnProgress | None = None,
) -> Snapshot:
    """Work out the profiles of another moment and keep them; the one that was made first goes.

    Users are told apart as they are today: a merge that was found later holds for the past as well,
    and so do catalogue, attributes and quality rules.

    Args:
        workspace: Whose events.
        as_of: Events up to then, UTC.
        before_source: Only events of sources before this one, as of the last of them, instead.
        on_progress: Called with the fraction done and what is being done.

    Raises:
        InputError: Both or neither of the two moments are given.
        EmptyError: There are no events up to then.
        NotFoundError: There is no upload of that number.
    """
    tell = on_progress or unwatched
    if (as_of is None) == (before_source is None):
        raise InputError(
            text("A snapshot must be of a time or of before an upload. Received: {value}.",
                 value="neither" if as_of is None else "both")
        )  # fmt: skip
    before = None
    if before_source is not None:
        rows = workspace.state.rows("sources", where={"source_id": before_source, "kind": "events"})
        if not rows:
            raise NotFoundError(
                text("An upload must be a source of events. Received: {n}.", n=before_source),
                hint=text("Available: {names}.",
                          names=", ".join(str(one.source_id) for one in uploads(workspace)) or "none"),
            )  # fmt: skip
        before, as_of = str(rows[0]["name"]), _moment(workspace, before_source)
    assert as_of is not None
    moment = as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
    # Read before the work: what changes during it makes the snapshot stale rather than wrong.
    reads = _contents(workspace)
    tell(0.02, text("Working out the profiles as of {time} UTC", time=moment))
    up_to_source = None if before_source is None else before_source - 1
    found = profiles_as_of(
        workspace,
        moment,
        up_to_source=up_to_source,
        on_progress=lambda done, what: tell(0.02 + 0.83 * done, what),
    )
    tell(0.85, text("Keeping {n} profiles", n=found.num_rows))
    with workspace.write("snapshots") as writer:
        known = _kept(workspace)
        kept = known[-(MOST_KEPT - 1) :]
        snapshot_id = max((one["snapshot_id"] for one in known), default=0) + 1
        entry = {
            "snapshot_id": snapshot_id,
            "as_of": moment.isoformat(),
            "up_to_source": up_to_source,
            "before": before,
            "n_users": found.num_rows,
            "made_at": now(),
            "reads": reads,
            "making": making(),
        }
        writer.rows(
            read_sql("persmark.segments", "kept_snapshots"),
            {"kept": [one["snapshot_id"] for one in kept], "snapshot_id": snapshot_id},
            inputs={"fresh": found},
        )
        writer.stats["kept"] = [*kept, entry]
    tell(1.0, text("{n} profiles kept", n=found.num_rows))
    return get_snapshot(workspace, snapshot_id)


def drop_snapshot(workspace: Workspace, snapshot_id: int) -> None:
    """Keep a moment no longer.

    Raises:
        NotFoundError: There is none of that number.
    """
    get_snapshot(workspace, snapshot_id)
    with workspace.write("snapshots") as writer:
        left = [one for one in _kept(workspace) if one["snapshot_id"] != snapshot_id]
        writer.run(
            "CREATE TABLE out.snapshots AS SELECT * FROM snapshots WHERE snapshot_id <> $snapshot_id "
            "ORDER BY snapshot_id, user_id",
            {"snapshot_id": snapshot_id},
        )
        writer.stats["kept"] = left
