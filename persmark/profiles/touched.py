"""Whom a refresh must count anew: told from the files that were published since, never guessed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from persmark.settings import ProfileSettings
from persmark.store import Writer, read_sql

# Where touched users have more than this part of the events, a whole build costs less than their refresh.
MOST_TOUCHED = 0.5


def recipe(steps: Sequence[str]) -> str:
    """A digest of the statements that make profiles: those of another recipe cannot be carried on."""
    texts = "\0".join(read_sql("persmark.profiles", name) for name in steps)
    return hashlib.sha256(texts.encode()).hexdigest()[:16]


def up_to_date(writer: Writer, as_of: datetime, chosen: ProfileSettings, made_by: str) -> bool:
    """Whether a build would publish what stands already."""
    built = writer.manifest.group("profiles")
    return (
        built.stats.get("as_of") == as_of.isoformat()
        and _same_making(writer, chosen, made_by)
        and all(
            writer.manifest.group(group).content == built.reads.get(group, 0)
            for group in ("events", "catalogue")
        )
    )


def find_touched(writer: Writer, as_of: datetime, chosen: ProfileSettings, made_by: str) -> bool:
    """Fill the temporary table `touched` with the users whose events or items changed.

    These are the users of the files of events that were appended since the profiles were published,
    of events that lay after the published moment, and of items whose category or brand is another now.

    Args:
        writer: Writing the group `profiles`.
        as_of: The moment that the profiles shall describe.
        chosen: The settings in force.
        made_by: The recipe in force.

    Returns:
        False where profiles must be built whole: there are none, the moment moves back, the settings
        or the recipe changed, events or catalogue were rewritten (an undo, a rule, another file in
        place of the first), or the touched users have more than half of the events.
    """
    built = writer.manifest.group("profiles")
    if not _same_making(writer, chosen, made_by):
        return False
    before = datetime.fromisoformat(built.stats["as_of"])
    appended = [writer.rows_added(table, built.reads.get("events", 0)) for table in ("events", "sessions")]
    if as_of < before or None in appended or not built.reads.get("events"):
        return False
    writer.run(
        "CREATE TEMP TABLE found AS " + " UNION ".join(f"SELECT user_id FROM ({rows})" for rows in appended)
    )
    if datetime.fromisoformat(built.stats["newest_event_time"]) > before:
        earlier = writer.rows_before("events", built.reads["events"])
        writer.run(
            f"INSERT INTO found SELECT DISTINCT user_id FROM ({earlier}) WHERE event_time > $before",
            {"before": before},
        )
    if not _find_users_of_changed_items(writer, built.reads.get("catalogue", 0)):
        return False
    writer.run("CREATE TEMP TABLE touched AS SELECT DISTINCT user_id FROM found WHERE user_id IS NOT NULL")
    ((of_touched, of_all),) = writer.rows(
        """SELECT coalesce(sum(CASE WHEN t.user_id IS NOT NULL THEN p.n_events END), 0), sum(p.n_events)
        FROM profiles AS p
        LEFT JOIN touched AS t ON t.user_id = p.user_id"""
    )
    return bool(of_touched <= MOST_TOUCHED * float(of_all))


def _same_making(writer: Writer, chosen: ProfileSettings, made_by: str) -> bool:
    stats = writer.manifest.group("profiles").stats
    return stats.get("recipe") == made_by and stats.get("settings") == asdict(chosen)


def _find_users_of_changed_items(writer: Writer, content: int) -> bool:
    """Add them to `found`; False where the catalogue was rewritten since that content version."""
    if writer.manifest.group("catalogue").content == content:
        return True
    appended = writer.rows_added("items", content)
    if appended is None:
        return False
    writer.run(
        f"""CREATE TEMP TABLE changed_items AS
        SELECT i.item_id
        FROM items AS i
        SEMI JOIN ({appended}) AS a ON a.item_id = i.item_id
        LEFT JOIN ({writer.rows_before("items", content)}) AS b ON b.item_id = i.item_id
        WHERE i.category IS DISTINCT FROM b.category OR i.brand IS DISTINCT FROM b.brand"""
    )
    writer.run(
        """INSERT INTO found
        SELECT DISTINCT e.user_id FROM events AS e SEMI JOIN changed_items AS c ON c.item_id = e.item_id"""
    )
    return True
