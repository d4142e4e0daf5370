"""Every profile feature worked out a second time, in pandas from its definition, and set against the table.

    python tests/benchmarks/check_profiles.py [--workspace sample] [--as-of 2017-09-01T00:00:00]

Prints one line per feature and per share of attention: users compared, users that differ, the largest
difference. Ends with 1 where any differs. `PERSMARK_DATA` names the folder of the workspace. Without
`--as-of` the published profiles are checked, else those of that moment.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime

import numpy as np
import pandas as pd

from persmark.profiles import FEATURES, profiles_as_of
from persmark.settings import settings
from persmark.store import Reader, Workspace, open_workspace

DAY = 86_400
TOLERANCE = 1e-9
# Weights are summed as whole billionths and price ratios as whole millionths.
COARSER = {
    "attention_share": 1e-8, "price_level": 1e-6, "top_category_1_share": 1e-8, "top_category_2_share": 1e-8,
    "top_category_3_share": 1e-8, "favourite_brand_share": 1e-8, "opportunity_share": 1e-8,
}  # fmt: skip
CONTACTS = ("campaign_received", "impression")
TILL = ("purchase", "refund", "coupon_redeemed")
SEGMENTS = {
    5: ("new_users", "potential_loyalist", "potential_loyalist", "champions", "champions"),
    4: ("promising", "potential_loyalist", "potential_loyalist", "loyal", "loyal"),
    3: ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    1: ("lost", "lost", "at_risk", "at_risk", "cannot_lose"),
}


def seconds(times: pd.Series) -> pd.Series:
    return (times - pd.Timestamp(0)) // pd.Timedelta(seconds=1)


def read(reader: Reader, as_of: datetime) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Events up to then with numbers as floats, items, sessions."""
    events = reader.frame(
        """SELECT user_id, item_id, event_type, event_time, CAST(value AS DOUBLE) AS value,
            CAST(discount AS DOUBLE) AS discount, order_id, channel, local_date, local_hour
        FROM events WHERE event_time <= $as_of AND user_id IS NOT NULL""",
        {"as_of": as_of}, limit_ms=None,
    )  # fmt: skip
    events["local_date"] = pd.to_datetime(events["local_date"])
    events["at"] = seconds(events["event_time"])
    events["own"] = ~events["event_type"].isin(CONTACTS)
    items = reader.frame(
        "SELECT item_id, category, brand, CAST(price AS DOUBLE) AS price FROM items", limit_ms=None
    )
    return events, items, reader.frame("SELECT * FROM sessions", limit_ms=None)


