"""A chart with all that belongs to it: one sentence that reads it, the table behind it, a download."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from persmark.text import Text
from persmark.ui.tables import show_table
from persmark.ui.words import reading, words

_PLAIN_CHART = {"displayModeBar": False, "responsive": True}


def show_chart(figure: go.Figure, sentence: Text, table: pd.DataFrame, key: str) -> None:
    """Draw a figure, its reading, and its numbers in an expander."""
    st.plotly_chart(figure, key=f"chart-{key}", config=_PLAIN_CHART, alt=words(sentence))
    reading(sentence)
    with st.expander("The numbers behind it", type="compact"):
        show_table(table, key)
