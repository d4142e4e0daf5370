"""Why is this shown: a user's slate with a sentence for each item, then one item looked at closely."""

from __future__ import annotations

import streamlit as st

from persmark import attention, recommend
from persmark.store import Workspace
from persmark.text import Text, text
from persmark.ui import state
from persmark.ui.pages import page_path
from persmark.ui.parts import people, slates
from persmark.ui.parts.attention import item as closer
from persmark.ui.parts.attention import verdict
from persmark.ui.parts.attention.asked import Ask, K, explained, explained_item, pick_run
from persmark.ui.parts.attention.what_if import show_what_if
from persmark.ui.words import escaped, note, section, words

_ITEM = "item"


def show_why(workspace: Workspace) -> None:
    """All of the view."""
    section(
        "Why is this shown?",
        "The recommender's own ranking for one person, before slate rules, and what carries each item.",
    )
    runs = recommend.runs(workspace)
    if not runs:
        with st.container(border=True):
            note("An explanation is of a recommender, and none is trained here yet.")
            st.page_link(page_path("train"), label="Train one", icon=":material/arrow_forward:")
        return
    left, middle, right = st.columns([5, 4, 2])
    with left:
        user_id = people.find_user(workspace, else_first=True)
    with middle:
        run = pick_run(runs, "Recommended by", key="run")
    with right:
        k = int(st.number_input("Slate length", 1, 30, K, key="explained_k"))
    slates.stale_notice(workspace, run)
    if user_id is None:
        return
    ask = Ask(user_id, run.run_id, k)
    with st.spinner("Taking events away, one by one"):
        found = explained(workspace, ask)
    if found is None:
        note(text("User {user} has no events: there is nothing to take away, and only what is popular to "
                  "show them.", user=user_id))  # fmt: skip
        return
    _show(workspace, run, ask, found)


def _show(workspace: Workspace, run: recommend.Run, ask: Ask, found: attention.UserExplained) -> None:
    if not len(found.events):
        note("They have no event on an item that counts: what is popular is shown to them.")
    whole = {one.item_id: (found, one) for one in found.items}
    _add_linked(workspace, ask, whole)
    if not whole:
        note("The recommender has nothing to show this user.")
        return
    ids = list(whole)
    state.begin_linked(_ITEM, ids)
    if state.chosen(_ITEM) not in ids:
        state.fill_widget(_ITEM, ids[0], again=True)
    chosen = str(state.chosen(_ITEM))
    _list(found.user_id, [one for _, one in whole.values()], chosen)
    for remark in _remarks(found):
        note(remark)
    verdict.show_badge(workspace, run, found)
    section("One item, closely")
    chosen = str(
        st.selectbox(
            "Item", ids, format_func=lambda one: f"{whole[one][1].rank}. {whole[one][1].title}", key=_ITEM
        )
    )
    state.keep_linked(_ITEM, chosen)
    judged = attention.verdict_of(workspace, run.run_id)
    closer.show_item(*whole[chosen], weights_first=judged is not None and judged.validated)
    closer.show_all_items(found)
    show_what_if(workspace, ask)


def _add_linked(
    workspace: Workspace,
    ask: Ask,
    whole: dict[str, tuple[attention.UserExplained, attention.ItemExplained]],
) -> None:
    """The item that the address names, where it is not among the first k."""
    wanted = state.chosen(_ITEM) or state.linked(_ITEM)
    if not wanted or wanted in whole:
        return
    extra = explained_item(workspace, ask, wanted)
    if extra is None:
        note(text("The recommender does not know the item '{item}': train again if it is new.", item=wanted))
        return
    whole[wanted] = (extra, extra.items[0])


def _list(user_id: str, items: list[attention.ItemExplained], chosen: str) -> None:
    """The slate as sentences, the chosen item marked."""
    rows = "".join(
        f"<li{' aria-current=true' if one.item_id == chosen else ''}><b>{one.rank:,}</b>"
        f"<div><strong>{escaped(one.title)}</strong><span>{escaped(sentence(one.why))}</span></div></li>"
        for one in items
    )
    st.html(f'<h2 class="pm-who"><span>User</span> {escaped(user_id)}</h2><ol class="pm-because">{rows}</ol>')


def sentence(said: Text) -> str:
    """As a sentence of its own."""
    whole = words(said)
    return f"{whole[:1].upper()}{whole[1:]}."


def _remarks(found: attention.UserExplained) -> list[Text]:
    said = []
    if found.reindexed and len(found.events):
        said.append(
            text(
                "{name} has no attention of its own: each event is taken out of the history, and what is "
                "left is scored as if it had never been.",
                name=found.recommender,
            )
        )
    if found.n_older:
        template = (
            "The latest {n} events are taken away in turn; {m} earlier ones stay in place."
            if found.reindexed
            else "The model looks at {n} events of this history; {m} others are not among them."
        )
        said.append(text(template, n=len(found.events), m=found.n_older))
    return said
