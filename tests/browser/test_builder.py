"""A segment by clicks, as somebody who sees the page for the first time would make it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from persmark import segments
from persmark.store import Workspace, create_workspace, open_workspace
from tests.browser.dairy import N_USERS, at_risk_dairy_not_contacted, load_dairy
from tests.browser.server import browsing, serving

pytestmark = pytest.mark.browser
LONG_MS = 60_000
# What a first try may take; a person reads for longer, the app must leave them that time.
MOST_SECONDS = 120
NAME = 'Zoë\'s "milk" 乳品 <b>'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Workspace]]:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSMARK_DATA", str(folder))
        create_workspace("blank")
        yield folder, load_dairy(folder)


@pytest.fixture(scope="module")
def page(shop: tuple[Path, Workspace]) -> Iterator[Page]:
    folder, workspace = shop
    with serving(folder) as address, browsing() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(LONG_MS)
        page.goto(f"{address}/segments?workspace={workspace.name}")
        yield page


def calm(page: Page) -> None:
    """The app has nothing left to do. What an action leads to is waited for by what it shows."""
    page.wait_for_timeout(80)
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=LONG_MS)


def matching(page: Page, n_users: int) -> None:
    """The page comes to show that so many users match."""
    shown = page.locator(".pm-fact", has_text="Users that match").locator("dd")
    expect(shown).to_have_text(re.compile(rf"^{n_users:,}\s*of "), timeout=LONG_MS)
    calm(page)


def add(page: Page, typed: str, option: str) -> None:
    """Search the one field for a condition and pick it; its form opens."""
    page.get_by_label("Add a condition", exact=True).click()
    page.keyboard.type(typed)
    page.get_by_role("option", name=option, exact=True).click()
    page.get_by_role("button", name="Add condition").wait_for(timeout=LONG_MS)
    calm(page)


def fill(page: Page, label: str, value: int) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Tab")
    calm(page)


def take(page: Page) -> None:
    page.get_by_role("button", name="Add condition").click()
    page.get_by_role("button", name="Add condition").wait_for(state="detached", timeout=LONG_MS)
    calm(page)


def test_dairy_buyers_at_risk_who_were_not_contacted(shop: tuple[Path, Workspace], page: Page) -> None:
    folder, workspace = shop
    expected = at_risk_dairy_not_contacted(folder / "dairy.csv")
    assert 0 < len(expected) < 20
    matching(page, N_USERS)

    began = time.monotonic()
    add(page, "dairy", "Category · dairy")
    fill(page, "Times", 3)
    fill(page, "Days", 60)
    take(page)
    add(page, "at risk", "RFM segment · At risk")
    take(page)
    add(page, "not contacted", "Was not contacted · no campaign_received")
    take(page)
    matching(page, len(expected))
    # Beside every condition stands how many it holds for and how many are left after it.
    counts = page.locator(".pm-count")
    assert counts.count() == 4
    assert f"{len(expected)} left" in counts.nth(3).inner_text()

    page.get_by_label("Name of the segment").fill(NAME)
    page.get_by_role("button", name="Save segment").click()
    page.get_by_label("A saved segment").wait_for(timeout=LONG_MS)
    took = time.monotonic() - began
    print(f"from an empty rule to a saved segment: {took:.1f} s")
    assert took < MOST_SECONDS
    with workspace.reader() as reader:
        saved = segments.get_segment(open_workspace(workspace.name), NAME)
        found = segments.members(reader, saved.rule).column("user_id").to_pylist()
    assert set(found) == expected


def test_groups_are_built_undone_and_pasted(shop: tuple[Path, Workspace], page: Page) -> None:
    _, workspace = shop
    matching(page, N_USERS)
    bought = {"events": {"event_type": "purchase", "at_least": 1, "within_days": 30}}
    dairy = {"events": {**bought["events"], "category": "dairy"}}
    sent = {"events": {**bought["events"], "event_type": "campaign_received"}}
    longer = {"events": {**bought["events"], "within_days": 90}}
    with workspace.reader() as reader:
        with_group = segments.count(reader, {"all": [bought, {"any": [sent, dairy]}]})
        none = segments.count(reader, {"all": [bought, {"not": {"any": [sent, dairy]}}]})
        changed = segments.count(reader, {"all": [longer, {"not": {"any": [sent, dairy]}}]})
    assert len({with_group, none, changed}) == 3

    add(page, "bought", "Bought · purchase")
    take(page)
    page.get_by_role("button", name="Add a group").click()
    page.get_by_text("no condition yet").wait_for(timeout=LONG_MS)
    calm(page)
    add(page, "contacted", "Was contacted · campaign_received")
    take(page)
    add(page, "dairy", "Category · dairy")
    take(page)
    matching(page, with_group)

    # The group as none of these; undone and done again by the keyboard.
    page.get_by_label("Users must meet").nth(1).click()
    page.get_by_role("option", name="Meets none of these").click()
    matching(page, none)
    page.locator("h1").click()
    page.keyboard.press("Alt+z")
    matching(page, with_group)
    page.keyboard.press("Alt+y")
    matching(page, none)

    # A condition is changed in its place.
    page.get_by_role("button", name="bought").first.click()
    page.get_by_role("button", name="Change condition").wait_for(timeout=LONG_MS)
    calm(page)
    fill(page, "Days", 90)
    page.get_by_role("button", name="Change condition").click()
    matching(page, changed)

    # JSON that breaks is refused in one sentence; JSON that holds is taken.
    page.get_by_role("tab", name="As text").click()
    field = page.get_by_label("JSON: change it, or paste a rule")
    field.fill('{"all": [')
    page.get_by_role("button", name="Use this JSON").click()
    expect(page.get_by_role("alert").filter(has_text="A rule must be JSON.")).to_be_visible()
    field.fill('{"not": {"segment": "everyone"}}')
    page.get_by_role("button", name="Use this JSON").click()
    matching(page, 0)
    expect(page.get_by_text("Nobody matches. Without this condition it would be")).to_be_visible()
