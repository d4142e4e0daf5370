"""Files of items and of users into the catalogue; contact details into the vault."""

from __future__ import annotations

import pyarrow as pa

from persmark.columns import KINDS
from persmark.events.contacts import Summary, people
from persmark.events.finish import Counts
from persmark.events.identity import BLOCKED
from persmark.events.links import agree, capture, carry_links, link_notes
from persmark.events.mapping import Mapping
from persmark.events.persons import pseudonymise, withheld_notes, withhold_emails
from persmark.events.stage import SourceFile
from persmark.events.staging import Filled, collect_rejects, stage
from persmark.jobs import OnProgress
from persmark.privacy import Vault
from persmark.store import Workspace, Writer, read_sql
from persmark.text import Text, text

_PACKAGE = "persmark.events"
_ITEM_TEXTS = ("item_id", "title", "category_path", "brand", "text", "image", "attributes")
_BATCH = 50_000  # users in memory at a time


def load_catalogue(
    workspace: Workspace, w: Writer, file: SourceFile, *, source_id: int, on_progress: OnProgress
) -> tuple[Filled, Counts]:
    """Read a file of items or users into the group `catalogue`; nothing is published here.

    Links between user ids go to the group `events`, which `w` writes as well for a file of users.
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
        w.run(read_sql(_PACKAGE, "typed_users"), {"blocked": BLOCKED})
    collect_rejects(w, file, filled)
    key = "item_id" if file.mapping.kind == "items" else "user_id"
    n_read, n_kept = w.rows(f"SELECT count(*), count(DISTINCT {key}) FROM typed WHERE reason IS NULL")[0]
    if file.mapping.kind == "items":
        filled.notes += withheld_notes(withhold_emails(w, _ITEM_TEXTS))
        w.create("items")
        w.run(read_sql(_PACKAGE, "insert_items"))
    else:
        filled.notes += _users(workspace, w, file.mapping, source_id=source_id)
        (n_kept,) = w.rows("SELECT count(DISTINCT user_id) FROM typed WHERE reason IS NULL")[0]
    on_progress(0.8, text("{n} rows read", n=int(n_read)))
    return filled, Counts(int(n_kept), int(n_read) - int(n_kept), 0)


def _users(workspace: Workspace, w: Writer, mapping: Mapping, *, source_id: int) -> list[Text]:
    """Attributes into the table, contacts and consent into the vault to wait, links beside the events."""
    named = pseudonymise(workspace, w, mapping, source_id=source_id)
    w.run(
        """CREATE TEMP TABLE people AS
        SELECT user_id, attributes, row_number() OVER (ORDER BY user_id) - 1 AS place
        FROM (
            SELECT user_id, arg_max(attributes, line) AS attributes
            FROM typed WHERE reason IS NULL GROUP BY user_id)"""
    )
    summary = Summary()
    for start in range(0, int(w.rows("SELECT count(*) FROM people")[0][0]), _BATCH):
        rows = w.rows(
            """SELECT user_id, attributes FROM people
            WHERE place >= $start AND place < $start + $n ORDER BY place""",
            {"start": start, "n": _BATCH},
        )
        found = people(((str(user), raw) for user, raw in rows), named)
        summary.add(found)
        w.put(
            "users",
            pa.table({
                "user_id": pa.array(found.users, pa.string()),
                "attributes": pa.array(found.attributes, pa.string()),
            }),
        )  # fmt: skip
        if found.contacts or found.consents:
            Vault(workspace.folder).wait(
                source_id, contacts=found.contact_table() if found.contacts else None, consents=found.consents
            )
    n_links = capture(
        workspace, w, mapping, rows="(FROM typed WHERE reason IS NULL)", named=named, source_id=source_id
    )
    if mapping.keys:
        agree(workspace)
    carry_links(workspace, w)
    return [*named.notes(), *summary.notes(), *link_notes(n_links)]
