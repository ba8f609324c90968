"""The texture array: 13 maps of an image that need no learning, from which relevance is judged."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ml_contract.workloads.arr_coc import TEXTURE_CHANNELS


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One map of the array."""

    name: str
    formula: str
    low: float
    """Smallest value."""
    high: float
    """Largest value."""
    source: str


_SRGB = "IEC 61966-2-1"
_LAB = "CIE 15:2004, section 8.2.1, with the white of D65"
_SOBEL = "Sobel operator (Duda and Hart 1973), divided by 8: of a ramp it gives the rise a pixel"
_PLACE = "github.com/djwar42/arr-coc-0-1, PLATONIC-DIALOGUES/28-5-very-hard/28-1-trivial-channels.md"

CHANNELS = (
    Channel(name="red", formula="R / 255", low=0, high=1, source=_SRGB),
    Channel(name="green", formula="G / 255", low=0, high=1, source=_SRGB),
    Channel(name="blue", formula="B / 255", low=0, high=1, source=_SRGB),
    Channel(name="lightness", formula="L* / 100", low=0, high=1, source=_LAB),
    Channel(name="green_red", formula="a* / 128", low=-1, high=1, source=_LAB),
    Channel(name="blue_yellow", formula="b* / 128", low=-1, high=1, source=_LAB),
    Channel(name="gradient_x", formula="d lightness / dx", low=-0.5, high=0.5, source=_SOBEL),
    Channel(name="gradient_y", formula="d lightness / dy", low=-0.5, high=0.5, source=_SOBEL),
    Channel(name="edge", formula="sqrt(gradient_x^2 + gradient_y^2)", low=0, high=0.75, source=_SOBEL),
    Channel(name="contrast", formula="standard deviation of lightness in 5 x 5 pixels", low=0, high=0.5,
            source="root mean square contrast, Peli 1990, J. Opt. Soc. Am. A 7(10)"),
    Channel(name="position_x", formula="(2 x + 1) / width - 1", low=-1, high=1, source=_PLACE),
    Channel(name="position_y", formula="(2 y + 1) / height - 1", low=-1, high=1, source=_PLACE),
    Channel(name="eccentricity", formula="sqrt((position_x^2 + position_y^2) / 2)", low=0, high=1,
            source=_PLACE + ", scaled so that a corner has 1"),
)  # fmt: skip
"""The channels, in order. Positions are those of pixel centres."""
assert len(CHANNELS) == TEXTURE_CHANNELS
INDEX = {channel.name: index for index, channel in enumerate(CHANNELS)}
"""Position of a channel by its name."""

_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_WHITE = (0.95047, 1.0, 1.08883)
"""Linear sRGB to XYZ, and XYZ of D65 (IEC 61966-2-1; brucelindbloom.com, RGB/XYZ matrices, read 2026-11)."""
_CONTRAST_SIDE = 5


class TextureExtractor(nn.Module):
    """Canvas to texture array. It has no weights."""

    def __init__(self, side: int) -> None:
        """
        Args:
            side: Pixels of the array's side; divides the canvas's.
        """
        super().__init__()
        self.side = side

    @torch.no_grad()
    def forward(self, canvas: Tensor) -> Tensor:
        """uint8 [batch, 3, height, width] of sRGB to float32 [batch, 13, side, side]: means over pixels, then maps."""
        with torch.autocast(canvas.device.type, enabled=False):
            rgb = F.adaptive_avg_pool2d(canvas.float() / 255, self.side)
            lab = lab_of(rgb)
            lightness = lab[:, :1]
            gradients = sobel(lightness)
            edge = gradients.square().sum(1, keepdim=True).sqrt()
            return torch.cat((rgb, lab, gradients, edge, deviation(lightness), self._places(rgb)), 1)

    @staticmethod
    def _places(image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        y = (2 * torch.arange(height, device=image.device, dtype=image.dtype) + 1) / height - 1
        x = (2 * torch.arange(width, device=image.device, dtype=image.dtype) + 1) / width - 1
        vertical, horizontal = torch.meshgrid(y, x, indexing="ij")
        eccentricity = ((horizontal.square() + vertical.square()) / 2).sqrt()
        return torch.stack((horizontal, vertical, eccentricity)).expand(image.shape[0], -1, -1, -1)


def lab_of(rgb: Tensor) -> Tensor:
    """sRGB in 0 … 1, [batch, 3, …], to L* / 100, a* / 128 and b* / 128 of the same shape."""
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = torch.einsum("ij,bj...->bi...", linear.new_tensor(_XYZ), linear)
    ratio = xyz / xyz.new_tensor(_WHITE).view(3, *(1,) * (rgb.ndim - 2))
    x, y, z = torch.where(
        ratio > (6 / 29) ** 3, ratio.clamp(min=1e-8) ** (1 / 3), ratio * (29 / 6) ** 2 / 3 + 4 / 29
    ).unbind(1)  # fmt: skip
    return torch.stack(((116 * y - 16) / 100, 500 * (x - y) / 128, 200 * (y - z) / 128), 1)


def sobel(image: Tensor) -> Tensor:
    """Gradients in x and y, [batch, 2, …], of [batch, 1, …]; beyond the border the image goes on as it ends."""
    smooth, rise = image.new_tensor((1, 2, 1)) / 4, image.new_tensor((-1, 0, 1)) / 2
    kernels = torch.stack((smooth[:, None] * rise[None], rise[:, None] * smooth[None]))[:, None]
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), kernels)


def deviation(image: Tensor) -> Tensor:
    """Standard deviation of each pixel's neighbourhood, of the image's shape."""
    margin = _CONTRAST_SIDE // 2
    padded = F.pad(image, (margin,) * 4, mode="replicate")
    mean = F.avg_pool2d(padded, _CONTRAST_SIDE, stride=1)
    # The difference of two large numbers would lose a flat area's zero.
    centred = F.unfold(padded, _CONTRAST_SIDE).view(image.shape[0], -1, *image.shape[-2:]) - mean
    return centred.square().mean(1, keepdim=True).sqrt()
