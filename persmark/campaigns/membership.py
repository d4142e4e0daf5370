"""Which audiences one user is in, on which side of the draw, and what was written since."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.parquet as pq

from persmark.campaigns.audiences import list_audiences, sha256_of
from persmark.campaigns.exports import list_exports
from persmark.experiments import ARM, HOLDOUT
from persmark.store import Workspace
from persmark.text import Text, text


@dataclass(frozen=True)
class Written:
    """A target list that an audience was written to.

    Attributes:
        destination: What for.
        exported_at: ISO-8601 UTC.
        whole: Whether everyone of the target list is in the file; where not, some were left out for
            want of consent, and which is told by the file alone.
    """

    destination: str
    exported_at: str
    whole: bool


@dataclass(frozen=True)
class Membership:
    """One audience that a user is in.

    Attributes:
        audience: Its name.
        arm: `target` or `holdout`.
        created_at: ISO-8601 UTC.
        written: Exports of a target list that the user is on, the latest first; none for the held out.
        note: What a reader should know; None where nothing.
    """

    audience: str
    arm: str
    created_at: str
    written: tuple[Written, ...]
    note: Text | None = None


def memberships(workspace: Workspace, user_id: str) -> list[Membership]:
    """Audiences that a user is in, the latest first.

    An audience whose arm file is gone or changed is left out: nobody can tell who was in it.
    """
    found = []
    for audience in list_audiences(workspace):
        path = workspace.folder / audience.file
        if not path.is_file() or sha256_of(path) != audience.sha256:
            continue
        rows = pq.read_table(path, columns=[ARM], filters=[("user_id", "=", user_id)])
        if not rows.num_rows:
            continue
        arm = str(rows[ARM][0].as_py())
        written = tuple(
            Written(one.destination, one.exported_at, one.n_rows == audience.n_target)
            for one in (list_exports(workspace, audience) if arm != HOLDOUT else [])
        )
        some = text(
            "Of a target list of '{name}' some were left out for want of consent; the file tells who.",
            name=audience.name,
        )
        note = None if all(one.whole for one in written) else some
        found.append(Membership(audience.name, arm, audience.created_at, written, note))
    return found
