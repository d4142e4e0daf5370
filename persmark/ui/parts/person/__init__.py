"""Parts of the User page: finding one, their figures, events, attention, place among others, what is next."""

from persmark.ui.parts.person.among import pick_group
from persmark.ui.parts.person.contacts import reach
from persmark.ui.parts.person.events import show_timeline
from persmark.ui.parts.person.finding import find, step
from persmark.ui.parts.person.headline import show_headline
from persmark.ui.parts.person.looks import show_looks

__all__ = [
    "find",
    "pick_group",
    "reach",
    "show_headline",
    "show_looks",
    "show_timeline",
    "step",
]