def kept_orders(events: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders that were not given back in full, and all purchase lines with their order's key."""
    lines = events[events["event_type"] == "purchase"].copy()
    lines["order"] = lines["order_id"].where(
        lines["order_id"].notna(), "at " + lines["event_time"].astype(str)
    )
    given: dict[tuple[str, str], list[float]] = {}
    backs = events[events["event_type"] == "refund"]
    for user, theirs in backs.groupby("user_id"):
        bought = lines[lines["user_id"] == user]
        known = set(bought["order_id"].dropna())
        piles: dict[tuple[object, float], list[tuple[str, float]]] = {}
        steps = [(one.at, 0, one.order_id or "~", one) for one in bought.itertuples()]
        steps += [(one.at, 1, one.order_id or "~", one) for one in theirs.itertuples()]
        for _, is_refund, _, one in sorted(steps, key=lambda step: step[:3]):
            amount = abs(0.0 if pd.isna(one.value) else one.value)
            pile = piles.setdefault((one.item_id, amount), [])
            if not is_refund:
                pile.append((one.order, one.value))
            elif one.order_id in known:
                given.setdefault((user, one.order_id), []).append(one.value)
            elif one.item_id and pile:
                order, value = pile.pop()
                given.setdefault((user, order), []).append(-value)
    orders = lines.groupby(["user_id", "order"]).agg(
        at=("at", "min"), day=("local_date", "min"), time=("event_time", "min"), n_lines=("at", "size"),
        value=("value", lambda v: v.sum(min_count=1)), discount=("discount", lambda v: v.sum(min_count=1)),
    ).reset_index()  # fmt: skip
    keep = []
    for one in orders.itertuples():
        back = given.get((one.user_id, one.order))
        if not back:
            keep.append(True)
        elif pd.isna(one.value):
            keep.append(len(back) < one.n_lines)
        else:
            keep.append(round(one.value + float(np.nansum(back)), 4) > 0)
    orders = orders[keep].sort_values(["user_id", "day", "at", "order"])
    orders["no"] = orders.groupby("user_id").cumcount() + 1
    return orders, lines


def quintile(ranked: pd.Series) -> pd.Series:
    """Fifths of rows that stand in order, the first ones fuller, as SQL's ntile makes them."""
    n, place = len(ranked), np.arange(len(ranked))
    size, more = divmod(n, 5)
    edges = np.cumsum([size + (fifth < more) for fifth in range(5)])
    return pd.Series(np.searchsorted(edges, place, side="right") + 1, index=ranked.index)


def trend(late: pd.Series, before: pd.Series, known: pd.Series) -> pd.Series:
    whole = late.abs() + before.abs()
    return ((late - before) / whole.where(whole > 0)).where(known)


def spread(
    own: pd.DataFrame, items: pd.DataFrame, half_life: float, gap: int, cap: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Own events with weight, dwell, spend and what they touch; and the shares of attention."""
    own = own.merge(items[["item_id", "category", "brand"]], on="item_id", how="left")
    own.loc[own["event_type"].isin(("refund", "coupon_redeemed")), ["category", "brand"]] = None
    own = own.sort_values(["user_id", "at", "item_id", "event_type", "channel"], na_position="last")
    following = own.groupby("user_id")["at"].shift(-1) - own["at"]
    looked = ~own["event_type"].isin(TILL) & (following <= gap * 60)
    own["dwell"] = following.clip(upper=cap * 60).where(looked)
    own["weight"] = 0.5 ** ((own.groupby("user_id")["at"].transform("max") - own["at"]) / (DAY * half_life))
    own["spend"] = own["value"].where(own["event_type"] == "purchase")
    hours = pd.cut(
        own["local_hour"], [-1, 5, 11, 17, 23], labels=["night", "morning", "afternoon", "evening"]
    )
    own["daypart"] = hours.astype(object)
    parts = []
    for dimension in ("category", "brand", "channel", "daypart"):
        sums = (
            own[own[dimension].notna()]
            .groupby(["user_id", dimension])
            .agg(
                n_events=("at", "size"),
                weight=("weight", "sum"),
                dwell=("dwell", "sum"),
                spend=("spend", "sum"),
            )
            .reset_index()
            .rename(columns={dimension: "name"})
        )
        sums.insert(1, "dimension", dimension)
        for column, share in (("weight", "attention"), ("dwell", "dwell"), ("spend", "spend")):
            total = sums.groupby("user_id")[column].transform("sum")
            sums[f"{share}_share"] = sums[column] / total.where(total != 0)
        parts.append(sums)
    return own, pd.concat(parts, ignore_index=True)


def worked(workspace: Workspace, reader: Reader, as_of: datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every feature by user, and every share of attention."""
    chosen, gap = settings().profiles, settings().events.session_gap_minutes
    events, items, sessions = read(reader, as_of)
    now = int(seconds(pd.Series([pd.Timestamp(as_of)])).iloc[0])
    all_ = events.groupby("user_id")
    table = pd.DataFrame(index=sorted(events["user_id"].unique()))
    table.index.name = "user_id"
    table["as_of"] = as_of
    table["first_event_time"], table["last_event_time"] = all_["event_time"].min(), all_["event_time"].max()
    first, last = all_["at"].min(), all_["at"].max()
    table["tenure_days"], table["inactive_days"] = (now - first) // DAY, (now - last) // DAY
    table["n_events"] = all_.size()
    kinds = {
        "n_views": "view", "n_clicks": "click", "n_carts": "cart", "n_coupons_redeemed": "coupon_redeemed",
        "n_campaigns_received": "campaign_received",
    }  # fmt: skip
    for name, kind in kinds.items():
        table[name] = events[events["event_type"] == kind].groupby("user_id").size()
        table[name] = table[name].fillna(0)
    ended = sessions[(sessions["ended_at"] <= as_of) & (sessions["n_own_events"] > 0)].copy()
    ended["minutes"] = (ended["ended_at"] - ended["started_at"]).dt.total_seconds() / 60
    by_session = ended.groupby("user_id")
    table["n_sessions"] = by_session.size()
    table["events_per_session"] = by_session["n_own_events"].mean()
    table["minutes_per_session"] = by_session["minutes"].mean()
    _orders(table, events, items, now, chosen)
    _time_of_day(table, events)
    own, attention = spread(
        events[events["own"]], items, chosen.half_life_days, gap, chosen.dwell_cap_minutes
    )
    _favourites(table, own, attention)
    _lately(table, events, now, chosen)
    _contacts(table, events, now, chosen)
    _scores(table)
    _attributes(table, workspace, reader)
    return table, attention


def _orders(table: pd.DataFrame, events: pd.DataFrame, items: pd.DataFrame, now: int, chosen: object) -> None:
    orders, lines = kept_orders(events)
    by_user = orders.groupby("user_id")
    table["n_purchases"] = by_user.size()
    table["n_purchases"] = table["n_purchases"].fillna(0)
    table["frequency"] = table["n_purchases"]
    table["n_items"] = lines.groupby("user_id")["item_id"].nunique()
    table["n_items"] = table["n_items"].fillna(0)
    table["first_purchase_time"], table["last_purchase_time"] = by_user["time"].min(), by_user["time"].max()
    orders["gap"] = by_user["day"].diff().dt.days
    long = orders[orders["gap"] > chosen.lost_days]
    table["won_back_time"] = long.groupby("user_id")["time"].max()
    table["won_back_time"] = pd.to_datetime(table["won_back_time"])
    table["recency_days"] = (now - by_user["at"].max()) // DAY
    money = events[events["event_type"].isin(("purchase", "refund"))]
    table["monetary"] = money.groupby("user_id")["value"].sum(min_count=1)
    value, off = by_user["value"].sum(min_count=1), by_user["discount"].sum(min_count=1)
    table["average_order_value"] = value / by_user.size()
    whole = value.fillna(0) + off
    table["discount_share"] = off / whole.where(whole != 0)
    told = orders[orders["discount"].notna()]
    table["discounted_order_share"] = told.assign(off=told["discount"] > 0).groupby("user_id")["off"].mean()
    gaps = orders[orders["gap"] > 0].groupby("user_id")["gap"]
    table["mean_gap_days"], table["gap_spread_days"] = gaps.mean(), gaps.std(ddof=1)
    coupons = events[events["event_type"] == "coupon_redeemed"][["user_id", "local_date"]].drop_duplicates()
    marked = orders.merge(
        coupons, left_on=["user_id", "day"], right_on=["user_id", "local_date"], how="left", indicator=True
    )
    marked["coupon"] = marked["_merge"] == "both"
    table["coupon_order_share"] = marked.groupby("user_id")["coupon"].mean()
    pairs = lines[lines["item_id"].notna()].merge(orders[["user_id", "order", "no"]], on=["user_id", "order"])
    pairs = pairs[["user_id", "no", "item_id"]].drop_duplicates()
    pairs["again"] = pairs["no"] > pairs.groupby(["user_id", "item_id"])["no"].transform("min")
    later = pairs[pairs["no"] > 1]
    table["repeat_share"] = later.groupby("user_id")["again"].mean()
    newest = pairs.groupby("user_id")["no"].transform("max") - chosen.novelty_orders
    latest = pairs[(pairs["no"] > 1) & (pairs["no"] > newest)]
    table["novelty_share"] = 1 - latest.groupby("user_id")["again"].mean()
    table["items_per_order"] = pairs.groupby("user_id").size() / pairs.groupby("user_id")["no"].nunique()
    priced = items[(items["price"] > 0) & items["category"].notna()].copy()
    priced["ratio"] = priced["price"] / priced.groupby("category")["price"].transform("mean")
    dear = lines.merge(priced[["item_id", "ratio"]], on="item_id")
    table["price_level"] = dear.groupby("user_id")["ratio"].mean()
    since_first = (now - by_user["at"].min()) // DAY
    since_back = (now - seconds(table["won_back_time"])) // DAY
    stages = [
        (table["n_purchases"] == 0, "never_purchased"),
        (since_first.reindex(table.index) <= chosen.new_days, "new"),
        ((table["recency_days"] <= chosen.active_days) & (since_back <= chosen.active_days), "won_back"),
        (table["recency_days"] <= chosen.active_days, "active"),
        (table["recency_days"] <= chosen.lost_days, "at_risk"),
    ]
    table["lifecycle"] = np.select([one for one, _ in stages], [name for _, name in stages], "lost")
    late = now - orders["at"]
    n_days = chosen.trend_days * DAY
    table["n_orders_recent"] = orders[late < n_days].groupby("user_id").size()
    table["_orders_before"] = orders[(late >= n_days) & (late < 2 * n_days)].groupby("user_id").size()


def _time_of_day(table: pd.DataFrame, events: pd.DataFrame) -> None:
    own = events[events["own"] & events["local_hour"].notna()]
    part = pd.cut(own["local_hour"], [-1, 5, 11, 17, 23], labels=["night", "morning", "afternoon", "evening"])
    shares = pd.crosstab(own["user_id"], part.astype(str), normalize="index")
    for name in ("night", "morning", "afternoon", "evening"):
        table[f"{name}_share"] = shares.get(name, pd.Series(0.0, index=shares.index))
    named = shares.reindex(columns=["afternoon", "evening", "morning", "night"], fill_value=0.0)
    table["favourite_daypart"], table["favourite_daypart_share"] = named.idxmax(axis=1), named.max(axis=1)
    weekend = own["local_date"].dt.day_of_week >= 5
    table["weekend_share"] = weekend.groupby(own["user_id"]).mean()


def _favourites(table: pd.DataFrame, own: pd.DataFrame, attention: pd.DataFrame) -> None:
    # Weights as whole billionths tell apart what the definition tells apart.
    whole = own.assign(weight=np.maximum(1, np.rint(own["weight"] * 1e9)))
    for dimension, names in (("category", 3), ("brand", 1)):
        sums = whole[whole[dimension].notna()].groupby(["user_id", dimension])
        ranked = sums.agg(weight=("weight", "sum"), spend=("spend", "sum")).reset_index()
        ranked["share"] = ranked["weight"] / ranked.groupby("user_id")["weight"].transform("sum")
        ranked = ranked.sort_values(["user_id", "weight", dimension], ascending=[True, False, True])
        place = ranked.groupby("user_id").cumcount()
        for n in range(names):
            best = ranked[place == n].set_index("user_id")
            name = f"top_category_{n + 1}" if dimension == "category" else "favourite_brand"
            table[name], table[f"{name}_share"] = best[dimension], best["share"]
        if dimension == "category":
            pays = ranked.groupby("user_id")["spend"].transform("sum") > 0
            free = ranked[pays & ~(ranked["spend"] > 0)].groupby("user_id").first()
            table["opportunity_category"], table["opportunity_share"] = free[dimension], free["share"]
    told = attention[attention["dimension"] == "channel"]
    told = told.sort_values(["user_id", "n_events", "name"], ascending=[True, False, True])
    best = told.groupby("user_id").first()
    table["favourite_channel"] = best["name"]
    table["favourite_channel_share"] = best["n_events"] / told.groupby("user_id")["n_events"].sum()
    dwell = own[own["dwell"].notna()].groupby("user_id")["dwell"]
    table["dwell_minutes"], table["mean_dwell_seconds"] = dwell.sum() / 60, dwell.mean()


def _lately(table: pd.DataFrame, events: pd.DataFrame, now: int, chosen: object) -> None:
    n_days = chosen.trend_days * DAY
    age = now - events["at"]
    known = (now - seconds(table["first_event_time"])) >= 2 * n_days
    money = events["event_type"].isin(("purchase", "refund"))
    found = {}
    for name, rows in (("late", age < n_days), ("before", (age >= n_days) & (age < 2 * n_days))):
        acted = events[rows & events["own"]].groupby("user_id")
        found[f"n_{name}"] = acted.size().reindex(table.index).fillna(0)
        paid = events[rows & money].groupby("user_id")["value"].sum()
        found[f"paid_{name}"] = paid.reindex(table.index).fillna(0).round(4)
    table["n_events_recent"] = found["n_late"]
    table["event_trend"] = trend(found["n_late"], found["n_before"], known)
    table["n_orders_recent"] = table["n_orders_recent"].fillna(0)
    table["order_trend"] = trend(table["n_orders_recent"], table.pop("_orders_before").fillna(0), known)
    table["spend_recent"] = found["paid_late"].where(table["monetary"].notna())
    table["spend_trend"] = trend(found["paid_late"], found["paid_before"], known & table["monetary"].notna())


def _contacts(table: pd.DataFrame, events: pd.DataFrame, now: int, chosen: object) -> None:
    contacts = events[events["event_type"] == "campaign_received"][["user_id", "at"]].sort_values("at")
    for name, days in (("n_campaigns_recent", chosen.contact_days), ("n_campaigns_week", 7)):
        table[name] = contacts[now - contacts["at"] < days * DAY].groupby("user_id").size()
        table[name] = table[name].fillna(0)
    visits = events[events["own"] & (events["event_type"] != "refund")][["user_id", "at"]].sort_values("at")
    visits = visits.assign(visit=visits["at"])
    met = pd.merge_asof(
        contacts, visits, on="at", by="user_id", direction="forward", allow_exact_matches=False
    )
    met["answered"] = met["visit"] - met["at"] <= chosen.response_days * DAY
    table["n_campaigns_answered"] = met.groupby("user_id")["answered"].sum()
    table["n_campaigns_answered"] = table["n_campaigns_answered"].fillna(0)
    closed = met[now - met["at"] >= chosen.response_days * DAY]
    table["campaign_response_rate"] = closed.groupby("user_id")["answered"].mean()


def _scores(table: pd.DataFrame) -> None:
    buyers = table[table["n_purchases"] > 0].rename_axis("id").reset_index()
    for score, column in (("r", "last_purchase_time"), ("f", "n_purchases"), ("m", "monetary")):
        ranked = buyers[buyers[column].notna()].sort_values([column, "id"]).set_index("id")[column]
        table[f"{score}_score"] = quintile(ranked)
    f = table["f_score"]
    both = np.floor((f + table["m_score"].fillna(f) + 1) / 2)
    table["rfm_segment"] = [
        None if pd.isna(r) else SEGMENTS[int(r)][int(fm) - 1]
        for r, fm in zip(table["r_score"], both, strict=True)
    ]


def _attributes(table: pd.DataFrame, workspace: Workspace, reader: Reader) -> None:
    keys = workspace.stats("profiles").get("attributes", {})
    said = {user: json.loads(text) for user, text in reader.rows("SELECT user_id, attributes FROM users")}
    for column, key in keys.items():
        table[column] = [said.get(user, {}).get(key) for user in table.index]


def compare(name: str, found: pd.Series, wanted: pd.Series) -> int:
    """Print how many differ; returns it."""
    empty = found.isna().to_numpy(), wanted.isna().to_numpy()
    if pd.api.types.is_datetime64_any_dtype(found):
        off = (pd.to_datetime(wanted) - found).abs().dt.total_seconds()
    elif pd.api.types.is_numeric_dtype(found):
        one, other = found.astype(float), wanted.astype(float)
        off = (one - other).abs() / np.maximum(1, other.abs())
    else:
        off = (found.astype(object) != wanted.astype(object)).astype(float)
    off = off.to_numpy(dtype=float, na_value=0.0)
    off = np.where(empty[0] & empty[1], 0.0, np.where(empty[0] != empty[1], np.inf, off))
    limit = COARSER.get(name, TOLERANCE)
    n_off = int((off > limit).sum())
    filled = int((~empty[0]).sum())
    print(
        f"{name:26} {len(off):8,} compared, {filled:8,} filled, {n_off:6,} differ (at most {off.max():.1e})"
    )
    return n_off


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", default="sample")
    parser.add_argument("--as-of", type=datetime.fromisoformat, help="UTC; the published profiles by default")
    asked = parser.parse_args()
    workspace = open_workspace(asked.workspace)
    as_of = asked.as_of or datetime.fromisoformat(workspace.stats("profiles")["as_of"])
    with workspace.reader() as reader:
        table = (
            profiles_as_of(workspace, as_of)
            if asked.as_of
            else reader.table("SELECT * FROM profiles", limit_ms=None)
        )
        for place, field in enumerate(table.schema):
            if str(field.type).startswith("decimal"):
                table = table.set_column(place, field.name, table.column(field.name).cast("float64"))
        found = table.to_pandas().set_index("user_id").sort_index()
        wanted, attention = worked(workspace, reader, as_of)
        n_off = compare("user_id", pd.Series(found.index), pd.Series(wanted.index))
        for name in found.columns:
            n_off += compare(name, found[name], wanted[name].reindex(found.index))
        missing = set(FEATURES) - {"user_id"} - set(found.columns)
        if not asked.as_of:
            keys = ["user_id", "dimension", "name"]
            shares = reader.frame("SELECT * FROM attention", limit_ms=None).sort_values(keys)
            attention = attention.sort_values(keys)
            n_off += compare("attention: rows", shares[keys].agg("\t".join, axis=1).reset_index(drop=True),
                             attention[keys].agg("\t".join, axis=1).reset_index(drop=True))  # fmt: skip
            for name in ("n_events", "attention_share", "dwell_share", "spend_share"):
                n_off += compare(
                    name, shares[name].reset_index(drop=True), attention[name].reset_index(drop=True)
                )
    print(
        f"{n_off} differences over {len(found.columns)} columns; "
        f"features without a column: {', '.join(sorted(missing)) or 'none'}"
    )
    return int(bool(n_off or missing))


if __name__ == "__main__":
    sys.exit(main())
