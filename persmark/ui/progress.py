"""Long work on a page: how far it is, how long it will take, cancel; alive after a refresh."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from persmark import jobs
from persmark.store import Workspace, open_workspace
from persmark.text import Text, text
from persmark.ui import state
from persmark.ui.refusals import refusal, shown
from persmark.ui.words import escaped, plain, words

_LOOKED_AT = 50


def duration(seconds: float | None) -> Text:
    """Seconds as people say them."""
    if seconds is None:
        return text("estimating")
    if seconds < 90:
        return text("{n} s", n=max(round(seconds), 0))
    return text("{n} min", n=round(seconds / 60))


@st.fragment(run_every=1.0)
def _watch(name: str, job_id: str, title: str, beside: Callable[[jobs.Job], None] | None) -> None:
    with shown():
        workspace = open_workspace(name)
        job = jobs.get(workspace, job_id)
        if not job.active:
            st.rerun()
        with st.container(border=True):
            left = (
                text("{left} left", left=duration(job.remaining_seconds))
                if job.remaining_seconds is not None
                else text("estimating the time left")
            )
            st.html(
                f'<div class="pm-job"><span><strong>{escaped(title)}</strong> · {escaped(job.message)}</span>'
                f"<span>{job.fraction:.0%} · {escaped(duration(job.elapsed_seconds))} · "
                f"{escaped(left)}</span></div>"
            )
            st.progress(min(max(job.fraction, 0.0), 1.0))
            if beside is not None:
                beside(job)
            if st.button("Cancel", key=f"cancel-{job_id}", icon=":material/close:"):
                jobs.cancel(workspace, job_id)
                st.rerun()


def _left(job: jobs.Job) -> str:
    """What an unfinished job leaves behind."""
    if job.published:
        return "What it had published by then stands; only the rest is missing."
    return "Nothing of it was published."


def job_panel(
    workspace: Workspace,
    verbs: tuple[str, ...],
    title: str,
    *,
    beside: Callable[[jobs.Job], None] | None = None,
    left: str = "",
) -> bool:
    """Draw the newest job of these verbs; True while it runs.

    A failure stays on the page until it is put away or another job of the kind starts.

    Args:
        workspace: Whose.
        verbs: What they are called.
        title: What a page calls the work.
        beside: Draws more of a job while it runs.
        left: What an unfinished job of this kind leaves behind; by default what it published.
    """
    job = next((one for one in jobs.recent(workspace, limit=_LOOKED_AT) if one.verb in verbs), None)
    if job is None:
        return False
    if job.active:
        _watch(workspace.name, job.job_id, title, beside)
        return True
    if state.recall(f"seen-{job.job_id}"):
        return False
    if job.state == "failed":
        refusal(f"{title}: not finished", job.error, left or _left(job))
    elif job.state == "cancelled":
        st.info(f"{plain(title)}: cancelled. {left or _left(job)}", icon=":material/cancel:")
    else:
        return False
    if st.button("Put away", key=f"seen-{job.job_id}", type="tertiary"):
        state.remember(f"seen-{job.job_id}", True)
        st.rerun()
    return False


def started(sentence: Text | str) -> None:
    """Say that work began and draw the page anew, so that its progress shows."""
    state.say_next(words(sentence))
    st.rerun()
