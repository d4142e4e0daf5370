"""Parts of the Discover page: choose a seed, how well its like is found, who they are."""

from __future__ import annotations

import re
from dataclasses import asdict

import pandas as pd
import streamlit as st

from persmark import actions, segments
from persmark.profiles import FEATURES
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import charts, state
from persmark.ui.parts import segment_list
from persmark.ui.parts.found_groups import show_differences, show_listed
from persmark.ui.parts.opened import USERS_LISTED
from persmark.ui.progress import duration, started
from persmark.ui.show import show_chart
from persmark.ui.words import Fact, facts, note, percent, plain, section

_SEGMENT, _LIST = "A segment", "A list of user ids"


def show_looking(workspace: Workspace, *, busy: bool) -> None:
    """Whom the others should resemble, and go."""
    section(
        "Who resembles our best?",
        "All other users, ranked by how alike they are to the users of a seed; and a test of how many "
        "users of the seed such a ranking finds when it does not know them.",
    )
    kind = st.segmented_control("Seed", [_SEGMENT, _LIST], default=_SEGMENT, required=True, key="seed_kind")
    asked: actions.FindLookalikes | None = None
    if kind == _SEGMENT:
        name = segment_list.pick(workspace, "Segment", key="seed_segment")
        asked = actions.FindLookalikes(segment=name) if name else None
    else:
        pasted = st.text_area(
            "User ids, one a line or separated by commas", key="seed_ids", height=120,
            placeholder="user-1\nuser-2\nuser-3",
        )  # fmt: skip
        ids = pasted_ids(pasted or "")
        note(text("{n} user ids; at least {least} with a profile are needed.", n=len(ids),
                  least=segments.LEAST_SEED))  # fmt: skip
        asked = actions.FindLookalikes(user_ids=ids) if ids else None
    if st.button(
        "Find lookalikes", type="primary", key="find_lookalikes", icon=":material/group_search:",
        disabled=busy or asked is None,
    ) and asked:  # fmt: skip
        actions.start(workspace, state.actor(), asked)
        started("The search for lookalikes has begun.")


def pasted_ids(pasted: str) -> tuple[str, ...]:
    """The ids of a pasted text: by lines, else by commas, semicolons or tabs; each once, as written.

    Ids hold blanks and commas in some shops, so one of several lines is split no further.
    """
    lines = [line.strip() for line in pasted.splitlines() if line.strip()]
    if len(lines) == 1:
        lines = [one.strip() for one in re.split(r"[,;\t]", lines[0]) if one.strip()]
    return tuple(dict.fromkeys(lines))


def _seed(found: segments.Lookalikes) -> Text:
    if found.seed_name:
        return text("{name}", name=found.seed_name)
    return text("a list of {n} users", n=found.n_seed)


def _search_title(found: segments.Lookalikes) -> str:
    return f"{found.found_at[:16].replace('T', ' ')} UTC · {_seed(found).render()}"


def show_found(workspace: Workspace) -> None:
    """What the latest search found; earlier ones can be chosen."""
    searches = segments.found_lookalikes(workspace)
    if not searches:
        note("Nobody has looked yet. The seed needs a few dozen users for its likeness to show.")
        return
    found = searches[0]
    if len(searches) > 1:
        found = st.selectbox("Search", searches, format_func=_search_title, key="like_search") or found
    _facts(found)
    note(text("Lookalikes of {seed}. {verdict}", seed=_seed(found), verdict=found.verdict))
    if found.n_unknown:
        note(text("{n} of the user ids have no profile here and were left out.", n=found.n_unknown))
    if found.stale:
        note("The data has changed since: this ranking describes users as they were. Look again to renew it.")
    table = pd.DataFrame([asdict(one) for one in found.test.recalls])
    show_chart(charts.recalls(table), charts.read_recalls(table, found.test.n_seed), table, "recalls")
    note(text("{n} measures are compared. Contacts received are never among them: whom you wrote to is your "
              "doing, not theirs.", n=found.measures))  # fmt: skip
    if found.left_out:
        note(text("Left out, for the seed's rule gives them away: {names}.", names=_named(found.left_out)))
    show_differences(found.differences, "seed")
    _show_ranked(workspace, found)


def _named(names: tuple[str, ...], most: int = 12) -> Text:
    titles = [FEATURES[one].title.render() if one in FEATURES else one for one in names]
    listed = ", ".join(titles[:most])
    return (
        text("{names}", names=listed)
        if len(titles) <= most
        else text("{names} and {n} more", names=listed, n=len(titles) - most)
    )


def _facts(found: segments.Lookalikes) -> None:
    row = []
    for ranking, name in (
        ("likeness", "Found in the first 5%"),
        ("rfm", "By RFM alone"),
        ("random", "By chance"),
    ):
        one = found.test.recall_at(ranking, 0.05)
        if one is None:
            row.append(Fact(name, "–", "the seed is defined by it"))
        elif ranking == "random":
            row.append(Fact(name, percent(one.recall), "any order"))
        else:
            row.append(Fact(name, percent(one.recall), text("95% {low} to {high}, n = {n}",
                            low=percent(one.low), high=percent(one.high), n=found.test.n_seed)))  # fmt: skip
    lead = found.test.lead_over("rfm", 0.05)
    if lead:
        row.append(Fact("Ahead of RFM", f"{100 * lead.difference:+.1f} points",
                        text("95% {low} to {high}", low=f"{100 * lead.low:+.1f}",
                             high=f"{100 * lead.high:+.1f}")))  # fmt: skip
    area = found.test.area_of("likeness")
    if area:
        row.append(Fact("Stand above", percent(area.area),
                        text("of the others on average, 95% {low} to {high}; any order: 50%",
                             low=percent(area.low), high=percent(area.high))))  # fmt: skip
    row.append(Fact("Ranked", f"{found.n_others:,}",
                    text("users, took {time}", time=duration(found.seconds))))  # fmt: skip
    facts(row)


def _first(workspace: Workspace, reader: Reader, run_id: str) -> pd.DataFrame:
    users = segments.ranked_users(workspace, run_id, USERS_LISTED).rename_columns(["user_id", "place"])
    found: pd.DataFrame = segments.with_profiles(reader, users).to_pandas()
    return found


def _show_ranked(workspace: Workspace, found: segments.Lookalikes) -> None:
    n_listed = min(found.n_others, USERS_LISTED)
    show_listed(
        workspace, _first, (found.run_id,), found.n_others, key="ranked",
        title=f"The {n_listed} most alike of {found.n_others:,}",
    )  # fmt: skip
    with st.form("save-lookalikes"), st.container(horizontal=True, vertical_alignment="bottom"):
        n_first = st.number_input(
            "Keep the first",
            min_value=1, max_value=found.n_others, key=f"n-first-{found.run_id}",
            value=max(min(found.n_seed, found.n_others), 1),
        )  # fmt: skip
        name = st.text_input(
            "Segment name", value=f"Like {_seed(found).render()}"[:80], key=f"like-{found.run_id}"
        )
        go = st.form_submit_button("Save segment", key="save_lookalikes", icon=":material/bookmark_add:")
    if go:
        actions.run(
            workspace, state.actor(),
            actions.SaveLookalikes(run_id=found.run_id, n_first=int(n_first), name=str(name)),
        )  # fmt: skip
        state.say_next(f"Saved: {plain(str(name))}. It is among the segments now.")
        st.rerun()
