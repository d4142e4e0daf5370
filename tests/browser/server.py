"""A real server on a free loopback port, and a real browser, for the tests of this folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
_START_SECONDS = 60
# A first run imports the app; on a busy machine that alone takes longer than Playwright waits by default.
expect.set_options(timeout=30_000)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(data_folder: Path) -> Iterator[str]:
    """The app over `data_folder`; yields its address. The server ends with the block."""
    with server(data_folder) as (address, _):
        yield address


@contextmanager
def server(data_folder: Path) -> Iterator[tuple[str, int]]:
    """As `serving`; yields the address and the server's process id."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with (data_folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
            cwd=ROOT,
            env={**os.environ, "PERSMARK_DATA": str(data_folder)},
            stdout=log,
            stderr=log,
        )
        try:
            give_up = time.monotonic() + _START_SECONDS
            while True:
                try:
                    with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                        break
                except OSError:
                    if time.monotonic() > give_up or process.poll() is not None:
                        raise
                    time.sleep(0.2)
            yield address, process.pid
        finally:
            process.terminate()
            process.wait(timeout=20)


@contextmanager
def browsing() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
            ],
        )
        try:
            yield browser
        finally:
            browser.close()
