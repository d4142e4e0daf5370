"""Fifty random pairs of dates on the sample: every sum of a migration comes out, as pandas counts it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from persmark import events
from persmark.profiles import build_profiles
from persmark.segments import (
    BUILT_IN,
    BY_CLAUSES,
    ENTERED,
    GONE,
    LEFT,
    NEW,
    NO_VALUE,
    Migration,
    flow,
    list_snapshots,
    migrate,
    take_snapshot,
)
from persmark.segments.snapshots import snapshot_values
from persmark.store import Workspace, create_workspace
from tests.segments.test_migration import even

pytestmark = pytest.mark.soak

N_PAIRS = 50
SEED = 20_264
COLUMNS = ("user_id", "recency_days", "n_purchases", "monetary", "lifecycle", "rfm_segment")
RECENT, OFTEN, MUCH = 21, 40, 1000
# Over columns alone, so that pandas can say the same of the profiles of each date.
RULE: dict[str, Any] = {"all": [
    {"column": "recency_days", "is": "<=", "value": RECENT},
    {"any": [
        {"column": "n_purchases", "is": ">=", "value": OFTEN},
        {"column": "monetary", "is": ">=", "value": MUCH},
    ]},
    {"not": {"column": "lifecycle", "is": "=", "value": "new"}},
]}  # fmt: skip
OF_EVENTS: dict[str, Any] = {"any": [
    {"events": {"category": "Soft Drinks", "at_least": 3, "within_days": 30}},
    {"all": [
        {"segment": "lifecycle: at_risk"},
        {"events": {"event_type": "campaign_received", "at_least": 1}},
    ]},
    {"events": {"event_type": "coupon_redeemed", "at_least": 1, "within_days": 60}},
]}  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = create_workspace(
        "sample", kind="sample", time_zone="America/New_York", root=tmp_path_factory.mktemp("s")
    )
    events.load_sample(made)
    build_profiles(made, actor="soak")
    return made


def held(profiles: pd.DataFrame) -> pd.DataFrame:
    """The three clauses of `RULE`, by user."""
    often = profiles["n_purchases"].fillna(0) >= OFTEN
    much = profiles["monetary"].astype(float).fillna(0) >= MUCH
    return pd.DataFrame(
        {
            "c0": profiles["recency_days"].fillna(np.inf) <= RECENT,
            "c1": often | much,
            "c2": profiles["lifecycle"] != "new",
        }
    ).set_axis(profiles["user_id"])


def counted(first: pd.DataFrame, second: pd.DataFrame) -> dict[tuple[str, str, tuple[int, ...]], int]:
    """Each exact reason with its users, out of the clauses of two dates."""
    both = first.add_suffix("_was").join(second.add_suffix("_is"), how="outer")
    found: dict[tuple[str, str, tuple[int, ...]], int] = {}
    for row in both.itertuples(index=False):
        was, is_ = row[:3], row[3:]
        known = not pd.isna(was[0]), not pd.isna(is_[0])
        in_before, in_after = known[0] and all(was), known[1] and all(is_)
        if in_before == in_after:
            continue
        move = ENTERED if in_after else LEFT
        if not all(known):
            key: tuple[str, str, tuple[int, ...]] = (move, NEW if in_after else GONE, ())
        else:
            key = (move, BY_CLAUSES, tuple(n for n in range(3) if was[n] != is_[n]))
        found[key] = found.get(key, 0) + 1
    return found


def reasons(found: Migration) -> dict[tuple[str, str, tuple[int, ...]], int]:
    return {(way.move, way.reason, way.clauses): way.n_users for way in found.ways}


def test_fifty_random_pairs_of_dates(sample: Workspace) -> None:
    rng = np.random.default_rng(SEED)
    first_day = datetime(2017, 1, 15)
    tables: dict[int, pd.DataFrame] = {}
    n_moved = 0
    days = rng.choice(np.arange(345), N_PAIRS + 1, replace=False)
    for number, day in enumerate(days):
        moment = first_day + timedelta(days=int(day), hours=int(rng.integers(24)))
        made = take_snapshot(sample, as_of=moment)
        with sample.reader() as reader:
            tables[made.snapshot_id] = snapshot_values(reader, made.snapshot_id, COLUMNS).to_pandas()
        if not number:
            continue
        kept = {one.snapshot_id: one for one in list_snapshots(sample)}
        others = sorted(set(kept) - {made.snapshot_id})
        ends = [kept[int(rng.choice(others))], kept[made.snapshot_id]]
        before, after = ends if rng.random() < 0.5 else ends[::-1]
        was, is_ = tables[before.snapshot_id], tables[after.snapshot_id]
        with sample.reader() as reader:
            found = migrate(reader, RULE, before, after)
            even(found)
            assert reasons(found) == counted(held(was), held(is_))
            n_moved += found.n_entered + found.n_left
            even(migrate(reader, OF_EVENTS, before, after))
            for name in rng.choice(list(BUILT_IN), 4, replace=False):
                even(migrate(reader, {"segment": str(name)}, before, after))
            for column in ("lifecycle", "rfm_segment"):
                table = flow(reader, column, before, after).to_pandas()
                for end, other, sizes in (("origin", NEW, was), ("target", GONE, is_)):
                    margin = table[table[end] != other].groupby(end)["n_users"].sum().to_dict()
                    assert margin == sizes[column].fillna(NO_VALUE).value_counts().to_dict()
                    assert table["n_users"].sum() == len(set(was["user_id"]) | set(is_["user_id"]))
    print(f"{N_PAIRS} pairs, {n_moved} moves by {len(RULE['all'])} clauses")
    assert n_moved > N_PAIRS
