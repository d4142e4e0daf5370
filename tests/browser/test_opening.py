"""Counts open to the users behind them by mouse and by keyboard, and focus can be seen at 800 px."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from persmark import actions
from persmark.events import quality
from tests.browser.screenshots import settle
from tests.browser.server import browsing, serving
from tests.shop import ACTOR, load_shop

pytestmark = pytest.mark.browser

FOCUSED = """() => {
    const it = document.activeElement, box = it.getBoundingClientRect();
    const name = it.getAttribute("aria-label") || it.innerText || it.tagName;
    // The ring may be drawn on a frame around the element itself.
    let seen = false;
    for (let one = it, step = 0; one && step < 5; one = one.parentElement, step += 1) {
        const style = getComputedStyle(one);
        seen = seen || (style.outlineStyle !== "none" && style.outlineWidth !== "0px")
            || style.boxShadow !== "none" || one.matches("canvas");
    }
    return [name.trim().split("\\n")[0], box.top, seen, it === document.body];
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A shop with a recommender, and a rule that waits: the page of rules has something to press."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSMARK_DATA", str(folder))
        shop = load_shop(tmp_path_factory.mktemp("files"))
        actions.run(shop, ACTOR, actions.Train(recommender="repeat"))
        quality.save_rule(shop, quality.FoldType("view", "click"))
        with serving(folder) as found:
            yield found


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """One page for all: what it has fetched and compiled once serves the next address too."""
    with browsing() as browser:
        yield browser.new_page()


def tabbed(page: Page, times: int) -> list[tuple[str, float, bool, bool]]:
    """What the Tab key reaches from the top of the page on: name, place, whether focus shows, body."""
    page.locator("h1").click()
    found = []
    for _ in range(times):
        page.keyboard.press("Tab")
        # Rings fade in.
        page.wait_for_timeout(220)
        found.append(tuple(page.evaluate(FOCUSED)))
    return found


def test_a_cell_a_bar_and_a_headline_open(address: str, page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 2400})
    page.goto(f"{address}/segments?workspace=shop")
    settle(page)
    grid = page.locator(".st-key-chart-rfm-grid .nsewdrag").first
    box = grid.bounding_box()
    assert box is not None
    # The middle cell: recency score 3, frequency score 3.
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_text("Recency score 3, frequency score 3: the users")).to_be_visible(timeout=20_000)
    settle(page)
    bar = page.locator(".st-key-chart-lifecycle .bars .point path").nth(4)
    bar.click(force=True)
    expect(page.get_by_text("Active: the users behind the figure")).to_be_visible(timeout=20_000)

    page.goto(f"{address}/profiles?workspace=shop")
    settle(page)
    page.get_by_role("radio", name="Buyers").or_(page.get_by_role("button", name="Buyers")).first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Buyers: the users behind the figure")).to_be_visible(timeout=20_000)


@pytest.mark.parametrize("step", ["quality", "segments", "slates"])
def test_tab_goes_down_the_page_and_can_be_seen(address: str, page: Page, step: str) -> None:
    page.set_viewport_size({"width": 800, "height": 2600})
    page.goto(f"{address}/{step}?workspace=shop")
    settle(page)
    found = [one for one in tabbed(page, 9) if not one[3]]
    # Past the last control the browser begins again at the top.
    found = list(itertools.takewhile(lambda one: "Skip to main" not in one[0], found))
    assert len(found) >= 6
    assert [one[0] for one in found if not one[2]] == []
    tops = [one[1] for one in found]
    # Same row or further down, up to the few pixels by which controls of a row differ.
    assert all(after > before - 60 for before, after in itertools.pairwise(tops)), found
