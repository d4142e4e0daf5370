"""What a campaign to these users could ever show: the smallest lift a test of it would notice."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from persmark import experiments, segments
from persmark.store import Workspace
from persmark.text import Text, text
from persmark.ui import charts, state
from persmark.ui.parts import segment_figures
from persmark.ui.parts.segment_figures import Look
from persmark.ui.show import show_chart
from persmark.ui.words import Fact, facts, note, notes, percent, words

WINDOWS = (7, 14, 28, 56, 84)
_USUAL_WINDOW, _USUAL_SHARE = 28, 10
_SHARES = tuple(range(1, 51))
# Lifts that plans speak of: a twentieth, a tenth, a fifth more. A segment that cannot show the last of
# them is called too small.
_WISHED = (0.05, 0.1, 0.2)
# Profiles of another moment take seconds up to about so many events; past it a page would stand still.
_MOST_EVENTS = 3_000_000


def _window() -> int:
    return int(state.chosen("meter_window") or _USUAL_WINDOW)


def _share() -> float:
    return int(state.chosen("meter_share") or _USUAL_SHARE) / 100


def base_of(workspace: Workspace, found: Look) -> segments.BaseRate:
    """How many of the draft's users bought anyway, in the window that is chosen."""
    if _looks_back(workspace):
        return segment_figures.rate_then(workspace, found, _window())
    return segments.base_rate(found.everybody, found.marks, _window())


def _looks_back(workspace: Workspace) -> bool:
    """Whether to count those who were in the segment when the window began, rather than those of now."""
    few = int(workspace.stats("events").get("n_events") or 0) <= _MOST_EVENTS
    return few and bool(state.chosen("meter_then"))


def sentence(workspace: Workspace, found: Look) -> Text:
    """The meter in one sentence, for the share and window that are chosen."""
    share, base = _share(), base_of(workspace, found)
    if not found.n_users:
        return text("Nobody to test on yet.")
    if base.rate is None:
        return text("None of them was known {n} days ago: no base rate yet.", n=base.window_days)
    told = experiments.detectable_lift(found.n_users, base.rate, share)
    if told.lift is None:
        return text(
            "Of {n} users {rate} bought within {days} days; with {share} withheld no lift would be noticed.",
            n=base.n_users, rate=percent(base.rate), days=base.window_days, share=f"{share:.0%}",
        )  # fmt: skip
    return text(
        "With {share} withheld, a lift of {lift} or more would be noticed (80% power): from {rate} to {high} "
        "buying within {days} days.",
        share=f"{share:.0%}",
        lift=percent(told.lift),
        rate=percent(base.rate),
        high=percent(base.rate + (told.difference or 0.0)),
        days=base.window_days,
    )


def _curve(n_users: int, rate: float) -> pd.DataFrame:
    found = [experiments.detectable_lift(n_users, rate, share / 100) for share in _SHARES]
    return pd.DataFrame(
        {
            "holdout_share": [share / 100 for share in _SHARES],
            "n_holdout": [one.n_holdout for one in found],
            "lift": pd.Series([one.lift for one in found], dtype="float64"),
            "difference": pd.Series([one.difference for one in found], dtype="float64"),
        }
    )


def show_meter(workspace: Workspace, found: Look) -> None:
    """The meter with its slider, its chart and what to do where the segment is too small."""
    left, right = st.columns(2)
    with left:
        st.slider("Withheld at random, %", 1, 50, _USUAL_SHARE, key="meter_share")
    with right:
        st.select_slider(
            "Bought within, days", WINDOWS, value=_USUAL_WINDOW, key="meter_window",
        )  # fmt: skip
    if int(workspace.stats("events").get("n_events") or 0) <= _MOST_EVENTS:
        st.toggle(
            "Count those who were in it when the window began, not those of now (takes seconds at first)",
            key="meter_then",
        )  # fmt: skip
    base = base_of(workspace, found)
    if not found.n_users or base.rate is None:
        note(sentence(workspace, found))
        if found.n_users:
            note("Choose a shorter window, or wait until these users have been known for as long.")
        return
    share = _share()
    told = experiments.detectable_lift(found.n_users, base.rate, share)
    facts(
        [
            Fact(
                "Smallest lift noticed",
                "–" if told.lift is None else percent(told.lift),
                "80% power, 95% level",
            ),
            Fact("Contacted", f"{told.n_target:,}", text("{n} withheld", n=told.n_holdout)),
            Fact(
                "Bought anyway",
                percent(base.rate),
                text(
                    "{m} of {n}; {low} to {high}",
                    m=base.n_converted, n=base.n_users,
                    low=percent(base.low or 0.0), high=percent(base.high or 0.0),
                ),
            ),
        ]
    )  # fmt: skip
    table = _curve(found.n_users, base.rate)
    reading = charts.read_lift_by_holdout(table, share)
    if table["lift"].notna().any():
        show_chart(charts.lift_by_holdout(table, share), reading, table, "meter")
    else:
        note(reading)
    _advise(workspace, found, base, told)


def _advise(
    workspace: Workspace, found: Look, base: segments.BaseRate, told: experiments.DetectableLift
) -> None:
    """How many users other lifts would need, and what helps a segment that is too small."""
    rate, share = base.rate or 0.0, _share()
    said: list[Text | str] = []
    needs = [(lift, experiments.users_needed(rate, lift, share)) for lift in _WISHED]
    known = [
        words(text("{n} for a lift of {lift}", n=n, lift=f"{lift:.0%}")) for lift, n in needs if n is not None
    ]
    if known:
        said.append(text("Users needed with {share} withheld: {list}.", share=f"{share:.0%}",
                         list=", ".join(known)))  # fmt: skip
    if told.lift is None or told.lift > _WISHED[-1]:
        half = experiments.detectable_lift(found.n_users, rate, 0.5).lift
        said.append("This segment is too small to tell what a usual campaign brings. What helps:")
        if half is not None:
            said.append(
                text("– withhold half of it: then a lift of {lift} would be noticed;", lift=percent(half))
            )
        said += [
            "– loosen or drop the condition that takes away most (see the funnel), or join a like segment;",
            "– measure over a longer time, or something that happens more often than buying;",
            "– or run the campaign several times and read the holdouts together.",
        ]
    if _looks_back(workspace):
        said.append(text("Counted on the {n} users who were in it {days} days before.",
                         n=base.n_users, days=base.window_days))  # fmt: skip
    else:
        said.append(
            text(
                "Counted on the {n} of them who were known {days} days ago. A rule that asks for what "
                "happened in these days chooses by its own outcome: then count those who were in it before.",
                n=base.n_users,
                days=base.window_days,
            )
        )
    notes(said)
