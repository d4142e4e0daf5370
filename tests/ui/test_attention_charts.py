"""Charts of attention: what they say, names that are markup, signs, labels that repeat."""

from __future__ import annotations

import numpy as np
import pandas as pd

from persmark.ui.charts import attended, explained

HARD = '<b>O\'Neil</b> "乳品" 🧀'
NAN = float("nan")
EVENTS = pd.DataFrame(
    {
        "at": pd.to_datetime(["2026-05-02 09:00", "2026-05-02 09:00", "2026-06-01 10:00"]),
        "title": ["Rye", "Rye", HARD],
        "event_type": ["purchase", "purchase", "view"],
        "occlusion": [0.5, -0.25, 0.0],
        "rank_without": [4, 1, 1],
        "attention_weight": [0.2, 0.3, 0.5],
    }
)
MOVED = pd.DataFrame(
    {
        "name": [HARD, "milk"], "n_users": [30, 30], "n_spenders": [20, 20],
        "attention_before": [0.1, 0.5], "attention_now": [0.2, 0.5], "attention_change": [0.1, 0.0],
        "attention_low": [0.05, -0.1], "attention_high": [0.15, 0.1], "spend_before": [0.3, 0.4],
        "spend_now": [0.3, 0.4], "spend_change": [0.0, 0.0], "spend_low": [-0.1, -0.1],
        "spend_high": [0.1, 0.1],
    }
)  # fmt: skip
FATIGUE = pd.DataFrame(
    {"n_before": [0, 6], "n_contacts": [100, 50], "n_users": [40, 20], "n_answered": [40, 5],
     "rate": [0.4, 0.1], "low": [0.3, 0.05], "high": [0.5, 0.2]}
)  # fmt: skip


def test_events_speak_for_and_against() -> None:
    assert str(explained.read_pulls(EVENTS, "Oats")) == (
        "1 of 3 events speak for Oats and 1 against it; most for it: Rye on 2 May 2026."
    )
    silent = EVENTS.assign(occlusion=0.0)
    assert str(explained.read_pulls(silent, "Oats")) == "None of the 3 events changes anything for Oats."
    drawn = explained.pulls(EVENTS)
    effects, looks = drawn.data
    # The strongest is drawn last, over the others, in the colour of its sign.
    assert list(effects["y"]) == [0.0, -0.25, 0.5]
    assert list(effects["marker"]["color"]) == [explained.NEITHER, explained.AGAINST, explained.FOR]
    assert list(looks["y"]) == [0.2, 0.3, 0.5]
    assert not any("<b>O" in one for one in effects["text"])
    assert len(explained.pulls(EVENTS.assign(attention_weight=NAN)).data) == 1


def test_the_strongest_events_stand_first_even_where_they_are_called_the_same() -> None:
    drawn = explained.strongest(EVENTS)
    assert list(drawn.data[0]["x"]) == [0.5, -0.25]
    assert list(drawn.data[0]["y"]) == [1, 0]
    assert list(drawn.data[0]["text"]) == ["+0.500", "−0.250"]
    assert str(explained.read_strongest(EVENTS, 1)) == (
        "Most: Rye on 2 May 2026 changes its score by +0.500; without it, it would be number 4 instead of 1."
    )
    assert str(explained.read_strongest(EVENTS, 4)).endswith("it would still be number 4.")
    assert str(explained.read_strongest(EVENTS, 1, weights=True)) == (
        f"100.0% of the attention lies on 3 of 3 events, most of it (50.0%) on {HARD}."
    )
    assert str(explained.read_strongest(EVENTS.assign(occlusion=0.0), 1)) == "No event changes its score."


def test_a_matrix_is_read_at_its_strongest_cell() -> None:
    values = np.array([[0.1, -0.4], [0.2, 0.0]])
    assert str(explained.read_matrix(values, ["a", "b"], ["x", "y"], share=False)) == (
        "The strongest pull: a on y, −0.400."
    )
    drawn = explained.matrix(values, ["a", "b"], ["x", "y"], "changes the score by")
    assert (drawn.data[0]["zmin"], drawn.data[0]["zmax"]) == (-0.4, 0.4)
    assert str(explained.read_matrix(0 * values, ["a", "b"], ["x", "y"], share=False)).startswith("No event")
    # The second head has half of its attention on one event, the first needs two.
    heads = np.array([[0.4, 0.3, 0.3], [0.8, 0.1, 0.1]])
    assert str(explained.read_heads(heads, ["layer 1, head 1", "layer 1, head 2"], 3)) == (
        "2 heads over 3 events; the most focused, layer 1, head 2, has half of its attention on 1."
    )


