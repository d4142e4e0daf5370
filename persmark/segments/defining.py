"""What a rule gives away: the measures that say again what the rule asks.

Likeness worked out from them would only repeat the rule: users just outside of a threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from persmark.segments.matrix import ATTENTION
from persmark.segments.nodes import ColumnIs, EventCount, EventSequence, Fields, Node, leaves

_RECENCY = frozenset({
    "recency_days", "last_purchase_time", "inactive_days", "last_event_time", "r_score", "order_trend",
    "spend_trend", "event_trend", "n_orders_recent", "spend_recent", "n_events_recent", "won_back_time",
})  # fmt: skip
_FREQUENCY = frozenset({
    "n_purchases", "frequency", "f_score", "mean_gap_days", "gap_spread_days", "n_sessions", "n_events",
    "n_items", "n_orders_recent", "order_trend",
})  # fmt: skip
_MONEY = frozenset({"monetary", "m_score", "average_order_value", "spend_recent", "spend_trend"})
_FIRST = frozenset({"first_event_time", "first_purchase_time", "tenure_days"})
_COUPONS = frozenset({
    "n_coupons_redeemed", "coupon_order_share", "discount_share", "discounted_order_share",
    "n_campaigns_received", "n_campaigns_recent", "n_campaigns_week", "n_campaigns_answered",
    "campaign_response_rate",
})  # fmt: skip
_HOURS = frozenset({
    "night_share", "morning_share", "afternoon_share", "evening_share", "favourite_daypart",
    "favourite_daypart_share",
})  # fmt: skip
_DWELL = frozenset({"minutes_per_session", "dwell_minutes", "mean_dwell_seconds", "events_per_session"})
_REPEATS = frozenset({"repeat_share", "novelty_share"})
_BASKET = frozenset({"items_per_order", "average_order_value", "n_items"})
_ALIKE = (_RECENCY, _FREQUENCY, _MONEY, _FIRST, _COUPONS, _HOURS, _DWELL, _REPEATS, _BASKET)

# Names of groups of users -> what they are made of.
_MADE_OF: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "rfm_segment": _RECENCY | _FREQUENCY | _MONEY,
        "lifecycle": _RECENCY | _FREQUENCY | _FIRST,
    }
)
# Event type -> the column that counts it.
_COUNTED: Mapping[str, str] = MappingProxyType({
    "purchase": "n_purchases", "refund": "n_purchases", "view": "n_views", "click": "n_clicks",
    "cart": "n_carts", "coupon_redeemed": "n_coupons_redeemed", "campaign_received": "n_campaigns_received",
})  # fmt: skip
_WHOLE_DIMENSION: Mapping[str, str] = MappingProxyType(
    {"top_category": "category", "opportunity": "category", "favourite_brand": "brand",
     "favourite_channel": "channel"}
)  # fmt: skip


def _of_column(name: str) -> set[str]:
    given = {name}.union(*(family for family in _ALIKE if name in family), _MADE_OF.get(name, ()))
    given |= {f"{dimension}: " for start, dimension in _WHOLE_DIMENSION.items() if name.startswith(start)}
    return given


def _of_fields(fields: Fields) -> set[str]:
    """Of a condition on events: the attention to what it names, else the columns that count them."""
    named = dict(fields)
    about = {
        f"{dimension}: {name}" for dimension in ATTENTION for name in named.get(dimension, ())
    }  # fmt: skip
    for kind in named.get("event_type", ()):
        if kind in {"coupon_redeemed", "campaign_received"} or not about:
            about |= _of_column(_COUNTED[kind]) if kind in _COUNTED else set()
    if "campaign_id" in named:
        about |= _COUPONS
    return about or set(_FREQUENCY)


def given_away(node: Node) -> frozenset[str]:
    """Names of measures that a rule gives away; one that ends in `: ` stands for all of its dimension."""
    given: set[str] = set()
    for leaf in leaves(node):
        if isinstance(leaf, ColumnIs):
            given |= _of_column(leaf.column)
        elif isinstance(leaf, EventCount):
            given |= _of_fields(leaf.fields)
            if leaf.within_days is not None or leaf.until_days is not None:
                given |= _RECENCY if not set(ATTENTION) & set(dict(leaf.fields)) else set()
            if leaf.spent_at_least is not None or leaf.spent_at_most is not None:
                given |= _MONEY
        elif isinstance(leaf, EventSequence):
            for step in leaf.steps:
                given |= _of_fields(step)
    return frozenset(given)


def is_given(name: str, given: frozenset[str]) -> bool:
    """Whether a measure of that name is among them."""
    return name in given or any(one.endswith(": ") and name.startswith(one) for one in given)
