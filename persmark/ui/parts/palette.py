"""What a condition can be about, as one list to search: type "dairy", "at risk" or "contacted"."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import streamlit as st

from persmark import columns, profiles, segments
from persmark.profiles import predict
from persmark.store import Reader, Workspace
from persmark.ui.cache import cached
from persmark.ui.parts import drafting
from persmark.ui.parts import events as event_parts
from persmark.ui.parts.people import catalogue_of
from persmark.ui.parts.saved import saved_versions
from persmark.ui.words import words

# Behaviour -> what people say of somebody who did it, and of somebody who did not.
DID: Mapping[str, tuple[str, str]] = MappingProxyType({
    columns.PURCHASE: ("Bought", "Did not buy"),
    columns.REFUND: ("Gave something back", "Gave nothing back"),
    columns.VIEW: ("Viewed", "Did not view"),
    columns.CLICK: ("Clicked", "Did not click"),
    columns.CART: ("Put into the cart", "Put nothing into the cart"),
    columns.SEARCH: ("Searched", "Did not search"),
    columns.IMPRESSION: ("Was shown something", "Was shown nothing"),
    columns.CAMPAIGN_RECEIVED: ("Was contacted", "Was not contacted"),
    columns.COUPON_REDEEMED: ("Redeemed a coupon", "Redeemed no coupon"),
    columns.LIKE: ("Liked", "Did not like"),
    columns.FOLLOW: ("Followed", "Did not follow"),
    columns.SHARE: ("Shared", "Did not share"),
    columns.WISHLIST: ("Put on a wish list", "Put nothing on a wish list"),
    columns.REMOVE_FROM_CART: ("Took out of the cart", "Took nothing out of the cart"),
    columns.CHECKOUT: ("Began to pay", "Did not begin to pay"),
    columns.SIGNUP: ("Signed up", "Did not sign up"),
    columns.RATING: ("Rated", "Did not rate"),
})  # fmt: skip

_CATEGORIES, _BRANDS = 400, 150
_USUAL_DAYS = 30
# What the form of a prediction begins with, by its unit; the count beside it shows where it leads.
USUAL_SCORES: Mapping[str, float] = MappingProxyType({"chance": 0.5, "money": 100, "days": 14})


def event_word(event_type: str) -> str:
    """What a person did, and the name of that event type in the data."""
    return f"{DID[event_type][0]} ({event_type})" if event_type in DID else event_type


def values_of(_: Workspace, reader: Reader, field: str, limit: int) -> list[str]:
    """The values of a field of events or items, commonest first."""
    return segments.offered_values(reader, field, limit)


def lists_of(_: Workspace, reader: Reader) -> dict[str, int]:
    """Kept lists of users."""
    return segments.offered_lists(reader)


def targets_of(_: Workspace, reader: Reader) -> dict[str, predict.Target]:
    """Published predictions by name."""
    return {one.name: one for one in predict.targets(reader)}


def main_type(types: list[str]) -> str | None:
    """The behaviour that counts most: a purchase where there are any."""
    return columns.PURCHASE if columns.PURCHASE in types else (types[0] if types else None)


def _offers(
    workspace: Workspace, reader: Reader, types: tuple[str, ...], saved: tuple[tuple[str, int], ...]
) -> dict[str, dict[str, Any]]:
    """Label -> the condition it begins."""
    found: dict[str, dict[str, Any]] = {}
    for one in types:
        label = f"{DID[one][0]} · {one}" if one in DID else f"Did · {one}"
        found[label] = {"events": {"event_type": one, "at_least": 1, "within_days": _USUAL_DAYS}}
    for one in types:
        label = f"{DID[one][1]} · no {one}" if one in DID else f"Did not · no {one}"
        found[label] = {"events": {"event_type": one, "at_most": 0, "within_days": _USUAL_DAYS}}
    for title, column, groups in (
        ("Lifecycle", "lifecycle", profiles.LIFECYCLE),
        ("RFM segment", "rfm_segment", profiles.RFM_SEGMENTS),
    ):
        for group in groups:
            found[f"{title} · {words(group.title)}"] = {"column": column, "is": "in", "value": [group.name]}
    first = main_type(list(types))
    steps = [{"event_type": one} for one in ([*types[1:2], first] if len(types) > 1 else [first, first])]
    found["Sequence · first one thing, then another"] = {"sequence": steps, "within_days": 7}
    for name, _version in saved:
        found[f"Segment · {name}"] = {"segment": name}
    for name, n_users in segments.offered_lists(reader).items():
        found[f"List · {name} ({n_users:,} users)"] = {"members": name}
    for target in targets_of(workspace, reader).values():
        label = f"Prediction · {words(target.title)} ({target.unit})"
        found[label] = {"prediction": target.name, "is": ">=", "value": USUAL_SCORES.get(target.unit, 0.5)}
    for feature in catalogue_of(workspace, reader):
        if feature.name not in ("user_id", "as_of", "lifecycle", "rfm_segment"):
            found[f"Profile · {words(feature.title)} ({feature.unit})"] = {"column": feature.name}
    for field, title, limit in (("category", "Category", _CATEGORIES), ("brand", "Brand", _BRANDS)):
        for value in segments.offered_values(reader, field, limit):
            found[f"{title} · {value}"] = {
                "events": {"event_type": first, field: [value], "at_least": 1, "within_days": _USUAL_DAYS}
            }
    return found


def offers(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Label -> the condition it begins."""
    types = tuple(event_parts.overview(workspace).by_type["event_type"].tolist())
    return cached(_offers, workspace, types, saved_versions(workspace))


def show_palette(workspace: Workspace, group: tuple[int, ...]) -> None:
    """One field to search all of it; what is picked opens as a form."""
    found = offers(workspace)
    picked = st.selectbox(
        "Add a condition",
        list(found),
        index=None,
        key=f"palette_{drafting.form_number()}",
        placeholder="Add a condition: dairy, at risk, contacted …",
        label_visibility="collapsed",
        icon=":material/add:",
    )
    if picked:
        drafting.open_form(group, dict(found[str(picked)]), is_new=True)
        st.rerun()
