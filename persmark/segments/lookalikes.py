"""Lookalikes: the users most like those of a seed, and how well such a ranking finds hidden ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from persmark.errors import InputError
from persmark.segments import apart, kept
from persmark.segments.apart import Trait
from persmark.segments.defining import given_away, is_given
from persmark.segments.evaluate import checked, members
from persmark.segments.likeness import Area, HoldOut, Lead, Recall, hold_out, likeness, prepared
from persmark.segments.lists import reads_now, save_as_segment
from persmark.segments.matrix import Matrix, unfolded, user_matrix
from persmark.segments.nodes import Rule
from persmark.segments.saved import get_segment, saved_rules
from persmark.segments.wording import sentence
from persmark.store import Reader, Workspace
from persmark.text import Text, text

if TYPE_CHECKING:
    import pyarrow as pa

OnProgress = Callable[[float, Text], None]
Mask = npt.NDArray[np.bool_]

LEAST_SEED, LEAST_OTHERS = 8, 20
# The ranking to beat: what every marketer has.
RFM = ("recency_days", "n_purchases", "monetary")
# A measure that alone puts the users of a rule before (nearly) all others repeats the rule.
_TELLS_ALL = 0.995
# The test takes at most so many of either side; more would not move its figures.
_TESTED_SEED, _TESTED_OTHERS = 5_000, 50_000
_MOST_IDS = 1_000_000


@dataclass(frozen=True)
class Lookalikes:
    """What a search for lookalikes came to.

    Attributes:
        run_id: Of the search.
        seed_name: What the seed is called: a segment's name, a rule in words, empty for a list of user ids.
        n_seed: Users of the seed that have a profile.
        n_unknown: User ids of a pasted list without a profile.
        n_others: Users ranked.
        measures: How many measures likeness is worked out from.
        left_out: Measures that the seed's rule gives away, and so are not used.
        as_of: Moment of the profiles, ISO-8601 UTC.
        test: The hold-out test.
        differences: What sets the seed apart from the others.
        stale: Whether the data has changed since.
        found_at: ISO-8601 UTC.
        seconds: Wall time.
    """

    run_id: str
    seed_name: str
    n_seed: int
    n_unknown: int
    n_others: int
    measures: int
    left_out: tuple[str, ...]
    as_of: str
    test: HoldOut
    differences: tuple[Trait, ...]
    stale: bool
    found_at: str
    seconds: float

    @property
    def better_than_chance(self) -> bool:
        """Whether hidden users stand above half of the others, the interval's lower end included."""
        area = self.test.area_of("likeness")
        return area is not None and area.low > 0.5

    @property
    def better_than_rfm(self) -> bool | None:
        """Whether the first 5% hold more hidden users than by recency, frequency and money alone.

        None where the seed leaves none of these.
        """
        lead = self.test.lead_over("rfm", 0.05)
        return None if lead is None else lead.low > 0

    @property
    def verdict(self) -> Text:
        """Whether to use it, and against what it was measured."""
        if not self.better_than_chance:
            return text(
                "Not shown to be better than chance: do not use this ranking. The seed's users are too few "
                "or too different from each other for their likeness to show in what is known here."
            )
        if self.better_than_rfm is None:
            return text(
                "Better than chance. Recency, frequency and money cannot be compared: the seed is "
                "defined by them."
            )
        if self.better_than_rfm:
            return text("Better than chance, and better than recency, frequency and money alone.")
        return text(
            "Better than chance, but not shown to be better than recency, frequency and money alone: an RFM "
            "segment may do as well."
        )


def _ids(matrix: Matrix, wanted: pa.Array) -> Mask:
    import pyarrow.compute as pc

    found: Mask = pc.is_in(matrix.user_ids, value_set=wanted).to_numpy(zero_copy_only=False)
    return found


def _listed(user_ids: Sequence[str]) -> list[str]:
    if len(user_ids) > _MOST_IDS:
        raise InputError(
            text(
                "A list of user ids must have at most {most}. Received: {n}.", most=_MOST_IDS, n=len(user_ids)
            ),
            hint="Save them as a segment instead.",
        )
    return list(dict.fromkeys(one.strip() for one in user_ids if one.strip()))


