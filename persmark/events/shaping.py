"""Nested, listed and wide records as flat rows, one for each event they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from datetime import date, datetime, time
from typing import Any

from persmark.events.mapping import Mapping
from persmark.events.records import Record

# Past this depth an object stays the JSON text of one cell: no export names columns so deep.
_MAX_DEPTH = 20
# How typed values of key-value arrays are named (GA4's event_params and user_properties).
_TYPED = ("string_value", "int_value", "float_value", "double_value")
_ZERO = re.compile(r"[-+]?0*[.,]?0*")

# Columns that unpivoting makes; no header can hold the character.
UNPIVOTED_ITEM = "\0item"
UNPIVOTED_CELL = "\0cell"


class Written(str):
    """A number of a JSON text as it was written there: `1.10` stays `1.10`, `1e5` stays `1e5`."""

    __slots__ = ()


def _plain(value: Any) -> Any:
    """A value as JSON knows it, for arrays that stay text."""
    if isinstance(value, Written):
        return float(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value


def cell(value: Any) -> str | None:
    """A value of a JSON object or a Parquet row as the text of one cell; None, [] and {} are none."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | dict) and not value:
        return None
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    if isinstance(value, bool | int | float | list | dict):
        return json.dumps(_plain(value), ensure_ascii=False, default=str)
    return str(value)


def _put(out: dict[str, Any], name: str, value: Any) -> None:
    """Under its name, or numbered where two keys spell the same one (`{"a.b": 1, "a": {"b": 2}}`)."""
    if name in out:
        n = 2
        while f"{name} ({n})" in out:
            n += 1
        name = f"{name} ({n})"
    out[name] = value


def _is_pairs(value: list[Any]) -> bool:
    """Whether an array is an object in disguise: `[{"key": ..., "value": ...}, ...]`."""
    return bool(value) and all(
        type(one) is dict and isinstance(one.get("key"), str) and "value" in one for one in value
    )


def _is_repeated(value: dict[str, Any]) -> bool:
    """Whether it is how BigQuery writes a repeated field to Parquet: {"list": [{"element": ...}]}."""
    return len(value) == 1 and type(value.get("list")) is list


def _is_element(part: Any) -> bool:
    return type(part) is dict and len(part) == 1 and "element" in part


def _into(out: dict[str, Any], one: Map[str, Any], prefix: str, kept: str, depth: int = 0) -> None:
    """Add an object's values under dotted names; the array named `kept` stays an array."""
    for key, value in one.items():
        name = prefix + key
        if type(value) is str and name not in out:
            out[name] = value
            continue
        if type(value) is dict and value and depth < _MAX_DEPTH:
            if not _is_repeated(value):
                _into(out, value, name + ".", kept, depth + 1)
                continue
            listed = [next(iter(part.values())) if _is_element(part) else part for part in value["list"]]
        else:
            listed = value
        if type(listed) is list and name != kept and _is_pairs(listed):
            for pair in listed:
                _pair(out, f"{name}.{pair['key']}", pair["value"], kept, depth + 1)
        elif name in out:
            _put(out, name, listed)
        else:
            out[name] = listed


def _pair(out: dict[str, Any], name: str, value: Any, kept: str, depth: int) -> None:
    if type(value) is not dict:
        _put(out, name, value)
        return
    typed = [value[kind] for kind in _TYPED if value.get(kind) is not None]
    other = {key: one for key, one in value.items() if key not in _TYPED and one is not None}
    if typed:
        _put(out, name, typed[0])
    _into(out, other, name + ".", kept, depth)


def _parsed(value: Any, opening: str) -> Any:
    """JSON text that begins with `opening` as its value; anything else as it is."""
    if isinstance(value, str) and value.lstrip().startswith(opening):
        try:
            return json.loads(value, parse_float=Written)
        except (ValueError, RecursionError):
            return value
    return value


def _gathered(row: dict[str, Any], name: str) -> list[dict[str, Any]] | None:
    """An array written as numbered columns, `{name}_0_{key}`, as Matomo's CSV does; blank ones left out."""
    pattern = re.compile(re.escape(name) + r"[_ ](\d+)[_ ](.+)", re.DOTALL)
    found = [(match, key) for key in row if (match := pattern.fullmatch(key))]
    if not found:
        return None
    parts: dict[int, dict[str, Any]] = {}
    for match, key in found:
        value = row.pop(key)
        if value not in (None, ""):
            parts.setdefault(int(match[1]), {})[match[2]] = value
    return [parts[number] for number in sorted(parts)]


