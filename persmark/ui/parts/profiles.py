"""Parts of the Profiles page: building, key figures, one feature over all users, the catalogue."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from persmark import actions, jobs, profiles
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import charts, state
from persmark.ui.cache import cached
from persmark.ui.parts.opened import show_users
from persmark.ui.parts.people import catalogue_of
from persmark.ui.progress import job_panel, started
from persmark.ui.show import show_chart
from persmark.ui.tables import show_table
from persmark.ui.words import Fact, facts, local_day, note, percent, section, short

VERBS = ("profiles",)
_LOADING = ("sample", "simulate", "load", "undo")
_HIDDEN = ("user_id", "as_of")
_BINS = 24
_BUYERS = "Buyers"
_STAGES = (("active", "Active"), ("new", "New"), ("at_risk", "At risk"), ("lost", "Lost"))


def built(workspace: Workspace) -> bool:
    """Whether there are profiles to look at."""
    return bool(workspace.versions().get("profiles")) and bool(workspace.stats("profiles").get("n_users"))


def stale_notice(workspace: Workspace) -> None:
    """On pages that use profiles: that they are stale, with the button that rebuilds them."""
    offer_building(workspace, busy=job_panel(workspace, VERBS, "Building profiles"))


def _writing(workspace: Workspace) -> bool:
    """Whether data is being loaded right now, which builds the profiles at its end."""
    return any(job.active and job.verb in _LOADING for job in jobs.recent(workspace, limit=10))


def offer_building(workspace: Workspace, *, busy: bool) -> None:
    """The button that builds profiles, where there are none or older ones than the events."""
    there, stale = built(workspace), workspace.stale("profiles")
    older = there and not stale and profiles.outdated(workspace)
    if busy or (there and not stale and not older) or _writing(workspace):
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        if older:
            note(
                "These profiles were made by an earlier version or under other settings: features may be "
                "missing until they are rebuilt."
            )
        elif there:
            note(
                "These profiles are stale: the events have changed since they were built. "
                "Segments, slates and target lists use them until they are rebuilt."
            )
        else:
            note("Profiles are not built yet: one row per user, worked out from the events.")
        if st.button("Rebuild profiles" if there else "Build profiles", key="build_profiles", type="primary"):
            actions.start(workspace, state.actor(), actions.BuildProfiles())
            started("Profiles are being built.")


def show_facts(workspace: Workspace) -> None:
    """How many users, and where they stand."""
    found = workspace.stats("profiles")
    n_users = int(found["n_users"])
    stages: dict[str, int] = found.get("lifecycle", {})
    n_buyers = n_users - stages.get("never_purchased", 0)
    as_of = datetime.fromisoformat(found["as_of"])

    def part(n: int) -> Text:
        return text("{share} of users", share=percent(n / n_users if n_users else 0.0))

    facts(
        [
            Fact("Users", short(n_users), text("as of {day}", day=local_day(as_of, workspace.time_zone))),
            Fact("Buyers", short(n_buyers), part(n_buyers)),
            *(Fact(title, short(stages.get(name, 0)), part(stages.get(name, 0))) for name, title in _STAGES),
        ]
    )
    names = [_BUYERS, *(title for _, title in _STAGES)]
    opened = st.pills("See the users behind", names, key="opened_stage")
    if opened:
        stage = next((name for name, title in _STAGES if title == opened), None)
        rule = (
            {"column": "lifecycle", "is": "=", "value": stage}
            if stage
            else {"not": {"column": "lifecycle", "is": "=", "value": "never_purchased"}}
        )
        show_users(workspace, rule, str(opened), "stage")


def _bins(_: Workspace, reader: Reader, feature: str) -> list[dict[str, Any]]:
    published: dict[str, list[dict[str, Any]]] = profiles.summary(reader).get("features", {})
    if feature in published:
        return published[feature]
    rows: list[dict[str, Any]] = profiles.distribution(reader, feature, _BINS).to_pylist()
    return rows


def _edge(value: float, unit: str) -> str:
    if unit.startswith("time"):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d")
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"


def _label(one: dict[str, Any], feature: profiles.Feature) -> str:
    if one["value"] is not None:
        return str(one["value"])
    low, high = float(one["low"]), float(one["high"])
    whole = feature.dtype in ("INTEGER", "BIGINT")
    if whole and high - low <= 1:
        return _edge(low, feature.unit)
    return f"{_edge(low, feature.unit)} – {_edge(high - 1 if whole else high, feature.unit)}"


def _read(table: pd.DataFrame, missing: int, feature: profiles.Feature) -> Text:
    total = int(table["n_users"].sum()) + missing
    if not total or table.empty:
        return text("No user has a value of this feature.")
    first = table.iloc[int(table["n_users"].to_numpy().argmax())]
    return text(
        "The commonest: {label} ({unit}), {n} of {total} users ({share}). "
        + ("{missing} users have no value." if missing else "Every user has a value."),
        label=first["label"],
        unit=feature.unit,
        n=int(first["n_users"]),
        total=total,
        share=percent(float(first["n_users"]) / total),
        missing=missing,
    )


def show_feature(workspace: Workspace) -> None:
    """A chosen feature over all users."""
    section("One feature over all users", "Equal bins up to the 99th percentile; the last one is open.")
    catalogue = {one.name: one for one in cached(catalogue_of, workspace) if one.name not in _HIDDEN}
    names = list(catalogue)
    chosen = st.selectbox(
        "Feature",
        names,
        index=names.index("recency_days") if "recency_days" in names else 0,
        format_func=lambda name: f"{catalogue[name].title} · {catalogue[name].unit}",
        key="feature",
    )
    feature = catalogue[str(chosen)]
    rows = cached(_bins, workspace, feature.name)
    table = pd.DataFrame(
        [{"label": _label(one, feature), "n_users": one["n_users"]} for one in rows if one["bin"] > 0],
        columns=["label", "n_users"],
    )
    missing = sum(int(one["n_users"]) for one in rows if one["bin"] == 0)
    named = feature.dtype == "VARCHAR"
    note(feature.definition)
    show_chart(
        charts.bars(table.head(12), "label", "n_users") if named else charts.distribution(table),
        _read(table, missing, feature),
        table,
        "feature",
    )


def show_catalogue(workspace: Workspace) -> None:
    """What every feature means, its unit and source."""
    section(
        "Feature catalogue", "What every column of a profile means, in which unit, and where it comes from."
    )
    features = [*cached(catalogue_of, workspace), *profiles.LIVE_FEATURES.values()]
    wanted = str(
        st.text_input(
            "Find a feature",
            key="find_feature",
            placeholder="For example: spend, days, attention, RecSys",
            icon=":material/search:",
        )
        or ""
    )
    table = pd.DataFrame(
        [
            {
                "feature": str(one.title),
                "definition": str(one.definition),
                "unit": one.unit,
                "source": one.source,
                "column": one.name,
            }
            for one in features
        ]
    )
    found = table[_holding(table, wanted)]
    if found.empty:
        note(text("No feature's name, definition, unit or source holds '{wanted}'.", wanted=wanted))
        return
    with st.expander(f"{len(found)} of {len(table)} features", expanded=bool(wanted.strip())):
        show_table(found, "feature-catalogue")


def _holding(table: pd.DataFrame, wanted: str) -> list[bool]:
    """Which rows hold every word, in whatever cell and case."""
    words = wanted.casefold().split()
    texts = [" ".join(str(cell) for cell in row).casefold() for row in table.itertuples(index=False)]
    return [all(word in one for word in words) for one in texts]
