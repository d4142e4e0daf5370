"""How a refusal or a failure looks: words a person can act on, never a traceback."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from persmark.errors import PersmarkError
from persmark.ui.words import escaped, note, words

_LOG = logging.getLogger("persmark.ui")


def refusal(title: str, message: str, hint: str = "") -> None:
    """A refusal in a frame: title, what is wrong, what to do."""
    with st.container(border=True, key=f"refusal-{uuid.uuid4().hex[:8]}"):
        below = f'<p class="pm-note">{escaped(hint)}</p>' if hint else ""
        st.html(
            f'<div role="alert"><strong>{escaped(title)}</strong><p style="margin:.25rem 0">'
            f"{escaped(message)}</p>{below}</div>"
        )


@contextmanager
def shown() -> Iterator[None]:
    """Draw what the block raises. Streamlit's own control flow passes, for it is no `Exception`."""
    try:
        yield
    except PersmarkError as error:
        refusal(error.title, words(error.message), words(error.hint))
    except Exception:
        reference = uuid.uuid4().hex[:8]
        _LOG.exception("failure %s", reference)
        refusal(
            "Something broke on our side",
            f"The page could not be finished; your data is unchanged. Reference: {reference}.",
            "Try again; if it stays, the log of the server has the details under that reference.",
        )


def need(done: bool, sentence: str, page: str, link: str) -> None:
    """Stop the page with one sentence and a link to the step before, unless that step is done.

    Args:
        done: Whether the step before has been done.
        sentence: What is missing.
        page: File of the page to go to, such as `events`.
        link: What the link says.
    """
    if done:
        return
    from persmark.ui.pages import page_path

    with st.container(border=True):
        note(sentence)
        st.page_link(page_path(page), label=link, icon=":material/arrow_forward:")
    st.stop()
