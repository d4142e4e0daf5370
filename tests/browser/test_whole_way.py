"""From an uploaded CSV to a target list that is read, by clicks, in a real browser on a real server."""

from __future__ import annotations

import csv
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from playwright.sync_api import Browser, Page, expect

from persmark import campaigns, segments
from persmark.spreadsheet import restored
from persmark.store import create_workspace, open_workspace
from persmark.ui.pages import STEPS
from persmark.ui.web import SECURITY_HEADERS
from tests.browser.screenshots import settle
from tests.browser.server import browsing, serving
from tests.shop import HARD_USER, N_USERS, write_csv

pytestmark = pytest.mark.browser
LONG_MS = 90_000
SEGMENT = 'Zoë\'s "regulars" 乳品'
AUDIENCE = "=Spring 🧀"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSMARK_DATA", str(folder))
        # A folder that holds a workspace already does not begin to load the sample.
        create_workspace("blank")
        yield folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    """One page at that server: what it has fetched and compiled once serves the next address too."""
    return browser.new_page(viewport={"width": 1440, "height": 1000}, accept_downloads=True)


@pytest.fixture(scope="module")
def address(data: Path) -> Iterator[str]:
    """A server that has served already, for what is not about a fresh one."""
    with serving(data) as found:
        yield found


def go(page: Page, title: str) -> None:
    page.get_by_role("link", name=title, exact=True).click()
    expect(page.locator("h1")).to_have_text(title)
    settle(page)


def whole(page: Page) -> None:
    settle(page)
    assert page.get_by_role("alert").filter(has_text="broke").count() == 0
    assert page.get_by_text("Traceback").count() == 0


