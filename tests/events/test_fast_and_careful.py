"""The database's own reader and the careful one make the same table of the same clean file."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

import csv
import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from persmark.events import Mapping
from persmark.store import Workspace, create_workspace
from tests.events.files import event_rows, load, write

NAMES = [
    "user_id",
    "item_id",
    "event_type",
    "event_time",
    "value",
    "quantity",
    "order_id",
    "page",
    'odd "name"',
]
# A space before an opening quote is read differently by the two; no writer makes one. So are blanks that are
# neither space nor tab at the end of a cell: the careful reader takes them off, the database keeps them.
CELL = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=("Cs", "Zs", "Zl", "Zp"),
        exclude_characters="\0\r\n\x0b\x0c\x1c\x1d\x1e\x1f\x85",
    ),
    max_size=8,
) | st.sampled_from(
    ["", " ", "a b", 'say "x"', "a,b", "NA", "00123", "'", "\\", "\ufffd", "\ufeff", "=1+1", "\t"]
)
NUMBER = st.sampled_from(
    ["", "0", "1.5", "-3", "1e2", "12345.67891", "+7", ".5", "1.", " 2 ", "1_000", "0.00005"]
)
TIMES = {
    "iso": ["2026-01-01 00:00:00", "2026-03-08T02:30:00.9Z", "2026-03-08 02:30:00+05:45", "2026-11-01", " 2026-01-02 "],
    "epoch_s": ["1700000000", "1700000000.5", " 1700000000 "],
    "epoch_ms": ["1700000000123", "1700000000999.9"],
    "epoch_us": ["1700000000123456"],
}  # fmt: skip


def user(cell: str) -> bool:
    return bool(cell.strip(" "))


@st.composite
def clean_file(draw: st.DrawFn) -> tuple[str, str]:
    time_format = draw(st.sampled_from(list(TIMES)))
    rows = draw(
        st.lists(
            st.tuples(
                CELL.filter(user), CELL, CELL.filter(user), st.sampled_from(TIMES[time_format]), NUMBER, NUMBER,
                CELL, CELL, CELL,
            ),
            min_size=1, max_size=8,
        )
    )  # fmt: skip
    out = io.StringIO()
    writer = csv.writer(
        out, lineterminator="\n", quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    )
    writer.writerows([NAMES, *rows])
    content = out.getvalue()
    # More signs that stand in no text, and the file is taken for a picture and refused as a whole.
    assume(sum((sign < " " and sign not in "\t\r\n") or sign == "\ufffd" for sign in content) <= 3)
    return content, time_format


def _loaded(root: Path, name: str, path: Path, mapping: Mapping) -> tuple[Workspace, Any]:
    workspace = create_workspace(name, root=root, time_zone="Asia/Kathmandu")
    return workspace, load(workspace, path, mapping=mapping)


@settings(
    max_examples=40, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],  # shrinking loads takes minutes
)  # fmt: skip
@given(made=clean_file())
def test_both_ways_make_the_same_table(
    made: tuple[str, str], data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib

    loading = importlib.import_module("persmark.events.load")
    content, time_format = made
    mapping = Mapping(
        "events",
        {name: name for name in NAMES[:7]},
        time_format,
        "America/New_York",
        event_types={"a b": "view"},
    )
    root = Path(tempfile.mkdtemp())
    try:
        path = write(root / "x.csv", content)
        fast, one = _loaded(root, "fast", path, mapping)
        with monkeypatch.context() as patch:
            patch.setattr(loading, "fast_fill", lambda *_, **__: None)
            careful, two = _loaded(root, "careful", path, mapping)
        assert event_rows(fast, "*") == event_rows(careful, "*")
        assert (one.rows_in, one.rejected_by_reason, one.repeated) == (
            two.rows_in,
            two.rejected_by_reason,
            two.repeated,
        )
        assert fast.stats("events") == careful.stats("events")
    finally:
        shutil.rmtree(root)
