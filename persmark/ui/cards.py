"""Slates drawn as the person would see them.

There are no pictures of items, so each card has a tile: a colour of its category, a pattern of its
kind, the first letter of its category. Every data value is escaped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from persmark.columns import AD, CONTENT, PRODUCT
from persmark.ui.words import escaped, significant

# White text on each of these has a contrast of at least 4.5.
TONES: tuple[str, ...] = (
    "#0a5f9e",
    "#9c3d00",
    "#005c44",
    "#4b2e83",
    "#8a2f63",
    "#7a5c00",
    "#3d4a5c",
    "#1d6b78",
)

_PATTERNED = (PRODUCT, AD, CONTENT)


@dataclass(frozen=True)
class Card:
    """One item of a slate.

    Attributes:
        rank: From 1.
        title: What the item is called; its id where it has no title.
        category: Gives the tile its colour and its letter.
        meta: Brand, category and the like.
        price: With its currency, or empty.
        reason: Why it is here, in words.
        score: As the recommender gave it; None for a pinned item that it cannot score.
        share: Of the slate's highest score, 0 to 1: the length of the bar.
        kind: product, ad or content.
        ask: Address of the page that tells more of the reason; "" without.
    """

    rank: int
    title: str
    category: str
    meta: str
    price: str
    reason: str
    score: float | None
    share: float
    kind: str
    ask: str = ""


def tone(category: str) -> str:
    """The colour of a category: the same on every page, in every visit."""
    return TONES[hashlib.md5(category.encode(), usedforsecurity=False).digest()[0] % len(TONES)]


def _glyph(category: str, title: str) -> str:
    letters = [sign for sign in (category or title) if sign.isalnum()]
    return letters[0].upper() if letters else "#"


def card_html(card: Card) -> str:
    """One card; every data value in it is escaped."""
    colour = tone(card.category or card.kind)
    pattern = f" pm-tile-{card.kind}" if card.kind in _PATTERNED else ""
    share = min(max(card.share, 0.0), 1.0)
    price = f' · <span class="pm-price">{escaped(card.price)}</span>' if card.price else ""
    ask = (
        f' · <a class="pm-ask" href="{escaped(card.ask)}" aria-label="Why {escaped(card.title)}?">Why?</a>'
        if card.ask
        else ""
    )
    score = "pinned" if card.score is None else significant(card.score)
    return (
        f'<li class="pm-card" style="--pm-tone:{colour}">'
        f'<div class="pm-tile{pattern}" style="background-color:{colour}">'
        f'<b aria-hidden="true">{escaped(_glyph(card.category, card.title))}</b>'
        f"<span>{card.rank}</span></div>"
        f'<div class="pm-body"><h4>{escaped(card.title)}</h4>'
        f'<div class="pm-meta">{escaped(card.meta)}{price}</div>'
        f'<p class="pm-why">{escaped(card.reason)}{ask}</p>'
        f'<div class="pm-bar" title="Score"><i><u style="width:{share:.0%}"></u></i>'
        f"<span>{score}</span></div></div></li>"
    )


def slate_cards(cards: Sequence[Card]) -> None:
    """A slate as cards, in rank order."""
    st.html(f'<ol class="pm-slate">{"".join(card_html(card) for card in cards)}</ol>')


def timeline(rows: Sequence[tuple[str, str, str]]) -> None:
    """Past events, newest first: day, what, and a quiet remark."""
    items = "".join(
        f"<li><time>{escaped(when)}</time><span>{escaped(what)}</span><em>{escaped(remark)}</em></li>"
        for when, what, remark in rows
    )
    st.html(f'<ul class="pm-timeline">{items}</ul>')
