"""Who is no person, and whether there is enough of the others."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from persmark.events.identity import BLOCKED, crowded
from persmark.events.quality.finding import FINE, LOOK, PROBLEM, Finding, Look, level_of, percent, shown
from persmark.events.rules import MERGE_LIMIT, DropUsers, MergeUsers, active_rules
from persmark.settings import settings
from persmark.text import text

# Recommenders learn little from less (Amazon Personalize Developer Guide, "Minimum data requirements").
_LEAST_EVENTS = 1000
_LEAST_USERS = 25
_MANY_ONCE = 0.5
# One of many users who makes this share of all events is surely no single person.
_VAST = 0.05
_VAST_AMONG = 100
_MOST_NAMED = 1000  # user ids that one offered rule names


def people_findings(look: Look) -> list[Finding]:
    """Bots, ids that stand for nobody, users who are many, and users of whom little is known."""
    (users,) = look.rows("users")
    return [_bots(look, users), _anonymous(look), *_vast(look, users), *_crowds(look), *_thin(look, users)]


def _bots(look: Look, users: dict[str, Any]) -> Finding:
    limit = settings().events.bot_events_per_hour
    bots = look.rows("bots", {"per_hour": limit})
    n_users, n = int(users["n_users"]), len(bots)
    n_events = sum(int(row["n_events"]) for row in bots)
    said = (
        text(
            "{n} of {of} users did more than {limit} things within one hour; theirs are {share} % of all "
            "events.",
            n=n, of=n_users, limit=limit, share=percent(n_events, look.n_events),
        )
        if n
        else text("None of {of} users did more than {limit} things within one hour.", of=n_users, limit=limit)
    )  # fmt: skip
    return Finding(
        key="bots",
        level=level_of(n_events, look.n_events, problem=0.01),
        title=text("Bots"),
        text=said,
        n=n,
        of=n_users,
        examples=tuple(
            text("{user}: {n} events in the hour from {time}", user=shown(row["user_id"]), n=int(row["most"]),
                 time=row["hour_start"])
            for row in bots[:5]
        ),
        fix=DropUsers(per_hour=limit) if n else None,
    )  # fmt: skip


def _anonymous(look: Look) -> Finding:
    found = look.rows("anonymous", {"blocked": BLOCKED})
    n = sum(int(row["n_events"]) for row in found)
    named = tuple(sorted(row["user_id"] for row in found[:_MOST_NAMED]))
    return Finding(
        key="anonymous",
        level=level_of(n, look.n_events, problem=0.01),
        title=text("Users who are nobody"),
        text=text(
            "{n} of {of} events belong to user ids that say that nobody is known.", n=n, of=look.n_events
        )
        if n
        else text("No user id among {of} events says that nobody is known.", of=look.n_events),
        n=n,
        of=look.n_events,
        examples=tuple(
            text("{user}: {n} events", user=shown(row["user_id"]), n=int(row["n_events"]))
            for row in found[:5]
        ),
        fix=DropUsers(users=named) if named else None,
    )


def _vast(look: Look, users: dict[str, Any]) -> list[Finding]:
    n_users, most = int(users["n_users"]), int(users["most"])
    if n_users < _VAST_AMONG:
        return []
    over = most >= _VAST * look.n_events
    return [
        Finding(
            key="one_user",
            level=LOOK if over else FINE,
            title=text("One user, many people"),
            text=text(
                "One user of {n_users} has {share} % of {of} events.", n_users=n_users,
                share=percent(most, look.n_events), of=look.n_events,
            ),
            n=most,
            of=look.n_events,
            examples=(text("{user}: {n} events", user=shown(users["most_user"]), n=most),) if over else (),
            fix=DropUsers(users=(users["most_user"],)) if over else None,
        )
    ]  # fmt: skip


def _crowds(look: Look) -> list[Finding]:
    keys = look.reader.table(
        """SELECT source_user_id, key, digest FROM identity_keys
        WHERE key <> 'user_id' OR source_user_id <> digest""",
        limit_ms=None,
    )
    if not keys.num_rows:
        return []
    merging = [one for one in active_rules(look.workspace).values() if isinstance(one, MergeUsers)]
    limit = merging[-1].limit if merging else MERGE_LIMIT
    shared = [row for row in crowded(keys, limit=limit).to_pylist() if row["side"] == "value"]
    of = pc.count_distinct(keys.column("digest")).as_py()
    return [
        Finding(
            key="crowds",
            level=LOOK if shared else FINE,
            title=text("E-mails, phones and devices of many"),
            text=text(
                "{n} of {of} key values are shared by more than {limit} user ids each: a till or a call "
                "centre. They link nobody.", n=len(shared), of=of, limit=limit,
            )
            if shared
            else text("None of {of} key values is shared by more than {limit} user ids.", of=of, limit=limit),
            n=len(shared),
            of=of,
            examples=tuple(
                text("one {key}: {n} user ids", key=text(row["key"]), n=int(row["n"])) for row in shared[:5]
            ),
        )
    ]  # fmt: skip


def _thin(look: Look, users: dict[str, Any]) -> list[Finding]:
    n_users, n_once, n_twice = (int(users[key]) for key in ("n_users", "n_once", "n_twice"))
    return [
        Finding(
            key="few_events",
            level=FINE if look.n_events >= _LEAST_EVENTS else LOOK,
            title=text("Enough events"),
            text=text(
                "There are {n} events; recommenders that learn need {least} or more.", n=look.n_events,
                least=_LEAST_EVENTS,
            ),
            n=look.n_events,
            of=_LEAST_EVENTS,
        ),
        Finding(
            key="few_users",
            level=FINE if n_twice >= _LEAST_USERS else PROBLEM,
            title=text("Enough users"),
            text=text(
                "{n} of {of} users have two events or more; {least} such users are needed.", n=n_twice,
                of=n_users, least=_LEAST_USERS,
            ),
            n=n_twice,
            of=n_users,
        ),
        Finding(
            key="users_once",
            level=FINE if n_once <= _MANY_ONCE * n_users else LOOK,
            title=text("Users with one event"),
            text=text(
                "{n} of {of} users ({share} %) have a single event: what they like is not to be learned.",
                n=n_once, of=n_users, share=percent(n_once, n_users),
            ),
            n=n_once,
            of=n_users,
        ),
    ]  # fmt: skip
