from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from ml_contract.manifest import FILE_NAME, ArtifactManifest
from ml_contract.signature import DType, ModelSignature, Tensor

SIGNATURE = ModelSignature(
    inputs=(Tensor(name="tokens", dtype=DType.INT64, shape=(-1,)),),
    outputs=(Tensor(name="logits", dtype=DType.FP32, shape=(-1, 256)),),
    max_batch_size=8,
)
tensors = st.builds(
    Tensor,
    name=st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True),
    dtype=st.sampled_from(DType),
    shape=st.lists(st.just(-1) | st.integers(1, 4096), min_size=1, max_size=4).map(tuple),
)
distinct = st.lists(tensors, min_size=1, max_size=3, unique_by=lambda tensor: tensor.name).map(tuple)
signatures = st.builds(ModelSignature, inputs=distinct, outputs=distinct, max_batch_size=st.integers(1, 512))


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(bytes(range(256)))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "a.bin").write_bytes(b"abc")
    described = ArtifactManifest.describe(
        tmp_path, workload="bytes_lm", signature=SIGNATURE, metrics={"loss": 2.5}, provenance={"steps": 3}
    )
    described.write(tmp_path)
    return tmp_path


@given(signatures)
def test_a_signature_survives_json(signature: ModelSignature) -> None:
    assert ModelSignature.from_json(signature.to_json()) == signature


def test_what_was_written_is_read_and_verifies(artifact: Path) -> None:
    manifest = ArtifactManifest.read(artifact)
    manifest.verify(artifact)
    assert set(manifest.files) == {"model.onnx", "weights/a.bin"}
    assert manifest.signature == SIGNATURE


def test_one_flipped_bit_is_named(artifact: Path) -> None:
    content = bytearray((artifact / "model.onnx").read_bytes())
    content[100] ^= 1
    (artifact / "model.onnx").write_bytes(content)
    with pytest.raises(ContractError, match=r"model\.onnx.*damaged"):
        ArtifactManifest.read(artifact).verify(artifact)


def test_a_truncated_file_is_named(artifact: Path) -> None:
    (artifact / "weights" / "a.bin").write_bytes(b"ab")
    with pytest.raises(ContractError, match=r"weights/a\.bin.*2 bytes.*3 bytes"):
        ArtifactManifest.read(artifact).verify(artifact)


def test_a_missing_file_is_named(artifact: Path) -> None:
    (artifact / "model.onnx").unlink()
    with pytest.raises(ContractError, match=r"model\.onnx.*missing"):
        ArtifactManifest.read(artifact).verify(artifact)


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"version": 2}', '{"version": 1, "files": []}', "\x00"])
def test_an_unreadable_manifest_is_one_error(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(ContractError, match=r"manifest\.json"):
        ArtifactManifest.read(tmp_path)


def test_a_path_that_leaves_the_artifact_is_refused(artifact: Path) -> None:
    path = artifact / FILE_NAME
    path.write_text(path.read_text().replace('"model.onnx"', '"../model.onnx"'))
    with pytest.raises(ContractError, match="inside the artifact"):
        ArtifactManifest.read(artifact)


def test_a_shape_with_an_empty_dimension_is_refused() -> None:
    with pytest.raises(ContractError, match="tokens"):
        Tensor(name="tokens", dtype=DType.INT64, shape=(0,))


def test_a_name_used_twice_is_refused() -> None:
    with pytest.raises(ContractError, match="twice"):
        ModelSignature(inputs=SIGNATURE.inputs * 2, outputs=SIGNATURE.outputs, max_batch_size=1)
