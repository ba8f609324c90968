"""Documents of a checkpoint: what was written is read, by this version and from older ones."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from ml_contract.checkpoint.documents import Commit, FileRecord, read_commit, write
from ml_contract.checkpoint.errors import CorruptCheckpointError, IncompatibleCheckpointError
from ml_contract.checkpoint.objects import encode


def crc(data: bytes, previous: int = 0) -> int:
    """The contract does not care which checksum it is given."""
    return zlib.crc32(data, previous)


def commit(**changes: Any) -> Commit:
    record = FileRecord.of(".metadata", b"metadata", crc)
    known: dict[str, Any] = {
        "run": "run", "config_hash": "1", "step": 7, "attempt": "a", "world_size": 1, "hosts": ("host",), "state": {},
        "torch_version": "2", "committed_at": 1.0, "metadata": record, "sidecars": (record,), "manifest_digest": "d",
    }  # fmt: skip
    return Commit(**{**known, **changes})


def edited(data: bytes, **changes: Any) -> bytes:
    """The document with other content and the right checksum of itself; None takes a field out."""
    content = {**json.loads(data), **changes}
    del content["self"]
    content = {name: value for name, value in content.items() if value is not None}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    content["self"] = encode(crc(canonical))
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def test_what_was_written_is_read() -> None:
    document = commit(figures={"loss": 0.1 + 0.2}, hyperparameters={"steps": "3"})
    assert read_commit(write(document, crc), crc) == document


def test_a_commit_of_an_older_version_is_read() -> None:
    """Guards runs across an upgrade: figures and hyperparameters came later."""
    older = edited(write(commit(figures={"loss": 1.0}), crc), figures=None, hyperparameters=None)
    assert read_commit(older, crc) == commit()


@pytest.mark.parametrize("changes", [{"format": 2}, {"something_new": 1}, {"state": None}])
def test_a_commit_of_another_format_is_refused_and_not_condemned(changes: dict[str, Any]) -> None:
    with pytest.raises(IncompatibleCheckpointError, match="another version"):
        read_commit(edited(write(commit(), crc), **changes), crc)


def test_a_changed_figure_is_damage() -> None:
    data = write(commit(figures={"loss": 1.5}), crc)
    with pytest.raises(CorruptCheckpointError, match="does not match its own checksum"):
        read_commit(data.replace(b'"loss":1.5', b'"loss":0.5'), crc)
