"""Sentences and figures on a page: the one place where a `Text` becomes words, and data becomes HTML.

Markdown would fetch images and build links out of somebody's data, so every data value goes
through `escaped` into plain HTML of our own.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from persmark.text import Text, text


def words(sentence: Text | str) -> str:
    """The sentence in the visitor's language."""
    return sentence.render("en") if isinstance(sentence, Text) else sentence


def escaped(value: object) -> str:
    """Any value as text that is safe inside HTML, attributes included."""
    return html.escape(words(value) if isinstance(value, Text) else str(value), quote=True)


def plain(value: object) -> str:
    """A data value inside a widget's label: markdown's signs lose their meaning."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-.!~<>|:$" else sign for sign in str(value))


def shown(value: object) -> str:
    """A number, time or text as people read it; what is missing is a dash."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return words(text("{value}", value=value))


def short(value: float | int | None) -> str:
    """A large number in at most four signs: 1.5M, 68.5k."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    for limit, sign in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if sign == 'k' else limit):,.1f}{sign}".replace(".0", "")
    return shown(value)


def day(value: datetime | date | None) -> str:
    """A time as its day."""
    return "–" if value is None else value.strftime("%Y-%m-%d")


def local_day(moment: datetime, time_zone: str) -> date:
    """The day of a UTC time as the workspace's clock tells it."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return aware.astimezone(ZoneInfo(time_zone)).date()


def significant(value: float) -> str:
    """A score or an amount in three significant digits: 2,690 or 0.0123, never with an exponent."""
    if not value or not math.isfinite(value):
        return f"{value:g}"
    places = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, places):,.{min(max(places, 0), 12)}f}"


def percent(share: float) -> str:
    """A share as a percentage with one decimal."""
    return f"{100 * share:.1f}%"


def counted(n: int, one: str, many: str, **values: object) -> Text:
    """A sentence for one or for several; both templates have the hole `{n}`."""
    return text(one if n == 1 else many, n=n, **values)


@dataclass(frozen=True)
class Fact:
    """One figure of a row of figures: what it is, the figure, and its n, range or interval."""

    name: str
    value: str
    note: Text | str = ""


def page_head(title: str, question: str) -> None:
    """A page's name and the question that it answers."""
    st.title(title, anchor=False)
    st.html(f'<p class="pm-lead">{escaped(question)}</p>')


def section(title: str, note: Text | str = "") -> None:
    """The head of one part of a page."""
    below = f"<p>{escaped(note)}</p>" if note else ""
    st.html(f'<div class="pm-section"><h2>{escaped(title)}</h2>{below}</div>')


def note(sentence: Text | str) -> None:
    """A quiet sentence."""
    st.html(f'<p class="pm-note">{escaped(sentence)}</p>')


def notes(sentences: Sequence[Text | str]) -> None:
    """Quiet sentences, one below the other."""
    if sentences:
        st.html("".join(f'<p class="pm-note">{escaped(one)}</p>' for one in sentences))


def reading(sentence: Text | str) -> None:
    """What a chart says, in one sentence, under it."""
    st.html(f'<p class="pm-reading">{escaped(sentence)}</p>')


def facts(row: Sequence[Fact]) -> None:
    """A row of figures."""
    cells = "".join(
        f'<div class="pm-fact"><dt>{escaped(fact.name)}</dt><dd>{escaped(fact.value)}'
        f"<small>{escaped(fact.note) if fact.note else '&nbsp;'}</small></dd></div>"
        for fact in row
    )
    st.html(f'<dl class="pm-facts">{cells}</dl>')


@dataclass(frozen=True)
class Lost:
    """Rows that are in no table: how many, what became of them, why, what to do, and the stable code."""

    n_rows: int
    became: str
    meaning: Text | str
    to_do: Text | str
    code: str


def lost_rows(reasons: Sequence[Lost]) -> None:
    """Why rows are missing, one reason a line."""
    items = "".join(
        f"<li><b>{escaped(text('{n}', n=one.n_rows))} {escaped(one.became)}</b>"
        f"<span>{escaped(one.meaning)} <em>{escaped(one.to_do)}</em></span>"
        f"<code>{escaped(one.code)}</code></li>"
        for one in reasons
    )
    if items:
        st.html(f'<ul class="pm-lost">{items}</ul>')


def chips(values: Sequence[str]) -> None:
    """Short data values side by side."""
    st.html("".join(f'<span class="pm-chip">{escaped(value)}</span>' for value in values))
