"""Shards of tokens hold what was written, at any cut, and say what is wrong with a damaged one."""

import errno
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from training_code.data.split import MANIFEST
from training_code.data.tokens import DTYPES, INDEX, TokenShards, TokenWriter
from training_code.data.windows import Windows

DOCUMENTS = st.lists(st.lists(st.integers(0, 255), max_size=60), min_size=1, max_size=12)


def written(folder: Path, documents: list[list[int]], dtype: str = "uint16", shard_tokens: int = 16) -> Path:
    writer = TokenWriter(folder, dtype=dtype, shard_tokens=shard_tokens)
    for document in documents:
        writer.begin()
        writer.write(np.array(document, np.int64))
    writer.close({})
    return folder


@given(
    data=st.data(), documents=DOCUMENTS, shard_tokens=st.integers(1, 64), dtype=st.sampled_from(sorted(DTYPES)),
    scale=st.sampled_from([1, 257, 16843009]),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_any_range_and_document_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, documents: list[list[int]], shard_tokens: int,
    dtype: str, scale: int,
) -> None:  # fmt: skip
    scale = min(scale, np.iinfo(dtype).max // 255)
    documents = [[token * scale for token in document] for document in documents]
    found = TokenShards.open(written(tmp_path_factory.mktemp("split"), documents, dtype, shard_tokens))
    content = [token for document in documents for token in document]
    assert len(found) == len(content)
    assert all(shard.size == shard_tokens * found.dtype.itemsize for shard in found.shards[:-1])
    start = data.draw(st.integers(0, len(content)))
    length = data.draw(st.integers(0, len(content) - start))
    read = found.read(start, length)
    assert read.dtype.name == dtype
    assert read.tolist() == content[start : start + length]
    assert [found.document(number).tolist() for number in range(len(found.documents))] == documents


def test_the_same_content_gives_the_same_files_and_digest(tmp_path: Path) -> None:
    for name, cut in (("a", 10), ("b", 77)):
        writer = TokenWriter(tmp_path / name, dtype="uint8", shard_tokens=50)
        content = bytes(range(200))
        writer.write(content[:cut])
        writer.write(content[cut:])
        writer.close({})
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("a", "b")]
    assert files[0] == files[1]
    assert TokenShards.open(tmp_path / "a").digest == TokenShards.open(tmp_path / "b").digest


def test_other_documents_in_the_same_text_are_another_digest(tmp_path: Path) -> None:
    one, two = written(tmp_path / "one", [[1, 2, 3]]), written(tmp_path / "two", [[1, 2], [3]])
    assert TokenShards.open(one).digest != TokenShards.open(two).digest


def test_data_of_the_first_version_is_bytes_without_documents(tmp_path: Path) -> None:
    """Guards data sets that were prepared before there were tokens of two bytes."""
    writer = TokenWriter(tmp_path, dtype="uint8", shard_tokens=100)
    writer.write(b"some text")
    manifest = {name: value for name, value in writer.close({}).items() if name in ("version", "bytes", "files")}
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    found = TokenShards.open(tmp_path)
    assert (found.read(0, 9).tobytes(), len(found.documents)) == (b"some text", 0)


def test_a_pickled_copy_reads_the_files_instead_of_carrying_them(shards: Path) -> None:
    found = TokenShards.open(shards)
    expected = found.read(100, 50)
    copy = pickle.dumps(found)
    assert len(copy) < 4000
    assert np.array_equal(pickle.loads(copy).read(100, 50), expected)


def test_a_token_that_the_dtype_cannot_hold_is_refused(tmp_path: Path) -> None:
    writer = TokenWriter(tmp_path, dtype="uint16", shard_tokens=100)
    with pytest.raises(ContractError, match="tokens: got '3 to 65536', but uint16 holds 0 to 65535"):
        writer.write(np.array([3, 65536]))
    with pytest.raises(ContractError, match="dtype: got 'float32', but a token is stored as uint8, uint16, uint32"):
        TokenWriter(tmp_path, dtype="float32", shard_tokens=100)


@pytest.mark.parametrize(("dtype", "expected"), [("uint8", torch.uint8), ("uint16", torch.int64)])
def test_windows_are_inputs_and_targets_of_one_text(tmp_path: Path, dtype: str, expected: torch.dtype) -> None:
    found = TokenShards.open(written(tmp_path, [[*range(100)]], dtype))
    windows = Windows(found, 8)
    assert len(windows) == 12
    for index in (0, 1, 11):
        assert windows[index].tolist() == [*range(index * 8, index * 8 + 9)]
        assert windows[index].dtype == expected


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("shard-00001.bin", flip, r"shard shard-00001.bin: got 'sha256 .* it is damaged"),
        ("shard-00002.bin", Path.unlink, r"shard shard-00002.bin: got None, .*it is missing"),
        ("shard-00000.bin", lambda path: path.write_bytes(b"short"), r"shard-00000.bin: got '5 bytes'.*32 bytes"),
        (INDEX, flip, r"shard documents.idx: got 'sha256 .* it is damaged"),
        (INDEX, Path.unlink, r"shard documents.idx: got None, .*it is missing"),
        (MANIFEST, Path.unlink, r"manifest.json: got .FileNotFoundError"),
        (MANIFEST, lambda path: path.write_text("{"), r"manifest.json: got .JSONDecodeError"),
        (MANIFEST, lambda path: path.write_text('{"version": 9}'), r"version 9, not 1"),
        (MANIFEST, lambda path: path.write_text('{"version": 1}'), r"manifest.json: got .KeyError"),
        (MANIFEST, lambda path: path.write_text('{"version": 1, "kind": "images"}'), r"it holds images, and tokens"),
        (MANIFEST, lambda path: path.write_text("[]"), r"manifest.json: got .TypeError"),
    ],
)  # fmt: skip
def test_damage_is_one_error_that_names_the_file(
    tmp_path: Path, name: str, damage: Callable[[Path], object], message: str
) -> None:
    folder = written(tmp_path, [[*range(100)]])
    damage(folder / name)
    with pytest.raises(ContractError, match=message) as caught:
        TokenShards.open(folder)
    assert "\n" not in str(caught.value)


def test_a_size_is_checked_even_where_content_is_not(tmp_path: Path, shards: Path) -> None:
    folder = Path(shutil.copytree(shards, tmp_path / "copy"))
    flip(folder / "shard-00001.bin")
    TokenShards.open(folder, verify=False)
    (folder / "shard-00001.bin").write_bytes(b"")
    with pytest.raises(ContractError, match="0 bytes"):
        TokenShards.open(folder, verify=False)


def test_half_a_token_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, [[1, 2, 3]], "uint8")
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "dtype": "uint16"}))
    with pytest.raises(ContractError, match=r"shard shard-00000.bin: got '3 bytes', but a token has 2 bytes"):
        TokenShards.open(folder)


def test_a_full_disk_names_file_room_and_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"no room: \d+ of the disk's \d+ bytes are free. .* volume_gib.*shard-00000.bin"):
        written(tmp_path, [[*range(100)]])
