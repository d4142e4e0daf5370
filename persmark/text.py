"""Sentences for people, made anywhere and rendered at the edge.

A domain room returns a `Text`; only a page or the command line turns it into a string. Numbers
therefore stay numbers until a language is known, and the same sentence can be shown in English
or Chinese.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib import resources
from types import MappingProxyType

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "zh": "中文"})


@cache
def _catalogue(language: str) -> Mapping[str, str]:
    """Translations by English template; English needs none, a language may have none yet."""
    file = resources.files("persmark").joinpath("locale", f"{language}.json")
    if language == "en" or not file.is_file():
        return {}
    loaded: dict[str, str] = json.loads(file.read_text("utf-8"))
    return loaded


def _shown(value: object) -> str:
    """A value as a person reads it: thousands separated, at most two decimals on floats."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".") if abs(value) >= 0.01 else f"{value + 0.0:.3g}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


@dataclass(frozen=True)
class Text:
    """A sentence with named holes.

    Args:
        template: English, with `{name}` holes; also the key of its translations.
        values: What fills the holes: strings, numbers, dates or other `Text`s. A string value is
            put in as it is, so braces inside data are never read as holes.
    """

    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    def render(self, language: str = "en") -> str:
        """The sentence in `language`; an untranslated template is shown in English."""
        template = _catalogue(language).get(self.template, self.template)
        filled = {
            name: value.render(language) if isinstance(value, Text) else _shown(value)
            for name, value in self.values.items()
        }
        return template.format(**filled)

    def __str__(self) -> str:
        return self.render()


def text(template: str, /, **values: object) -> Text:
    """`Text` with its values as keywords: `text("{n} users", n=3)`."""
    return Text(template, values)
