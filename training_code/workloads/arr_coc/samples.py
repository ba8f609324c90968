"""Samples: an image, a question, an answer, as the model takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from ml_contract.errors import reject
from ml_contract.workloads.arr_coc import ArrCoc
from training_code.data.images import ImageShards
from training_code.data.source import Source
from training_code.workloads.arr_coc.text import Text

EXTENSION = "png"
"""Of a sample's image; its JSON has ``question`` and ``answer``."""


class Questions(Dataset[dict[str, Tensor]]):
    """The samples of one split."""

    def __init__(self, place: Path | Source, options: ArrCoc, text: Text, *, verify: bool = True) -> None:
        """
        Raises:
            ContractError: The split is missing or damaged.
        """
        self.shards = ImageShards.open(place, verify=verify)
        self.options, self.text = options, text

    @property
    def digest(self) -> str:
        return self.shards.digest

    def __len__(self) -> int:
        return len(self.shards)

    def ahead(self, indices: Sequence[int]) -> None:
        """Told of samples that will be read soon."""
        self.shards.ahead(indices, (EXTENSION, "json"))

    def words(self, index: int) -> tuple[str, str]:
        """Question and answer. Raises ContractError where the sample has none."""
        found = self.shards.json(index)
        if not isinstance(found, Mapping) or not all(isinstance(found.get(k), str) for k in ("question", "answer")):
            reject(f"sample {self.shards.key(index)}.json", found, "it is an object with question and answer, texts",
                   "Prepare the data again.")  # fmt: skip
        return found["question"], found["answer"]

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """One sample.

        Returns:
            ``canvas``, uint8 [3, side, side]; ``text``, int64 [text_length]: question, answer, end; ``question`` and
            ``length``, int64 []: tokens of the question, and of all three.

        Raises:
            ContractError: The image is truncated or no image, or the text does not fit; it names shard and member.
        """
        side = self.options.relevance.side
        question, answer = self.words(index)
        return {
            "canvas": canvas_of(self.shards.image(index, EXTENSION), side),
            **text_of(question, answer, self.options, self.text, name=self.shards.key(index)),
        }


def canvas_of(image: Image.Image, side: int) -> Tensor:
    """An image scaled to the square canvas, uint8 [3, side, side]; what is no square is stretched."""
    scaled = image.resize((side, side), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(scaled)).permute(2, 0, 1).contiguous()


def text_of(question: str, answer: str, options: ArrCoc, text: Text, *, name: str) -> dict[str, Any]:
    """The tensors ``text``, ``question`` and ``length`` of a sample; an answer starts with a space.

    Raises:
        ContractError: The tokens do not fit into ``text_length``; ``name`` is the sample's.
    """
    asked, answered = text.encode(question), [*text.encode(f" {answer}"), options.text_end]
    length = len(asked) + len(answered)
    if length > options.text_length or not asked:
        reject(f"sample {name}", f"{length} tokens of text", f"text_length is {options.text_length}, and there is a"
               " question", "Raise text_length, or shorten the question.")  # fmt: skip
    filled = [*asked, *answered, *[options.text_end] * (options.text_length - length)]
    return {"text": torch.tensor(filled), "question": torch.tensor(len(asked)), "length": torch.tensor(length)}
