"""What the draft of a rule comes to, from arrays that are read once: each condition is asked only once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from persmark import profiles, segments
from persmark.privacy import Vault
from persmark.segments import drafts
from persmark.store import Reader, Workspace
from persmark.text import Text
from persmark.ui.cache import cached
from persmark.ui.parts.saved import saved_versions

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Marks = NDArray[np.bool_]

Versions = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Look:
    """A draft with its figures.

    Attributes:
        draft: See `persmark.segments.drafts`.
        rule: The draft as a rule; None where nothing is asked.
        everybody: All profiles.
        marks: For each of them whether the rule holds.
        counts: Place -> its counts.
        sentences: Place of a condition -> what it says.
    """

    draft: dict[str, Any]
    rule: dict[str, Any] | None
    everybody: segments.People
    marks: Marks
    counts: Mapping[drafts.Place, segments.PartCount]
    sentences: Mapping[drafts.Place, Text]

    @property
    def n_users(self) -> int:
        """For how many the rule holds."""
        return int(self.marks.sum())

    @property
    def n_all(self) -> int:
        """All users."""
        return len(self.marks)

    @property
    def asked(self) -> dict[str, Any]:
        """The rule, that of everyone where nothing is asked."""
        return self.rule or drafts.draft_of(None)


def _people(_: Workspace, reader: Reader) -> segments.People:
    return segments.people(reader)


def people(workspace: Workspace) -> segments.People:
    """All profiles as arrays."""
    return cached(_people, workspace)


def _condition(workspace: Workspace, reader: Reader, rule: str, _saved: Versions) -> Marks:
    return segments.marks(reader, people(workspace), json.loads(rule), saved=segments.saved_rules(workspace))


def condition(workspace: Workspace, rule: segments.Rule) -> Marks:
    """For each user whether one condition holds."""
    return cached(_condition, workspace, json.dumps(rule, ensure_ascii=False), _named(workspace, rule))


def _named(workspace: Workspace, rule: segments.Rule) -> Versions:
    """What an answer depends on beside the tables: the saved segments, where the condition speaks of one."""
    return saved_versions(workspace) if "segment" in rule else ()


def holds(workspace: Workspace, draft: segments.Rule) -> Marks:
    """For each user whether a draft holds."""
    n_all = len(people(workspace).users)
    return segments.holds(draft, n_all, lambda one: condition(workspace, one))


def _looked_at(workspace: Workspace, _reader: Reader, draft: str, _saved: Versions) -> Look:
    there: dict[str, Any] = json.loads(draft)
    rule = drafts.finished(there)
    everybody, saved = people(workspace), segments.saved_rules(workspace)
    if rule is not None:
        segments.describe(rule, saved=saved)
    known = [(one, condition(workspace, one)) for one in segments.conditions(there)]

    def marks_of(asked: segments.Rule) -> Marks:
        return next(found for one, found in known if one == asked)

    counted = segments.part_counts(there, len(everybody.users), marks_of)
    return Look(
        there,
        rule,
        everybody,
        segments.holds(there, len(everybody.users), marks_of),
        {one.part.place: one for one in counted},
        {
            one.part.place: segments.condition_sentence(one.part.whole, saved=saved)
            for one in counted
            if one.part.join is None
        },
    )


def look(workspace: Workspace, draft: dict[str, Any]) -> Look:
    """The draft with all its counts.

    Raises:
        InputError: A part of it is not understood.
        NotFoundError: It speaks of an unknown segment.
    """
    key = json.dumps(draft, ensure_ascii=False)
    return cached(_looked_at, workspace, key, saved_versions(workspace))


def _reach(workspace: Workspace, _reader: Reader, _stamp: object) -> segments.Reach:
    return segments.reach(workspace, people(workspace))


def facts(workspace: Workspace, found: Look) -> segments.SegmentFacts:
    """Money, buyers, reach and consent of the users the draft holds for."""
    said = workspace.state.rows("consents", order="changed_at DESC", limit=1)
    stamp = (
        Vault(workspace.folder).stamp(),
        said[0]["changed_at"] if said else "",
        workspace.state.count("consents") if said else 0,
    )
    return segments.facts_of(found.everybody, cached(_reach, workspace, stamp), found.marks)


def _others(workspace: Workspace, reader: Reader, _saved: Versions) -> dict[str, Marks]:
    everybody, saved = people(workspace), segments.saved_rules(workspace)
    sizes = segments.segment_sizes(workspace, reader)
    sound = {one.segment.name: one.segment for one in sizes if one.n_users}
    built_in = {name: one.rule for name, one in sound.items() if one.built_in and name != segments.EVERYONE}
    return {
        name: segments.marks(reader, everybody, one.rule, saved=saved)
        for name, one in sound.items()
        if not one.built_in
    } | segments.marks_together(reader, everybody, built_in)


def others(workspace: Workspace) -> dict[str, Marks]:
    """Every segment that has users, but for everyone."""
    return cached(_others, workspace, saved_versions(workspace))


def _then(workspace: Workspace, reader: Reader, window_days: int) -> pa.Table:
    now = segments.moment(reader)
    assert now is not None, "asked only where there are profiles"
    return profiles.profiles_as_of(workspace, now - timedelta(days=window_days))


def _rate_then(
    workspace: Workspace, reader: Reader, rule: str, window_days: int, _saved: Versions
) -> segments.BaseRate:
    then = cached(_then, workspace, window_days)
    saved = segments.saved_rules(workspace)
    return segments.base_rate_then(reader, json.loads(rule), people(workspace), then, saved=saved)


def rate_then(workspace: Workspace, found: Look, window_days: int) -> segments.BaseRate:
    """How many of those who were in it so many days ago bought since.

    Raises:
        EmptyError: There were no events yet.
        NotFoundError: The rule speaks of what had not been there then.
    """
    rule = json.dumps(found.asked, ensure_ascii=False)
    return cached(_rate_then, workspace, rule, window_days, saved_versions(workspace))
