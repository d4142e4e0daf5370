"""An upload lies on disk and not in the server's memory, through reruns, a refresh and a second visit."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from persmark.store import create_workspace, open_workspace
from tests.browser.screenshots import settle
from tests.browser.server import browsing, serving
from tests.events.files import HEADER

pytestmark = pytest.mark.browser
LONG_MS = 60_000
UPLOADER = '[data-testid="stFileUploader"] input[type=file]'


def held_bytes(address: str) -> list[int]:
    """What Streamlit's own keeper of uploads holds, by its metrics."""
    with urllib.request.urlopen(f"{address}/_stcore/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return [int(float(line.split()[-1])) for line in lines if "UploadedFileManager" in line]


def uploaded(page: Page, address: str, file: Path) -> None:
    page.goto(address)
    settle(page)
    page.locator(UPLOADER).set_input_files(str(file))
    page.get_by_role("button", name="Load the file").wait_for(timeout=LONG_MS)
    settle(page)


def test_an_upload_lies_on_disk_until_it_is_loaded_or_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("PERSMARK_DATA", str(data))
    create_workspace("blank")
    file = tmp_path / "käufe '张'.csv"
    rows = [f"user-{n % 997},item-{n % 89},view,2026-01-{n % 28 + 1:02} 10:00:00,1" for n in range(100_000)]
    file.write_text("\n".join([HEADER, *rows]) + "\n")
    size = file.stat().st_size

    def on_disk() -> list[int]:
        return [one.stat().st_size for one in (data / ".uploads").iterdir()]

    with serving(data) as address, browsing() as browser:
        page, other = browser.new_page(), browser.new_page()
        uploaded(page, address, file)
        assert on_disk() == [size]
        assert sum(held_bytes(address)) == 0
        # A rerun keeps it; a second visit has its own; a refresh forgets it and the page stays whole.
        page.get_by_text("Items", exact=True).last.click()
        settle(page)
        expect(page.get_by_role("button", name="Load the file")).to_be_visible()
        assert on_disk() == [size]
        uploaded(other, address, file)
        assert on_disk() == [size, size]
        other.reload()
        settle(other)
        expect(other.get_by_role("button", name="Load the file")).to_have_count(0)
        uploaded(other, address, file)
        other.get_by_role("button", name=re.compile("^(Remove|Delete)")).first.click()
        expect(other.get_by_role("button", name="Load the file")).to_have_count(0)
        settle(other)
        assert len(on_disk()) == 2
        # What a load took is deleted by it, once it stands.
        page.get_by_text("Events", exact=True).last.click()
        settle(page)
        page.get_by_role("button", name="Load the file").click()
        page.get_by_text("What the data holds").wait_for(timeout=LONG_MS)
        settle(page)
        assert open_workspace("käufe-张").stats("events")["n_events"] == 100_000
        assert len(on_disk()) == 1
        for one in (page, other):
            assert one.get_by_text("Traceback").count() == 0
            assert one.get_by_role("alert").count() == 0
