"""Files polluted in the 26 ways of the Pollock benchmark, loaded with nothing said about them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from persmark.errors import PersmarkError
from persmark.store import create_workspace
from tests.events.files import counts, event_rows, lines_rejected, load, write
from tests.events.pollock import Polluted, n_records, polluted

FILES = polluted()
KINDS = list(dict.fromkeys(one.kind for one in FILES))


@pytest.fixture
def root(data_folder: Path) -> Iterator[Path]:
    made = Path(tempfile.mkdtemp())
    yield made
    shutil.rmtree(made)


def test_there_are_the_26_kinds_of_the_benchmark() -> None:
    assert len(KINDS) == 26


def _events(one: Polluted) -> list[tuple[object, ...]]:
    return sorted(
        (
            (user, item or None, kind, Decimal(value) if value else None)
            for user, item, kind, _, value in one.rows
        ),
        key=str,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_polluted_file_gives_its_table_or_the_reason_why_not(root: Path, kind: str) -> None:
    check_kind(root, [file for file in FILES if file.kind == kind])


def check_kind(root: Path, files: list[Polluted]) -> None:
    """Load files into workspaces of their own and compare all that came of them."""
    for number, one in enumerate(files):
        workspace = create_workspace(f"w{number}", root=root)
        path = write(root / "x.csv", one.raw)
        if one.refused:
            with pytest.raises(PersmarkError) as refused:
                load(workspace, path)
            assert str(refused.value).startswith(one.refused)
            assert workspace.versions() == {}
            continue
        source = load(workspace, path)
        where = f"{one.kind}: {one.raw!r}"
        assert lines_rejected(workspace, source) == list(one.rejected), where
        found = event_rows(workspace, "user_id, item_id, event_type, value") if source.loaded else []
        assert sorted(found, key=str) == _events(one), where
        assert source.rows_in == n_records(one.raw), where
        assert (counts(source)[1], source.skipped) == (len(one.rows), one.skipped), where
