"""Parts of the Compare page: a segment at two moments, and the flow from group to group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from persmark import profiles, segments
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui import charts
from persmark.ui.cache import cached
from persmark.ui.parts import moments
from persmark.ui.parts.opened import USERS_LISTED, refuse_too_few, too_few
from persmark.ui.parts.people import group_title, link_to_user
from persmark.ui.parts.saved import saved_versions, segment_title
from persmark.ui.parts.segment_list import sizes
from persmark.ui.show import show_chart
from persmark.ui.tables import show_table
from persmark.ui.words import Fact, facts, note, section, short, words

if TYPE_CHECKING:
    import pyarrow as pa

_REASONS_SHOWN = 10
_OTHERS = "other combinations"
_FIRST = "lifecycle: at_risk"
_PARTITIONS = {"lifecycle": "Lifecycle stages", "rfm_segment": "RFM segments"}
_ENDS = {
    segments.NEW: "New to the data", segments.GONE: "Gone from the data", segments.NO_VALUE: "No purchase",
}  # fmt: skip


def show(workspace: Workspace) -> None:
    """All of the view."""
    moments.head()
    kept = segments.list_snapshots(workspace)
    moments.ask(workspace, kept)
    if not kept:
        return
    chosen = moments.choose(workspace, kept)
    if chosen is None:
        return
    before, after = chosen
    _show_segment(workspace, before, after)
    _show_flow(workspace, before, after)


def _migrated(
    workspace: Workspace,
    reader: Reader,
    name: str,
    before: int,
    after: int,
    _saved: tuple[tuple[str, int], ...],
) -> segments.Migration:
    return segments.migrate(
        reader,
        segments.get_segment(workspace, name).rule,
        segments.get_snapshot(workspace, before),
        segments.get_snapshot(workspace, after),
        saved=segments.saved_rules(workspace),
    )


def _show_segment(workspace: Workspace, before: segments.Snapshot, after: segments.Snapshot) -> None:
    # One without users now may have had some.
    found_sizes = [one for one in sizes(workspace) if one.n_users is not None]
    there = {one.segment.name: one for one in sorted(found_sizes, key=lambda one: one.segment.built_in)}
    names = list(there)
    first = next((n for n, name in enumerate(names) if not there[name].segment.built_in or name == _FIRST), 0)
    name = st.selectbox(
        "Segment",
        names,
        index=first,
        format_func=lambda one: f"{segment_title(there[one].segment)} · {there[one].n_users:,} users now",
        key="moved_segment",
    )
    found = cached(
        _migrated, workspace, str(name), before.snapshot_id, after.snapshot_id, saved_versions(workspace)
    )
    facts(
        [
            Fact("Before", short(found.n_before), moments.title_of(before, workspace.time_zone)),
            Fact(
                "Entered", _signed("+", found.n_entered), text("{n} of them new to the data", n=found.n_new)
            ),
            Fact("Left", _signed("−", found.n_left), text("{n} of them gone from the data", n=found.n_gone)),
            Fact("After", short(found.n_after), moments.title_of(after, workspace.time_zone)),
            Fact("Stayed", short(found.n_stayed), "in it at both moments"),
        ]
    )
    note(
        text(
            "{before} + {entered} − {left} = {after}: every user of either moment is counted once.",
            before=found.n_before, entered=found.n_entered, left=found.n_left, after=found.n_after,
        )
    )  # fmt: skip
    if found.of_today:
        note(
            text(
                "Predictions and kept lists have no past: they are today's at both moments ({names}).",
                names="; ".join(words(one) for one in found.of_today),
            )
        )
    group = _group_of(segments.get_segment(workspace, str(name)).rule)
    if not found.ways:
        note("Nobody entered or left between these moments.")
    elif group is not None:
        _show_neighbours(workspace, group, found)
    else:
        _show_reasons(found)
    _open(workspace, str(name), found)


def _signed(sign: str, n: int) -> str:
    return f"{sign}{short(n)}" if n else "0"


def _show_reasons(found: segments.Migration) -> None:
    """Who entered and left, by the exact combination of conditions that turned."""
    table = _reasons(found)
    show_chart(
        charts.reasons(_main(table)),
        charts.read_reasons(table, found.n_entered, found.n_left),
        table,
        "reasons",
    )
    note(
        "A reason is the exact combination of conditions that turned for a user, so the bars add up. For an "
        "earlier "
        "moment, conditions on events look at the events up to it."
    )
    _show_clauses(found)


def _group_of(rule: segments.Rule) -> tuple[str, str] | None:
    """Column and value where the segment is one group of several: its users come from the others."""
    column, value = rule.get("column"), rule.get("value")
    fits = column in _PARTITIONS and rule.get("is") == "=" and isinstance(value, str)
    return (str(column), str(value)) if fits else None


def _show_neighbours(workspace: Workspace, group: tuple[str, str], found: segments.Migration) -> None:
    """From which groups users entered, and to which they left."""
    column, value = group
    flow = cached(_flow, workspace, column, found.before.snapshot_id, found.after.snapshot_id)
    came = flow[(flow["target"] == value) & (flow["origin"] != value)].set_index("origin")["n_users"]
    went = flow[(flow["origin"] == value) & (flow["target"] != value)].set_index("target")["n_users"]
    table = pd.DataFrame({"n_entered": came, "n_left": went}).fillna(0).astype(int)
    table = table.assign(reason=[_end(one) for one in table.index], both=table.sum(axis=1))
    table = table.sort_values(["both", "reason"], ascending=[False, True])[["reason", "n_entered", "n_left"]]
    show_chart(
        charts.reasons(table),
        charts.read_neighbours(table, found.n_entered, found.n_left),
        table.rename(columns={"reason": "other_group"}),
        "neighbours",
    )


def _reason(way: segments.Way, found: segments.Migration) -> str:
    if way.reason != segments.BY_CLAUSES:
        return _ENDS[way.reason]
    return " + ".join(words(found.clauses[place].sentence) for place in way.clauses)


def _reasons(found: segments.Migration) -> pd.DataFrame:
    """A row per exact reason, most users first."""
    rows: dict[str, dict[str, int]] = {}
    for way in found.ways:
        row = rows.setdefault(_reason(way, found), {"n_entered": 0, "n_left": 0})
        row["n_entered" if way.move == segments.ENTERED else "n_left"] += way.n_users
    table = pd.DataFrame(
        [{"reason": reason, **row} for reason, row in rows.items()], columns=["reason", "n_entered", "n_left"]
    )
    table = table.assign(both=table["n_entered"] + table["n_left"])
    return (
        table.sort_values("both", ascending=False, kind="stable").drop(columns="both").reset_index(drop=True)
    )


def _main(table: pd.DataFrame) -> pd.DataFrame:
    """As many reasons as a chart can show; the rest together, so that the bars still add up."""
    if len(table) <= _REASONS_SHOWN + 1:
        return table
    rest = table.iloc[_REASONS_SHOWN:]
    lumped = pd.DataFrame(
        [
            {
                "reason": f"{len(rest)} {_OTHERS}",
                "n_entered": int(rest["n_entered"].sum()),
                "n_left": int(rest["n_left"].sum()),
            }
        ]
    )
    return pd.concat([table.head(_REASONS_SHOWN), lumped], ignore_index=True)


def _show_clauses(found: segments.Migration) -> None:
    if len(found.clauses) < 2:
        return
    with st.expander("Condition by condition", type="compact"):
        note("A user for whom two conditions turned counts at both; “by it alone” counts the others out.")
        show_table(
            pd.DataFrame(
                [
                    {
                        "condition": words(one.sentence),
                        "entered": one.n_entered,
                        "entered_by_it_alone": one.n_entered_alone,
                        "left": one.n_left,
                        "left_by_it_alone": one.n_left_alone,
                    }
                    for one in found.clauses
                ]
            ),
            "clauses",
        )


def _open(workspace: Workspace, name: str, found: segments.Migration) -> None:
    """A count opened to its users."""
    before, after = found.before, found.after
    counts: dict[tuple[str, int | None], tuple[str, int]] = {
        (segments.STAYED, None): ("Stayed", found.n_stayed),
        (segments.ENTERED, None): ("Entered", found.n_entered),
        (segments.LEFT, None): ("Left", found.n_left),
    }
    for place, one in enumerate(found.ways):
        counts[one.move, place] = (f"{one.move.capitalize()}: {_reason(one, found)}", one.n_users)
    chosen = st.selectbox(
        "See the users behind a count",
        [one for one, (_, n) in counts.items() if n],
        index=None,
        format_func=lambda one: f"{counts[one][0]} · {counts[one][1]:,} users",
        placeholder="Choose a count",
        key="opened_move",
    )
    if chosen is None:
        return
    title, n_users = counts[chosen]
    move, way = chosen
    asked = (name, before.snapshot_id, after.snapshot_id, saved_versions(workspace))
    with st.container(border=True, key="users-moved"):
        note(text("{title}: the users behind the figure", title=title))
        if too_few(n_users):
            refuse_too_few()
        else:
            _list(workspace, cached(_behind_move, workspace, asked, move, way), n_users, "moved")


def _behind_move(
    workspace: Workspace,
    reader: Reader,
    asked: tuple[str, int, int, tuple[tuple[str, int], ...]],
    move: str,
    way: int | None,
) -> pd.DataFrame:
    found = cached(_migrated, workspace, *asked)
    return _then_and_now(reader, found.users(move, way), found.before, found.after)


def _then_and_now(
    reader: Reader, users: pa.Table, before: segments.Snapshot, after: segments.Snapshot
) -> pd.DataFrame:
    table: pd.DataFrame = segments.then_and_now(reader, users, before, after, USERS_LISTED).to_pandas()
    return table


def _list(workspace: Workspace, table: pd.DataFrame, n_users: int, key: str) -> None:
    """Users with their figures at both moments."""
    note(
        text("{m} of {n} users, drawn at random, the same every time.", m=len(table), n=n_users)
        if n_users > len(table)
        else text("All {n} users.", n=n_users)
    )
    named = table.assign(
        **{
            f"{column}_{end}": [group_title(one) for one in table[f"{column}_{end}"]]
            for column in _PARTITIONS
            for end in ("before", "after")
        }
    )
    note("Tick a row to open that user.")
    place = show_table(named, f"users-{key}", height=340 if len(table) > 8 else "auto", choose=True)
    if place is not None:
        link_to_user(workspace, str(table["user_id"].iloc[place]))


def _flow(workspace: Workspace, reader: Reader, column: str, before: int, after: int) -> pd.DataFrame:
    found: pd.DataFrame = segments.flow(
        reader, column, segments.get_snapshot(workspace, before), segments.get_snapshot(workspace, after)
    ).to_pandas()
    return found


def _behind_flow(
    workspace: Workspace, reader: Reader, column: str, sides: tuple[int, int], pair: tuple[str, str]
) -> pd.DataFrame:
    first, second = (segments.get_snapshot(workspace, one) for one in sides)
    origin, target = pair
    users = segments.users_of_flow(reader, column, first, second, origin=origin, target=target)
    return _then_and_now(reader, users, first, second)


def _end(name: object) -> str:
    return _ENDS.get(str(name)) or group_title(name)


def _show_flow(workspace: Workspace, before: segments.Snapshot, after: segments.Snapshot) -> None:
    section("From group to group", "Every user of either moment is in one group before and in one after.")
    column = str(
        st.segmented_control(
            "Groups", list(_PARTITIONS), format_func=_PARTITIONS.__getitem__, default="lifecycle",
            required=True, key="moved_groups", label_visibility="collapsed",
        )
    )  # fmt: skip
    sides = (before.snapshot_id, after.snapshot_id)
    found = cached(_flow, workspace, column, *sides)
    groups = profiles.LIFECYCLE if column == "lifecycle" else profiles.RFM_SEGMENTS
    order = [*(words(one.title) for one in groups), *_ENDS.values()]
    drawn = found.assign(
        origin=[_end(one) for one in found["origin"]], target=[_end(one) for one in found["target"]]
    )
    show_chart(charts.flows(drawn, order), charts.read_flows(drawn), _matrix(drawn, order), f"flow-{column}")
    labels = dict(zip(zip(found["origin"], found["target"], strict=True), found["n_users"], strict=True))
    chosen = st.selectbox(
        "See the users behind a flow",
        list(labels),
        index=None,
        format_func=lambda pair: f"{_end(pair[0])} → {_end(pair[1])} · {labels[pair]:,} users",
        placeholder="Choose a flow",
        key=f"opened_flow_{column}",
    )
    if chosen is None:
        return
    origin, target = chosen
    with st.container(border=True, key="users-flow"):
        note(text("{one} → {other}: the users behind the figure", one=_end(origin), other=_end(target)))
        if too_few(int(labels[chosen])):
            refuse_too_few()
        else:
            table = cached(_behind_flow, workspace, column, sides, (origin, target))
            _list(workspace, table, int(labels[chosen]), "flow")


def _matrix(flow: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """Origins down, targets across, with the sums at the ends."""
    grid = flow.pivot_table(index="origin", columns="target", values="n_users", aggfunc="sum", fill_value=0)
    grid = grid.reindex(
        index=[name for name in order if name in grid.index],
        columns=[name for name in order if name in grid.columns],
    )
    grid["All"] = grid.sum(axis=1)
    grid.loc["All"] = grid.sum(axis=0)
    return grid.reset_index().rename(columns={"origin": "from_group"})
