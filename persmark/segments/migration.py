"""Who moved between two moments: into and out of a segment by clause, and from group to group.

Every user known at either moment is in exactly one of stayed in, entered, left and stayed out. Those who
entered or left did so for exactly one reason: they are new to the data, gone from it, or the clauses
that turned for them. So all sums come out even, to the user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from persmark.errors import InputError
from persmark.profiles import profile_columns
from persmark.segments.evaluate import Saved, known_segments
from persmark.segments.flags import clause_flags
from persmark.segments.nodes import ColumnIs, OnList, PredictionIs, leaves
from persmark.segments.rules import Rule, parse
from persmark.segments.snapshots import PUBLISHED, Snapshot, snapshot_values
from persmark.segments.wording import sentence
from persmark.store import Reader, read_sql
from persmark.text import Text, text

if TYPE_CHECKING:
    import pyarrow as pa

STAYED, ENTERED, LEFT, OUTSIDE = "stayed", "entered", "left", "outside"
# Reasons that no clause gives, and the ends of a flow that no group is.
NEW, GONE, NO_VALUE = "new to the data", "gone from the data", "no value"
BY_CLAUSES = "clauses"

Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class Way:
    """One exact reason to enter or to leave, and how many users it holds for.

    Attributes:
        move: `entered` or `left`.
        reason: `NEW`, `GONE`, or `BY_CLAUSES`.
        clauses: Places of the clauses that turned, from 0; empty for the other reasons.
        n_users: Users with exactly this reason.
    """

    move: str
    reason: str
    clauses: tuple[int, ...]
    n_users: int


@dataclass(frozen=True)
class ClauseFlips:
    """One outermost clause of the rule.

    Attributes:
        sentence: In words.
        n_entered: Users who entered and for whom it turned.
        n_entered_alone: Of those, users for whom nothing else did.
        n_left: Users who left and for whom it turned.
        n_left_alone: Of those, users for whom nothing else did.
    """

    sentence: Text
    n_entered: int
    n_entered_alone: int
    n_left: int
    n_left_alone: int


@dataclass(frozen=True)
class Migration:
    """A segment at two moments.

    Attributes:
        before: The first moment.
        after: The second.
        n_before: Users in the segment at the first.
        n_entered: Users in it at the second only.
        n_left: Users in it at the first only.
        n_stayed: Users in it at both.
        n_new: Of those who entered, users without a profile at the first moment.
        n_gone: Of those who left, users without one at the second.
        ways: Reasons to enter and to leave, most users first; their users add up to `n_entered` and `n_left`.
        clauses: Each clause by itself; a user for whom two turned is counted in both.
        moves: `user_id`, `move`, `way` (place in `ways`, NULL for those who did neither); each user once.
        of_today: Parts of the rule that are of today at both moments: predictions, kept lists.
    """

    before: Snapshot
    after: Snapshot
    n_before: int
    n_entered: int
    n_left: int
    n_stayed: int
    n_new: int
    n_gone: int
    ways: tuple[Way, ...]
    clauses: tuple[ClauseFlips, ...]
    moves: pa.Table
    of_today: tuple[Text, ...]

    @property
    def n_after(self) -> int:
        """Users in the segment at the second moment."""
        return self.n_stayed + self.n_entered

    def users(self, move: str, way: int | None = None) -> pa.Table:
        """`user_id` of those who made a move, for one reason or for all of them."""
        import pyarrow.compute as pc

        test = pc.equal(self.moves.column("move"), move)
        if way is not None:
            test = pc.and_kleene(test, pc.equal(self.moves.column("way"), way))
        return self.moves.filter(test).select(["user_id"])


def unwrapped(rule: Rule, saved: Saved | None = None) -> Rule:
    """The rule without groups of one part and names of segments around it: where its clauses begin."""
    known = known_segments(saved)
    while True:
        (form,) = rule if len(rule) == 1 else ("",)
        if form == "segment" and rule[form] in known:
            rule = known[rule[form]]
        elif form in ("all", "any") and len(rule[form]) == 1:
            rule = rule[form][0]
        else:
            return rule


def clauses_of(rule: Rule) -> list[Rule]:
    """The outermost clauses of an unwrapped rule; one that is no group is its own only one."""
    for form in ("all", "any"):
        if rule.get(form):
            return list(rule[form])
    return [rule]


@dataclass(frozen=True)
class _Side:
    """Who holds what at one moment, in the order of all users of both."""

    known: Marks
    holds: Marks
    clauses: Marks


def _flags(reader: Reader, rule: Rule, side: Snapshot, saved: Saved | None) -> pa.Table:
    if side.snapshot_id == PUBLISHED:
        return clause_flags(reader, rule, saved=saved)
    node = parse(rule, columns=profile_columns(reader), saved=known_segments(saved))
    columns = {leaf.column for leaf in leaves(node) if isinstance(leaf, ColumnIs)} - {"user_id", "as_of"}
    return clause_flags(
        reader,
        rule,
        saved=saved,
        inputs={
            "profiles": snapshot_values(reader, side.snapshot_id, ("user_id", "as_of", *sorted(columns)))
        },
        as_of=side.as_of,
        up_to_source=side.up_to_source,
    )


def _side(flags: pa.Table, users: pa.Array) -> _Side:
    import pyarrow.compute as pc

    place = pc.index_in(users, value_set=flags.column("user_id").combine_chunks())
    known = place.is_valid().to_numpy(zero_copy_only=False)
    places = pc.fill_null(place, 0).to_numpy()

    def marks(name: str) -> Marks:
        if not flags.num_rows:
            return np.zeros(len(users), dtype=bool)
        values = flags.column(name).to_numpy().astype(bool)
        found: Marks = values[places] & known
        return found

    names = [name for name in flags.column_names if name not in ("user_id", "holds")]
    clauses = np.stack([marks(name) for name in names], axis=1) if names else np.zeros((len(users), 0), bool)
    return _Side(known, marks("holds"), clauses)


def migrate(
    reader: Reader, rule: Rule, before: Snapshot, after: Snapshot, *, saved: Saved | None = None
) -> Migration:
    """Who entered and left a segment between two moments, and by which clauses of its rule.

    The rule is asked of the profiles of each moment and of the events up to it. A clause turned for a user
    where it holds at one moment and not at the other.

    Args:
        reader: Whose snapshots and profiles.
        rule: See `persmark.segments.rules`.
        before: The first moment.
        after: The second.
        saved: Segments the rule may speak of.

    Raises:
        InputError: Both moments are the same snapshot, or the rule is not understood.
        NotFoundError: The rule speaks of an unknown segment.
        EmptyError: The profiles of now are meant and there are none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if before.snapshot_id == after.snapshot_id:
        raise InputError(
            text("A migration must have two different moments. Received: {name} twice.", name=before.title),
            hint="Choose another moment for one of them.",
        )
    core = unwrapped(rule, saved)
    first, second = (_flags(reader, core, side, saved) for side in (before, after))
    users = pc.unique(pa.concat_arrays([one.column("user_id").combine_chunks() for one in (first, second)]))
    users = users.take(pc.sort_indices(users))
    was, is_ = _side(first, users), _side(second, users)
    entered, left = is_.holds & ~was.holds, was.holds & ~is_.holds
    ways, way = _ways(was, is_, entered, left)
    move = np.select([entered, left, was.holds], [ENTERED, LEFT, STAYED], OUTSIDE)
    node = parse(core, columns=None, saved=known_segments(saved))
    return Migration(
        before=before,
        after=after,
        n_before=int(was.holds.sum()),
        n_entered=int(entered.sum()),
        n_left=int(left.sum()),
        n_stayed=int((was.holds & is_.holds).sum()),
        n_new=int((entered & ~was.known).sum()),
        n_gone=int((left & ~is_.known).sum()),
        ways=ways,
        clauses=_clauses(core, ways, saved),
        moves=pa.table(
            {
                "user_id": users,
                "move": pa.array(move.tolist(), pa.string()),
                "way": pa.array(way, pa.int32(), mask=way < 0),
            }
        ),
        of_today=tuple(sentence(leaf) for leaf in leaves(node) if isinstance(leaf, PredictionIs | OnList)),
    )


