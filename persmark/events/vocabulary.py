"""Which words of a file mean what: header spellings, behaviours, contacts."""

# ruff: noqa: E501 (tables of words)

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from persmark import columns as c
from persmark.events.names import consent_purposes, contact_field, fold
from persmark.text import Text, text


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
    "personid profileid accountid externalid anonymousid userpseudoid subscriberid reviewerid buyerid "
    "distinctid 用户id 用户 用户编号 会员id 会员号 客户id 客户 客户编号 顾客id 买家id 会员 "
    "用戶id 用戶 使用者id 使用者 會員id 會員編號 客戶id 客戶 顧客id 買家id"
)
_ITEM_NAMES = (
    "itemid item productid product sku stockcode articleid contentid adid asin isbn movieid songid "
    "商品id 商品 商品编号 物品id 内容id 产品id 产品 产品编号 货号 "
    "商品編號 產品id 產品 產品編號 貨號 內容id"
)
_TITLE_NAMES = (
    "title name description itemname itemtitle productname producttitle 商品名称 商品名 标题 名称 产品名称 "
    "商品名稱 產品名稱 標題 名稱"
)
_CATEGORY_NAMES = (
    "category categoryid categorycode itemcategory productcategory department categorypath genres "
    "类目 类目id 商品类目 分类 品类 商品分类 商品类别 類目 類目id 商品類目 分類 商品分類 商品類別"
)
_PRICE_NAMES = "price unitprice itemprice productprice 价格 单价 價格 單價"

# Header spellings of the exports that `adapters` knows and of shops' own tables, lower-cased, without
# spaces and punctuation; Chinese in both scripts.
TARGETS: Map[str, Map[str, Target]] = MappingProxyType({
    "events": {
        "user_id": _target("User", _USER_NAMES, "Who did it.", required=True),
        "event_time": _target(
            "Time",
            "eventtime time timestamp datetime date eventdate createdat occurredat transactiontimestamp "
            "invoicedate orderdate ts eventtimestamp purchasedat 时间 时间戳 日期 行为时间 下单时间 事件时间 "
            "交易时间 付款时间 支付时间 购买时间 创建时间 時間 時間戳 時間戳記 行為時間 下單時間 事件時間 "
            "交易時間 付款時間 購買時間 建立時間",
            "When it happened.",
            required=True,
        ),
        "event_type": _target(
            "Event type",
            "eventtype event eventname action behaviour behavior behaviortype behaviourtype type activity "
            "行为类型 行为 事件 事件类型 事件名称 操作类型 行為類型 行為 事件類型 事件名稱 操作類型",
            "What was done: view, click, cart, purchase, ...",
        ),
        "item_id": _target("Item", _ITEM_NAMES, "What it was done to."),
        "value": _target(
            "Value",
            "value eventvalue revenue amount salesvalue total linetotal price 金额 销售额 总价 实付金额 支付金额 "
            "订单金额 成交金额 金額 銷售額 總價 實付金額 付款金額 訂單金額",
            "Money of the line.",
        ),
        "quantity": _target("Quantity", "quantity qty units count 数量 件数 购买数量 數量 件數 購買數量"),
        "discount": _target(
            "Discount", "discount discountamount retaildisc 折扣 优惠 优惠金额 優惠 優惠金額", "Money off the line."
        ),
        "currency": _target("Currency", "currency currencycode 币种 货币 幣別 貨幣"),
        "order_id": _target(
            "Order",
            "orderid order basketid invoiceno invoice transactionid checkoutid receiptid "
            "订单号 订单id 订单编号 訂單號 訂單id 訂單編號",
        ),
        "channel": _target("Channel", "channel medium utmmedium source device platform 渠道 来源 來源"),
        "campaign_id": _target("Campaign", "campaignid campaign utmcampaign 活动id 活动 活動id 活動"),
        "event_id": _target("Event id", "eventid messageid insertid 事件id", "The source's own id of the event."),
        "item_title": _target(
            "Item title",
            "title name itemname itemtitle productname producttitle description "
            "商品名称 商品名 产品名称 商品名稱 產品名稱",
        ),
        "item_category": _target("Item category", _CATEGORY_NAMES),
        "item_brand": _target("Item brand", "brand itembrand 品牌"),
        "item_price": _target("Item price", "itemprice unitprice productprice 单价 單價"),
    },
    "items": {
        "item_id": _target("Item", _ITEM_NAMES + " id", required=True),
        "title": _target("Title", _TITLE_NAMES),
        "kind": _target("Kind", "kind itemkind 类型 類型", "product, ad or content."),
        "category_path": _target("Category", _CATEGORY_NAMES, "One level, or levels joined by ' / ' or ' > '."),
        "brand": _target("Brand", "brand manufacturer vendor 品牌"),
        "price": _target("Price", _PRICE_NAMES),
        "currency": _target("Currency", "currency currencycode 币种 幣別"),
        "text": _target("Text", "text body longdescription summary 描述"),
        "image": _target("Image", "image imageurl imagelink picture 图片 圖片"),
    },
    "users": {
        "user_id": _target("User", _USER_NAMES + " id", required=True),
    },
})  # fmt: skip

