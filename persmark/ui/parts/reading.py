"""How a file is written: encoding, delimiter, quotes, header, as it was found, and changed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from persmark.events import Format
from persmark.text import Text, text
from persmark.ui import state
from persmark.ui.words import note, plain, words

# Codec -> what people call it.
_ENCODINGS: Mapping[str, str] = MappingProxyType({
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a mark",
    "utf-16": "UTF-16",
    "gb18030": "Chinese, GB18030 or GBK",
    "big5hkscs": "Chinese, Big5",
    "cp932": "Japanese, Shift JIS",
    "cp949": "Korean, EUC-KR",
    "cp1252": "Western, Windows-1252",
    "cp1250": "Central European, Windows-1250",
    "cp1251": "Cyrillic, Windows-1251",
    "cp1253": "Greek, Windows-1253",
    "cp1254": "Turkish, Windows-1254",
    "cp850": "Western, DOS 850",
    "mac_roman": "Western, Mac Roman",
})  # fmt: skip
_DELIMITERS: Mapping[str, str] = MappingProxyType(
    {",": "comma  ,", ";": "semicolon  ;", "\t": "tab", "|": "pipe  |", " ": "space", ":": "colon  :"}
)
_QUOTES: Mapping[str, str] = MappingProxyType({'"': 'double  "', "'": "single  '", "": "none"})
_ESCAPES: Mapping[str, str] = MappingProxyType({'"': "the quote doubled", "\\": "a backslash", "": "none"})
_DECIMALS: Mapping[str, str] = MappingProxyType({".": "point, as 1,234.50", ",": "comma, as 1.234,50"})
_KEPT = {"csv": ("encoding", "delimiter", "quote", "escape", "header", "skip_lines"), "jsonl": ("encoding",)}


@dataclass(frozen=True)
class Reading:
    """What a person chose.

    Attributes:
        fixed: Fields of `Format` that differ from what the file looks like.
        last: Where one more control fits; None where nothing was asked.
    """

    fixed: Mapping[str, Any]
    last: DeltaGenerator | None


def _named(names: Mapping[str, str], value: object) -> str:
    return names.get(str(value), str(value) or "none")


def summary(form: Format) -> Text:
    """How a file is read, in half a sentence."""
    packed = {"none": "", "gzip": ", gzipped"}.get(form.compression, f", {form.compression}")
    if form.kind == "parquet":
        return text("Parquet")
    if form.kind == "jsonl":
        return text(
            "JSON lines, {encoding}{packed}", encoding=_named(_ENCODINGS, form.encoding), packed=packed
        )
    return text(
        "{encoding}, parted by {delimiter}, "
        + ("header in line {line}" if form.header else "no header")
        + "{packed}",
        encoding=_named(_ENCODINGS, form.encoding),
        delimiter=_named(_DELIMITERS, form.delimiter).split("  ")[0],
        line=form.skip_lines + 1,
        packed=packed,
    )


def _pick(label: str, key: str, names: Mapping[str, str], found: object, *, free: bool = False) -> str:
    """A choice among known values, which has what was found among them."""
    now = state.chosen(key)
    chosen = st.selectbox(
        label,
        list(dict.fromkeys([*names, str(found), *([str(now)] if now is not None else [])])),
        format_func=lambda one: _named(names, one),
        key=key,
        accept_new_options=free,
    )
    return str(chosen) if chosen is not None else str(found)


def ask_reading(form: Format, known: Mapping[str, Any], *, again: bool) -> Reading:
    """Controls for how the file is read; what the file looks like is filled in.

    Args:
        form: What the file looks like by itself.
        known: Fields that a saved mapping fixed.
        again: Fill the controls anew: another file, or back to the proposal.
    """
    begin = {name: getattr(form, name) for name in _KEPT.get(form.kind, ()) if hasattr(form, name)}
    for name, value in begin.items():
        state.fill_widget(f"read_{name}", known.get(name, value), again=again)
    if not begin:
        return Reading({}, None)
    changed = any(state.chosen(f"read_{name}") != value for name, value in begin.items())
    found: dict[str, Any] = {}
    box = st.expander(f"How it was read: {plain(words(summary(form)))}", type="compact", expanded=changed)
    with box:
        note("Change what is wrong; the rows below are read anew at once.")
        grid = st.columns(3)
        with grid[0]:
            found["encoding"] = _pick("Encoding", "read_encoding", _ENCODINGS, form.encoding, free=True)
        if form.kind == "csv":
            with grid[1]:
                found["delimiter"] = _pick(
                    "Columns are parted by", "read_delimiter", _DELIMITERS, form.delimiter, free=True
                )
            with grid[2]:
                found["quote"] = _pick("Quotes", "read_quote", _QUOTES, form.quote)
            grid = st.columns(3)
            if "escape" in begin:
                with grid[0]:
                    found["escape"] = _pick(
                        "A quote inside a value", "read_escape", _ESCAPES, str(begin["escape"])
                    )
            with grid[1]:
                found["skip_lines"] = int(
                    st.number_input("Lines before the table", 0, 10_000, key="read_skip_lines")
                )
            found["header"] = st.checkbox("The first row names the columns", key="read_header")
    fixed = {name: value for name, value in found.items() if value != begin[name]}
    return Reading(fixed, grid[2] if form.kind == "csv" else None)


def ask_decimal(reading: Reading, decimal: str, *, again: bool) -> str:
    """The decimal sign, among the controls of `ask_reading`; what the numbers look like is filled in."""
    if reading.last is None:
        return decimal
    state.fill_widget("read_decimal", decimal, again=again)
    with reading.last:
        return _pick("Decimal sign", "read_decimal", _DECIMALS, decimal)
