"""How a file is written: encoding, delimiter, quotes, header, as it was found, and changed by hand."""

from __future__ import annotations

from collections.abc import Mapping
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
_DELIMITERS: Mapping[str, str] = MappingProxyType({
    ",": "comma  ,", ";": "semicolon  ;", "\t": "tab", "|": "pipe  |", " ": "space", ", ": "comma and blanks",
    "::": "two colons  ::", "^": "caret  ^", "~": "tilde  ~", "\x01": "Hive's \\x01",
})  # fmt: skip
_QUOTES: Mapping[str, str] = MappingProxyType({'"': 'double  "', "'": "single  '", "": "none"})
_ESCAPES: Mapping[str, str] = MappingProxyType({"doubled": "is doubled", "backslash": "follows a backslash"})
_DECIMALS: Mapping[str, str] = MappingProxyType({".": "point, as 1,234.50", ",": "comma, as 1.234,50"})
_ASKED: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "csv": ("encoding", "delimiter", "quote", "escape", "skip_lines", "header"),
    "jsonl": ("encoding",),
    "json": ("encoding",),
})  # fmt: skip
_FIXED = "read_fixed"


def fixed_reading(again: Mapping[str, Any] | None) -> dict[str, Any]:
    """Fields of `Format` that a person fixed, with their values.

    Args:
        again: What to begin with where another file came, or the proposal is wanted back; None to go on.
    """
    if again is not None:
        state.remember(_FIXED, dict(again))
    fixed: dict[str, Any] = state.recall(_FIXED, {})
    return fixed


def _fix(name: str) -> None:
    """In a callback: a person changed a field."""
    value = state.chosen(f"read_{name}")
    if value is not None:
        state.remember(_FIXED, {**state.recall(_FIXED, {}), name: value})


def _named(names: Mapping[str, str], value: object) -> str:
    return names.get(str(value), str(value) or "none")


def summary(form: Format) -> Text:
    """How a file is read, in half a sentence."""
    packed = {"none": "", "gzip": ", gzipped", "zstd": ", Zstandard"}.get(form.compression, "")
    if form.kind == "parquet":
        return text("Parquet")
    encoding = _named(_ENCODINGS, form.encoding)
    if form.kind in ("jsonl", "json"):
        kind = "JSON lines" if form.kind == "jsonl" else "JSON array"
        return text("{kind}, {encoding}{packed}", kind=kind, encoding=encoding, packed=packed)
    return text(
        "{encoding}, parted by {delimiter}, "
        + ("header in line {line}" if form.header else "no header")
        + "{packed}",
        encoding=encoding,
        delimiter=_named(_DELIMITERS, form.delimiter).split("  ")[0],
        line=form.skip_lines + 1,
        packed=packed,
    )


def _pick(name: str, label: str, names: Mapping[str, str], *, free: bool = False) -> None:
    """A choice among known values; the one that stands is among them."""
    key = f"read_{name}"
    st.selectbox(
        label,
        list(dict.fromkeys([*names, str(state.chosen(key))])),
        format_func=lambda one: _named(names, one),
        key=key,
        accept_new_options=free,
        on_change=_fix,
        args=(name,),
    )


def show_reading(form: Format) -> DeltaGenerator | None:
    """Controls for how the file is read, showing how it is read now.

    Returns:
        A place among them for one more control; None where nothing is asked.
    """
    asked = _ASKED.get(form.kind, ())
    # What nobody fixed follows the file: another delimiter may tell of another header.
    for name in asked:
        state.fill_widget(f"read_{name}", getattr(form, name), again=True)
    if not asked:
        return None
    with st.expander(f"How it was read: {plain(words(summary(form)))}", type="compact", key="how_read"):
        note("Change what is wrong; the rows below are read anew at once.")
        grid = st.columns(3)
        with grid[0]:
            _pick("encoding", "Encoding", _ENCODINGS, free=True)
        if form.kind != "csv":
            return None
        with grid[1]:
            _pick("delimiter", "Columns are parted by", _DELIMITERS, free=True)
        with grid[2]:
            _pick("quote", "Quotes", _QUOTES)
        grid = st.columns(3)
        with grid[0]:
            _pick("escape", "A quote inside a value", _ESCAPES)
        with grid[1]:
            st.number_input(
                "Lines before the table", 0, 1000, key="read_skip_lines", on_change=_fix, args=("skip_lines",)
            )
        st.checkbox("The first row names the columns", key="read_header", on_change=_fix, args=("header",))
    return grid[2]


def ask_decimal(place: DeltaGenerator | None, decimal: str, *, again: bool) -> str:
    """The decimal sign, among the controls of `show_reading`; what the numbers look like is filled in."""
    if place is None:
        return decimal
    state.fill_widget("read_decimal", decimal, again=again)
    with place:
        return str(
            st.selectbox(
                "Decimal sign", list(_DECIMALS), format_func=_DECIMALS.__getitem__, key="read_decimal"
            )
        )
