"""Shards hold what was written, at any cut, and say what is wrong with a damaged one."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from training_code.data.shards import MANIFEST, ByteShards, ShardWriter


@given(data=st.data(), pieces=st.lists(st.binary(max_size=60), min_size=1, max_size=12), shard_bytes=st.integers(1, 64))
@settings(max_examples=60, deadline=None)
def test_any_range_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, pieces: list[bytes], shard_bytes: int
) -> None:
    folder, content = tmp_path_factory.mktemp("split"), b"".join(pieces)
    writer = ShardWriter(folder, shard_bytes)
    for piece in pieces:
        writer.write(piece)
    manifest = writer.close({})
    found = ByteShards.open(folder)
    assert len(found) == manifest["bytes"] == len(content)
    assert all(shard.size == shard_bytes for shard in found.shards[:-1])
    start = data.draw(st.integers(0, len(content)))
    length = data.draw(st.integers(0, len(content) - start))
    assert found.read(start, length).tobytes() == content[start : start + length]


def test_the_same_content_gives_the_same_files_and_digest(tmp_path: Path) -> None:
    for name, cut in (("a", 10), ("b", 77)):
        writer = ShardWriter(tmp_path / name, 50)
        content = bytes(range(200))
        writer.write(content[:cut])
        writer.write(content[cut:])
        writer.close({})
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("a", "b")]
    assert files[0] == files[1]
    assert ByteShards.open(tmp_path / "a").digest == ByteShards.open(tmp_path / "b").digest


def test_a_pickled_copy_reads_the_files_instead_of_carrying_them(shards: Path) -> None:
    found = ByteShards.open(shards)
    expected = found.read(100, 50)
    copy = pickle.dumps(found)
    assert len(copy) < 2000
    assert np.array_equal(pickle.loads(copy).read(100, 50), expected)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("shard-00001.bin", flip, r"shard shard-00001.bin: got 'sha256 .* it is damaged"),
        ("shard-00002.bin", Path.unlink, r"shard shard-00002.bin: got None, .*it is missing"),
        ("shard-00000.bin", lambda path: path.write_bytes(b"short"), r"shard-00000.bin: got '5 bytes'.*4096 bytes"),
        (MANIFEST, Path.unlink, r"manifest.json: got .FileNotFoundError"),
        (MANIFEST, lambda path: path.write_text("{"), r"manifest.json: got .JSONDecodeError"),
        (MANIFEST, lambda path: path.write_text('{"version": 9}'), r"version 9, not 1"),
        (MANIFEST, lambda path: path.write_text('{"version": 1}'), r"manifest.json: got .KeyError"),
        (MANIFEST, lambda path: path.write_text("[]"), r"manifest.json: got .TypeError"),
    ],
)  # fmt: skip
def test_damage_is_one_error_that_names_the_file(
    tmp_path: Path, shards: Path, name: str, damage: Callable[[Path], object], message: str
) -> None:
    folder = Path(shutil.copytree(shards, tmp_path / "copy"))
    damage(folder / name)
    with pytest.raises(ContractError, match=message) as caught:
        ByteShards.open(folder)
    assert "\n" not in str(caught.value)


def test_a_size_is_checked_even_where_content_is_not(tmp_path: Path, shards: Path) -> None:
    folder = Path(shutil.copytree(shards, tmp_path / "copy"))
    flip(folder / "shard-00001.bin")
    ByteShards.open(folder, verify=False)
    (folder / "shard-00001.bin").write_bytes(b"")
    with pytest.raises(ContractError, match="0 bytes"):
        ByteShards.open(folder, verify=False)
