"""Answers kept by what they depend on: workspace, versions of its tables, request. Nothing expires.

Readers and answers are shared between visits and must not be changed. A reader that falls out of
the cache is only let go of: closing it would stop the queries of another visit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from persmark.store import Reader, Workspace

Answer = TypeVar("Answer")

_READERS = 4
_ANSWERS = 256


def _versions(workspace: Workspace) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(workspace.versions().items()))


@st.cache_resource(max_entries=_READERS, show_spinner=False)
def _reader(folder: str, versions: tuple[tuple[str, int], ...], _workspace: Workspace) -> Reader:
    return _workspace.reader()


def reader(workspace: Workspace) -> Reader:
    """The one open reader of the workspace's current version."""
    return _reader(str(workspace.folder), _versions(workspace), workspace)


@st.cache_resource(max_entries=_ANSWERS, show_spinner=False)
def _answer(
    name: str,
    folder: str,
    versions: tuple[tuple[str, int], ...],
    request: str,
    _make: Callable[[], Any],
) -> Any:
    return _make()


def cached(function: Callable[..., Answer], workspace: Workspace, *request: object) -> Answer:
    """`function(workspace, reader, *request)`, remembered until a table of the workspace changes.

    Args:
        function: Pure given the published tables; what it raises passes through and is not kept.
        workspace: Whose tables.
        request: Further arguments whose `repr` tells them apart: text, numbers, tuples, frozen
            dataclasses. What depends on SQLite state must have that state among them.
    """
    made: Answer = _answer(
        f"{function.__module__}.{function.__qualname__}",
        str(workspace.folder),
        _versions(workspace),
        repr(request),
        lambda: function(workspace, reader(workspace), *request),
    )
    return made
