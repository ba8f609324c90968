"""The command that unpacks the code and becomes the program: PID 1, so that signals reach it.

Source: CreateTrainingJob, AlgorithmSpecification.ContainerEntrypoint, and AppSpecification of CreateProcessingJob, API
reference, read 2026-11-21: at most 100 strings of at most 256 characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ml_contract.errors import reject

CODE = "code"
"""Name of the channel, or processing input, that holds the archive."""
LONGEST = 256
TRAINING_INPUT = f"input/data/{CODE}"
PROCESSING_INPUT = f"processing/input/{CODE}"


def entrypoint(module: str, *, archive_folder: str) -> list[str]:
    """The container's command.

    Args:
        module: Module that runs, with the code's folder as working directory.
        archive_folder: Folder below /opt/ml that holds the archive.

    Raises:
        ContractError: The command is longer than SageMaker takes.
    """
    script = (
        "set -eu; b=${SAGEMAKER_BASE_DIR:-/opt/ml}; mkdir -p $b/code; "
        f"tar -xzf $b/{archive_folder}/*.tgz -C $b/code; cd $b/code; exec python -m {module}"
    )
    if len(script) > LONGEST:
        reject("module", module, f"the entrypoint would have {len(script)} characters and SageMaker takes {LONGEST}",
               "Shorten the module's name.")  # fmt: skip
    return ["bash", "-c", script]


def check_module(module: str, folders: Mapping[str, Path]) -> None:
    """Refuse a module that the packed packages do not hold.

    Raises:
        ContractError: Neither a file nor a package's ``__main__`` carries the name.
    """
    package, *rest = module.split(".")
    folder = folders.get(package)
    if folder is not None:
        path = folder.joinpath(*rest)
        if (rest and path.with_suffix(".py").is_file()) or (path / "__main__.py").is_file():
            return
    reject("module", module, f"the packed packages {', '.join(sorted(folders))} hold no such program",
           "Name a module file, or a package with __main__.py.")  # fmt: skip
