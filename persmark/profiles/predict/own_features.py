"""What the features of predictions mean, beyond those of the profile."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from persmark.profiles.catalogue import ATTRIBUTE_PREFIX, FEATURES, Feature, attribute_feature
from persmark.text import text


def _own(name: str, title: str, unit: str, definition: str) -> Feature:
    return Feature(name, text(title), text(definition), unit, "DOUBLE", "events")


def _windows(stem: str, title: str, unit: str, days: Sequence[int], definition: str) -> list[Feature]:
    return [_own(f"{stem}_{n}", title.format(n=n), unit, definition.format(n=n)) for n in days]


_DAYS = (7, 14, 28, 56, 84, 168)
_LIST: tuple[Feature, ...] = (
    _own("buying_days", "Buying days", "days", "Days with a purchase; a day is 24 hours."),
    _own("bought_ago", "Days since a purchase", "days", "Whole days since the last purchase."),
    _own("first_bought_ago", "Days since the first purchase", "days", "Whole days since then."),
    _own("longest_gap", "Longest gap", "days", "Most days between two buying days in a row."),
    _own("late_gap", "Mean of the last gaps", "days", "Mean days between the last six buying days."),
    _own("late_longest_gap", "Longest of the last gaps", "days", "Most days between two of the last six."),
    _own("last_gap", "Last gap", "days", "Days between the last two buying days."),
    *_windows("buying_days", "Buying days in {n} days", "days", _DAYS, "With a purchase, in the last {n}."),
    *_windows("money", "Money in {n} days", "money", (14, 28, 56, 84, 168),
              "Paid minus given back in the last {n} days."),
    _own("money_ever", "Money so far", "money", "Paid minus given back."),
    *_windows("lines", "Lines bought in {n} days", "lines", (28, 84), "Purchase events, last {n} days."),
    *_windows("looks", "Looks in {n} days", "events", (7, 28, 84),
              "Own events other than purchases, refunds and coupons in the last {n} days."),
    *_windows("carts", "Put into cart in {n} days", "events", (28,), "Events of type cart, last {n} days."),
    *_windows("contacts", "Contacts in {n} days", "events", (28, 84), "Campaigns received, last {n} days."),
    _own("contacts", "Contacts", "events", "Campaigns received."),
    *_windows("redeemed", "Coupons in {n} days", "events", (84,), "Coupons redeemed in the last {n} days."),
    _own("redeemed", "Coupons", "events", "Coupons redeemed."),
    *_windows("channel_visits", "Events by the channel in {n} days", "events", (28, 84),
              "Own events that came by the channel in the last {n} days."),
    *_windows("channel_contacts", "Contacts by the channel in {n} days", "events", (84,),
              "Campaigns received through the channel in the last {n} days."),
    *_windows("channel_answers", "Contacts answered in {n} days", "events", (84,),
              "Of those, answered by an own event of the same campaign within 28 days."),
    _own("channel_contacts", "Contacts by the channel", "events", "Campaigns received through the channel."),
    _own("channel_answers", "Contacts answered", "events", "Of those, answered."),
    _own("channel_visited_ago", "Days since an event by the channel", "days", "Since the last one."),
    _own("channel_answered_ago", "Days since an answer", "days", "Since the last contact that was answered."),
    _own("bgnbd_none_4w", "No purchase in 4 weeks by BG/NBD", "chance",
         "From recency, frequency and age alone, by BG/NBD."),
    _own("bgnbd_none_12w", "No purchase in 12 weeks by BG/NBD", "chance",
         "From recency, frequency and age alone, by BG/NBD."),
    _own("bgnbd_days_12w", "Buying days in 12 weeks by BG/NBD", "days", "Expected by BG/NBD."),
    _own("bgnbd_money_12w", "Money in 12 weeks by BG/NBD", "money", "Expected by BG/NBD and Gamma-Gamma."),
    _own("pair_days", "Days with a purchase of it", "days", "Days on which the category was bought."),
    _own("pair_ago", "Days since a purchase of it", "days", "Whole days since the category was last bought."),
    _own("pair_gap", "Mean gap between purchases of it", "days", "Mean days between two purchases."),
    _own("pair_due", "Part of its gap gone by", "ratio", "Days since it was bought / the mean gap."),
    *_windows("pair_days", "Days with it in {n} days", "days", _DAYS, "Days it was bought on, last {n}."),
    *_windows("pair_lines", "Lines of it in {n} days", "lines", (84,), "Purchases of it, last {n} days."),
    *_windows("pair_money", "Money on it in {n} days", "money", (84,), "Paid for it in the last {n} days."),
    _own("pair_money", "Money on it so far", "money", "Paid for it."),
    *_windows("pair_looks", "Looks at it in {n} days", "events", (14, 84),
              "Own events on it other than purchases in the last {n} days."),
    _own("pair_share", "Share of buying days with it", "share", "Of the buying days of the last 84 days."),
    _own("pair_expected", "Bought by users like this one", "score",
         "How often users with the same other purchases buy it: a low-rank fit of who buys what."),
    _own("n_things_84", "Different categories in 84 days", "categories", "Of the predicted categories."),
    _own("thing_rate_28", "Buyers of it in 28 days", "share", "Of the users active in 84 days, all users."),
    _own("thing_rate_84", "Buyers of it in 84 days", "share", "Of the users active in 84 days, all users."),
)  # fmt: skip
OWN: Mapping[str, Feature] = {feature.name: feature for feature in _LIST}


def feature_of(name: str) -> Feature:
    """What a feature of a prediction means: its own, a profile's, or a user attribute."""
    if name in OWN:
        return OWN[name]
    if name in FEATURES:
        return FEATURES[name]
    if name.startswith(ATTRIBUTE_PREFIX):
        return attribute_feature(name)
    return Feature(name, text("{name}", name=name), text("{name}", name=name), "", "DOUBLE", "profiles")


_FAMILY = re.compile(r"(_(7|14|28|56|84|168)|_ever)$")
_SHOWN_FIRST = ("_28", "_84", "_14", "_168", "_56", "_7", "")


def families(columns: Sequence[str]) -> dict[str, list[str]]:
    """Features that say the same of several windows, under the one that is shown for all of them."""
    by_stem: dict[str, list[str]] = {}
    for name in columns:
        by_stem.setdefault(_FAMILY.sub("", name) if name in OWN else name, []).append(name)
    found = {}
    for stem, members in by_stem.items():
        lead = next((stem + end for end in _SHOWN_FIRST if stem + end in members), members[0])
        found[lead] = members
    return found
