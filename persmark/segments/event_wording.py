"""Clauses over events as sentences: what somebody did, how often, for how much, and when."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from persmark import columns
from persmark.segments.nodes import EventCount, EventSequence, Fields
from persmark.text import Text, text

LONGEST = 60
_MOST_NAMED = 5

# Event type -> what a user did, and what one did not who never did it.
_DID: Mapping[str, tuple[Text, Text]] = MappingProxyType(
    {
        columns.PURCHASE: (text("bought"), text("did not buy")),
        columns.REFUND: (text("gave back"), text("did not give back")),
        columns.VIEW: (text("viewed"), text("did not view")),
        columns.CLICK: (text("clicked"), text("did not click")),
        columns.CART: (text("put into the cart"), text("did not put into the cart")),
        columns.SEARCH: (text("searched"), text("did not search")),
        columns.IMPRESSION: (text("was shown"), text("was not shown")),
        columns.CAMPAIGN_RECEIVED: (text("received a campaign"), text("received no campaign")),
        columns.COUPON_REDEEMED: (text("redeemed a coupon"), text("redeemed no coupon")),
        columns.LIKE: (text("liked"), text("did not like")),
        columns.FOLLOW: (text("followed"), text("did not follow")),
        columns.SHARE: (text("shared"), text("did not share")),
        columns.WISHLIST: (text("put on the wish list"), text("did not put on the wish list")),
        columns.REMOVE_FROM_CART: (text("took out of the cart"), text("did not take out of the cart")),
        columns.CHECKOUT: (text("went to the checkout"), text("did not go to the checkout")),
        columns.SIGNUP: (text("signed up"), text("did not sign up")),
        columns.RATING: (text("rated"), text("did not rate")),
    }
)
_WHERE = {
    "item_id": "item {value}",
    "category": "in category {value}",
    "brand": "from brand {value}",
    "kind": "of kind {value}",
    "order_id": "in order {value}",
    "channel": "by channel {value}",
    "campaign_id": "in campaign {value}",
}


def shown_text(value: str) -> Text:
    """A value in quotes, cut where it is long."""
    return text("“{value}”", value=value if len(value) <= LONGEST else value[:LONGEST] + "…")


def either(values: tuple[Text, ...]) -> Text:
    """a, b or c; of many, the first ones."""
    left = len(values) - _MOST_NAMED
    if left > 0:
        return text("{first} or {n} more", first=_enumerated(values[:_MOST_NAMED]), n=left)
    if len(values) == 1:
        return values[0]
    return text("{first} or {last}", first=_enumerated(values[:-1]), last=values[-1])


def _enumerated(values: tuple[Text, ...]) -> Text:
    whole = values[0]
    for value in values[1:]:
        whole = text("{first}, {next}", first=whole, next=value)
    return whole


def _did(fields: Fields, *, ever: bool) -> Text:
    """What an event was: "viewed in category “dairy”"; or that there was none."""
    asked = dict(fields)
    types = asked.pop("event_type", ())
    known = [_DID[name][0 if ever else 1] for name in types if name in _DID]
    if len(types) == 1 and known:
        whole = known[0]
    elif types and ever and len(known) == len(types):
        whole = either(tuple(known))
    elif types:
        named = either(tuple(shown_text(name) for name in types))
        template = "had an event {types}" if ever else "had no event {types}"
        whole = Text(template, {"types": named})
    else:
        whole = text("had an event") if ever else text("had no event")
    for name, template in _WHERE.items():
        if name in asked:
            value = either(tuple(shown_text(one) for one in asked[name]))
            whole = text("{did} {where}", did=whole, where=Text(template, {"value": value}))
    return whole


def _times(node: EventCount) -> Text | None:
    """How often; None where once is enough to be said."""
    low, high = node.at_least, node.at_most
    if high is None:
        if not low:
            return None
        return text("at least once") if low == 1 else text("at least {n} times", n=low)
    if low is not None and low == high:
        return text("exactly once") if low == 1 else text("exactly {n} times", n=low)
    if low:
        return text("{low} to {high} times", low=low, high=high)
    return text("at most once") if high == 1 else text("at most {n} times", n=high)


def _money(node: EventCount) -> Text | None:
    """For how much, all of them together."""
    low, high = node.spent_at_least, node.spent_at_most
    if low is not None and high is not None:
        return text("for {low} to {high} in total", low=low, high=high)
    if low is not None:
        return text("for at least {n} in total", n=low)
    return None if high is None else text("for at most {n} in total", n=high)


def _days(days: float) -> Text:
    return text("day") if days == 1 else text("{n} days", n=days)


def _span(days: float) -> Text:
    return text("a day") if days == 1 else text("{n} days", n=days)


def _when(within: float | None, until: float | None) -> Text | None:
    if within is not None and until is not None:
        return text("{until} to {within} days ago", until=until, within=within)
    if within is not None:
        return text("in the last {days}", days=_days(within))
    if until is None:
        return None
    return text("more than a day ago") if until == 1 else text("more than {n} days ago", n=until)


def _joined(*parts: Text | None) -> Text:
    whole: Text | None = None
    for part in parts:
        if part is not None:
            whole = part if whole is None else text("{first} {next}", first=whole, next=part)
    assert whole is not None
    return whole


def counted_sentence(node: EventCount, *, denied: bool = False) -> Text:
    """An event clause in words: "bought in category “dairy” at least 3 times in the last 60 days".

    Args:
        node: The clause.
        denied: Whether the opposite is said; only for a clause that asks for one event.
    """
    when = _when(node.within_days, node.until_days)
    money = _money(node)
    if denied or (node.at_most == 0 and money is None):
        return _joined(_did(node.fields, ever=False), when)
    times = _times(node)
    if times is None and money is None:
        times = text("any number of times")
    if times is not None and money is not None:
        return _joined(_did(node.fields, ever=True), text("{times},", times=times), money, when)
    return _joined(_did(node.fields, ever=True), times, money, when)


def asks_for_one(node: EventCount) -> bool:
    """Whether it holds for everybody with such an event, so that its opposite is "did not"."""
    return (node.at_least, node.at_most, _money(node)) == (1, None, None)


def sequence_sentence(node: EventSequence) -> Text:
    """A sequence in words: "viewed, then bought within 7 days"."""
    whole = _did(node.steps[0], ever=True)
    for fields in node.steps[1:]:
        whole = text("{first}, then {next}", first=whole, next=_did(fields, ever=True))
    if node.within_days is not None:
        days = _span(node.within_days)
        if len(node.steps) > 2:
            whole = text("{steps}, all within {days}", steps=whole, days=days)
        else:
            whole = text("{steps} within {days}", steps=whole, days=days)
    if node.last_days is None:
        return whole
    joint = "{steps} in the last {days}" if node.within_days is None else "{steps}, in the last {days}"
    return Text(joint, {"steps": whole, "days": _days(node.last_days)})
