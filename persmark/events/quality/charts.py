"""Tables behind the charts of data quality, read from counts that were made at load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from persmark.store import Reader, read_sql

if TYPE_CHECKING:
    import pandas as pd


def volume_by_day(reader: Reader, *, source_id: int | None = None) -> pd.DataFrame:
    """Events of every day from the first to the last, 0 on days without any.

    Returns:
        `local_date`, `n_events`; in time order, of all sources or one.
    """
    return reader.frame(read_sql("persmark.events.quality", "volume_by_day"), {"source_id": source_id})


def hours_by_source(reader: Reader) -> pd.DataFrame:
    """How the events of each source spread over the hours of the day.

    Returns:
        `source_id`, `local_hour` (0 to 23, all of them), `n_events`, `share` (of the source's events).
    """
    return reader.frame(read_sql("persmark.events.quality", "hours_by_source"))
