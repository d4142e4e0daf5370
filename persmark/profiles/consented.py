"""Who said yes to what, beside the profiles: read when it is asked for, never kept in one."""

from __future__ import annotations

import pyarrow as pa

from persmark.privacy import PURPOSES, consents
from persmark.profiles.look import profile_columns
from persmark.store import Reader, Workspace, read_sql


def consent_over_all(workspace: Workspace, reader: Reader) -> pa.Table:
    """How many of the users with a profile said what.

    What a person said may change on any day and holds from then on, so no profile keeps it.

    Args:
        workspace: Whose consents.
        reader: Of the same workspace.

    Returns:
        `purpose`, and users by state: `granted`, `denied`, `unknown`; they sum to all profiles.

    Raises:
        EmptyError: Profiles have not been built.
    """
    profile_columns(reader)
    purposes = pa.table({"purpose": list(PURPOSES), "place": list(range(len(PURPOSES)))})
    return reader.table(
        read_sql("persmark.profiles", "consent_over_all"),
        inputs={"consents": consents(workspace.state), "purposes": purposes},
    )
