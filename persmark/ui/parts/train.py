"""Parts of the Train page: start a training, what is published, the runs, the honest comparison."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from persmark import actions, jobs, recommend
from persmark.store import Workspace
from persmark.text import Text, text
from persmark.ui import charts, state
from persmark.ui.parts.suggestion import label, publish, show_suggestion
from persmark.ui.progress import duration, started
from persmark.ui.show import show_chart
from persmark.ui.tables import show_table
from persmark.ui.words import Fact, facts, note, section, shown, words

VERBS = ("train", "evaluate")
_ABOUT = {
    "popular": "What sells now, the same for everybody. The measure that any other must beat.",
    "repeat": "What each user comes back for, by personal decayed frequency.",
    "markov": "What tends to follow the user's latest items.",
    "graph": "What people with the same items have: walks over users and items.",
    "ease": "How much each item says for each other, the best linear answer.",
}
_REPEATS = {
    "allowed": "Repeats allowed",
    "removed": "Already bought removed",
}


def _ask_setting(field: dataclasses.Field[Any], name: str) -> object:
    about, default = field.metadata, field.default
    label = str(about["about"]) + (f" ({about['unit']})" if about["unit"] else "")
    key = f"set_{name}_{field.name}"
    if isinstance(default, bool):
        return st.checkbox(label, value=default, key=key)
    if isinstance(default, int | float):
        kind = type(default)
        low, high = about["low"], about["high"]
        return st.number_input(
            label,
            value=default,
            min_value=None if low is None else kind(low),
            max_value=None if high is None else kind(high),
            key=key,
        )
    return st.text_input(label, value=str(default), key=key)


def show_starting(workspace: Workspace, *, busy: bool) -> None:
    """Choose a recommender and its settings, and train it in the background."""
    section(
        "Train a recommender", "It runs beside the app: leave the page, refresh it or close it meanwhile."
    )
    names = list(recommend.RECOMMENDERS)
    name = str(
        st.segmented_control(
            "Recommender", names, default="repeat" if "repeat" in names else names[0], key="recommender",
            required=True, bind="query-params",
        )
    )  # fmt: skip
    note(_ABOUT.get(name, ""))
    with st.form("train"):
        fields = dataclasses.fields(recommend.RECOMMENDERS[name].settings_type)
        grid = st.columns(2)
        settings = {}
        first = fields[:4]
        for position, field in enumerate(first):
            with grid[position % 2]:
                settings[field.name] = _ask_setting(field, name)
        if fields[4:]:
            with st.expander("More settings", type="compact"):
                for field in fields[4:]:
                    settings[field.name] = _ask_setting(field, name)
        go = st.form_submit_button(
            "Train", type="primary", key="train_now", icon=":material/play_arrow:", disabled=busy
        )
    if go:
        actions.start(workspace, state.actor(), actions.Train(recommender=name, settings=settings))
        started("Training has begun.")


def _interval(metrics: dict[str, Any]) -> Text:
    low, high = metrics["ndcg_interval"]
    return text(
        "95% {low} to {high}, {n} users", low=f"{low:.3f}", high=f"{high:.3f}", n=int(metrics["n_users"])
    )


def show_published(workspace: Workspace) -> None:
    """What slates are served from now, how good it is, and whether the data has moved on."""
    run = recommend.published(workspace)
    if run is None:
        note("Nothing is trained yet. The first run is published by itself; slates are then served from it.")
        return
    measured = "ndcg" in run.metrics
    facts(
        [
            Fact("Published", run.recommender, text("run {id}", id=run.run_id)),
            Fact(
                f"NDCG@{run.metrics['k']}" if measured else "NDCG",
                f"{run.metrics['ndcg']:.3f}" if measured else "–",
                _interval(dict(run.metrics)) if measured else "too little data to measure",
            ),
            Fact(
                f"Recall@{run.metrics['k']}" if measured else "Recall",
                f"{run.metrics['recall']:.3f}" if measured else "–",
                text("{n} items in the catalogue", n=int(run.metrics.get("n_items", 0))) if measured else "",
            ),
            Fact("Trained", run.trained_at[:10], text("took {time}", time=duration(run.seconds))),
        ]
    )
    note(run.verdict)
    show_suggestion(workspace, run)
    if workspace.versions().get("events", 0) > run.reads.get("events", 0):
        note("The events have changed since this run was trained: train again to use them.")


def _rows(runs: Sequence[recommend.Run]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "run": run.run_id,
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
                "seconds": run.seconds,
                "trained_at": run.trained_at,
                "settings": ", ".join(f"{name} = {shown(value)}" for name, value in run.settings.items()),
            }
            for run in runs
        ]
    )


def show_runs(workspace: Workspace) -> None:
    """All runs with their intervals; publish one of them, which is also the way back."""
    found = recommend.runs(workspace)
    if not found:
        return
    section(
        "Runs",
        "Each was measured on the last 28 days before it was trained on everything. "
        "Runs are comparable where they read the same data.",
    )
    table = _rows(found)
    measured = table.dropna(subset=["ndcg"])
    if not measured.empty:
        labels = {run.run_id: label(run) for run in found}
        drawn = measured.assign(recommender=[labels[str(run_id)] for run_id in measured["run"]])
        n_users = int(measured["n_users"].max())
        k = max(int(run.metrics["k"]) for run in found if "ndcg" in run.metrics)
        show_chart(charts.leaderboard(drawn, k), charts.read_leaderboard(drawn, n_users, k), table, "runs")
    else:
        show_table(table, "runs")
    others = [run for run in found if run.state != "published"]
    if not others:
        return
    with st.form("publish"):
        chosen = st.selectbox(
            "Serve slates from another run",
            others,
            format_func=lambda run: f"{label(run)} · trained {run.trained_at[:16].replace('T', ' ')} UTC",
            key="publish_run",
        )
        go = st.form_submit_button("Publish this run", key="publish", icon=":material/publish:")
    if go and chosen:
        publish(workspace, chosen)


def show_comparing(workspace: Workspace, *, busy: bool) -> None:
    """The honest comparison on a later window, and its latest results."""
    section(
        "Which recommender is honestly best here?",
        "Trained on everything before the last days, judged on those days, on the full catalogue.",
    )
    names = list(recommend.RECOMMENDERS)
    with st.form("evaluate"):
        chosen = st.multiselect("Recommenders", names, default=names, key="evaluate_names")
        left, right = st.columns(2)
        with left:
            test_days = st.number_input("Test on the last days", 1, 365, 28, key="test_days")
            least = st.number_input("Least events of an item", 1, 1000, 5, key="min_item_events")
        with right:
            k = st.number_input("Slate length", 1, 100, 10, key="evaluate_k")
            repeats = st.selectbox("Items", list(_REPEATS), format_func=_REPEATS.__getitem__, key="repeats")
        go = st.form_submit_button("Compare", key="compare", icon=":material/balance:", disabled=busy)
    if go:
        actions.start(
            workspace,
            state.actor(),
            actions.Evaluate(
                recommenders=tuple(chosen), test_days=int(test_days), target=None,
                min_item_events=int(least), k=int(k), repeats=str(repeats),
            ),
        )  # fmt: skip
        started("The comparison has begun.")
    latest: dict[str, dict[str, Any]] = {}
    for job in jobs.recent(workspace, verb="evaluate"):
        if job.result and job.result.get("results"):
            latest.setdefault(str(job.result.get("repeats")), job.result)
    for kind, title in _REPEATS.items():
        if kind in latest:
            _show_comparison(latest[kind], title, kind)


def _show_comparison(result: dict[str, Any], label: str, key: str) -> None:
    st.subheader(label, anchor=False)
    table = pd.DataFrame(result["results"])
    table["low"] = [interval[0] for interval in table["ndcg_interval"]]
    table["high"] = [interval[1] for interval in table["ndcg_interval"]]
    table = table.drop(columns=["ndcg_interval", "settings"], errors="ignore")
    note(
        text(
            "{n_users} users, {n_items} items, slates of {k}, target '{target}'.",
            n_users=int(result["n_users"]),
            n_items=int(result["n_items"]),
            k=int(result["k"]),
            target=str(result["target"]),
        )
    )
    show_chart(
        charts.leaderboard(table, int(result["k"])),
        charts.read_leaderboard(table, int(result["n_users"]), int(result["k"])),
        table,
        f"comparison-{key}",
    )
    note(plain_verdict(result))


def plain_verdict(result: dict[str, Any]) -> str:
    """The verdict as the comparison's result carries it: words already."""
    verdict = result.get("verdict", "")
    return words(verdict) if isinstance(verdict, Text) else str(verdict)