def _seed_of(
    workspace: Workspace, reader: Reader, matrix: Matrix, rule: Rule | None, user_ids: Sequence[str]
) -> tuple[Mask, frozenset[str], str, int]:
    """Who is in the seed, what its rule gives away and says, and how many ids are unknown."""
    import pyarrow as pa

    if rule is None:
        listed = _listed(user_ids)
        seed = _ids(matrix, pa.array(listed, pa.string()))
        return seed, frozenset(), "", len(listed) - int(seed.sum())
    saved = saved_rules(workspace)
    ids = members(reader, rule, saved=saved).column("user_id").combine_chunks()
    node = checked(reader, rule, saved)
    return _ids(matrix, ids), given_away(node), sentence(node).render(), 0


def _tells_all(columns: npt.NDArray[np.float32], seed: Mask) -> Mask:
    """(d,) which columns alone order the seed before all others, or behind them."""
    from scipy.stats import rankdata

    n_seed = int(seed.sum())
    ranks = rankdata(columns, axis=0)[seed].sum(axis=0)
    area = (ranks - n_seed * (n_seed + 1) / 2) / (n_seed * (len(seed) - n_seed))
    found: Mask = np.maximum(area, 1 - area) >= _TELLS_ALL
    return found


def _tested(seed: Mask, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows of the test."""
    rows = []
    for part, most in ((np.flatnonzero(seed), _TESTED_SEED), (np.flatnonzero(~seed), _TESTED_OTHERS)):
        rows.append(part if len(part) <= most else rng.choice(part, most, replace=False))
    return np.sort(np.concatenate(rows))


def find_lookalikes(
    workspace: Workspace,
    *,
    segment: str | None = None,
    rule: Rule | None = None,
    user_ids: Sequence[str] = (),
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Lookalikes:
    """Rank all other users by how alike they are to those of a seed, test the ranking, keep both.

    What the seed's rule itself asks is left out, with all that says it again; so are contacts received:
    whom the company wrote to is no likeness.

    Args:
        workspace: Whose profiles.
        segment: A segment as the seed;
        rule: or a rule;
        user_ids: or a list of users, in any order, repeats and unknown ones counted once.
        seed: Of all draws; the same gives the same ranking.
        on_progress: Called with a fraction and what is happening.

    Raises:
        EmptyError: There are no profiles.
        InputError: Not exactly one seed was given, it has too few users, or it leaves too few others or
            nothing to compare.
        NotFoundError: There is no such segment.
    """
    if sum((segment is not None, rule is not None, bool(user_ids))) != 1:
        raise InputError(
            text("A seed must be one of a segment, a rule and a list of user ids. Received: {n} of them.",
                 n=sum((segment is not None, rule is not None, bool(user_ids)))),
            hint="Choose whom the others should resemble.",
        )  # fmt: skip
    tell = on_progress or (lambda fraction, message: None)
    began = time.monotonic()
    tell(0.0, text("Reading profiles"))
    asked = get_segment(workspace, segment).rule if segment is not None else rule
    with workspace.reader() as reader:
        matrix = user_matrix(reader)
        inside, given, said, n_unknown = _seed_of(workspace, reader, matrix, asked, user_ids)
        reads = reads_now(reader)
        as_of = str(reader.manifest.group("profiles").stats.get("as_of", ""))
    n_seed, n_others = int(inside.sum()), int((~inside).sum())
    if n_seed < LEAST_SEED or n_others < LEAST_OTHERS:
        raise InputError(
            text("A seed must have at least {least} users with a profile and leave {others} others. "
                 "Received: {n} users, {m} others.", least=LEAST_SEED, others=LEAST_OTHERS, n=n_seed,
                 m=n_others),
            title="Too few users to learn from",
            hint="Choose a larger segment." if n_seed < LEAST_SEED else "Choose a smaller segment.",
        )  # fmt: skip
    rng = np.random.default_rng(seed)
    tested = _tested(inside, rng)
    used = np.array([not is_given(one.name, given) for one in matrix.measures])
    if asked is not None and used.any():
        places = np.flatnonzero(used)
        filled = np.nan_to_num(matrix.values[tested][:, places], nan=-1.0)
        used[places[_tells_all(filled, inside[tested])]] = False
    if not used.any():
        raise InputError(
            text(
                "A seed must leave something to compare users by. Received: a rule that speaks of all of it."
            ),
            title="Nothing left to compare",
            hint="Give the users as a list of ids instead.",
        )
    left_out = tuple(one.name for one, stays in zip(matrix.measures, used, strict=True) if not stays)
    matrix = matrix.only(used)
    compared = unfolded(matrix.values[tested], matrix.measures)
    rfm = np.array([one.name in RFM for one in matrix.measures])
    tell(0.1, text("Hiding a part of {n} users and looking for them", n=n_seed))
    test = hold_out(
        prepared(compared), prepared(compared[:, rfm]) if rfm.any() else None, inside[tested],
        random_seed=seed,
        on_progress=lambda done: tell(0.1 + 0.7 * done, text("Hiding a part of the seed and looking for it")),
    )  # fmt: skip
    tell(0.8, text("Ranking {n} users", n=n_others))
    differences = apart.differences(matrix, inside, rows=tested)
    del compared
    ranked = _ranked(matrix, inside, rng)
    report = {
        "seed_name": segment or said,
        "n_seed": n_seed,
        "n_unknown": n_unknown,
        "n_others": n_others,
        "measures": len(matrix.measures),
        "left_out": list(left_out),
        "as_of": as_of,
        "test": asdict(test),
        "differences": apart.to_json(differences),
    }
    made = kept.keep(
        workspace, kept.LOOKALIKES,
        settings={"segment": segment, "rule": json.loads(json.dumps(asked)), "seed": seed,
                  "n_listed": len(user_ids)},
        reads=reads, report=report, seconds=time.monotonic() - began, users=ranked,
    )  # fmt: skip
    tell(1.0, text("{n} users ranked", n=n_others))
    return _found(workspace, made)


def _ranked(matrix: Matrix, inside: Mask, rng: np.random.Generator) -> pa.Table:
    """All others from the most alike on: `user_id`, `rank`; equal scores by user id."""
    import pyarrow as pa

    scores = likeness(prepared(unfolded(matrix.values, matrix.measures)), inside, rng)
    others = np.flatnonzero(~inside)
    order = others[np.argsort(-scores[others], kind="stable")]
    return pa.table(
        {
            "user_id": matrix.user_ids.take(pa.array(order)),
            "rank": pa.array(np.arange(1, len(order) + 1), pa.int32()),
        }
    )


def _test(kept_test: dict[str, Any]) -> HoldOut:
    return HoldOut(
        **{
            **kept_test,
            "recalls": tuple(Recall(**one) for one in kept_test["recalls"]),
            "leads": tuple(Lead(**one) for one in kept_test["leads"]),
            "areas": tuple(Area(**one) for one in kept_test["areas"]),
        }
    )


def _found(workspace: Workspace, made: kept.Discovery) -> Lookalikes:
    report = made.report
    return Lookalikes(
        made.run_id, report["seed_name"], report["n_seed"], report["n_unknown"], report["n_others"],
        report["measures"], tuple(report["left_out"]), report["as_of"], _test(report["test"]),
        apart.from_json(report["differences"]), made.stale(workspace), made.found_at, made.seconds,
    )  # fmt: skip


def found_lookalikes(workspace: Workspace) -> list[Lookalikes]:
    """All searches for lookalikes that are kept, the latest first."""
    return [_found(workspace, one) for one in kept.discoveries(workspace, kept.LOOKALIKES)]


def ranked_users(workspace: Workspace, run_id: str, n_first: int) -> pa.Table:
    """The first of a ranking: `user_id`, `rank`.

    Raises:
        NotFoundError: There is no such search.
        InputError: `n_first` is below 1.
    """
    if isinstance(n_first, bool) or n_first < 1:
        raise InputError(text("A number of users to take must be at least 1. Received: {n}.", n=n_first))
    return kept.users_of(workspace, run_id).slice(0, n_first)


def save_lookalikes(workspace: Workspace, run_id: str, n_first: int, name: str, actor: str) -> str:
    """Keep the first of a ranking as a list, and a segment of that name that holds for them.

    Returns:
        The list's name, which the segment's rule speaks of.

    Raises:
        NotFoundError: There is no such search.
        InputError: The name is unfit or taken by a built-in segment, or `n_first` is below 1.
    """
    found = _found(workspace, kept.discovery(workspace, run_id))
    ids = ranked_users(workspace, run_id, n_first).column("user_id").combine_chunks()
    seed = found.seed_name or f"a list of {found.n_seed}"
    return save_as_segment(
        workspace, name, ids, source=f"the first {len(ids)} lookalikes of {seed}", as_of=found.as_of,
        reads=kept.discovery(workspace, run_id).reads, actor=actor,
    )  # fmt: skip
