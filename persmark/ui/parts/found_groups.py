"""Parts of the Discover page: look for groups, whether there are any, each one and its users."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

import pandas as pd
import streamlit as st

from persmark import actions, segments
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui import charts, state
from persmark.ui.cache import cached
from persmark.ui.parts.opened import USERS_LISTED, refuse_too_few, too_few
from persmark.ui.parts.people import group_title, link_to_user
from persmark.ui.progress import duration, started
from persmark.ui.show import show_chart
from persmark.ui.tables import show_table
from persmark.ui.words import Fact, facts, note, plain, section, words

_AS_MANY = 0


def show_looking(workspace: Workspace, *, busy: bool) -> None:
    """What to compare users by, and go."""
    section(
        "Groups nobody has named",
        "Users who are alike in many ways at once. Looked for, tested against users without groups, and only "
        "shown as real where they are.",
    )
    with st.form("groups"):
        chosen = st.multiselect(
            "Compare users by", list(segments.FAMILIES), default=list(segments.FAMILIES),
            format_func=lambda name: words(segments.FAMILY_TITLES[name]), key="group_families",
        )  # fmt: skip
        wanted = st.selectbox(
            "How many groups",
            [_AS_MANY, *range(2, segments.MOST_WANTED + 1)],
            format_func=lambda k: (
                f"{k}, whether they are there or not" if k else "As many as are really there"
            ),
            key="group_wanted",
        )
        go = st.form_submit_button(
            "Look for groups", type="primary", key="find_groups", icon=":material/travel_explore:",
            disabled=busy,
        )  # fmt: skip
    if go:
        if not chosen:
            note("Choose at least one thing to compare users by.")
            return
        families = None if len(chosen) == len(segments.FAMILIES) else tuple(chosen)
        actions.start(workspace, state.actor(), actions.FindGroups(families=families, wanted=wanted or None))
        started("The search for groups has begun.")


def _facts(found: segments.FoundGroups) -> None:
    taken = next((one for one in found.tried if one.n_groups == len(found.groups)), None)
    best = taken or max(found.tried, key=lambda one: one.separation - one.by_chance, default=None)
    row = [
        Fact(
            "Real groups", str(len(found.groups)) if found.real else "None" if found.tried else "–",
            text("among {n} users, {m} measures", n=found.n_users, m=found.measures),
        ),
    ]  # fmt: skip
    if best:
        row += [
            Fact(f"Separation at {best.n_groups}", f"{best.separation:.2f}",
                 text("by chance {a}, 95% below {b}", a=round(best.by_chance, 2),
                      b=round(best.by_chance_high, 2))),
            Fact("Comes back", f"{best.stability:.2f}", "Rand index on resampled users; 1 = the same"),
            Fact("Between groups", f"{best.depth:.1f}×", "users halfway, over a middle's; gap below 0.8"),
        ]  # fmt: skip
    row.append(Fact("Looked", found.found_at[:10], text("took {time}", time=duration(found.seconds))))
    facts(row)


def show_found(workspace: Workspace) -> None:
    """What the latest search found; earlier ones can be chosen."""
    searches = segments.found_groups(workspace)
    if not searches:
        note("Nobody has looked yet. A search takes from seconds to a few minutes and changes nothing.")
        return
    found = searches[0]
    if len(searches) > 1:
        found = st.selectbox("Search", searches, format_func=_search_title, key="group_search") or found
    _facts(found)
    note(found.verdict)
    if not found.real and found.tried and not found.groups:
        note("Compare users by fewer things, or have them cut into a number of parts of your choice.")
    if found.stale:
        note(
            "The data has changed since: these groups describe users as they were. Look again to renew them."
        )
    if not found.tried:
        return
    tried = pd.DataFrame([asdict(one) for one in found.tried])
    show_chart(charts.separations(tried), charts.read_separations(tried), tried, "separations")
    if found.groups:
        _show_groups(workspace, found)


def _search_title(found: segments.FoundGroups) -> str:
    names = [words(segments.FAMILY_TITLES[one]) for one in found.families] or ["everything"]
    outcome = f"{len(found.groups)} groups" if found.real else "no real groups"
    if found.wanted:
        outcome = f"cut into {len(found.groups)}"
    return f"{found.found_at[:16].replace('T', ' ')} UTC · {', '.join(names)} · {outcome}"


def _show_groups(workspace: Workspace, found: segments.FoundGroups) -> None:
    table = pd.DataFrame(
        [
            {
                "group": f"{one.number}. {words(one.title)}",
                "n_users": one.n_users,
                "share": one.share,
                "comes_back": f"{one.jaccard:.2f} ({one.low:.2f} to {one.high:.2f})",
                "what_sets_it_apart": words(one.apart),
            }
            for one in found.groups
        ]
    )
    show_table(table, "found-groups")
    note("Comes back: how alike the group is to its nearest in refits on resampled users (Jaccard, mean and "
         "90% range); from 0.75 on it is stable.")  # fmt: skip
    number = st.segmented_control(
        "Look at a group", [one.number for one in found.groups], default=1, required=True,
        key=f"group-{found.run_id}",
    )  # fmt: skip
    group = next(one for one in found.groups if one.number == (number or 1))
    with st.container(border=True, key="pm-group"):
        st.subheader(plain(f"{group.number}. {words(group.title)}"), anchor=False)
        note(group.sentence)
        note(text("It {how}.", how=group.stability))
        show_differences(group.differences, f"group-{group.number}")
        _save_form(workspace, found, group)
    show_listed(workspace, _sample, (found.run_id, group.number), group.n_users, key=f"group-{group.number}")


def difference_rows(found: Sequence[segments.Trait]) -> pd.DataFrame:
    """What sets users apart, for a chart and a table."""
    return pd.DataFrame(
        [
            {
                "what": words(one.title) + (f" ({one.dimension})" if one.dimension else ""),
                "effect": one.effect,
                "inside": words(segments.value_text(one.inside, one.unit)),
                "outside": words(segments.value_text(one.outside, one.unit)),
                "lift": one.lift,
            }
            for one in found
        ],
        columns=["what", "effect", "inside", "outside", "lift"],
    )


def show_differences(found: Sequence[segments.Trait], key: str) -> None:
    """A chart of what sets users apart, with its sentence and its numbers."""
    table = difference_rows(found)
    if table.empty:
        note(charts.read_effects(table))
        return
    show_chart(charts.effects(table), charts.read_effects(table), table, f"effects-{key}")


def _sample(workspace: Workspace, reader: Reader, run_id: str, number: int) -> pd.DataFrame:
    users = segments.sample_of_group(workspace, run_id, number, USERS_LISTED)
    found: pd.DataFrame = segments.with_profiles(reader, users).to_pandas()
    return found


def show_listed(
    workspace: Workspace,
    ask: Callable[..., pd.DataFrame],
    request: tuple[object, ...],
    n_users: int,
    *,
    key: str,
    title: str = "",
) -> None:
    """Users with their main figures; refused for a few."""
    with st.expander(title or f"Users of it: {min(n_users, USERS_LISTED)} of {n_users:,}", type="compact"):
        if too_few(n_users):
            refuse_too_few()
            return
        table = cached(ask, workspace, *request)
        named = table.assign(
            **{name: [group_title(one) for one in table[name]] for name in ("lifecycle", "rfm_segment")}
        )
        note("Tick a row to open that user.")
        place = show_table(named, f"listed-{key}", height=340 if len(table) > 8 else "auto", choose=True)
        if place is not None:
            link_to_user(workspace, str(table["user_id"].iloc[place]))


def _save_form(workspace: Workspace, found: segments.FoundGroups, group: segments.FoundGroup) -> None:
    with (
        st.form(f"save-group-{group.number}", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        name = st.text_input(
            "Keep these users as a segment",
            value=words(group.title)[:80],
            key=f"name-{found.run_id}-{group.number}",
        )
        go = st.form_submit_button("Save segment", key="save_group", icon=":material/bookmark_add:")
    if go:
        actions.run(
            workspace, state.actor(),
            actions.SaveGroup(run_id=found.run_id, number=group.number, name=str(name)),
        )  # fmt: skip
        state.say_next(f"Saved: {plain(str(name))}. It is among the segments now.")
        st.rerun()
