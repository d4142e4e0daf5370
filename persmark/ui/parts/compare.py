"""Parts of the Compare page: the segments chosen, what sets them apart, one feature beside another."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from persmark import profiles, segments
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import charts
from persmark.ui.cache import cached
from persmark.ui.parts.opened import show_users
from persmark.ui.parts.people import catalogue_of, group_title
from persmark.ui.parts.saved import saved_versions, segment_title
from persmark.ui.parts.segment_list import sizes
from persmark.ui.show import show_chart
from persmark.ui.tables import show_table
from persmark.ui.words import (
    Fact,
    escaped,
    facts,
    note,
    notes,
    percent,
    plain,
    section,
    short,
    significant,
    words,
)

LEAST, MOST = 2, 4
_SENTENCES = 8
_FIRST = ("lifecycle: active", "lifecycle: at_risk", "lifecycle: lost", "lifecycle: new")
_NAME_SHOWN = 40
# Units that read well behind a figure.
_UNITS = ("days", "events", "orders", "items", "sessions", "minutes", "seconds")


def offered(workspace: Workspace) -> dict[str, segments.SegmentSize]:
    """Segments that have users, saved ones first."""
    found = [one for one in sizes(workspace) if one.n_users]
    found.sort(key=lambda one: one.segment.built_in)
    return {one.segment.name: one for one in found}


def pick(workspace: Workspace) -> tuple[str, ...]:
    """Two to four segments; fewer where there are not enough or not enough are chosen."""
    there = offered(workspace)
    own = [name for name, one in there.items() if not one.segment.built_in]
    largest = sorted(there, key=lambda name: -(there[name].n_users or 0))
    # Everyone last: whoever is compared to them is one of them.
    first = [*own, *_FIRST, *(name for name in largest if name != segments.EVERYONE), segments.EVERYONE]
    default = [name for name in dict.fromkeys(first) if name in there][:LEAST]
    chosen = st.multiselect(
        "Segments to compare",
        list(there),
        default=default,
        max_selections=MOST,
        format_func=lambda name: f"{segment_title(there[name].segment)} · {there[name].n_users:,} users",
        key="compared",
        help="Two to four. The others are compared to the first.",
    )
    return tuple(str(name) for name in chosen)


def rules_of(workspace: Workspace, names: tuple[str, ...]) -> dict[str, segments.Rule]:
    """The rules of some segments, by name."""
    return {name: segments.get_segment(workspace, name).rule for name in names}


def _compared(
    workspace: Workspace, reader: Reader, names: tuple[str, ...], _saved: tuple[tuple[str, int], ...]
) -> segments.Comparison:
    saved = segments.saved_rules(workspace)
    return segments.compare(reader, rules_of(workspace, names), saved=saved)


def compared(workspace: Workspace, names: tuple[str, ...]) -> segments.Comparison:
    """The chosen segments side by side."""
    return cached(_compared, workspace, names, saved_versions(workspace))


def titles(workspace: Workspace, names: tuple[str, ...]) -> dict[str, str]:
    """Name -> what a page calls it; told apart by number where two are called the same."""
    there = offered(workspace)
    called = {name: _cut(segment_title(there[name].segment)) for name in names}
    twice = {one for one in called.values() if list(called.values()).count(one) > 1}
    return {
        name: f"{one} ({number})" if one in twice else one
        for number, (name, one) in enumerate(called.items(), start=1)
    }


def _cut(title: str) -> str:
    return title if len(title) <= _NAME_SHOWN else title[: _NAME_SHOWN - 1].rstrip() + "…"


def show_sizes(workspace: Workspace, found: segments.Comparison, called: Mapping[str, str]) -> None:
    """How many users each has, whom they share, and the users behind each count."""
    facts(
        [
            Fact(
                called[name],
                short(n),
                text("{share} of {n} users", share=_part(n, found.n_all), n=found.n_all),
            )
            for name, n in zip(found.segments, found.n_users, strict=True)
        ]
    )
    shared = [row for row in found.overlaps.to_pylist() if row["n_both"]]
    if not shared:
        note("No user is in two of these segments.")
    notes(
        [
            text(
                "{n} users are in both {one} and {other}: {share} of the first, {part} of the second.",
                n=row["n_both"],
                one=called[row["segment"]],
                other=called[row["other"]],
                share=percent(row["share_of_segment"] or 0),
                part=percent(row["share_of_other"] or 0),
            )
            for row in shared
        ]
    )
    if shared:
        note("Shared users count in each segment; differences know that they are the same people.")
    rules: dict[str, segments.Rule] = {called[name]: {"segment": name} for name in found.segments}
    for row in shared:
        both = {"all": [{"segment": row["segment"]}, {"segment": row["other"]}]}
        rules[f"Both {called[row['segment']]} and {called[row['other']]}"] = both
    opened = st.pills("See the users behind", list(rules), format_func=plain, key="opened_compared")
    if opened in rules:
        show_users(workspace, rules[str(opened)], str(opened), "compared")


def _part(n: int, n_all: int) -> str:
    return percent(n / n_all) if n_all else "–"


def amount(value: float | None, unit: str) -> str:
    """A mean or a share as people read it."""
    if value is None:
        return "–"
    return percent(value) if unit == "share" else significant(value)


def _points(value: float, unit: str) -> str:
    """A difference: of shares in points."""
    return f"{100 * abs(value):.1f} points" if unit == "share" else significant(abs(value))


def _ends(one: segments.Difference) -> str:
    low, high = one.low or 0.0, one.high or 0.0
    if one.difference < 0:
        low, high = -high, -low
    if one.unit == "share":
        return f"{100 * low:.1f} to {100 * high:.1f}"
    return f"{significant(low)} to {significant(high)}"


def _said(one: segments.Difference, called: Mapping[str, str]) -> Text:
    template = (
        "{name} {value}{of}, {base} {other}: {difference} {more} (95% interval {ends}; {n} and {m} users)."
    )
    unit = f" {one.unit}" if one.unit in _UNITS else ""
    return text(
        template,
        name=called[one.segment],
        value=amount(one.estimate, one.unit),
        of=" of its users" if one.value is not None else unit,
        difference=_points(one.difference, one.unit),
        more="more" if one.difference > 0 else "less",
        base=called[one.base],
        other=amount(one.base_estimate, one.unit),
        ends=_ends(one),
        n=one.n,
        m=one.base_n,
    )


def _named(one: segments.Difference) -> str:
    title = words(one.title)
    return title if one.value is None else f"{title} is “{value_title(one.feature, one.value)}”"


def value_title(feature: str, value: str) -> str:
    """A value of a feature of names as people read it."""
    return group_title(value) if feature in ("lifecycle", "rfm_segment") else value


def show_differences(found: segments.Comparison, called: Mapping[str, str]) -> None:
    """The clear differences in words, the largest first; what the rules themselves decide apart from them."""
    base = called[found.segments[0]]
    clear = found.clear
    section(
        "What sets them apart",
        text(
            "Compared to {base}. Clear differences, the largest first; the figure at the end is the "
            "difference in "
            "units of the users' spread.",
            base=base,
        ),
    )
    n_same = [row for row in found.overlaps.to_pylist() if row["segment"] == found.segments[0]]
    if all(row["share_of_segment"] == row["share_of_other"] == 1 for row in n_same):
        note("They hold the same users: nothing sets them apart.")
    elif not found.n_tested:
        note("Nothing can be compared: too few users have values to tell a spread from.")
    elif not clear:
        note(
            text(
                "None of {n} differences is clear beyond what the rules themselves decide: with so many "
                "users, "
                "these segments cannot be told apart in anything else.",
                n=found.n_tested,
            )
        )
    items = "".join(
        f"<li><b>{escaped(_named(one))}</b><span>{escaped(_said(one, called))}</span>"
        f"<code>{escaped(f'{one.effect:+.2f}')}</code></li>"
        for one in clear[:_SENTENCES]
    )
    if items:
        st.html(f'<ul class="pm-lost pm-differs">{items}</ul>')
    decided = list(dict.fromkeys(words(one.title) for one in found.differences if one.by_rule and one.clear))
    said: list[Text | str] = []
    if len(clear) > _SENTENCES:
        said.append(text("{n} more clear differences are in the table.", n=len(clear) - _SENTENCES))
    if decided:
        said.append(
            text(
                "Different because the rules say so, and therefore not listed: {names}.",
                names=", ".join(decided),
            )
        )
    said.append(segments.method())
    with st.expander("All differences, and how they were worked out", type="compact"):
        notes(said)
        show_table(_difference_table(found, called), "differences")


def _difference_table(found: segments.Comparison, called: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "feature": words(one.title),
                "value": value_title(one.feature, one.value) if one.value is not None else "",
                "segment": called[one.segment],
                "estimate": one.estimate,
                "compared_to": called[one.base],
                "base_estimate": one.base_estimate,
                "difference": one.difference,
                "interval_from": one.low,
                "interval_to": one.high,
                "effect": one.effect,
                "adjusted_p": one.p_adjusted,
                "clear": one.clear,
                "decided_by_rule": one.by_rule,
                "n": one.n,
                "base_n": one.base_n,
            }
            for one in found.differences
        ],
        columns=[
            "feature", "value", "segment", "estimate", "compared_to", "base_estimate", "difference",
            "interval_from", "interval_to", "effect", "adjusted_p", "clear", "decided_by_rule", "n", "base_n",
        ],
    )  # fmt: skip


def show_profile(workspace: Workspace, found: segments.Comparison, called: Mapping[str, str]) -> None:
    """One feature of all segments with intervals, and every feature in a table."""
    catalogue: dict[str, profiles.Feature] = {one.name: one for one in cached(catalogue_of, workspace)}
    ranked = list(
        dict.fromkeys(one.feature for one in sorted(found.differences, key=lambda one: one.by_rule))
    )
    rest = [name for name in dict.fromkeys(found.numbers.column("feature").to_pylist()) if name not in ranked]
    names = [*ranked, *rest]
    if not names:
        note("These segments share every value of every feature: there is nothing to compare.")
        return
    chosen = st.selectbox(
        "Feature",
        names,
        format_func=lambda name: f"{words(catalogue[name].title)} · {catalogue[name].unit}",
        key="compared_feature",
        help="Those that differ most come first.",
    )
    feature = catalogue[str(chosen)]
    note(feature.definition)
    numbers = found.numbers.to_pandas()
    rows = numbers[numbers["feature"] == feature.name]
    title = words(feature.title)
    if len(rows):
        table = rows.assign(segment=[called[name] for name in rows["segment"]], value=rows["mean"])
        share = feature.unit == "share"
        show_chart(
            charts.means(table, share=share), charts.read_means(table, title, share=share),
            table[["segment", "n", "mean", "low", "high", "median", "spread"]], "compared-mean",
        )  # fmt: skip
    else:
        shares = found.shares.to_pandas()
        rows = shares[shares["feature"] == feature.name]
        table = rows.assign(
            segment=[called[name] for name in rows["segment"]],
            name=[value_title(feature.name, value) for value in rows["value"]],
        ).rename(columns={"share": "value", "value": "code"})
        show_chart(
            charts.names_beside(table, list(called.values())),
            _read_shares(table, title),
            table[["name", "segment", "n", "n_with", "value", "low", "high"]].rename(
                columns={"value": "share"}
            ),
            "compared-share",
        )
    with st.expander("Every feature", type="compact"):
        note("Means over the users who have a value, with 95% intervals.")
        show_table(_long(numbers, catalogue, called), "compared-features")


def _read_shares(table: pd.DataFrame, title: str) -> Text:
    known = table.dropna(subset=["value"])
    if known.empty:
        return text("No user of these segments has a value of {title}.", title=title)
    top = known.iloc[int(known["value"].to_numpy().argmax())]
    return text(
        "{title}: “{name}” is commonest in {segment}, {share} of {n} users (95% interval {low} to {high}).",
        title=title,
        name=str(top["name"]),
        segment=str(top["segment"]),
        share=percent(float(top["value"])),
        n=int(top["n"]),
        low=percent(float(top["low"])),
        high=percent(float(top["high"])),
    )


def _long(
    numbers: pd.DataFrame, catalogue: Mapping[str, profiles.Feature], called: Mapping[str, str]
) -> pd.DataFrame:
    """A row per feature and segment: mean, interval, median and users, as people read them."""
    rows = []
    for row in numbers.to_dict("records"):
        one = catalogue[row["feature"]]
        mean, low, high, median = (
            amount(row[name] if pd.notna(row[name]) else None, one.unit)
            for name in ("mean", "low", "high", "median")
        )
        rows.append(
            {
                "feature": words(one.title),
                "unit": one.unit,
                "segment": called[row["segment"]],
                "mean": mean,
                "interval": f"{low} to {high}" if pd.notna(row["low"]) else "–",
                "median": median,
                "n_users": int(row["n"]),
            }
        )
    return pd.DataFrame(rows)
