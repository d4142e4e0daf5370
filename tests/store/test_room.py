"""A disk without room: every kind of refusal becomes one clear error."""

from __future__ import annotations

import errno
import subprocess
import sys
import textwrap

import pytest

from persmark.errors import DiskFullError
from persmark.store import create_workspace, require_room, room_on_disk
from persmark.text import text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_the_systems_refusals_are_one_error(tmp_path, number: int) -> None:
    with (
        pytest.raises(DiskFullError, match=r"^The disk that holds the workspace must have room .* MB free\."),
        room_on_disk(tmp_path / "not made yet" / "中 o'b"),
    ):
        raise OSError(number, "full")


def test_other_refusals_stay_what_they_are(tmp_path) -> None:
    with pytest.raises(PermissionError), room_on_disk(tmp_path):
        raise PermissionError(errno.EACCES, "no")


def test_what_surely_cannot_fit_is_refused_with_the_figures(tmp_path) -> None:
    with pytest.raises(
        DiskFullError, match=r"a\.csv needs at least 1,000,000,000 MB\. Received: [\d.,]+ MB free"
    ):
        require_room(tmp_path, 10**15, text("{file}", file="a.csv"))
    require_room(tmp_path, 0, text("{file}", file="a.csv"))


def test_a_load_that_may_not_write_so_much_says_so_and_leaves_nothing(tmp_path) -> None:
    """A real limit of the system on the size of a file stands for the end of the disk."""
    folder = create_workspace("w", root=tmp_path).folder
    source = tmp_path / "o'b 中.csv"
    source.write_text(
        "user_id,item_id,event_type,event_time\n"
        + "".join(f"u{n},{n * 7919 % 1000003:x},view,2026-01-01 10:00:00\n" for n in range(120_000))
    )
    code = """
        import resource, signal, sys
        from pathlib import Path
        from persmark.errors import DiskFullError
        from persmark.events import load
        from persmark.store import open_workspace
        workspace = open_workspace("w", root=Path(sys.argv[1]))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        try:
            load(workspace, sys.argv[2])
        except DiskFullError as refusal:
            print(refusal)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), str(source)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("The disk that holds the workspace must have room"), done.stderr
    assert list((folder / "tables").iterdir()) == []
    assert not (folder / "CURRENT").exists()
