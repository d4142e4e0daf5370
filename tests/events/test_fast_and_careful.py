"""The database's own reader and the careful one make the same table of the same clean file."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

import csv
import importlib
import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from persmark.events import Mapping
from persmark.events.load import fast_fill
from persmark.store import Workspace, create_workspace
from tests.events.files import event_rows, load, write

# The package hands out the function of this name.
loading = importlib.import_module("persmark.events.load")
HARD_ID = "u\u00a0v"
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
# A space before an opening quote is read differently by the two; no writer makes one.
CELL = (
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\0\r\n"), max_size=8)
    | st.sampled_from(
        ["", " ", "a b", 'say "x"', "a,b", "NA", "00123", "'", "\\", "\ufffd", "\ufeff", "=1+1", "\t"]
    )
    | st.sampled_from(
        ["\u00a0", "a\u00a0", "\u3000商品\u3000", "\u2009a", "a\u0085", "\x1c", "\u200ba\u200b", "a \u00a0 "]
    )
)
NUMBER = st.sampled_from(
    ["", "0", "1.5", "-3", "1e2", "12345.67891", "+7", ".5", "1.", " 2 ", "1_000", "0.00005"]
)
# An id of these alone is none, to both.
SEPARATORS = (
    " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)
TIMES = {
    "iso": ["2026-01-01 00:00:00", "2026-03-08T02:30:00.9Z", "2026-03-08 02:30:00+05:45", "2026-11-01", " 2026-01-02 "],
    "epoch_s": ["1700000000", "1700000000.5", " 1700000000 "],
    "epoch_ms": ["1700000000123", "1700000000999.9"],
    "epoch_us": ["1700000000123456"],
}  # fmt: skip


def user(cell: str) -> bool:
    return bool(cell.strip(SEPARATORS))


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


def check_both_ways(made: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Load the file both ways and compare all that came of it.

    Returns:
        Whether the database's own reader took it.
    """
    content, time_format = made
    mapping = Mapping(
        "events",
        {name: name for name in NAMES[:7]},
        time_format,
        "America/New_York",
        event_types={"a b": "view"},
    )
    took: list[bool] = []

    def watched(*arguments: Any, **named: Any) -> Any:
        found = fast_fill(*arguments, **named)
        took.append(found is not None)
        return found

    root = Path(tempfile.mkdtemp())
    try:
        path = write(root / "x.csv", content)
        with monkeypatch.context() as patch:
            patch.setattr(loading, "fast_fill", watched)
            fast, one = _loaded(root, "fast", path, mapping)
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
    return took == [True]


@settings(
    max_examples=12, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],  # shrinking loads takes minutes
)  # fmt: skip
@given(made=clean_file())
def test_both_ways_make_the_same_table(
    made: tuple[str, str], data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_both_ways(made, monkeypatch)


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2009", "\u1680", " "])
def test_blanks_at_the_ends_of_cells_are_taken_off_by_both(
    blank: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        f"{blank}u{blank},{blank}i,{blank}view{blank},2026-01-01 00:00:00,1,1,o{blank},p{blank},q",
        "张三,商品,购买,2026-01-02 00:00:00,2,1,订单,p,q",
    ]
    content = (
        "\n".join(["user_id,item_id,event_type,event_time,value,quantity,order_id,page,odd", *rows]) + "\n"
    )
    workspace = create_workspace("ends", root=data_folder)
    mapping = Mapping("events", {name: name for name in NAMES[:7]}, "iso", "UTC")
    took = []
    with monkeypatch.context() as patch:
        patch.setattr(loading, "fast_fill", lambda *a, **k: took.append(fast_fill(*a, **k)) or took[-1])
        load(workspace, write(data_folder / "x.csv", content), mapping=mapping)
    assert [one is not None for one in took] == [True]
    assert event_rows(workspace, "user_id, item_id, event_type, order_id") == [
        ("u", "i", "view", "o"),
        ("张三", "商品", "purchase", "订单"),
    ]


def test_an_id_of_no_break_spaces_alone_is_none(data_folder: Path) -> None:
    content = f"user_id,item_id,event_type,event_time\n\u00a0\u3000,i,view,2026-01-01\n{HARD_ID},i,view,2026-01-01\n"
    workspace = create_workspace("ids", root=data_folder)
    source = load(workspace, write(data_folder / "x.csv", content))
    assert (source.loaded, source.rejected_by_reason) == (1, {"no_user": 1})
