"""The values of a rule, checked one by one; a refusal names what was wrong and what there is."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from persmark.errors import InputError
from persmark.segments.nodes import Rule
from persmark.text import Text, text

NUMBER, TEXT, TIME, TRUTH = "number", "text", "time", "yes or no"
_ORDER = ("=", "!=", "<", "<=", ">", ">=", "in", "not in", "between", "is empty", "is not empty")
OPERATORS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        NUMBER: _ORDER,
        TIME: ("=", "!=", "<", "<=", ">", ">=", "between", "is empty", "is not empty"),
        TEXT: ("=", "!=", "in", "not in", "contains", "starts with", "is empty", "is not empty"),
        TRUTH: ("=", "!=", "is empty", "is not empty"),
    }
)

MOST_VALUES = 10_000
MOST_CHARACTERS = 100_000
MOST_DAYS = 36_500
# Whole numbers past this are not exact in a 64-bit float, so they are compared as floats.
_EXACT = 2**53


def refusal(what: Text, received: object, hint: Text | str = "") -> InputError:
    """The error of a rule that is not understood."""
    shown = repr(received)
    shown = shown if len(shown) <= 200 else shown[:200] + "…"
    return InputError(
        text("{what} Received: {value}.", what=what, value=shown), title="Rule not understood", hint=hint
    )


def near(name: str, names: Sequence[str]) -> Text:
    """A hint that leads from a mistyped name to the one meant, or lists what there is."""
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    listed = ", ".join(names) or "none"
    if found:
        return text("Did you mean {name}? Available: {names}.", name=found[0], names=listed)
    return text("Available: {names}.", names=listed)


def only_keys(rule: Rule, keys: Sequence[str]) -> None:
    """Refuse a key that means nothing here."""
    for key in rule:
        if key not in keys:
            raise refusal(text("This part of a rule must not have other keys."), key, near(str(key), keys))


def text_value(value: object, what: Text) -> str:
    """Text that can be kept and compared."""
    if not isinstance(value, str) or not value:
        raise refusal(text("{what} must be text of at least one character.", what=what), value)
    if len(value) > MOST_CHARACTERS:
        raise refusal(
            text("{what} must have at most {most} characters.", what=what, most=MOST_CHARACTERS), value
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise refusal(text("{what} must be valid Unicode.", what=what), value) from error
    return value


def number_value(value: object, what: Text) -> int | float:
    """A finite number; whole ones past 2^53 as floats."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refusal(text("{what} must be a number.", what=what), value)
    if isinstance(value, float) and not math.isfinite(value):
        raise refusal(text("{what} must be a finite number.", what=what), value)
    if isinstance(value, int) and abs(value) > _EXACT:
        try:
            return float(value)
        except OverflowError as error:
            raise refusal(text("{what} must fit a 64-bit number.", what=what), "…") from error
    return value


def _time(value: object, what: Text) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise refusal(
            text("{what} must be a date or time such as 2026-01-31 or 2026-01-31T12:00:00, UTC.", what=what),
            value,
        )
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _truth(value: object, what: Text) -> bool:
    if not isinstance(value, bool):
        raise refusal(text("{what} must be true or false.", what=what), value)
    return value


_ONE: Mapping[str, Callable[[object, Text], Any]] = {
    NUMBER: number_value, TEXT: text_value, TIME: _time, TRUTH: _truth,
}  # fmt: skip


def listed(value: object, what: Text, *, least: int, most: int) -> list[object]:
    """A list of so many values."""
    if not isinstance(value, list | tuple) or not least <= len(value) <= most:
        wanted = str(least) if least == most else f"{least} to {most:,}"
        raise refusal(text("{what} must be a list of {n} values.", what=what, n=wanted), value)
    return list(value)


def compared(rule: Rule, on: Text, kind: str) -> tuple[str, Any]:
    """The `is` and the `value` of a comparison.

    Args:
        rule: Its JSON.
        on: What is compared, in words: column 'x'.
        kind: What it holds: a key of `OPERATORS`.
    """
    operator = rule.get("is")
    if operator not in OPERATORS[kind]:
        raise refusal(
            text("The {on} holds a {kind}; 'is' must fit it.", on=on, kind=kind),
            operator,
            text("Available: {names}.", names=", ".join(OPERATORS[kind])),
        )
    if operator in {"is empty", "is not empty"}:
        if rule.get("value") is not None:
            raise refusal(text("'{is_}' must stand without a value.", is_=operator), rule["value"])
        return operator, None
    if "value" not in rule:
        raise refusal(text("A rule on {on} must have a value.", on=on), dict(rule))
    what, one = text("The value for {on}", on=on), _ONE[kind]
    if operator in {"in", "not in"}:
        return operator, tuple(one(v, what) for v in listed(rule["value"], what, least=1, most=MOST_VALUES))
    if operator == "between":
        low, high = (one(value, what) for value in listed(rule["value"], what, least=2, most=2))
        if low > high:
            raise refusal(text("{what} must begin with the smaller one.", what=what), rule["value"])
        return operator, (low, high)
    return operator, one(rule["value"], what)


def whole(asked: Rule, key: str, least: int) -> int | None:
    """A whole number, or None where the key is left out."""
    if (value := asked.get(key)) is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
        raise refusal(text("'{key}' must be a whole number from {n} on.", key=key, n=least), value)
    return value


def money(asked: Rule, key: str) -> float | None:
    """An amount, or None where the key is left out."""
    if (value := asked.get(key)) is None:
        return None
    return number_value(value, text("'{key}'", key=key))


def days(asked: Rule, key: str) -> float | None:
    """A span of days above 0, or None where the key is left out."""
    if (value := asked.get(key)) is None:
        return None
    value = number_value(value, text("'{key}'", key=key))
    if not 0 < value <= MOST_DAYS:
        raise refusal(text("'{key}' must be above 0, at most {n}.", key=key, n=MOST_DAYS), value)
    return value
