"""A user's figures beside those of a segment."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from persmark.profiles import profile_columns, standing
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui import charts
from persmark.ui.cache import cached
from persmark.ui.parts.people import catalogue_of
from persmark.ui.parts.person.among import Among, members_of, pick_own
from persmark.ui.show import show_chart
from persmark.ui.words import note

MAIN = (
    "recency_days", "n_purchases", "monetary", "average_order_value", "mean_gap_days", "items_per_order",
    "discount_share", "price_level", "repeat_share", "n_sessions", "weekend_share", "campaign_response_rate",
)  # fmt: skip
_MOST = 12
_FEW = 30  # users; below, one user more or less moves a percentile by over three points
_MAIN_TITLE, _APART_TITLE = "Main figures", "What sets them apart"


def _compared(
    workspace: Workspace, reader: Reader, user_id: str, group: str, _saved: object, features: tuple[str, ...]
) -> pd.DataFrame:
    """The user's figures beside the group's, in the order asked for; all of them where none is named."""
    among = members_of(workspace, reader, group)
    there = standing.compared_features(profile_columns(reader))
    names = [name for name in features if name in there] if features else there
    theirs = standing.typical(reader, names, among).to_pandas()
    mine = standing.standing(reader, user_id, names, among).to_pandas()
    found: pd.DataFrame = mine.merge(theirs.drop(columns="n_users"), on="feature", how="left")
    return found


def _apart(table: pd.DataFrame) -> pd.DataFrame:
    """Those furthest from the middle first; figures that all have alike are left out."""
    varied = table[table["n_equal"] < table["n_users"]]
    far = (varied["percentile"] - 0.5).abs().sort_values(ascending=False, kind="stable")
    return varied.loc[far.index].head(_MOST)


def show_standing(workspace: Workspace, user_id: str, among: Among) -> None:
    """A strip per figure, for the main ones or those that lie furthest out, with the numbers behind."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        among = pick_own(workspace, user_id, among)
        which = st.segmented_control(
            "Figures", [_MAIN_TITLE, _APART_TITLE], default=_MAIN_TITLE, key="figures", required=True
        )
    note(
        text("Their figures among the {n} users of '{name}'. The middle half of those is shaded.",
             n=among.n_users, name=among.title)
    )  # fmt: skip
    asked = MAIN if which == _MAIN_TITLE else ()
    table = cached(_compared, workspace, user_id, among.name, among.saved, asked)
    catalogue = {one.name: one for one in cached(catalogue_of, workspace)}
    table = table[table["percentile"].notna()]
    table = table[table["n_equal"] < table["n_users"]] if which == _MAIN_TITLE else _apart(table)
    table = table.assign(
        title=[str(catalogue[name].title) for name in table["feature"]],
        unit=[catalogue[name].unit for name in table["feature"]],
    )
    if table.empty:
        note("No figure tells them apart: all compared users have the same, or none.")
        return
    listed = table[["title", "value", "median", "low", "high", "percentile", "n_users", "unit"]].rename(
        columns={"title": "figure", "low": "lower_quarter", "high": "upper_quarter"}
    )
    show_chart(
        charts.standing(table), charts.read_standing(table, text("'{name}'", name=among.title)), listed,
        "standing",
    )  # fmt: skip
    if among.n_users < _FEW:
        note(text("Only {n} users are compared: one more or less moves these places by {points} points.",
                  n=among.n_users, points=round(100 / among.n_users)))  # fmt: skip
