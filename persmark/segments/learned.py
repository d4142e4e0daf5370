"""Learned groups: found without a rule, named by what sets them apart, or honestly not there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from persmark.errors import EmptyError, InputError, NotFoundError
from persmark.segments import apart, kept
from persmark.segments.apart import Trait
from persmark.segments.grouping import (
    GAP_DEPTH,
    LEAST_USERS,
    STABLE_JACCARD,
    STABLE_RAND,
    TRIED,
    Grouping,
    Tried,
    find_grouping,
    nearest,
)
from persmark.segments.lists import reads_now, save_as_segment
from persmark.segments.matrix import Matrix, Scale, user_matrix
from persmark.store import Workspace
from persmark.text import Text, text

if TYPE_CHECKING:
    import pyarrow as pa

OnProgress = Callable[[float, Text], None]

# Users that scales, middles and names are worked out from; all are placed.
_LOOKED_AT = 20_000
_PLACED_AT_ONCE = 50_000
MOST_WANTED = 12


@dataclass(frozen=True)
class FoundGroup:
    """One group.

    Attributes:
        number: From 1, the largest first.
        n_users: Users placed in it.
        share: Of all users.
        jaccard: Mean similarity to its best match in refits on resampled users; 1 = the same users.
        low: The 5th percentile of it over the refits.
        high: The 95th.
        differences: What sets it apart, the largest first.
    """

    number: int
    n_users: int
    share: float
    jaccard: float
    low: float
    high: float
    differences: tuple[Trait, ...]

    @property
    def title(self) -> Text:
        """A name from what differs most."""
        return apart.name_of(self.differences)

    @property
    def apart(self) -> Text:
        """What differs most from the others, with figures."""
        return apart.sentence_of(self.differences)

    @property
    def sentence(self) -> Text:
        """How many they are and what differs."""
        return text(
            "{n} users ({share}% of all): {what}.",
            n=self.n_users, share=round(100 * self.share, 1), what=self.apart,
        )  # fmt: skip

    @property
    def stability(self) -> Text:
        """Whether it comes back on resampled users, with figures."""
        template = (
            "comes back: similarity {jaccard} over refits ({low} to {high})"
            if self.jaccard >= STABLE_JACCARD
            else "does not come back reliably: similarity {jaccard} over refits ({low} to {high})"
        )
        return text(
            template, jaccard=round(self.jaccard, 2), low=round(self.low, 2), high=round(self.high, 2)
        )


@dataclass(frozen=True)
class FoundGroups:
    """What a search for groups came to.

    Attributes:
        run_id: Of the search.
        families: What users were compared by, keys of `FAMILIES`.
        wanted: The number that was asked for; None = chosen by the data.
        n_users: All users of the profiles.
        n_looked_at: Of those, the ones that the criteria were worked out from.
        measures: How many measures were compared.
        as_of: Moment of the profiles, ISO-8601 UTC.
        real: Whether the groups pass the criteria.
        p_value: Chance that users without groups are separated as well.
        tried: Every number of groups with its figures.
        groups: The groups; none where there are none.
        stale: Whether the data has changed since.
        found_at: ISO-8601 UTC.
        seconds: Wall time.
    """

    run_id: str
    families: tuple[str, ...]
    wanted: int | None
    n_users: int
    n_looked_at: int
    measures: int
    as_of: str
    real: bool
    p_value: float
    tried: tuple[Tried, ...]
    groups: tuple[FoundGroup, ...]
    stale: bool
    found_at: str
    seconds: float

    @property
    def verdict(self) -> Text:
        """Whether there are groups, and why or why not."""
        if not self.tried:
            return text(
                "Too few users to tell: {n}. Groups are looked for from {least} users on.",
                n=self.n_users, least=LEAST_USERS,
            )  # fmt: skip
        if self.real:
            taken = next(one for one in self.tried if one.n_groups == len(self.groups))
            return text(
                "{k} real groups: further apart ({separation}) than users without groups would be "
                "({chance}, at most {high} in 95% of trials), stable (Rand index {rand}), with gaps between "
                "them.",
                k=len(self.groups), separation=round(taken.separation, 2), chance=round(taken.by_chance, 2),
                high=round(taken.by_chance_high, 2), rand=round(taken.stability, 2),
            )  # fmt: skip
        best = max(self.tried, key=lambda one: (one.separation - one.by_chance, -one.n_groups))
        said = text(
            "No real groups: users differ by degrees here, without gaps to cut along. The best of the "
            "divisions tried, into {k}, fails because {why}.",
            k=best.n_groups, why=_why_not(best),
        )  # fmt: skip
        if not self.groups:
            return said
        return text(
            "{said} The {k} parts below were asked for all the same: take them as a way of cutting, not as "
            "groups that are there.",
            said=said, k=len(self.groups),
        )  # fmt: skip


def _why_not(one: Tried) -> Text:
    reasons = []
    if not one.apart:
        reasons.append(
            text("it is hardly further apart ({a}) than users without groups ({b})",
                 a=round(one.separation, 2), b=round(one.by_chance, 2))
        )  # fmt: skip
    if one.stability < STABLE_RAND or one.weakest < STABLE_JACCARD:
        reasons.append(text("it does not come back on resampled users (Rand index {a}, weakest group {b})",
                            a=round(one.stability, 2), b=round(one.weakest, 2)))  # fmt: skip
    if one.depth > GAP_DEPTH:
        reasons.append(text("there is no gap: halfway between two of its parts stand {a} times as many users"
                            " as at the emptier one's middle", a=round(one.depth, 1)))  # fmt: skip
    if not reasons:
        reasons.append(text("its smallest part is a handful of users"))
    said = reasons[0]
    for reason in reasons[1:]:
        said = text("{first}, and {second}", first=said, second=reason)
    return said


def find_groups(
    workspace: Workspace,
    *,
    families: Sequence[str] | None = None,
    wanted: int | None = None,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> FoundGroups:
    """Look for groups among all users of the published profiles, and keep what comes of it.

    Args:
        workspace: Whose profiles.
        families: What to compare users by, keys of `FAMILIES`; all by default.
        wanted: So many groups in any case; by default as many as are really there, which may be none.
        seed: Same seed and profiles, same groups.
        on_progress: Called with a fraction and what is happening.

    Raises:
        EmptyError: There are no profiles, or users do not differ.
        InputError: A family is unknown, or `wanted` is out of range.
    """
    if wanted is not None and (isinstance(wanted, bool) or not 2 <= wanted <= MOST_WANTED):
        raise InputError(
            text("A number of groups must be 2 to {most}. Received: {n}.", most=MOST_WANTED, n=wanted)
        )
    tell = on_progress or (lambda fraction, message: None)
    began = time.monotonic()
    tell(0.0, text("Reading profiles"))
    with workspace.reader() as reader:
        matrix = user_matrix(reader, families)
        reads = reads_now(reader)
        as_of = str(reader.manifest.group("profiles").stats.get("as_of", ""))
    rows = np.sort(np.random.default_rng(seed).permutation(len(matrix))[:_LOOKED_AT])
    scale = Scale.of(matrix.values[rows], matrix.measures)
    if not scale.measures:
        raise EmptyError(
            text("Measures must be known of at least half of the users. Received: none that is."),
            title="Nothing to tell users apart", hint="Choose more to look at.",
        )  # fmt: skip
    tell(0.1, text("Looking for groups among {n} users", n=len(rows)))
    grouping = find_grouping(
        scale.apply(matrix.values[rows]), seed=seed, wanted=wanted,
        on_progress=lambda done: tell(0.1 + 0.75 * done,
                                      text("Comparing with users without groups" if done < 0.6
                                           else "Refitting on resampled users")),
    )  # fmt: skip
    if wanted and not grouping.n_groups:
        raise InputError(
            text("{k} parts must have at least ten users each. Received: {n} users.", k=wanted, n=len(matrix))
        )
    tell(0.85, text("Placing all users"))
    placed = _placed(matrix, scale, grouping)
    tell(0.95, text("Naming groups"))
    groups = _named(matrix, placed, rows, grouping)
    # The largest first.
    order = sorted(range(len(groups)), key=lambda place: -groups[place].n_users)
    numbered = {old: new + 1 for new, old in enumerate(order)}
    report = {
        "n_users": len(matrix),
        "n_looked_at": len(rows),
        "measures": len(scale.measures),
        "as_of": as_of,
        "real": grouping.real,
        "p_value": grouping.p_value,
        "tried": [asdict(one) for one in grouping.tried],
        "groups": [asdict(groups[old]) | {"number": numbered[old]} for old in order],
    }
    renumber = np.array([numbered[old] for old in range(len(groups))] or [0], np.int16)
    made = kept.keep(
        workspace, kept.GROUPS,
        settings={"families": list(families) if families else None, "wanted": wanted, "seed": seed},
        reads=reads, report=report, seconds=time.monotonic() - began,
        users=_table(matrix, renumber[placed]),
    )  # fmt: skip
    tell(1.0, text("{k} groups", k=len(groups)))
    return _found(workspace, made)


def _table(matrix: Matrix, groups: Any) -> pa.Table:
    import pyarrow as pa

    return pa.table({"user_id": matrix.user_ids, "group": pa.array(groups, pa.int16())})


def _placed(matrix: Matrix, scale: Scale, grouping: Grouping) -> Any:
    """(n,) the nearest middle of each user, from 0."""
    placed = np.zeros(len(matrix), np.int64)
    if grouping.n_groups:
        for first in range(0, len(matrix), _PLACED_AT_ONCE):
            part = slice(first, first + _PLACED_AT_ONCE)
            placed[part] = nearest(scale.apply(matrix.values[part]), grouping.centres)[0]
    return placed


def _named(matrix: Matrix, placed: Any, rows: Any, grouping: Grouping) -> list[FoundGroup]:
    found = []
    for one in range(grouping.n_groups):
        n_users = int((placed == one).sum())
        again = grouping.jaccard[one]
        low, high = np.quantile(again, (0.05, 0.95))
        found.append(
            FoundGroup(one, n_users, n_users / len(matrix), float(again.mean()), float(low), float(high),
                       apart.differences(matrix, placed == one, rows=rows))
        )  # fmt: skip
    return found


def _found(workspace: Workspace, made: kept.Discovery) -> FoundGroups:
    report, settings = made.report, made.settings
    groups = tuple(
        FoundGroup(**{**one, "differences": apart.from_json(one["differences"])}) for one in report["groups"]
    )
    return FoundGroups(
        made.run_id, tuple(settings["families"] or ()), settings["wanted"], report["n_users"],
        report["n_looked_at"], report["measures"], report["as_of"], report["real"], report["p_value"],
        tuple(Tried(**one) for one in report["tried"]), groups, made.stale(workspace), made.found_at,
        made.seconds,
    )  # fmt: skip


def found_groups(workspace: Workspace) -> list[FoundGroups]:
    """All searches for groups that are kept, the latest first."""
    return [_found(workspace, one) for one in kept.discoveries(workspace, kept.GROUPS)]


def group_of(workspace: Workspace, run_id: str, number: int) -> tuple[FoundGroups, FoundGroup]:
    """One group of a search.

    Raises:
        NotFoundError: There is no such search, or no such group in it.
    """
    found = _found(workspace, kept.discovery(workspace, run_id))
    for one in found.groups:
        if one.number == number:
            return found, one
    raise NotFoundError(
        text("A group must be one of those found, 1 to {k}. Received: {n}.", k=len(found.groups), n=number)
    )


def users_of_group(workspace: Workspace, run_id: str, number: int) -> pa.Array:
    """The user ids of a group, in their order.

    Raises:
        NotFoundError: There is no such search, or no such group in it.
    """
    import pyarrow.compute as pc

    group_of(workspace, run_id, number)
    users = kept.users_of(workspace, run_id)
    return users.filter(pc.equal(users.column("group"), number)).column("user_id").combine_chunks()


def sample_of_group(workspace: Workspace, run_id: str, number: int, limit: int) -> pa.Table:
    """Some users of a group, drawn at random, the same each time: `user_id`, `place` from 1.

    Raises:
        NotFoundError: There is no such search, or no such group in it.
    """
    import pyarrow as pa

    ids = users_of_group(workspace, run_id, number)
    drawn = np.random.default_rng(0).permutation(len(ids))[: max(0, int(limit))]
    return pa.table({"user_id": ids.take(pa.array(drawn)), "place": np.arange(1, len(drawn) + 1)})


def save_group(workspace: Workspace, run_id: str, number: int, name: str, actor: str) -> str:
    """Keep a group's users as a list, and a segment of that name that holds for them.

    Returns:
        The list's name, which the segment's rule speaks of.

    Raises:
        NotFoundError: There is no such group.
        InputError: The name is unfit or taken by a built-in segment.
    """
    found, group = group_of(workspace, run_id, number)
    ids = users_of_group(workspace, run_id, number)
    reads = kept.discovery(workspace, run_id).reads
    return save_as_segment(
        workspace, name, ids, source=f"group {number}: {group.title}", as_of=found.as_of, reads=reads,
        actor=actor,
    )  # fmt: skip


__all__ = [
    "MOST_WANTED",
    "TRIED",
    "FoundGroup",
    "FoundGroups",
    "find_groups",
    "found_groups",
    "group_of",
    "sample_of_group",
    "save_group",
    "users_of_group",
]
