"""A Triton model repository from a trained artifact."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference_code import graph
from inference_code.model_configuration import FILE_NAME, ensemble_configuration, model_configuration
from ml_contract.errors import reject
from ml_contract.manifest import ArtifactManifest
from ml_contract.options import sparse
from ml_contract.packaging import PackageOptions
from ml_contract.packaging.engine import ENGINES, EngineOrder
from ml_contract.samples import graph_file, samples_file
from ml_contract.signature import ModelSignature

GRAPH = "model.onnx"
"""Name of the graph in every version's folder."""
_PYTHON_MODEL = Path(__file__).with_name("triton_python_model.py")
_NO_CONTENT = "An ensemble has no files of its own; a version is a folder, and archives keep no empty ones.\n"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """What :func:`build` wrote."""

    model: str
    """Name of the served model."""
    manifest: ArtifactManifest
    """Every file of the repository, with the artifact's signature, metrics and provenance, and with how it was
    packed."""


def build(artifact: Path, folder: Path, options: PackageOptions) -> Repository:
    """Write the repository of ``artifact`` into ``folder``, which must be empty or missing.

    For each model ``<model>/config.pbtxt`` and ``<model>/<version>/model.onnx`` (with its external data, and model.py
    for the python backend); of an ensemble its own config.pbtxt besides; and manifest.json.

    Raises:
        ContractError: The artifact lacks its manifest or a graph, a file is damaged, a graph is not the signature's, or
            the options do not fit it.
    """
    manifest = ArtifactManifest.read(artifact)
    manifest.verify(artifact)
    writing = _Writing(artifact, folder, manifest, options)
    ensemble = manifest.ensemble
    if ensemble is None:
        if options.parts:
            reject("parts", options.parts[0].name, "the artifact is one model", "Leave parts out.")
        writing.model(manifest.workload, manifest.signature, options, part=None)
    else:
        names = [step.model for step in ensemble.steps]
        if manifest.workload in names:
            reject("parts", manifest.workload, "a part and the ensemble would have the same folder",
                   "Export with another name for the part.")  # fmt: skip
        for entry in options.parts:
            if entry.name not in names:
                reject("parts.name", entry.name, f"the artifact's parts are {', '.join(names)}", "Name one of these.")
        for step in ensemble.steps:
            writing.model(step.model, step.signature, options.of(step.model), part=step.model)
        writing.ensemble_of(manifest.workload)
    described = ArtifactManifest.describe(
        folder,
        workload=manifest.workload,
        signature=manifest.signature,
        metrics=manifest.metrics,
        provenance=manifest.provenance,
        parts=manifest.parts,
        packaging={"options": sparse(options), **writing.measured},
    )
    described.write(folder)
    return Repository(model=manifest.workload, manifest=described)


@dataclass(frozen=True)
class _Writing:
    artifact: Path
    folder: Path
    manifest: ArtifactManifest
    options: PackageOptions
    measured: dict[str, Any] = field(default_factory=dict)

    def model(self, name: str, signature: ModelSignature, options: PackageOptions, *, part: str | None) -> None:
        """One model's folder."""
        source = graph_file(part)
        if source not in self.manifest.files:
            reject(source, sorted(self.manifest.files), "the manifest must name the exported graph",
                   "Export the model to ONNX: the workload's option graph, where it has one.")  # fmt: skip
        graph.hold(self.artifact / source, signature)
        version = self.folder / name / str(options.version)
        version.mkdir(parents=True)
        (version.parent / FILE_NAME).write_text(model_configuration(name, signature, options))
        if options.engine is not None:
            order = EngineOrder(
                graph=(version / GRAPH).relative_to(self.folder).as_posix(),
                shapes=options.engine.shapes(signature, options.batch_size(signature.max_batch_size)),
                engine=options.engine,
            )
            self.measured.setdefault(ENGINES, {})[name] = order.to_json()
        if options.quantization is None:
            for file in self._files(source):
                # Weights beside a graph are named in it: they keep their name.
                shutil.copyfile(self.artifact / file, version / (GRAPH if file == source else file))
        else:
            # Imported here: whoever does not quantise needs no ONNX Runtime.
            from inference_code.quantization import quantize

            figures = quantize(
                self.artifact / source, version / GRAPH, options.quantization, self.artifact / samples_file(part)
            )  # fmt: skip
            self.measured.setdefault("quantization", {})[name] = figures
        if options.backend == "python":
            shutil.copyfile(_PYTHON_MODEL, version / "model.py")

    def ensemble_of(self, name: str) -> None:
        """The ensemble's own folder."""
        ensemble = self.manifest.ensemble
        assert ensemble is not None
        version = self.folder / name / str(self.options.version)
        version.mkdir(parents=True)
        (version / "README").write_text(_NO_CONTENT)
        (version.parent / FILE_NAME).write_text(ensemble_configuration(name, ensemble, self.options))

    def _files(self, source: str) -> Iterator[str]:
        # Graphs above 2 GiB keep their weights beside them: model.onnx.data, named in the graph relative to it.
        return (name for name in self.manifest.files if name == source or name.startswith(source + "."))
