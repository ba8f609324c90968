"""Text becomes tokens by bytes or by a tokenizer, and can be had back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_contract.errors import ContractError
from ml_contract.paths import ContainerPaths
from ml_contract.workloads.llama import LLAMA_TINY, PrepareOptions
from training_code.data.source import Folder
from training_code.data.tokens import TokenShards
from training_code.workloads.llama.data import open_tokens
from training_code.workloads.llama.prepare import Tokenization, prepare, tokenization
from training_code.workloads.llama.workload import LlamaWorkload

SMALL = PrepareOptions(maximum_bytes=65536, heldout_fraction=0.4, shard_tokens=4096)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 files of about 5 kB."""
    folder = tmp_path_factory.mktemp("library")
    for number in range(20):
        (folder / f"module{number}.py").write_text(f"VALUE_{number} = {number}  # é\n" * 200)
    return folder


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> ContainerPaths:
    """A processing container with a byte-level BPE of 300 tokens, trained here."""
    tokenizers = pytest.importorskip("tokenizers", reason="it comes with transformers")
    base = tmp_path_factory.mktemp("container")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|end|>"], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator(["VALUE_1 = 1  # é\n" * 50], trainer)
    paths = ContainerPaths(base=base)
    paths.processing_input("words").mkdir(parents=True)
    made.save(str(paths.processing_input("words") / "tokenizer.json"))
    return paths


def texts(folder: Path, library: Path, split: str) -> dict[str, bytes]:
    source = json.loads((folder / split / "manifest.json").read_text())["source"]
    return {name: (library / name).read_bytes() for name in source["files"]}


def test_bytes_are_tokens_where_no_tokenizer_is_named(tmp_path: Path, library: Path) -> None:
    by = tokenization(SMALL, ContainerPaths(base=tmp_path))
    manifest = prepare(SMALL, tmp_path, library=library, by=by)
    for split in ("train", "heldout"):
        shards = TokenShards.open(tmp_path / split)
        expected = texts(tmp_path, library, split)
        assert shards.dtype == np.uint8
        assert sorted(shards.document(number).tobytes() for number in range(len(expected))) == sorted(expected.values())
        assert manifest["splits"][split]["tokens"] == manifest["splits"][split]["bytes"] == len(shards)


def test_a_tokenizer_makes_fewer_tokens_that_decode_to_the_same_text(
    tmp_path: Path, library: Path, words: ContainerPaths
) -> None:
    from tokenizers import Tokenizer

    options = PrepareOptions(
        maximum_bytes=65536, heldout_fraction=0.4, shard_tokens=4096, tokenizer="words", end_token="<|end|>"
    )  # fmt: skip
    manifest = prepare(options, tmp_path, library=library, by=tokenization(options, words))
    shards = TokenShards.open(tmp_path / "train")
    expected = texts(tmp_path, library, "train")
    tokenizer = Tokenizer.from_file(str(tmp_path / "train" / "tokenizer.json"))
    end = tokenizer.token_to_id("<|end|>")
    found = [shards.document(number) for number in range(len(expected))]
    assert shards.dtype == np.uint16
    assert manifest["vocabulary"] <= 300
    assert manifest["splits"]["train"]["tokens"] < 0.7 * manifest["splits"]["train"]["bytes"]
    assert all(document[-1] == end for document in found)
    decoded = [tokenizer.decode(document[:-1].tolist()).encode() for document in found]
    assert sorted(decoded) == sorted(expected.values())


def test_the_same_options_give_the_same_files(tmp_path: Path, library: Path) -> None:
    by = tokenization(SMALL, ContainerPaths(base=tmp_path))
    for name in ("first", "second"):
        prepare(SMALL, tmp_path / name, library=library, by=by)
    for path in (tmp_path / "first").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "second" / path.relative_to(tmp_path / "first")).read_bytes(), path


@pytest.mark.parametrize(
    ("vocabulary", "dtype"), [(256, "uint8"), (257, "uint16"), (65536, "uint16"), (65537, "uint32")]
)
def test_a_token_takes_as_few_bytes_as_the_vocabulary_allows(vocabulary: int, dtype: str) -> None:
    assert Tokenization(vocabulary=vocabulary, encode=lambda _: []).dtype == dtype


def damaged(paths: ContainerPaths) -> None:
    (paths.processing_input("words") / "tokenizer.json").write_text("{}")


@pytest.mark.parametrize(
    ("damage", "options", "message"),
    [
        (None, {"tokenizer": "wrods"}, r"tokenizer.json: got .FileNotFoundError"),
        (damaged, {"tokenizer": "words"}, r"tokenizer.json: got .Exception"),
        (None, {"tokenizer": "words", "end_token": "</s>"}, r"end_token: got '</s>', but the tokenizer has no such"),
    ],
)
def test_a_tokenizer_that_cannot_be_used_is_one_line(
    words: ContainerPaths,
    tmp_path: Path,
    damage: Callable[[ContainerPaths], None] | None,
    options: dict[str, Any],
    message: str,
) -> None:
    paths = ContainerPaths(base=tmp_path)
    paths.processing_input("words").mkdir(parents=True)
    content = (words.processing_input("words") / "tokenizer.json").read_bytes()
    (paths.processing_input("words") / "tokenizer.json").write_bytes(content)
    if damage is not None:
        damage(paths)
    with pytest.raises(ContractError, match=message) as refused:
        tokenization(PrepareOptions(**options), paths)
    assert "\n" not in str(refused.value)


def test_a_split_that_says_nothing_is_refused(tmp_path: Path, library: Path) -> None:
    options = PrepareOptions(maximum_bytes=65536, heldout_fraction=1e-9)
    with pytest.raises(ContractError, match=r"heldout_fraction: got 1e-09, but it leaves 0 tokens for heldout"):
        prepare(options, tmp_path, library=library, by=tokenization(options, ContainerPaths(base=tmp_path)))


def test_a_sample_is_a_window_and_the_one_after_each_of_its_tokens(tmp_path: Path, library: Path) -> None:
    prepare(SMALL, tmp_path, library=library, by=tokenization(SMALL, ContainerPaths(base=tmp_path)))
    workload = LlamaWorkload(LLAMA_TINY)
    samples = workload.open(Folder(tmp_path / "train"), verify=True)
    text = TokenShards.open(tmp_path / "train").read(128, 129)
    (given,), targets = workload.split(samples[1][None])
    assert given[0].tolist() == text[:-1].tolist()
    assert targets[0].tolist() == text[1:].tolist()


def test_tokens_of_a_larger_vocabulary_than_the_models_are_refused(tmp_path: Path, library: Path) -> None:
    by = Tokenization(vocabulary=257, encode=lambda text: list(text))
    prepare(SMALL, tmp_path, library=library, by=by)
    message = r"workload.vocabulary: got 256, but the data's tokens are numbered up to 256"
    with pytest.raises(ContractError, match=message):
        open_tokens(Folder(tmp_path / "train"), LLAMA_TINY, verify=True)
