"""Parts of the Compare page: what segments attend to, when they are active, what they are worth."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from persmark import segments
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import charts
from persmark.ui.cache import cached
from persmark.ui.parts.compare import amount, rules_of
from persmark.ui.parts.saved import saved_versions
from persmark.ui.show import show_chart, side_by_side
from persmark.ui.words import Fact, facts, note, percent, significant

EVERYBODY = "Everybody"
_HOURS = tuple(f"{hour}:00" for hour in range(24))
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DIMENSIONS = {"category": "Categories", "brand": "Brands", "channel": "Channels", "daypart": "Times of day"}
_MEASURES = {"attention": "Attention", "spend": "Spend", "reach": "Users"}
_MEANING = {
    "attention": "Share of a user's own events, late ones counting more; the mean over users who have any.",
    "spend": "Share of a user's money; the mean over users who spent any on something that has a name here.",
    "reach": "Share of the segment's users who attend to it at all.",
}
_WORDS = {"attention": "attention", "spend": "share of money", "reach": "share of users"}
_SHARES, _LIFTS = "Shares", "Against everybody"


def _attention(
    workspace: Workspace,
    reader: Reader,
    names: tuple[str, ...],
    dimension: str,
    _saved: tuple[tuple[str, int], ...],
) -> pd.DataFrame:
    saved = segments.saved_rules(workspace)
    found: pd.DataFrame = segments.compare_attention(
        reader, rules_of(workspace, names), dimension, saved=saved
    ).to_pandas()
    return found


def _times(
    workspace: Workspace, reader: Reader, names: tuple[str, ...], _saved: tuple[tuple[str, int], ...]
) -> pd.DataFrame:
    saved = segments.saved_rules(workspace)
    found: pd.DataFrame = segments.compare_times(reader, rules_of(workspace, names), saved=saved).to_pandas()
    return found


def _value(
    workspace: Workspace, reader: Reader, names: tuple[str, ...], _saved: tuple[tuple[str, int], ...]
) -> pd.DataFrame:
    saved = segments.saved_rules(workspace)
    found: pd.DataFrame = segments.compare_value(reader, rules_of(workspace, names), saved=saved).to_pandas()
    return found


def _titled(table: pd.DataFrame, called: Mapping[str, str]) -> pd.DataFrame:
    named = {**called, segments.EVERYBODY: EVERYBODY}
    return table.assign(segment=[named[name] for name in table["segment"]])


def show_attention(workspace: Workspace, called: Mapping[str, str]) -> None:
    """Categories, brands, channels and times of day: shares, or how far they are from everybody's."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        dimension = st.selectbox(
            "Of", list(_DIMENSIONS), format_func=_DIMENSIONS.__getitem__, key="dimension"
        )
        measure = st.segmented_control(
            "Measured by", list(_MEASURES), format_func=_MEASURES.__getitem__, default="attention",
            required=True, key="measure",
        )  # fmt: skip
        scale = st.segmented_control(
            "Shown as", [_SHARES, _LIFTS], default=_SHARES, required=True, key="scale"
        )
    found = cached(_attention, workspace, tuple(called), str(dimension), saved_versions(workspace))
    note(_MEANING[str(measure)])
    if found.empty or found[str(measure)].isna().all():
        note("There is nothing of this kind in these events: no item tells it, or no user attends to it.")
        return
    by = str(measure)
    table = _titled(found, called).rename(
        columns={
            by: "share",
            f"{by}_n": "n",
            **{f"{by}_{end}": end for end in ("low", "high", "lift", "lift_low", "lift_high", "clear")},
        }
    )[["name", "segment", "n", "share", "low", "high", "lift", "lift_low", "lift_high", "clear"]]
    names = list(called.values())
    if scale == _LIFTS:
        drawn = table.assign(value=table["lift"], low=table["lift_low"], high=table["lift_high"])
        figure = charts.names_beside(drawn, names, lift=True)
    else:
        figure = charts.names_beside(table.assign(value=table["share"]), names, everybody=EVERYBODY)
    of_segments = table[table["segment"] != EVERYBODY]
    show_chart(figure, charts.read_names(of_segments, _WORDS[by]), table, "compared-attention")
    note(
        "Lift is a segment's share over everybody's; its interval knows that the segment is a part of "
        "everybody "
        "(Katz; Särndal). The names with most attention in these segments are shown."
    )


def show_times(workspace: Workspace, called: Mapping[str, str]) -> None:
    """Hours of the day and weekdays, by the workspace's clock."""
    table = _titled(cached(_times, workspace, tuple(called), saved_versions(workspace)), called)
    names = list(called.values())
    left, right = side_by_side("times")
    for place, part, ticks in ((left, segments.HOUR, _HOURS), (right, segments.WEEKDAY, _WEEKDAYS)):
        rows = table[table["part"] == part].drop(columns="part")
        with place:
            show_chart(
                charts.clock(rows, names, ticks, everybody=EVERYBODY),
                charts.read_clock(rows, names, ticks, everybody=EVERYBODY),
                rows.assign(place=[ticks[number] for number in rows["place"]]),
                f"compared-{part}",
            )
    note(
        text(
            "Shares of own events by the clock of {zone}, with 95% intervals over users (Cochran's ratio "
            "estimate, Korn and Graubard's interval).",
            zone=workspace.time_zone,
        )
    )


def show_value(workspace: Workspace, called: Mapping[str, str]) -> None:
    """Revenue, per user and in all, orders and buyers."""
    table = _titled(cached(_value, workspace, tuple(called), saved_versions(workspace)), called)
    of_segments = table[table["segment"] != EVERYBODY]
    facts(
        [
            Fact(
                str(row["segment"]),
                significant(float(row["revenue"])),
                text(
                    "{share} of all revenue, {n} buyers",
                    share=percent(float(row["revenue_share"])) if pd.notna(row["revenue_share"]) else "–",
                    n=int(row["n_buyers"]),
                ),
            )
            for row in of_segments.to_dict("records")
        ]
    )
    measures = {
        "per_user": ("Money per user", "per_user_low", "per_user_high", "money"),
        "orders_per_user": ("Orders per user", "orders_low", "orders_high", "orders"),
        "buyer_share": ("Share of buyers", "buyer_low", "buyer_high", "share"),
    }
    chosen = st.segmented_control(
        "Of each user", list(measures), format_func=lambda name: measures[name][0], default="per_user",
        required=True, key="value_measure",
    )  # fmt: skip
    title, low, high, unit = measures[str(chosen)]
    drawn = of_segments.assign(value=of_segments[str(chosen)], low=of_segments[low], high=of_segments[high])
    share = unit == "share"
    show_chart(
        charts.means(drawn, share=share),
        charts.read_means(drawn, title, share=share),
        table,
        "compared-value",
    )
    note(_worth(of_segments))


def _worth(table: pd.DataFrame) -> Text:
    parts = ", ".join(
        f"{row['segment']} {amount(float(row['median_per_user']), 'money')}"
        for row in table.to_dict("records")
        if pd.notna(row["median_per_user"])
    )
    return text(
        "Money is purchases minus refunds; a user without any counts as 0. Medians per user, which a few "
        "large "
        "buyers do not move: {parts}.",
        parts=parts or "–",
    )
