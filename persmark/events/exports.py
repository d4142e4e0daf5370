"""The known exports, the most telling signs first; where their formats are described: `adapters`."""

# ruff: noqa: E501 (tables of columns)

from __future__ import annotations

from persmark.columns import TABLES
from persmark.events.adapters import Adapter, Seen, own_columns
from persmark.events.vocabulary import TARGETS
from persmark.text import text

_NUMBER = r"\d+"
_EPOCH_S = r"\d{9,10}"
_STARS = r"[0-5](\.[05])?"


def _is_segment(seen: Seen) -> bool:
    sent = any(seen.has(one) for one in ("messageId", "originalTimestamp", "sentAt", "receivedAt"))
    return sent and seen.has("anonymousId") and (seen.has("event") or seen.has("type"))


def _is_rudder(seen: Seen) -> bool:
    said = seen.filled("context.library.name")
    return _is_segment(seen) and (seen.has("rudderId") or any("udder" in one for one in said))


def _is_warehouse(seen: Seen) -> bool:
    sent = any(seen.has(one) for one in ("original_timestamp", "sent_at", "uuid_ts", "context_library_name"))
    return sent and seen.has("anonymous_id") and (seen.has("event") or seen.has("event_text"))


def _is_ga4(seen: Seen) -> bool:
    return seen.has("event_timestamp", "event_name", "user_pseudo_id")


def _is_personalize(seen: Seen) -> bool:
    return {"USER_ID", "ITEM_ID", "TIMESTAMP"} <= set(seen.names)


def _is_uci(seen: Seen) -> bool:
    first = seen.has("InvoiceNo", "StockCode", "InvoiceDate", "UnitPrice", "CustomerID")
    return first or seen.has("Invoice", "StockCode", "InvoiceDate", "Price", "Customer ID")


def _is_ratings(seen: Seen) -> bool:
    return (
        not seen.has_header
        and len(seen.names) == 4
        and seen.all_match("c1", _NUMBER)
        and seen.all_match("c2", _NUMBER)
        and seen.all_match("c3", _STARS)
        and seen.all_match("c4", _EPOCH_S)
    )


def _is_taobao(seen: Seen) -> bool:
    return (
        not seen.has_header
        and len(seen.names) == 5
        and seen.all_match("c4", "pv|buy|cart|fav")
        and seen.all_match("c5", _EPOCH_S)
    )


def _product(*, inner: str, outer: str = "") -> dict[str, tuple[str, ...]]:
    """Where the fields of Segment's product object stand: in the array, or beside the event."""
    return {
        "item_id": (
            f"{inner}product_id",
            f"{outer}product_id",
            f"{inner}sku",
            f"{outer}sku",
            f"{outer}promotion_id",
        ),
        "value": (f"{inner}price", f"{outer}price", f"{outer}revenue", f"{outer}total", f"{outer}value"),
        "quantity": (f"{inner}quantity", f"{outer}quantity"),
        "currency": (f"{outer}currency",),
        "order_id": (f"{outer}order_id",),
        "item_title": (f"{inner}name", f"{outer}name"),
        "item_category": (f"{inner}category", f"{outer}category"),
        "item_brand": (f"{inner}brand", f"{outer}brand"),
        "item_price": (f"{inner}price", f"{outer}price"),
    }


_LINES_OF_ORDERS = text("Each product of an order or a list is an event; its value is price times quantity.")
_ANONYMOUS = text("Where the user id is blank, the anonymous id stands in.")
_SEGMENT = {
    "user_id": ("userId",),
    "event_time": ("timestamp", "originalTimestamp", "receivedAt", "sentAt"),
    "event_type": ("event", "type"),
    "channel": ("context.campaign.medium", "channel"),
    "campaign_id": ("context.campaign.name",),
    "event_id": ("messageId",),
    **_product(inner="properties.products[].", outer="properties."),
}
_CALLS = {"page": "view", "screen": "view"}
_NOT_LINES = r"(?:Billing|Shipping) (?!Method$).*|Phone|Notes|Note Attributes|.*Address.*|Receipt Number|Lineitem requires shipping"
_SHARED = (
    "Email", "Financial Status", "Paid at", "Fulfillment Status", "Fulfilled at", "Accepts Marketing", "Currency",
    "Discount Code", "Shipping Method", "Created at", "Cancelled at", "Payment Method", "Source", "Risk Level",
)  # fmt: skip

