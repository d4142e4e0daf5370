"""One item of a slate: what changes its score, where the model looked, and the same for all items."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from persmark import attention
from persmark.text import Text, text
from persmark.ui.charts import explained as drawn
from persmark.ui.charts.base import cut
from persmark.ui.parts.attention.asked import events_of, fields_of
from persmark.ui.show import show_chart, side_by_side
from persmark.ui.words import escaped, note, section, significant, words

_TITLE = 22
_MATRIX_ITEMS = 10


def show_item(whole: attention.UserExplained, one: attention.ItemExplained, *, weights_first: bool) -> None:
    """The sentence, then events over time, the strongest ones, and the profile's fields."""
    why = words(one.why)
    score = text("number {rank} of the ranking, score {score}", rank=one.rank,
                 score=significant(one.score))  # fmt: skip
    st.html(
        f'<div class="pm-reason"><h3>{escaped(one.title)}</h3><small>{escaped(score)}</small>'
        f"<p>{escaped(why[:1].upper() + why[1:])}.</p></div>"
    )
    if not len(whole.events):
        return
    events = events_of(whole, one)
    show_chart(
        drawn.pulls(events, weights_first=weights_first),
        drawn.read_pulls(events, one.title),
        events.drop(columns="attention_weight") if one.weights is None else events,
        "pulls",
    )
    if one.weights is None:
        _show_strongest(events, one)
    else:
        left, right = side_by_side("strongest")
        first, second = (right, left) if weights_first else (left, right)
        with first:
            _show_strongest(events, one)
        with second:
            _show_heaviest(events, one, weights_first=weights_first)
        _show_heads(whole, one)
    if whole.fields:
        _show_fields(whole, one)


def _show_strongest(events: pd.DataFrame, one: attention.ItemExplained) -> None:
    section("What changes its score most", "Each event taken away alone; blue speaks for it, orange against.")
    rows = drawn.largest(events)
    if rows.empty:
        note("Nothing they did changes its score.")
        return
    show_chart(
        drawn.strongest(events),
        drawn.read_strongest(events, one.rank),
        rows[["at", "title", "event_type", "occlusion", "rank_without"]],
        "strongest",
    )


def _show_heaviest(events: pd.DataFrame, one: attention.ItemExplained, *, weights_first: bool) -> None:
    section(
        "What it weighs most" if weights_first else "Where the model looked",
        "Attention on each event, summing to 100%." if weights_first
        else "Attention on each event, summing to 100%: a look, not a reason.",
    )  # fmt: skip
    rows = drawn.largest(events, "attention_weight")
    show_chart(
        drawn.strongest(events, weights=True),
        drawn.read_strongest(events, one.rank, weights=True),
        rows[["at", "title", "event_type", "attention_weight", "occlusion"]],
        "heaviest",
    )


def _show_heads(whole: attention.UserExplained, one: attention.ItemExplained) -> None:
    """For the analyst: every head of every layer over the latest events."""
    if one.heads is None or not one.heads.size:
        return
    with st.expander("Head by head", type="compact"):
        n_layers, n_heads, n_events = one.heads.shape
        names = [f"layer {a + 1}, head {b + 1}" for a in range(n_layers) for b in range(n_heads)]
        values = one.heads.reshape(n_layers * n_heads, n_events)
        first = max(0, n_events - drawn.MOST_HEADS_EVENTS)
        labels = event_labels(whole, range(first, n_events))
        note(
            text(
                "The latest {n} of {m} events, the newest at the bottom. Above, heads and layers are made "
                "one by {how}.",
                n=n_events - first, m=n_events, how=whole.aggregation,
            )
        )  # fmt: skip
        shown = values[:, first:].T
        show_chart(
            drawn.matrix(shown, labels, names, "attention", share=True),
            drawn.read_heads(values, names, n_events),
            pd.DataFrame(shown, columns=names).assign(event=labels)[["event", *names]],
            "heads",
        )


def event_labels(whole: attention.UserExplained, chosen: range | np.ndarray) -> list[str]:
    """Events as the rows of a heatmap."""
    past = whole.events
    several = len(set(past.event_types)) > 1
    return [
        drawn.event_label(
            past.titles[place], past.local(place), past.event_types[place] if several else "", _TITLE
        )
        for place in map(int, chosen)
    ]


def _show_fields(whole: attention.UserExplained, one: attention.ItemExplained) -> None:
    table = fields_of(whole, one)
    section("What is known of them", "Fields of the profile: by what each changes, and by where it looked.")
    left, right = side_by_side("fields")
    with left:
        column = "occlusion"
        show_chart(drawn.fields_of(table, column), drawn.read_fields(table, column), table, "field-effects")
    if one.field_weights is not None:
        with right:
            column = "attention_weight"
            show_chart(drawn.fields_of(table, column), drawn.read_fields(table, column), table, "field-looks")


def show_all_items(found: attention.UserExplained) -> None:
    """Events by items: what carries the whole slate at a glance."""
    items = found.items[:_MATRIX_ITEMS]
    if not items or not len(found.events):
        return
    effects = np.stack([one.effects for one in items], axis=1)
    section(
        "The whole slate at once",
        "The events that change most, by the items they change; the newest at the bottom.",
    )
    has_weights = all(one.weights is not None for one in items)
    by = "What changes the score"
    if has_weights:
        by = str(
            st.segmented_control(
                "Shown", [by, "Where the model looked"], default=by, key="matrix_by", required=True
            )
        )
    share = by == "Where the model looked"
    values = np.stack([np.asarray(one.weights) for one in items], axis=1) if share else effects
    strength = np.abs(values).max(axis=1)
    chosen = np.sort(np.argsort(-strength, kind="stable")[: drawn.MOST_ROWS])
    chosen = chosen[strength[chosen] > 2 * drawn.FAINT * float(strength.max(initial=0.0))]
    if not len(chosen):
        note("No event changes the score of any of these items.")
        return
    rows = event_labels(found, chosen)
    names = [f"{one.rank}. {cut(one.title, 12)}" for one in items]
    shown = values[chosen]
    full = [f"{one.rank}. {one.title}" for one in items]
    show_chart(
        drawn.matrix(shown, rows, names, "attention" if share else "changes the score by", share=share),
        _said(drawn.read_matrix(shown, rows, full, share=share), len(chosen), len(found.events)),
        pd.DataFrame(shown, columns=full).assign(event=rows)[["event", *full]],
        "matrix",
    )


def _said(reading: Text, n_shown: int, n: int) -> Text:
    if n_shown == n:
        return reading
    return text("{reading} Shown are {n} of {m} events.", reading=reading, n=n_shown, m=n)
