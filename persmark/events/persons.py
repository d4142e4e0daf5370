"""User ids that are e-mails or phones become pseudonyms before anything is stored.

E-mails inside other cells of an event are taken out as well: no published file holds one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass, field

import pyarrow as pa

from persmark.events.mapping import Mapping
from persmark.privacy import Vault
from persmark.store import Workspace, Writer, quoted
from persmark.text import Text, text

# One `@` between a name and a domain with a dot; whether mail arrives there is not asked.
EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_EMAIL = re.compile(EMAIL)

# An address inside a longer text or a link (where `@` may be written %40). The domain ends in letters,
# so that `3@5.99` is none. For the database's engine, then for Python's.
EMAIL_INSIDE = r"""[^\s@"\\<>()\[\],;:=&?/%]+(?:@|%40)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}"""
EMAIL_INSIDE_PYTHON = re.compile(
    EMAIL_INSIDE.replace(r"[\p{L}\p{N}-]", r"(?:[^\W_]|-)").replace(r"\p{L}{2,}", r"[^\W\d_]{2,}")
)
WITHHELD = "[e-mail]"

_PHONE_SIGNS = re.compile(r"[\s().\-/·‐-―]|^tel:", re.IGNORECASE)
# E.164 numbers have up to 15 digits; fewer than 7 are no subscriber's.
_PHONE = re.compile(r"\+?\d{7,15}")
# What reads as a phone by itself: an international prefix, groups as people write them, or a mobile
# number of China, whose 11 digits begin with 13 to 19. Ten plain digits are an id as well as a phone.
_PHONE_LOOK = re.compile(
    r"(?:\+|00)[\d\s().-]{8,20}|\(\d{2,5}\)[\s-]?\d{2,4}[\s-]\d{2,6}|\d{3}[-. ]\d{3}[-. ]\d{4}|1[3-9]\d{9}"
)


def is_email(value: str) -> bool:
    """Whether a cell holds an e-mail address and nothing else."""
    return bool(_EMAIL.fullmatch(value.strip()))


def normal_phone(value: str) -> str | None:
    """A phone number as its digits, after `+` where it names its country; None where it is none.

    Signs, full-width digits, `(0)`, a leading 00 and the `.0` of a data frame are understood. A
    country is never guessed, so +49 151... and 0151... stay two numbers. Digits that are all the same
    are a filler.
    """
    plain = unicodedata.normalize("NFKC", value).strip().lstrip("'").removesuffix(".0").replace("(0)", "")
    digits = _PHONE_SIGNS.sub("", plain)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not _PHONE.fullmatch(digits) or len(set(digits.lstrip("+"))) == 1:
        return None
    return digits


def looks_like_phone(value: str) -> bool:
    """Whether a cell reads as a phone number and hardly as anything else."""
    plain = unicodedata.normalize("NFKC", value).strip()
    return bool(_PHONE_LOOK.fullmatch(plain)) and normal_phone(plain) is not None


def phones_among(values: Iterable[str | None]) -> str | None:
    """How phones are written in a column of which at least half are ones, digits masked; else None."""
    filled = [value for value in values if value and value.strip()]
    found = [value for value in filled if looks_like_phone(value)]
    if not found or 2 * len(found) < len(filled):
        return None
    return re.sub(r"\d(?=.*\d{2})", "•", found[0].strip())


@dataclass
class Named:
    """User ids that became pseudonyms.

    Attributes:
        emails: Pseudonym -> address.
        phones: Pseudonym -> number, normalised.
    """

    emails: dict[str, str] = field(default_factory=dict)
    phones: dict[str, str] = field(default_factory=dict)

    def notes(self) -> list[Text]:
        """What was done, in words."""
        said = []
        if self.emails:
            said.append(text("{n} user ids were e-mails and stand here as pseudonyms.", n=len(self.emails)))
        if self.phones:
            said.append(
                text("{n} user ids were phone numbers and stand here as pseudonyms.", n=len(self.phones))
            )
        return said


def pseudonymise(workspace: Workspace, w: Writer, mapping: Mapping, *, source_id: int) -> Named:
    """Replace the user ids of `typed` that are e-mails or phones; the vault keeps which is whose.

    Addresses that differ in case only are one person, as are phones that differ in signs. Phones are
    those of a mapping whose `phone_ids` says so, and ids that were taken from a phone column
    (`typed.user_from`).
    """
    vault, named = Vault(workspace.folder), Named()
    emails = [
        str(row[0])
        for row in w.rows(
            f"""SELECT DISTINCT lower(user_id) FROM typed
            WHERE reason IS NULL AND regexp_full_match(user_id, '{EMAIL}') ORDER BY 1"""
        )
    ]
    if emails:
        stand_ins = vault.digests(emails)
        named.emails = dict(zip(stand_ins, emails, strict=True))
        _rename(w, emails, stand_ins, "lower(typed.user_id)")
    every = mapping.phone_ids == "phone"
    asked = [
        str(row[0])
        for row in w.rows(
            f"""SELECT DISTINCT user_id FROM typed
            WHERE reason IS NULL AND {"true" if every else "user_from = 'phone'"} ORDER BY 1"""
        )
    ]
    phones = {value: phone for value in asked if (phone := normal_phone(value))}
    if phones:
        stand_ins = vault.digests(list(phones.values()))
        named.phones = dict(zip(stand_ins, phones.values(), strict=True))
        _rename(w, list(phones), stand_ins, "typed.user_id", "" if every else "AND typed.user_from = 'phone'")
    if named.emails or named.phones:
        vault.wait(source_id, pseudonyms={**named.emails, **named.phones})
    return named


def _rename(w: Writer, old: list[str], new: list[str], where: str, more: str = "") -> None:
    w.rows(
        "CREATE OR REPLACE TEMP TABLE renamed AS SELECT * FROM named",
        inputs={"named": pa.table({"old": old, "new": new})},
    )
    w.run(f"UPDATE typed SET user_id = r.new FROM renamed AS r WHERE {where} = r.old {more}")


def _sign(place: str) -> str:
    """Whether a column may hold an address at all."""
    return f"(contains({place}, '@') OR contains({place}, '%40'))"


def withhold_emails(w: Writer, columns: Iterable[str], *, table: str = "typed") -> int:
    """Take e-mail addresses out of text columns of a table, whole cells and inside longer texts.

    Returns:
        Rows that held one.
    """
    every = [quoted(name) for name in columns]
    # Cheap first: most files have no such sign anywhere, and then nothing is asked in earnest.
    seen = w.rows(f"SELECT {', '.join(f'bool_or({_sign(place)})' for place in every)} FROM {table}")[0]
    places = [place for place, some in zip(every, seen, strict=True) if some]
    if not places:
        return 0
    found = " OR ".join(f"({_sign(place)} AND regexp_matches({place}, $email))" for place in places)
    (n,) = w.rows(f"SELECT count(*) FROM {table} WHERE {found}", {"email": EMAIL_INSIDE})[0]
    if n:
        changed = ", ".join(f"{place} = regexp_replace({place}, $email, $mark, 'g')" for place in places)
        w.run(f"UPDATE {table} SET {changed} WHERE {found}", {"email": EMAIL_INSIDE, "mark": WITHHELD})
    return int(n)


def holds_email(
    w: Writer, mapping: Mapping, names: Iterable[str], source: str, params: Map[str, object]
) -> bool:
    """Whether a column that would be kept as it is holds an e-mail, in a file that the database reads.

    Asked before anything is written: what is written and then dropped still lies in the file.

    Args:
        w: Reads the file.
        mapping: Says what is kept.
        names: The file's columns.
        source: What stands after FROM; its holes are filled from `params`.
        params: As for `Writer.rows`.
    """
    numbers = {mapping.columns.get(one) for one in ("event_time", "value", "quantity", "discount")}
    kept = {*mapping.columns.values(), *mapping.rest(list(names))} - numbers - {None}
    user = quoted(mapping.columns["user_id"])
    found = [f"contains({user}, '@')"]
    for name in sorted(name for name in kept if name is not None):
        place = quoted(name)
        found.append(f"({_sign(place)} AND regexp_matches({place}, $email))")
    sql = f"SELECT 1 FROM {source} WHERE {' OR '.join(found)} LIMIT 1"
    return bool(w.rows(sql, {**params, "email": EMAIL_INSIDE}))


def withheld_notes(n: int) -> list[Text]:
    """What `withhold_emails` did, in words."""
    if not n:
        return []
    return [text("{n} rows held an e-mail address, which is left out of them.", n=n)]
