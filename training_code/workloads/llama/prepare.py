"""Processing job: the standard library's sources as shards of tokens, split by file into train and held-out."""

from __future__ import annotations

import dataclasses
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_contract.errors import reject
from ml_contract.paths import ContainerPaths
from ml_contract.workloads.llama import NAME, PrepareOptions
from training_code import processing
from training_code.data.split import MANIFEST
from training_code.data.tokens import DTYPES, TokenWriter
from training_code.log import say
from training_code.workloads.bytes_lm import corpus
from training_code.workloads.llama.data import BYTES, TOKENIZER

OUTPUT = "dataset"
TRAIN, HELDOUT = "train", "heldout"
SMALLEST_SPLIT = 1024
"""Tokens; fewer say nothing about a model."""


@dataclass(frozen=True, kw_only=True)
class Tokenization:
    """How text becomes tokens."""

    vocabulary: int
    """Tokens are numbered below this."""
    encode: Callable[[bytes], npt.ArrayLike]
    """From the UTF-8 text of a document to its tokens."""
    end_token: int | None = None
    """Put after each document; None puts nothing."""
    file: bytes | None = None
    """Content of tokenizer.json; None where tokens are bytes."""

    @property
    def dtype(self) -> str:
        """The smallest type that holds the vocabulary."""
        return next(name for name, dtype in DTYPES.items() if self.vocabulary <= np.iinfo(dtype).max + 1)


def tokenization(options: PrepareOptions, paths: ContainerPaths) -> Tokenization:
    """By the tokenizer that the options name, or by bytes.

    Raises:
        ContractError: The tokenizer is missing or damaged, lacks the end token, or its package is not installed.
    """
    if options.tokenizer is None:
        return Tokenization(vocabulary=BYTES, encode=lambda content: np.frombuffer(content, np.uint8))
    path = paths.processing_input(options.tokenizer) / TOKENIZER
    try:
        from tokenizers import Tokenizer

        content = path.read_bytes()
        tokenizer = Tokenizer.from_str(content.decode())
    except ImportError:
        reject("tokenizer", options.tokenizer, "the image lacks the package tokenizers",
               "Install it, or leave tokenizer out to take bytes.")  # fmt: skip
    except Exception as error:  # the package raises bare Exceptions
        reject(str(path), f"{type(error).__name__}: {error}", "it must be a tokenizer of the package tokenizers",
               "Copy the model's tokenizer.json into that processing input.")  # fmt: skip
    end = None if options.end_token is None else tokenizer.token_to_id(options.end_token)
    if options.end_token is not None and end is None:
        reject("end_token", options.end_token, "the tokenizer has no such token", "Take one of its special tokens.")
    return Tokenization(
        vocabulary=tokenizer.get_vocab_size(), end_token=end, file=content,
        # Special tokens are added by end_token alone: a beginning is where the last document ended.
        encode=lambda text: tokenizer.encode(text.decode(errors="replace"), add_special_tokens=False).ids,
    )  # fmt: skip


def prepare(options: PrepareOptions, folder: Path, *, library: Path, by: Tokenization) -> dict[str, Any]:
    """Write train/, heldout/ and manifest.json into ``folder``, and return the manifest.

    The same options, library and tokenizer give the same bytes. Whole files are taken until ``maximum_bytes`` are
    reached.

    Raises:
        ContractError: A split is too small.
    """
    writers = {
        split: TokenWriter(folder / split, dtype=by.dtype, shard_tokens=options.shard_tokens)
        for split in (TRAIN, HELDOUT)
    }
    files: dict[str, dict[str, Any]] = {split: {} for split in writers}
    left = options.maximum_bytes
    for document in corpus.documents(library, options.seed):
        held_out = corpus.is_held_out(document.name, seed=options.seed, share=options.heldout_fraction)
        split = HELDOUT if held_out else TRAIN
        writers[split].begin()
        writers[split].write(by.encode(document.content))
        if by.end_token is not None:
            writers[split].write([by.end_token])
        files[split][document.name] = {"size": len(document.content), "sha256": document.sha256}
        left -= len(document.content)
        if left <= 0:
            break
    for split, writer in writers.items():
        if writer.size < SMALLEST_SPLIT:
            reject("heldout_fraction", options.heldout_fraction, f"it leaves {writer.size} tokens for {split}",
                   f"Leave each split {SMALLEST_SPLIT} tokens, or raise maximum_bytes.")  # fmt: skip
    source = {"name": "Python standard library", "python": platform.python_version()}
    for split, writer in writers.items():
        writer.close({**source, "files": files[split], "vocabulary": by.vocabulary, "end_token": by.end_token})
        if by.file is not None:
            (folder / split / TOKENIZER).write_bytes(by.file)
    manifest = {
        "version": 1,
        "workload": NAME,
        "options": dataclasses.asdict(options),
        "source": source,
        "vocabulary": by.vocabulary,
        "splits": {
            split: {
                "tokens": writer.size,
                "documents": len(files[split]),
                "bytes": sum(entry["size"] for entry in files[split].values()),
            }
            for split, writer in writers.items()
        },
    }  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return manifest


def _work(options: PrepareOptions, paths: ContainerPaths) -> None:
    by = tokenization(options, paths)
    manifest = prepare(options, paths.processing_output(OUTPUT), library=corpus.standard_library(), by=by)
    for split, found in manifest["splits"].items():
        say(f"prepare: {split}: {found['documents']} files, {found['bytes']} bytes, {found['tokens']} tokens"
            f" of a vocabulary of {manifest['vocabulary']}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(processing.run(PrepareOptions, _work))
