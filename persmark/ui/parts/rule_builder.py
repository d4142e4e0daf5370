"""A segment's rule by clicks: groups inside groups, every part with its count, undo and redo."""

from __future__ import annotations

from typing import Any

import streamlit as st

from persmark import actions, segments
from persmark.errors import PersmarkError
from persmark.segments import drafts
from persmark.store import Workspace
from persmark.text import text
from persmark.ui import state
from persmark.ui.parts import drafting, segment_figures
from persmark.ui.parts.condition_forms import ask
from persmark.ui.parts.palette import offers, show_palette
from persmark.ui.parts.segment_figures import Look
from persmark.ui.parts.segment_results import show_details, show_figures
from persmark.ui.refusals import refusal, shown
from persmark.ui.show import side_by_side
from persmark.ui.words import escaped, note, percent, plain, section, words

_JOINS = {
    drafts.ALL: "all of these", drafts.ANY: "at least one of these", drafts.NONE: "none of these",
    drafts.NOT_ALL: "not all of these",
}  # fmt: skip
_BETWEEN = {drafts.ALL: "and", drafts.ANY: "or", drafts.NONE: "nor", drafts.NOT_ALL: "and"}
_MOST_DEPTH = 6

_EDIT, _TURN, _TWIN, _UP, _DOWN, _WRAP, _OUT, _OPEN_UP, _REMOVE = (
    "Edit", "Make it the opposite", "Duplicate", "Move up", "Move down", "Put into a group of its own",
    "Move out of its group", "Dissolve the group", "Remove",
)  # fmt: skip
_INTO = "Move into the group below it"


def _key(name: str, place: drafts.Place) -> str:
    """A widget's key: what stood at this place before the last change must not lend it its value."""
    return f"{name}_{drafting.form_number()}_{'-'.join(map(str, place))}"


def show_builder(workspace: Workspace) -> None:
    """The draft: its parts with their counts, what they come to, and a name to save it under."""
    section("Build a segment", "Every condition shows at once how many users it leaves.")
    with shown():
        there = drafting.draft()
        try:
            found = segment_figures.look(workspace, there)
        except PersmarkError as problem:
            _refused(problem)
            return
        left, right = side_by_side("draft", 3, 2)
        with left:
            _toolbar()
            _group(workspace, found, drafts.part_at(there, ()))
            if not drafts.part_at(there, ()).n_parts:
                _starts(workspace)
        with right:
            show_figures(workspace, found)
            _saving(workspace, found)
        show_details(workspace, found)


def _refused(problem: PersmarkError) -> None:
    """A draft that cannot be read, such as one from an old link, and the way out of it."""
    _toolbar()
    refusal(problem.title, words(problem.message), words(problem.hint))


def _toolbar() -> None:
    name = drafting.edited()
    with st.container(horizontal=True, vertical_alignment="center", key="rule-toolbar"):
        if st.button("Undo", key="undo_rule", icon=":material/undo:", type="tertiary",
                     disabled=not drafting.can(-1), shortcut="Alt+Z"):  # fmt: skip
            drafting.travel(-1)
            st.rerun()
        if st.button("Redo", key="redo_rule", icon=":material/redo:", type="tertiary",
                     disabled=not drafting.can(1), shortcut="Alt+Y"):  # fmt: skip
            drafting.travel(1)
            st.rerun()
        if st.button("Start over", key="clear_rule", icon=":material/restart_alt:", type="tertiary"):
            drafting.begin(None)
            st.rerun()
    if name:
        note(text("You are changing the saved segment “{name}”.", name=name))


def _group(workspace: Workspace, found: Look, part: drafts.Part) -> None:
    """A group: how its parts are joined, the parts, and where another can be added."""
    with st.container(border=True, key=_key("pm-group", part.place)):
        _group_head(found, part)
        for step in range(part.n_parts):
            child = drafts.part_at(found.draft, (*part.place, step))
            if child.join is None:
                _condition(workspace, found, child, _BETWEEN[part.join or drafts.ALL] if step else "")
            else:
                if step:
                    st.html(f'<p class="pm-joint">{_BETWEEN[part.join or drafts.ALL]}</p>')
                _group(workspace, found, child)
        opened = drafting.opened()
        if opened and opened.is_new and opened.place == part.place:
            _form(workspace, found, opened)
        else:
            _adding(workspace, found, part)


def _group_head(found: Look, part: drafts.Part) -> None:
    name, count, more = st.columns([6, 4, 1], vertical_alignment="center")
    with name:
        joins = list(_JOINS)
        picked = st.selectbox(
            "Users must meet", joins, index=joins.index(part.join or drafts.ALL),
            format_func=lambda join: ("Users who meet " if not part.place else "Meets ") + _JOINS[join],
            key=_key("join", part.place), label_visibility="collapsed", filter_mode=None,
        )  # fmt: skip
        if picked != part.join:
            drafting.change(drafts.set_join(found.draft, part.place, str(picked)))
            st.rerun()
    with count:
        _count(found, part.place, inside=len(part.place) > 0)
    if part.place:
        with more:
            _menu(found, part)


