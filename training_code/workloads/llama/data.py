"""Tokens of a split, held against the model's vocabulary, and the tokenizer that made them."""

from __future__ import annotations

from pathlib import Path

from ml_contract.errors import reject
from ml_contract.workloads.llama import Llama
from training_code.data.source import Source
from training_code.data.tokens import TokenShards

TOKENIZER = "tokenizer.json"
"""Lies beside the shards where a tokenizer made them; without it a token is a byte."""
BYTES = 256
"""Vocabulary without a tokenizer."""


def open_tokens(place: Path | Source, options: Llama, *, verify: bool) -> TokenShards:
    """The split in ``place``.

    Raises:
        ContractError: A shard is missing or damaged, or the tokens are from a larger vocabulary than the model's.
    """
    shards = TokenShards.open(place, verify=verify)
    vocabulary = shards.split.manifest["source"].get("vocabulary", BYTES)
    if vocabulary > options.vocabulary:
        reject("workload.vocabulary", options.vocabulary, f"the data's tokens are numbered up to {vocabulary - 1}",
               f"Give at least {vocabulary}.")  # fmt: skip
    return shards


def tokenizer_of(shards: TokenShards) -> bytes | None:
    """The content of the tokenizer's file; None where tokens are bytes."""
    try:
        return shards.split.source.load(TOKENIZER)
    except FileNotFoundError:
        return None


def end_token_of(shards: TokenShards) -> int | None:
    """Number of the token that ends a document; None where there is none."""
    found: int | None = shards.split.manifest["source"].get("end_token")
    return found
