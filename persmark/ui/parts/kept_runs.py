"""The runs of a workspace: listed, named, compared, published; publishing an older one is the way back."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from persmark import actions, recommend
from persmark.store import Workspace
from persmark.text import Text, text
from persmark.ui import charts, state
from persmark.ui.parts.suggestion import compared, label, publish
from persmark.ui.show import show_chart
from persmark.ui.tables import show_table
from persmark.ui.words import note, section, shown, words

_METRICS = {"ndcg": "NDCG", "recall": "Recall", "hit_rate": "Hit rate", "mrr": "MRR"}


def _rows(found: Sequence[recommend.Run]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "name": label(run),
                "recommender": run.recommender,
                "state": run.state,
                "ndcg": run.metrics.get("ndcg"),
                "low": run.metrics.get("ndcg_interval", [None, None])[0],
                "high": run.metrics.get("ndcg_interval", [None, None])[1],
                "recall": run.metrics.get("recall"),
                "hit_rate": run.metrics.get("hit_rate"),
                "mrr": run.metrics.get("mrr"),
                "coverage": run.metrics.get("coverage"),
                "n_users": run.metrics.get("n_users"),
                "beats_simple": run.beats_simple,
                "learned_from": _window(run),
                "seconds": run.seconds,
                "trained_at": run.trained_at,
                "settings": ", ".join(f"{name} = {shown(value)}" for name, value in run.settings.items()),
                "run": run.run_id,
            }
            for run in found
        ]
    )


def _window(run: recommend.Run) -> str:
    days = run.data.get("window_days")
    return words(text("last {n} days", n=int(days))) if days else "all history"


def _title(run: recommend.Run) -> str:
    return f"{label(run)} · trained {run.trained_at[:16].replace('T', ' ')} UTC"


def show_runs(workspace: Workspace) -> None:
    """All runs with their intervals, and what can be done with them."""
    found = recommend.runs(workspace)
    if not found:
        return
    section(
        "Runs",
        "Each was measured on its last days before it was trained on everything. "
        "Runs are comparable where they read the same data.",
    )
    table = _rows(found)
    measured = table.dropna(subset=["ndcg"])
    if not measured.empty:
        drawn = measured.assign(recommender=measured["name"])
        n_users = int(measured["n_users"].max())
        k = max(int(run.metrics["k"]) for run in found if "ndcg" in run.metrics)
        show_chart(charts.leaderboard(drawn, k), charts.read_leaderboard(drawn, n_users, k), table, "runs")
    else:
        show_table(table, "runs")
    _show_publishing(workspace, [run for run in found if run.state != "published"])
    _show_naming(workspace, found)
    _show_two(workspace, found)


def _show_publishing(workspace: Workspace, others: list[recommend.Run]) -> None:
    if not others:
        return
    with st.form("publish"):
        chosen = st.selectbox("Serve slates from another run", others, format_func=_title, key="publish_run")
        go = st.form_submit_button("Publish this run", key="publish", icon=":material/publish:")
    if go and chosen:
        publish(workspace, chosen)


def _show_naming(workspace: Workspace, found: list[recommend.Run]) -> None:
    with st.expander("Name a run", type="compact"), st.form("name_run"):
        chosen = st.selectbox("Run", found, format_func=_title, key="named_run")
        name = st.text_input("Name", key="new_run_name", max_chars=80)
        go = st.form_submit_button("Name it", key="name_run_now", icon=":material/edit:")
    if go and chosen:
        actions.run(workspace, state.actor(), actions.RenameRun(chosen.run_id, name))
        state.say_next("The run has its new name.")
        st.rerun()


def _show_two(workspace: Workspace, found: list[recommend.Run]) -> None:
    known = [run for run in found if "ndcg" in run.metrics]
    if len(known) < 2:
        return
    with st.expander("Compare two runs", type="compact"):
        left, right = st.columns(2)
        with left:
            one = st.selectbox("Run", known, format_func=_title, key="one_run")
        with right:
            other = st.selectbox("against", known, index=1, format_func=_title, key="other_run")
        if one is None or other is None or one.run_id == other.run_id:
            note("Choose two different runs.")
            return
        result = compared(workspace, one, other)
        note(_said(one, other, result))
        if result.paired:
            show_table(
                pd.DataFrame(
                    [
                        {
                            "figure": _METRICS[name],
                            "difference": gap.mean,
                            "low": gap.low,
                            "high": gap.high,
                        }
                        for name, gap in result.differences.items()
                    ]
                ),
                "two-runs",
            )


def _said(one: recommend.Run, other: recommend.Run, result: recommend.RunComparison) -> Text:
    if not result.paired:
        return text(
            "{one} and {other} were not asked for the same things of the same users: their figures stand "
            "side by "
            "side and cannot be subtracted.",
            one=label(one),
            other=label(other),
        )
    gap = result.differences["ndcg"]
    template = "{one} cannot be told from {other}"
    if gap.low > 0:
        template = "{one} is better than {other}"
    elif gap.high < 0:
        template = "{one} is worse than {other}"
    return text(
        template + ": NDCG differs by {gap} (95% interval {low} to {high}, the same {n} users).",
        one=label(one),
        other=label(other),
        gap=f"{gap.mean:+.3f}",
        low=f"{gap.low:.3f}",
        high=f"{gap.high:.3f}",
        n=result.n_users,
    )
