"""Checkpoints without one of their protections, so that a scenario shows what the protection is there for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from fault_scenarios import Died

from ml_contract.checkpoint import catalog, documents
from training_code.checkpoint import (
    pieces,
)
from training_code.checkpoint import reader as reading

Patch = pytest.MonkeyPatch


def unverified_document(storage: Any, attempt: catalog.Attempt, record: documents.FileRecord) -> bytes:
    return bytes(storage.read(f"{attempt.prefix}/{record.name}"))


def accept_first(self: reading.VerifiedReader, plan: Any, planner: Any) -> Any:
    """Hands everything on, and verifies afterwards."""
    agree, self._agree = self._agree, lambda _: None
    with Patch.context() as patch:
        patch.setattr(pieces.Check, "finding", None)
        answer = READ_DATA(self, plan, planner)
    records = [record for record in self._snapshot.files.values() if record.blocks]
    found = self._fetch([pieces.Piece.whole(record) for record in records])
    agree([content for content in found if isinstance(content, str)])
    return answer


READ_DATA = reading.VerifiedReader.read_data


def unchecked(name: str, data: bytes, cls: type, crc: object) -> dict[str, Any]:
    content = json.loads(data)
    del content["self"]
    return content


def without_document_checks(patch: Patch) -> None:
    patch.setattr(catalog, "document", unverified_document)
    patch.setattr(pieces.Check, "finding", None)


def without_manifest(patch: Patch) -> None:
    without_document_checks(patch)
    patch.setattr(catalog, "manifest_digest", lambda _, metadata: Anything())
    patch.setattr(
        catalog, "read_sidecar", lambda data, crc: replace(documents.read_sidecar(data, crc), attempt=Anything())
    )


class Anything(str):
    """A text that is equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


def without_sizes(patch: Patch) -> None:
    class Entries(dict[str, Any]):
        """Claims that every file is there, with the size that is asked for."""

        def __contains__(self, name: object) -> bool:
            return True

        def __getitem__(self, name: str) -> Any:
            entry = dict.get(self, name)
            return entry if name.endswith(".json") else type("Entry", (), {"size": Anything(), "modified": 0.0})

    listed = catalog.attempts

    def generous(storage: Any) -> list[catalog.Attempt]:
        found = listed(storage)
        for attempt in found:
            real = attempt.entries
            object.__setattr__(attempt, "entries", Entries(real))
            patch.setattr(
                catalog.Attempt, "committed", property(lambda self: dict.__contains__(self.entries, "COMMIT.json"))
            )
            patch.setattr(
                catalog.Attempt,
                "quarantined",
                property(lambda self: dict.__contains__(self.entries, "QUARANTINE.json")),
            )
        return found

    patch.setattr("training_code.checkpoint.sources.attempts", generous)
    patch.setattr(pieces.Check, "finding", None)
    patch.setattr(pieces, "ObjectMissingError", Died)
