"""Bytes as text, for servers that take and write text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers

from training_code.workloads.llama.byte_tokenizer import alphabet, byte_tokenizer

TOKENIZER = Tokenizer.from_str(byte_tokenizer().decode())


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_token_is_a_byte_and_text_comes_back(text: str) -> None:
    found = TOKENIZER.encode(text).ids
    assert bytes(found) == text.encode()
    assert TOKENIZER.decode(found) == text


def test_the_alphabet_is_that_of_byte_level_tokenizers() -> None:
    assert sorted(alphabet()) == sorted(pre_tokenizers.ByteLevel.alphabet())
