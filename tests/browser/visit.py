"""A page in a browser, and what is wrong with it: every check gives sentences, none where nothing is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import ConsoleMessage, Page, Request

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
CHECKS = Path(__file__).with_name("checks.js").read_text(encoding="utf-8")
Scheme = Literal["light", "dark"]
_PATIENCE = 60_000
"""Milliseconds: a machine that is busy draws slowly."""


class Visit:
    """One page, opened."""

    def __init__(self, page: Page, file: Path, scheme: Scheme) -> None:
        self.page = page
        self._scheme = scheme
        self.said: list[str] = []
        """What the console was told, of any kind."""
        self.requested: list[str] = []
        """What was asked for beside the page itself."""
        address = file.as_uri()

        def asked(request: Request) -> None:
            # What lies in the page itself is no request.
            if request.url != address and not request.url.startswith("data:"):
                self.requested.append(request.url)

        def told(message: ConsoleMessage) -> None:
            self.said.append(f"{message.type}: {message.text}")

        page.on("request", asked)
        page.on("console", told)
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.goto(address)

    def drawn(self) -> Visit:
        """Wait until every plot has been drawn for the screen and the theme that there are now."""
        size = self.page.viewport_size
        assert size is not None
        mark = f'html[data-drawn="{self._scheme} {size["width"]}"]'
        self.page.wait_for_selector(mark, state="attached", timeout=_PATIENCE)
        return self

    def turn(self, *, width: int | None = None, scheme: Scheme | None = None) -> Visit:
        """Another screen or another theme: the page draws again."""
        if width is not None:
            self.page.set_viewport_size({"width": width, "height": 844})
        if scheme is not None:
            self._scheme = scheme
            self.page.emulate_media(color_scheme=scheme)
        return self.drawn()

    def check(self, name: str) -> list[str]:
        """A function of checks.js."""
        return list(self.page.evaluate(f"{CHECKS}; {name}()"))

    def faults(self) -> list[str]:
        """Whatever can be seen in the page as it stands."""
        seen = [
            fault for name in ("undrawn", "overflowing", "overlapping", "cut", "faint") for fault in self.check(name)
        ]
        return [*self.said, *(f"asked for {url}" for url in self.requested), *seen]

    def inaccessible(self) -> list[str]:
        """What axe-core finds against WCAG 2.2 A and AA, and against its own good practice."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        # SVG has checks of its own here: axe-core looks at no text in it.
        told: dict[str, Any] = self.page.evaluate(
            "tags => axe.run({ exclude: ['svg'] }, { runOnly: tags, resultTypes: ['violations'] })", tags
        )
        return [f"{rule['id']}: {node['html'][:120]}" for rule in told["violations"] for node in rule["nodes"]]
