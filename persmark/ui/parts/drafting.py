"""The rule that is being written: its draft with undo and redo, and the condition that is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from persmark.segments import drafts
from persmark.ui import state

_HISTORY, _AT, _OPEN, _GROUP, _COUNT, _EDITED = (
    "rule_history", "rule_at", "rule_open", "rule_group", "rule_count", "rule_edited",
)  # fmt: skip
_MOST_STEPS = 100


@dataclass(frozen=True)
class Opened:
    """The condition whose form is open.

    Attributes:
        place: The part that is changed, or the group that it will join.
        rule: What the form began with.
        is_new: Whether it is still to be added.
        number: Tells one opening from the next, for the keys of its widgets.
    """

    place: drafts.Place
    rule: dict[str, Any]
    is_new: bool
    number: int


def draft() -> dict[str, Any]:
    """The draft; what another part of the app put there becomes a step that can be undone."""
    found = drafts.draft_of(state.recall_rule())
    history: list[dict[str, Any]] = state.recall(_HISTORY) or []
    at = int(state.recall(_AT, -1))
    if not history:
        # The first step is everyone, so that a draft that came by a link can be cleared by undo as well.
        history, at = [drafts.draft_of(None)], 0
        _keep(history, at)
    if history[at] != found:
        _keep([*history[: at + 1], found][-_MOST_STEPS:], min(at + 1, _MOST_STEPS - 1))
        close()
    return found


def _keep(history: list[dict[str, Any]], at: int) -> None:
    state.remember(_HISTORY, history)
    state.remember(_AT, at)


def change(rule: dict[str, Any]) -> None:
    """The draft as it shall be from now on."""
    state.remember_rule(None if rule == drafts.draft_of(None) else rule)
    draft()
    close()


def can(steps: int) -> bool:
    """Whether one can go back (-1) or forth (1)."""
    history = state.recall(_HISTORY) or []
    return 0 <= int(state.recall(_AT, 0)) + steps < len(history)


def travel(steps: int) -> None:
    """Undo (-1) or redo (1)."""
    history, at = state.recall(_HISTORY) or [], int(state.recall(_AT, 0)) + steps
    if not 0 <= at < len(history):
        return
    state.remember(_AT, at)
    state.remember_rule(None if history[at] == drafts.draft_of(None) else history[at])
    close()


def open_form(place: drafts.Place, rule: dict[str, Any], *, is_new: bool) -> None:
    """Open a condition's form, in the place of one that may stand open."""
    number = int(state.recall(_COUNT, 0)) + 1
    state.remember(_COUNT, number)
    state.remember(_OPEN, Opened(place, rule, is_new, number))


def opened() -> Opened | None:
    """The form that is open."""
    found: Opened | None = state.recall(_OPEN)
    return found


def close() -> None:
    """Close the form; what was not added is dropped."""
    state.forget(_OPEN)
    state.remember(_COUNT, int(state.recall(_COUNT, 0)) + 1)


def form_number() -> int:
    """A number that changes whenever a form was opened or closed."""
    return int(state.recall(_COUNT, 0))


def group(there: dict[str, Any]) -> drafts.Place:
    """The group that new conditions join; the outermost one where that group has gone."""
    found: drafts.Place = state.recall(_GROUP, ())
    try:
        return found if drafts.part_at(there, found).join is not None else ()
    except (LookupError, TypeError):
        return ()


def set_group(place: drafts.Place) -> None:
    """New conditions join this group from now on."""
    state.remember(_GROUP, place)


def edited() -> str:
    """The saved segment that the draft began as; empty for a new one."""
    return str(state.recall(_EDITED, ""))


def begin(rule: dict[str, Any] | None, name: str = "") -> None:
    """Write another rule from now on: a saved one under its name, or a new one."""
    state.remember(_EDITED, name)
    set_group(())
    change(drafts.draft_of(rule))
    state.set_next_widget("segment_name", name)
