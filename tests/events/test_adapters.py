"""Known exports: each recognised by itself, a small file of each with its exact events."""

# ruff: noqa: E501 (one record a line)
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from persmark.errors import FileRefusedError
from persmark.events import propose
from persmark.store import create_workspace
from tests.events.files import event_rows, load, write

FIELDS = "user_id, item_id, event_type, strftime(event_time, '%m-%d %H:%M:%S'), CAST(value AS DOUBLE), CAST(quantity AS DOUBLE), order_id"
ODD = 'Käse "alt", 奶酪 😀'


def lines(*objects: Any) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)


def ordered(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


def segment(event: str, second: int, user: str | None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track", "event": event, "anonymousId": "a'1", "userId": user, "messageId": f"m{second}",
        "timestamp": f"2026-01-01T10:00:{second:02}.250Z", "properties": properties,
    }  # fmt: skip


SEGMENT = lines(
    segment("Products Searched", 1, None, query="奶酪"),
    segment(
        "Product List Viewed", 2, None, list_id="l", products=[{"product_id": "p1"}, {"product_id": "p2"}]
    ),
    segment("Promotion Clicked", 3, "u 1", promotion_id="promo 😀", name="Sale"),
    segment("Product Viewed", 4, "u 1", product_id="p1", name=ODD, price=9.5, currency="EUR"),
    segment("Product Added", 5, "u 1", product_id="p1", price="9.50", quantity=2),
    segment(
        "Order Completed",
        6,
        "u 1",
        order_id="o'1",
        revenue=29,
        products=[{"product_id": "p1", "price": 9.5, "quantity": 2}, {"sku": "s2", "price": 10}],
    ),
    segment(
        "Order Refunded",
        7,
        "u 1",
        order_id="o'1",
        products=[{"product_id": "p1", "price": 9.5, "quantity": 1}],
    ),
    segment("Coupon Denied", 8, "u 1", order_id="o'1", products=[]),
)
SEGMENT_EVENTS = [
    ("u 1", None, "Coupon Denied", "01-01 10:00:08", None, None, "o'1"),
    ("u 1", None, "search", "01-01 10:00:01", None, None, None),
    ("u 1", "p1", "cart", "01-01 10:00:05", 19.0, 2.0, None),
    ("u 1", "p1", "impression", "01-01 10:00:02", None, None, None),
    ("u 1", "p1", "purchase", "01-01 10:00:06", 19.0, 2.0, "o'1"),
    ("u 1", "p1", "refund", "01-01 10:00:07", -9.5, 1.0, "o'1"),
    ("u 1", "p1", "view", "01-01 10:00:04", 9.5, None, None),
    ("u 1", "p2", "impression", "01-01 10:00:02", None, None, None),
    ("u 1", "promo 😀", "click", "01-01 10:00:03", None, None, None),
    ("u 1", "s2", "purchase", "01-01 10:00:06", 10.0, None, "o'1"),
]


def ga4(name: str, second: int, user: str | None, items: list[Any], **more: Any) -> dict[str, Any]:
    params = [{"key": "page 页", "value": {"string_value": ODD}}, {"key": "n", "value": {"int_value": "7"}}]
    return {
        "event_name": name, "event_timestamp": str(1767261600000000 + second * 1000000), "user_id": user,
        "user_pseudo_id": "1.2", "event_params": params, "items": items, **more,
    }  # fmt: skip


GA4 = [
    ga4("view_item_list", 1, None, [{"item_id": "p1"}, {"item_id": "p2"}]),
    ga4("add_to_cart", 2, None, [{"item_id": "p1", "item_name": ODD, "price": 9.5, "quantity": 2}]),
    ga4(
        "purchase",
        3,
        "u'1",
        [{"item_id": "p1", "price": 9.5, "quantity": 2}, {"item_id": "p2", "price": 10.0}],
        ecommerce={"transaction_id": "t 1", "purchase_revenue": 29.0},
    ),
    ga4(
        "refund",
        4,
        "u'1",
        [{"item_id": "p2", "price": 10.0, "quantity": 1}],
        ecommerce={"transaction_id": "t 1"},
    ),
    ga4("scroll", 5, "u'1", []),
]
GA4_EVENTS = [
    ("u'1", None, "scroll", "01-01 10:00:05", None, None, None),
    ("u'1", "p1", "cart", "01-01 10:00:02", 19.0, 2.0, None),
    ("u'1", "p1", "impression", "01-01 10:00:01", None, None, None),
    ("u'1", "p1", "purchase", "01-01 10:00:03", 19.0, 2.0, "t 1"),
    ("u'1", "p2", "impression", "01-01 10:00:01", None, None, None),
    ("u'1", "p2", "purchase", "01-01 10:00:03", 10.0, None, "t 1"),
    ("u'1", "p2", "refund", "01-01 10:00:04", -10.0, 1.0, "t 1"),
]
MATOMO = [
    {"idVisit": "7", "visitorId": "v1", "userId": None, "serverTimestamp": 1767261603, "actionDetails": [
        {"type": "action", "url": "https://x/käse", "pageTitle": ODD, "timestamp": 1767261600, "productViewSku": "p1"},
        {"type": "action", "url": "https://x/blog?a=1", "timestamp": 1767261601},
        {"type": "ecommerceOrder", "orderId": "o'1", "revenue": "29", "timestamp": 1767261602, "itemDetails": [
            {"itemSKU": "p1", "itemName": ODD, "price": 9.5, "quantity": 2}, {"itemSKU": "p2", "price": 10, "quantity": 1}]}]},
    {"idVisit": "8", "visitorId": "v2", "userId": "bob", "serverTimestamp": 1767261604, "actionDetails": [{"type": "search", "timestamp": 1767261604}]},
]  # fmt: skip
MATOMO_EVENTS = [
    ("bob", None, "search", "01-01 10:00:04", None, None, None),
    ("v1", "https://x/blog?a=1", "view", "01-01 10:00:01", None, None, None),
    ("v1", "p1", "purchase", "01-01 10:00:02", 19.0, 2.0, "o'1"),
    ("v1", "p1", "view", "01-01 10:00:00", None, None, None),
    ("v1", "p2", "purchase", "01-01 10:00:02", 10.0, 1.0, "o'1"),
]


@dataclass(frozen=True)
class Case:
    """A file, who it is recognised as, and its events."""

    file: str
    content: str
    adapter: str
    events: list[tuple[Any, ...]]
    rejected: tuple[tuple[str, int], ...] = ()


CASES = [
    Case("segment.jsonl", SEGMENT, "Segment events", SEGMENT_EVENTS),
    Case("ga4 'x' 张.jsonl", lines(*GA4), "GA4 BigQuery export", GA4_EVENTS),
    Case("matomo.json", json.dumps(MATOMO, ensure_ascii=False, indent=1), "Matomo visits", MATOMO_EVENTS),
    Case(
        "matomo.csv",
        "idVisit,visitorId,actionDetails_0_type,actionDetails_0_timestamp,actionDetails_0_url,actionDetails_1_type,actionDetails_1_timestamp,actionDetails_1_url\n"
        "7,v'1,action,1767261600,https://x/奶酪,outlink,1767261601,https://y\n8,v 2,action,1767261602,https://x/😀,,,\n",
        "Matomo visits",
        [
            ("v 2", "https://x/😀", "view", "01-01 10:00:02", None, None, None),
            ("v'1", "https://x/奶酪", "view", "01-01 10:00:00", None, None, None),
            ("v'1", "https://y", "outlink", "01-01 10:00:01", None, None, None),
        ],
    ),
    Case(
        "rudder.csv",
        "id,anonymous_id,user_id,received_at,original_timestamp,timestamp,event,event_text,order_id,products\n"
        'm1,a1,"o\'neil 张",2026-01-01 10:00:09,2026-01-01 10:00:01,2026-01-01 10:00:01,order_completed,Order Completed,o1,"[{""product_id"":""p 1"",""price"":2.5,""quantity"":2},{""product_id"":""奶酪"",""price"":1}]"\n'
        "m2,a1,,2026-01-01 10:00:09,2026-01-01 10:00:02,2026-01-01 10:00:02,cart_viewed,Cart Viewed,,\n",
        "Segment or RudderStack table",
        [
            ("o'neil 张", None, "cart_viewed", "01-01 10:00:02", None, None, None),
            ("o'neil 张", "p 1", "purchase", "01-01 10:00:01", 5.0, 2.0, "o1"),
            ("o'neil 张", "奶酪", "purchase", "01-01 10:00:01", 1.0, None, "o1"),
        ],
    ),
    Case(
        "posthog.csv",
        'uuid,event,properties,distinct_id,timestamp\ne1,$pageview,"{""$current_url"": ""https://x/张""}",d\'1,2026-01-01T10:00:00Z\n'
        'e2,Order Completed,"{""order_id"": ""o1"", ""products"": [{""product_id"": ""p 😀"", ""price"": 3}]}",d\'1,2026-01-01T10:00:01Z\n',
        "PostHog events",
        [
            ("d'1", None, "view", "01-01 10:00:00", None, None, None),
            ("d'1", "p 😀", "purchase", "01-01 10:00:01", 3.0, None, "o1"),
        ],
    ),
    Case(
        "personalize.csv",
        "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,IMPRESSION\nu'1,i 张,1767261600,Watch,0.5,i1|i2\n00123,1e5,1767261601,Purchase,,\n",
        "Amazon Personalize interactions",
        [
            ("00123", "1e5", "purchase", "01-01 10:00:01", None, None, None),
            ("u'1", "i 张", "view", "01-01 10:00:00", 0.5, None, None),
        ],
    ),
    Case("ratings.csv", "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n", "MovieLens ratings", [("1", "31", "rating", "12-14 02:52:24", None, None, None)]),
    Case("ratings.dat", "1::1193::5::978300760\n2::661::3::978302109\n", "MovieLens ratings", [("1", "1193", "rating", "12-31 22:12:40", None, None, None), ("2", "661", "rating", "12-31 22:35:09", None, None, None)]),
    Case("u.data", "196\t242\t3\t881250949\n186\t302\t4\t891717742\n", "MovieLens ratings", [("186", "302", "rating", "04-04 19:22:22", None, None, None), ("196", "242", "rating", "12-04 15:55:49", None, None, None)]),
    Case(
        "events.csv",
        "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n1433221332999,257597,transaction,355908,11556\n",
        "RetailRocket events",
        [("257597", "355908", "purchase", "06-02 05:02:12", None, None, "11556"), ("257597", "355908", "view", "06-02 05:02:12", None, None, None)],
    ),
    Case(
        "UserBehavior.csv",
        "1,2268318,2520377,pv,1511544070\n1,2268318,2520377,fav,1511544071\n1,2268318,2520377,buy,1511544072\n1,2268318,2520377,cart,1511544073\n",
        "Taobao user behaviour",
        [("1", "2268318", kind, f"11-24 17:21:{second}", None, None, None) for kind, second in (("cart", 13), ("like", 11), ("purchase", 12), ("view", 10))],
    ),
    Case(
        "Online Retail.csv",
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        '536365,85123A,"HOLDER ""T-LIGHT"", 奶酪 😀",6,12/1/2010 8:26,2.55,17850.0,United Kingdom\n'
        "C536379,85123A,HOLDER,-2,12/2/2010 9:41,2.55,17850.0,United Kingdom\n536414,22139,,56,12/1/2010 11:52,0,,United Kingdom\n",
        "UCI Online Retail",
        [("17850", "85123A", "purchase", "12-01 08:26:00", 15.3, 6.0, "536365"), ("17850", "85123A", "refund", "12-02 09:41:00", -5.1, -2.0, "C536379")],
        (("no_user", 1),),
    ),
    Case(
        "2019-Oct.csv",
        "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
        "2019-10-01 00:00:00 UTC,view,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde\n2019-10-01 00:00:04 UTC,remove_from_cart,1,2,a.b,,5,541312140,72d76fde\n",
        "REES46 behaviour",
        [("541312140", "1", "remove_from_cart", "10-01 00:00:04", 5.0, None, None), ("541312140", "44600062", "view", "10-01 00:00:00", 35.79, None, None)],
    ),
    Case(
        "own.csv",
        'user_id,item_id,event_type,event_time,value,quantity,order_id,source_id,repeat_no\n"o\'neil, 张",😀,purchase,2026-01-01T10:00:00Z,2.50,1,o1,7,0\n',
        "persmark",
        [("o'neil, 张", "😀", "purchase", "01-01 10:00:00", 2.5, 1.0, "o1")],
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_a_known_export_is_recognised_and_loads_as_it_is_meant(
    data_folder: Path, tmp_path: Path, case: Case
) -> None:
    path = write(tmp_path / case.file, case.content)
    found = propose(path)
    assert found.mapping.adapter == case.adapter
    assert f"Recognised as {case.adapter}." in [note.render() for note in found.notes]
    assert type(found.mapping).from_json(json.loads(json.dumps(found.mapping.to_json()))) == found.mapping
    workspace = create_workspace("known", time_zone="UTC")
    source = load(workspace, path)
    assert ordered(event_rows(workspace, FIELDS)) == ordered(case.events)
    assert source.rejected_by_reason == dict(case.rejected)
    assert source.n_events == len(case.events)
    # The same bytes again are all known, record by record.
    again = load(workspace, path)
    assert (again.loaded, again.duplicate, again.n_events) == (0, source.loaded, 0)


def test_nested_parquet_is_read_as_json_lines_are(data_folder: Path, tmp_path: Path) -> None:
    rows = [
        {**one, "event_timestamp": int(one["event_timestamp"]), "ecommerce": one.get("ecommerce")}
        for one in json.loads(json.dumps(GA4))
    ]
    for row in rows:
        row["event_params"] = [{"key": "n", "value": {"string_value": None, "int_value": 7}}]
    path = tmp_path / "ga4 张.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    workspace = create_workspace("known", time_zone="UTC")
    assert load(workspace, path).rows_in == 5
    assert ordered(event_rows(workspace, FIELDS)) == ordered(GA4_EVENTS)
    with workspace.reader() as reader:
        assert '"event_params.n":"7"' in reader.value(
            "SELECT properties FROM events WHERE event_type = 'scroll'"
        )


SHOPIFY = (
    "Name,Email,Financial Status,Currency,Subtotal,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Source\n"
    '#1001,o\'neil@example.com,paid,EUR,30.00,2026-01-07 09:50:26 +0200,2,"Käse ""alt"", 奶酪 😀",10.00,K-1,Jane O\'Neil,web\n'
    "#1001,,,,,,1,Brot,10.00,,,\n#1002,b@example.com,refunded,EUR,5.00,2026-01-08 09:50:26 +0200,1,Tee,5.00,T-1,B,web\n"
)


def test_rows_of_a_shopify_order_share_what_its_first_row_says(data_folder: Path, tmp_path: Path) -> None:
    workspace = create_workspace("shop", time_zone="UTC")
    source = load(workspace, write(tmp_path / "orders.csv", SHOPIFY))
    assert (source.mapping["adapter"], source.loaded) == ("Shopify orders", 3)
    shown = FIELDS.replace("user_id, ", "") + ", currency, properties"
    assert event_rows(workspace, shown) == [
        ("Brot", "purchase", "01-07 07:50:26", 10.0, 1.0, "#1001", "EUR", None),
        ("K-1", "purchase", "01-07 07:50:26", 20.0, 2.0, "#1001", "EUR", '{"Subtotal":"30.00"}'),
        ("T-1", "order_refunded", "01-08 07:50:26", 5.0, 1.0, "#1002", "EUR", '{"Subtotal":"5.00"}'),
    ]
    with workspace.reader() as reader:
        users = reader.rows(
            "SELECT count(DISTINCT user_id), count(*) FILTER (WHERE user_id LIKE '%@%') FROM events"
        )
        assert users == [(2, 0)]


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("timestamp,itemid,property,value", "RetailRocket's item properties. Make one row of each item"),
        ("categoryid,parentid", "RetailRocket's category tree. Write the path of categories"),
    ],
)
def test_parts_of_an_export_without_events_are_refused(tmp_path: Path, header: str, what: str) -> None:
    path = write(tmp_path / "o'dd 张.csv", header + "\n" + ",".join("1" * len(header.split(","))) + "\n")
    with pytest.raises(FileRefusedError) as refused:
        propose(path)
    expected = f"A file must hold one event, item or user a row. Received: o'dd 张.csv, {what}"
    assert str(refused.value).startswith(expected)


@pytest.mark.parametrize(
    ("name", "content", "kind", "columns"),
    [
        ("movies.csv", "movieId,title,genres\n1,Toy Story (1995),Adventure|Comedy\n", "items", {"item_id": "movieId", "title": "title", "category_path": "genres"}),
        ("movies.dat", "1::Toy Story (1995)::Animation|Comedy\n2::Jumanji (1995)::Adventure\n", "items", {"item_id": "c1", "title": "c2", "category_path": "c3"}),
        ("items.csv", "ITEM_ID,PRICE,CATEGORY_L1,CREATION_TIMESTAMP\ni1,2.5,a,1700000000\n", "items", {"item_id": "ITEM_ID", "price": "PRICE", "category_path": "CATEGORY_L1"}),
        ("users.csv", "USER_ID,AGE\nu1,33\n", "users", {"user_id": "USER_ID"}),
    ],
)  # fmt: skip
def test_items_and_users_of_known_exports(
    tmp_path: Path, name: str, content: str, kind: str, columns: dict[str, str]
) -> None:
    found = propose(write(tmp_path / name, content))
    assert (found.kind, found.mapping.columns) == (kind, columns)
