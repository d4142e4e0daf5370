"""One thing that was looked at, and how it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from persmark.events.persons import is_email, looks_like_phone
from persmark.events.rules import Rule
from persmark.store import read_sql
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.store import Reader, Workspace

FINE, LOOK, PROBLEM = "fine", "look", "problem"
LEVELS = (FINE, LOOK, PROBLEM)
_LONGEST = 60  # characters of an example


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        key: Stable name, as `bots`.
        level: `fine`, `look` (worth a look) or `problem`.
        title: Two or three words.
        text: What was found, with its sample size.
        n: How many (events, users, days; the text says of what).
        of: Out of how many.
        source_id: The source it speaks of; None for all of them together.
        examples: Up to five, without contact details.
        fix: The rule that would mend it, to be saved as it is or changed first; None where there is none.
    """

    key: str
    level: str
    title: Text
    text: Text
    n: int
    of: int
    source_id: int | None = None
    examples: tuple[Text, ...] = ()
    fix: Rule | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back."""
        return {
            "key": self.key,
            "level": self.level,
            "title": _text_json(self.title),
            "text": _text_json(self.text),
            "n": self.n,
            "of": self.of,
            "source_id": self.source_id,
            "examples": [_text_json(one) for one in self.examples],
            "fix": self.fix.to_json() if self.fix else None,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Finding:
        """The finding that `to_json` wrote."""
        return cls(
            key=raw["key"],
            level=raw["level"],
            title=_text_of(raw["title"]),
            text=_text_of(raw["text"]),
            n=raw["n"],
            of=raw["of"],
            source_id=raw["source_id"],
            examples=tuple(_text_of(one) for one in raw["examples"]),
            fix=Rule.from_json(raw["fix"]) if raw["fix"] else None,
        )


def _value_json(value: object) -> object:
    if isinstance(value, Text):
        return {"text": _text_json(value)}
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    return float(value) if isinstance(value, Decimal) else value


def _text_json(sentence: Text) -> dict[str, Any]:
    values = {name: _value_json(value) for name, value in sentence.values.items()}
    return {"template": sentence.template, "values": values}


def _value_of(raw: object) -> object:
    if not isinstance(raw, dict):
        return raw
    if "text" in raw:
        return _text_of(raw["text"])
    return datetime.fromisoformat(raw["time"]) if "time" in raw else date.fromisoformat(raw["date"])


def _text_of(raw: Mapping[str, Any]) -> Text:
    return Text(raw["template"], {name: _value_of(value) for name, value in raw["values"].items()})


def shown(value: object) -> str:
    """An id or name as an example: what looks like an e-mail or a phone is covered, long ones are cut."""
    said = str(value)
    if "@" in said or is_email(said) or looks_like_phone(said):
        return f"{said[:3]}…"
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def example(value: object) -> Text:
    """An example that is a name alone."""
    return text("{value}", value=shown(value))


def level_of(n: int, of: int, *, problem: float) -> str:
    """`fine` for none, `problem` from that share on, else `look`."""
    if not n:
        return FINE
    return PROBLEM if n >= problem * of else LOOK


def percent(n: int, of: int) -> float:
    """A share in percent, for a sentence."""
    return 100 * n / of if of else 0.0


@dataclass(frozen=True)
class Look:
    """What the checks look at.

    Attributes:
        workspace: Whose events.
        reader: Its tables.
        n_events: All events.
        loaded: Source number -> when it was loaded, UTC.
    """

    workspace: Workspace
    reader: Reader
    n_events: int
    loaded: Mapping[int, datetime]

    def rows(
        self, name: str, params: Mapping[str, object] | None = None, **inputs: Any
    ) -> list[dict[str, Any]]:
        """Rows of `sql/{name}.sql`, as long as it takes."""
        sql = read_sql("persmark.events.quality", name)
        found: list[dict[str, Any]] = self.reader.table(
            sql, params, inputs=inputs or None, limit_ms=None
        ).to_pylist()
        return found