def _ways(was: _Side, is_: _Side, entered: Marks, left: Marks) -> tuple[tuple[Way, ...], NDArray[np.int32]]:
    """The exact reasons, and for each user the place of theirs; -1 for who neither entered nor left."""
    moved = np.flatnonzero(entered | left)
    strange = ~(was.known & is_.known)[moved]
    turned = (was.clauses != is_.clauses)[moved] & ~strange[:, None]
    coded = np.concatenate([entered[moved][:, None], strange[:, None], turned], axis=1)
    # Patterns as bytes, for `unique` sorts rows of bits slowly.
    packed = np.packbits(coded, axis=1)
    whole = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, of, counts = np.unique(whole, return_index=True, return_inverse=True, return_counts=True)
    found = []
    for row, n_users in zip(coded[first], counts, strict=True):
        move = ENTERED if row[0] else LEFT
        reason = (NEW if row[0] else GONE) if row[1] else BY_CLAUSES
        found.append(Way(move, reason, tuple(int(place) for place in np.flatnonzero(row[2:])), int(n_users)))
    order = sorted(range(len(found)), key=lambda n: (found[n].move, -found[n].n_users, found[n].clauses))
    rank = np.empty(len(found), dtype=np.int32)
    rank[order] = np.arange(len(found), dtype=np.int32)
    way = np.full(len(entered), -1, dtype=np.int32)
    way[moved] = rank[of]
    return tuple(found[place] for place in order), way


