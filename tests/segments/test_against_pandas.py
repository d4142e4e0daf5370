"""Random nested rules: the engine's count equals an evaluation written without it."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from persmark.profiles import build_profiles
from persmark.segments import BUILT_IN_RULES, count, count_by_clause
from persmark.store import Workspace
from tests.profiles.made import event, workspace

SEED = 20_261
N_USERS, N_EVENTS, N_RULES = 60, 900, 60
HOSTILE = ["o'Neil", '"quoted"', "100%", "_", "张伟", "😀", "x" * 10_000, "a\\b", "$v0", "--"]
TYPES = ["view", "click", "cart", "purchase", "refund", "campaign_received"]
CATEGORIES = ["dairy", "o'Hare", "面包", "100%", None]
AS_OF = datetime(2026, 6, 30, 12)


def _shop(root: Path, rng: np.random.Generator) -> Workspace:
    users = [f"{HOSTILE[n % len(HOSTILE)]}{n}" for n in range(N_USERS)]
    items = [{"item_id": f"i{n}", "category": CATEGORIES[n % 5], "brand": HOSTILE[n % 4]} for n in range(20)]
    events = []
    for _ in range(N_EVENTS):
        kind = str(rng.choice(TYPES))
        at = AS_OF - timedelta(seconds=int(rng.integers(-(10 * 86_400), 300 * 86_400)))
        more: dict[str, Any] = {"channel": str(rng.choice(["web", "app", "o'shop"]))}
        if kind in {"purchase", "refund"}:
            more["value"] = int(rng.integers(0, 500)) / 4 * (1 if kind == "purchase" else -0.25)
        user = users[int(rng.integers(N_USERS) ** 2 // N_USERS)]
        events.append(event(user, kind, at.isoformat(), f"i{rng.integers(22)}", **more))
    attributes = [
        {"user_id": user, "attributes": json.dumps({"tier": HOSTILE[n % 3]})}
        for n, user in enumerate(users[::2])
    ]
    made = workspace(root, events, items=items, users=attributes)
    build_profiles(made, as_of=AS_OF, actor="test")
    return made


NUMBERS = [
    "recency_days",
    "n_events",
    "monetary",
    "average_order_value",
    "mean_gap_days",
    "r_score",
    "weekend_share",
]
TEXTS = ["user_id", "lifecycle", "rfm_segment", "top_category_1", "favourite_brand", "attribute_tier"]


def _leaf(rng: np.random.Generator, frame: pd.DataFrame) -> dict[str, Any]:
    form = rng.integers(10)
    if form < 4:
        name = str(rng.choice(NUMBERS))
        operator = str(rng.choice(["=", "!=", "<", "<=", ">", ">=", "in", "not in", "between", "is empty"]))
        known = [float(value) for value in frame[name].dropna()]
        some = [known[int(rng.integers(len(known)))] for _ in range(3)]
        whole = [int(value) if value == int(value) else value for value in some]
        value: Any = {"in": whole, "not in": whole, "between": sorted(some[:2])}.get(operator, whole[0])
        return {"column": name, "is": operator, **({} if operator == "is empty" else {"value": value})}
    if form < 7:
        name = str(rng.choice(TEXTS))
        operator = str(
            rng.choice(["=", "!=", "in", "not in", "contains", "starts with", "is empty", "is not empty"])
        )
        known_texts = [*frame[name].dropna().unique(), *HOSTILE]
        picked = [str(known_texts[int(rng.integers(len(known_texts)))]) for _ in range(3)]
        part = picked[0][: int(rng.integers(1, 4))]
        value = {"in": picked, "not in": picked, "contains": part, "starts with": part}.get(
            operator, picked[0]
        )
        return {"column": name, "is": operator, **({} if operator.endswith("empty") else {"value": value})}
    if form < 9:
        asked: dict[str, Any] = {}
        if rng.random() < 0.7:
            asked["event_type"] = str(rng.choice(TYPES)) if rng.random() < 0.6 else [TYPES[0], TYPES[3]]
        if rng.random() < 0.4:
            asked["category"] = str(rng.choice([c for c in CATEGORIES if c]))
        if rng.random() < 0.3:
            asked["channel"] = ["web", "o'shop"]
        if rng.random() < 0.5:
            asked["within_days"] = int(rng.integers(1, 200))
        low = int(rng.integers(0, 5))
        asked |= [{"at_least": low}, {"at_most": low}, {"at_least": low, "at_most": low + 3}][rng.integers(3)]
        return {"events": asked}
    return {"segment": str(rng.choice(list(BUILT_IN_RULES)))}


def _rule(rng: np.random.Generator, frame: pd.DataFrame, depth: int) -> dict[str, Any]:
    form = rng.random()
    if depth == 0 or form < 0.25:
        return _leaf(rng, frame)
    if form < 0.4:
        return {"not": _rule(rng, frame, depth - 1)}
    parts = [_rule(rng, frame, depth - 1) for _ in range(rng.integers(1, 4))]
    return {"all" if form < 0.7 else "any": parts}


def _holds(rule: dict[str, Any], frame: pd.DataFrame, events: pd.DataFrame) -> pd.Series:
    """The rule's meaning once more: a frame of users in, True or False for each."""
    nobody = pd.Series(False, index=frame.index)
    if "all" in rule:
        return math.prod((_holds(part, frame, events) for part in rule["all"]), start=~nobody)
    if "any" in rule:
        return sum((_holds(part, frame, events) for part in rule["any"]), start=nobody)
    if "not" in rule:
        return ~_holds(rule["not"], frame, events)
    if "segment" in rule:
        return _holds(dict(BUILT_IN_RULES[rule["segment"]]), frame, events)
    if "events" in rule:
        asked = rule["events"]
        seen = events[events["event_time"] <= AS_OF]
        if "within_days" in asked:
            seen = seen[seen["event_time"] > AS_OF - timedelta(days=asked["within_days"])]
        for name in ("event_type", "category", "channel"):
            if name in asked:
                wanted = asked[name] if isinstance(asked[name], list) else [asked[name]]
                seen = seen[seen[name].isin(wanted)]
        times = frame["user_id"].map(seen["user_id"].value_counts()).fillna(0)
        return (times >= asked.get("at_least", 0)) & (times <= asked.get("at_most", math.inf))
    value, operator = rule.get("value"), rule["is"]
    cells = frame[rule["column"]].astype(object)
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
    found = pd.Series([not pd.isna(cell) and tests[opposite or operator](cell) for cell in cells],
                      index=frame.index, dtype=bool)  # fmt: skip
    return ~found if opposite else found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return _shop(tmp_path_factory.mktemp("random"), np.random.default_rng(SEED))


def test_random_rules_count_as_pandas_does(shop: Workspace) -> None:
    rng = np.random.default_rng(SEED)
    n_interesting = 0
    with shop.reader() as reader:
        frame = reader.frame("SELECT * FROM profiles")
        frame["monetary"] = frame["monetary"].astype(float)
        events = reader.frame("SELECT e.*, i.category FROM events AS e LEFT JOIN items AS i USING (item_id)")
        for _ in range(N_RULES):
            rule = _rule(rng, frame, int(rng.integers(1, 5)))
            expected = int(_holds(rule, frame, events).sum())
            assert count(reader, rule) == expected, json.dumps(rule, ensure_ascii=False)[:2000]
            assert count_by_clause(reader, rule)[-1].n_left == expected
            n_interesting += 0 < expected < len(frame)
    assert n_interesting > N_RULES / 3
