"""The ledger: whatever a file holds, its rows add up, and loading it again changes nothing."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

import gzip
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from persmark import events
from persmark.errors import PersmarkError
from persmark.events import Source
from persmark.store import EngineError, Workspace, create_workspace
from tests.conftest import HARD
from tests.events.files import HEADER, UTC_PLAIN, counts, csv_of, event_rows, load, rejects_csv, write
from tests.events.mutated import PLAIN, damaged, damaged_file, n_records


def check_damaged(
    raw: bytes, *, again: bool, name: str = "x.csv", unpacked: bytes | None = None
) -> Source | None:
    """Load damaged bytes into a fresh workspace; None where they were refused.

    `unpacked` are the bytes once decompressed, for counting.
    """
    root = Path(tempfile.mkdtemp())
    try:
        workspace = create_workspace("damaged", root=root)
        path = root / name
        path.write_bytes(raw)
        raw = raw if unpacked is None else unpacked
        try:
            form = events.propose(path, kind="events").format
            source = load(workspace, path, mapping=UTC_PLAIN)
        except PersmarkError as refused:
            assert not isinstance(refused, EngineError), refused
            assert workspace.versions() == {}
            assert workspace.state.count("sources") == 0
            return None
        if form.kind == "csv" and (form.escape, form.header_rows, len(form.delimiter)) == ("doubled", 1, 1):
            assert source.rows_in == n_records(raw, form, len(source_columns(path)))
        lines = [row["line"] for row in workspace.state.rows("rejects", order="line")]
        assert len(set(lines)) == len(lines) == source.rejected
        assert all(1 <= line <= raw.count(b"\n") + raw.count(b"\r") + 1 for line in lines)
        assert len(event_rows(workspace)) == source.n_events
        assert rejects_csv(workspace, source.source_id).count("\r\n") >= source.rejected + 1
        if again:
            second = load(workspace, path)
            assert (second.loaded, second.duplicate) == (0, source.loaded)
            assert (second.rejected, second.skipped) == (source.rejected, source.skipped)
        return source
    finally:
        shutil.rmtree(root)


def source_columns(path: Path) -> tuple[str, ...]:
    return events.propose(path, kind="events").columns


@pytest.fixture(autouse=True)
def key(data_folder: Path) -> None:
    """Rejects are sealed under a key of the test's own."""


@settings(
    max_examples=15, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.generate],
)  # fmt: skip
@given(file=damaged_file())
def test_a_damaged_file_of_any_kind_is_loaded_or_refused_in_words(file: tuple[str, bytes, bytes]) -> None:
    name, raw, unpacked = file
    check_damaged(raw, again=False, name=name, unpacked=unpacked)


@settings(
    max_examples=20, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],  # shrinking loads takes minutes
)  # fmt: skip
@given(raw=damaged(), again=st.sampled_from([False, False, False, True]))
@example(raw=PLAIN.encode(), again=True)
@example(raw=PLAIN.encode().rstrip(b"\n") + b'\n"', again=True)
def test_rows_add_up_to_an_independent_count_whatever_the_damage(raw: bytes, again: bool) -> None:
    check_damaged(raw, again=again)


ROWS = [
    "u,i,view,2026-01-01 00:00:00,1", "u,i,view,2026-01-01 00:00:00,1", f"{HARD.replace(chr(34), '')},j,cart,2026-01-02,",
    "v,,purchase,2026-01-03 10:00:00,9.99", "w,k,purchase,2026-01-03 10:00:00,-2",
]  # fmt: skip


def test_the_same_file_again_changes_nothing_however_it_comes(empty: Workspace, tmp_path: Path) -> None:
    first = load(empty, write(tmp_path / "a.csv", csv_of(ROWS)))
    assert counts(first) == (5, 5, 0, 0, 0, 1)
    before = event_rows(empty, "*"), empty.manifest().group("events").content
    shuffled = random.Random(7).sample(ROWS, len(ROWS))
    copies = [
        write(tmp_path / "a.csv", csv_of(ROWS)),
        write(tmp_path / f"renamed {HARD[1:9]}.csv", csv_of(ROWS)),
        write(tmp_path / "a.csv.gz", csv_of(ROWS)),
        write(tmp_path / "b.csv.gz", gzip.compress(csv_of(ROWS).encode(), 1)[:0] + csv_of(ROWS).encode()),
        write(tmp_path / "shuffled.csv", csv_of(shuffled)),
        write(tmp_path / "crlf.csv", csv_of(ROWS).replace("\n", "\r\n")),
        write(tmp_path / "utf-16.csv", csv_of(ROWS), "utf-16"),
        write(tmp_path / "careful.csv", csv_of([*ROWS, "x,i,view,bad,1"])),
    ]
    for path in copies:
        source = load(empty, path)
        assert (source.loaded, source.duplicate) == (0, 5), path.name
    # Their rows are kept aside for when the first is undone; nothing built from events is stale.
    assert (event_rows(empty, "*"), empty.manifest().group("events").content) == before


