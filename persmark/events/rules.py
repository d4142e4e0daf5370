"""Quality rules: what a person agreed to change about the events, recorded, never in place.

A rule is a small JSON object. Rules are applied to the events as they came, in the order shift, fold,
cap, merge, drop, those of one kind in the order they were saved; `persmark.events.ruling` does it.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from persmark.errors import InputError, NotFoundError
from persmark.store import Workspace, now
from persmark.text import Text, text

CAPPED = ("value", "quantity", "discount")
MERGE_LIMIT = 10  # users that may share one e-mail, phone or device before it links nobody
_LARGEST = Decimal(10) ** 14  # what DECIMAL(18,4) holds
_LONGEST_SHIFT = 400 * 86_400  # seconds; a year typed wrong is the most that a clock is off by


def _refused(kind: str, rule: str, value: object, hint: str) -> InputError:
    return InputError(
        text("A quality rule '{kind}' {rule}. Received: {value}.",
             kind=kind, rule=rule, value=str(value)[:80]),
        title="Not a quality rule",
        hint=hint,
    )  # fmt: skip


def _whole(kind: str, name: str, value: object, *, least: int | None = None) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least):
        bound = "" if least is None else f" of at least {least}"
        raise _refused(kind, f"must have a whole number{bound} as '{name}'", value, "")
    return value


def _word(kind: str, name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _refused(kind, f"must have a text as '{name}'", value, "")
    return value


@dataclass(frozen=True)
class Rule(ABC):
    """What all rules can do.

    Attributes:
        kind: The JSON object's `kind`.
    """

    kind: ClassVar[str] = ""

    @staticmethod
    def from_json(raw: object) -> Rule:
        """The rule that a JSON object holds.

        Raises:
            InputError: It is no object, of no known kind, or lacks what its kind needs.
        """
        kind = raw.get("kind") if isinstance(raw, Mapping) else None
        if not isinstance(raw, Mapping) or not isinstance(kind, str) or kind not in KINDS:
            raise InputError(
                text("A quality rule must be a JSON object of a known 'kind'. Received: {value}.",
                     value=str(kind if isinstance(raw, Mapping) else raw)[:80]),
                title="Not a quality rule",
                hint=text("Available: {kinds}.", kinds=", ".join(KINDS)),
            )  # fmt: skip
        made = KINDS[kind]
        known = set(made.keys())
        if unknown := [str(key) for key in raw if key != "kind" and key not in known]:
            hint = f"Available: {', '.join(sorted(known))}."
            raise _refused(str(kind), "must have no other keys than its own", ", ".join(unknown), hint)
        return made.read(raw)

    @classmethod
    @abstractmethod
    def keys(cls) -> tuple[str, ...]:
        """Keys of the JSON object beside `kind`."""

    @classmethod
    @abstractmethod
    def read(cls, raw: Mapping[str, Any]) -> Rule:
        """The rule of this kind that a JSON object holds."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back."""

    @abstractmethod
    def sentence(self) -> Text:
        """What the rule does, for people."""


@dataclass(frozen=True)
class ShiftTime(Rule):
    """The clock of one source was off: its events happened `seconds` later than they say."""

    source_id: int
    seconds: int
    kind: ClassVar[str] = "shift_time"

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """`source_id` and `seconds`."""
        return ("source_id", "seconds")

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> ShiftTime:
        """Both whole numbers; the seconds not zero and at most 400 days."""
        seconds = _whole(cls.kind, "seconds", raw.get("seconds"))
        if not 0 < abs(seconds) <= _LONGEST_SHIFT:
            raise _refused(cls.kind, "must shift by 1 second to 400 days", seconds, "Give 'seconds'.")
        return cls(_whole(cls.kind, "source_id", raw.get("source_id"), least=1), seconds)

    def to_json(self) -> dict[str, Any]:
        """`kind`, `source_id`, `seconds`."""
        return {"kind": self.kind, "source_id": self.source_id, "seconds": self.seconds}

    def sentence(self) -> Text:
        """The shift in hours where it is whole ones, else in minutes."""
        direction = "later" if self.seconds > 0 else "earlier"
        n = abs(self.seconds)
        unit, size = next(
            (unit, size) for unit, size in (("h", 3600), ("min", 60), ("s", 1)) if n % size == 0
        )
        return text(
            "Events of source {source} happened {n} {unit} {direction} than they say",
            source=self.source_id, n=n // size, unit=unit, direction=text(direction),
        )  # fmt: skip


