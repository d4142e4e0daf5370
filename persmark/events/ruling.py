"""Applying quality rules: from events as they came to the events that stand.

What a rule changes or takes out is kept as it came in the table `originals`, so that the events as they
came are always `events` that no rule touched and `originals` together (`CAME`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from persmark.columns import TABLES
from persmark.events.clock import shift_sql
from persmark.events.identity import resolve
from persmark.events.ranges import write_sorted
from persmark.events.rules import CAPPED, Cap, DropUsers, FoldType, MergeUsers, Rule, ShiftTime, active_rules
from persmark.store import Writer, quoted, read_sql

if TYPE_CHECKING:
    from persmark.store import Workspace

_PACKAGE = "persmark.events"
COLUMNS = tuple(TABLES["events"])
LISTED = ", ".join(map(quoted, COLUMNS))
_AS_IT_CAME = ", ".join("0 AS by_rule" if name == "by_rule" else quoted(name) for name in COLUMNS)

# Every event as it came, whatever rules made of it.
CAME = f"""SELECT {_AS_IT_CAME} FROM events WHERE coalesce(by_rule, 0) = 0
    UNION ALL SELECT {_AS_IT_CAME} FROM originals"""

_TABLES = {
    "rule_shifts": "source_id INTEGER, seconds BIGINT, first_rule INTEGER, last_rule INTEGER",
    "rule_folds": "old_type VARCHAR, new_type VARCHAR, first_rule INTEGER, last_rule INTEGER",
    "rule_caps": ", ".join(f"{name} DECIMAL(18,4), {name}_rule INTEGER" for name in CAPPED),
    "rule_merges": "source_user_id VARCHAR, user_id VARCHAR, reason VARCHAR, rule_id INTEGER",
    "rule_dropped": "user_id VARCHAR, rule_id INTEGER",
    "rule_named": "user_id VARCHAR, rule_id INTEGER",
    "rule_asked": "user_id VARCHAR",
}


@dataclass
class Ruling:
    """Rules on their way into one version of the events.

    Attributes:
        rules: Number -> rule, in the order they were saved.
        time_zone: The workspace's; a shifted event falls on another local day.
        behind: Whether events that stood before are not what these rules would make of them now: a
            user became too busy, or was linked to another one. They must be written anew.
        n_events: Rule number -> events that it changed or took out.
        n_originals: Events kept as they came.
    """

    rules: Mapping[int, Rule]
    time_zone: str
    behind: bool = False
    n_events: dict[int, int] = field(default_factory=dict)
    n_originals: int = 0

    @classmethod
    def of(cls, workspace: Workspace, w: Writer, *, delta: bool) -> Ruling:
        """For an append those under which the rest stands; for all events those switched on now."""
        if delta:
            stats = w.manifest.group("events").stats
            rules = {int(number): Rule.from_json(raw) for number, raw in stats.get("rules", [])}
            return cls(rules, workspace.time_zone, behind=bool(stats.get("rules_behind")))
        return cls(active_rules(workspace), workspace.time_zone)

    def to_json(self) -> list[Any]:
        """Numbers and rules, for the stats of the events."""
        return [[number, rule.to_json()] for number, rule in self.rules.items()]


@dataclass(frozen=True)
class _Chain:
    """What several rules of one kind come to, and which they are."""

    outcome: Any
    rules: tuple[int, ...]


def shifts_of(rules: Mapping[int, Rule]) -> dict[int, _Chain]:
    """Source -> seconds in all; sources whose shifts cancel each other are left out."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, rule in rules.items():
        if isinstance(rule, ShiftTime):
            found[rule.source_id].append((number, rule.seconds))
    return {
        source: _Chain(seconds, tuple(number for number, _ in pairs))
        for source, pairs in found.items()
        if (seconds := sum(n for _, n in pairs))
    }


def folds_of(rules: Mapping[int, Rule]) -> dict[str, _Chain]:
    """Event type -> what the rules, one after the other, make of it."""
    folds = {number: rule for number, rule in rules.items() if isinstance(rule, FoldType)}
    found = {}
    for start in {rule.old for rule in folds.values()}:
        name, taken = start, []
        for number, rule in folds.items():
            if rule.old == name:
                name = rule.new
                taken.append(number)
        if name != start:
            found[start] = _Chain(name, tuple(taken))
    return found


def _caps_of(rules: Mapping[int, Rule]) -> dict[str, _Chain]:
    """Column -> the least maximum; a larger one beside it changes nothing."""
    found: dict[str, _Chain] = {}
    for number, rule in rules.items():
        if isinstance(rule, Cap) and (rule.column not in found or rule.maximum < found[rule.column].outcome):
            found[rule.column] = _Chain(rule.maximum, (number,))
    return found


