"""The command that unpacks the code and runs the program, and passes SIGTERM on to whichever of the two runs.

The shell stays PID 1: the kernel drops a signal that PID 1 has no handler for, and between the start of a container and
the first line of its program there is none. As the shell's child, a program without a handler ends at once.

Source: CreateTrainingJob, AlgorithmSpecification.ContainerEntrypoint, and AppSpecification of CreateProcessingJob, API
reference, read 2026-11-21: at most 100 strings of at most 256 characters.
"""

from __future__ import annotations

from ml_contract.errors import reject

CODE = "code"
"""Name of the channel, or processing input, that holds the archive."""
LONGEST = 256
TRAINING_INPUT = f"input/data/{CODE}"
PROCESSING_INPUT = f"processing/input/{CODE}"
# $0 is the folder, $1 the module. A trap interrupts `wait` and nothing else: so what takes time runs beside the shell.
# The image of a model server may have python3 alone, and where both are there `python` is the one with the packages.
# `kill -0` tells an interrupted wait from the program's end. Before there is a child, `kill` fails and the shell ends.
_SCRIPT = (
    "set -e; p=; trap 'kill $p || exit 143' TERM; b=${SAGEMAKER_BASE_DIR:-/opt/ml}; mkdir -p $b/code; cd $b/code; "
    "tar -xzf $b/$0/*.tgz & p=$!; wait $p; "
    "$(command -v python||echo python3) -m $1 & p=$!; while wait $p; c=$?; kill -0 $p 2>&-; do :; done; exit $c"
)


def entrypoint(module: str, *, archive_folder: str) -> list[str]:
    """The container's command.

    Args:
        module: Module that runs, with the code's folder as working directory.
        archive_folder: Folder below /opt/ml that holds the archive.

    Raises:
        ContractError: The command is longer than SageMaker takes.
    """
    command = ["bash", "-c", _SCRIPT, archive_folder, module]
    for part in command:
        if len(part) > LONGEST:
            reject("module", part, f"a part of the entrypoint has {len(part)} characters and SageMaker takes {LONGEST}",
                   "Shorten the module's name.")  # fmt: skip
    return command
