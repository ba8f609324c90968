"""The byte-level language model: its hyperparameters and the options of its data preparation and evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from ml_contract.checks import at_least, between, multiple

NAME = "bytes_lm"
VOCABULARY = 256
"""A token is a byte."""


@dataclass(frozen=True, kw_only=True)
class BytesLm:
    """Hyperparameters of a training run.

    The defaults suit two hosts that share two CPU cores: 0.38 million parameters that see 1 million bytes in
    about 30 s when the cores are idle, and come to about 2.6 bits per byte (order 0: 4.6).
    """

    checkpoint_uri: str | None = None
    """Where checkpoints go, ``s3://bucket/prefix`` or ``file:///folder``; the pipeline gives it. None keeps none."""
    dimension: int = 96
    """Width of the residual stream, a multiple of ``heads``."""
    layers: int = 3
    heads: int = 3
    """Attention heads; ``dimension / heads`` is even, for rotary embedding."""
    sequence_length: int = 128
    """Tokens a sample, which are bytes."""
    batch_size: int = 16
    """Samples a rank and step."""
    steps: int = 240
    """Optimiser steps of the whole run."""
    learning_rate: float = 6e-3
    """Peak of the cosine schedule."""
    warmup_steps: int = 24
    """Steps of linear warm-up, fewer than ``steps``."""
    weight_decay: float = 0.1
    gradient_clip: float = 1.0
    """Largest global gradient norm."""
    seed: int = 0
    """Of the weights and of the order of samples."""
    loader_workers: int = 0
    """Processes that load data, a rank; 0 loads in the trainer itself."""
    checkpoint_steps: int = 20
    """Steps between checkpoints."""
    checkpoint_seconds: float = 420.0
    """Longest time between checkpoints; 7 minutes and the commit's lag keep lost work below 10."""
    checkpoint_keep: int = 3
    """Committed checkpoints that are kept, at least 2."""
    checkpoint_async: bool = True
    """Write in a thread beside training; false waits for every commit."""

    def __post_init__(self) -> None:
        for name in ("dimension", "layers", "heads", "sequence_length", "batch_size", "steps", "checkpoint_steps"):
            at_least(name, getattr(self, name), 1)
        multiple("dimension", self.dimension, self.heads, "heads")
        multiple("dimension / heads", self.dimension // self.heads, 2, "2, for rotary embedding")
        between("learning_rate", self.learning_rate, 0, 1, open_low=True)
        between("warmup_steps", self.warmup_steps, 0, self.steps - 1)
        between("weight_decay", self.weight_decay, 0, 1)
        between("gradient_clip", self.gradient_clip, 0, 1000, open_low=True)
        between("seed", self.seed, 0, 2**32 - 1)
        between("loader_workers", self.loader_workers, 0, 64)
        between("checkpoint_seconds", self.checkpoint_seconds, 0, 86400, open_low=True)
        at_least("checkpoint_keep", self.checkpoint_keep, 2)


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """Options of data preparation."""

    heldout_fraction: float = 0.1
    """Share of the files that is held out, by a hash of each file's name."""
    shard_bytes: int = 2**20
    """Size of a shard; the last is smaller."""
    maximum_bytes: int = 8 * 2**20
    """Text taken in all; less where the source holds less."""
    seed: int = 0
    """Of the split and of the choice of files."""

    def __post_init__(self) -> None:
        between("heldout_fraction", self.heldout_fraction, 0, 0.5, open_low=True)
        between("shard_bytes", self.shard_bytes, 4096, 2**30)
        between("maximum_bytes", self.maximum_bytes, 65536, 2**40)
        between("seed", self.seed, 0, 2**32 - 1)


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Options of evaluation."""

    maximum_bytes: int = 2**18
    """Held-out text that is scored; the baselines see the same bytes."""
    batch_size: int = 16
    """Sequences a forward pass."""

    def __post_init__(self) -> None:
        between("maximum_bytes", self.maximum_bytes, 4096, 2**40)
        at_least("batch_size", self.batch_size, 1)
