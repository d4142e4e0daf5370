"""Which user ids were merged into one person, and keeping two of them apart again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from persmark.errors import InputError, NotFoundError
from persmark.events.quality import Applied, MergeUsers, active_rules, apply_rules, save_rule
from persmark.jobs import OnProgress, unwatched
from persmark.store import Reader, Workspace, read_sql
from persmark.text import text

if TYPE_CHECKING:
    import pandas as pd


def merges(reader: Reader, *, limit: int = 1000, user_id: str | None = None) -> pd.DataFrame:
    """Every person who came under several user ids, with all of them.

    Args:
        reader: The workspace's.
        limit: People listed, those with the most events first.
        user_id: Only this one.

    Returns:
        One row for each of a person's ids: `user_id` (the id that stands), `source_user_id` (as it
        came; the standing id itself included), `reason` (kinds of keys that link it, strongest first,
        joined by commas; empty for the standing id), `n_events` that came under it, `n_ids` of the
        person. The standing id comes first, then by events. People none of whose other ids has events
        are left out: nothing was merged yet.
    """
    return reader.frame(
        read_sql("persmark.events", "merges"), {"limit": limit, "user_id": user_id}, limit_ms=None
    )


def n_merged(reader: Reader) -> int:
    """How many user ids stand under another one's name."""
    return int(reader.value("SELECT count(*) FROM identities"))


def keep_apart(workspace: Workspace, one: str, other: str, *, on_progress: OnProgress = unwatched) -> Applied:
    """Undo one merge: two ids are two people from now on, whatever links them, in later files too.

    The events of both stand under their own ids again, as do those of ids that hang on them; see
    `persmark.events.identity.resolve` for who goes with whom. Switching the rule off undoes all merges.

    Args:
        workspace: Whose events.
        one: A user id, as it came or as it stands.
        other: Another id of the same person.
        on_progress: Told what is happening.

    Raises:
        InputError: Both are the same id.
        NotFoundError: No rule merges users, or the two were not merged.
        BusyError: Another load or build is writing.
    """
    if one == other:
        raise InputError(
            text("Two ids that are kept apart must differ. Received: '{one}' twice.", one=one),
            hint="Choose two ids of one person.",
        )
    rule = next((rule for rule in active_rules(workspace).values() if isinstance(rule, MergeUsers)), None)
    with workspace.reader() as reader:
        named = dict(
            reader.rows(
                "SELECT source_user_id, user_id FROM identities WHERE source_user_id IN ($one, $other)",
                {"one": one, "other": other},
            )
        )
    if rule is None or named.get(one, one) != named.get(other, other):
        raise NotFoundError(
            text("Two ids that are kept apart must stand as one user. Received: '{one}' and '{other}'.",
                 one=one, other=other),
            title="Not merged",
            hint="The list of merged users shows which ids are one person.",
        )  # fmt: skip
    save_rule(
        workspace, MergeUsers(rule.limit, tuple(sorted({*rule.apart, (min(one, other), max(one, other))})))
    )
    return apply_rules(workspace, on_progress=on_progress)