@dataclass(frozen=True)
class FoldType(Rule):
    """One spelling of a behaviour is another one's."""

    old: str
    new: str
    kind: ClassVar[str] = "fold_type"

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """`from` and `to`."""
        return ("from", "to")

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> FoldType:
        """Two different texts."""
        old, new = _word(cls.kind, "from", raw.get("from")), _word(cls.kind, "to", raw.get("to")).strip()
        if old == new:
            raise _refused(cls.kind, "must change the event type", old, "Give another 'to'.")
        return cls(old, new)

    def to_json(self) -> dict[str, Any]:
        """`kind`, `from`, `to`."""
        return {"kind": self.kind, "from": self.old, "to": self.new}

    def sentence(self) -> Text:
        """Both names."""
        return text("Event type '{old}' counts as '{new}'", old=self.old, new=self.new)


@dataclass(frozen=True)
class Cap(Rule):
    """Larger amounts count as `maximum`; refunds below its negative as that, so that both net off."""

    column: str
    maximum: Decimal
    kind: ClassVar[str] = "cap"

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """`column` and `maximum`."""
        return ("column", "maximum")

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Cap:
        """A money column and an amount, as text or number, with at most four decimals."""
        column, written = raw.get("column"), raw.get("maximum")
        if column not in CAPPED:
            raise _refused(cls.kind, "must have a known 'column'", column, f"Available: {', '.join(CAPPED)}.")
        try:
            maximum = Decimal(str(written)) if not isinstance(written, bool) else Decimal(-1)
        except InvalidOperation:
            maximum = Decimal(-1)
        if not (maximum.is_finite() and 0 <= maximum < _LARGEST and maximum == round(maximum, 4)):
            rule = "must have an amount from 0 with at most four decimals as 'maximum'"
            raise _refused(cls.kind, rule, written, 'For example "500".')
        return cls(str(column), maximum)

    def to_json(self) -> dict[str, Any]:
        """`kind`, `column`, `maximum` as text."""
        return {"kind": self.kind, "column": self.column, "maximum": f"{self.maximum.normalize():f}"}

    def sentence(self) -> Text:
        """The column and the amount."""
        return text(
            "A {column} above {maximum} counts as {maximum}", column=text(self.column),
            maximum=float(self.maximum),
        )  # fmt: skip


@dataclass(frozen=True)
class MergeUsers(Rule):
    """User ids that share an e-mail, phone, device or declared id are one person.

    Attributes:
        limit: Users that may share one key value; a value of more is a shared till, and links nobody.
        apart: Pairs of ids that stay two people.
    """

    limit: int = MERGE_LIMIT
    apart: tuple[tuple[str, str], ...] = ()
    kind: ClassVar[str] = "merge_users"

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """`limit` and `apart`, both optional."""
        return ("limit", "apart")

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> MergeUsers:
        """A limit of at least 2, and pairs of texts."""
        pairs = raw.get("apart", ())
        listed = isinstance(pairs, list | tuple) and all(
            isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(one, str) for one in pair)
            for pair in pairs
        )
        if not listed:
            raise _refused(cls.kind, "must have pairs of user ids as 'apart'", pairs, 'As [["a", "b"]].')
        limit = _whole(cls.kind, "limit", raw.get("limit", MERGE_LIMIT), least=2)
        return cls(limit, tuple(sorted({(min(a, b), max(a, b)) for a, b in pairs})))

    def to_json(self) -> dict[str, Any]:
        """`kind`, `limit`, `apart`."""
        return {"kind": self.kind, "limit": self.limit, "apart": [list(pair) for pair in self.apart]}

    def sentence(self) -> Text:
        """The limit, and how many pairs stay apart."""
        if self.apart:
            return text(
                "User ids that share a key are one user, unless more than {limit} share it; "
                "{n} pairs stay apart",
                limit=self.limit, n=len(self.apart),
            )  # fmt: skip
        return text(
            "User ids that share a key are one user, unless more than {limit} share it", limit=self.limit
        )


@dataclass(frozen=True)
class DropUsers(Rule):
    """Users who are no persons are left out: those named, or who do too much in one hour of the clock.

    Attributes:
        per_hour: Users with more own events than this in one hour, UTC; 0 where users are named.
        users: User ids, as they came or as merged.
    """

    per_hour: int = 0
    users: tuple[str, ...] = ()
    kind: ClassVar[str] = "drop_users"

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """Either `per_hour` or `users`."""
        return ("per_hour", "users")

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> DropUsers:
        """A whole number, or a list of texts."""
        if ("per_hour" in raw) == ("users" in raw):
            keys = ", ".join(key for key in raw if key != "kind")
            raise _refused(cls.kind, "must have either 'per_hour' or 'users'", keys or "neither", "")
        if "per_hour" in raw:
            return cls(per_hour=_whole(cls.kind, "per_hour", raw["per_hour"], least=1))
        users = raw["users"]
        if not isinstance(users, list | tuple) or not users or not all(isinstance(one, str) for one in users):
            raise _refused(cls.kind, "must have a list of user ids as 'users'", users, "")
        return cls(users=tuple(sorted(set(users))))

    def to_json(self) -> dict[str, Any]:
        """`kind`, and `per_hour` or `users`."""
        if self.users:
            return {"kind": self.kind, "users": list(self.users)}
        return {"kind": self.kind, "per_hour": self.per_hour}

    def sentence(self) -> Text:
        """Who is left out."""
        if self.users:
            shown = ", ".join(f"'{one}'" for one in self.users[:3])
            if len(self.users) > 3:
                return text("Users {shown} and {n} more are left out", shown=shown, n=len(self.users) - 3)
            return text("Users {shown} are left out", shown=shown)
        return text("Users with more than {n} events in one hour are left out", n=self.per_hour)


