"""model.tar.gz: what goes in comes out, equal content gives equal bytes, and nothing leaves the folder."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_contract.archive import pack, unpack
from ml_contract.errors import ContractError

_names = st.lists(st.from_regex(r"[a-c]{1,2}", fullmatch=True), min_size=1, max_size=3).map("/".join)


def _fits(names: list[str]) -> bool:
    """No name is a folder of another."""
    return not any(one != two and two.startswith(one + "/") for one in names for two in names)


@given(files=st.dictionaries(_names, st.binary(max_size=3000), max_size=5).filter(lambda files: _fits(list(files))))
@settings(max_examples=30, deadline=None)
def test_round_trip(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, content in files.items():
            (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "in" / name).write_bytes(content)
        pack(folder / "in", folder / "first.tar.gz")
        for path in (folder / "in").rglob("*"):
            os.utime(path, (1, 1))
        pack(folder / "in", folder / "second.tar.gz")
        assert (folder / "first.tar.gz").read_bytes() == (folder / "second.tar.gz").read_bytes()
        unpack(folder / "first.tar.gz", folder / "out")
        found = {path.relative_to(folder / "out").as_posix(): path.read_bytes() for path in _files(folder / "out")}
        assert found == files


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Callable[[tarfile.TarFile], None]:
    def add(tar: tarfile.TarFile) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, link, 1 if kind == tarfile.REGTYPE else 0
        tar.addfile(member, io.BytesIO(b"x"))

    return add


def _both(*steps: Callable[[tarfile.TarFile], None]) -> Callable[[tarfile.TarFile], None]:
    def add(tar: tarfile.TarFile) -> None:
        for step in steps:
            step(tar)

    return add


@pytest.mark.parametrize(
    "add",
    [
        _member("../outside"),
        _member("a/../../outside"),
        _member("/tmp/outside-of-the-archive"),
        _member("link", tarfile.SYMTYPE, "/etc/passwd"),
        _member("link", tarfile.LNKTYPE, "other"),
        _member("device", tarfile.CHRTYPE),
        _member("pipe", tarfile.FIFOTYPE),
        _both(_member("link", tarfile.SYMTYPE, ".."), _member("link/outside")),
        _both(_member("a"), _member("a/b")),
        _both(_member("a/b"), _member("a")),
        _member("."),
    ],
)
def test_members_that_are_refused(tmp_path: Path, add: Callable[[tarfile.TarFile], None]) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
        add(tar)
    with pytest.raises(ContractError) as raised:
        unpack(tmp_path / "model.tar.gz", tmp_path / "folder")
    assert raised.value.field == "model.tar.gz member"
    assert {path.name for path in tmp_path.iterdir()} == {"model.tar.gz", "folder"}


@given(cut=st.integers(0, 200), flip=st.integers(0, 200))
@settings(max_examples=50, deadline=None)
def test_damage_is_a_refusal_or_leaves_the_content(cut: int, flip: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "in").mkdir()
        (folder / "in" / "a").write_bytes(bytes(range(256)) * 20)
        pack(folder / "in", folder / "model.tar.gz")
        content = bytearray((folder / "model.tar.gz").read_bytes())
        content[flip % len(content)] ^= 0xFF
        (folder / "model.tar.gz").write_bytes(content[: len(content) - cut])
        try:
            unpack(folder / "model.tar.gz", folder / "out")
        except ContractError:
            return
        # Whatever a flipped bit turned the member's name into, it stayed inside.
        assert {path.name for path in folder.iterdir()} == {"in", "model.tar.gz", "out"}
