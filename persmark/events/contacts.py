"""What a file of users says about its people: contacts for the vault, consent, and plain attributes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pyarrow as pa

from persmark.events.names import consent_purposes, consent_said, contact_field, split_name
from persmark.events.persons import EMAIL_INSIDE_PYTHON, WITHHELD, Named, is_email, normal_phone
from persmark.privacy import DENIED, GRANTED
from persmark.text import Text, text

# Told of a person, and told of a place as well: attributes can be asked for it.
_BOTH = ("city", "country")
_INTERNATIONAL = re.compile(r"\s*(?:\+|00)[\d\s().\-/]{8,22}")


@dataclass
class People:
    """The users of a file.

    Attributes:
        users: User ids, in order.
        attributes: Each one's JSON object of what is no contact and no consent; None where nothing is left.
        contacts: `user_id` and contact fields of those who have any.
        consents: User id, purpose and state of those who said yes or no.
        unread: Consent column -> cells that no known spelling fits.
    """

    users: list[str] = field(default_factory=list)
    attributes: list[str | None] = field(default_factory=list)
    contacts: list[dict[str, str]] = field(default_factory=list)
    consents: list[tuple[str, str, str]] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)

    def contact_table(self) -> pa.Table:
        """The contacts as the vault takes them."""
        names = sorted({name for one in self.contacts for name in one} | {"user_id"})
        return pa.table(
            {name: pa.array([one.get(name) for one in self.contacts], pa.string()) for name in names}
        )


@dataclass
class Summary:
    """What was found of all users of a file.

    Attributes:
        n_contacts: Users with contacts.
        said: Purpose and state -> users.
        unread: Consent column -> cells that no known spelling fits.
    """

    n_contacts: int = 0
    said: Counter[tuple[str, str]] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)

    def add(self, found: People) -> None:
        """Count some more users."""
        self.n_contacts += len(found.contacts)
        self.said.update((purpose, state) for _, purpose, state in found.consents)
        self.unread.update(found.unread)

    def notes(self) -> list[Text]:
        """What was done with them, in words."""
        notes = []
        if self.n_contacts:
            notes.append(text("Contact details of {n} users went to the encrypted vault.", n=self.n_contacts))
        for purpose in sorted({purpose for purpose, _ in self.said}):
            yes, no = self.said[purpose, GRANTED], self.said[purpose, DENIED]
            notes.append(
                text("Consent ({purpose}): {yes} said yes, {no} said no.", purpose=purpose, yes=yes, no=no)
            )
        for name, n in sorted(self.unread.items()):
            notes.append(
                text("{n} cells of '{name}' are no yes and no no; they count as not asked.", n=n, name=name)
            )
        return notes


def people(rows: Iterable[tuple[str, str | None]], named: Named) -> People:
    """Part what users files say into attributes, contacts and consent.

    A yes and a no of one user to one purpose, from two columns, are a no. E-mails and international
    phone numbers under any header are contacts; an address inside a longer text is taken out of it.
    Birth dates, cities and countries stay attributes (the last two also go to the vault, for matching).

    Args:
        rows: User id and the JSON object of all its cells, one row a user. By each row's own names:
            JSON lines may have some that the head of the file has not.
        named: User ids that were addresses or phones, which are contacts then.
    """
    found = People()
    field_of = cache(lambda name: contact_field(name, of_users=True))
    purposes_of = cache(consent_purposes)
    for user_id, raw in rows:
        cells: dict[str, str] = json.loads(raw) if raw else {}
        contact: dict[str, str] = {}
        consent: dict[str, str] = {}
        kept: dict[str, Any] = {}
        for name, value in cells.items():
            if (spoken := purposes_of(name)) is not None:
                _consent(consent, spoken, str(value), found.unread, name)
            elif (about := field_of(name)) is not None:
                _contact(contact, about, str(value))
                if about in _BOTH:
                    kept[name] = value
            elif is_email(str(value)):
                contact.setdefault("email", value)
            elif _INTERNATIONAL.fullmatch(str(value)) and normal_phone(value):
                contact.setdefault("phone", value)
            else:
                kept[name] = EMAIL_INSIDE_PYTHON.sub(WITHHELD, value) if _may_hold(value) else value
        if user_id in named.emails:
            contact.setdefault("email", named.emails[user_id])
        if user_id in named.phones:
            contact.setdefault("phone", named.phones[user_id])
        if contact:
            found.contacts.append({"user_id": user_id, **contact})
        found.users.append(user_id)
        found.attributes.append(json.dumps(kept, ensure_ascii=False) if kept else None)
        found.consents += [(user_id, purpose, state) for purpose, state in consent.items()]
    return found


def _may_hold(value: object) -> bool:
    return isinstance(value, str) and ("@" in value or "%40" in value)


def _contact(contact: dict[str, str], about: str, value: str) -> None:
    """Add a contact's cell; of several columns of one kind the first filled one counts."""
    value = value.strip()
    if not value:
        return
    if about != "name":
        contact.setdefault(about, value)
        return
    first, last = split_name(value)
    for name, part in (("first_name", first), ("last_name", last)):
        if part:
            contact.setdefault(name, part)


def _consent(
    consent: dict[str, str],
    spoken: tuple[tuple[str, ...], bool],
    value: str,
    unread: Counter[str],
    name: str,
) -> None:
    """Add what a consent cell says; that nobody unsubscribed is no consent."""
    purposes, refusal = spoken
    try:
        said = consent_said(value)
    except ValueError:
        unread[name] += 1
        return
    if said is None or (refusal and not said):
        return
    for purpose in purposes:
        if refusal or not said:
            consent[purpose] = DENIED
        else:
            consent.setdefault(purpose, GRANTED)