def test_overlapping_days_load_what_is_new(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "a.csv", csv_of(ROWS[:4])))
    assert counts(load(empty, write(tmp_path / "b.csv", csv_of(ROWS[2:])))) == (3, 1, 2, 0, 0, 0)
    assert len(event_rows(empty)) == 5


@pytest.mark.parametrize(
    ("n_first", "n_second", "loaded", "duplicate"), [(1, 3, 2, 1), (3, 1, 0, 1), (2, 2, 0, 2)]
)
def test_of_repeats_the_largest_multiplicity_counts(  # noqa: PLR0917
    empty: Workspace, tmp_path: Path, n_first: int, n_second: int, loaded: int, duplicate: int
) -> None:
    row = "u,i,view,2026-01-01 00:00:00,1"
    first = load(empty, write(tmp_path / "a.csv", csv_of([row] * n_first)))
    assert counts(first) == (n_first, n_first, 0, 0, 0, n_first - 1)
    second = load(empty, write(tmp_path / "b.csv", csv_of([row] * n_second)))
    assert (second.loaded, second.duplicate) == (loaded, duplicate)
    assert event_rows(empty, "repeat_no") == [(n,) for n in range(max(n_first, n_second))]


def test_repeats_are_dropped_where_the_mapping_says_so(empty: Workspace, tmp_path: Path) -> None:
    from dataclasses import replace

    source = load(
        empty, write(tmp_path / "a.csv", csv_of([ROWS[0]] * 3)), mapping=replace(UTC_PLAIN, drop_repeats=True)
    )
    assert counts(source) == (3, 1, 2, 0, 0, 0)
    assert event_rows(empty, "repeat_no") == [(0,)]
    with empty.reader() as reader:
        assert reader.rows("SELECT n_events FROM sessions") == [(1,)]


def test_rows_that_differ_in_anything_are_not_the_same(empty: Workspace, tmp_path: Path) -> None:
    header = HEADER + ",order_id,page"
    rows = ["u,i,view,2026-01-01,1,o,p", "u,i,view,2026-01-01,1,o,q", "u,i,view,2026-01-01,1,,p",
            "u,i,view,2026-01-01,,o,p", "u,,view,2026-01-01,1,o,p"]  # fmt: skip
    assert counts(load(empty, write(tmp_path / "a.csv", csv_of(rows, header)))) == (5, 5, 0, 0, 0, 0)


def test_an_event_of_a_known_id_is_the_same_whatever_else_changed(empty: Workspace, tmp_path: Path) -> None:
    header = HEADER + ",event_id"
    load(empty, write(tmp_path / "a.csv", csv_of(["u,i,view,2026-01-01,1,e1"], header)))
    source = load(
        empty,
        write(tmp_path / "b.csv", csv_of(["u,i,view,2026-01-05,2,e1", "u,i,view,2026-01-05,2,e2"], header)),
    )
    assert (source.loaded, source.duplicate) == (1, 1)


def test_the_ledger_names_every_file_newest_first(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "a.csv", csv_of([*ROWS, "x,i,view,bad,1"])), name=HARD)
    load(empty, write(tmp_path / "a.csv", csv_of(ROWS)))
    second, first = events.ledger(empty)
    assert (first.name, first.state, first.rejected_by_reason) == (HARD, "loaded", {"bad_time": 1})
    assert (second.name, second.loaded, second.duplicate) == ("a.csv", 0, 5)
    assert list(first.to_json())[:2] == ["file", "source_id"]
    assert len(first.sha256) == 64


def test_a_refused_file_leaves_no_trace(empty: Workspace, tmp_path: Path) -> None:
    with pytest.raises(PersmarkError, match=r"^Column 'user_id' must be found in a\.csv\. Received: a, b\."):
        events.load(empty, write(tmp_path / "a.csv", "a,b\n1,2\n"), kind="events")
    assert (empty.state.count("sources"), empty.versions(), list((empty.folder / "tables").iterdir())) == (
        0,
        {},
        [],
    )
