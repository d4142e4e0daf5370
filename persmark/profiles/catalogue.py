"""Every column of a profile: what it is called, what it means, its unit and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from persmark.text import Text, text

MONEY = "DECIMAL(38,4)"  # a sum of any number of amounts
ATTRIBUTE_PREFIX = "attribute_"


@dataclass(frozen=True)
class Feature:
    """One column of `profiles`.

    Attributes:
        name: Column name.
        title: What a page calls it.
        definition: How it is worked out, and when it is empty.
        unit: `days`, `events`, `orders`, `share` (0 to 1), `money` (the workspace's currency), ...
        dtype: DuckDB type.
        source: Tables it is read from, or the literature a definition follows.
    """

    name: str
    title: Text
    definition: Text
    unit: str
    dtype: str
    source: str


@dataclass(frozen=True)
class Group:
    """One standard group of users, named by a column's value.

    Attributes:
        name: The value in the column.
        title: What a page calls it.
        definition: Who belongs to it.
    """

    name: str
    title: Text
    definition: Text


RFM_SOURCE = (
    "Hughes, Strategic Database Marketing, 1994; Bult & Wansbeek, Optimal Selection for Direct Mail, "
    "Marketing Science 14(4), 1995"
)
GRID_SOURCE = (
    f"{RFM_SOURCE}; names and places on the grid: Putler, RFM Analysis for Successful Customer Segmentation"
)
LIFECYCLE_SOURCE = (
    "Thomas, Blattberg & Fox, Recapturing Lost Customers, Journal of Marketing Research 41(1), 2004; the "
    "days are conventions of repeat retail, changed in the settings"
)

TREND_SOURCE = (
    "events; Tornqvist, Vartia & Vartia, How Should Relative Changes Be Measured?, The American Statistician "
    "39(1), 1985"
)
DWELL_SOURCE = (
    "events; Yi, Hong, Zhong, Liu & Rajan, Beyond Clicks: Dwell Time for Personalization, RecSys 2014"
)
REPEAT_SOURCE = (
    "events; Anderson, Kumar, Tomkins & Vassilvitskii, The Dynamics of Repeat Consumption, WWW 2014"
)


def _grid(name: str, title: str, rule: str) -> Group:
    return Group(name, text(title), text(rule))


# Disjoint and exhaustive on the 5 x 5 grid of recency score and fm, the mean of the frequency and
# money scores with halves rounded up. Names and places follow the grid in common marketing use.
RFM_SEGMENTS: tuple[Group, ...] = (
    _grid(
        "champions", "Champions", "Recency score 5, frequency and money 4 to 5: bought lately, often, much."
    ),
    _grid("loyal", "Loyal", "Recency score 3 to 4, frequency and money 4 to 5."),
    _grid("potential_loyalist", "Potential loyalists", "Recency score 4 to 5, frequency and money 2 to 3."),
    _grid("new_users", "New users", "Recency score 5, frequency and money 1."),
    _grid("promising", "Promising", "Recency score 4, frequency and money 1."),
    _grid("need_attention", "Need attention", "Recency score 3, frequency and money 3."),
    _grid("about_to_sleep", "About to sleep", "Recency score 3, frequency and money 1 to 2."),
    _grid("at_risk", "At risk", "Recency score 1 to 2, frequency and money 3 to 4."),
    _grid("cannot_lose", "Cannot lose", "Recency score 1 to 2, frequency and money 5: the best, silent."),
    _grid("hibernating", "Hibernating", "Recency score 2, frequency and money 1 to 2."),
    _grid("lost", "Lost", "Recency score 1, frequency and money 1 to 2."),
)

LIFECYCLE: tuple[Group, ...] = (
    Group("new", text("New"), text("First purchase at most new_days (30) ago.")),
    Group("active", text("Active"),
          text("Last purchase at most active_days (60) ago; neither of new, won back.")),
    Group("at_risk", text("At risk"), text("Last purchase over active_days, at most lost_days (180) ago.")),
    Group("lost", text("Lost"), text("Last purchase more than lost_days (180) ago.")),
    Group("won_back", text("Won back"),
          text("Bought within active_days, and a silence of more than lost_days ended then.")),
    Group("never_purchased", text("Never purchased"), text("Has events, but no order that was kept.")),
)  # fmt: skip

# Name -> hours of the workspace's time zone.
DAYPARTS: Mapping[str, str] = MappingProxyType(
    {"night": "0 to 5", "morning": "6 to 11", "afternoon": "12 to 17", "evening": "18 to 23"}
)


def _feature(
    name: str, title: str, unit: str, dtype: str, definition: str, *, source: str = "events"
) -> Feature:
    return Feature(name, text(title), text(definition), unit, dtype, source)


def _top_category(place: int, ordinal: str) -> tuple[Feature, Feature]:
    name = f"top_category_{place}"
    return (
        _feature(name, f"Top category {place}", "name", "VARCHAR",
                 f"The category with the {ordinal} decayed attention: own events on its items, refunds "
                 "and coupons aside, each halved every half_life_days (42); equal ones by name. "
                 "Empty without such a category.", source="events, items"),
        _feature(f"{name}_share", f"Share of top category {place}", "share", "DOUBLE",
                 "Its part of the decayed attention to items that have a category.", source="events, items"),
    )  # fmt: skip


_FEATURES: tuple[Feature, ...] = (
    _feature("user_id", "User", "id", "VARCHAR", "The user after unification."),
    _feature("as_of", "As of", "time, UTC", "TIMESTAMP", "Events up to this moment count, no later ones."),
    _feature("first_event_time", "First event", "time, UTC", "TIMESTAMP", "Time of the first event."),
    _feature("last_event_time", "Last event", "time, UTC", "TIMESTAMP", "Time of the last event."),
    _feature("tenure_days", "Known for", "days", "INTEGER", "Whole days since the first event."),
    _feature("inactive_days", "Days since last event", "days", "INTEGER",
             "Whole days since the last event of any kind."),
    _feature("n_events", "Events", "events", "BIGINT", "All events, contacts received included."),
    _feature("n_views", "Views", "events", "BIGINT", "Events of type view."),
    _feature("n_clicks", "Clicks", "events", "BIGINT", "Events of type click."),
    _feature("n_carts", "Put into cart", "events", "BIGINT", "Events of type cart."),
    _feature("n_sessions", "Sessions", "sessions", "BIGINT",
             "Sessions that had ended by then and hold an own event: a mailing received or an impression "
             "alone is none. A silence of session_gap_minutes (30) ends one. Empty without any.",
             source="sessions"),
    _feature("events_per_session", "Events per session", "events", "DOUBLE",
             "Mean number of own events of those sessions.", source="sessions"),
    _feature("n_purchases", "Orders", "orders", "BIGINT",
             "Different orders: by order id where there is one, else all purchases of one moment are one. "
             "One given back in full does not count: by refunds under its id, or by others of the same item "
             "and money, which take the latest purchase before them."),
    _feature("n_items", "Different items bought", "items", "BIGINT", "Different items among the purchases."),
    _feature("first_purchase_time", "First purchase", "time, UTC", "TIMESTAMP",
             "Start of the first order. Empty without orders."),
    _feature("last_purchase_time", "Last purchase", "time, UTC", "TIMESTAMP",
             "Start of the last order. Empty without orders."),
    _feature("won_back_time", "Won back", "time, UTC", "TIMESTAMP",
             "Start of the last order that ended a silence of more than lost_days (180). Empty without one."),
    _feature("recency_days", "Recency", "days", "INTEGER",
             "Whole days since the last order. Empty without orders.", source=RFM_SOURCE),
    _feature("frequency", "Frequency", "orders", "BIGINT", "Number of orders.", source=RFM_SOURCE),
    _feature("monetary", "Monetary", "money", MONEY,
             "Value of purchases minus refunds. Empty where none has a value.", source=RFM_SOURCE),
    _feature("average_order_value", "Average order value", "money", "DOUBLE",
             "Value of the orders before what was given back in part, per order. Empty without."),
    _feature("discount_share", "Discount share", "share", "DOUBLE",
             "Money off / (money paid + money off) over the orders. Empty where none tells its discount."),
    _feature("mean_gap_days", "Mean gap", "days", "DOUBLE",
             "Mean days between one order day and the next, local dates. Empty below two order days."),
    _feature("gap_spread_days", "Spread of gaps", "days", "DOUBLE",
             "Standard deviation (n - 1) of those gaps. Empty below three order days."),
    _feature("n_coupons_redeemed", "Coupons redeemed", "events", "BIGINT", "Events of type coupon_redeemed."),
    _feature("n_campaigns_received", "Campaigns received", "events", "BIGINT",
             "Events of type campaign_received."),
    _feature("n_campaigns_recent", "Campaigns received lately", "events", "BIGINT",
             "Events of type campaign_received in the last contact_days (30)."),
    *_top_category(1, "most"), *_top_category(2, "second most"), *_top_category(3, "third most"),
    _feature("favourite_brand", "Favourite brand", "name", "VARCHAR",
             "The brand with the most decayed attention, as for categories.", source="events, items"),
    _feature("favourite_brand_share", "Share of favourite brand", "share", "DOUBLE",
             "Its part of the decayed attention to all items that have a brand.", source="events, items"),
    _feature("favourite_channel", "Favourite channel", "name", "VARCHAR",
             "The channel most own events came by, so no contacts or impressions; equal ones by name."),
    _feature("favourite_channel_share", "Share of favourite channel", "share", "DOUBLE",
             "Its part of the own events that tell a channel."),
    _feature("favourite_daypart", "Favourite time of day", "name", "VARCHAR",
             "Night (0 to 5 h), morning (6 to 11), afternoon (12 to 17) or evening (18 to 23), local time: "
             "where most own events lie; equal ones by name."),
    _feature("favourite_daypart_share", "Share of favourite time of day", "share", "DOUBLE",
             "Its part of the own events."),
    _feature("night_share", "Night share", "share", "DOUBLE",
             "Own events at 0 to 5 h local time / own events."),
    _feature("morning_share", "Morning share", "share", "DOUBLE",
             "Own events from 6 to 11 h local time / own events."),
    _feature("afternoon_share", "Afternoon share", "share", "DOUBLE",
             "Own events from 12 to 17 h local time / own events."),
    _feature("evening_share", "Evening share", "share", "DOUBLE",
             "Own events from 18 to 23 h local time / own events."),
    _feature("weekend_share", "Weekend share", "share", "DOUBLE",
             "Own events on local Saturdays and Sundays / own events."),
    _feature("r_score", "Recency score", "quintile", "INTEGER",
             "Fifth of the buyers by last purchase, 5 = latest; equal ones by user_id.", source=RFM_SOURCE),
    _feature("f_score", "Frequency score", "quintile", "INTEGER",
             "Fifth of the buyers by number of orders, 5 = most; equal ones by user_id.",
             source=RFM_SOURCE),
    _feature("m_score", "Money score", "quintile", "INTEGER",
             "Fifth of the buyers by monetary, 5 = most; equal ones by user_id.", source=RFM_SOURCE),
    _feature("rfm_segment", "RFM segment", "name", "VARCHAR",
             "Group by recency score and the mean of the other two, halves up. Empty without purchases.",
             source=GRID_SOURCE),
    _feature("lifecycle", "Lifecycle", "name", "VARCHAR",
             "New, active, at risk, lost, won back or never purchased, by the days since purchases.",
             source=LIFECYCLE_SOURCE),
    _feature("n_events_recent", "Own events lately", "events", "BIGINT",
             "Own events in the last trend_days (28); contacts and impressions aside."),
    _feature("event_trend", "Trend of events", "change, -1 to 1", "DOUBLE",
             "Own events of the last trend_days (28) against as many days before: their difference / their "
             "sum. 0 = as many, 0.33 = twice as many, -1 = stopped. Empty without any in both, or where the "
             "user's first event is less than both spans ago.", source=TREND_SOURCE),
    _feature("n_orders_recent", "Orders lately", "orders", "BIGINT", "Orders in the last trend_days (28)."),
    _feature("order_trend", "Trend of orders", "change, -1 to 1", "DOUBLE",
             "Orders of the last trend_days against as many days before, as for events.",
             source=TREND_SOURCE),
    _feature("spend_recent", "Spent lately", "money", MONEY,
             "Value of purchases minus refunds in the last trend_days (28). Empty for users of whom no "
             "event tells money."),
    _feature("spend_trend", "Trend of spend", "change, -1 to 1", "DOUBLE",
             "Purchases minus refunds of the last trend_days against as many days before, as for events; "
             "the sum is of amounts without sign.", source=TREND_SOURCE),
    _feature("minutes_per_session", "Minutes per session", "minutes", "DOUBLE",
             "Mean time from the first to the last event of those sessions.", source="sessions"),
    _feature("dwell_minutes", "Dwell", "minutes", "DOUBLE",
             "Time from each own event to the next own one of the same session (at most session_gap_minutes, "
             "30, later), at most dwell_cap_minutes (10) each, summed. Purchases, refunds and coupons "
             "have none, nor a session's last event; of several events in one second the last by item, type "
             "and channel has it. Empty without any.", source=DWELL_SOURCE),
    _feature("mean_dwell_seconds", "Mean dwell", "seconds", "DOUBLE",
             "The same per event that has a dwell.", source=DWELL_SOURCE),
    _feature("opportunity_category", "Opportunity", "name", "VARCHAR",
             "Of the categories on which a spender spent nothing, the one with the most decayed attention; "
             "equal ones by name. Empty without such a one, and for users who spent nothing at all.",
             source="events, items"),
    _feature("opportunity_share", "Attention to the opportunity", "share", "DOUBLE",
             "Its part of the decayed attention to items that have a category.", source="events, items"),
    _feature("price_level", "Price level", "ratio", "DOUBLE",
             "Mean over purchases of the item's list price / the mean list price of its category's items. "
             "Above 1 = picks dearer items. Empty without purchases of items with category and price.",
             source="events, items"),
    _feature("discounted_order_share", "Share of discounted orders", "share", "DOUBLE",
             "Orders with money off / orders that tell their discount. Empty where none does."),
    _feature("coupon_order_share", "Share of orders with coupon", "share", "DOUBLE",
             "Orders of local days on which the user redeemed a coupon / orders. Empty without orders."),
    _feature("n_campaigns_week", "Campaigns received in 7 days", "events", "BIGINT",
             "Events of type campaign_received in the last 7 days."),
    _feature("n_campaigns_answered", "Campaigns answered", "events", "BIGINT",
             "Campaigns received after which an own event other than a refund came within response_days (7). "
             "That a visit followed does not say that the contact caused it."),
    _feature("campaign_response_rate", "Response rate", "share", "DOUBLE",
             "Campaigns answered / campaigns received, over those received at least response_days (7) ago. "
             "Empty without such."),
    _feature("repeat_share", "Repeat share", "share", "DOUBLE",
             "Of the different items of each order after the first, the part the user had bought in an "
             "earlier order. Empty below two orders that name items.", source=REPEAT_SOURCE),
    _feature("novelty_share", "Novelty share", "share", "DOUBLE",
             "Of the different items of the latest novelty_orders (5) orders, the first order aside, the "
             "part never bought in an earlier one. Empty below two orders that name items.",
             source=REPEAT_SOURCE),
    _feature("items_per_order", "Basket size", "items", "DOUBLE",
             "Mean number of different items per order that names items. Empty without any."),
)  # fmt: skip

FEATURES: Mapping[str, Feature] = MappingProxyType({feature.name: feature for feature in _FEATURES})

# Shown beside the columns of a profile and never kept in one: what a person said holds from the day they
# said it.
LIVE_FEATURES: Mapping[str, Feature] = MappingProxyType(
    {
        feature.name: feature
        for feature in (
            _feature("consent", "Consent", "state by purpose", "VARCHAR",
                     "Granted, denied or unknown for each purpose (email, sms, ad_user_data, "
                     "ad_personalization), as the user said last. Read when it is shown, whatever the "
                     "profiles are as of.", source="consents"),
        )
    }
)  # fmt: skip


def attribute_feature(column: str, key: str | None = None) -> Feature:
    """The entry of an `attribute_...` column.

    Args:
        column: Column name.
        key: The key it was read from, as the source spells it.
    """
    shown = key if key is not None else column.removeprefix(ATTRIBUTE_PREFIX)
    return Feature(
        name=column,
        title=text("{key}", key=shown),
        definition=text("User attribute '{key}', as the source tells it.", key=shown),
        unit="name",
        dtype="VARCHAR",
        source="users",
    )
