"""One table in 12 encodings, with 5 delimiters and 3 line ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.events.renderings import files
from tests.events.test_encodings import hashes_of


@pytest.mark.soak
def test_180_renderings_of_one_table_have_one_hash(data_folder: Path, tmp_path: Path) -> None:
    found = hashes_of(files(), tmp_path)
    print({one: len(names) for one, names in found.items()})
    assert [len(names) for names in found.values()] == [180]
