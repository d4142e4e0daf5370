"""Pictures of every page: `python -m tests.browser.screenshots --out DIR [--data DATA] [--workspaces a,b]`.

Each page is taken whole, at 1440 and 800 px, in light (and with --dark in dark), for each workspace.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import Page, TimeoutError

from persmark.settings import settings
from persmark.store import list_workspaces
from persmark.ui.pages import STEPS
from tests.browser.server import browsing, serving

WIDTHS = (1440, 800)
_SETTLE_MS = 900
_TALLEST = 6_000


def settle(page: Page) -> None:
    """Wait until the app has run and its charts stand still."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000)
    try:
        page.wait_for_selector('[data-testid="stSkeleton"]', state="detached", timeout=10_000)
    except TimeoutError:
        print("  still loading:", page.url)
    page.wait_for_timeout(_SETTLE_MS)


def whole(page: Page, width: int) -> None:
    """Make the window as tall as the page, for the app scrolls inside itself."""
    height = page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]'); return m ? m.scrollHeight : 900; }"
    )
    page.set_viewport_size({"width": width, "height": min(max(int(height) + 20, 900), _TALLEST)})
    page.wait_for_timeout(400)


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workspaces", default="", help="names; all by default")
    parser.add_argument("--pages", default=",".join(STEPS))
    parser.add_argument("--widths", default=",".join(map(str, WIDTHS)))
    parser.add_argument("--dark", action="store_true", help="also in dark")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    names = asked.workspaces.split(",") if asked.workspaces else list_workspaces()
    with serving(settings().data_folder) as address, browsing() as browser:
        for scheme in ("light", "dark") if asked.dark else ("light",):
            for width in map(int, asked.widths.split(",")):
                context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
                for name in names:
                    for step in asked.pages.split(","):
                        page = context.new_page()
                        said: list[str] = []
                        page.on("console", lambda message, said=said: said.append(message.text)
                                if message.type == "error" else None)  # fmt: skip
                        page.goto(f"{address}/{'' if step == 'events' else step}?workspace={name}")
                        settle(page)
                        whole(page, width)
                        target = asked.out / f"{name}-{step}-{width}-{scheme}.png"
                        page.screenshot(path=target)
                        print(target, *[f"\n  console: {line}" for line in said if "_stcore" not in line])
                        page.close()
                context.close()


if __name__ == "__main__":
    main()
