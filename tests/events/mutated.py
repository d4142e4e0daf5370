"""Files with damage, and an independent count of their records."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

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
    raw = PLAIN.encode()
    spared = draw(st.sampled_from([len(HEADER) + 1] * 3 + [0]))
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
