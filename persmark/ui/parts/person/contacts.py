"""What campaigns sent to a user, what came after, and by what they may and can be reached."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from persmark import campaigns
from persmark.privacy import DENIED, GRANTED
from persmark.profiles import contacted
from persmark.settings import settings
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui.cache import cached
from persmark.ui.cache import reader as published
from persmark.ui.parts.person.events import local
from persmark.ui.parts.person.headline import row_of
from persmark.ui.tables import show_table
from persmark.ui.words import Fact, facts, note, notes, percent, shown

_PURPOSES = {
    "email": "E-mail",
    "sms": "SMS",
    "ad_user_data": "Data to ad platforms",
    "ad_personalization": "Personalised ads",
}
_STATES = {GRANTED: "yes", DENIED: "no"}
_FIELDS = {
    "email": "e-mail", "phone": "phone", "first_name": "first name", "last_name": "last name",
    "country": "country", "zip": "postcode", "city": "city", "address": "address",
}  # fmt: skip


def reach(workspace: Workspace, user_id: str) -> contacted.Reach:
    """How the user may and can be reached, as it stands now."""
    return contacted.reach_of(workspace, published(workspace), user_id)


def _contacts(_: Workspace, reader: Reader, user_id: str) -> pd.DataFrame:
    found: pd.DataFrame = contacted.contacts_of(reader, user_id).to_pandas()
    return found


def _reached(held: contacted.Reach) -> Text:
    """By what they can be reached: that it is there, never what it is."""
    named = [_FIELDS[name] for name in held.fields if name in ("email", "phone")]
    if named:
        return text("The vault holds their {names}.", names=" and ".join(named))
    if not held.fields_known:
        return text("The vault holds a contact of theirs; which one was not noted when it was loaded.")
    return text("The vault holds no e-mail and no phone of theirs: they are reached by id only.")


def show_contacts(workspace: Workspace, user_id: str, held: contacted.Reach) -> None:
    """Contacts with what came after, pressure, consent, reach, and audiences."""
    table = cached(_contacts, workspace, user_id)
    row = cached(row_of, workspace, user_id) or {}
    rate = row.get("campaign_response_rate")
    days = settings().profiles.response_days
    facts(
        [
            Fact("Contacts", shown(row.get("n_campaigns_received")), "received in all"),
            Fact(
                text("Answered in {n} days", n=days).render(),
                shown(row.get("n_campaigns_answered")),
                text("response rate {share}", share=percent(rate)) if rate is not None else "no rate yet",
            ),
            Fact("Last 7 days", shown(row.get("n_campaigns_week")), "contacts"),
            Fact(
                text("Last {n} days", n=settings().profiles.contact_days).render(),
                shown(row.get("n_campaigns_recent")),
                "contacts",
            ),
        ]
    )
    note("What they allow, and what is known of them. No contact itself is shown here.")
    facts(
        [
            Fact(
                _PURPOSES[one.purpose],
                _STATES.get(one.state, "not asked"),
                text("since {day}", day=one.changed_at[:10])
                if one.changed_at and one.state in _STATES
                else "no answer yet",
            )
            for one in held.consent
        ]
    )
    note(_reached(held))
    if len(table):
        opened = st.expander(
            f"The {len(table):,} contacts, and what came after",
            type="compact",
            key="contacts",
            on_change="rerun",
        )
        if opened.open:
            with opened:
                _list_contacts(table, workspace.time_zone)
    _show_audiences(workspace, user_id)


def _list_contacts(table: pd.DataFrame, zone: str) -> None:
    days = settings().profiles.response_days
    note(
        text(
            "Answered: the first own event within {n} days. Orders are told likewise; that the contact made "
            "them only a holdout could show.",
            n=days,
        )
    )
    named = {
        "event_time": "local_time",
        "n_contacts": "contacts",
        "n_named": "events_naming_it",
        "n_orders": f"orders_in_{days}_days",
        "value": f"spent_in_{days}_days",
    }
    times = {name: local(table[name], zone) for name in ("event_time", "answered_at")}
    show_table(table.assign(**times).rename(columns=named), "user-contacts")


def _audiences(workspace: Workspace, _: Reader, user_id: str, _made: object) -> list[campaigns.Membership]:
    return campaigns.memberships(workspace, user_id)


def _show_audiences(workspace: Workspace, user_id: str) -> None:
    made = (workspace.state.count("audiences"), workspace.state.count("exports"))
    there = cached(_audiences, workspace, user_id, made)
    if not there:
        note("They are in no audience, so on no target list.")
        return
    rows = [
        {
            "audience": one.audience,
            "side": "held out" if one.arm == "holdout" else "target list",
            "made_at": pd.Timestamp(one.created_at).tz_localize(None),
            "written_to": ", ".join(f"{each.destination}, {each.exported_at[:10]}" for each in one.written)
            or "nothing yet",
        }
        for one in there
    ]
    note("Audiences they were drawn for, and the target lists written since:")
    show_table(pd.DataFrame(rows), "user-audiences")
    notes([one.note for one in there if one.note])
