"""Small workspaces typed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from persmark.store import Workspace, create_workspace

EVENT = pa.schema(
    [
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("event_type", pa.string()),
        ("event_time", pa.timestamp("us")),
        ("value", pa.decimal128(18, 4)),
        ("discount", pa.decimal128(18, 4)),
        ("order_id", pa.string()),
        ("channel", pa.string()),
        ("campaign_id", pa.string()),
        ("local_date", pa.date32()),
        ("local_hour", pa.int32()),
        ("source_id", pa.int32()),
        ("repeat_no", pa.int32()),
    ]
)


def event(user: str, kind: str, at: str, item: str | None = None, **more: Any) -> dict[str, Any]:
    """One event; local time is UTC."""
    moment = datetime.fromisoformat(at)
    for money in ("value", "discount"):
        if money in more:
            more[money] = Decimal(str(more[money]))
    return {
        "user_id": user, "item_id": item, "event_type": kind, "event_time": moment,
        "local_date": moment.date(), "local_hour": moment.hour, "source_id": 1,
        "repeat_no": 0, **more,
    }  # fmt: skip


def workspace(
    root: Path,
    events: Sequence[Mapping[str, Any]],
    *,
    items: Sequence[Mapping[str, Any]] = (),
    users: Sequence[Mapping[str, Any]] = (),
    sessions: Sequence[Mapping[str, Any]] = (),
) -> Workspace:
    """A workspace that holds these rows."""
    made = create_workspace("made", root=root)
    with made.write("events") as writer:
        writer.put("events", pa.Table.from_pylist(list(events), schema=EVENT))
        if sessions:
            writer.put("sessions", pa.Table.from_pylist(list(sessions)))
    with made.write("catalogue") as writer:
        if items:
            writer.put("items", pa.Table.from_pylist(list(items)))
        if users:
            writer.put("users", pa.Table.from_pylist(list(users)))
    return made
