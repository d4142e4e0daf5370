"""What a group of users comes to: money, buyers, reach, consent, what it shares with others, its base rate.

The figures are sums over arrays with one place per profile, so that a page which asks for them at each
change of a rule reads the tables once. Contacts and consents are counted; no value is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from persmark.experiments import wilson
from persmark.privacy import CONSENT_STATES, PURPOSES, REACHED_BY, UNKNOWN, Vault
from persmark.profiles import profile_columns
from persmark.segments.evaluate import Saved, members, moment
from persmark.segments.flags import clause_flags
from persmark.segments.rules import Rule
from persmark.store import Reader, Workspace, read_sql

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Marks = NDArray[np.bool_]

_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class People:
    """All profiles as arrays, one place per user, by user id.

    Attributes:
        users: Their ids.
        money: Value of their purchases minus refunds; 0 where none has a value.
        n_purchases: Their orders.
        bought_seconds: Seconds from the last order to the profiles' moment; infinite without one.
        known_seconds: Seconds from the first event to that moment.
        has_money: Whether any purchase has a value.
    """

    users: pa.Array
    money: NDArray[np.float64]
    n_purchases: NDArray[np.int64]
    bought_seconds: NDArray[np.float64]
    known_seconds: NDArray[np.float64]
    has_money: bool


@dataclass(frozen=True)
class Reach:
    """Who can be reached and who agreed, in the places of `People`.

    Attributes:
        by: Contact field -> whether the vault holds one.
        either: Whether the vault holds a contact of whatever kind.
        consent: Purpose -> place in `CONSENT_STATES`.
    """

    by: Mapping[str, Marks]
    either: Marks
    consent: Mapping[str, NDArray[np.int8]]


@dataclass(frozen=True)
class SegmentFacts:
    """What a segment comes to.

    Attributes:
        n_users: Users in it.
        n_all: All users.
        revenue: Their purchases minus refunds, of all time; None where no purchase has a value.
        revenue_share: Of the same of all users; None where that is not above 0.
        n_buyers: Those with an order.
        n_reachable: Contact field (`email`, `phone`) -> users with one in the vault.
        n_contacts: Users with any contact in the vault.
        consent: Purpose -> state (`granted`, `denied`, `unknown`) -> users.
    """

    n_users: int
    n_all: int
    revenue: float | None
    revenue_share: float | None
    n_buyers: int
    n_reachable: Mapping[str, int]
    n_contacts: int
    consent: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class BaseRate:
    """How many of some users bought anyway in the last days.

    Attributes:
        n_users: Those known before the window began: newer ones would have bought by coming.
        n_converted: Those of them with an order inside.
        rate: The second by the first; None without users.
        low: Lower end of its 95% interval (Wilson); None without users.
        high: Upper end.
        window_days: Length of the window, which ends at the profiles' moment.
    """

    n_users: int
    n_converted: int
    rate: float | None
    low: float | None
    high: float | None
    window_days: int


def people(reader: Reader) -> People:
    """All profiles, as arrays.

    Raises:
        EmptyError: Profiles have not been built.
    """
    profile_columns(reader)
    table = reader.table(read_sql("persmark.segments", "people"))
    money = table.column("money").to_numpy()
    return People(
        users=table.column("user_id").combine_chunks(),
        money=np.nan_to_num(money, nan=0.0),
        n_purchases=table.column("n_purchases").to_numpy(),
        bought_seconds=np.nan_to_num(table.column("bought_seconds").to_numpy(), nan=np.inf),
        known_seconds=np.nan_to_num(table.column("known_seconds").to_numpy(), nan=0.0),
        has_money=bool(np.isfinite(money).any()),
    )


def marks(reader: Reader, everybody: People, rule: Rule, *, saved: Saved | None = None) -> Marks:
    """For each of `People`, whether the rule holds.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: The rule is not understood.
        NotFoundError: It speaks of an unknown segment.
    """
    return _among(everybody, members(reader, rule, saved=saved).column("user_id"))


def marks_together(
    reader: Reader, everybody: People, rules: Mapping[str, Rule], *, saved: Saved | None = None
) -> dict[str, Marks]:
    """`marks` of several rules in one pass.

    Args:
        reader: Whose profiles.
        everybody: All of them.
        rules: Name -> rule; together they must keep to the bounds of one rule.
        saved: Segments they may speak of.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: A rule is not understood, or they are too many for one pass.
        NotFoundError: One speaks of an unknown segment.
    """
    if not rules:
        return {}
    # A group of one keeps its own place among the clauses, whatever it is joined by.
    flags = clause_flags(reader, {"all": [{"any": [rule]} for rule in rules.values()]}, saved=saved)
    users = flags.column("user_id")
    return {
        name: _among(everybody, users.filter(flags.column(f"c{place}"))) for place, name in enumerate(rules)
    }


def _among(everybody: People, users: Any) -> Marks:
    import pyarrow.compute as pc

    if not len(users):
        return np.zeros(len(everybody.users), np.bool_)

    found: Marks = pc.is_in(everybody.users, value_set=users).to_numpy(zero_copy_only=False)
    return found


def reach(workspace: Workspace, everybody: People) -> Reach:
    """Who has a contact in the vault, and who said what to which purpose."""
    import pyarrow as pa

    vault = Vault(workspace.folder)
    told = vault.reach()
    held = told.column("user_id")
    by = {field: _among(everybody, held.filter(told.column(field).fill_null(False))) for field in REACHED_BY}
    unknown = CONSENT_STATES.index(UNKNOWN)
    consent = {purpose: np.full(len(everybody.users), unknown, np.int8) for purpose in PURPOSES}
    said = workspace.state.tuples("consents", ("user_id", "purpose", "state"))
    by_answer: dict[tuple[str, str], list[str]] = {}
    for user, purpose, state in said:
        by_answer.setdefault((purpose, state), []).append(user)
    for (purpose, state), users in by_answer.items():
        consent[purpose][_among(everybody, pa.array(users, pa.string()))] = CONSENT_STATES.index(state)
    return Reach(MappingProxyType(by), _among(everybody, held), MappingProxyType(consent))


def facts_of(everybody: People, reached: Reach, holds: Marks) -> SegmentFacts:
    """The figures of the users that are marked."""
    total, here = float(everybody.money.sum()), float(everybody.money[holds].sum())
    n_states = len(CONSENT_STATES)
    counts = {
        purpose: np.bincount(answers[holds], minlength=n_states)
        for purpose, answers in reached.consent.items()
    }
    return SegmentFacts(
        n_users=int(holds.sum()),
        n_all=len(holds),
        revenue=here if everybody.has_money else None,
        revenue_share=here / total if total > 0 else None,
        n_buyers=int((everybody.n_purchases[holds] > 0).sum()),
        n_reachable={field: int((holds & has).sum()) for field, has in reached.by.items()},
        n_contacts=int((holds & reached.either).sum()),
        consent={
            purpose: {state: int(n) for state, n in zip(CONSENT_STATES, found, strict=True)}
            for purpose, found in counts.items()
        },
    )


def segment_facts(
    workspace: Workspace, reader: Reader, rule: Rule, *, saved: Saved | None = None
) -> SegmentFacts:
    """What the users of a rule come to.

    Args:
        workspace: Whose contacts and consents.
        reader: Whose profiles.
        rule: See `persmark.segments.rules`.
        saved: Segments it may speak of, name -> rule.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: The rule is not understood.
        NotFoundError: It speaks of an unknown segment.
    """
    everybody = people(reader)
    return facts_of(everybody, reach(workspace, everybody), marks(reader, everybody, rule, saved=saved))


def base_rate(everybody: People, holds: Marks, window_days: int) -> BaseRate:
    """How many of the marked users bought in the last days, whatever they were shown.

    Args:
        everybody: All profiles.
        holds: Whom is meant.
        window_days: Length of the window, days, at least 1.

    Returns:
        Of those known before the window began. A segment that is chosen by what happened inside of
        the window tells of its own choice: then look at who was in it before.
    """
    seconds = window_days * _DAY_SECONDS
    before = holds & (everybody.known_seconds >= seconds)
    n_users = int(before.sum())
    n_converted = int((before & (everybody.bought_seconds < seconds)).sum())
    return replace(_rate(n_users, n_converted), window_days=window_days)


def _rate(n_users: int, n_converted: int) -> BaseRate:
    if not n_users:
        return BaseRate(0, 0, None, None, None, 0)
    low, high = wilson(n_converted, n_users)
    return BaseRate(n_users, n_converted, n_converted / n_users, low, high, 0)


def base_rate_then(
    reader: Reader,
    rule: Rule,
    everybody: People,
    then: pa.Table,
    *,
    saved: Saved | None = None,
) -> BaseRate:
    """How many of those who were in the segment at an earlier moment bought since, whatever they were shown.

    The rate that a test would meet: nobody is chosen by what happened afterwards.

    Args:
        reader: Whose events, and profiles of now.
        rule: See `persmark.segments.rules`.
        everybody: All profiles of now.
        then: Profiles of the earlier moment, as `profiles_as_of` gives them.
        saved: Segments the rule may speak of.

    Returns:
        `window_days` are the whole days between the two moments.

    Raises:
        InputError: The rule is not understood.
        NotFoundError: It speaks of an unknown segment, or of what had not been there then.
    """
    import pyarrow.compute as pc

    if not then.num_rows:
        return BaseRate(0, 0, None, None, None, 0)
    earlier, now = then.column("as_of")[0].as_py(), moment(reader)
    flags = clause_flags(reader, rule, saved=saved, inputs={"profiles": then}, as_of=earlier)
    inside = _among(everybody, flags.filter(pc.field("holds")).column("user_id"))
    seconds = (now - earlier).total_seconds() if now else 0.0
    found = _rate(int(inside.sum()), int((inside & (everybody.bought_seconds < seconds)).sum()))
    return replace(found, window_days=int(seconds // _DAY_SECONDS))


def overlap_of(holds: Marks, others: Mapping[str, Marks]) -> pa.Table:
    """What marked users share with each of some segments; see `overlap`."""
    import pyarrow as pa

    n_here = int(holds.sum())
    rows = []
    for name, other in others.items():
        n_other, n_both = int(other.sum()), int((holds & other).sum())
        either = n_here + n_other - n_both
        rows.append(
            {
                "segment": name,
                "n_users": n_other,
                "n_both": n_both,
                "share_of_this": n_both / n_here if n_here else None,
                "share_of_other": n_both / n_other if n_other else None,
                "jaccard": n_both / either if either else None,
            }
        )
    shares = ("share_of_this", "share_of_other", "jaccard")
    schema = pa.schema(
        [("segment", pa.string()), ("n_users", pa.int64()), ("n_both", pa.int64()),
         *((name, pa.float64()) for name in shares)]
    )  # fmt: skip
    return pa.Table.from_pylist(rows, schema)


def overlap(
    reader: Reader, rule: Rule, others: Mapping[str, Rule], *, saved: Saved | None = None
) -> pa.Table:
    """What the users of a rule share with those of others.

    Args:
        reader: Whose profiles.
        rule: The one that is looked at.
        others: Name -> rule.
        saved: Segments the rules may speak of.

    Returns:
        A row per other: `segment`, its `n_users`, `n_both`, `share_of_this` (of the rule's users, how
        many are in the other), `share_of_other` (the other way round), `jaccard` (`n_both` by the users
        of either); a share is null where its whole is empty.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: A rule is not understood.
        NotFoundError: One speaks of an unknown segment.
    """
    everybody = people(reader)
    found = {name: marks(reader, everybody, one, saved=saved) for name, one in others.items()}
    return overlap_of(marks(reader, everybody, rule, saved=saved), found)
