"""One node of a Slurm job: SageMaker's files from Slurm's environment, and then the launcher in this process's place.

Started once a node by srun. Source of the variables: "Output environment variables", srun(1), Slurm 22.05 and 24.11,
read 2026-11-22.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ml_contract.clusters import jobs
from ml_contract.errors import ContractError, reject
from ml_contract.exit_codes import ExitCode
from ml_contract.paths import BASE_DIR_VARIABLE, ContainerPaths
from training_code.launcher import contract_files

LAUNCHER = "training_code.launcher"
_HOST = re.compile(r"((?:[^,\[\]]|\[[^\]]*\])+)(?:,|$)")
_RANGE = re.compile(r"([^\[]*)\[([^\]]+)\](.*)")


def expand(nodes: str) -> list[str]:
    """Names in a list as Slurm writes it: ``node[1-3,07],login`` is node1, node2, node3, node07, login.

    Raises:
        ContractError: It is no such list.
    """
    parts = [match.group(1) for match in _HOST.finditer(nodes)]
    if not nodes or ",".join(parts) != nodes:
        reject("SLURM_STEP_NODELIST", nodes, "it is a list such as node[1-3,07],login", "Start this with srun.")
    return [name for part in parts for name in _expanded(part)]


def _expanded(part: str) -> Iterator[str]:
    match = _RANGE.fullmatch(part)
    if match is None:
        yield part
        return
    before, ranges, after = match.groups()
    for piece in ranges.split(","):
        first, _, last = piece.partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            reject("SLURM_STEP_NODELIST", part, "between brackets stand numbers and ranges", "Start this with srun.")
        for number in range(int(first), int(last or first) + 1):
            for rest in _expanded(after):
                # Leading zeros are part of a name.
                yield f"{before}{number:0{len(first)}d}{rest}"


def prepare(options: argparse.Namespace, environment: Mapping[str, str]) -> dict[str, str]:
    """Write the files of this node.

    Args:
        options: Of the command line.
        environment: As srun made it.

    Returns:
        The launcher's environment.

    Raises:
        ContractError: A variable, file or folder is missing or wrong.
    """
    hosts = expand(_variable(environment, "SLURM_STEP_NODELIST"))
    current = _variable(environment, "SLURMD_NODENAME")
    run = environment.get(jobs.RUN) or _variable(environment, "SLURM_JOB_ID")
    _check_disk(options.free_gib)
    paths = ContainerPaths(base=options.kept / "hosts" / current)
    hyperparameters = contract_files.with_places(
        _object(options.hyperparameters),
        checkpoints=f"{_variable(environment, jobs.CHECKPOINTS).rstrip('/')}/{run}",
        stream=environment.get(jobs.STREAM) or None,
    )
    contract_files.write(
        paths, hosts=hosts, current=current, instance_type=options.instance_type,
        interface=contract_files.interface(current, hosts), hyperparameters=hyperparameters,
        channels=dict(options.channel), kept=options.kept,
    )  # fmt: skip
    # Slurm kills what is left of a node's processes by their step: nothing else has to know of it.
    return {**environment, BASE_DIR_VARIABLE: str(paths.base), "TRAINING_JOB_NAME": f"slurm-{run}"}


def _check_disk(gib: int) -> None:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free / 2**30
    if free < gib:
        reject("volume_gib", gib, f"{folder} of this node has {free:.1f} GiB free", "Empty it, or ask for less.")


def _variable(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        way_out = (
            "Start this with srun." if name.startswith("SLURM") else "Submit the job with `trainyard cluster submit`."
        )
        reject(name, value, "the environment variable must be set", way_out)
    return value


def _object(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        reject("hyperparameters", str(path), f"it must be a JSON object of strings ({error})", "Submit the job again.")
    return dict(found)


def _channel(text: str) -> tuple[str, Path]:
    name, _, folder = text.partition("=")
    if not name or not folder.startswith("/"):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=/FOLDER")
    return name, Path(folder)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(prog="python -m training_code.launcher.slurm", allow_abbrev=False)
    options.add_argument("--hyperparameters", type=Path, required=True, help="the run as JSON strings")
    options.add_argument("--instance-type", required=True, help="type of every node, ml.…")
    options.add_argument(
        "--free-gib", type=int, default=0, help="what a node's temporary folder must have free, in GiB"
    )
    options.add_argument("--channel", type=_channel, action="append", default=[], help="NAME=/FOLDER, once for each")
    options.add_argument("--kept", type=Path, required=True, help="this run's folder, which all nodes share")
    return options


def main(arguments: Sequence[str]) -> int:
    """Become the launcher, or say in one line why not."""
    # As the launcher does itself: a signal that comes before torchrun's handlers stand is kept for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        environment = prepare(parser().parse_args(arguments), os.environ)
    except ContractError as error:
        print(f"launcher: {error}", file=sys.stderr, flush=True)
        return ExitCode.CONTRACT_BROKEN
    os.execve(sys.executable, [sys.executable, "-m", LAUNCHER], environment)  # noqa: S606


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