def _fill(w: Writer, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
    if any(len(one) for one in columns.values()):
        names = ", ".join(map(quoted, columns))
        w.rows(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM handed",
            inputs={"handed": pa.table({name: pa.array(list(one)) for name, one in columns.items()})},
        )


def _rule_tables(w: Writer, rules: Mapping[int, Rule]) -> None:
    """The rules as small tables; merged and busy users come later."""
    for table, declared in _TABLES.items():
        w.run(f"CREATE OR REPLACE TEMP TABLE {table} ({declared})")
    for table, key, outcome, chains in (
        ("rule_shifts", "source_id", "seconds", shifts_of(rules)),
        ("rule_folds", "old_type", "new_type", folds_of(rules)),
    ):
        chained: dict[Any, _Chain] = dict(chains)
        _fill(
            w,
            table,
            {
                key: list(chained),
                outcome: [one.outcome for one in chained.values()],
                "first_rule": [one.rules[0] for one in chained.values()],
                "last_rule": [one.rules[-1] for one in chained.values()],
            },
        )
    caps = _caps_of(rules)
    params: dict[str, object] = {}
    for name in CAPPED:
        params[name] = caps[name].outcome if name in caps else None
        params[f"{name}_rule"] = caps[name].rules[0] if name in caps else None
    w.run(f"INSERT INTO rule_caps VALUES ({', '.join('$' + name for name in params)})", params)
    for number, rule in rules.items():
        if isinstance(rule, DropUsers) and rule.users:
            for table in ("rule_dropped", "rule_named"):
                w.rows(
                    f"""INSERT INTO {table} SELECT user_id, {int(number)} FROM handed
                    WHERE user_id NOT IN (SELECT user_id FROM {table})""",
                    inputs={"handed": pa.table({"user_id": pa.array(rule.users, pa.string())})},
                )


def _merge(w: Writer, rules: Mapping[int, Rule], keys: str) -> None:
    """Who is whom, from the links that `keys` selects, into `rule_merges`; the newest rule says how."""
    merging = [(number, rule) for number, rule in rules.items() if isinstance(rule, MergeUsers)]
    for number, rule in merging[-1:]:
        found = resolve(w.table(keys), limit=rule.limit, apart=rule.apart)
        w.rows(
            f"INSERT INTO rule_merges SELECT source_user_id, user_id, reason, {int(number)} FROM handed",
            inputs={"handed": found},
        )


def _drop_busy(w: Writer, rules: Mapping[int, Rule], *, everybody: bool) -> None:
    for number, rule in rules.items():
        if isinstance(rule, DropUsers) and not rule.users:
            w.run(
                read_sql(_PACKAGE, "busy_users"),
                {"rule_id": int(number), "per_hour": rule.per_hour, "everybody": everybody},
            )


def _count(w: Writer, ruling: Ruling) -> None:
    """How many events each rule changed or took out."""
    chains: dict[int, tuple[int, ...]] = {}
    for chain in (*shifts_of(ruling.rules).values(), *folds_of(ruling.rules).values()):
        chains[chain.rules[0]] = chain.rules
    kinds = (
        "shift_first",
        "fold_first",
        "value_rule",
        "quantity_rule",
        "discount_rule",
        "merge_rule",
        "drop_rule",
    )
    n_events: dict[int, int] = defaultdict(int)
    for *first, n in w.rows(
        f"""SELECT {", ".join(kinds)}, count(*) FROM ruled
        WHERE last_rule IS NOT NULL OR drop_rule IS NOT NULL GROUP BY ALL"""
    ):
        for number in {one for rule in first if rule is not None for one in chains.get(rule, (rule,))}:
            n_events[number] += int(n)
    ruling.n_events = dict(n_events)


def _behind(w: Writer) -> bool:
    """Whether an append changes what the rules make of events that stood before it."""
    late = w.rows("""SELECT 1 FROM events AS e JOIN rule_dropped AS d ON d.user_id = e.user_id LIMIT 1""")
    if late:
        return True
    return bool(
        w.rows(
            f"""SELECT 1 FROM ({CAME}) AS o JOIN (
                SELECT coalesce(m.source_user_id, i.source_user_id) AS user_id
                FROM rule_merges AS m
                FULL OUTER JOIN identities AS i ON i.source_user_id = m.source_user_id
                WHERE m.user_id IS DISTINCT FROM i.user_id
            ) AS c ON c.user_id = o.user_id LIMIT 1"""
        )
    )


def _name(w: Writer, keys: str, *, delta: bool) -> None:
    """List who was merged into whom."""
    if not w.rows("SELECT 1 FROM rule_merges LIMIT 1"):
        return
    w.create("identities")
    known = "WHERE m.source_user_id NOT IN (SELECT source_user_id FROM identities)" if delta else ""
    w.run(
        f"""INSERT INTO out.identities BY NAME
        SELECT m.source_user_id, m.user_id, min(k.source_id) AS source_id, m.reason
        FROM rule_merges AS m LEFT JOIN ({keys}) AS k ON k.source_user_id = m.source_user_id
        {known}
        GROUP BY m.source_user_id, m.user_id, m.reason ORDER BY m.source_user_id"""
    )


def lay_down(w: Writer, ruling: Ruling, came: str, *, keys: str, order: str, delta: bool) -> None:
    """Write `out.events`, and `out.originals` where a rule changed or took out something.

    Args:
        w: Writing the group `events`.
        ruling: The rules; what came of them is noted in it.
        came: SELECT of the events table's columns: rows as they came, by_rule 0.
        keys: SELECT of the columns of `identity_keys` that hold, for rules that merge users.
        order: ORDER BY of the events.
        delta: Whether the rows are added to what stands, which counts where a rule looks at all
            events of a user.
    """
    if not ruling.rules:
        write_sorted(w, "out.events", LISTED, came, order=order)
        return
    _rule_tables(w, ruling.rules)
    _merge(w, ruling.rules, keys)
    if delta:
        # Who is too busy shows in what stands and what comes together.
        w.run(f"CREATE OR REPLACE TEMP VIEW original_rows AS {came}")
        w.run(read_sql(_PACKAGE, "unified"))
        w.run("INSERT INTO rule_asked SELECT DISTINCT new_user_id FROM unified")
        w.run(f"CREATE OR REPLACE TEMP VIEW original_rows AS {CAME} UNION ALL {came}")
        w.run(read_sql(_PACKAGE, "unified"))
        _drop_busy(w, ruling.rules, everybody=False)
    w.run(f"CREATE OR REPLACE TEMP VIEW original_rows AS {came}")
    w.run(read_sql(_PACKAGE, "unified"))
    if not delta:
        _drop_busy(w, ruling.rules, everybody=True)
    w.run(read_sql(_PACKAGE, "ruled"))
    until = datetime.now(UTC).year + 1
    local = shift_sql("new_time", ruling.time_zone, until_year=until)
    made = {
        "user_id": "new_user_id",
        "event_type": "new_type",
        "event_time": "new_time",
        "value": "new_value",
        "quantity": "new_quantity",
        "discount": "new_discount",
        "local_date": f"""CASE WHEN shift_first IS NULL THEN local_date
            ELSE CAST(new_time + to_seconds({local}) AS DATE) END""",
        "local_hour": f"""CASE WHEN shift_first IS NULL THEN local_hour
            ELSE (CAST(epoch(new_time) AS BIGINT) + ({local})) // 3600 % 24 END""",
        "by_rule": "coalesce(last_rule, 0)",
    }
    effective = ", ".join(
        f"CAST({made.get(name, quoted(name))} AS {kind}) AS {quoted(name)}"
        for name, kind in TABLES["events"].items()
    )
    # Where nobody is merged both are the same, and only the plain column is found without reading all.
    key = "new_user_id" if w.rows("SELECT 1 FROM rule_merges LIMIT 1") else "user_id"
    left = "SELECT * FROM ruled WHERE drop_rule IS NULL"
    write_sorted(w, "out.events", effective, left, order=order, key=key)
    first = (
        "coalesce(shift_first, fold_first, value_rule, quantity_rule, discount_rule, merge_rule, drop_rule)"
    )
    as_they_came = ", ".join(
        f"CAST({first} AS INTEGER) AS by_rule" if name == "by_rule" else quoted(name) for name in COLUMNS
    )
    touched = "SELECT * FROM ruled WHERE last_rule IS NOT NULL OR drop_rule IS NOT NULL"
    write_sorted(w, "out.originals", as_they_came, touched, order=order)
    ruling.n_originals = int(w.rows("SELECT count(*) FROM out.originals")[0][0])
    if not ruling.n_originals:
        w.run("DROP TABLE out.originals")
    else:
        _count(w, ruling)
    if delta:
        ruling.behind = ruling.behind or _behind(w)
    _name(w, keys, delta=delta)
