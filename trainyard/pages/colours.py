"""Colours of pages: each has one form on the light ground and one on the dark."""

from __future__ import annotations

from typing import Final

GROUND: Final = ("#ffffff", "#0d1117")
"""Of the page: light, dark."""
TEXT: Final = ("#1f2328", "#e6edf3")
NOTE: Final = ("#59636e", "#9aa4af")
"""Of text that explains."""
LINE: Final = ("#d1d9e0", "#3d444d")
"""Of grids and of rules between rows."""

# After Okabe and Ito, "Color Universal Design" (2008): blue, vermilion, green, purple, and the ends of brightness.
# Each has three to one against its ground (WCAG 2.2, 1.4.11), and any two stay apart under the three kinds of colour
# blindness: tests/trainyard/pages/test_colours.py computes both.
SERIES: Final = (
    ("#0072B2", "#56B4E9"),
    ("#D55E00", "#E8772E"),
    ("#009E73", "#1DB48A"),
    ("#C05A94", "#D98CBA"),
    ("#6E5000", "#F0D24A"),
    ("#24292F", "#D5D9DE"),
)
"""Of what is told apart: light, dark."""
COLOURS: Final = tuple(light for light, _ in SERIES)
"""What figures name; a dark page draws each in its other form."""
WARNING: Final = COLOURS[1]
"""Of what went wrong."""
QUIET: Final = "#7a828b"
"""Of what is only there to compare with: seen on both grounds."""


def other_forms() -> dict[str, str]:
    """Light form → dark form of every colour that a figure may name."""
    return dict((*SERIES, GROUND))
