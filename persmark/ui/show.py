"""A chart with all that belongs to it: one sentence that reads it, the table behind it, a download."""

from __future__ import annotations

from typing import Any, cast

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from persmark.text import Text
from persmark.ui.tables import show_table
from persmark.ui.words import reading, words

_PLAIN_CHART = {"displayModeBar": False, "responsive": True}


def side_by_side(key: str, left: int = 1, right: int = 1) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two columns, or one below the other where the window is narrow (see style.css)."""
    with st.container(key=f"side-by-side-{key}"):
        one, other = st.columns([left, right], gap="medium")
    return one, other


def show_chart(
    figure: go.Figure, sentence: Text, table: pd.DataFrame, key: str, *, choose: bool = False
) -> dict[str, Any] | None:
    """Draw a figure, its reading, and its numbers in an expander.

    Returns:
        With `choose`, the point of the figure that was clicked, as Plotly describes it.
    """
    if choose:
        figure.update_layout(clickmode="event+select")
    drawn = st.plotly_chart(
        figure,
        key=f"chart-{key}",
        config=_PLAIN_CHART,
        alt=words(sentence),
        on_select="rerun" if choose else "ignore",
        selection_mode="points",
    )
    reading(sentence)
    with st.expander("The numbers behind it", type="compact"):
        show_table(table, key)
    points = cast(Any, drawn)["selection"]["points"] if choose else []
    return dict(points[0]) if points else None