def _condition(workspace: Workspace, found: Look, part: drafts.Part, joint: str) -> None:
    """One condition: a click on its words opens its form in its place."""
    opened = drafting.opened()
    if opened and not opened.is_new and opened.place == part.place:
        _form(workspace, found, opened)
        return
    with st.container(key=_key("pm-row", part.place)):
        said, count, more, gone = st.columns([12, 7, 1.6, 1.6], vertical_alignment="center")
    with said:
        label = f"{joint} {plain(words(found.sentences[part.place]))}".strip()
        if st.button(label, key=_key("pm-words", part.place), type="tertiary", width="stretch", wrap=True):
            drafting.open_form(part.place, dict(part.rule), is_new=False)
            st.rerun()
    with count:
        _count(found, part.place, inside=True)
    with more:
        _menu(found, part)
    with gone:
        if st.button("Remove", key=_key("remove", part.place), icon=":material/close:", type="tertiary",
                     help="Remove this condition"):  # fmt: skip
            drafting.change(drafts.remove(found.draft, part.place))
            st.rerun()


def _count(found: Look, place: drafts.Place, *, inside: bool) -> None:
    """How many users a part holds for, as a figure and a bar, and how many are left after it."""
    one = found.counts[place]
    if one.n_users is None:
        st.html('<div class="pm-count"><small>no condition yet</small></div>')
        return
    share = one.n_users / found.n_all if found.n_all else 0.0
    left = ""
    around = drafts.part_at(found.draft, place[:-1]) if place else None
    if inside and around and around.n_parts > 1 and one.n_left is not None:
        word = "left" if around.join in (drafts.ALL, drafts.NOT_ALL) else "so far"
        left = f"<small>{one.n_left:,} {word}</small>"
    st.html(
        f'<div class="pm-count"><b>{one.n_users:,}</b><span>{percent(share)}</span>{left}'
        f'<i><u style="width:{min(max(share, 0), 1):.1%}"></u></i></div>'
    )


def _choices(found: Look, part: drafts.Part) -> list[str]:
    """What can be done with a part where it stands."""
    around = drafts.part_at(found.draft, part.place[:-1])
    step = part.place[-1]
    below = (*part.place[:-1], step + 1)
    choices = [_EDIT, _TURN] if part.join is None else []
    choices.append(_TWIN)
    choices += [_UP] if step else []
    choices += [_DOWN] if step + 1 < around.n_parts else []
    if part.depth < _MOST_DEPTH:
        choices.append(_WRAP)
        if step + 1 < around.n_parts and drafts.part_at(found.draft, below).join is not None:
            choices.append(_INTO)
    choices += [_OUT] if len(part.place) > 1 else []
    choices += [_OPEN_UP] if part.join is not None else []
    return [*choices, _REMOVE]


def _menu(found: Look, part: drafts.Part) -> None:
    picked = st.menu_button(
        "More", _choices(found, part), key=_key("menu", part.place), icon=":material/more_vert:",
        type="tertiary", help="More to do with it",
    )  # fmt: skip
    if picked is None:
        return
    if picked == _EDIT:
        drafting.open_form(part.place, dict(part.rule), is_new=False)
    else:
        drafting.change(_done(found.draft, part, str(picked)))
    st.rerun()


def _done(draft: dict[str, Any], part: drafts.Part, picked: str) -> dict[str, Any]:
    """The draft after a choice of the menu."""
    place = part.place
    if picked == _TURN:
        return drafts.turn_round(draft, place)
    if picked == _TWIN:
        return drafts.duplicate(draft, place)
    if picked in (_UP, _DOWN):
        return drafts.move(draft, place, -1 if picked == _UP else 1)
    if picked == _WRAP:
        return drafts.wrap(draft, place)
    if picked == _INTO:
        return drafts.move_into(draft, place, (*place[:-1], place[-1] + 1))
    if picked == _OUT:
        return drafts.move_into(draft, place, place[:-2])
    if picked == _OPEN_UP:
        return drafts.unwrap(draft, place)
    return drafts.remove(draft, place)


