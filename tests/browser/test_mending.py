"""A messy file mended on the way in and afterwards, by clicks: read, answered, loaded, looked into, ruled."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from persmark import events
from persmark.events import quality
from persmark.store import create_workspace, open_workspace
from tests.browser.screenshots import settle
from tests.browser.server import browsing, serving

pytestmark = pytest.mark.browser
LONG_MS = 90_000
STRANGE = "add to the carts"
N_USERS = 30


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("PERSMARK_DATA", str(folder))
    # A folder that holds a workspace already does not begin to load the sample.
    create_workspace("blank")
    return folder


def write_messy(path: Path) -> Path:
    """Semicolons, a decimal comma, dates that can be read two ways, a type of its own, two bad rows."""
    rows = ["customer;time;event;item;amount"]
    for user in range(N_USERS):
        for day in range(1, 10):
            kind = (STRANGE, "view", "purchase")[(user + day) % 3]
            rows.append(f"user-{user};0{day}/02/2026 1{day % 9}:00;{kind};sku-{day};{day},50")
    rows.insert(5, "user-1;yesterday;view;sku-1;1,00")
    rows.insert(9, "user-2;01/02/2026 10:00;view;sku-1;much")
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


def choose(page: Page, label: str, option: str) -> None:
    """Pick an option of a select box as the keyboard does."""
    box = page.get_by_role("combobox", name=label)
    box.click()
    box.fill(option)
    page.keyboard.press("Enter")
    settle(page)


def whole(page: Page) -> None:
    settle(page)
    assert page.get_by_role("alert").filter(has_text="broke").count() == 0
    assert page.get_by_text("Traceback").count() == 0


def test_from_a_messy_file_to_a_rule_and_back(data: Path, tmp_path: Path) -> None:
    file = write_messy(tmp_path / "laden.csv")
    with serving(data) as address, browsing() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 1400}, accept_downloads=True)
        page.goto(address)
        settle(page)
        page.locator('[data-testid="stFileUploader"] input[type=file]').set_input_files(str(file))
        page.get_by_role("button", name="Load the file").wait_for(timeout=LONG_MS)
        settle(page)

        # How it was read: another delimiter makes one column of it, and the proposal comes back.
        page.get_by_text("How it was read").click()
        choose(page, "Columns are parted by", "pipe")
        expect(page.get_by_text("How it was read: UTF-8, parted by pipe")).to_be_visible()
        page.get_by_role("button", name="Back to the proposal").click()
        expect(page.get_by_text("How it was read: UTF-8, parted by semicolon")).to_be_visible()
        settle(page)

        # Nothing is guessed: the button waits for the answer.
        button = page.get_by_role("button", name="Load the file")
        expect(button).to_be_disabled()
        page.locator(".st-key-time_format").get_by_text("day first, as").click()
        settle(page)
        expect(button).to_be_enabled()
        button.click()
        page.get_by_text("What the data holds").wait_for(timeout=LONG_MS)
        whole(page)

        # What became of every row: two were rejected, each with its reason, and can be had back.
        laden = open_workspace("laden")
        source = events.ledger(laden)[0]
        assert (source.rejected, source.loaded) == (2, 9 * N_USERS)
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Download rejected rows").click()
        waiting.value.save_as(tmp_path / "rejected.csv")
        assert len((tmp_path / "rejected.csv").read_text("utf-8-sig").splitlines()) == 3

        # Data quality: the misspelt type is found, folded by its rule, and unfolded again.
        page.get_by_role("link", name="Data quality", exact=True).click()
        expect(page.locator("h1")).to_have_text("Data quality")
        settle(page)
        expect(page.get_by_role("combobox", name=f"'{STRANGE}' counts as")).to_be_visible()
        page.get_by_role("button", name="Mend by a rule").click()
        expect(page.get_by_text("Changed or left out 90 events.")).to_be_visible(timeout=LONG_MS)
        whole(page)
        assert laden.stats("events")["by_type"] == {"cart": 90, "purchase": 90, "view": 90}
        switch = page.locator('[class*="st-key-rule_"] input').first
        switch.focus()
        page.keyboard.press("Space")
        expect(page.get_by_text("Switched off.")).to_be_visible(timeout=LONG_MS)
        expect(page.get_by_text("The rules have changed")).to_have_count(0, timeout=LONG_MS)
        whole(page)
    assert laden.stats("events")["by_type"][STRANGE] == 90
    assert [one.active for one in quality.saved_rules(laden)] == [False]
