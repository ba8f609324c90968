"""A split is images of digits, or is refused in one line that says where it is not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ml_contract.errors import ContractError
from ml_contract.workloads import Digits
from training_code.data.source import Folder
from training_code.data.tokens import TokenWriter
from training_code.workloads.digits.data import RECORD, Images, Records
from training_code.workloads.digits.workload import DigitsWorkload


def images(count: int) -> Records:
    generator = np.random.Generator(np.random.PCG64(0))
    pixels = generator.integers(0, 16, (count, RECORD - 1), endpoint=True)
    return np.column_stack([pixels, np.arange(count) % 10]).astype(np.uint8)


def split(folder: Path, content: bytes, *, dtype: str = "uint8") -> Path:
    writer = TokenWriter(folder, dtype=dtype, shard_tokens=4 * RECORD)
    writer.write(content)
    writer.close({"name": "test"})
    return folder


def test_a_batch_is_images_and_labels(tmp_path: Path) -> None:
    written = images(7)
    workload = DigitsWorkload(Digits())
    samples = workload.open(Folder(split(tmp_path, written.tobytes())), verify=True)
    assert len(samples) == 7
    (pixels,), labels = workload.split(torch.stack([samples[5], samples[2]]))
    assert pixels.shape == (2, 8, 8)
    assert pixels.dtype == torch.uint8
    assert pixels.flatten(1).tolist() == written[[5, 2], :64].tolist()
    assert labels.tolist() == [5, 2]


def changed(record: int, byte: int, value: int) -> Callable[[Records], bytes]:
    def change(records: Records) -> bytes:
        records[record, byte] = value
        return records.tobytes()

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed(5, 63, 17), r"pixel 63 of record 5 in \S+: got 17, but it must be between 0 and 16"),
        (changed(6, 64, 10), r"label of record 6 in \S+: got 10, but it must be between 0 and 9"),
        (changed(0, 0, 255), r"pixel 0 of record 0 in \S+: got 255"),
        (lambda records: records.tobytes()[:-1], r"records in \S+: got '454 x uint8', but a record has 65 bytes"),
        (lambda _: b"", r"records in \S+: got '0 x uint8'"),
    ],
)
@pytest.mark.parametrize("verify", [True, False])
def test_what_is_no_image_of_a_digit_is_one_line(
    tmp_path: Path, change: Callable[[Records], bytes], message: str, verify: bool
) -> None:
    folder = split(tmp_path, change(images(7)))
    with pytest.raises(ContractError, match=message) as refused:
        Images(folder, verify=verify)
    assert "\n" not in str(refused.value)


def test_bytes_alone_are_images(tmp_path: Path) -> None:
    folder = split(tmp_path, images(3).tobytes(), dtype="uint16")
    with pytest.raises(ContractError, match=r"records in \S+: got '195 x uint16'"):
        Images(folder)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folder = split(tmp_path, images(7).tobytes())
    (folder / "shard-00001.bin").unlink()
    with pytest.raises(ContractError, match=r"shard shard-00001.bin: got None"):
        Images(folder, verify=False)


def test_content_that_was_swapped_for_other_images_is_damaged(tmp_path: Path) -> None:
    folder = split(tmp_path, images(7).tobytes())
    path = folder / "shard-00000.bin"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(ContractError, match=r"shard shard-00000.bin: got 'sha256"):
        Images(folder)
