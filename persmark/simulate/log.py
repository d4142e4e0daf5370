"""Columns that grow: what happened, as arrays appended in the order it was worked out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from persmark.simulate.draws import Bools

# What a column holds where `add` is not told: -1 is "none" throughout.
EVENT_COLUMNS: Mapping[str, Any] = {
    "user": None, "time": None, "type": None, "item": -1, "cents": 0, "quantity": 0, "discount": 0,
    "order": -1, "channel": -1, "campaign": -1, "property": -1,
}  # fmt: skip
EXPOSURE_COLUMNS: Mapping[str, Any] = {
    "user": None, "time": None, "item": None, "slot": None, "probability": None, "campaign": None,
    "clicked": None,
}  # fmt: skip


class Log:
    """Rows as parallel arrays.

    Args:
        columns: Name to default; None means that `add` must give it.
    """

    def __init__(self, columns: Mapping[str, Any] = EVENT_COLUMNS) -> None:
        self._columns = columns
        self._parts: dict[str, list[np.ndarray[Any, Any]]] = {name: [] for name in columns}

    def add(self, *, where: Bools | None = None, **values: Any) -> None:
        """Append one row per user of `user`, or only those where `where` holds."""
        n = len(values["user"])
        if where is not None and not where.any():
            return
        for name, default in self._columns.items():
            value = values.get(name, default)
            array = np.broadcast_to(np.asarray(value), (n,))
            self._parts[name].append(array.copy() if where is None else array[where])

    def columns(self) -> dict[str, np.ndarray[Any, Any]]:
        """All rows by user, then time; rows of one second stay in the order they were added."""
        none = [np.empty(0, np.int64)]
        out = {name: np.concatenate(parts or none) for name, parts in self._parts.items()}
        order = np.lexsort((out["time"], out["user"]))
        return {name: values[order] for name, values in out.items()}
