"""Which run deserves to be published: only one that is measurably better, said in one sentence."""

from __future__ import annotations

import streamlit as st

from persmark import actions, recommend
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import state
from persmark.ui.cache import cached
from persmark.ui.words import note


def label(run: recommend.Run) -> str:
    """What a page calls a run: its name, or its recommender, and the end of its id."""
    return f"{run.label or run.recommender} · {run.run_id[-4:]}"


def comparable(run: recommend.Run, published: recommend.Run) -> bool:
    """Whether both were measured on the same events."""
    return (
        "ndcg" in run.metrics
        and "ndcg" in published.metrics
        and run.metrics["k"] == published.metrics["k"]
        and run.reads.get("events") == published.reads.get("events")
    )


def _compared(workspace: Workspace, _: Reader, one: str, other: str) -> recommend.RunComparison:
    return recommend.compare_runs(
        workspace, recommend.run_of(workspace, one), recommend.run_of(workspace, other)
    )


def compared(workspace: Workspace, one: recommend.Run, other: recommend.Run) -> recommend.RunComparison:
    """One run minus another, worked out once."""
    return cached(_compared, workspace, one.run_id, other.run_id)


def beats(workspace: Workspace, run: recommend.Run, published: recommend.Run) -> bool:
    """Whether it is better than the published run: user by user where both had the same ones."""
    if not comparable(run, published):
        return False
    found = compared(workspace, run, published)
    if found.paired:
        return found.differences["ndcg"].low > 0
    return bool(run.metrics["ndcg_interval"][0] > published.metrics["ndcg_interval"][1])


def suggested(
    workspace: Workspace, found: list[recommend.Run], published: recommend.Run
) -> recommend.Run | None:
    """The best run never published so far that beats both the simple recommenders and the published run."""
    waiting = [run for run in found if run.state == "trained" and run.beats_simple]
    for run in sorted(waiting, key=lambda run: -float(run.metrics["ndcg"])):
        if beats(workspace, run, published):
            return run
    return None


def publish(workspace: Workspace, run: recommend.Run) -> None:
    """Serve slates from this run from now on."""
    actions.run(workspace, state.actor(), actions.PublishRun(run_id=run.run_id))
    state.say_next("The run is published; the one before is kept and can be published again.")
    st.rerun()


def show_suggestion(workspace: Workspace, published: recommend.Run) -> None:
    """The one sentence on what came of the latest trainings, with the Publish button where it is earned."""
    found = recommend.runs(workspace)
    if len(found) == 1:
        note(
            "Slates and target lists are now served from this run. Later runs wait until you publish them, "
            "or "
            "until a search finds one that beats the simple ones."
        )
        return
    better = suggested(workspace, found, published)
    if better:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key="better-run"):
            note(
                text(
                    "{run} beats the published {published}: NDCG@{k} {ours} against {theirs} on the same "
                    "users; its 95% interval lies above.",
                    run=label(better),
                    published=label(published),
                    k=int(better.metrics["k"]),
                    ours=f"{better.metrics['ndcg']:.3f}",
                    theirs=f"{published.metrics['ndcg']:.3f}",
                )
            )
            if st.button("Publish it", key="publish_better", type="primary", icon=":material/publish:"):
                publish(workspace, better)
    latest = found[0]
    if latest.state == "trained" and latest is not better:
        note(_why_not(latest, published))


def _why_not(latest: recommend.Run, published: recommend.Run) -> Text:
    """Why the latest run is not suggested."""
    if not comparable(latest, published):
        template = (
            "The latest run, {run}, read other events than the published one, so the two cannot be compared."
            if "ndcg" in latest.metrics
            else "The latest run, {run}, is not suggested: there was too little data to measure it."
        )
        return text(template, run=label(latest))
    if not latest.beats_simple:
        template = "The latest run, {run}, does not beat the simple recommenders and is not suggested: {why}"
        return text(template, run=label(latest), why=latest.verdict)
    return text(
        "The latest run, {run}, is not measurably better than the published {published}: NDCG@{k} {ours} "
        "against {theirs}.",
        run=label(latest),
        published=label(published),
        k=int(latest.metrics["k"]),
        ours=f"{latest.metrics['ndcg']:.3f}",
        theirs=f"{published.metrics['ndcg']:.3f}",
    )
