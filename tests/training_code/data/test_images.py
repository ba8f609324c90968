"""Tar shards of images: any sample by its number, and one error for whatever is broken."""

import io
import json
import pickle
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml_contract.errors import ContractError
from training_code.data.images import ImageShards, ImageWriter
from training_code.data.split import MANIFEST
from training_code.data.tar_index import INDEX, adopt

COUNT = 12


def picture(number: int, format: str = "PNG") -> bytes:  # noqa: A002  (Pillow's name)
    pixels = np.random.default_rng(number).integers(0, 256, (16, 16 + number, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format)
    return stream.getvalue()


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve samples in several shards; every third has a caption."""
    folder = tmp_path_factory.mktemp("images")
    writer = ImageWriter(folder, shard_bytes=8000)
    for number in range(COUNT):
        caption = {"txt": f"ein Bild, № {number}"} if number % 3 == 0 else {}
        writer.add(f"all/{number:03d}", {"jpg": picture(number, "JPEG"), "json": {"label": number}, **caption})
    manifest = writer.close({"name": "test"})
    assert manifest["samples"] == COUNT
    return folder


def test_any_sample_reads_what_was_written(split: Path) -> None:
    found = ImageShards.open(split)
    assert (len(found), found.extensions) == (COUNT, ("jpg", "json", "txt"))
    assert len(found.shards) > 2
    for number in (7, 0, 11, 3):
        assert found.read(number, "jpg") == picture(number, "JPEG")
        assert found.image(number).size == (16 + number, 16)
        assert found.json(number) == {"label": number}
        assert found.key(number) == f"all/{number:03d}"
    assert found.text(9) == "ein Bild, № 9"


def test_other_tools_read_the_shards(split: Path) -> None:
    names = []
    for path in sorted(split.glob("*.tar")):
        with tarfile.open(path) as tar:
            names += tar.getnames()
    assert names[:4] == ["all/000.jpg", "all/000.json", "all/000.txt", "all/001.jpg"]


def test_shards_of_other_tools_become_a_split(tmp_path: Path, split: Path) -> None:
    """Names too long for a header of tar, and a folder as member."""
    with tarfile.open(tmp_path / "some.tar", "w") as tar:
        for name in ("x", f"x/{'long' * 40}.cls.txt", f"x/{'long' * 40}.png"):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if name == "x" else tarfile.REGTYPE
            content = b"" if name == "x" else picture(1)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    adopt(tmp_path, {})
    found = ImageShards.open(tmp_path)
    assert (len(found), found.extensions) == (1, ("cls.txt", "png"))
    assert found.image(0, "png").size == (17, 16)


def test_the_same_samples_give_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        writer = ImageWriter(tmp_path / name)
        writer.add("one", {"png": picture(1)})
        writer.close({})
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("a", "b")]
    assert files[0] == files[1]


def test_a_pickled_copy_reads_the_files_instead_of_carrying_them(split: Path) -> None:
    found = ImageShards.open(split)
    expected = found.read(5, "jpg")
    assert pickle.loads(pickle.dumps(found)).read(5, "jpg") == expected
    assert len(pickle.dumps(found)) < 5000


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[700] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1500])


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("shard-00000.tar", flip, r"shard shard-00000.tar: got 'sha256 .* it is damaged\. Copy the data set again"),
        ("shard-00001.tar", cut, r"shard shard-00001.tar: got '1500 bytes', but the manifest says \d+ bytes"),
        ("shard-00002.tar", Path.unlink, r"shard shard-00002.tar: got None, .*it is missing"),
        (INDEX, Path.unlink, r"shard samples.idx: got None, .*it is missing"),
        (MANIFEST, Path.unlink, r"manifest.json: got .FileNotFoundError"),
    ],
)
def test_damage_is_one_error_that_names_the_file(
    tmp_path: Path, split: Path, name: str, damage: Callable[[Path], object], message: str
) -> None:
    folder = Path(shutil.copytree(split, tmp_path / "copy"))
    damage(folder / name)
    with pytest.raises(ContractError, match=message) as caught:
        ImageShards.open(folder)
    assert "\n" not in str(caught.value)


def test_a_damaged_member_is_found_where_shards_were_not_verified(tmp_path: Path, split: Path) -> None:
    folder = Path(shutil.copytree(split, tmp_path / "copy"))
    flip(folder / "shard-00000.tar")
    found = ImageShards.open(folder, verify=False)
    with pytest.raises(ContractError, match=r"shard-00000.tar: got 'member all/000.jpg', .* it is damaged"):
        found.image(0)
    assert found.image(1).size == (17, 16), "the others are sound"


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_an_image_that_was_stored_truncated_is_named_when_it_is_decoded(tmp_path: Path, format: str) -> None:  # noqa: A002
    extension, content = format.lower(), picture(1, format)
    with tarfile.open(tmp_path / "some.tar", "w") as tar:
        info = tarfile.TarInfo(f"broken.{extension}")
        info.size = len(content) * 2 // 3
        tar.addfile(info, io.BytesIO(content))
    adopt(tmp_path, {})
    found = ImageShards.open(tmp_path)
    message = rf"shard some.tar: member broken.{extension}: got '\d+ bytes', but they are no whole image .* Replace"
    with pytest.raises(ContractError, match=message) as caught:
        found.image(0, extension)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "members", "message"),
    [
        ("a.b", {"txt": "x"}, r"key: got 'a.b', but its last part .* dot"),
        ("a", {"jpg": picture(1, "JPEG")[:400]}, r"image a.jpg: got '400 bytes', but they are no whole image"),
        ("a", {"png": b"no image"}, r"image a.png: got '8 bytes', but they are no whole image"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(
    tmp_path: Path, key: str, members: dict[str, bytes], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        ImageWriter(tmp_path).add(key, members)


def test_tar_files_that_make_no_split_are_refused(tmp_path: Path, split: Path) -> None:
    with pytest.raises(ContractError, match="got '0 tar files', but they must hold at least one sample"):
        adopt(tmp_path, {})
    shutil.copy(split / "shard-00000.tar", tmp_path / "some.tar")
    cut(tmp_path / "some.tar")
    with pytest.raises(ContractError, match=r"some.tar: got '1500 bytes', but they are no whole tar file"):
        adopt(tmp_path, {})


def test_a_member_that_is_not_there_and_a_wrong_kind_are_named(tmp_path: Path, split: Path) -> None:
    found = ImageShards.open(split)
    with pytest.raises(ContractError, match=r"shard-00000.tar: got 'sample all/001', but it has no member .txt"):
        found.text(1)
    folder = Path(shutil.copytree(split, tmp_path / "copy"))
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "kind": "tokens"}))
    with pytest.raises(ContractError, match="it holds tokens, and images are asked for"):
        ImageShards.open(folder)
