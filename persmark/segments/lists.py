"""Kept lists of users: what no rule can say. A rule speaks of one as `{"members": "list name"}`."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from persmark.errors import InputError
from persmark.segments.saved import kept_name, save_segment
from persmark.store import Reader, Workspace, now
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP = "segments"
# Somebody waits for it on a page.
_WAIT_SECONDS = 5.0
# What a list is worked out from: it is older than the data where one of these has changed since.
READ = ("events", "catalogue", "profiles")


@dataclass(frozen=True)
class UserList:
    """A kept list.

    Attributes:
        name: As rules speak of it.
        n_users: How many stand on it.
        source: What it came from, in words.
        as_of: Moment of the profiles it was worked out from, ISO-8601 UTC.
        kept_at: ISO-8601 UTC.
        reads: Content versions of the groups it was worked out from.
    """

    name: str
    n_users: int
    source: str
    as_of: str
    kept_at: str
    reads: Mapping[str, int]

    def stale(self, workspace: Workspace) -> bool:
        """Whether users may stand differently now: what it was worked out from has changed since."""
        return changed_since(workspace, self.reads)


def reads_now(reader: Reader) -> dict[str, int]:
    """Content versions of what discoveries are worked out from."""
    return {group: reader.manifest.group(group).content for group in READ}


def changed_since(workspace: Workspace, reads: Mapping[str, int]) -> bool:
    """Whether any of the groups has other rows now than at those content versions."""
    manifest = workspace.manifest()
    return any(manifest.group(group).content > reads.get(group, 0) for group in READ)


def user_lists(workspace: Workspace) -> list[UserList]:
    """All kept lists by name."""
    kept: dict[str, dict[str, Any]] = workspace.stats(_GROUP).get("lists", {})
    return [UserList(name=name, **kept[name]) for name in sorted(kept)]


def keep_list(
    workspace: Workspace, name: str, user_ids: pa.Array, *, source: str, as_of: str, reads: Mapping[str, int]
) -> str:
    """Keep users under a name; a name that is taken gets a number, for other rules may speak of it.

    Args:
        workspace: Where.
        name: What to call it.
        user_ids: Text; each at most once.
        source: What it came from, in words.
        as_of: Moment of the profiles it was worked out from.
        reads: Content versions it was worked out from.

    Returns:
        The name it has.

    Raises:
        InputError: There is nobody to keep, or the name is empty.
        BusyError: Another write goes on.
    """
    import pyarrow as pa

    plain = unicodedata.normalize("NFC", name).strip()
    if not plain or not len(user_ids):
        raise InputError(
            text("A list must have a name and users. Received: '{name}' with {n} users.",
                 name=plain, n=len(user_ids))
        )  # fmt: skip
    with workspace.write(_GROUP, wait_seconds=_WAIT_SECONDS) as writer:
        kept = dict(writer.manifest.group(_GROUP).stats.get("lists", {}))
        called, count = plain, 1
        while called in kept:
            count += 1
            called = f"{plain} ({count})"
        writer.create("segment_members")
        writer.run(
            f"INSERT INTO {writer.place('segment_members')} SELECT segment, user_id FROM segment_members"
        )
        names = pa.array([called], pa.string()).take(pa.array([0] * len(user_ids), pa.int32()))
        writer.put("segment_members", pa.table({"segment": names, "user_id": user_ids}))
        kept[called] = {
            "n_users": len(user_ids), "source": source, "as_of": as_of, "kept_at": now(),
            "reads": dict(reads),
        }  # fmt: skip
        writer.stats["lists"] = kept
    return called


def save_as_segment(
    workspace: Workspace,
    name: str,
    user_ids: pa.Array,
    *,
    source: str,
    as_of: str,
    reads: Mapping[str, int],
    actor: str,
) -> str:
    """Keep users as a list, and save a segment that holds for them.

    A segment of that name gets a new version; older ones go on to speak of their own list.

    Returns:
        The list's name.

    Raises:
        InputError: The name is unfit or taken by a built-in segment, or there is nobody.
        BusyError: Another write goes on.
    """
    plain = kept_name(name)
    called = keep_list(workspace, plain, user_ids, source=source, as_of=as_of, reads=reads)
    save_segment(workspace, plain, {"members": called}, actor)
    return called
