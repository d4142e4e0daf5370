"""Files with damage, and an independent count of their records."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

import gzip
import json
import re

from hypothesis import strategies as st

from persmark.events import Format
from tests.events.files import HEADER

BODY = (
    "u1,i1,view,2026-01-01 00:00:00,1.50",
    '"O\'Neil ""张"" 😀","a,b",purchase,2026-01-01T00:10:00Z,"1,234.50"',
    "u1,,cart,2026-01-01 00:40:01,",
    "u1,i1,view,2026-01-01 00:00:00,1.50",
    'u2,"two\nlines",view,2026-01-02,5',
    "u3,i9,view,yesterday,5",
)
PLAIN = "\n".join([HEADER, *BODY]) + "\n"

DAMAGE = (
    b'"', b",", b"\n", b"\r", b"\r\n", b"\0", b";", b"\t", b"\xff", b"\x80", "😀".encode(), "张".encode(), b"=", b" ",
    b'""', b"\n\n", b",,,,,,", b"'", b"\\", b"9" * 30, b"\xef\xbb\xbf", b"Total,,,,5\n", b'"\n"', b"1e400", b"nan",
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """The small file above with one to five damages; the header is spared three times of four."""
    return _harmed(draw, PLAIN.encode(), draw(st.sampled_from([len(HEADER) + 1] * 3 + [0])))


def _harmed(draw: st.DrawFn, raw: bytes, spared: int) -> bytes:
    """One to five damages past the first `spared` bytes."""
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(min(spared, len(raw)), len(raw)))
        end = min(len(raw), at + draw(st.integers(1, 40)))
        what = draw(st.sampled_from(["insert", "insert", "replace", "delete", "repeat", "cut"]))
        piece = draw(st.sampled_from(DAMAGE))
        if what == "insert":
            raw = raw[:at] + piece + raw[at:]
        elif what == "replace":
            raw = raw[:at] + piece + raw[at + 1 :]
        elif what == "delete":
            raw = raw[:at] + raw[end:]
        elif what == "repeat":
            raw = raw[:end] + raw[at:end] + raw[end:]
        else:
            raw = raw[: max(at, spared)]
    return raw


RECORDS = (
    {
        "user_id": "u1",
        "event_time": "2026-01-01 00:00:00",
        "event_type": "view",
        "item_id": "i1",
        "value": 1.5,
    },
    {
        "user_id": 'O\'Neil "张" 😀',
        "event_time": "2026-01-01T00:10:00Z",
        "event_type": "cart",
        "value": "1,234.50",
    },
    {
        "user_id": 7,
        "event_time": "2026-01-02",
        "event_type": "view",
        "geo": {"city": "Köln", "at": [1, {"x": None}]},
    },
    {
        "user_id": "u1",
        "event_time": "later",
        "event_type": "view",
        "items": [{"item_id": "a"}, {"item_id": "b"}],
    },
)
ODD: tuple[object, ...] = (
    None, True, 0, -1, 1e300, 10**30, "", " ", "\0", "\ud83d", "=cmd()", [], {}, [[[]]], {"a": {"b": {"c": 1}}},
    {"": 1}, {"user_id": "x"}, [{"key": "k", "value": {"string_value": "v"}}], "x" * 3000, "NaN", "2026-13-45",
)  # fmt: skip
KEYS = (
    "user_id",
    "event_time",
    "event_type",
    "item_id",
    "value",
    "geo",
    "__proto__",
    "line",
    "",
    "a.b",
    "items",
)


@st.composite
def odd_json_lines(draw: st.DrawFn) -> bytes:
    """JSON lines whose objects have other keys, types and depths than the first ones; sometimes damaged text."""
    lines = []
    for _ in range(draw(st.integers(1, 6))):
        one: dict[str, object] = dict(draw(st.sampled_from(RECORDS)))
        for _ in range(draw(st.integers(0, 3))):
            key, value = draw(st.sampled_from(KEYS)), draw(st.sampled_from(ODD))
            wrapped = draw(st.sampled_from(["plain", "list", "object", "gone"]))
            if wrapped == "gone":
                one.pop(key, None)
            else:
                one[key] = {"plain": value, "list": [value, value], "object": {key: value}}[wrapped]
        lines.append(json.dumps(one, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))
    raw = b"\n".join(lines) + draw(st.sampled_from([b"\n", b"", b"\r\n", b"\n\n"]))
    return _harmed(draw, raw, 0) if draw(st.booleans()) else raw


@st.composite
def damaged_file(draw: st.DrawFn) -> tuple[str, bytes, bytes]:
    """Name, bytes, and the bytes once decompressed, of a damaged file of any kind."""
    kind = draw(st.sampled_from(["csv", "csv", "csv", "jsonl", "jsonl", "recoded", "gz", "broken gz"]))
    if kind == "jsonl":
        raw = draw(odd_json_lines())
        return "x.jsonl", raw, raw
    raw = draw(damaged())
    if kind == "recoded":
        encoding = draw(
            st.sampled_from(["utf-16", "utf-16-le", "gb18030", "cp1252", "utf-8-sig", "big5", "shift_jis"])
        )
        raw = raw.decode("utf-8", "replace").encode(encoding, "replace")
        raw = _harmed(draw, raw, 0) if draw(st.booleans()) else raw
    if "gz" not in kind:
        return "x.csv", raw, raw
    packed = gzip.compress(raw, mtime=0)
    return "x.csv.gz", _harmed(draw, packed, 0) if kind == "broken gz" else packed, raw


def _record(lines: list[str], start: int, form: Format) -> tuple[int, int] | None:
    """(lines, fields) of the record that begins at a line; None where its quotes are wrong."""
    state, n_fields = "begin", 1
    for used, line in enumerate(lines[start : start + 200], start=1):
        for sign in line.rstrip("\r\n") if state != "inside" else line:
            if state == "inside":
                state = "closing" if sign == form.quote else "inside"
            elif state == "closing" and sign == form.quote:
                state = "inside"
            elif sign == form.delimiter:
                state, n_fields = "begin", n_fields + 1
            elif state == "closing" and sign in "\r\n":
                break
            elif state == "closing":
                return None
            elif state == "begin" and sign == form.quote:
                state = "inside"
            else:
                state = "within"
        if state != "inside":
            return used, n_fields
    return None


def n_records(raw: bytes, form: Format, width: int) -> int:
    """Physical records after the header, blank and preamble lines included.

    A line whose quote never closes rightly is a record of its own, and the next line begins anew.
    """
    decoded = raw.decode(form.encoding, "surrogateescape" if form.encoding.startswith("utf-8") else "replace")
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", decoded)
    found, at = form.skip_lines, form.skip_lines
    header_left = form.header
    while at < len(lines):
        one = _record(lines, at, form)
        whole = one is not None and (one[0] == 1 or one[1] == width)
        if header_left and lines[at].strip("\r\n"):
            header_left = False
        else:
            found += 1
        at += one[0] if one is not None and whole else 1
    return found
