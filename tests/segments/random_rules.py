"""Random nested rules over a random small shop, and what each means once more, in pandas."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from persmark.columns import GROUP_OF
from persmark.profiles import build_profiles
from persmark.segments import BUILT_IN_RULES
from persmark.store import Reader, Workspace
from tests.profiles.made import event, workspace

N_USERS, N_EVENTS = 60, 1500
HOSTILE = [
    "o'Neil", '"quoted"', "100%", "_", "张伟", "😀", "x" * 10_000, "a\\b", "$v0", "--",
    "'; DROP TABLE events; --",
]  # fmt: skip
TYPES = ["view", "click", "cart", "purchase", "refund", "campaign_received", 'spin "%" 😀']
CATEGORIES = ["dairy", "o'Hare", "面包", "100%", None]
CHANNELS = ["web", "app", "o'shop", None]
TARGETS = ["buy", "buy: 面包", "spend", 'o\'target "%" 😀']
LISTS = ["list", 'o\'list "%" 😀', "x" * 10_000]
AS_OF = datetime(2026, 6, 30, 12)
SAVED: Mapping[str, Any] = {
    "lately": {"column": "recency_days", "is": "<=", "value": 60},
    'o\'Neil "%" 😀': {"any": [{"segment": "lately"}, {"members": LISTS[1]}]},
    "again": {"not": {"all": [{"segment": 'o\'Neil "%" 😀'}, {"segment": "lifecycle: active"}]}},
}

NUMBERS = [
    "recency_days", "n_events", "monetary", "average_order_value", "mean_gap_days", "r_score",
    "weekend_share",
]  # fmt: skip
TEXTS = ["user_id", "lifecycle", "rfm_segment", "top_category_1", "favourite_brand", "attribute_tier"]
COMPARED = ["=", "!=", "<", "<=", ">", ">=", "in", "not in", "between", "is empty", "is not empty"]


def make_shop(root: Path, rng: np.random.Generator) -> Workspace:
    """Users and values with every character that has ever broken a query; many events at one second."""
    users = [f"{HOSTILE[n % len(HOSTILE)]}{n}" for n in range(N_USERS)]
    items = [{"item_id": f"i{n}", "category": CATEGORIES[n % 5], "brand": HOSTILE[n % 4]} for n in range(20)]
    events = []
    for _ in range(N_EVENTS):
        kind = str(rng.choice(TYPES))
        # Half of them fall on whole half days before the moment, where bounds of days lie, and together.
        ago = int(rng.integers(-20, 240)) * 43_200 if rng.random() < 0.5 else int(rng.integers(-864_000, 9e6))
        more: dict[str, Any] = {"channel": CHANNELS[rng.integers(len(CHANNELS))]}
        if rng.random() < 0.3:
            more["campaign_id"] = HOSTILE[rng.integers(len(HOSTILE))]
        if kind in {"purchase", "refund"} and rng.random() < 0.9:
            more["value"] = int(rng.integers(0, 500)) / 4 * (1 if kind == "purchase" else -0.25)
        user = users[int(rng.integers(N_USERS) ** 2 // N_USERS)]
        at = (AS_OF - timedelta(seconds=ago)).isoformat()
        events.append(event(user, kind, at, f"i{rng.integers(22)}", **more))
    attributes = [
        {"user_id": user, "attributes": json.dumps({"tier": HOSTILE[n % 3]})}
        for n, user in enumerate(users[::2])
    ]
    made = workspace(root, events, items=items, users=attributes)
    build_profiles(made, as_of=AS_OF, actor="test")
    known = [*users, "nobody known"]
    predictions = [
        {"user_id": user, "target": target, "score": None if rng.random() < 0.2 else int(rng.integers(9)) / 8}
        for target in TARGETS
        for user in known
        if rng.random() < 0.7
    ]
    listed = [{"segment": name, "user_id": user} for name in LISTS for user in known if rng.random() < 0.4]
    for name, rows in (("predictions", predictions), ("segment_members", listed)):
        with made.write(GROUP_OF[name]) as writer:
            writer.put(name, pa.Table.from_pylist(rows))
    return made


@dataclass(frozen=True)
class Seen:
    """What a rule is evaluated on: plain frames."""

    profiles: pd.DataFrame
    events: pd.DataFrame
    predictions: pd.DataFrame
    members: pd.DataFrame


def look(reader: Reader) -> Seen:
    """The tables as frames."""
    profiles = reader.frame("SELECT * FROM profiles ORDER BY user_id")
    profiles["monetary"] = profiles["monetary"].astype(float)
    events = reader.frame(
        "SELECT e.*, i.category, i.brand FROM events AS e LEFT JOIN items AS i USING (item_id)"
    )
    events = events[events["event_time"] <= AS_OF]
    return Seen(
        profiles,
        events,
        reader.frame("SELECT * FROM predictions"),
        reader.frame("SELECT * FROM segment_members"),
    )


def _one(rng: np.random.Generator, values: list[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def _fields(rng: np.random.Generator) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    if rng.random() < 0.7:
        asked["event_type"] = _one(rng, TYPES) if rng.random() < 0.6 else [_one(rng, TYPES), TYPES[3]]
    if rng.random() < 0.4:
        asked["category"] = _one(rng, CATEGORIES[:4])
    if rng.random() < 0.1:
        asked["brand"] = [_one(rng, HOSTILE), HOSTILE[0]]
    if rng.random() < 0.2:
        asked["channel"] = ["web", "o'shop"]
    if rng.random() < 0.1:
        asked["campaign_id"] = HOSTILE[:7]
    return asked


def _counted(rng: np.random.Generator) -> dict[str, Any]:
    asked = _fields(rng)
    if rng.random() < 0.5:
        asked["within_days"] = int(rng.integers(2, 100))
    if rng.random() < 0.3:
        asked["until_days"] = asked.get("within_days", 60) - 1.5
    low = int(rng.integers(0, 5))
    asked |= [{"at_least": low}, {"at_most": low}, {"at_least": low, "at_most": low + 3}, {}][rng.integers(4)]
    money = int(rng.integers(-40, 400)) / 4
    if not {"at_least", "at_most"} & asked.keys() or rng.random() < 0.2:
        asked |= [
            {"spent_at_least": money},
            {"spent_at_most": money},
            {"spent_at_least": money, "spent_at_most": money + 60},
        ][rng.integers(3)]
    return {"events": asked}


def _sequence(rng: np.random.Generator) -> dict[str, Any]:
    steps = [_fields(rng) for _ in range(rng.integers(2, 5))]
    if rng.random() < 0.4:
        steps[-1] = steps[0]
    if rng.random() < 0.3:
        steps[1] = steps[0]
    rule: dict[str, Any] = {"sequence": steps}
    if rng.random() < 0.8:
        rule["within_days"] = _one(rng, [0.5, 1, 7, 30, 1e-6, 2.5])
    if rng.random() < 0.3:
        rule["last_days"] = int(rng.integers(5, 100))
    return rule


def _number(rng: np.random.Generator, known: list[float]) -> dict[str, Any]:
    operator = str(rng.choice(COMPARED))
    some = [known[int(rng.integers(len(known)))] for _ in range(3)]
    whole = [int(value) if value == int(value) else value for value in some]
    value: Any = {"in": whole, "not in": whole, "between": sorted(some[:2])}.get(operator, whole[0])
    return {"is": operator, **({} if operator.endswith("empty") else {"value": value})}


def _text(rng: np.random.Generator, seen: Seen) -> dict[str, Any]:
    name = str(rng.choice(TEXTS))
    operator = str(
        rng.choice(["=", "!=", "in", "not in", "contains", "starts with", "is empty", "is not empty"])
    )
    known = [*seen.profiles[name].dropna().unique(), *HOSTILE]
    picked = [str(_one(rng, known)) for _ in range(3)]
    part = picked[0][: int(rng.integers(1, 4))]
    value = {"in": picked, "not in": picked, "contains": part, "starts with": part}.get(operator, picked[0])
    return {"column": name, "is": operator, **({} if operator.endswith("empty") else {"value": value})}


def _leaf(rng: np.random.Generator, seen: Seen) -> dict[str, Any]:
    form = rng.integers(12)
    if form < 2:
        name = str(rng.choice(NUMBERS))
        return {"column": name, **_number(rng, [float(value) for value in seen.profiles[name].dropna()])}
    if form < 4:
        return _text(rng, seen)
    if form < 6:
        return _counted(rng)
    if form < 8:
        return _sequence(rng)
    if form < 9:
        return {"prediction": _one(rng, TARGETS), **_number(rng, [n / 8 for n in range(9)])}
    if form < 10:
        return {"members": _one(rng, LISTS)}
    return {"segment": _one(rng, [*BUILT_IN_RULES, *SAVED, *SAVED, *SAVED])}


def random_rule(rng: np.random.Generator, seen: Seen, depth: int) -> dict[str, Any]:
    """A rule of at most so many groups inside each other."""
    form = rng.random()
    if depth == 0 or form < 0.25:
        return _leaf(rng, seen)
    if form < 0.4:
        return {"not": random_rule(rng, seen, depth - 1)}
    parts = [random_rule(rng, seen, depth - 1) for _ in range(rng.integers(1, 4))]
    return {"all" if form < 0.7 else "any": parts}


def _fit(events: pd.DataFrame, asked: Mapping[str, Any]) -> pd.Series:
    fits = pd.Series(True, index=events.index)
    for name in ("event_type", "category", "brand", "channel", "campaign_id"):
        if name in asked:
            wanted = asked[name] if isinstance(asked[name], list) else [asked[name]]
            fits &= events[name].isin(wanted)
    return fits


def _since(events: pd.DataFrame, days: float | None) -> pd.DataFrame:
    return events if days is None else events[events["event_time"] > AS_OF - timedelta(days=days)]


def _counts(asked: Mapping[str, Any], seen: Seen) -> pd.Series:
    found = _since(seen.events, asked.get("within_days"))
    found = found[_fit(found, asked)]
    if "until_days" in asked:
        found = found[found["event_time"] <= AS_OF - timedelta(days=asked["until_days"])]
    users = seen.profiles["user_id"]
    times = users.map(found["user_id"].value_counts()).fillna(0)
    money = users.map(found["value"].fillna(0).astype(float).groupby(found["user_id"]).sum()).fillna(0)
    return (
        (times >= asked.get("at_least", 0))
        & (times <= asked.get("at_most", math.inf))
        & (money >= asked.get("spent_at_least", -math.inf))
        & (money <= asked.get("spent_at_most", math.inf))
    )


def _follows(rule: Mapping[str, Any], seen: Seen) -> pd.Series:
    """From every first event on, the earliest next one, then the next: is the last one near enough?"""
    events = _since(seen.events, rule.get("last_days"))
    most = rule.get("within_days", math.inf) * 86_400
    second = events["event_time"].astype("int64") // 1_000_000
    times = [second[_fit(events, step)].groupby(events["user_id"]).unique() for step in rule["sequence"]]

    def found(user: str) -> bool:
        if not all(user in step for step in times):
            return False
        for first in times[0][user]:
            last = first
            for step in times[1:]:
                later = step[user][step[user] > last]
                if not len(later):
                    break
                last = later.min()
            else:
                if last - first <= most:
                    return True
        return False

    return seen.profiles["user_id"].map(found).astype(bool)


def _compares(cells: pd.Series, operator: str, value: Any) -> pd.Series:
    tests = {
        "=": lambda cell: cell == value,
        "<": lambda cell: cell < value,
        "<=": lambda cell: cell <= value,
        ">": lambda cell: cell > value,
        ">=": lambda cell: cell >= value,
        "in": lambda cell: cell in value,
        "between": lambda cell: value[0] <= cell <= value[1],
        "contains": lambda cell: value in cell,
        "starts with": lambda cell: cell.startswith(value),
        "is not empty": lambda cell: True,
    }
    opposite = {"!=": "=", "not in": "in", "is empty": "is not empty"}.get(operator)
    found = pd.Series(
        [not pd.isna(cell) and tests[opposite or operator](cell) for cell in cells.astype(object)],
        index=cells.index,
        dtype=bool,
    )
    return ~found if opposite else found


def holds(rule: Mapping[str, Any], seen: Seen) -> pd.Series:
    """The rule's meaning once more: True or False for each profile."""
    nobody = pd.Series(False, index=seen.profiles.index)
    if "all" in rule:
        return math.prod((holds(part, seen) for part in rule["all"]), start=~nobody)
    if "any" in rule:
        return sum((holds(part, seen) for part in rule["any"]), start=nobody)
    if "not" in rule:
        return ~holds(rule["not"], seen)
    if "segment" in rule:
        return holds({**BUILT_IN_RULES, **SAVED}[rule["segment"]], seen)
    if "events" in rule:
        return _counts(rule["events"], seen)
    if "sequence" in rule:
        return _follows(rule, seen)
    users = seen.profiles["user_id"]
    if "members" in rule:
        return users.isin(seen.members.loc[seen.members["segment"] == rule["members"], "user_id"])
    if "prediction" in rule:
        scores = seen.predictions[seen.predictions["target"] == rule["prediction"]]
        cells = users.map(scores.set_index("user_id")["score"])
        return _compares(cells, rule["is"], rule.get("value"))
    return _compares(seen.profiles[rule["column"]], rule["is"], rule.get("value"))
