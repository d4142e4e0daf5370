"""What a user's attention goes to, beside what their money goes to."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from persmark import profiles
from persmark.profiles import person
from persmark.settings import settings
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import charts
from persmark.ui.cache import cached
from persmark.ui.parts.person.headline import row_of
from persmark.ui.show import show_chart
from persmark.ui.words import note, notes, percent

_DIMENSIONS = {"category": "Category", "brand": "Brand", "channel": "Channel", "daypart": "Time of day"}
_LOOKING = ("n_views", "n_clicks", "n_carts")
_DRAWN = 10
_SAID = 3


def _attention(_: Workspace, reader: Reader, user_id: str) -> pd.DataFrame:
    found: pd.DataFrame = profiles.attention_of(reader, user_id).to_pandas()
    return found


def _opportunities(shares: pd.DataFrame) -> list[Text]:
    """Where attention is that spend does not follow, in words."""
    found = person.attention_without_spend(shares)
    if shares["spend_share"].isna().all():
        return [text("They have spent nothing that tells its price: all of this is attention without spend.")]
    if found.empty:
        return [text("Nothing takes much of their attention and little of their money.")]
    return [
        text(
            "{name} has {attention} of their attention ({n} events) and {spend} of their money: "
            "an opportunity.",
            name=str(row["name"]),
            attention=percent(float(row["attention_share"])),
            n=int(row["n_events"]),
            spend=percent(float(row["spend_share"])),
        )
        for row in found.head(_SAID).to_dict("records")
    ]


def show_attention(workspace: Workspace, user_id: str) -> None:
    """Shares of attention and of spend side by side, by a chosen dimension."""
    table = cached(_attention, workspace, user_id)
    there = [name for name in _DIMENSIONS if (table["dimension"] == name).any()]
    if not there:
        note(
            "Nothing is known of their attention: they have no own events on items, "
            "or the profiles are older than this figure. Rebuilding them tells."
        )
        return
    by = str(
        st.segmented_control(
            "By",
            there,
            format_func=_DIMENSIONS.__getitem__,
            default=there[0],
            key="attention_by",
            required=True,
        )
    )
    shares = table[table["dimension"] == by].drop(columns="dimension").reset_index(drop=True)
    note(
        text(
            "Attention: own events on items, each counting half as much after every {n} days. Over all "
            "names, attention and spend sum to 100% each.",
            n=settings().profiles.half_life_days,
        )
    )
    row = cached(row_of, workspace, user_id) or {}
    if not any(row.get(name) for name in _LOOKING):
        note("They have no views, clicks or carts: attention is what they bought, by lines and not by money.")
    drawn = shares.head(_DRAWN)
    show_chart(charts.attention(drawn), charts.read_attention(shares), shares, "attention")
    notes(_opportunities(shares))
