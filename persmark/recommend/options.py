"""Settings of recommenders: frozen dataclasses that refuse what they do not know."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self, get_type_hints

from persmark.errors import InputError
from persmark.text import text

_TRUE, _FALSE = ("true", "yes", "1", "on"), ("false", "no", "0", "off")


def option(
    default: Any, *, about: str, unit: str = "", low: float | None = None, high: float | None = None
) -> Any:
    """One setting of a `Settings` dataclass.

    Args:
        default: Its default; also fixes its type with the annotation.
        about: What it does, for pages and `--help`.
        unit: Of the number.
        low: Smallest allowed value.
        high: Largest allowed value.
    """
    about_it = MappingProxyType({"about": about, "unit": unit, "low": low, "high": high})
    return dataclasses.field(default=default, metadata=about_it)


@dataclass(frozen=True)
class Settings:
    """Base of every recommender's settings: values are checked when they are made.

    Raises:
        InputError: A value has the wrong type or lies outside its bounds.
    """

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = _typed(field.name, getattr(self, field.name), hints[field.name])
            low, high = field.metadata.get("low"), field.metadata.get("high")
            if isinstance(value, int | float) and not isinstance(value, bool):
                _bounded(field.name, value, low, high)
            object.__setattr__(self, field.name, value)

    @classmethod
    def of(cls, values: Mapping[str, object] | None = None) -> Self:
        """Settings with these values; the rest are defaults. Text is read as the setting's type.

        Raises:
            InputError: A name is unknown, or a value does not fit.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name in values or {}:
            if name not in names:
                raise InputError(
                    text("A setting's name must be known. Received: {name}.", name=name),
                    title="Unknown setting",
                    hint=text("Available: {names}.", names=", ".join(names) or "none"),
                )
        return cls(**(values or {}))

    @classmethod
    def parse(cls, pairs: Iterable[str]) -> Self:
        """Settings from `key=value` texts, as on the command line.

        Raises:
            InputError: A pair has no `=`, a name is unknown or given twice, or a value does not fit.
        """
        values: dict[str, object] = {}
        for pair in pairs:
            name, separator, value = pair.partition("=")
            if not separator or not name.strip():
                raise InputError(
                    text("A setting must be given as key=value. Received: {pair}.", pair=pair),
                    hint="For example half_life_days=42.",
                )
            if name.strip() in values:
                raise InputError(
                    text("A setting must be given once. Received: {name} twice.", name=name.strip())
                )
            values[name.strip()] = value.strip()
        return cls.of(values)

    def as_dict(self) -> dict[str, Any]:
        """Name -> value, JSON-able."""
        return dataclasses.asdict(self)


def _typed(name: str, value: object, kind: Any) -> object:
    """The value as `kind`; text is parsed, a whole number passes as a float."""
    if isinstance(value, str) and kind is not str:
        parsed = _parsed(value, kind)
        if parsed is not None:
            return parsed
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif type(value) is kind:
        return value
    kinds = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    raise InputError(
        text(
            "Setting '{name}' must be {kind}. Received: {value}.",
            name=name,
            kind=text(kinds.get(kind, "another type")),
            value=str(value),
        )
    )


def _parsed(value: str, kind: Any) -> object | None:
    if kind is bool:
        return True if value.lower() in _TRUE else False if value.lower() in _FALSE else None
    try:
        number: object = kind(value)
    except ValueError:
        return None
    return number


def _bounded(name: str, value: float, low: float | None, high: float | None) -> None:
    # "not >=" also refuses NaN.
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        raise InputError(
            text(
                "Setting '{name}' must lie between {low} and {high}. Received: {value}.",
                name=name,
                low=low if low is not None else text("any number"),
                high=high if high is not None else text("any number"),
                value=value,
            )
        )
