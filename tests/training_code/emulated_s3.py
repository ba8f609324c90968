"""The embedded cloud's S3 alone, on loopback."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ports import free_port

ROOT = Path(__file__).parents[2]
EMULATOR = (
    "from trainyard.local.hooks import s3_checksums; s3_checksums.install(); from ministack.app import main; main()"
)
"""With S3's checksums, which the emulator of its own lacks for multipart uploads."""


@contextmanager
def emulated_s3(folder: Path) -> Iterator[str]:
    """An S3 emulator on a free port of the loopback; its address."""
    port = free_port()
    settings = {
        "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_ACCOUNT_ID": "123456789012",
        "LAMBDA_EXECUTOR": "local", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0",
    }  # fmt: skip
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [ROOT / ".trainyard/envs/cloud/bin/python", "-c", EMULATOR],
            env={**os.environ, **settings, "PYTHONPATH": str(ROOT)}, cwd=folder, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 240
        while not _answers(address):
            assert process.poll() is None, (folder / "emulator.log").read_text()[-2000:]
            assert time.monotonic() < deadline, (folder / "emulator.log").read_text()[-2000:]
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/_localstack/health", timeout=60).close()
    except OSError:
        return False
    return True
