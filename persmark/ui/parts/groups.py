"""The standard groups of users: RFM grid and segments, lifecycle stages."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from persmark import profiles
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import charts
from persmark.ui.cache import cached
from persmark.ui.parts.opened import show_users
from persmark.ui.show import show_chart, side_by_side
from persmark.ui.words import note, section, words


def _cells(_: Workspace, reader: Reader) -> pd.DataFrame:
    found: pd.DataFrame = profiles.rfm_cells(reader).to_pandas()
    return found


def _named(workspace: Workspace, column: str, groups: tuple[profiles.Group, ...]) -> pd.DataFrame:
    counts: dict[str, int] = workspace.stats("profiles").get(column, {})
    return pd.DataFrame(
        [
            {"group": words(one.title), "n_users": counts.get(one.name, 0), "who": words(one.definition)}
            for one in groups
        ]
    )


def _grid(workspace: Workspace, _reader: Reader) -> tuple[go.Figure, Text, pd.DataFrame]:
    cells = cached(_cells, workspace)
    return charts.rfm_grid(cells), charts.read_rfm_grid(cells), cells


def _bars(
    workspace: Workspace, _reader: Reader, column: str, place: int
) -> tuple[go.Figure, Text, pd.DataFrame]:
    named = _named(workspace, column, _GROUPS[column])
    return charts.bars(named, "group", "n_users", place=place), charts.read_bars(named, "group"), named


_GROUPS = {"rfm_segment": profiles.RFM_SEGMENTS, "lifecycle": profiles.LIFECYCLE}


def _show_group(
    workspace: Workspace, bar: dict[str, Any] | None, prefix: str, groups: tuple[profiles.Group, ...]
) -> None:
    """The users of the bar that was clicked."""
    group = next((one for one in groups if bar and words(one.title) == bar.get("y")), None)
    if group:
        show_users(workspace, {"segment": f"{prefix}: {group.name}"}, group.title, prefix)


def show_groups(workspace: Workspace) -> None:
    """Two ways of sorting all buyers, and where everybody stands in time."""
    section("RFM", "Recency, frequency and money in fifths of the buyers; 5 is best.")
    left, right = side_by_side("rfm")
    with left:
        cell = show_chart(*cached(_grid, workspace), "rfm-grid", choose=True)
    with right:
        bar = show_chart(*cached(_bars, workspace, "rfm_segment", 0), "rfm", choose=True)
    if cell and cell.get("x") and cell.get("y"):
        recency, frequency = int(cell["x"]), int(cell["y"])
        show_users(
            workspace,
            {
                "all": [
                    {"column": "r_score", "is": "=", "value": recency},
                    {"column": "f_score", "is": "=", "value": frequency},
                ]
            },
            text("Recency score {r}, frequency score {f}", r=recency, f=frequency),
            "cell",
        )
    _show_group(workspace, bar, "rfm", profiles.RFM_SEGMENTS)
    note("Click a cell or a bar to see its users, or tick the segment's row in the list above.")
    section("Lifecycle", "Where users stand by the days since their purchases.")
    bar = show_chart(*cached(_bars, workspace, "lifecycle", 3), "lifecycle", choose=True)
    _show_group(workspace, bar, "lifecycle", profiles.LIFECYCLE)
    note("The exact definitions are in the table behind each chart.")
