"""Which column of a file means what, and how its values are to be read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Map
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from persmark import columns as c
from persmark.errors import InputError
from persmark.text import Text, text

KINDS = ("events", "items", "users")


@dataclass(frozen=True)
class Target:
    """Something a file's column can be mapped to.

    Attributes:
        title: For people.
        names: Header spellings that mean it, folded by `fold`.
        required: Whether a file of this kind must have it.
        help: One sentence.
    """

    title: Text
    names: tuple[str, ...]
    required: bool = False
    help: Text = field(default_factory=lambda: text(""))


def _target(title: str, names: str, help_: str = "", *, required: bool = False) -> Target:
    return Target(text(title), tuple(names.split()), required, text(help_))


_USER_NAMES = (
    "userid user uid customerid customer clientid visitorid visitor memberid householdid household "
    "personid profileid accountid externalid anonymousid userpseudoid subscriberid 用户id 用户 用户编号 会员id 会员号"
)
_ITEM_NAMES = (
    "itemid item productid product sku stockcode articleid contentid adid asin isbn movieid songid "
    "商品id 商品 商品编号 物品id 内容id"
)
_TITLE_NAMES = "title name description itemname itemtitle productname producttitle 商品名称 标题 名称"
_CATEGORY_NAMES = "category categoryid categorycode itemcategory productcategory department categorypath 类目 类目id 商品类目 分类"
_PRICE_NAMES = "price unitprice itemprice productprice 价格 单价"

# Header spellings are those of the exports named in the README (Segment, GA4, Shopify, RetailRocket,
# Amazon Personalize, UCI Online Retail, Taobao), lower-cased, without spaces and punctuation.
TARGETS: Map[str, Map[str, Target]] = MappingProxyType({
    "events": {
        "user_id": _target("User", _USER_NAMES, "Who did it.", required=True),
        "event_time": _target(
            "Time",
            "eventtime time timestamp datetime date eventdate createdat occurredat transactiontimestamp "
            "invoicedate orderdate ts eventtimestamp purchasedat 时间 时间戳 日期 行为时间 下单时间",
            "When it happened.",
            required=True,
        ),
        "event_type": _target(
            "Event type",
            "eventtype event eventname action behaviour behavior behaviortype type activity 行为类型 行为 事件",
            "What was done: view, click, cart, purchase, ...",
        ),
        "item_id": _target("Item", _ITEM_NAMES, "What it was done to."),
        "value": _target(
            "Value", "value eventvalue revenue amount salesvalue total linetotal price 金额 销售额 总价",
            "Money of the line.",
        ),
        "quantity": _target("Quantity", "quantity qty units count 数量 件数"),
        "discount": _target("Discount", "discount discountamount retaildisc 折扣 优惠", "Money off the line."),
        "currency": _target("Currency", "currency currencycode 币种 货币"),
        "order_id": _target(
            "Order", "orderid order basketid invoiceno invoice transactionid checkoutid receiptid 订单号 订单id",
        ),
        "channel": _target("Channel", "channel medium utmmedium source device platform 渠道"),
        "campaign_id": _target("Campaign", "campaignid campaign utmcampaign 活动id 活动"),
        "event_id": _target("Event id", "eventid messageid insertid", "The source's own id of the event."),
        "item_title": _target("Item title", "title name itemname itemtitle productname producttitle description 商品名称"),
        "item_category": _target("Item category", _CATEGORY_NAMES),
        "item_brand": _target("Item brand", "brand itembrand 品牌"),
        "item_price": _target("Item price", "itemprice unitprice productprice 单价"),
    },
    "items": {
        "item_id": _target("Item", _ITEM_NAMES + " id", required=True),
        "title": _target("Title", _TITLE_NAMES),
        "kind": _target("Kind", "kind itemkind 类型", "product, ad or content."),
        "category_path": _target("Category", _CATEGORY_NAMES, "One level, or levels joined by ' / ' or ' > '."),
        "brand": _target("Brand", "brand manufacturer vendor 品牌"),
        "price": _target("Price", _PRICE_NAMES),
        "currency": _target("Currency", "currency currencycode 币种"),
        "text": _target("Text", "text body longdescription summary 描述"),
        "image": _target("Image", "image imageurl imagelink picture 图片"),
    },
    "users": {
        "user_id": _target("User", _USER_NAMES + " id", required=True),
    },
})  # fmt: skip

# Spellings of one behaviour, folded by `fold`; what is not here is kept as it is.
EVENT_TYPE_NAMES: Map[str, str] = MappingProxyType({
    spelling: name
    for name, spellings in {
        c.VIEW: "view views viewed pageview productviewed productview viewitem detailview detail pv 浏览 查看",
        c.CLICK: "click clicks clicked productclicked 点击",
        c.CART: "cart addtocart addedtocart productadded addcart basket 加购 加购物车 购物车",
        c.PURCHASE: "purchase purchased buy bought order ordercompleted transaction sale checkoutcompleted 购买 下单 支付",
        c.REFUND: "refund refunded orderrefunded return returned 退款 退货",
        c.SEARCH: "search searched productssearched viewsearchresults 搜索",
        c.IMPRESSION: "impression impressions promotionviewed viewpromotion 曝光",
        "like": "like liked favorite favourite fav 点赞 收藏",
        "share": "share shared productshared 分享",
        "follow": "follow followed 关注",
    }.items()
    for spelling in spellings.split()
})  # fmt: skip

# Header spellings of what belongs in the contact vault and nowhere else.
CONTACT_NAMES: Map[str, str] = MappingProxyType({
    "email": "email", "emailaddress": "email", "mail": "email", "邮箱": "email",
    "phone": "phone", "phonenumber": "phone", "mobile": "phone", "mobilephone": "phone", "手机": "phone",
    "手机号": "phone", "firstname": "first_name", "givenname": "first_name", "lastname": "last_name",
    "surname": "last_name", "familyname": "last_name", "zip": "zip", "zipcode": "zip", "postcode": "zip",
    "postalcode": "zip",
})  # fmt: skip
# Of events these say how and where, not who.
_NO_CONTACT_OF_EVENTS = {"mail", "mobile", "zip", "zipcode", "postcode", "postalcode"}

TIME_FORMATS: Map[str, Text] = MappingProxyType({
    "iso": text("ISO dates, as 2026-01-31 18:00:00"),
    "epoch_s": text("seconds since 1970"),
    "epoch_ms": text("milliseconds since 1970"),
    "epoch_us": text("microseconds since 1970"),
    "excel": text("Excel day numbers"),
    "dmy": text("day first, as 31/01/2026 18:00"),
    "mdy": text("month first, as 01/31/2026 18:00"),
})  # fmt: skip


def fold(name: str) -> str:
    """A header or event type without case, spaces and punctuation, for comparing spellings."""
    return re.sub(r"[\W_]+", "", name.strip().lower())


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: object) -> bool:
    return isinstance(value, Map) and all(_is_text(one) for pair in value.items() for one in pair)


def _check_types(raw: Map[str, Any]) -> None:
    """Refuse values of a mapping that are of another type than it needs."""
    rules: tuple[tuple[tuple[str, ...], str, Callable[[object], bool]], ...] = (
        (("kind", "time_format", "time_zone", "event_type", "decimal"), "a text", _is_text),
        (("columns", "event_types"), "an object of texts", _are_texts),
        (("drop_repeats",), "true or false", lambda value: isinstance(value, bool)),
        (
            ("ignored",),
            "a list of texts",
            lambda value: isinstance(value, list | tuple) and all(map(_is_text, value)),
        ),
    )
    for names, rule, holds in rules:
        for name in names:
            if name in raw and not holds(raw[name]):
                raise InputError(
                    text("A mapping's '{name}' must be {rule}. Received: {value}.",
                         name=name, rule=rule, value=str(raw[name])[:80])
                )  # fmt: skip


@dataclass(frozen=True)
class Mapping:
    """How one shape of file is read; saved, and used again for the next file of that shape.

    Attributes:
        kind: events, items or users.
        columns: Target -> the file's column. What is not mapped goes to `properties` (events),
            `attributes` (items, users).
        time_format: A key of `TIME_FORMATS`.
        time_zone: IANA name for times that carry none.
        event_type: For every row, where the file has no event-type column.
        event_types: The file's spelling -> ours, where it differs.
        decimal: `.` or `,`.
        drop_repeats: Drop rows identical to an earlier one of the same file; else they are kept and
            flagged.
        ignored: Columns that are left out on purpose.
        adapter: Name of the known export it was recognised as, for people; empty where none.
        reading: Fields of `Format` that a person fixed, over what the file looks like.
        short_rows: `reject` rows with too few cells, or take what is missing as blank (`null`).
        value_of: What `value` is money of: the whole `line`, or one `unit` (times the quantity).
        refund_prefix: Order ids that begin so are cancellations: their events are refunds.
        negative_refunds: Whether a negative quantity or value makes an event a refund.
        fill_down: Column whose runs of equal cells share what only the first row of the run says.
        explode: Column holding a JSON array; each element makes an event, its keys are columns
            named `{explode}[].{key}`.
        unpivot: Wide files: column -> item id; each cell that is not blank or zero makes an event.
        unpivot_into: What such a cell says: quantity or value.
        keys: What else tells who a user is: email, phone, device or user_id -> column.
        phone_ids: Whether user ids that look like phone numbers are ones (`phone`, they become
            pseudonyms) or not (`plain`); empty = not asked yet.
    """

    kind: str
    columns: Map[str, str]
    time_format: str = "iso"
    time_zone: str = "UTC"
    event_type: str = c.PURCHASE
    event_types: Map[str, str] = field(default_factory=dict)
    decimal: str = "."
    drop_repeats: bool = False
    ignored: tuple[str, ...] = ()
    adapter: str = ""
    reading: Map[str, Any] = field(default_factory=dict)
    short_rows: str = "reject"
    value_of: str = "line"
    refund_prefix: str = ""
    negative_refunds: bool = False
    fill_down: str = ""
    explode: str = ""
    unpivot: Map[str, str] = field(default_factory=dict)
    unpivot_into: str = "quantity"
    keys: Map[str, str] = field(default_factory=dict)
    phone_ids: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Map[str, Any]) -> Mapping:
        """Read a saved mapping.

        Raises:
            InputError: No object, an unknown key, kind or time format, or a value of the wrong type.
        """
        if not isinstance(raw, Map):
            raise InputError(
                text("A mapping must be a JSON object. Received: {value}.", value=str(raw)[:80]),
                hint='For example {"kind": "events", "columns": {"user_id": "customer"}}.',
            )
        known = [one.name for one in fields(cls)]
        unknown = [key for key in raw if key not in known]
        if unknown or "kind" not in raw or "columns" not in raw:
            raise InputError(
                text("A mapping must have 'kind' and 'columns' and no unknown keys. Received: {keys}.",
                     keys=", ".join(map(str, raw)) or "nothing"),
                hint=text("Available: {keys}.", keys=", ".join(known)),
            )  # fmt: skip
        _check_types(raw)
        made = cls(**{**raw, "ignored": tuple(raw.get("ignored", ()))})
        if made.kind not in KINDS:
            raise InputError(
                text("A mapping's kind must be events, items or users. Received: {kind}.", kind=made.kind)
            )
        if made.time_format not in TIME_FORMATS:
            raise InputError(
                text("A time format must be known. Received: {format}.", format=made.time_format),
                hint=text("Available: {names}.", names=", ".join(TIME_FORMATS)),
            )
        if made.decimal not in (".", ","):
            raise InputError(text("A decimal sign must be '.' or ','. Received: {sign}.", sign=made.decimal))
        try:
            ZoneInfo(made.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InputError(
                text("A time zone must be an IANA name. Received: {zone}.", zone=made.time_zone),
                hint="For example UTC, Europe/Berlin or America/New_York.",
            ) from error
        return made

    def check(self, present: Sequence[str], file: str) -> None:
        """Refuse a mapping that does not fit a file's columns.

        Raises:
            InputError: A required target is not mapped, a target is unknown, or a mapped column is
                not in the file.
        """
        targets = TARGETS[self.kind]
        unknown = [name for name in self.columns if name not in targets]
        if unknown:
            raise InputError(
                text("A mapping's targets must be known. Received: {names}.", names=", ".join(unknown)),
                hint=text("Available: {names}.", names=", ".join(targets)),
            )
        for name, target in targets.items():
            column = self.columns.get(name)
            if target.required and not column:
                raise InputError(
                    text("Column '{name}' must be found in {file}. Received: {columns}.",
                         name=name, file=file, columns=", ".join(present)),
                    title="A column is missing",
                    hint="Map it on the Events page, or give --mapping.",
                )  # fmt: skip
            if column and column not in present:
                raise InputError(
                    text("Mapped column '{column}' must be in {file}. Received: {columns}.",
                         column=column, file=file, columns=", ".join(present)),
                    hint="Map it on the Events page, or give --mapping.",
                )  # fmt: skip

    def rest(self, present: Sequence[str]) -> list[str]:
        """The file's columns that are kept without a target, in the file's order."""
        used = {*self.columns.values(), *self.ignored}
        return [name for name in present if name not in used and not self.withholds(name)]

    def withholds(self, name: str) -> bool:
        """Whether a column holds a contact that must not stand in clear beside events or items."""
        short = fold(name)
        return self.kind != "users" and short in CONTACT_NAMES and short not in _NO_CONTACT_OF_EVENTS

    def shape(self, present: Sequence[str]) -> str:
        """The header as a key for finding this mapping again."""
        return json.dumps(list(present), ensure_ascii=False)


def guess_columns(kind: str, present: Sequence[str]) -> dict[str, str]:
    """Target -> column by header spelling; a column is used once, the best-named target first."""
    folded = {name: fold(name) for name in present}
    found: dict[str, str] = {}
    wishes = sorted(
        (target.names.index(short), target_name, name)
        for name, short in folded.items()
        for target_name, target in TARGETS[kind].items()
        if short in target.names
    )
    for _, target_name, name in wishes:
        if target_name not in found and name not in found.values():
            found[target_name] = name
    if "user_id" in TARGETS[kind] and "user_id" not in found:
        # An address tells people apart where nothing else does; it is stored as a pseudonym.
        addresses = [name for name, short in folded.items() if CONTACT_NAMES.get(short) == "email"]
        if addresses and addresses[0] not in found.values():
            found["user_id"] = addresses[0]
    return found


def guess_kind(present: Sequence[str]) -> str:
    """Which kind of file a header looks like: events have a user and a time, items no user."""
    events = guess_columns("events", present)
    if "user_id" in events and "event_time" in events:
        return "events"
    if "item_id" in guess_columns("items", present) and "user_id" not in events:
        return "items"
    return "users" if "user_id" in guess_columns("users", present) and "item_id" not in events else "events"
