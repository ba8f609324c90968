"""Questions whose answers are computed from the pixels that are asked about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from training_code.workloads.arr_coc.texture import lab_of, sobel

Pixels = npt.NDArray[np.uint8]
QUARTERS = ("top left", "top right", "bottom left", "bottom right")
HUES = {"red": 25.0, "orange": 65.0, "yellow": 100.0, "green": 145.0, "blue": 265.0, "purple": 320.0}
"""Hue of each colour's centre in CIELAB, degrees (Munsell's principal hues at mid value and chroma, rounded)."""
GREY_CHROMA = 10.0
"""CIELAB chroma below which a colour has no hue."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One kind of question."""

    text: str
    answer: Callable[[Pixels, str], str]
    """From a crop, uint8 [side, side, 3], and the name of its picture to the answer."""


def brightest(pixels: Pixels, _: str) -> str:
    """The quarter with the highest mean lightness (CIELAB L*)."""
    return QUARTERS[int(_quarters(_lab(pixels)[0]).argmax())]


def busiest(pixels: Pixels, _: str) -> str:
    """The quarter with the largest mean gradient of lightness (Sobel)."""
    lightness = torch.from_numpy(_lab(pixels)[0])[None, None]
    return QUARTERS[int(_quarters(sobel(lightness).square().sum(1).sqrt()[0].numpy()).argmax())]


def colour(pixels: Pixels, _: str) -> str:
    """The colour that most pixels are nearest to in hue; pixels without chroma are grey."""
    _, a, b = _lab(pixels) * 128
    hues = np.degrees(np.arctan2(b, a)) % 360
    distance = np.abs((hues[..., None] - np.array(list(HUES.values())) + 180) % 360 - 180)
    votes = np.where(np.hypot(a, b) < GREY_CHROMA, 0, distance.argmin(-1) + 1)
    return ["grey", *HUES][int(np.bincount(votes.ravel()).argmax())]


def picture(_: Pixels, name: str) -> str:
    """The picture that the crop is from."""
    return name


QUESTIONS = (
    Question(text="Which picture is this from?", answer=picture),
    Question(text="Which quarter is brightest?", answer=brightest),
    Question(text="Which quarter is busiest?", answer=busiest),
    Question(text="Which colour is most of it?", answer=colour),
)


def _lab(pixels: Pixels) -> npt.NDArray[np.float32]:
    rgb = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255
    found: npt.NDArray[np.float32] = lab_of(rgb)[0].numpy()
    return found


def _quarters(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    half = len(values) // 2
    parts = (values[:half, :half], values[:half, half:], values[half:, :half], values[half:, half:])
    return np.array([part.mean(dtype=np.float64) for part in parts])
