"""What training writes to S3, `trainyard checkpoints` reads: list, verify, prune, on the emulator."""

from __future__ import annotations

import json
import sys

import boto3
import pytest
from checkpoint_harness import TinyRun, manager, restored

from trainyard.cli import main

Capture = pytest.CaptureFixture[str]


def trainyard(patch: pytest.MonkeyPatch, capture: Capture, *arguments: str) -> tuple[str, int]:
    patch.setattr(sys, "argv", ["trainyard", "checkpoints", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capture.readouterr()
    return out + err, ended.value.code or 0


@pytest.mark.slow
def test_an_operator_reads_what_training_wrote(s3: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Guards one format on both sides of the container wall, and that S3's own checksums stand for a download."""
    uri, bucket, run = "s3://checkpoints/operated", boto3.client("s3"), TinyRun()
    with manager(uri, keep_last=9) as checkpoints:
        for step in (1, 2, 3, 4):
            run.step()
            checkpoints.save(step, run.state, figures={"loss": run.progress.losses[-1]})
    listed = json.loads(trainyard(monkeypatch, capsys, "list", uri, "--json")[0])
    assert [(told["step"], told["status"], told["figures"]["loss"]) for told in listed] == [
        (step, "committed", run.progress.losses[step - 1]) for step in (4, 3, 2, 1)
    ]
    assert trainyard(monkeypatch, capsys, "verify", uri)[1] == 0

    key = f"operated/{listed[0]['prefix']}/__0_0.distcp"
    content = bytearray(bucket.get_object(Bucket="checkpoints", Key=key)["Body"].read())
    content[len(content) // 2] ^= 1
    bucket.put_object(Bucket="checkpoints", Key=key, Body=bytes(content), ChecksumAlgorithm="CRC64NVME")
    text, status = trainyard(monkeypatch, capsys, "verify", uri, "--step", "4")
    assert (status, "__0_0.distcp has checksum" in text) == (1, True)
    # And where S3 has no checksum of the whole, the content itself is read.
    bucket.put_object(Bucket="checkpoints", Key=key, Body=bytes(content), ChecksumAlgorithm="SHA256")
    assert trainyard(monkeypatch, capsys, "verify", uri, "--step", "4")[1] == 1

    # The damaged one does not count: two sound ones stay beside it.
    text, status = trainyard(monkeypatch, capsys, "prune", uri, "--keep-last", "2", "--yes")
    assert status == 0, text
    left = json.loads(trainyard(monkeypatch, capsys, "list", uri, "--json")[0])
    assert [told["step"] for told in left] == [4, 3, 2]
    assert restored(uri)[0] == 3
    text, status = trainyard(monkeypatch, capsys, "list", "s3://nowhere/run")
    assert (status, len(text.splitlines())) == (1, 1)
    assert "bucket does not exist" in text
