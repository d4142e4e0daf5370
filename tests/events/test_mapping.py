"""What columns and values are taken to mean; what a mapping may say."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from persmark.errors import InputError
from persmark.events import TIME_FORMATS, Mapping, propose
from persmark.events.guesses import decimal_question, guess_decimal, guess_time
from tests.conftest import HARD
from tests.events.files import csv_of, write

# Headers as these exports write them, and what must be found in them.
VOCABULARIES = {
    "Amazon Personalize": (
        "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE", "1,2,1700000000,View,3",
        {"user_id": "USER_ID", "item_id": "ITEM_ID", "event_time": "TIMESTAMP", "event_type": "EVENT_TYPE",
         "value": "EVENT_VALUE"},
        "epoch_s",
    ),
    "RetailRocket": (
        "timestamp,visitorid,event,itemid,transactionid", "1433221332117,257597,addtocart,355908,",
        {"user_id": "visitorid", "item_id": "itemid", "event_time": "timestamp", "event_type": "event",
         "order_id": "transactionid"},
        "epoch_ms",
    ),
    "UCI Online Retail": (
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
        "536365,85123A,HOLDER,6,12/13/2010 8:26,2.55,17850,United Kingdom",
        {"user_id": "CustomerID", "item_id": "StockCode", "event_time": "InvoiceDate", "order_id": "InvoiceNo",
         "quantity": "Quantity", "item_title": "Description", "item_price": "UnitPrice", "value": "UnitPrice"},
        "mdy",
    ),
    "Segment, flat": (
        "user_id,event,timestamp,product_id,name,brand,category,price,quantity,order_id,currency,message_id",
        "u,Product Added,2026-01-01T00:00:00.123Z,p,Cheese,B,Dairy,9.5,2,o,EUR,m1",
        {"user_id": "user_id", "event_type": "event", "event_time": "timestamp", "item_id": "product_id",
         "item_title": "name", "item_brand": "brand", "item_category": "category", "value": "price",
         "quantity": "quantity", "order_id": "order_id", "currency": "currency", "event_id": "message_id"},
        "iso",
    ),
    "GA4, flat": (
        "event_timestamp,event_name,user_pseudo_id,item_id,value,source",
        "1700000000000000,view_item,1.2,sku,3,google",
        {"event_time": "event_timestamp", "event_type": "event_name", "user_id": "user_pseudo_id",
         "item_id": "item_id", "value": "value", "channel": "source"},
        "epoch_us",
    ),
    "Chinese shop": (
        "用户ID,商品ID,行为类型,时间,金额", "张三,1,购买,2026-01-01,9.9",
        {"user_id": "用户ID", "item_id": "商品ID", "event_type": "行为类型", "event_time": "时间", "value": "金额"},
        "iso",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VOCABULARIES)
def test_headers_of_known_exports_are_understood(tmp_path: Path, name: str) -> None:
    header, row, columns, time_format = VOCABULARIES[name]
    found = propose(write(tmp_path / "x.csv", csv_of([row], header)))
    assert found.kind == "events"
    assert found.mapping.columns == columns
    assert found.mapping.time_format == time_format


def test_event_types_are_folded_to_ours(tmp_path: Path) -> None:
    spellings = ["Add To Cart", "add_to_cart", "cart", "PURCHASE", "Order Completed", "pv", "购买", HARD[:7]]
    rows = [f"u,i,{one},2026-01-01,1" for one in spellings]
    found = propose(write(tmp_path / "x.csv", csv_of(rows)))
    assert found.mapping.event_types == {
        "Add To Cart": "cart", "add_to_cart": "cart", "PURCHASE": "purchase", "Order Completed": "purchase",
        "pv": "view", "购买": "purchase",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "time_format"),
    [
        (["2026-01-31 18:00:00"], "iso"),
        (["2026-01-31T18:00:00+02:00"], "iso"),
        (["1700000000", "1700000001.5"], "epoch_s"),
        (["1700000000000"], "epoch_ms"),
        (["1700000000000000"], "epoch_us"),
        (["45321", "45321.75"], "excel"),
        (["13/02/2024 03:04"], "dmy"),
        (["01.02.2024", "31.01.2024"], "dmy"),
        (["1/13/2024"], "mdy"),
        (["2024/01/02"], "iso"),
        ([], "iso"),
        (["", "  "], "iso"),
        (["someday"], "iso"),
    ],
)
def test_the_time_format_is_told_by_the_values(values: list[str], time_format: str) -> None:
    assert guess_time(values) == (time_format, None)


def test_dates_that_could_be_either_are_asked() -> None:
    found, question = guess_time(["01/02/2024", "03/04/2024"])
    assert question is not None
    assert (question.key, question.options, question.assumed) == ("time_format", ("dmy", "mdy"), None)
    assert question.text.render() == (
        "Is 01/02/2024 day first or month first? No date in the first rows tells."
    )
    assert found == "dmy"


@pytest.mark.parametrize(
    ("values", "sign"),
    [(["1.234,50", "9,9"], ","), (["1,234.50", "9.9"], "."), (["1,234", "12"], "."), ([], "."), (["5"], ".")],
)
def test_the_decimal_sign_is_told_by_the_values(values: list[str], sign: str) -> None:
    assert guess_decimal(values) == sign


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("user_id,event_time", "events"),
        ("item_id,title,price", "items"),
        ("user_id,age,city", "users"),
        ("customer,email", "users"),
        ("a,b", "events"),
    ],
)
def test_the_kind_of_file_is_told_by_its_header(tmp_path: Path, header: str, kind: str) -> None:
    assert (
        propose(write(tmp_path / "x.csv", csv_of(["x,y,z"[: len(header.split(",")) * 2 - 1]], header))).kind
        == kind
    )


def test_a_mapping_comes_back_from_json_as_it_was() -> None:
    made = Mapping(
        "events", {"user_id": HARD, "event_time": "t"}, "dmy", "Asia/Kathmandu", "view", {HARD: "cart"}, ",", True,
        ("left out",),
    )  # fmt: skip
    assert Mapping.from_json(made.to_json()) == made


def test_every_field_comes_back_from_a_file_of_json() -> None:
    made = Mapping(
        "events", {"user_id": HARD, "event_time": "t"}, adapter="Segment events", reading={"encoding": "cp1252"},
        short_rows="null", value_of="unit", refund_prefix="C'", negative_refunds=True, fill_down="no 订单",
        explode="a[].b", unpivot={HARD: "😀"}, unpivot_into="value", keys={"email": "mail", "device": "d"},
        phone_ids="plain", fallbacks={"item_id": ("a", HARD)}, unfold=("p",), fill_columns=("x", "y"),
        whole_ids=("user_id",), earliest_year=1995,
    )  # fmt: skip
    defaults = Mapping("events", {})
    same = [one.name for one in fields(Mapping) if getattr(made, one.name) == getattr(defaults, one.name)]
    assert set(same) <= set(SET_ABOVE)
    assert Mapping.from_json(json.loads(json.dumps(made.to_json()))) == made


SET_ABOVE = (
    "kind",
    "time_format",
    "time_zone",
    "event_type",
    "event_types",
    "decimal",
    "drop_repeats",
    "ignored",
)
COLUMNS = {"user_id": "u", "event_time": "t"}
REFUSED: dict[str, tuple[Any, str]] = {
    "unknown key": ({"kind": "events", "columns": COLUMNS, "colour": 1},
                    "A mapping must have 'kind' and 'columns' and no unknown keys. Received: kind, columns, colour."),
    "no columns": ({"kind": "events"}, "A mapping must have 'kind' and 'columns'"),
    "empty": ({}, "A mapping must have 'kind' and 'columns' and no unknown keys. Received: nothing."),
    "a list": ([1, 2], "A mapping must be a JSON object. Received: [1, 2]."),
    "a number": (5, "A mapping must be a JSON object. Received: 5."),
    "kind": ({"kind": "orders", "columns": COLUMNS},
             "A mapping's kind must be events, items or users. Received: orders."),
    "columns": ({"kind": "events", "columns": None}, "A mapping's 'columns' must be an object of texts. Received: None."),
    "columns text": ({"kind": "events", "columns": "user_id"}, "A mapping's 'columns' must be an object of texts."),
    "columns number": ({"kind": "events", "columns": {"user_id": 1}}, "A mapping's 'columns' must be an object of texts."),
    "event types": ({"kind": "events", "columns": COLUMNS, "event_types": ["a"]},
                    "A mapping's 'event_types' must be an object of texts. Received: ['a']."),
    "time format": ({"kind": "events", "columns": COLUMNS, "time_format": "ymd"},
                    "A time format must be known. Received: ymd. Available: iso, epoch_s,"),
    "time format list": ({"kind": "events", "columns": COLUMNS, "time_format": []}, "A mapping's 'time_format' must be a text."),
    "zone": ({"kind": "events", "columns": COLUMNS, "time_zone": "Mars"},
             "A time zone must be an IANA name. Received: Mars. For example"),
    "decimal": ({"kind": "events", "columns": COLUMNS, "decimal": ";"},
                "A decimal sign must be '.' or ','. Received: ;."),
    "event type": ({"kind": "events", "columns": COLUMNS, "event_type": ""}, "A mapping's 'event_type' must be a text."),
    "repeats": ({"kind": "events", "columns": COLUMNS, "drop_repeats": "no"},
                "A mapping's 'drop_repeats' must be true or false. Received: no."),
    "ignored": ({"kind": "events", "columns": COLUMNS, "ignored": 5},
                "A mapping's 'ignored' must be a list of texts. Received: 5."),
    "value of": ({"kind": "events", "columns": COLUMNS, "value_of": "dozen"},
                 "A mapping's 'value_of' must be of the words it knows. Received: dozen. Available: line, unit"),
    "short rows": ({"kind": "events", "columns": COLUMNS, "short_rows": "drop"}, "A mapping's 'short_rows' must be of the words"),
    "unpivot": ({"kind": "events", "columns": COLUMNS, "unpivot": ["a"]}, "A mapping's 'unpivot' must be an object of texts."),
    "unpivot into": ({"kind": "events", "columns": COLUMNS, "unpivot_into": "price"},
                     "A mapping's 'unpivot_into' must be of the words it knows. Received: price. Available: quantity, value"),
    "negative refunds": ({"kind": "events", "columns": COLUMNS, "negative_refunds": 1}, "A mapping's 'negative_refunds' must be true or false."),
    "refund prefix": ({"kind": "events", "columns": COLUMNS, "refund_prefix": ["C"]}, "A mapping's 'refund_prefix' must be a text."),
    "explode": ({"kind": "events", "columns": COLUMNS, "explode": 3}, "A mapping's 'explode' must be a text. Received: 3."),
    "keys": ({"kind": "events", "columns": COLUMNS, "keys": {"passport": "p"}},
             "A mapping's 'keys' must be of the words it knows. Received: passport. Available: email, phone, device, user_id"),
    "phone ids": ({"kind": "events", "columns": COLUMNS, "phone_ids": "maybe"}, "A mapping's 'phone_ids' must be of the words"),
    "fallbacks": ({"kind": "events", "columns": COLUMNS, "fallbacks": {"item_id": "sku"}},
                  "A mapping's 'fallbacks' must be an object of lists of texts."),
    "whole ids": ({"kind": "events", "columns": COLUMNS, "whole_ids": ["value"]}, "A mapping's 'whole_ids' must be of the words"),
    "earliest year": ({"kind": "events", "columns": COLUMNS, "earliest_year": True}, "A mapping's 'earliest_year' must be a year, or 0."),
    "reading": ({"kind": "events", "columns": COLUMNS, "reading": "utf-8"}, "A mapping's 'reading' must be an object."),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_mapping_that_makes_no_sense_is_refused(case: str) -> None:
    raw, message = REFUSED[case]
    with pytest.raises(InputError) as refused:
        Mapping.from_json(raw)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"user_id": "u"}, "Column 'event_time' must be found in o'f 张.csv. Received: u, t. Map it on the Events page,"),
        ({**COLUMNS, "user": "u"}, "A mapping's targets must be known. Received: user. Available: user_id, event_time,"),
        ({**COLUMNS, "value": HARD}, f"Mapped column '{HARD}' must be in o'f 张.csv. Received: u, t. Map it"),
    ],
)  # fmt: skip
def test_a_mapping_that_does_not_fit_a_file_is_refused(columns: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as refused:
        Mapping("events", columns).check(["u", "t"], "o'f 张.csv")
    assert str(refused.value).startswith(message)


def test_wide_columns_are_the_only_items() -> None:
    wide = Mapping("events", {**COLUMNS, "item_id": "i"}, unpivot={"Käse": "Käse"})
    with pytest.raises(
        InputError, match=r"^Wide columns must be the only items of a file\. Received: i beside them\."
    ):
        wide.check(["u", "t", "i", "Käse"], "x.csv")
    for more in (
        {"fallbacks": {"value": ("gone",)}},
        {"fill_down": "gone"},
        {"unpivot": {"gone": "x"}},
        {"keys": {"email": "gone"}},
    ):
        with pytest.raises(InputError, match=r"^Mapped column 'gone' must be in x\.csv\. Received: u, t\."):
            Mapping.from_json({"kind": "events", "columns": COLUMNS, **more}).check(["u", "t"], "x.csv")


def test_every_time_format_has_a_sentence() -> None:
    assert all(one.render() for one in TIME_FORMATS.values())


@pytest.mark.parametrize(
    ("values", "sign"),
    [
        (["1.234", "2,50"], ","),
        (["1,234", "2.50"], "."),
        (["9,50 €", "12 €"], ","),
        (["1.234.567"], ","),
        (["0.125"], "."),
        (["1,2345"], ","),
    ],
)
def test_numbers_that_tell_their_sign_leave_no_question(values: list[str], sign: str) -> None:
    assert guess_decimal(values) == sign
    assert decimal_question(values, ";") is None


@pytest.mark.parametrize(("delimiter", "assumed"), [(";", None), (",", ".")])
@pytest.mark.parametrize("value", ["1.234", "1,234", "12,500"])
def test_a_sign_before_three_digits_alone_is_asked(value: str, delimiter: str, assumed: str | None) -> None:
    asked = decimal_question([value, "5", ""], delimiter)
    assert asked is not None
    assert (asked.key, asked.options, asked.assumed) == ("decimal", (".", ","), assumed)
    assert asked.text.render() == (
        f"Does {value} mean thousands or decimals: which sign do decimals stand behind?"
    )
