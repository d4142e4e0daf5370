"""Audience -> consent -> holdout -> target list with its certificate."""

from persmark.campaigns.audiences import (
    BASE_DAYS,
    Audience,
    arms,
    audience,
    list_audiences,
)
from persmark.campaigns.create import create_audience
from persmark.campaigns.exports import Destination, Export, destinations, export, list_exports
from persmark.campaigns.membership import Membership, memberships

__all__ = [
    "BASE_DAYS",
    "Audience",
    "Destination",
    "Export",
    "Membership",
    "arms",
    "audience",
    "create_audience",
    "destinations",
    "export",
    "list_audiences",
    "list_exports",
    "memberships",
]
