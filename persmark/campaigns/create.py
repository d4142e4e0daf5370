"""Choosing an audience and drawing its holdout."""

from __future__ import annotations

import json
import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from persmark.campaigns.audiences import (
    BASE_DAYS,
    Audience,
    audience,
    email_consent,
    plain_name,
    sha256_of,
)
from persmark.columns import PURCHASE, SCORE, USER_ID
from persmark.errors import EmptyError, InputError
from persmark.experiments import ARM, HOLDOUT, TARGET, assign_arms, hash_order
from persmark.recommend import Recommender, last_second, load_run, published
from persmark.segments import get_segment, members, saved_rules
from persmark.slates import STRENGTH, who_would_like
from persmark.store import Reader, Workspace, now, read_sql
from persmark.text import text

ARMS_FOLDER = "arms"
PACKAGE = "persmark.campaigns"
MOST_NAME = 120


def create_audience(
    workspace: Workspace,
    name: str,
    *,
    segment: str | None = None,
    item_id: str | None = None,
    exclude_segments: Sequence[str] = (),
    limit: int | None = None,
    holdout_share: float = 0.10,
    seed: int = 1,
    only_granted: bool = False,
    actor: str,
    recommender: Recommender | None = None,
    run_id: str | None = None,
) -> Audience:
    """Choose users, withhold some of them at random, and keep both for good.

    Users who denied e-mail are left out before the draw, so that target and holdout stay alike. The
    holdout is exact in size and drawn by hash order (`persmark.experiments`), with the audience's
    name as key.

    Args:
        workspace: Where.
        name: 1 to 120 characters on one line; unique in the workspace.
        segment: A segment's name; everybody with an event where only an item is given.
        item_id: Those who would like this item most, best first, instead of all of the segment.
        exclude_segments: Members of these are left out.
        limit: Most users, target and holdout together: the likeliest for an item, else a random draw.
        holdout_share: Of users to withhold, 0 to below 1.
        seed: Of the draws.
        only_granted: Leave out those who have not said yes to e-mail, here and at every export; else
            only those who said no are left out, and a note counts the undecided.
        actor: Who does it, for the audit.
        recommender: For `item_id`; the published one where left out.
        run_id: Of `recommender`, to be kept with the definition.

    Raises:
        InputError: Neither segment nor item is given, the name is taken or unfit, or a number breaks
            its bound.
        NotFoundError: A segment or the item does not exist.
        EmptyError: Nobody is left, profiles were not built, or nothing is published.
    """
    name = _checked_name(name)
    if segment is None and item_id is None:
        raise InputError(
            text("An audience needs a segment or an item. Received: neither."),
            hint="Choose a segment, or an item that its users would like.",
        )
    if limit is not None and limit < 1:
        raise InputError(text("A limit must be at least 1. Received: {limit}.", limit=limit))
    if not 0 <= holdout_share < 1:
        raise InputError(
            text("A holdout's share must be at least 0 and below 1. Received: {share}.", share=holdout_share),
            hint="0.1 withholds one user in ten.",
        )
    _refuse_taken(workspace, name)
    if item_id is None:
        recommender = run_id = None
    elif recommender is None:
        run = published(workspace)
        run_id = run.run_id if run else None
        recommender = load_run(workspace, run_id)
    with workspace.reader() as reader:
        as_of = workspace.as_of() or datetime.fromtimestamp(last_second(reader), UTC)
        as_of = as_of.replace(tzinfo=None)
        users, rule = _matching(workspace, reader, segment, exclude_segments)
        n_matching = len(users)
        consent = email_consent(workspace)
        users = [user for user in users if user not in consent.denied]
        n_denied = n_matching - len(users)
        if only_granted:
            users = [user for user in users if user in consent.granted]
        n_left_out = n_matching - n_denied - len(users)
        if not users:
            raise EmptyError(
                text("An audience needs users. Received: {n} matching, {m} of them without consent.",
                     n=n_matching, m=n_denied + n_left_out),
                title="Nobody is left",
                hint="Loosen the segment's rule, or exclude less.",
            )  # fmt: skip
        n_drawn = n_equal = 0
        if item_id is not None:
            assert recommender is not None
            liking = who_would_like(reader, recommender, item_id, users=users, as_of=as_of, seed=seed)
            users = liking[USER_ID].tolist()[:limit]
            n_drawn, n_equal = _drawn_among_equals(liking, len(users))
        elif limit is not None and len(users) > limit:
            users = hash_order(users, seed=seed, key=f"limit of {name}")[:limit]
        definition = {
            "segment": segment,
            "rule": rule,
            "item_id": item_id,
            "exclude_segments": list(exclude_segments),
            "limit": limit,
            "n_matching": n_matching,
            "n_denied": n_denied,
            "only_granted": only_granted,
            "n_undecided_left_out": n_left_out,
            "consent_known": consent.known,
            "n_drawn": n_drawn,
            "n_equal": n_equal,
            "base_rate": _base_rate(reader, users, as_of),
            "as_of": as_of.isoformat(),
            "data_versions": {group: held.version for group, held in reader.manifest.groups.items()},
            "recommender": recommender.name if recommender is not None else None,
            "run_id": run_id,
        }
    drawn = assign_arms(users, share=holdout_share, seed=seed, key=name)
    listed = drawn.filter(pc.equal(drawn[ARM], TARGET))[USER_ID].to_pylist()
    definition["n_undecided"] = consent.n_undecided(listed)
    made = _keep(workspace, name, definition, drawn, share=holdout_share, seed=seed)
    workspace.audit(
        actor,
        "create audience",
        {
            "audience": name,
            "segment": segment,
            "item_id": item_id,
            "limit": limit,
            "share": holdout_share,
            "only_granted": only_granted,
        },
        {"audience_id": made.audience_id, "n_target": made.n_target, "n_holdout": made.n_holdout},
    )
    return made


