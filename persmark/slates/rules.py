"""What may stand in a slate, and what each rule costs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from persmark.errors import InputError
from persmark.text import Text, text

MAX_DAYS = 3_650


@dataclass(frozen=True)
class SlateRules:
    """Rules of one slate; they are applied in the order of this list.

    Args:
        exclude_seen: Leave out what the user already has an event of the recommender's target type on.
        exclude_bought_days: Leave out what the user bought in the last so many 24-hour days.
        only_categories: Only items of these categories; empty = all.
        exclude_items: Never these items; for an ad, neither the ad nor the covered item.
        min_price: Lowest price; an item without a price is left out.
        max_price: Highest price; likewise.
        max_per_category: Most items of one category; items without a category count as one.
        max_per_brand: Most items of one brand; items without a brand are not counted.
        pinned: These items come first, in this order, whatever the other rules say.

    Raises:
        InputError: A value has the wrong type or breaks its bound.
    """

    exclude_seen: bool = False
    exclude_bought_days: int | None = None
    only_categories: tuple[str, ...] = ()
    exclude_items: tuple[str, ...] = ()
    min_price: float | None = None
    max_price: float | None = None
    max_per_category: int | None = None
    max_per_brand: int | None = None
    pinned: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.exclude_seen, bool):
            raise _wrong("exclude_seen", text("true or false"), self.exclude_seen)
        _whole("exclude_bought_days", self.exclude_bought_days, MAX_DAYS)
        _whole("max_per_category", self.max_per_category, None)
        _whole("max_per_brand", self.max_per_brand, None)
        for name in ("min_price", "max_price"):
            _price(name, getattr(self, name))
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise InputError(
                text("Rule 'min_price' must not lie above 'max_price'. Received: {low} and {high}.",
                     low=self.min_price, high=self.max_price)
            )  # fmt: skip
        for name in ("only_categories", "exclude_items", "pinned"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        if len(set(self.pinned)) < len(self.pinned):
            raise _wrong("pinned", text("a list of different item ids"), list(self.pinned))

    @classmethod
    def from_json(cls, rules: str | Mapping[str, object]) -> Self:
        """Rules from a JSON object, such as `{"exclude_seen": true, "max_per_category": 2}`.

        Raises:
            InputError: It is not a JSON object, or a rule is unknown or breaks its bound.
        """
        if isinstance(rules, str):
            try:
                rules = json.loads(rules)
            except ValueError as error:
                raise InputError(
                    text("Slate rules must be JSON. Received: {rules}.", rules=str(rules)[:80]),
                    hint='For example {"exclude_seen": true, "max_per_category": 2}.',
                ) from error
        if not isinstance(rules, Mapping):
            raise InputError(
                text("Slate rules must be a JSON object. Received: {rules}.", rules=str(rules)[:80]),
                hint='For example {"exclude_seen": true, "max_per_category": 2}.',
            )
        known = [field.name for field in fields(cls)]
        for name in rules:
            if name not in known:
                raise InputError(
                    text("A slate rule must be known. Received: {name}.", name=str(name)),
                    title="Unknown rule",
                    hint=text("Available: {names}.", names=", ".join(known)),
                )
        return cls(**dict(rules))  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads; rules that do nothing are left out."""
        plain = cls_defaults(type(self))
        found = {name: value for name, value in asdict(self).items() if value != plain[name]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


@dataclass(frozen=True)
class RuleCost:
    """What one rule did to the slate.

    Args:
        rule: Its name.
        n_removed: Candidates it took away; for a rule about a user's own history in a segment's
            slate, user-item pairs; for a cap, candidates passed over while the slate was filled;
            for pins, items pushed out.
        mean_score_given_up: Mean score of the slate before the rule minus after it; None where no
            item was left on one side.
        text: The same in words.
    """

    rule: str
    n_removed: int
    mean_score_given_up: float | None
    text: Text

    def to_json(self, language: str = "en") -> dict[str, Any]:
        """JSON-able."""
        return {
            "rule": self.rule,
            "n_removed": self.n_removed,
            "mean_score_given_up": self.mean_score_given_up,
            "text": self.text.render(language),
        }


def cls_defaults(cls: type[SlateRules]) -> dict[str, object]:
    """Name -> default of every rule."""
    return {field.name: field.default for field in fields(cls)}


def cost(rule: str, n_removed: int, before: float, after: float) -> RuleCost:
    """The cost from the mean score of the slate before and after; NaN where it was empty."""
    given_up = None if math.isnan(before) or math.isnan(after) else before - after
    said = (
        text("{rule}: {n} removed, mean score {before} -> {after}",
             rule=rule, n=n_removed, before=before, after=after)
        if given_up is not None
        else text("{rule}: {n} removed, nothing is left", rule=rule, n=n_removed)
    )  # fmt: skip
    return RuleCost(rule, n_removed, given_up, said)


def _wrong(name: str, what: Text, value: object) -> InputError:
    return InputError(
        text("Rule '{name}' must be {what}. Received: {value}.", name=name, what=what, value=str(value))
    )


def _whole(name: str, value: object, most: int | None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < 1 or (most and value > most):
        allowed = (
            text("a whole number from 1 to {most}", most=most) if most else text("a whole number from 1")
        )
        raise _wrong(name, allowed, value)


def _price(name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise _wrong(name, text("a price of at least 0"), value)


def _texts(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise _wrong(name, text("a list of texts"), value)
    if not all(isinstance(one, str) for one in value):
        raise _wrong(name, text("a list of texts"), value)
    return tuple(value)
