"""Contacts, pseudonyms and consents of a load, which count only once the load stands."""

from __future__ import annotations

from persmark.privacy import Vault
from persmark.store import Workspace


def _vault(workspace: Workspace) -> Vault | None:
    """The vault, where there is one: opening it would make it."""
    return Vault(workspace.folder) if (workspace.folder / "vault.sqlite").is_file() else None


def settle_contacts(workspace: Workspace, source_id: int, *, stands: bool) -> None:
    """Give what a load brought its place, or drop it; may be repeated after a crash."""
    if vault := _vault(workspace):
        if stands:
            vault.keep(source_id, workspace.state)
        else:
            vault.drop(source_id)


def settle_left_over(workspace: Workspace) -> None:
    """Settle what loads that are over left behind; call it while no load is under way."""
    if vault := _vault(workspace):
        while (number := vault.next_waiting()) is not None:
            rows = workspace.state.rows("sources", {"source_id": number, "state": "loaded"})
            settle_contacts(workspace, number, stands=bool(rows))


def check_key(workspace: Workspace) -> None:
    """Refuse a lost key before a file is read.

    Raises:
        KeyLostError: The workspace's vault was begun with a key that is not the one at hand.
    """
    if vault := _vault(workspace):
        vault.check_key()
