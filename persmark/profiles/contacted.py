"""What campaigns sent to one user, how the user answered, and by what they may and can be reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from persmark.privacy import DENIED, GRANTED, PURPOSES, UNKNOWN, Vault
from persmark.profiles.person import PACKAGE
from persmark.settings import settings
from persmark.store import Reader, Workspace, read_sql

if TYPE_CHECKING:
    import pyarrow as pa


def contacts_of(reader: Reader, user_id: str, *, response_days: int | None = None) -> pa.Table:
    """Contacts that a user received up to the moment of the profiles, newest first.

    Args:
        reader: Whose events and profiles.
        user_id: Whose; one without a profile has none.
        response_days: How long a visit or an order after a contact is told beside it; as the profiles
            were built by default.

    Returns:
        `event_time` (UTC), `campaign_id`, `channel`, `n_contacts` (of that campaign at that moment),
        `answered_at` (first own event other than a refund within the days, strictly after; NULL
        without), `n_named` (own events that name the campaign, from then to its next contact),
        `n_orders` and `value` (orders within the days, whatever caused them).
    """
    rows = reader.rows("SELECT as_of FROM profiles WHERE user_id = $user_id", {"user_id": user_id})
    days = settings().profiles.response_days if response_days is None else int(response_days)
    asked = {"user_id": user_id, "as_of": rows[0][0] if rows else None, "response_days": days}
    return reader.table(read_sql(PACKAGE, "user_contacts"), asked)


@dataclass(frozen=True)
class Consent:
    """What a person said to one purpose.

    Attributes:
        purpose: One of `privacy.PURPOSES`.
        state: granted, denied, or unknown where they were never asked.
        changed_at: When that was said, ISO-8601 UTC; None where it was not.
    """

    purpose: str
    state: str
    changed_at: str | None


@dataclass(frozen=True)
class Reach:
    """How a person may and can be reached; no contact itself is among it.

    Attributes:
        is_pseudonym: Whether the user id stands for another one that is kept in the vault.
        source_ids: Other ids that were joined to this user.
        fields: Contact fields that the vault holds something for, such as `email`; empty without.
        fields_known: False where a contact is there whose fields were not noted.
        consent: One for each purpose.
    """

    is_pseudonym: bool
    source_ids: tuple[str, ...]
    fields: tuple[str, ...]
    fields_known: bool
    consent: tuple[Consent, ...]


# What counts where a person of several ids said several things: a no, then a yes.
_WEIGHT = {DENIED: 2, GRANTED: 1, UNKNOWN: 0}


def _consent(workspace: Workspace, ids: list[str]) -> tuple[Consent, ...]:
    said = [row for one in ids for row in workspace.state.rows("consents", {"user_id": one})]
    found = []
    for purpose in PURPOSES:
        rows = [row for row in said if row["purpose"] == purpose and row["state"] in _WEIGHT]
        rows.sort(key=lambda row: (-_WEIGHT[row["state"]], row["changed_at"]))
        state, at = (str(rows[0]["state"]), str(rows[0]["changed_at"])) if rows else (UNKNOWN, None)
        found.append(Consent(purpose, state, at))
    return tuple(found)


def reach_of(workspace: Workspace, reader: Reader, user_id: str) -> Reach:
    """How a user may and can be reached.

    A person of several user ids said what any of them said, and no where one of them said no.

    Args:
        workspace: Whose vault and consents.
        reader: Whose identities.
        user_id: Whose; an unknown one has nothing.
    """
    joined = reader.rows(
        "SELECT DISTINCT source_user_id FROM identities WHERE user_id = $user_id"
        " AND source_user_id <> $user_id ORDER BY source_user_id",
        {"user_id": user_id},
    )
    others = [str(row[0]) for row in joined]
    ids = [user_id, *others]
    fields: set[str] = set()
    noted, pseudonym = True, False
    # A vault that was never begun is not begun by looking.
    if (workspace.folder / "vault.sqlite").exists():
        vault = Vault(workspace.folder)
        pseudonym = vault.is_pseudonym(user_id)
        for one in ids:
            held = vault.fields_of(one)
            noted = noted and held is not None
            fields |= set(held or ())
    return Reach(pseudonym, tuple(others), tuple(sorted(fields)), noted, _consent(workspace, ids))
