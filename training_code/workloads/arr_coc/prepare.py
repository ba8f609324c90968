"""Processing job: questions about crops of scikit-learn's two photographs, as tar shards."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ml_contract.paths import ContainerPaths
from ml_contract.workloads.arr_coc import NAME, PrepareOptions
from training_code import processing
from training_code.data.images import ImageWriter
from training_code.data.split import MANIFEST
from training_code.log import say
from training_code.workloads.arr_coc.questions import QUESTIONS, Pixels
from training_code.workloads.arr_coc.samples import EXTENSION

OUTPUT = "dataset"
TRAIN, HELDOUT = "train", "heldout"
HELDOUT_SHARE = 0.35
"""Of each picture's width, at the right: no pixel is in both splits."""
SMALLEST_CROP = 96
"""Pixels of the side; the largest is as high as wide as its part of the picture allows."""


def prepare(options: PrepareOptions, folder: Path) -> dict[str, Any]:
    """Write train/, heldout/ and manifest.json into ``folder``, and return the manifest.

    The same options give the same samples. Training crops are of the left of each picture, held-out ones of the right.
    """
    from sklearn.datasets import load_sample_images

    images = load_sample_images()
    pictures = {Path(name).stem: pixels for name, pixels in zip(images.filenames, images.images, strict=True)}
    source = {
        "name": "scikit-learn sample images", "pictures": sorted(pictures),
        "licence": "CC BY 2.0, danielbuechele and vultilion (sklearn/datasets/images/README.txt)",
    }  # fmt: skip
    counts = {TRAIN: options.train_samples, HELDOUT: options.heldout_samples}
    splits: dict[str, dict[str, Any]] = {}
    for number, (split, count) in enumerate(counts.items()):
        writer = ImageWriter(folder / split, shard_bytes=options.shard_bytes)
        generator = np.random.Generator(np.random.PCG64([options.seed, number]))
        for index in range(count):
            name = sorted(pictures)[index % len(pictures)]
            question = QUESTIONS[index // len(pictures) % len(QUESTIONS)]
            crop = _crop(_part(pictures[name], split), generator, options.side)
            content = {"question": question.text, "answer": question.answer(crop, name), "picture": name}
            writer.add(f"{split}/{index:06d}", {EXTENSION: _png(crop), "json": content})
        splits[split] = writer.close({**source, "split": split})
    manifest = {
        "version": 1,
        "workload": NAME,
        "options": dataclasses.asdict(options),
        "source": source,
        "splits": {split: {"samples": found["samples"]} for split, found in splits.items()},
        "files": {
            f"{split}/{name}": entry for split, found in splits.items() for name, entry in found["files"].items()
        },
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return manifest


def _part(pixels: Pixels, split: str) -> Pixels:
    border = round(pixels.shape[1] * (1 - HELDOUT_SHARE))
    return pixels[:, :border] if split == TRAIN else pixels[:, border:]


def _crop(pixels: Pixels, generator: np.random.Generator, side: int) -> Pixels:
    """A square of random size and place, scaled to ``side`` pixels."""
    height, width = pixels.shape[:2]
    size = int(generator.integers(SMALLEST_CROP, min(height, width), endpoint=True))
    y, x = (int(generator.integers(0, extent - size, endpoint=True)) for extent in (height, width))
    square = Image.fromarray(pixels[y : y + size, x : x + size])
    return np.array(square.resize((side, side), Image.Resampling.BICUBIC))


def _png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _work(options: PrepareOptions, paths: ContainerPaths) -> None:
    manifest = prepare(options, paths.processing_output(OUTPUT))
    for split, figures in manifest["splits"].items():
        say(f"prepare: {split}: {figures['samples']} questions")


if __name__ == "__main__":
    sys.exit(processing.run(PrepareOptions, _work))