ADAPTERS: tuple[Adapter, ...] = (
    Adapter(
        "persmark",
        own_columns,
        {name: (name,) for name in TABLES["events"] if name in TARGETS["events"]},
        options={"ignored": ("local_date", "local_hour", "source_id", "repeat_no", "by_rule")},
    ),
    Adapter(
        "GA4 BigQuery export",
        _is_ga4,
        {
            "user_id": ("user_id", "user_pseudo_id"),
            "event_time": ("event_timestamp",),
            "event_type": ("event_name",),
            "item_id": ("items[].item_id", "item_id", "items[].item_name"),
            "value": ("items[].price", "ecommerce.purchase_revenue", "event_params.value", "value"),
            "quantity": ("items[].quantity", "quantity"),
            "currency": ("event_params.currency", "currency"),
            "order_id": ("ecommerce.transaction_id", "event_params.transaction_id", "transaction_id"),
            "channel": ("collected_traffic_source.manual_medium", "event_params.medium", "traffic_source.medium", "medium", "source"),
            "campaign_id": ("collected_traffic_source.manual_campaign_name", "event_params.campaign", "traffic_source.name"),
            "item_title": ("items[].item_name", "item_name"),
            "item_category": ("items[].item_category", "item_category"),
            "item_brand": ("items[].item_brand", "item_brand"),
            "item_price": ("items[].price",),
        },
        explode=("items",),
        keys={"device": "user_pseudo_id"},
        options={"value_of": "unit"},
        notes=(
            text("Each item of an event is an event of its own; its value is price times quantity."),
            text("Where the user id is blank, the id of the browser or app stands in."),
        ),
    ),
    *(
        Adapter(
            name,
            matches,
            _SEGMENT,
            explode=("properties.products",),
            keys={"device": "anonymousId"},
            options={"value_of": "unit", "event_types": _CALLS},
            notes=(_LINES_OF_ORDERS, _ANONYMOUS),
        )
        for name, matches in (("RudderStack events", _is_rudder), ("Segment events", _is_segment))
    ),
    Adapter(
        "Segment or RudderStack table",
        _is_warehouse,
        {
            "user_id": ("user_id",),
            "event_time": ("timestamp", "original_timestamp", "received_at", "sent_at"),
            "event_type": ("event", "event_text"),
            "channel": ("context_campaign_medium",),
            "campaign_id": ("context_campaign_name",),
            "event_id": ("message_id", "id"),
            **_product(inner="products[]."),
        },
        explode=("products",),
        keys={"device": "anonymous_id"},
        options={"value_of": "unit"},
        notes=(_LINES_OF_ORDERS, _ANONYMOUS),
    ),
    Adapter(
        "PostHog events",
        lambda seen: seen.has("distinct_id", "event", "timestamp"),
        {
            "user_id": ("distinct_id",),
            "event_time": ("timestamp",),
            "event_type": ("event",),
            "channel": ("properties.utm_medium", "properties.$utm_medium"),
            "campaign_id": ("properties.utm_campaign", "properties.$utm_campaign"),
            "event_id": ("uuid",),
            **_product(inner="properties.products[].", outer="properties."),
        },
        explode=("properties.products",),
        unfold=("properties",),
        options={"value_of": "unit"},
        notes=(_LINES_OF_ORDERS,),
    ),
    Adapter(
        "Matomo visits",
        lambda seen: seen.has("idVisit", "visitorId") and any(one.startswith("actionDetails") for one in seen.names),
        {
            "user_id": ("userId", "visitorId"),
            "event_time": ("actionDetails[].timestamp", "serverTimestamp", "firstActionTimestamp"),
            "event_type": ("actionDetails[].type",),
            "item_id": ("actionDetails[].itemDetails[].itemSKU", "actionDetails[].productViewSku", "actionDetails[].url"),
            "value": ("actionDetails[].itemDetails[].price", "actionDetails[].revenue"),
            "quantity": ("actionDetails[].itemDetails[].quantity",),
            "order_id": ("actionDetails[].orderId",),
            "channel": ("referrerType",),
            "campaign_id": ("campaignName",),
            "item_title": ("actionDetails[].itemDetails[].itemName", "actionDetails[].productViewName", "actionDetails[].pageTitle"),
            "item_category": ("actionDetails[].itemDetails[].itemCategory",),
            "item_price": ("actionDetails[].itemDetails[].price", "actionDetails[].productViewPrice"),
        },
        explode=("actionDetails[].itemDetails",),
        keys={"device": "visitorId"},
        options={
            "value_of": "unit",
            "event_types": {"action": "view", "ecommerceOrder": "purchase", "ecommerceAbandonedCart": "cart"},
        },
        notes=(
            text("Each action of a visit is an event, each product of an order one; a page without a product is an item by its address."),
        ),
    ),
    Adapter(
        "Shopify orders",
        lambda seen: seen.has("Name", "Lineitem quantity", "Lineitem name", "Lineitem price"),
        {
            "user_id": ("Email", "Customer ID"),
            "event_time": ("Created at",),
            "event_type": ("Financial Status",),
            "item_id": ("Lineitem sku", "Lineitem name"),
            "value": ("Lineitem price",),
            "quantity": ("Lineitem quantity",),
            "discount": ("Lineitem discount",),
            "currency": ("Currency",),
            "order_id": ("Name",),
            "channel": ("Source",),
            "item_title": ("Lineitem name",),
            "item_brand": ("Vendor",),
            "item_price": ("Lineitem price",),
        },
        options={
            "value_of": "unit",
            "fill_down": "Name",
            "fill_columns": _SHARED,
            "event_types": {
                "paid": "purchase", "pending": "purchase", "authorized": "purchase", "partially_paid": "purchase",
                "partially_refunded": "purchase", "refunded": "order_refunded", "voided": "order_voided",
            },
        },
        ignored=_NOT_LINES,
        notes=(
            text("Rows of one order share what only its first row says; the value is price times quantity."),
            text("An order refunded in full or voided counts neither as a purchase nor as a refund; refunds of a part are not told by line and stay in the properties."),
        ),
    ),
    Adapter(
        "UCI Online Retail",
        _is_uci,
        {
            "user_id": ("CustomerID", "Customer ID"),
            "event_time": ("InvoiceDate",),
            "item_id": ("StockCode",),
            "value": ("UnitPrice", "Price"),
            "quantity": ("Quantity",),
            "order_id": ("InvoiceNo", "Invoice"),
            "item_title": ("Description",),
            "item_price": ("UnitPrice", "Price"),
        },
        options={"value_of": "unit", "refund_prefix": "C", "event_type": "purchase"},
        notes=(
            text("Every row is a purchase of quantity times unit price; invoices that begin with C are refunds."),
            text("Rows without a customer are rejected and counted."),
        ),
    ),
    Adapter(
        "Amazon Personalize interactions",
        _is_personalize,
        {
            "user_id": ("USER_ID",),
            "event_time": ("TIMESTAMP",),
            "event_type": ("EVENT_TYPE",),
            "item_id": ("ITEM_ID",),
            "value": ("EVENT_VALUE",),
        },
    ),
    Adapter(
        "Amazon Personalize items",
        lambda seen: "ITEM_ID" in seen.names and "USER_ID" not in seen.names,
        {
            "item_id": ("ITEM_ID",),
            "title": ("ITEM_NAME", "TITLE", "NAME"),
            "category_path": ("CATEGORY_L1", "CATEGORIES", "CATEGORY", "GENRES"),
            "brand": ("BRAND",),
            "price": ("PRICE",),
            "text": ("PRODUCT_DESCRIPTION", "DESCRIPTION"),
        },
        kind="items",
    ),
    Adapter(
        "Amazon Personalize users",
        lambda seen: "USER_ID" in seen.names and not {"ITEM_ID", "TIMESTAMP", "EVENT_TYPE"} & set(seen.names),
        {"user_id": ("USER_ID",)},
        kind="users",
    ),
    Adapter(
        "RetailRocket events",
        lambda seen: seen.has("timestamp", "visitorid", "event", "itemid", "transactionid"),
        {
            "user_id": ("visitorid",),
            "event_time": ("timestamp",),
            "event_type": ("event",),
            "item_id": ("itemid",),
            "order_id": ("transactionid",),
        },
    ),
    Adapter(
        "REES46 behaviour",
        lambda seen: seen.has("event_time", "event_type", "product_id", "category_code", "price", "user_id"),
        {
            "user_id": ("user_id",),
            "event_time": ("event_time",),
            "event_type": ("event_type",),
            "item_id": ("product_id",),
            "value": ("price",),
            "item_category": ("category_code", "category_id"),
            "item_brand": ("brand",),
            "item_price": ("price",),
        },
    ),
    Adapter(
        "Taobao user behaviour",
        _is_taobao,
        {
            "user_id": ("c1",),
            "item_id": ("c2",),
            "item_category": ("c3",),
            "event_type": ("c4",),
            "event_time": ("c5",),
        },
        notes=(text("Columns: user, item, category, behaviour, time."),),
    ),
    *(
        Adapter(
            "MovieLens ratings",
            matches,
            dict(zip(("user_id", "item_id", "event_time"), ((one,) for one in columns), strict=True)),
            options={"event_type": "rating", "earliest_year": 1995},
            notes=(text("Every row is a rating; how many stars stays in its properties as '{name}'. Times from 1995 on are taken.", name=stars),),
        )
        for matches, columns, stars in (
            (lambda seen: seen.has("userId", "movieId", "rating", "timestamp"), ("userId", "movieId", "timestamp"), "rating"),
            (_is_ratings, ("c1", "c2", "c4"), "c3"),
        )
    ),
    Adapter(
        "MovieLens tags",
        lambda seen: seen.has("userId", "movieId", "tag", "timestamp"),
        {"user_id": ("userId",), "item_id": ("movieId",), "event_time": ("timestamp",)},
        options={"event_type": "tag", "earliest_year": 1995},
    ),
    Adapter(
        "MovieLens movies",
        lambda seen: seen.has("movieId", "title", "genres"),
        {"item_id": ("movieId",), "title": ("title",), "category_path": ("genres",)},
        kind="items",
    ),
    Adapter(
        "MovieLens movies",
        lambda seen: (
            not seen.has_header
            and len(seen.names) == 3
            and seen.all_match("c1", _NUMBER)
            and seen.all_match("c2", r".+ \(\d{4}\)")
        ),
        {"item_id": ("c1",), "title": ("c2",), "category_path": ("c3",)},
        kind="items",
    ),
)  # fmt: skip
