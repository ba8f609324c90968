"""Text as tokens: a model's own tokenizer.json, or bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tokenizers import Tokenizer

from ml_contract.errors import reject

FILE = "tokenizer.json"


class Text(Protocol):
    """From a text to its tokens and back."""

    def encode(self, text: str) -> list[int]: ...

    def decode(self, tokens: list[int]) -> str: ...


class Bytes:
    """UTF-8; a token is a byte."""

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, tokens: list[int]) -> str:
        """The text; tokens that are no bytes are left out."""
        return bytes(token for token in tokens if token < 256).decode(errors="replace")


class Vocabulary:
    """A tokenizer.json of the tokenizers library."""

    def __init__(self, path: Path, vocabulary: int) -> None:
        """
        Args:
            path: The file.
            vocabulary: Tokens that the model has.

        Raises:
            ContractError: It is missing or damaged, or has more tokens than the model.
        """
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing narrower
            reject(str(path), f"{type(error).__name__}: {error}", "it must be a tokenizer's file",
                   "Copy the model's tokenizer.json into the channel, or leave tokenizer out for bytes.")  # fmt: skip
        if (size := self._tokenizer.get_vocab_size()) > vocabulary:
            reject(str(path), f"{size} tokens", f"the model has {vocabulary}", "Take the tokenizer of that model.")

    def encode(self, text: str) -> list[int]:
        found: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def decode(self, tokens: list[int]) -> str:
        found: str = self._tokenizer.decode(tokens)
        return found
