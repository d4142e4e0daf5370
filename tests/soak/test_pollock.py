"""Every record and column of the small table polluted in turn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.events.pollock import TABLE, polluted
from tests.events.test_pollock import check_kind


@pytest.mark.soak
def test_every_polluted_file_gives_its_table_or_the_reason_why_not(data_folder: Path, tmp_path: Path) -> None:
    files = polluted(range(len(TABLE)))
    check_kind(tmp_path, files)
    print(f"{len(files)} files of {len({one.kind for one in files})} kinds")
