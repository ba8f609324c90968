"""Preparation is deterministic, splits by file, and lets nothing of the held-out files into training."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training_harness import ROOT

from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.workloads.bytes_lm import PrepareOptions
from training_code.data.tokens import TokenShards
from training_code.workloads.bytes_lm import corpus
from training_code.workloads.bytes_lm.prepare import prepare

OPTIONS = PrepareOptions(maximum_bytes=300_000, shard_bytes=50_000, heldout_fraction=0.3)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small library: 60 files, one content twice, tests and caches that are no part of it."""
    folder = tmp_path_factory.mktemp("library")
    for number in range(60):
        path = folder / f"package{number % 4}" / f"module{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"VALUE = {number}\n" * (300 + 7 * number))
    (folder / "copy.py").write_text((folder / "package0" / "module0.py").read_text())
    (folder / "empty.py").touch()
    for left_out in ("test/test_a.py", "package0/tests/b.py", "site-packages/c.py", "package1/__pycache__/d.py"):
        (folder / left_out).parent.mkdir(parents=True, exist_ok=True)
        (folder / left_out).write_text("LEFT_OUT = 1\n")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def documents(folder: Path, split: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((folder / split / "manifest.json").read_text())["source"]["files"]
    return found


def test_the_same_options_give_the_same_bytes(tmp_path: Path, library: Path) -> None:
    for name in ("first", "second"):
        prepare(OPTIONS, tmp_path / name, library=library)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_the_split_is_by_file_and_no_content_is_on_both_sides(tmp_path: Path, library: Path) -> None:
    manifest = prepare(OPTIONS, tmp_path, library=library)
    train, heldout = documents(tmp_path, "train"), documents(tmp_path, "heldout")
    assert train
    assert heldout
    assert not set(train) & set(heldout)
    assert not {entry["sha256"] for entry in train.values()} & {entry["sha256"] for entry in heldout.values()}
    assert "empty.py" not in {**train, **heldout}
    for split, names in (("train", train), ("heldout", heldout)):
        shards = TokenShards.open(tmp_path / split)
        text = shards.read(0, len(shards)).tobytes()
        # The manifest's names are sorted; the text has the order of the seed.
        assert len(text) == sum(entry["size"] for entry in names.values()) == manifest["splits"][split]["bytes"]
        assert all((library / name).read_bytes() in text for name in names)
        assert b"LEFT_OUT" not in text


def test_the_manifest_names_every_shard_with_its_digest(tmp_path: Path, library: Path) -> None:
    manifest = prepare(OPTIONS, tmp_path, library=library)
    written = json.loads((tmp_path / "manifest.json").read_text())
    assert written == manifest
    assert set(manifest["files"]) == {name for name in contents(tmp_path) if name.endswith(".bin")}
    assert manifest["splits"]["train"]["bytes"] + manifest["splits"]["heldout"]["bytes"] >= OPTIONS.maximum_bytes


def test_a_file_keeps_its_side_when_others_come_or_go(tmp_path: Path, library: Path) -> None:
    prepare(OPTIONS, tmp_path / "some", library=library)
    everything = PrepareOptions(maximum_bytes=2**30, heldout_fraction=OPTIONS.heldout_fraction)
    prepare(everything, tmp_path / "all", library=library)
    for split in ("train", "heldout"):
        assert set(documents(tmp_path / "some", split)) <= set(documents(tmp_path / "all", split))


def test_another_seed_is_another_split(tmp_path: Path, library: Path) -> None:
    names = []
    for seed in (0, 1):
        options = PrepareOptions(maximum_bytes=2**30, heldout_fraction=0.3, seed=seed)
        prepare(options, tmp_path / str(seed), library=library)
        names.append(set(documents(tmp_path / str(seed), "heldout")))
    assert names[0] != names[1]


def test_a_split_that_says_nothing_is_refused(tmp_path: Path, library: Path) -> None:
    options = PrepareOptions(maximum_bytes=300_000, heldout_fraction=1e-9)
    with pytest.raises(ContractError, match=r"heldout_fraction: got 1e-09, but it leaves 0 bytes for heldout"):
        prepare(options, tmp_path, library=library)


def test_the_share_that_is_held_out_is_about_the_one_asked_for() -> None:
    held = sum(corpus.is_held_out(f"module{number}.py", seed=5, share=0.2) for number in range(2000))
    assert 300 < held < 500


def module(base: Path, options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "training_code.workloads.bytes_lm.prepare"],
        cwd=ROOT, capture_output=True, text=True, timeout=240,
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(base), "TRAINYARD_OPTIONS": options}, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_as_a_job_it_prepares_the_interpreters_own_library(tmp_path: Path) -> None:
    finished = module(tmp_path, '{"maximum_bytes": 2097152}')
    assert finished.returncode == 0, finished.stderr
    folder = tmp_path / "processing/output/dataset"
    assert len(TokenShards.open(folder / "train")) > 1_500_000
    assert len(TokenShards.open(folder / "heldout")) > 50_000
    assert finished.stdout.startswith("prepare: train: ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('{"maximum_byte": 1}', "error: maximum_byte: got 1, but PrepareOptions has no such field"),
        ('{"maximum_bytes": 1}', "error: maximum_bytes: got 1, but it must be between"),
        ('{"seed": "x"}', "error: seed: got 'x', but it must be of type int"),
        ("[]", "error: TRAINYARD_OPTIONS: got '[]', but it must be a JSON object"),
        ("{", "error: TRAINYARD_OPTIONS: got '{'"),
    ],
)
def test_wrong_options_are_one_line_and_a_code(tmp_path: Path, options: str, message: str) -> None:
    finished = module(tmp_path, options)
    assert finished.returncode == ExitCode.CONTRACT_BROKEN
    assert finished.stderr.startswith(message)
    assert finished.stderr.count("\n") == 1
