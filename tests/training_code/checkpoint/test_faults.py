"""One scenario for each fault, and beside each the proof that it fails once its protection is taken away.

``removal`` takes exactly the protection away that the scenario is there for; the scenario must then fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from checkpoint_harness import committed, restored
from fault_scenarios import (
    Died,
    exchanged_sidecar,
    flip,
    flipped_commit,
    flipped_metadata,
    flipped_shard,
    flipped_state,
    half_an_attempt,
    missing_shard,
    missing_sidecar,
    newest,
    place,
    remembered_quarantine,
    saved_again,
    silent_storage,
    truncated_shard,
    two_committers,
    untouched_by_damage,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from missing_protections import accept_first, unchecked, without_document_checks, without_manifest, without_sizes

from ml_contract.checkpoint import catalog, documents
from ml_contract.checkpoint.errors import ObjectMissingError
from training_code.checkpoint import (
    CorruptCheckpointError,
    IncompatibleCheckpointError,
    StorageError,
    pieces,
    saving,
)
from training_code.checkpoint import reader as reading
from training_code.checkpoint.file_storage import FileStorage

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Fault:
    """A scenario, what it must not survive, and how it then ends."""

    scenario: Callable[[Path], None]
    removal: Callable[[Patch], None]
    end: type[Exception] = AssertionError


def put(owner: object, name: str, value: object) -> Callable[[Patch], None]:
    """A removal that replaces one thing."""
    return lambda patch: patch.setattr(owner, name, value)


FAULTS = [
    Fault(flipped_shard, put(pieces.Check, "finding", None)),
    Fault(flipped_metadata, without_document_checks, IncompatibleCheckpointError),
    Fault(flipped_state, without_document_checks),
    Fault(exchanged_sidecar, without_manifest),
    Fault(flipped_commit, put(documents, "_checked", unchecked)),
    Fault(truncated_shard, without_sizes, IncompatibleCheckpointError),
    Fault(missing_shard, without_sizes, ObjectMissingError),
    Fault(missing_sidecar, put(catalog, "ObjectMissingError", Died), ObjectMissingError),
    Fault(remembered_quarantine, put(catalog.Attempt, "quarantined", property(lambda _: False))),
    Fault(untouched_by_damage, put(reading.VerifiedReader, "read_data", accept_first)),
    Fault(silent_storage, put(catalog, "ObjectMissingError", StorageError), CorruptCheckpointError),
    Fault(half_an_attempt, put(catalog, "COMMIT", ".metadata"), CorruptCheckpointError),
    Fault(saved_again, put(saving.uuid, "uuid4", lambda: UUID(int=0)), CorruptCheckpointError),
    Fault(two_committers, put(FileStorage, "put_if_absent", lambda *args: (FileStorage.put(*args), True)[1])),
]
names = pytest.mark.parametrize("fault", FAULTS, ids=[fault.scenario.__name__ for fault in FAULTS])


@names
def test_the_fault_does_no_harm(fault: Fault, tmp_path: Path) -> None:
    fault.scenario(tmp_path)


@names
def test_the_scenario_needs_its_protection(fault: Fault, tmp_path: Path, monkeypatch: Patch) -> None:
    fault.removal(monkeypatch)
    with pytest.raises(Exception) as failure:
        fault.scenario(tmp_path)
    assert failure.type is fault.end, failure.value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.integers(0, 4), position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@pytest.mark.slow
def test_one_bit_anywhere_is_found(two_commits: tuple[Path, Any], name: int, position: float, bit: int) -> None:
    """Guards every byte of a checkpoint: shard, metadata, state, sidecar, COMMIT."""
    folder, contents = two_commits
    victim = newest(folder)
    files = sorted(path for path in victim.iterdir() if path.name != "QUARANTINE.json")
    assert len(files) == 5
    whole = files[name].read_bytes()
    try:
        flip(files[name], position, bit)
        assert restored(place(folder)) == (1, contents[1])
        assert (victim / "QUARANTINE.json").exists()
    finally:
        files[name].write_bytes(whole)
        (victim / "QUARANTINE.json").unlink(missing_ok=True)
    assert restored(place(folder)) == (2, contents[2])


@pytest.fixture(scope="module")
def two_commits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("two")
    return folder, committed(place(folder), 1, 2)
