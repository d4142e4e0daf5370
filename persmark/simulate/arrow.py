"""NumPy columns to Arrow tables with the types that the workspace expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from persmark.columns import MONEY
from persmark.simulate.draws import Bools, Ints

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "DATE": pa.date32(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    MONEY: pa.decimal128(18, 4),
}


def money(cents: Ints, valid: Bools | None = None) -> pa.Array:
    """Whole cents as DECIMAL(18,4); null where `valid` is False.

    Built from its bytes: going through Python's Decimal would be a loop over rows.
    """
    halves = np.empty((len(cents), 2), np.int64)
    halves[:, 0] = cents * 100
    halves[:, 1] = halves[:, 0] >> 63  # the sign, carried into the upper half
    mask = None
    if valid is not None:
        halves[~valid] = 0
        mask = pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.decimal128(18, 4), len(cents), [mask, pa.py_buffer(halves.tobytes())])


def named(names: Sequence[str], codes: Ints) -> pa.Array:
    """Names by number; null where the number is negative."""
    return pa.array(list(names), pa.string()).take(pa.array(codes, mask=codes < 0))


def moments(seconds: Ints) -> pa.Array:
    """Epoch seconds (UTC) as timestamps."""
    return pa.array(seconds * 1_000_000, pa.timestamp("us"))


def filled(columns: Mapping[str, str], n_rows: int, values: Mapping[str, Any]) -> pa.Table:
    """A table with exactly `columns` (name to DuckDB type); those not in `values` are null."""
    fields, arrays = [], []
    for name, kind in columns.items():
        dtype = ARROW_TYPES[kind]
        value = values.get(name)
        if value is None:
            value = pa.nulls(n_rows, dtype)
        elif not isinstance(value, (pa.Array, pa.ChunkedArray)):
            value = pa.array(value, dtype)
        fields.append(pa.field(name, dtype))
        arrays.append(value)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
