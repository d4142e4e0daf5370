"""Who a user is at a glance: the id, what it is, and the figures that matter first."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from persmark import profiles
from persmark.profiles import contacted
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui.cache import cached
from persmark.ui.charts.beside import figure_of
from persmark.ui.parts.people import catalogue_of, group_title
from persmark.ui.tables import show_table
from persmark.ui.words import Fact, counted, day, escaped, facts, local_day, note, short, shown, significant


def row_of(_: Workspace, reader: Reader, user_id: str) -> dict[str, Any] | None:
    """The user's profile, column by column."""
    return profiles.profile(reader, user_id)


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(str(value))  # type: ignore[call-overload]


def _days(value: object) -> str:
    number = _number(value)
    return "–" if number is None else "1 day" if number == 1 else f"{figure_of(number)} days"


def _identity(workspace: Workspace, reach: contacted.Reach) -> list[Text]:
    said = []
    if reach.is_pseudonym:
        said.append(
            text("This id is a pseudonym: the id that the files hold is kept in the contact vault, locked.")
        )
    if reach.source_ids:
        said.append(
            text("{n} other ids of the files were joined to this user.", n=len(reach.source_ids))
            if len(reach.source_ids) > 1
            else text("One other id of the files was joined to this user.")
        )
    return said


def show_headline(workspace: Workspace, user_id: str, reach: contacted.Reach) -> bool:
    """The id and the main figures; False where the user has no profile."""
    st.html(f'<h2 class="pm-who"><span>User</span> {escaped(user_id)}</h2>')
    row = cached(row_of, workspace, user_id)
    if row is None:
        note("This user has no profile yet: build the profiles anew.")
        return False
    for sentence in _identity(workspace, reach):
        note(sentence)
    zone = workspace.time_zone
    last, first = row["last_purchase_time"], row["first_event_time"]
    spent, orders = _number(row["monetary"]), int(row["n_purchases"] or 0)
    each = text("{value} an order", value=significant(_number(row["average_order_value"]) or 0.0))
    items = counted(int(row["n_items"] or 0), "one item", "{n} different items")
    facts(
        [
            Fact("Lifecycle", group_title(row["lifecycle"]),
                 text("RFM: {name}", name=group_title(row["rfm_segment"])) if row["rfm_segment"] else ""),
            Fact("Last order", "–" if row["recency_days"] is None else text_days_ago(row["recency_days"]),
                 day(local_day(last, zone)) if last is not None else "never ordered"),
            Fact("Orders", short(orders), items),
            Fact("Spent", short(spent), each if orders else "refunds netted"),
            Fact("Orders again after", _days(row["mean_gap_days"]),
                 text("spread {days}", days=_days(row["gap_spread_days"]))
                 if row["gap_spread_days"] is not None else "too few orders to tell a spread"),
            Fact("Known for", _days(row["tenure_days"]),
                 text("since {day}", day=day(local_day(first, zone)))),
        ]
    )  # fmt: skip
    return True


def text_days_ago(days: int) -> str:
    """How long ago, in words."""
    return "today" if days == 0 else "1 day ago" if days == 1 else f"{days:,} days ago"


def show_features(workspace: Workspace, user_id: str) -> None:
    """Every feature of the profile with its meaning."""
    row = cached(row_of, workspace, user_id) or {}
    catalogue = {feature.name: feature for feature in cached(catalogue_of, workspace)}
    table = pd.DataFrame(
        [
            {
                "feature": str(catalogue[name].title) if name in catalogue else name,
                "value": shown(float(value) if hasattr(value, "as_tuple") else value),
                "unit": catalogue[name].unit if name in catalogue else "",
                "definition": str(catalogue[name].definition) if name in catalogue else "",
            }
            for name, value in row.items()
        ],
        columns=["feature", "value", "unit", "definition"],
    )
    show_table(table, "profile")