def _exploded(
    row: dict[str, Any], path: Sequence[str], base: str, *, numbered: bool
) -> Iterator[dict[str, Any]]:
    if not path:
        yield row
        return
    name = base + path[0]
    if numbered and name not in row:
        row = dict(row)
        array: Any = _gathered(row, name)
    else:
        array = _parsed(row.get(name), "[")
        if type(array) is list:
            row = {key: value for key, value in row.items() if key != name}
    if type(array) is not list or not array:
        yield row
        return
    for element in array:
        part = dict(row)
        if type(element) is dict:
            _into(part, element, name + "[].", f"{name}[].{path[1]}" if path[1:] else "")
            yield from _exploded(part, path[1:], name + "[].", numbered=numbered)
        else:
            part[name + "[]"] = element
            yield part


class Shaper:
    """Objects of one file as flat rows, by its mapping.

    Args:
        explode: `Mapping.explode`.
        unfold: `Mapping.unfold`.
        numbered: Whether an array may be written as columns `{explode}_0_{key}`, `{explode}_1_{key}`.
    """

    def __init__(self, explode: str = "", unfold: Sequence[str] = (), *, numbered: bool = False) -> None:
        self._path = explode.split("[].") if explode else []
        self._unfold = tuple(unfold)
        self._numbered = numbered

    def rows(self, one: Map[str, Any]) -> list[dict[str, Any]]:
        """Flat rows of an object: dotted names, values as they came, see `cell` for their text.

        Nested objects become `outer.inner`, key-value arrays `array.key`; other arrays stay values,
        but for the exploded one, whose elements make a row each. An empty or missing array makes one
        row without them.
        """
        flat: dict[str, Any] = {}
        _into(flat, one, "", self._path[0] if self._path else "")
        for name in self._unfold:
            found = _parsed(flat.get(name), "{")
            if type(found) is dict:
                del flat[name]
                _into(flat, found, name + ".", self._path[0] if self._path else "")
        return list(_exploded(flat, self._path, "", numbered=self._numbered)) if self._path else [flat]


def cells_of(row: Map[str, Any], names: Sequence[str], known: set[str]) -> list[str | None]:
    """A flat row as cells in the order of `names`, and one more cell where it has other names."""
    cells = [value if type(value) is str else cell(value) for value in map(row.get, names)]
    if not row.keys() <= known:
        later = [name for name in row if name not in known]
        cells.append(json.dumps({name: cell(row[name]) for name in later}))
    return cells


def filled_down(records: Iterable[Record], mapping: Mapping, names: Sequence[str]) -> Iterator[Record]:
    """Rows that follow one of the same `fill_down` cell, with what only the first of them says."""
    key = names.index(mapping.fill_down)
    shared = mapping.fill_columns or tuple(
        mapping.columns[target]
        for target in ("user_id", "event_time", "event_type", "currency", "channel", "campaign_id")
        if target in mapping.columns
    )
    places = [names.index(name) for name in shared if name in names]
    first: list[str | None] = []
    for line, n_lines, cells in records:
        if first and (cells[key] or "").strip() and cells[key] == first[key]:
            for at in places:
                if not (cells[at] or "").strip():
                    cells[at] = first[at]
        else:
            first = list(cells)
        yield line, n_lines, cells


def unpivoted(
    records: Iterable[Record], mapping: Mapping, names: Sequence[str], no_event: Any
) -> Iterator[Record]:
    """Each filled cell of the wide columns as a record of its own, with its item and the cell at the end.

    Args:
        records: One cell for each of `names`.
        mapping: Its `unpivot` names the columns and their items.
        names: The file's columns.
        no_event: Called for each record whose wide cells are all blank or zero.
    """
    places = [(names.index(column), item) for column, item in mapping.unpivot.items()]
    for line, n_lines, cells in records:
        made = False
        for at, item in places:
            written = (cells[at] or "").strip()
            if written and not (_ZERO.fullmatch(written) and any(sign.isdigit() for sign in written)):
                made = True
                yield line, n_lines, [*cells[: len(names)], item, written, *cells[len(names) :]]
        if not made:
            no_event()


def own_event_ids(records: Iterable[Record], place: int) -> Iterator[Record]:
    """Further events of one record get an event id of their own: `m1`, `m1/2`, `m1/3`.

    Args:
        records: Those of one record follow each other and share its line.
        place: Where the event id stands among the cells.
    """
    line, part = 0, 1
    for record in records:
        part = part + 1 if record[0] == line else 1
        line = record[0]
        if part > 1 and record[2][place]:
            record[2][place] = f"{record[2][place]}/{part}"
        yield record
