"""Parts of the Train page: what serves, start a training, how it goes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import streamlit as st

from persmark import actions, jobs, recommend
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import charts, state
from persmark.ui.cache import cached
from persmark.ui.parts.suggestion import show_suggestion
from persmark.ui.progress import duration, started
from persmark.ui.words import Fact, facts, note, plain, reading, section, words

VERBS = ("train", "find best")
LEFT = "What was finished by then is kept; the published recommender goes on serving."
BEST = "Find the best"
_ABOUT = {
    BEST: "Tries the recommenders one after the other, fast ones first, and trains the one that found "
    "most of what users came to next. It serves if it beats just showing best sellers.",
    "popular": "What sells now, the same for everybody. The measure that any other must beat.",
    "repeat": "What each user comes back for, by personal decayed frequency.",
    "markov": "What tends to follow the user's latest items.",
    "graph": "What people with the same items have: walks over users and items.",
    "spectral": "Walks as in graph, and the broad currents of taste; for catalogues too big for ease.",
    "ease": "How much each item says for each other, the best linear answer.",
    "content": "Items described like those the user chose; knows new items too.",
    "popular_by_group": "What sells now among people like the user; knows new users too.",
    "matrix_factorisation": "Users and items as points in one space of tastes.",
    "neural_cf": "A neural network over user and item, attending over recent items.",
    "self_attention": "Attends over the user's events in order to say what comes next.",
    "ranker": "Takes the others' best guesses and ranks them by profile, price and habit.",
    "blend": "The mixture of the others that worked best.",
}
_WINDOWS = {
    "All history": None,
    "Last year": 365,
    "Last 180 days": 180,
    "Last 90 days": 90,
    "Last 28 days": 28,
}
_MINUTES = (1, 2, 5, 10, 20, 30, 60, 120)


def about(name: str) -> str:
    """What a recommender does, in a sentence."""
    if name in _ABOUT:
        return _ABOUT[name]
    return (recommend.RECOMMENDERS[name].__doc__ or "").strip().split("\n")[0]


def show_curve(job: jobs.Job) -> None:
    """The learning curve of what is being trained, as far as it is."""
    if not job.points:
        return
    name = str(job.points[-1]["name"])
    rows = pd.DataFrame([point for point in job.points if point["name"] == name])
    if "epoch" not in rows:
        return
    sentence = charts.read_learning_curve(rows)
    st.plotly_chart(
        charts.learning_curve(rows),
        key=f"curve-{job.job_id}",
        config={"displayModeBar": False},
        alt=words(sentence),
    )
    reading(text("{name}: {sentence}", name=name, sentence=sentence))


def show_resume(workspace: Workspace, *, busy: bool) -> None:
    """A search that was cancelled or broke can go on from what it had measured."""
    job = jobs.latest(workspace, "find best")
    measured = recommend.unfinished(workspace)
    if busy or job is None or job.state not in ("cancelled", "failed") or not measured:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="resume-search"):
        note(
            text(
                "The last search had measured {names}. It can go on with the rest.", names=", ".join(measured)
            )
        )
        if st.button("Go on with it", key="resume", icon=":material/resume:"):
            asked = jobs.asked_of(workspace, job.job_id)
            asked["recommenders"] = tuple(asked.get("recommenders", ()))
            actions.start(workspace, state.actor(), actions.FindBest(**asked | {"resume": True}))
            started("The search goes on.")


def _ask_setting(field: dataclasses.Field[Any], name: str) -> object:
    about_it, default = field.metadata, field.default
    label = str(about_it["about"]) + (f" ({about_it['unit']})" if about_it["unit"] else "")
    key = f"set_{name}_{field.name}"
    if isinstance(default, bool):
        return st.checkbox(label, value=default, key=key)
    if isinstance(default, int | float):
        kind = type(default)
        low, high = about_it["low"], about_it["high"]
        return st.number_input(
            label,
            value=default,
            min_value=None if low is None else kind(low),
            max_value=None if high is None else kind(high),
            key=key,
        )
    return st.text_input(label, value=str(default), key=key)


def _settings(name: str) -> dict[str, object]:
    fields = dataclasses.fields(recommend.RECOMMENDERS[name].settings_type)
    grid = st.columns(2)
    settings = {}
    for position, field in enumerate(fields[:4]):
        with grid[position % 2]:
            settings[field.name] = _ask_setting(field, name)
    if fields[4:]:
        with st.expander("More settings", type="compact"):
            for field in fields[4:]:
                settings[field.name] = _ask_setting(field, name)
    return settings


def _usual_weights(_: Workspace, reader: Reader) -> dict[str, float]:
    return recommend.event_weights(reader)


def ask_weights(workspace: Workspace, key: str) -> dict[str, float]:
    """How much each behaviour counts; only what differs from the defaults is returned."""
    usual = cached(_usual_weights, workspace)
    if len(usual) < 2:
        return {}
    chosen = {}
    with st.expander("How much each behaviour counts", type="compact"):
        note("A purchase is 1. A view says less about what somebody likes; 0 leaves a behaviour out.")
        grid = st.columns(3)
        for place, (name, weight) in enumerate(usual.items()):
            with grid[place % 3]:
                asked = st.number_input(
                    plain(name), min_value=0.0, max_value=100.0, value=float(weight), step=0.1,
                    key=f"{key}_weight_{name}",
                )  # fmt: skip
            if abs(asked - weight) > 1e-9:
                chosen[name] = float(asked)
    return chosen


def ask_window(key: str) -> int | None:
    """How far back is learned from."""
    chosen = st.selectbox("Learn from", list(_WINDOWS), key=f"{key}_window")
    return _WINDOWS.get(str(chosen))


def show_starting(workspace: Workspace, *, busy: bool) -> None:
    """Find the best, or train one by name, in the background."""
    section("Train", "It runs beside the app: leave the page, refresh it or close it meanwhile.")
    names = list(recommend.RECOMMENDERS)
    name = str(
        st.segmented_control(
            "What to train",
            [BEST, *names],
            default=BEST,
            key="recommender",
            required=True,
            bind="query-params",
        )
    )
    note(about(name))
    minutes, tried, settings = 10, names, {}
    with st.form("train"):
        left, right = st.columns(2)
        with left:
            window = ask_window("train")
        with right:
            label = st.text_input("Name of the run (optional)", key="run_label", max_chars=80)
        if name == BEST:
            minutes = int(st.select_slider("Minutes it may take", _MINUTES, value=10, key="search_minutes"))
            tried = st.multiselect("Recommenders to try", names, default=names, key="search_names")
        else:
            settings = _settings(name)
        weights = ask_weights(workspace, "train")
        go = st.form_submit_button(
            BEST if name == BEST else "Train", type="primary", key="train_now", icon=":material/play_arrow:",
            disabled=busy,
        )  # fmt: skip
    if not go:
        return
    if name == BEST:
        request: actions.Request = actions.FindBest(
            minutes=float(minutes),
            recommenders=tuple(tried),
            weights=weights,
            window_days=window,
            label=label,
        )
    else:
        request = actions.Train(
            recommender=name, settings=settings, weights=weights, window_days=window, label=label
        )
    actions.start(workspace, state.actor(), request)
    started("Training has begun.")


def show_outcome(workspace: Workspace) -> None:
    """What the last search came to, in words, until another one starts."""
    job = jobs.latest(workspace, "find best")
    if job is None or job.state != "done" or not job.result:
        return
    section("What the last search found", str(job.result.get("said", "")))
    for one in job.result.get("skipped", []):
        note(text("{name} {why}.", name=str(one["recommender"]), why=str(one["why"])))
    if job.result.get("evaluation"):
        note(
            "The winner was chosen on the same days that it is judged by, so it will do a little less well "
            "than "
            "its figure: the best of several is always a bit lucky."
        )


def interval(metrics: dict[str, Any]) -> Text:
    """The interval of a run's NDCG with its users."""
    low, high = metrics["ndcg_interval"]
    return text(
        "95% {low} to {high}, {n} users", low=f"{low:.3f}", high=f"{high:.3f}", n=int(metrics["n_users"])
    )


def show_published(workspace: Workspace) -> None:
    """What slates are served from now, how good it is, and whether the data has moved on."""
    run = recommend.published(workspace)
    if run is None:
        note(
            "Nothing serves yet. Press Find the best: in the end a recommender that beats just showing best "
            "sellers serves, or, where none does, the best of the simple ones."
        )
        return
    measured = "ndcg" in run.metrics
    facts(
        [
            Fact("Serves now", run.label or run.recommender, text("run {id}", id=run.run_id)),
            Fact(
                f"NDCG@{run.metrics['k']}" if measured else "NDCG",
                f"{run.metrics['ndcg']:.3f}" if measured else "–",
                interval(dict(run.metrics)) if measured else "too little data to measure",
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
