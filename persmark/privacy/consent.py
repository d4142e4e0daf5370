"""Who agreed to what."""

from __future__ import annotations

import pyarrow as pa

from persmark.errors import ColumnMissingError, InputError
from persmark.store import State, now
from persmark.text import text

PURPOSES = ("email", "sms", "ad_user_data", "ad_personalization")
GRANTED, DENIED, UNKNOWN = "granted", "denied", "unknown"
CONSENT_STATES = (GRANTED, DENIED, UNKNOWN)


def save_consents(state: State, table: pa.Table, *, changed_at: str | None = None) -> int:
    """Keep the state of each user and purpose; the latest call counts.

    Args:
        state: A workspace's `state`.
        table: `user_id`, `purpose` (one of `PURPOSES`), `state` (one of `CONSENT_STATES`).
        changed_at: ISO-8601 UTC; now where not given.

    Returns:
        How many rows were kept.

    Raises:
        ColumnMissingError: A column above is missing.
        InputError: A purpose or state that is not known; nothing was kept.
    """
    columns = {}
    for name in ("user_id", "purpose", "state"):
        if name not in table.column_names:
            raise ColumnMissingError(
                text(
                    "Consents must have a column '{name}'. Received: {names}.",
                    name=name,
                    names=", ".join(table.column_names),
                )
            )
        columns[name] = table.column(name).to_pylist()
    for name, allowed in (("purpose", PURPOSES), ("state", CONSENT_STATES)):
        strange = sorted({str(value) for value in columns[name]} - set(allowed))
        if strange:
            raise InputError(
                text(
                    "A consent's {name} must be a known one. Received: {values}.",
                    name=name,
                    values=", ".join(strange),
                ),
                hint=text("Available: {names}.", names=", ".join(allowed)),
            )
    at = changed_at or now()
    state.put_many(
        "consents",
        [
            {"user_id": user, "purpose": purpose, "state": value, "changed_at": at}
            for user, purpose, value in zip(*columns.values(), strict=True)
        ],
    )
    return len(columns["user_id"])


def consents(state: State, purpose: str | None = None) -> pa.Table:
    """`user_id`, `purpose`, `state`, `changed_at` of everyone who was asked; no row means unknown."""
    rows = state.rows("consents", {"purpose": purpose} if purpose else None, order="user_id")
    names = ("user_id", "purpose", "state", "changed_at")
    return pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in names})


def consent_counts(state: State) -> dict[str, dict[str, int]]:
    """Users by purpose and state, every purpose and state present."""
    return {
        purpose: {
            value: state.count("consents", {"purpose": purpose, "state": value}) for value in CONSENT_STATES
        }
        for purpose in PURPOSES
    }