def _clauses(core: Rule, ways: Sequence[Way], saved: Saved | None) -> tuple[ClauseFlips, ...]:
    known = known_segments(saved)

    def count(place: int, move: str, *, alone: bool) -> int:
        return sum(
            way.n_users
            for way in ways
            if way.move == move and place in way.clauses and (not alone or len(way.clauses) == 1)
        )

    return tuple(
        ClauseFlips(
            sentence(parse(clause, columns=None, saved=known)),
            count(place, ENTERED, alone=False),
            count(place, ENTERED, alone=True),
            count(place, LEFT, alone=False),
            count(place, LEFT, alone=True),
        )
        for place, clause in enumerate(clauses_of(core))
    )


def flow(reader: Reader, column: str, before: Snapshot, after: Snapshot) -> pa.Table:
    """How many users went from each group to each: lifecycle stages, RFM segments, any column of names.

    Args:
        reader: Whose snapshots and profiles.
        column: A profile column whose values part the users.
        before: The first moment.
        after: The second.

    Returns:
        `origin`, `target`, `n_users`, each pair once. The sums over targets are the sizes of the groups
        before (and `NEW`), those over origins the sizes after (and `GONE`); users without a value are in
        the group `NO_VALUE`.
    """
    inputs = {
        "first": snapshot_values(reader, before.snapshot_id, ("user_id", column)).rename_columns(
            ["user_id", "value"]
        ),
        "second": snapshot_values(reader, after.snapshot_id, ("user_id", column)).rename_columns(
            ["user_id", "value"]
        ),
    }
    names = {"new": NEW, "gone": GONE, "none": NO_VALUE}
    return reader.table(read_sql("persmark.segments", "flow"), names, inputs=inputs)


MOVED_COLUMNS = ("user_id", "lifecycle", "rfm_segment", "recency_days", "n_purchases", "monetary")


def users_of_flow(
    reader: Reader, column: str, before: Snapshot, after: Snapshot, *, origin: str, target: str
) -> pa.Table:
    """`user_id` of those who went from one group to another; see `flow`."""
    inputs = {
        "first": snapshot_values(reader, before.snapshot_id, ("user_id", column)).rename_columns(
            ["user_id", "value"]
        ),
        "second": snapshot_values(reader, after.snapshot_id, ("user_id", column)).rename_columns(
            ["user_id", "value"]
        ),
    }
    names = {"new": NEW, "gone": GONE, "none": NO_VALUE, "origin": origin, "target": target}
    return reader.table(read_sql("persmark.segments", "users_of_flow"), names, inputs=inputs)


def then_and_now(reader: Reader, users: pa.Table, before: Snapshot, after: Snapshot, limit: int) -> pa.Table:
    """Some users with their main figures at both moments, picked by a digest of the id.

    Args:
        reader: Whose snapshots and profiles.
        users: `user_id`.
        before: The first moment.
        after: The second.
        limit: At most so many.

    Returns:
        `user_id`, then `<column>_before` and `<column>_after` of lifecycle, RFM segment, recency, orders
        and money.
    """
    inputs: Mapping[str, pa.Table] = {
        "wanted": users,
        "first": snapshot_values(reader, before.snapshot_id, MOVED_COLUMNS),
        "second": snapshot_values(reader, after.snapshot_id, MOVED_COLUMNS),
    }
    return reader.table(read_sql("persmark.segments", "then_and_now"), {"most": limit}, inputs=inputs)