# Spellings of one behaviour, folded by `fold`; what is not here is kept as it is. The names that
# analytics tools give theirs are those of the specifications cited in `adapters`.
EVENT_TYPE_NAMES: Map[str, str] = MappingProxyType({
    spelling: name
    for name, spellings in {
        c.VIEW: "view views viewed pageview pageviews pageviewed productviewed productview viewitem itemview viewproduct "
                "viewcontent contentview detailview detail details screenview screenviewed screen watch watched pv "
                "浏览 浏览商品 查看 观看 瀏覽 檢視 觀看",
        c.CLICK: "click clicks clicked productclicked promotionclicked selectitem selectpromotion adclick adclicked "
                 "itemclick clickitem 点击 點擊 點選",
        c.CART: "cart carts addtocart add2cart addedtocart addtobasket addtobag productadded addcart basket atc "
                "加购 加购物车 加入购物车 购物车 加購 加入購物車 購物車",
        c.PURCHASE: "purchase purchased purchases buy buys bought order orders ordered ordercompleted orderplaced placedorder "
                    "ecommerceorder ecommercepurchase transaction transactions sale sales sold checkoutcompleted "
                    "购买 下单 支付 付款 成交 購買 下單 成交訂單",
        c.REFUND: "refund refunds refunded orderrefunded return returned returns orderreturned ordercancelled ordercanceled "
                  "退款 退货 退貨 取消订单 取消訂單",
        c.SEARCH: "search searches searched productssearched viewsearchresults sitesearch 搜索 搜尋",
        c.IMPRESSION: "impression impressions promotionviewed viewpromotion viewitemlist productlistviewed productlistfiltered "
                      "adimpression adviewed 曝光 展示 展現",
        c.LIKE: "like liked likes favorite favorites favorited favourite favourites favourited fav thumbsup upvote "
                "点赞 收藏 喜欢 點讚 按讚 喜歡",
        c.FOLLOW: "follow follows followed 关注 關注 追蹤",
        c.SHARE: "share shares shared productshared cartshared 分享 转发 轉發",
        c.REMOVE_FROM_CART: "removefromcart removedfromcart removefrombasket productremoved removecart cartremove "
                            "移出购物车 移出購物車",
        c.WISHLIST: "wishlist addtowishlist addedtowishlist productaddedtowishlist addwishlist 心愿单 加入心愿单 願望清單",
        c.CHECKOUT: "checkout begincheckout checkoutstarted initiatecheckout startcheckout startedcheckout 结算 結帳 結算",
        c.SIGNUP: "signup signedup register registered registration completeregistration accountcreated 注册 註冊",
        c.RATING: "rating ratings rate rated 评分 評分",
        c.CAMPAIGN_RECEIVED: "campaignreceived",
        c.COUPON_REDEEMED: "couponredeemed redeemcoupon",
    }.items()
    for spelling in spellings.split()
})  # fmt: skip


def guess_columns(kind: str, present: Sequence[str]) -> dict[str, str]:
    """Target -> column by header spelling; a column is used once, the best-named target first."""
    folded = {name: fold(name) for name in present}
    found: dict[str, str] = {}
    wishes = sorted(
        (target.names.index(short), target_name, name != target_name, place, name)
        for place, (name, short) in enumerate(folded.items())
        for target_name, target in TARGETS[kind].items()
        if short in target.names
    )
    for _, target_name, _, _, name in wishes:
        if target_name not in found and name not in found.values():
            found[target_name] = name
    if "user_id" in TARGETS[kind] and "user_id" not in found:
        # An address tells people apart where nothing else does; it is stored as a pseudonym.
        addresses = [name for name in present if contact_field(name, of_users=True) == "email"]
        if addresses and addresses[0] not in found.values():
            found["user_id"] = addresses[0]
    return found


def _are_people(present: Sequence[str], events: Map[str, str]) -> bool:
    """Whether a header is that of a list of people, who may have a date they joined on, and did nothing."""
    if "user_id" not in events or {"item_id", "event_type", "value", "quantity", "order_id"} & set(events):
        return False
    fields = {contact_field(name, of_users=True) for name in present} - {None}
    n_consents = sum(consent_purposes(name) is not None for name in present)
    return len(fields) + min(n_consents, 1) >= 2


def guess_kind(present: Sequence[str]) -> str:
    """Which kind of file a header looks like: events have a user and a time, items no user."""
    events = guess_columns("events", present)
    if _are_people(present, events):
        return "users"
    if "user_id" in events and "event_time" in events:
        return "events"
    if "item_id" in guess_columns("items", present) and "user_id" not in events:
        return "items"
    return "users" if "user_id" in guess_columns("users", present) and "item_id" not in events else "events"
