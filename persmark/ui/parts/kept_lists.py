"""The lists of users that were kept, and whether they are older than the data."""

from __future__ import annotations

import pandas as pd

from persmark import segments
from persmark.store import Workspace
from persmark.ui.tables import show_table
from persmark.ui.words import note, section


def show_lists(workspace: Workspace) -> None:
    """Each list with its age; nothing where there are none."""
    found = segments.user_lists(workspace)
    if not found:
        return
    section(
        "Lists kept", "A saved group or ranking keeps its users as they were; a new search makes a new list."
    )
    stale = [one.stale(workspace) for one in found]
    table = pd.DataFrame(
        [
            {
                "list": one.name,
                "n_users": one.n_users,
                "made_from": one.source,
                "as_of": one.as_of[:16].replace("T", " "),
                "saved_at": one.kept_at[:16].replace("T", " "),
                "state": "older than the data" if old else "as of now",
            }
            for one, old in zip(found, stale, strict=True)
        ]
    )
    show_table(table, "kept-lists")
    if any(stale):
        note("A list that is older than the data holds the users that belonged to it then.")
