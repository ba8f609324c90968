"""One browser a process, and pages that are watched from their first request on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests import browser_program
from tests.browser.visit import Scheme, Visit


class Open(Protocol):
    """Opens a page."""

    def __call__(self, html: str, *, width: int = 1280, scheme: Scheme = "light") -> Visit: ...


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless; root may start it only without its sandbox."""
    missing = browser_program.missing()
    if missing:
        pytest.skip(missing)
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=browser_program.program(), args=flags, env=browser_program.surroundings()
        )
        yield found
        found.close()


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a page from a file, as a user does, on a desk by day unless told otherwise."""
    contexts: list[BrowserContext] = []

    def read(html: str, *, width: int = 1280, scheme: Scheme = "light") -> Visit:
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme))
        return Visit(contexts[-1].new_page(), file, scheme)

    yield read
    for context in contexts:
        context.close()
