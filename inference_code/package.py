"""The Package step of a pipeline: turns a trained artifact into what the model server loads.

Reads processing input ``model`` (model.tar.gz), writes processing output ``repository`` (model.tar.gz). Options come as
JSON in TRAINYARD_OPTIONS. Run as ``python -m inference_code.package``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from inference_code.repository import Repository, build
from ml_contract.archive import pack, unpack
from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.options import from_variables
from ml_contract.packaging import ARCHIVE, PackageOptions
from ml_contract.paths import ContainerPaths


def package(paths: ContainerPaths, options: PackageOptions) -> Repository:
    """Verify the artifact and write the repository's archive.

    Raises:
        ContractError: The artifact is missing or damaged, or the options do not fit it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        artifact, repository = Path(scratch) / "artifact", Path(scratch) / "repository"
        unpack(paths.processing_input("model") / ARCHIVE, artifact)
        built = build(artifact, repository, options)
        pack(repository, paths.processing_output("repository") / ARCHIVE)
    return built


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Run the step; the exit status."""
    paths = ContainerPaths.from_environment(environment)
    try:
        options = from_variables(PackageOptions, environment)
        built = package(paths, options)
    except (ContractError, OSError) as error:
        print(f"package: {error}", file=sys.stderr)
        # SageMaker shows this file's first kilobyte as the processing job's ExitMessage.
        paths.exit_message.parent.mkdir(parents=True, exist_ok=True)
        paths.exit_message.write_text(str(error))
        return ExitCode.CONTRACT_BROKEN if isinstance(error, ContractError) else 1
    size = sum(entry.size for entry in built.manifest.files.values())
    print(f"packaged {built.model}: {len(built.manifest.files)} files, {size} bytes, backend {options.backend}")
    return ExitCode.SUCCESS


if __name__ == "__main__":
    sys.exit(main())
