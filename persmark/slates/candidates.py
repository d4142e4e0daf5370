"""What could stand in a slate before any rule, and the sentences that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from persmark.columns import AD, CAMPAIGN_RECEIVED, CONTENT, PRODUCT
from persmark.recommend import Recommender
from persmark.slates.fill import Candidates
from persmark.slates.slate import SlateRequest
from persmark.store import Reader, read_sql
from persmark.text import Text, text

PACKAGE = "persmark.slates"
# An event weighs half after this long, as in the recommenders' defaults.
TASTE_HALF_LIFE_DAYS = 42.0


@dataclass(frozen=True)
class Moment:
    """The time a slate is for.

    Args:
        as_of: UTC, without zone.
        second: The same as epoch seconds.
        day: The local date.
    """

    as_of: datetime
    second: int
    day: date

    @classmethod
    def of(cls, as_of: datetime, time_zone: str) -> Moment:
        """From a UTC time (with or without zone) and the workspace's zone."""
        aware = as_of.replace(tzinfo=UTC) if as_of.tzinfo is None else as_of.astimezone(UTC)
        whole = aware.replace(microsecond=0)
        return cls(
            whole.replace(tzinfo=None),
            int(whole.timestamp()),
            whole.astimezone(ZoneInfo(time_zone)).date(),
        )


def scored_items(recommender: Recommender) -> pa.Table:
    """The recommender's items and their columns."""
    codes = np.arange(len(recommender.item_ids), dtype=np.int32)
    return pa.table(
        {"item_id": pa.array(recommender.item_ids, pa.string()), "item_code": pa.array(codes, pa.int32())}
    )


def product_candidates(reader: Reader, recommender: Recommender) -> Candidates:
    """All products that the recommender knows.

    They are the same for every user, as long as catalogue and recommender are.
    """
    inputs = {"scored_items": scored_items(recommender)}
    table = reader.table(read_sql(PACKAGE, "products"), {"kind": PRODUCT}, inputs=inputs)
    return Candidates.of(table, recommender.item_ids)


def find_candidates(
    reader: Reader,
    recommender: Recommender,
    request: SlateRequest,
    users: pa.Table,
    moment: Moment,
    *,
    products: Candidates | None = None,
) -> tuple[Candidates, list[Text]]:
    """Candidates of the wanted kind, and notes on how they were found; `products` as held already."""
    if request.kind == PRODUCT:
        found = products if products is not None else product_candidates(reader, recommender)
        notes = (
            [] if len(found) else [text("The recommender knows no product of this workspace: train again.")]
        )
        return found, notes
    inputs = {"scored_items": scored_items(recommender)}
    if request.kind == CONTENT:
        table = reader.table(read_sql(PACKAGE, "content"), {"kind": CONTENT}, inputs=inputs)
        none = text("There is no content in this workspace: load items of kind content.")
        return Candidates.of(table, recommender.item_ids), [] if len(table) else [none]
    table, notes = _ads(reader, request, users, moment, inputs)
    return Candidates.of(table, recommender.item_ids), notes


def _ads(
    reader: Reader,
    request: SlateRequest,
    users: pa.Table,
    moment: Moment,
    inputs: Mapping[str, pa.Table],
) -> tuple[pa.Table, list[Text]]:
    when = {"as_of": moment.as_of, "campaign_received": CAMPAIGN_RECEIVED}
    notes: list[Text] = []
    only_received = request.only_received
    if only_received is None:
        only_received = bool(reader.rows(read_sql(PACKAGE, "mailed"), when | {"day": moment.day}))
    received = pa.table({"campaign_id": pa.array([], pa.string())})
    if only_received:
        received = reader.table(read_sql(PACKAGE, "received"), when, inputs={"wanted": users})
        notes.append(
            text("Only ads of campaigns that this user received are shown: {n} campaigns so far.",
                 n=len(received))
            if request.user_id is not None
            else text("Only ads of campaigns that these users received are shown: {n} campaigns so far.",
                      n=len(received))
        )  # fmt: skip
    table = reader.table(
        read_sql(PACKAGE, "ads"),
        {"day": moment.day, "only_received": only_received, "kind": AD},
        inputs={**inputs, "received": received},
    )
    if not len(table):
        there = reader.value(read_sql(PACKAGE, "n_offers"), {"kind": AD})
        notes.append(
            text("No ad runs on {day} that can be shown here.", day=moment.day)
            if there
            else text("There are no ads in this workspace: load items of kind ad.")
        )
    return table, notes


def tastes(reader: Reader, users: pa.Table, weights: Mapping[str, float], moment: Moment) -> dict[str, float]:
    """Category -> share of it in what the users did lately, 0 to 1, meaned over the users."""
    weighted = pa.table(
        {
            "event_type": pa.array(list(weights), pa.string()),
            "weight": pa.array(list(weights.values()), pa.float64()),
        }
    )
    found = reader.rows(
        read_sql(PACKAGE, "taste"),
        {
            "as_of": moment.as_of,
            "as_of_second": moment.second,
            "half_life_seconds": TASTE_HALF_LIFE_DAYS * 86_400,
            "n_users": max(len(users), 1),
        },
        inputs={"wanted": users, "event_weights": weighted},
    )
    return {str(category): float(share) for category, share in found}
