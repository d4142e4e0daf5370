"""Whether the weights of a run may be read as reasons: the badge, the job that measures it, the tables."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd
import streamlit as st

from persmark import actions, attention, recommend
from persmark.store import Workspace
from persmark.text import Text, text
from persmark.ui import state
from persmark.ui.progress import job_panel, started
from persmark.ui.tables import show_table
from persmark.ui.words import escaped, note, notes, percent, significant

VERBS = ("judge", "summarise attention")


def show_badge(workspace: Workspace, run: recommend.Run, found: attention.UserExplained) -> None:
    """In plain words what the weights are worth; nothing where the recommender has none."""
    if found.reindexed:
        return
    busy = job_panel(workspace, VERBS, "Attention")
    judged = attention.verdict_of(workspace, run.run_id)
    if judged is None:
        _badge(
            "Not checked yet", "look",
            "Nobody has measured whether this model's attention weights are reasons. Until then, go by what "
            "changes the score; the weights say where the model looked.",
        )  # fmt: skip
        if st.button(
            "Check the weights", key="judge", type="primary", icon=":material/balance:", disabled=busy
        ):
            actions.start(workspace, state.actor(), actions.JudgeAttention(run_id=run.run_id))
            started("The check has begun.")
        return
    if judged.validated:
        _badge("Weights validated", "fine", judged.said)
    else:
        _badge("Where the model looked", "look", judged.said)
    with st.expander("How this was measured", type="compact"):
        _show_measures(judged)
        if st.button("Measure again", key="judge_again", icon=":material/refresh:", disabled=busy):
            actions.start(workspace, state.actor(), actions.JudgeAttention(run_id=run.run_id))
            started("The check has begun.")


def _badge(title: str, kind: str, said: Text | str) -> None:
    st.html(
        f'<div class="pm-finding pm-{kind} pm-verdict"><b>{escaped(title)}</b><p>{escaped(said)}</p></div>'
    )


def _show_measures(judged: attention.Judged) -> None:
    """The order of attention beside others and the controls, then what else was measured."""
    note(
        text(
            "For each of {n} users ({m} more have too few events) the model's own first item is explained. "
            "Comprehensiveness: what the item loses in probability when the first events of an order go; "
            "higher is better. Sufficiency: what it loses when only they stay; lower is better. Deletion and "
            "insertion: the mean probability while they go (lower is better) or come (higher is better).",
            n=judged.n_users, m=judged.n_short,
        )
    )  # fmt: skip
    show_table(pd.DataFrame([dataclasses.asdict(one) for one in judged.orders]), "attention-orders")
    note(
        "Attention's comprehensiveness minus that of each control, over the same users: validated needs "
        "every lower end above 0, and few events among the heaviest that do not speak for the item."
    )
    gaps = pd.DataFrame([dataclasses.asdict(one) for one in judged.differences])
    show_table(gaps.assign(beaten=gaps["low"] > 0), "attention-differences")
    notes(
        [
            text("Of the heaviest events, {rate} do not speak for the item (95% {low} to {high}; {n} users).",
                 rate=percent(judged.violation_rate), low=percent(judged.violation_low),
                 high=percent(judged.violation_high), n=judged.n_users),
            text("Without their heaviest event, the first item changes for {a} of {n} users; without a "
                 "random one, for {b}. Heaviest first, it takes {share} of the events until it changes.",
                 a=percent(judged.flip_attention), b=percent(judged.flip_random),
                 share=percent(judged.until_flip), n=judged.n_users),
            *(
                text("Kendall's τ of the weights with |{other}|: median {median} (quartiles {low} to {high}; "
                     "{n} users).", other=one.other, median=_tau(one.median), low=_tau(one.low_quartile),
                     high=_tau(one.high_quartile), n=one.n_users)
                for one in judged.agreements
            ),
            text("Integrated gradients over {steps} steps add up to the score within {error} (median).",
                 steps=judged.steps, error=percent(judged.completeness_error)),
        ]
    )  # fmt: skip


def _tau(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}" if abs(value) >= 0.005 else significant(0.0)
