"""User ids that are e-mails become pseudonyms before anything is stored."""

from __future__ import annotations

import re

import pyarrow as pa

from persmark.privacy import Vault
from persmark.store import Workspace, Writer

# One `@` between a name and a domain with a dot; whether mail arrives there is not asked.
EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_EMAIL = re.compile(EMAIL)


def is_email(value: str) -> bool:
    """Whether a cell holds an e-mail address and nothing else."""
    return bool(_EMAIL.fullmatch(value.strip()))


def pseudonymise(workspace: Workspace, w: Writer) -> dict[str, str]:
    """Replace the user ids of `typed` that are e-mails; the vault keeps which is whose.

    Addresses that differ in case only are one person.

    Returns:
        Pseudonym -> address, for the users of this file.
    """
    rows = w.rows(
        f"""SELECT DISTINCT lower(user_id) FROM typed
        WHERE reason IS NULL AND regexp_full_match(user_id, '{EMAIL}')"""
    )
    addresses = sorted(row[0] for row in rows)
    if not addresses:
        return {}
    names = Vault(workspace.folder).pseudonyms(addresses)
    w.rows(
        "CREATE OR REPLACE TEMP TABLE renamed AS SELECT * FROM named",
        inputs={"named": pa.table({"address": addresses, "pseudonym": names})},
    )
    w.run("UPDATE typed SET user_id = r.pseudonym FROM renamed AS r WHERE lower(typed.user_id) = r.address")
    return dict(zip(names, addresses, strict=True))