def _drawn_among_equals(liking: pd.DataFrame, n_taken: int) -> tuple[int, int]:
    """Of users alike in every score, how many were taken, and how many there are; 0, 0 where all were."""
    if n_taken >= len(liking):
        return 0, 0
    figures = liking[[SCORE, STRENGTH]]
    equal = (figures == figures.iloc[n_taken - 1]).all(axis=1)
    n_inside, n_equal = int(equal[:n_taken].sum()), int(equal.sum())
    return (n_inside, n_equal) if n_equal > n_inside else (0, 0)


def _checked_name(name: str) -> str:
    plain = plain_name(name)
    if not 1 <= len(plain) <= MOST_NAME or any(unicodedata.category(one) == "Cc" for one in plain):
        raise InputError(
            text("An audience's name must have 1 to {most} characters on one line. Received: {name}.",
                 most=MOST_NAME, name=repr(name)[:200])
        )  # fmt: skip
    return plain


def _refuse_taken(workspace: Workspace, name: str) -> None:
    if workspace.state.rows("audiences", {"name": name}):
        raise InputError(
            text("An audience's name must be new. Received: {name}.", name=name),
            title="Name taken",
            hint="An audience is never drawn again; choose another name.",
        )


def _matching(
    workspace: Workspace, reader: Reader, segment: str | None, exclude_segments: Iterable[str]
) -> tuple[list[str], object]:
    """Users of the segment less the excluded ones, ascending; and the segment's rule."""
    saved = saved_rules(workspace)

    def users_of(name: str) -> tuple[list[str], object]:
        rule = get_segment(workspace, name).rule
        found: list[str] = members(reader, rule, saved=saved)["user_id"].to_pylist()
        return found, rule

    rule: object = None
    if segment is None:
        found = reader.table(read_sql(PACKAGE, "users_with_events"), limit_ms=None)
        users = found["user_id"].to_pylist()
    else:
        users, rule = users_of(segment)
    left_out = {user for name in exclude_segments for user in users_of(name)[0]}
    return [user for user in users if user not in left_out], rule


def _base_rate(reader: Reader, users: Sequence[str], as_of: datetime) -> float | None:
    """Share of the users who bought within `BASE_DAYS` before `as_of`; None where nobody ever buys."""
    if not users or not reader.rows(
        "SELECT 1 FROM events WHERE event_type = $purchase LIMIT 1", {"purchase": PURCHASE}
    ):
        return None
    (counted,) = reader.rows(
        read_sql(PACKAGE, "base_rate"),
        {"purchase": PURCHASE, "as_of": as_of, "since": as_of - timedelta(days=BASE_DAYS)},
        inputs={"wanted": pa.table({"user_id": pa.array(users, pa.string())})},
        limit_ms=None,
    )
    return float(counted[0]) / len(users)


def _keep(
    workspace: Workspace,
    name: str,
    definition: Mapping[str, object],
    drawn: pa.Table,
    *,
    share: float,
    seed: int,
) -> Audience:
    """Write the arm file aside, then name it and record it in one transaction."""
    folder = workspace.folder / ARMS_FOLDER
    folder.mkdir(exist_ok=True)
    aside = folder / f".{secrets.token_hex(8)}.part"
    try:
        pq.write_table(drawn, aside)
        sha256 = sha256_of(aside)
        arm = drawn[ARM].to_pylist()
        n_holdout = arm.count(HOLDOUT)
        with workspace.state.transaction():
            _refuse_taken(workspace, name)
            audience_id = workspace.state.add(
                "audiences",
                {
                    "name": name,
                    "definition": json.dumps(definition, ensure_ascii=False),
                    "n_users": len(arm),
                    "created_at": now(),
                },
            )
            file = f"{ARMS_FOLDER}/{audience_id}.parquet"
            workspace.state.add(
                "holdouts",
                {
                    "audience_id": audience_id,
                    "share": share,
                    "seed": seed,
                    "n_target": arm.count(TARGET),
                    "n_holdout": n_holdout,
                    "file": file,
                    "sha256": sha256,
                },
            )
            aside.replace(workspace.folder / file)
    finally:
        aside.unlink(missing_ok=True)
    return audience(workspace, name)