def test_fields_are_called_in_plain_words() -> None:
    table = pd.DataFrame(
        {"field": ["household_size", "age"], "occlusion": [-0.3, 0.1], "attention_weight": [0.4, 0.6]}
    )
    assert str(explained.read_fields(table, "occlusion")) == (
        "Of 2 fields, household size changes the score most, by −0.300."
    )
    assert str(explained.read_fields(table, "attention_weight")) == (
        "Of 2 fields, most attention (60.0%) lies on age."
    )


def test_what_moved_is_read_with_its_interval() -> None:
    assert str(attended.read_moved(MOVED)) == (
        f"Moved most: {HARD}, from 10.0% to 20.0% of attention (+10.0 points, 95% +5.0 to +15.0; 30 users);"
        " 1 of 2 names have clearly moved. Its share of spend: 0.0 points."
    )
    still = MOVED.assign(attention_low=-0.1)
    assert str(attended.read_moved(still)).startswith("No share of attention has clearly moved")
    assert str(attended.said_rising(MOVED.iloc[0])) == (
        f"{HARD}: attention +10.0 points (95% +5.0 to +15.0; 30 users), spend 0.0 (−10.0 to +10.0;"
        " 20 users with spend)."
    )
    for drawn in (attended.moved(MOVED), attended.changes(MOVED)):
        assert "<b>" not in "".join(drawn.layout.yaxis.ticktext)
    assert attended.changes(MOVED).data[0]["marker"]["symbol"] == ("circle", "circle-open")


def test_fatigue_is_called_clear_only_where_the_intervals_are_apart() -> None:
    assert str(attended.read_fatigue(FATIGUE)) == (
        "After 6 or more contacts 10.0% are answered (95% 5.0% to 20.0%; 50 contacts), after 0 40.0%"
        " (30.0% to 50.0%; 100 contacts): clearly less."
    )
    close = FATIGUE.assign(high=[0.5, 0.35])
    assert str(attended.read_fatigue(close)).endswith("not clearly more or less.")
    assert list(attended.fatigue(FATIGUE).layout.xaxis.ticktext) == ["0", "6+"]
    assert str(attended.read_fatigue(FATIGUE.head(0))) == "Nobody was contacted."


def test_looks_stand_beside_even_weights_only_for_one_segment() -> None:
    table = pd.DataFrame(
        {"part": "category", "name": [HARD, "others"], "share": [0.7, 0.3], "low": [0.6, 0.2],
         "high": [0.8, 0.4], "usual": [0.5, 0.5], "n_users": [12, 15], "segment": "all"}
    )  # fmt: skip
    assert str(attended.read_looks(table, "category")) == (
        f"Most attention by category: {HARD}, 70.0% (95% 60.0% to 80.0%; 12 users); with even weights it"
        " would be 50.0%."
    )
    assert len(attended.beside_even(table, ["all"])) == 4
    assert len(attended.beside_even(table, ["all", "b"])) == 2
    gaps = pd.DataFrame(
        {"part": ["event_type"], "name": [HARD], "one": [0.7], "other": [0.2], "difference": [0.5],
         "low": [0.4], "high": [0.6], "clear": [True]}
    )  # fmt: skip
    assert str(attended.read_differences(gaps, "a", "b")) == (
        f"Furthest apart: event type {HARD}, 70.0% in a and 20.0% in b (+50.0 points, 95% +40.0 to +60.0);"
        " 1 of 1 differences are clear."
    )
    assert str(attended.read_differences(gaps.assign(clear=False), "a", "b")).startswith(
        "The model looks alike"
    )
    assert "<b>" not in "".join(attended.differences(gaps).layout.yaxis.ticktext)