def test_from_upload_to_target_list(address: str, page: Page, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "shop.csv")
    foreign: list[str] = []
    page.on("request", lambda one: foreign.append(one.url) if not one.url.startswith(
        (address, address.replace("http", "ws"), "data:", "blob:")) else None)  # fmt: skip
    page.goto(address)
    settle(page)

    # Events: upload, look at the proposed mapping, load.
    page.locator('[data-testid="stFileUploader"] input[type=file]').set_input_files(str(file))
    page.get_by_role("button", name="Load the file").wait_for(timeout=LONG_MS)
    settle(page)
    assert page.get_by_label("User (needed)").count() >= 1
    page.get_by_role("button", name="Load the file").click()
    page.get_by_text("What the data holds").wait_for(timeout=LONG_MS)
    whole(page)
    shop = open_workspace("shop")
    assert "workspace=shop" in page.url
    assert shop.stats("events")["n_users"] == N_USERS

    # Profiles came with the load.
    go(page, "Profiles")
    expect(page.get_by_text("One feature over all users")).to_be_visible()

    # One user: found by a part of the id, kept by the address over a refresh.
    go(page, "User")
    page.get_by_label("Find a user by id, or a part of it").fill("Neil")
    page.keyboard.press("Enter")
    expect(page.locator(".pm-who")).to_have_text(f"User {HARD_USER}")
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".pm-who")).to_have_text("User user-01")
    page.get_by_role("tab", name="Contacts").click()
    expect(page.get_by_text("They are in no audience")).to_be_visible()
    page.reload()
    expect(page.locator(".pm-who")).to_have_text("User user-01")
    expect(page.get_by_text("They are in no audience")).to_be_visible()
    settle(page)
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".pm-who")).to_have_text(f"User {HARD_USER}")
    whole(page)

    # Segments: one condition, saved.
    go(page, "Segments")
    page.get_by_label("Add a condition", exact=True).click()
    page.keyboard.type("bought")
    page.get_by_role("option", name="Bought · purchase", exact=True).click()
    page.get_by_role("button", name="Add condition").click()
    page.get_by_role("button", name="Add condition").wait_for(state="detached", timeout=LONG_MS)
    settle(page)
    page.get_by_label("Name of the segment").fill(SEGMENT)
    page.get_by_role("button", name="Save segment").click()
    page.get_by_label("A saved segment").wait_for(timeout=LONG_MS)
    whole(page)
    saved = segments.get_segment(shop, SEGMENT)

    # Train: in the background, surviving a refresh.
    go(page, "Train")
    page.locator('[data-testid="stButtonGroup"]').get_by_text("popular", exact=True).click()
    settle(page)
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator(".pm-job").or_(page.get_by_text("Serves now")).first.wait_for(timeout=LONG_MS)
    page.reload()
    page.get_by_text("Serves now").first.wait_for(timeout=LONG_MS)
    whole(page)

    # Slates: cards with reasons for the user who was found before.
    go(page, "Slates")
    page.locator(".pm-card").first.wait_for(timeout=LONG_MS)
    assert page.locator(".pm-card").count() >= 5
    assert page.locator(".pm-card img").count() == 0
    whole(page)

    # Campaigns: the saved segment, the default holdout, the target list.
    go(page, "Campaigns")
    page.get_by_label("Name", exact=True).fill(AUDIENCE)
    page.get_by_role("button", name="Create audience").click()
    page.get_by_role("button", name="Make the target list").wait_for(timeout=LONG_MS)
    settle(page)
    page.get_by_role("button", name="Make the target list").click()
    download_button = page.get_by_role("button", name="Download target list")
    download_button.wait_for(timeout=LONG_MS)
    settle(page)
    with page.expect_download() as waiting:
        download_button.click()
    target = tmp_path / "targets.csv"
    waiting.value.save_as(target)
    assert foreign == []

    audience = campaigns.audience(shop, AUDIENCE)
    arms = campaigns.arms(shop, audience).to_pylist()
    with target.open(newline="", encoding="utf-8-sig") as read:
        rows = list(csv.DictReader(read))
    with shop.reader() as reader:
        members = set(segments.members(reader, saved.rule).column("user_id").to_pylist())
    # Exactly the target arm of the segment's users, nobody of the holdout, nothing a formula.
    listed = set(restored(pa.array([row["user_id"] for row in rows])).to_pylist())
    assert listed == {one["user_id"] for one in arms if one["arm"] == "target"}
    assert {one["user_id"] for one in arms} == members
    assert audience.n_holdout == round(0.1 * len(members))
    assert all(row["item_1_id"].startswith("sku-") for row in rows)
    for row in rows:
        assert not any(value.startswith(("=", "+", "-", "@")) for value in row.values())


def test_cold_deep_links_run_inside_the_frame(data: Path, browser: Browser) -> None:
    """A fresh server asked for an inner page first must not run that page alone."""
    for page_name in ("campaigns", "train"):
        with serving(data) as address, browser.new_context() as context:
            page = context.new_page()
            page.goto(f"{address}/{page_name}")
            settle(page)
            assert page.locator("h1").inner_text() == STEPS[page_name].title
            assert page.locator(".pm-mark").count() == 1
            assert page.get_by_label("Workspace").count() >= 1
            links = page.locator('[data-testid="stSidebar"] [data-testid="stPageLink"]')
            assert links.count() == len(STEPS)


def test_the_first_page_s_name_typed_by_hand_opens_it(address: str, page: Page) -> None:
    page.goto(f"{address}/events?workspace=blank")
    expect(page.locator("h1")).to_have_text("Events")
    whole(page)
    assert page.get_by_text("Page not found").count() == 0
    assert page.locator(".pm-mark").count() == 1
    assert "workspace=blank" in page.url


def test_every_answer_carries_the_security_headers(address: str) -> None:
    for path in ("/", "/train", "/_stcore/health", "/static/nothing"):
        try:
            answer = urllib.request.urlopen(address + path)
        except urllib.error.HTTPError as refused:
            answer = refused
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value
    for foreign in ({"Host": "evil.test"}, {"Origin": "http://evil.test"}):
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            **foreign,
        }
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
        connection.request("GET", "/_stcore/stream", headers=upgrade)
        assert connection.getresponse().status == 403
        connection.close()
