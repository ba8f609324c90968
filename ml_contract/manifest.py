"""manifest.json: what an artifact is made of, the only thing that training and serving share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Any

from ml_contract.ensemble import Ensemble, Step
from ml_contract.errors import reject
from ml_contract.signature import ModelSignature
from ml_contract.values import value_object

FILE_NAME = "manifest.json"
VERSION = 1


@value_object
class FileEntry:
    """A file of the artifact."""

    size: int
    """Bytes."""
    sha256: str
    """Digest of the content, hexadecimal."""

    @classmethod
    def of(cls, path: Path) -> FileEntry:
        with path.open("rb") as stream:
            return cls(size=path.stat().st_size, sha256=hashlib.file_digest(stream, "sha256").hexdigest())


@value_object
class ArtifactManifest:
    """Description of a model artifact: the only thing that training and serving share."""

    workload: str
    """Name of the workload, which names the served model too, for example ``bytes_lm``."""
    signature: ModelSignature
    files: Mapping[str, FileEntry]
    """By path relative to the manifest, with forward slashes."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Figures of the last training step."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Where it came from: training job, steps, torch version, hyperparameters."""
    parts: tuple[Step, ...] = ()
    """Models that the artifact is an ensemble of, in the order in which they run; none where it is one model. The
    graph of each is ``<model>.onnx``, that of one model ``model.onnx``."""
    packaging: Mapping[str, Any] = field(default_factory=dict)
    """Of a model repository: what was done to the artifact, and what was measured."""

    def __post_init__(self) -> None:
        # A loose end is told where the manifest is written, and again where it is read.
        _ = self.ensemble

    @property
    def ensemble(self) -> Ensemble | None:
        """The parts together; None where the artifact is one model.

        Raises:
            ContractError: They do not fit together.
        """
        return Ensemble(signature=self.signature, steps=self.parts) if self.parts else None

    @classmethod
    def describe(
        cls,
        folder: Path,
        *,
        workload: str,
        signature: ModelSignature,
        metrics: Mapping[str, float],
        provenance: Mapping[str, Any],
        parts: tuple[Step, ...] = (),
        packaging: Mapping[str, Any] | None = None,
    ) -> ArtifactManifest:
        """Describe every file below ``folder``."""
        files = {
            path.relative_to(folder).as_posix(): FileEntry.of(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != FILE_NAME
        }
        return cls(
            workload=workload, signature=signature, files=files, metrics=metrics, provenance=provenance, parts=parts,
            packaging=packaging or {},
        )  # fmt: skip

    def write(self, folder: Path) -> Path:
        """Write manifest.json into ``folder`` and return its path."""
        document = {
            "version": VERSION,
            "workload": self.workload,
            "signature": self.signature.to_json(),
            "files": {name: {"size": entry.size, "sha256": entry.sha256} for name, entry in self.files.items()},
            "metrics": dict(self.metrics),
            "provenance": dict(self.provenance),
        }
        # Absent where empty: older readers know neither.
        document |= {"parts": [part.to_json() for part in self.parts]} if self.parts else {}
        document |= {"packaging": dict(self.packaging)} if self.packaging else {}
        path = folder / FILE_NAME
        path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
        return path

    @classmethod
    def read(cls, folder: Path) -> ArtifactManifest:
        """Read ``folder``'s manifest.

        Raises:
            ContractError: It is missing, no JSON, of another version, or lacks a field.
        """
        path = folder / FILE_NAME
        try:
            raw = json.loads(path.read_text())
            if raw["version"] != VERSION:
                reject(
                    f"{FILE_NAME}.version",
                    raw["version"],
                    f"this code reads version {VERSION}",
                    "Export the model again with this version.",
                )
            files = {name: FileEntry(**entry) for name, entry in raw["files"].items()}
            for name in files:
                parts = PurePosixPath(name).parts
                if not parts or name.startswith("/") or ".." in parts:
                    reject(f"{FILE_NAME}.files", name, "a path stays inside the artifact", "Export the model again.")
            return cls(
                workload=raw["workload"],
                signature=ModelSignature.from_json(raw["signature"]),
                files=files,
                metrics=raw["metrics"],
                provenance=raw["provenance"],
                parts=tuple(Step.from_json(part) for part in raw.get("parts", ())),
                packaging=raw.get("packaging", {}),
            )
        except (OSError, KeyError, TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError) as error:
            reject(
                FILE_NAME,
                f"{type(error).__name__}: {error}",
                "an artifact starts with a readable manifest",
                "Check that training finished and that the archive is complete.",
            )

    def verify(self, folder: Path) -> None:
        """Hold every file against its size and digest.

        Raises:
            ContractError: A file is missing or differs; ``field`` names it.
        """
        for name, entry in self.files.items():
            path = folder / name
            if not path.is_file():
                reject(name, None, "the manifest names it and it is missing", "Fetch the artifact again.")
            found = FileEntry.of(path)
            if found.size != entry.size:
                reject(
                    name, f"{found.size} bytes", f"the manifest says {entry.size} bytes", "Fetch the artifact again."
                )
            if found.sha256 != entry.sha256:
                reject(
                    name,
                    found.sha256,
                    f"the manifest says sha256 {entry.sha256}: the content is damaged",
                    "Fetch the artifact again, or train again.",
                )
