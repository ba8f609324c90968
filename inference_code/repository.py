"""A Triton model repository from a trained artifact."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inference_code.model_configuration import FILE_NAME, model_configuration
from ml_contract.errors import reject
from ml_contract.manifest import ArtifactManifest
from ml_contract.packaging import PackageOptions

GRAPH = "model.onnx"
_PYTHON_MODEL = Path(__file__).with_name("triton_python_model.py")


@dataclass(frozen=True, kw_only=True)
class Repository:
    """What :func:`build` wrote."""

    model: str
    """Name of the served model."""
    manifest: ArtifactManifest
    """Every file of the repository, with the artifact's signature, metrics and provenance."""


def build(artifact: Path, folder: Path, options: PackageOptions) -> Repository:
    """Write the repository of ``artifact`` into ``folder``, which must be empty or missing.

    ``<model>/config.pbtxt``, ``<model>/1/model.onnx`` (with its external data, and model.py for the python backend)
    and manifest.json.

    Raises:
        ContractError: The artifact lacks its manifest or graph, a file is damaged, or the options do not fit it.
    """
    manifest = ArtifactManifest.read(artifact)
    manifest.verify(artifact)
    if GRAPH not in manifest.files:
        reject(GRAPH, sorted(manifest.files), "the manifest must name the exported graph", "Export the model to ONNX.")
    version = folder / manifest.workload / "1"
    version.mkdir(parents=True)
    configuration = model_configuration(manifest.workload, manifest.signature, options)
    (version.parent / FILE_NAME).write_text(configuration)
    for name in _graph_files(manifest):
        shutil.copyfile(artifact / name, version / name)
    if options.backend == "python":
        shutil.copyfile(_PYTHON_MODEL, version / "model.py")
    described = ArtifactManifest.describe(
        folder,
        workload=manifest.workload,
        signature=manifest.signature,
        metrics=manifest.metrics,
        provenance=manifest.provenance,
    )
    described.write(folder)
    return Repository(model=manifest.workload, manifest=described)


def _graph_files(manifest: ArtifactManifest) -> Iterator[str]:
    # Graphs above 2 GiB keep their weights beside them: model.onnx.data, named in the graph relative to it.
    return (name for name in manifest.files if name == GRAPH or name.startswith(GRAPH + "."))
