"""What is odd about the events, each with its figure, examples and the rule that would mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from persmark.events.rules import Rule
from persmark.jobs import OnProgress, unwatched
from persmark.text import Text

if TYPE_CHECKING:
    from persmark.store import Workspace

FINE, LOOK, PROBLEM = "fine", "look", "problem"
LEVELS = (FINE, LOOK, PROBLEM)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        key: Stable name, as `bots`.
        level: `fine`, `look` (worth a look) or `problem`.
        title: Two or three words.
        text: What was found, with its sample size.
        n: How many (events, users, days; the text says of what).
        of: Out of how many.
        source_id: The source it speaks of; None for all of them together.
        examples: Up to five, without contact details.
        fix: The rule that would mend it, to be saved as it is or changed first; None where there is none.
    """

    key: str
    level: str
    title: Text
    text: Text
    n: int
    of: int
    source_id: int | None = None
    examples: tuple[Text, ...] = ()
    fix: Rule | None = None


def findings(workspace: Workspace) -> list[Finding] | None:
    """What the last `check_quality` found, overall ones first, then by source; problems first in each.

    Returns:
        None where the events have changed since, or were never checked: `check_quality` is needed.
    """
    raise NotImplementedError


def check_quality(workspace: Workspace, *, on_progress: OnProgress = unwatched) -> list[Finding]:
    """Look at all events and keep what was found for `findings`."""
    raise NotImplementedError
