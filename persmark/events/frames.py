"""Tables that are in memory already (the demo's) into an empty workspace."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from persmark.columns import GROUP_OF
from persmark.events.finish import ORDER, finish
from persmark.events.ledger import recover
from persmark.events.meaning import typed_select
from persmark.events.ruling import Ruling
from persmark.jobs import OnProgress, unwatched
from persmark.store import Workspace, now
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa


def load_tables(
    workspace: Workspace,
    name: str,
    tables: Mapping[str, pa.Table],
    *,
    on_progress: OnProgress = unwatched,
) -> int:
    """Make tables of the house's schema the workspace's data, replacing what was there.

    Args:
        workspace: Where to.
        name: What people call the origin, for the ledger.
        tables: Table name -> rows; `events` without the columns that loading adds.
        on_progress: Told what is happening.

    Returns:
        Events loaded.
    """
    begun = time.monotonic()
    events = tables["events"]
    with workspace.write("events", "catalogue") as w:
        recover(workspace)
        number = 1 + max((row["source_id"] for row in workspace.state.rows("sources")), default=0)
        on_progress = w.watch(on_progress, (0.1, 0.4, 0.9))
        on_progress(0.1, text("Sorting {n} events by user", n=events.num_rows))
        w.rows("CREATE TEMP TABLE handed AS SELECT * FROM handed_in", inputs={"handed_in": events})
        values = {column: f'"{column}"' for column in events.column_names}
        select = typed_select(values, "handed", time_zone=workspace.time_zone, source_id=number)
        ruling = Ruling.of(workspace, w, delta=False)
        table, kept = ("fresh", "TEMP TABLE") if ruling.rules else ("out.events", "TABLE")
        w.run(f"CREATE {kept} {table} AS {select} {ORDER}")
        on_progress(0.4, text("Finding repeats and sessions"))
        counts = finish(w, table=table, delta=False, ruling=ruling)
        for other, rows in tables.items():
            if other != "events" and GROUP_OF[other] in w.groups:
                w.put(other, rows)
        w.stats_of["catalogue"]["source_ids"] = [number]
        schema = json.dumps([name, events.num_rows, events.schema.names])
        workspace.state.add(
            "sources",
            {
                "source_id": number,
                "name": name,
                "kind": "events",
                "sha256": hashlib.sha256(schema.encode()).hexdigest(),
                "mapping": json.dumps({"adapter": name}),
                "rows_in": events.num_rows,
                "loaded": counts.loaded,
                "duplicate": counts.duplicate,
                "rejected": 0,
                "skipped": 0,
                "repeated": counts.repeated,
                "state": "pending",
                "seconds": round(time.monotonic() - begun, 3),
                "loaded_at": now(),
            },
        )
        on_progress(0.9, text("Publishing"))
    recover(workspace)
    return counts.loaded
