"""Files of items and of users into the catalogue; contact details into the vault."""

from __future__ import annotations

import json
from collections.abc import Mapping as Map
from functools import cache
from typing import Any

import pyarrow as pa

from persmark.columns import KINDS
from persmark.events.finish import Counts
from persmark.events.load import Filled, collect_rejects, stage
from persmark.events.persons import is_email, pseudonymise
from persmark.events.stage import SourceFile
from persmark.events.vocabulary import CONTACT_NAMES, fold
from persmark.jobs import OnProgress
from persmark.privacy import Vault
from persmark.store import Workspace, Writer, read_sql
from persmark.text import text

_PACKAGE = "persmark.events"


def load_catalogue(
    workspace: Workspace, w: Writer, file: SourceFile, *, on_progress: OnProgress
) -> tuple[Filled, Counts]:
    """Read a file of items or users into the group `catalogue`; nothing is published here.

    A later row of the same id replaces the earlier one and counts it as a duplicate.
    """
    filled = stage(w, file, on_progress)
    w.run(read_sql(_PACKAGE, "number_of"))
    if file.mapping.kind == "items":
        w.run(
            read_sql(_PACKAGE, "typed_items"),
            {"decimal": "." if file.form.kind == "parquet" else file.mapping.decimal, "kinds": list(KINDS)},
        )
    else:
        w.run(read_sql(_PACKAGE, "typed_users"))
    collect_rejects(w, file, filled)
    addresses: dict[str, str] = {}
    if file.mapping.kind == "users" and (addresses := pseudonymise(workspace, w)):
        filled.notes.append(text("{n} user ids were e-mails and stand here as pseudonyms.", n=len(addresses)))
    key = "item_id" if file.mapping.kind == "items" else "user_id"
    n_read, n_kept = w.rows(f"SELECT count(*), count(DISTINCT {key}) FROM typed WHERE reason IS NULL")[0]
    if file.mapping.kind == "items":
        w.create("items")
        w.run(read_sql(_PACKAGE, "insert_items"))
    else:
        _users(workspace, w, addresses)
    on_progress(0.8, text("{n} rows read", n=int(n_read)))
    return filled, Counts(int(n_kept), int(n_read) - int(n_kept), 0)


def _users(workspace: Workspace, w: Writer, addresses: Map[str, str]) -> None:
    """Attributes into the table, contact details into the vault; `addresses` are ids that were e-mails."""
    # By each row's own names: JSON lines may have some that the head of the file has not.
    secret = cache(lambda name: CONTACT_NAMES.get(fold(name)))
    rows = w.rows(
        """SELECT user_id, arg_max(attributes, line) FROM typed WHERE reason IS NULL
        GROUP BY user_id ORDER BY user_id"""
    )
    contacts: list[dict[str, Any]] = []
    attributes: list[str | None] = []
    for user_id, raw in rows:
        found: dict[str, str] = json.loads(raw) if raw else {}
        contact = {field: found.pop(name) for name in list(found) if (field := secret(name))}
        # An address under any other name is an address all the same.
        for name in [name for name, value in found.items() if is_email(value)]:
            contact.setdefault("email", found.pop(name))
            found.pop(name, None)
        if user_id in addresses:
            contact.setdefault("email", addresses[user_id])
        if contact:
            contacts.append({"user_id": user_id, **contact})
        attributes.append(json.dumps(found, ensure_ascii=False) if found else None)
    w.put(
        "users",
        pa.table({
            "user_id": pa.array([row[0] for row in rows], pa.string()),
            "attributes": pa.array(attributes, pa.string()),
        }),
    )  # fmt: skip
    if contacts:
        fields = sorted({key for contact in contacts for key in contact})
        Vault(workspace.folder).put_contacts(
            pa.table({key: pa.array([one.get(key) for one in contacts], pa.string()) for key in fields})
        )
