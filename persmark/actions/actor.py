"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from persmark.errors import PersmarkError

if TYPE_CHECKING:
    pass


ROLES = ("viewer", "marketer", "owner")


@dataclass(frozen=True)
class Actor:
    """Who asks. Roles: a viewer looks, a marketer builds and exports, an owner also changes data."""

    name: str = "local"
    role: str = "owner"


class NotAllowedError(PersmarkError, PermissionError):
    """The actor's role does not carry this verb."""