# In the order in which they are applied.
KINDS: Mapping[str, type[Rule]] = {one.kind: one for one in (ShiftTime, FoldType, Cap, MergeUsers, DropUsers)}


@dataclass(frozen=True)
class SavedRule:
    """A rule of a workspace.

    Attributes:
        rule_id: Its number; events say by it which rule changed them last.
        rule: What it does.
        active: Whether it is wanted.
        saved_at: ISO-8601 UTC.
        applied: Whether the events that stand were written under it.
        n_events: Events it changed or took out when they were last written; 0 where not applied.
    """

    rule_id: int
    rule: Rule
    active: bool
    saved_at: str
    applied: bool
    n_events: int


def saved_rules(workspace: Workspace) -> list[SavedRule]:
    """All rules of a workspace, in the order they were saved; those switched off as well."""
    stats = workspace.stats("events")
    applied = {number: json.dumps(rule, sort_keys=True) for number, rule in stats.get("rules", [])}
    n_events = stats.get("rule_events", {})
    found = []
    for row in workspace.state.rows("quality_rules", order="rule_id"):
        rule = Rule.from_json(json.loads(row["rule"]))
        is_applied = applied.get(row["rule_id"]) == json.dumps(rule.to_json(), sort_keys=True)
        found.append(
            SavedRule(
                rule_id=row["rule_id"],
                rule=rule,
                active=bool(row["active"]),
                saved_at=row["saved_at"],
                applied=is_applied,
                n_events=int(n_events.get(str(row["rule_id"]), 0)) if is_applied else 0,
            )
        )
    return found


def active_rules(workspace: Workspace) -> dict[int, Rule]:
    """Number -> rule of those that are switched on, in the order they were saved."""
    return {one.rule_id: one.rule for one in saved_rules(workspace) if one.active}


def save_rule(workspace: Workspace, rule: Rule) -> int:
    """Save a rule, switched on; the events change when it is applied.

    An equal rule that was saved before is switched on again. A rule that merges users takes the place
    of an earlier one, which is switched off.

    Returns:
        Its number.

    Raises:
        InputError: It shifts a source that was never loaded.
    """
    if isinstance(rule, ShiftTime) and not workspace.state.rows("sources", {"source_id": rule.source_id}):
        raise InputError(
            text("A quality rule must name a source of this workspace. Received: {number}.",
                 number=rule.source_id)
        )  # fmt: skip
    written = json.dumps(rule.to_json(), ensure_ascii=False, sort_keys=True)
    with workspace.state.transaction():
        if isinstance(rule, MergeUsers):
            for number, other in active_rules(workspace).items():
                if isinstance(other, MergeUsers):
                    workspace.state.change("quality_rules", {"rule_id": number}, {"active": 0})
        for row in workspace.state.rows("quality_rules", {"rule": written}):
            workspace.state.change("quality_rules", {"rule_id": row["rule_id"]}, {"active": 1})
            return int(row["rule_id"])
        return workspace.state.add("quality_rules", {"rule": written, "active": 1, "saved_at": now()})


def switch_rule(workspace: Workspace, rule_id: int, *, active: bool) -> None:
    """Switch a rule on or off; the events change when the rules are applied.

    Raises:
        NotFoundError: There is none of that number.
    """
    rows = workspace.state.rows("quality_rules", {"rule_id": rule_id})
    if not rows:
        known = ", ".join(str(one.rule_id) for one in saved_rules(workspace)) or "none yet"
        raise NotFoundError(
            text("Quality rule {number} must exist. Received: {number}.", number=rule_id),
            hint=text("Available: {known}.", known=known),
        )
    if active:
        save_rule(workspace, Rule.from_json(json.loads(rows[0]["rule"])))
    else:
        workspace.state.change("quality_rules", {"rule_id": rule_id}, {"active": 0})


def rules_pending(workspace: Workspace) -> bool:
    """Whether the events that stand were written under other rules than those switched on now."""
    stats = workspace.stats("events")
    if not stats:
        return False
    wanted = [[number, rule.to_json()] for number, rule in active_rules(workspace).items()]
    return bool(stats.get("rules_behind")) or wanted != stats.get("rules", [])
