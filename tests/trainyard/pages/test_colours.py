"""Whether colours can be seen and told apart, computed."""

import itertools
import math

import pytest

from trainyard.pages import colours

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009),
# table 1, severity 1.0: linear RGB as it is seen.
SEEN_BY = {
    "anybody": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
MODES = {"light": 0, "dark": 1}


def linear(colour: str) -> list[float]:
    """sRGB's components without their gamma, 0 to 1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""
    weights = (0.2126, 0.7152, 0.0722)
    light, dark = sorted(
        (sum(w * part for w, part in zip(weights, linear(each), strict=True)) for each in (one, other)), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


def lab(colour: str, eye: str) -> tuple[float, float, float]:
    """CIELAB (D65) of a colour as ``eye`` sees it."""
    rgb = linear(colour)
    r, g, b = (min(1.0, max(0.0, sum(m * p for m, p in zip(row, rgb, strict=True)))) for row in SEEN_BY[eye])
    xyz = ((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505, 0.2126 * r + 0.7152 * g + 0.0722 * b,
           (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)  # fmt: skip
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("mode", MODES)
def test_lines_and_marks_have_three_to_one(mode: str) -> None:
    """WCAG 2.2, 1.4.11."""
    at = MODES[mode]
    for colour in [*(pair[at] for pair in colours.SERIES), colours.QUIET]:
        assert contrast(colour, colours.GROUND[at]) >= 3, colour


@pytest.mark.parametrize("mode", MODES)
def test_text_has_four_and_a_half_to_one(mode: str) -> None:
    """WCAG 2.2, 1.4.3."""
    for pair in (colours.TEXT, colours.NOTE):
        assert contrast(pair[MODES[mode]], colours.GROUND[MODES[mode]]) >= 4.5


@pytest.mark.parametrize("eye", SEEN_BY)
@pytest.mark.parametrize("mode", MODES)
def test_colours_stay_apart(mode: str, eye: str) -> None:
    """Ten is a difference that is seen at a glance; two are at least that far from each other."""
    series = [pair[MODES[mode]] for pair in colours.SERIES]
    for one, other in itertools.combinations(series, 2):
        assert math.dist(lab(one, eye), lab(other, eye)) > 10, (one, other)
