"""A real headless browser, where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@contextmanager
def browsing() -> Iterator[Any]:
    """Yield a headless browser of Playwright: its own, or a Chromium of the system; skip where there is neither."""
    library = pytest.importorskip(
        "playwright.sync_api", reason="playwright drives the browser: pip install playwright"
    )
    with library.sync_playwright() as engine:
        path = os.environ.get("KNOWHOW_BROWSER") or next(filter(None, map(shutil.which, _NAMES)), None)
        options = {"executable_path": path} if path else {}
        try:
            browser = engine.chromium.launch(args=["--no-sandbox"], **options)
        except library.Error as error:
            pytest.skip(
                f"no headless browser here ({str(error).splitlines()[0]}): playwright install chromium"
            )
        try:
            yield browser
        finally:
            browser.close()