def _adding(workspace: Workspace, found: Look, part: drafts.Part) -> None:
    """Where the next condition of a group begins: the search field in one group, a button in the others."""
    if drafting.group(found.draft) == part.place:
        search, nested = st.columns([5, 2], vertical_alignment="center")
        with search:
            show_palette(workspace, part.place)
        with nested:
            if part.depth < _MOST_DEPTH and st.button(
                "Add a group",
                key=_key("add_group", part.place),
                icon=":material/library_add:",
                width="stretch",
            ):
                join = drafts.ANY if part.join in (drafts.ALL, drafts.NOT_ALL) else drafts.ALL
                drafting.change(drafts.add(found.draft, part.place, {join: []}))
                drafting.set_group((*part.place, part.n_parts))
                st.rerun()
    elif st.button("Add a condition here", key=_key("add_here", part.place), icon=":material/add:",
                   type="tertiary"):  # fmt: skip
        drafting.set_group(part.place)
        drafting.close()
        st.rerun()


def _form(workspace: Workspace, found: Look, opened: drafting.Opened) -> None:
    """The open condition, with what it would come to before it is taken."""
    with st.container(border=True, key=f"pm-form-{opened.number}"):
        asked = ask(workspace, opened.rule, f"c{opened.number}")
        if asked is None:
            note("Choose a value to see how many users it holds for.")
        else:
            _preview(workspace, found, opened, asked)
        with st.container(horizontal=True, vertical_alignment="center"):
            go = st.button(
                "Add condition" if opened.is_new else "Change condition",
                key="add_condition", type="primary", icon=":material/check:", disabled=asked is None,
            )  # fmt: skip
            stop = st.button("Cancel", key="cancel_condition", type="tertiary", shortcut="Esc")
    if stop:
        drafting.close()
        st.rerun()
    if go and asked:
        drafting.change(_with(found.draft, opened, asked))
        st.rerun()


def _with(draft: dict[str, Any], opened: drafting.Opened, asked: dict[str, Any]) -> dict[str, Any]:
    """The draft once the form is taken."""
    if opened.is_new:
        return drafts.add(draft, opened.place, asked)
    return drafts.replace(draft, opened.place, asked)


def _preview(workspace: Workspace, found: Look, opened: drafting.Opened, asked: dict[str, Any]) -> None:
    try:
        alone = int(segment_figures.condition(workspace, asked).sum())
        whole = int(segment_figures.holds(workspace, _with(found.draft, opened, asked)).sum())
    except PersmarkError as problem:
        note(problem.message)
        return
    saved = segments.saved_rules(workspace)
    said = words(segments.condition_sentence(asked, saved=saved))
    st.html(
        f'<p class="pm-preview"><b>{alone:,}</b> users: {escaped(said)}.'
        + (f" With the rest of the rule <b>{whole:,}</b>." if found.rule else "")
        + "</p>"
    )


def _starts(workspace: Workspace) -> None:
    """A few rules to begin with, of what this data holds."""
    found = {name: rule for name, rule in _starting(workspace).items() if rule is not None}
    if not found:
        return
    picked = st.pills(
        "Or begin with", list(found), key=f"start_{drafting.form_number()}", format_func=plain, wrap=True
    )
    if picked:
        drafting.change(drafts.draft_of(found[str(picked)]))
        st.rerun()


def _starting(workspace: Workspace) -> dict[str, dict[str, Any] | None]:
    offered = offers(workspace)

    def did(event_type: str, days: int, **asked: int) -> dict[str, Any] | None:
        there = any(one.get("events", {}).get("event_type") == event_type for one in offered.values())
        times = asked or {"at_least": 1}
        return {"events": {"event_type": event_type, **times, "within_days": days}} if there else None

    def every(*parts: dict[str, Any] | None) -> dict[str, Any] | None:
        return {"all": list(parts)} if all(part is not None for part in parts) else None

    slipping = {"column": "rfm_segment", "is": "in", "value": ["at_risk", "cannot_lose"]}
    return {
        "Good users who slip away": every(slipping),
        "… and were not contacted lately": every(slipping, did("campaign_received", 30, at_most=0)),
        "Looked, did not buy": every(did("view", 14), did("purchase", 14, at_most=0)),
        "Left something in the cart": every(did("cart", 7), did("purchase", 7, at_most=0)),
        "First order lately": every({"column": "lifecycle", "is": "in", "value": ["new"]}),
        "The best fifth by money": every({"column": "m_score", "is": "=", "value": 5}),
    }


def _saving(workspace: Workspace, found: Look) -> None:
    """A name for the draft; under a name that is taken it becomes that segment's next version."""
    with st.form("save_segment", border=False):
        name = st.text_input(
            "Name of the segment", key="segment_name", max_chars=120,
            placeholder="What you will look for later",
        )  # fmt: skip
        go = st.form_submit_button(
            "Save segment", type="primary", key="save_rule", icon=":material/save:", width="stretch",
            disabled=found.rule is None,
        )  # fmt: skip
    if go and found.rule is not None:
        made = actions.run(
            workspace, state.actor(), actions.SaveSegment(name=str(name or ""), rule=found.rule)
        )
        state.say_next(f"Saved as version {made['version']}.")
        drafting.begin(None)
        st.rerun()
