"""The texture array, the scorers and the opponent processor on real photographs and on known colours."""

import numpy as np
import pytest
import torch

from ml_contract.workloads.arr_coc import Relevance
from training_code.workloads.arr_coc.opponent import OpponentProcessor
from training_code.workloads.arr_coc.scorers import RelevanceScorers
from training_code.workloads.arr_coc.texture import CHANNELS, INDEX, TextureExtractor, lab_of

OPTIONS = Relevance(side=384, texture_side=128, grid=16, patches=20, budget_total=3000, width=16, heads=2)


@pytest.fixture(scope="module")
def photographs() -> torch.Tensor:
    """The middle of both, uint8 [2, 3, 384, 384]."""
    from sklearn.datasets import load_sample_images

    pixels = np.stack([image[20:404, 100:484] for image in load_sample_images().images])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def test_there_are_13_named_channels_within_their_bounds(photographs: torch.Tensor) -> None:
    texture = TextureExtractor(128)(photographs)
    assert texture.shape == (2, 13, 128, 128)
    assert len(INDEX) == 13
    for channel, values in zip(CHANNELS, texture.unbind(1), strict=True):
        assert channel.low - 1e-6 <= float(values.min()) < float(values.max()) <= channel.high + 1e-6, channel.name


# brucelindbloom.com, CIE color calculator, sRGB under D65.
@pytest.mark.parametrize(
    ("rgb", "lab"),
    [((1, 1, 1), (100, 0, 0)), ((0, 0, 0), (0, 0, 0)), ((1, 0, 0), (53.24, 80.09, 67.20)),
     ((0, 1, 0), (87.73, -86.18, 83.18)), ((0, 0, 1), (32.30, 79.19, -107.86))],
)  # fmt: skip
def test_lab_of_known_colours(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    found = lab_of(torch.tensor(rgb, dtype=torch.float32).view(1, 3, 1, 1)).flatten() * torch.tensor((100, 128, 128))
    assert found.tolist() == pytest.approx(lab, abs=0.05)


def test_a_ramp_has_its_rise_as_gradient() -> None:
    grey = torch.arange(0, 256, 4, dtype=torch.uint8).expand(1, 3, 64, 64)
    texture = TextureExtractor(64)(grey)[0, :, 1:-1, 1:-1]
    lightness = TextureExtractor(64)(grey)[0, INDEX["lightness"]]
    rise = (lightness[1:-1, 2:] - lightness[1:-1, :-2]) / 2
    assert torch.allclose(texture[INDEX["gradient_x"]], rise, atol=1e-6)
    assert float(texture[INDEX["gradient_y"]].abs().max()) < 1e-6


def test_only_the_participatory_score_depends_on_the_question(photographs: torch.Tensor) -> None:
    torch.manual_seed(0)
    scorers, texture = RelevanceScorers(OPTIONS, 256), TextureExtractor(128)(photographs)
    length = torch.tensor([5, 5])
    first, second = (scorers(texture, torch.tensor([list(text)] * 2), length) for text in (b"where???", b"which???"))
    assert torch.equal(first[:, :2], second[:, :2])
    assert not torch.allclose(first[:, 2], second[:, 2], atol=1e-3)


def test_what_follows_the_question_is_not_looked_at(photographs: torch.Tensor) -> None:
    torch.manual_seed(0)
    scorers, texture = RelevanceScorers(OPTIONS, 256), TextureExtractor(128)(photographs)
    length = torch.tensor([5, 5])
    found = [scorers(texture, torch.tensor([list(text)] * 2), length) for text in (b"whereyes", b"whereno!")]
    assert torch.equal(*found)


def test_relevance_is_a_share_and_the_poles_move_it(photographs: torch.Tensor) -> None:
    torch.manual_seed(0)
    scores = RelevanceScorers(OPTIONS, 256)(
        TextureExtractor(128)(photographs), torch.zeros(2, 4, dtype=torch.int64), torch.tensor([4, 4])
    )
    opponent = OpponentProcessor()
    even = opponent(scores).detach()
    assert 0 <= float(even.min()) < float(even.max()) <= 1
    for tension in range(3):
        moved = OpponentProcessor()
        moved.load_state_dict(opponent.state_dict())
        with torch.no_grad():
            moved.tensions.bias[tension] += 4
        assert float((moved(scores).detach() - even).abs().max()) > 0.01
