"""tokenizer.json of a model whose tokens are bytes, for servers that take and write text."""

from __future__ import annotations

from itertools import count


def alphabet() -> list[str]:
    """The character that stands for each byte in a byte-level vocabulary.

    Printable bytes of Latin-1 stand for themselves, the others for characters from U+0100 on: GPT-2's table
    (openai/gpt-2, encoder.py, bytes_to_unicode), which every byte-level tokenizer since has.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = count(0x100)
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def byte_tokenizer() -> bytes:
    """Content of tokenizer.json, whose token numbers are the bytes' values.

    Raises:
        ImportError: The package tokenizers is not installed.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    made = Tokenizer(models.BPE(vocab={symbol: byte for byte, symbol in enumerate(alphabet())}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return str(made.to_str()).encode()
