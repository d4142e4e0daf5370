"""What is predicted: names, units and definitions, for every place that speaks of a prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from persmark.text import Text, text

BUY_DAYS = 28
AHEAD_DAYS = 84

CHANCE, AMOUNT, DAYS = "chance", "amount", "days"
BUY, CHURN, SPEND, NEXT = "buy", "churn", "spend", "next_purchase_days"
_PAIRED, _REACH = "buy: ", "reach: "


@dataclass(frozen=True)
class Target:
    """One thing that is predicted for users.

    Attributes:
        name: As in table `predictions`.
        title: What a page calls it.
        unit: `chance` (0 to 1), `money` or `days`.
        definition: What exactly, and for whom.
    """

    name: str
    title: Text
    unit: str
    definition: Text


TARGETS: Mapping[str, Target] = MappingProxyType({
    one.name: one
    for one in (
        Target(BUY, text("Buys anything"), "chance",
               text("Chance of at least one purchase in the next {days} days.", days=BUY_DAYS)),
        Target(CHURN, text("Stops buying"), "chance",
               text("Chance of no purchase in the next {days} days, of users who bought before.",
                    days=AHEAD_DAYS)),
        Target(SPEND, text("Money in 12 weeks"), "money",
               text("Money paid minus money given back in the next {days} days, of users who bought "
                    "before.", days=AHEAD_DAYS)),
        Target(NEXT, text("Days to the next purchase"), "days",
               text("Days until the next purchase, of users who bought before: half of such users buy "
                    "earlier, half later. {days} means that many or more.", days=AHEAD_DAYS)),
    )
})  # fmt: skip


def buy_of(thing: str) -> str:
    """Name of the target for one category."""
    return f"{_PAIRED}{thing}"


def reach_of(channel: str) -> str:
    """Name of the target for one channel."""
    return f"{_REACH}{channel}"


def thing_of(name: str) -> str | None:
    """The category of a `buy: ...` target; None for others."""
    return name.removeprefix(_PAIRED) if name.startswith(_PAIRED) else None


def channel_of(name: str) -> str | None:
    """The channel of a `reach: ...` target; None for others."""
    return name.removeprefix(_REACH) if name.startswith(_REACH) else None


def target(name: str, title: str | None = None, *, contacted: bool = False) -> Target:
    """The entry of any target.

    Args:
        name: As in table `predictions`.
        title: What the category is called, where its name is an item's id.
        contacted: Of a channel: users do not come by it, they are contacted through it.
    """
    if name in TARGETS:
        return TARGETS[name]
    channel = channel_of(name)
    if channel is not None:
        meaning = (
            text("Chance to answer a contact through {channel} within {days} days, of users who get one: "
                 "an own event of the same campaign.", channel=channel, days=BUY_DAYS)
            if contacted
            else text("Chance to come by {channel}, or to answer a contact through it, in the next {days} "
                      "days.", channel=channel, days=BUY_DAYS)
        )  # fmt: skip
        return Target(name, text("Reached by {channel}", channel=channel), "chance", meaning)
    shown = title or thing_of(name) or name
    return Target(
        name,
        text("Buys {thing}", thing=shown),
        "chance",
        text("Chance to buy {thing} in the next {days} days.", thing=shown, days=BUY_DAYS),
    )
