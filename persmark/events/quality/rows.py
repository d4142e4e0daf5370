"""What single rows say: times, signs, blanks, repeats; and what loading made of the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from persmark.events.quality.finding import (
    FINE,
    LOOK,
    Finding,
    Look,
    level_of,
    percent,
    shown,
)
from persmark.text import Text, text

# A column that fewer than this share of the events fill is of little use (Amazon Personalize
# Developer Guide, "Analyzing quality and quantity of data in datasets").
FILLED = 0.7
_MANY = 0.01

# key -> title, sentence, sentence where there is none, share from which it is a problem.
_COUNTED: dict[str, tuple[str, str, str, float]] = {
    "future": (
        "Events in the future",
        "{n} of {of} events happened after they were loaded: a clock or a time zone is wrong.",
        "None of {of} events happened after it was loaded.",
        0.0,
    ),
    "before_2000": (
        "Events before 2000",
        "{n} of {of} events lie before the year 2000: a clock that was never set, or a wrong time format.",
        "None of {of} events lies before the year 2000.",
        0.0,
    ),
    "repeats": (
        "Exact repeats",
        "{n} of {of} events are equal to an earlier one of their file. They are kept and flagged; "
        "a mapping that drops repeats leaves them out.",
        "None of {of} events is equal to an earlier one of its file.",
        0.05,
    ),
    "negative": (
        "Negative amounts",
        "{n} of {of} events have a negative value or quantity and are no refunds. "
        "A mapping that takes them as refunds nets them off.",
        "None of {of} events has a negative value or quantity without being a refund.",
        0.01,
    ),
}  # fmt: skip

# Column -> of which events it is asked, in words.
_EXPECTED = {
    "item_id": ("of_item_id", "events that are done to an item"),
    "value": ("of_sale", "purchases and refunds"),
    "quantity": ("of_sale", "purchases and refunds"),
    "order_id": ("of_sale", "purchases and refunds"),
    "currency": ("of_sale", "purchases and refunds"),
    "channel": ("n_events", "events"),
}
_NEEDED = ("item_id", "value")  # looked at even where a source has none of it


def _sums(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {
        key: sum(int(row[key]) for row in rows) for key in (rows[0] if rows else {}) if key != "source_id"
    }


def _example(row: Mapping[str, Any]) -> Text:
    if row["what"] == "negative":
        return text(
            "{user}: {type} of {value}, quantity {quantity}, on {time}", user=shown(row["user_id"]),
            type=shown(row["event_type"]), value=_amount(row["value"]), quantity=_amount(row["quantity"]),
            time=row["event_time"],
        )  # fmt: skip
    return text(
        "{user}: {type} on {time}", user=shown(row["user_id"]), type=shown(row["event_type"]),
        time=row["event_time"],
    )  # fmt: skip


def _amount(value: Any) -> object:
    return "–" if value is None else float(value)


def _counted(key: str, row: Mapping[str, Any], source_id: int | None, examples: list[Text]) -> Finding:
    title, found, none, problem = _COUNTED[key]
    n, of = int(row[f"n_{key}"]), int(row["n_events"])
    return Finding(
        key=key,
        level=level_of(n, of, problem=problem),
        title=text(title),
        text=text(found if n else none, n=n, of=of),
        n=n,
        of=of,
        source_id=source_id,
        examples=tuple(examples),
    )


def _filled(row: Mapping[str, Any], source_id: int | None) -> list[Finding]:
    found = []
    for column, (of_key, words) in _EXPECTED.items():
        of, has = int(row[of_key]), int(row[f"has_{column}"])
        if not of or not (has or column in _NEEDED):
            continue
        level = FINE if has >= FILLED * of else LOOK
        found.append(
            Finding(
                key=f"filled_{column}",
                level=level,
                title=text("Filled: {column}", column=column),
                text=text(
                    "{share} % of {of} {words} have '{column}'.", share=percent(has, of), of=of,
                    words=text(words), column=column,
                ),
                n=of - has,
                of=of,
                source_id=source_id,
            )
        )  # fmt: skip
    return found


def row_findings(look: Look) -> list[Finding]:
    """Times, signs, repeats and blanks, overall and for each source that stands out."""
    loads = pa.table({
        "source_id": pa.array(list(look.loaded), pa.int32()),
        "loaded_at": pa.array(list(look.loaded.values()), pa.timestamp("us")),
    })  # fmt: skip
    rows = look.rows("rows_by_source", loads=loads)
    total = _sums(rows)
    kinds = [key for key in _COUNTED if total[f"n_{key}"]]
    examples: dict[str, list[Text]] = {key: [] for key in _COUNTED}
    if kinds:
        for row in look.rows("row_examples", loads=loads):
            examples[row["what"]].append(_example(row))
    found = [_counted(key, total, None, examples[key]) for key in _COUNTED] + _filled(total, None)
    if len(rows) > 1:
        for row in rows:
            own = [_counted(key, row, row["source_id"], []) for key in _COUNTED]
            found += [one for one in (*own, *_filled(row, row["source_id"])) if one.level != FINE]
    return found


def load_findings(look: Look) -> list[Finding]:
    """Rows that no table holds: rejected ones by reason, and duplicates."""
    state = look.workspace.state
    sources = [
        row for row in state.rows("sources", order="source_id") if row["state"] in ("loaded", "pending")
    ]
    found = []
    totals: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for row in sources:
        by_reason = state.count_by("rejects", "reason", {"source_id": row["source_id"]})
        reasons.update(by_reason)
        totals.update({key: row[key] for key in ("rows_in", "rejected", "duplicate")})
        if len(sources) > 1:
            each = [_rejected(row, by_reason, row["source_id"]), _duplicate(row, row["source_id"])]
            found += [one for one in each if one.n]
    if not sources:
        return []
    clocks = reasons["bad_time"] + reasons["time_out_of_range"] + reasons["no_time"]
    times = Finding(
        key="rejected_times",
        level=level_of(clocks, totals["rows_in"], problem=_MANY),
        title=text("Impossible times"),
        text=text(
            "{n} of {of} rows were rejected for their time: missing, not readable, or out of range.",
            n=clocks, of=totals["rows_in"],
        ),
        n=clocks,
        of=totals["rows_in"],
    )  # fmt: skip
    return [_rejected(totals, reasons, None), times, _duplicate(totals, None), *found]


def _rejected(row: Mapping[str, Any], reasons: Mapping[str, int], source_id: int | None) -> Finding:
    n, of = int(row["rejected"]), int(row["rows_in"])
    ranked = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    return Finding(
        key="rejected",
        level=level_of(n, of, problem=_MANY),
        title=text("Rejected rows"),
        text=text(
            "{n} of {of} rows ({share} %) could not be read. Download them, mend them, load them again.",
            n=n, of=of, share=percent(n, of),
        ) if n else text("None of {of} rows was rejected.", of=of),
        n=n,
        of=of,
        source_id=source_id,
        examples=tuple(text("{reason}: {n}", reason=reason, n=count) for reason, count in ranked[:5]),
    )  # fmt: skip


def _duplicate(row: Mapping[str, Any], source_id: int | None) -> Finding:
    n, of = int(row["duplicate"]), int(row["rows_in"])
    return Finding(
        key="duplicates",
        level=LOOK if n else FINE,
        title=text("Duplicates across files"),
        text=text(
            "{n} of {of} rows stood already, or repeat others of their file, and were left out.", n=n, of=of
        )
        if n
        else text("None of {of} rows stood already.", of=of),
        n=n,
        of=of,
        source_id=source_id,
    )


def loaded_at(written: str) -> datetime:
    """A source's time of load, UTC without zone."""
    return datetime.fromisoformat(written.replace("Z", "+00:00")).replace(tzinfo=None)
