"""PID 1 of a training container: check everything that can be wrong, then become torchrun or HyperPod's agent,
or run mpirun.

SIGTERM stays blocked until torchrun's own handlers stand: the kernel drops a signal that PID 1 has no handler for, and
a blocked one is kept across exec.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from ml_contract import prometheus, pulse
from ml_contract.clusters import pods
from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.paths import ContainerPaths
from training_code import failure
from training_code.launcher import command, environment, kubernetes, mpi
from training_code.launcher.job import ImageLacksModule, Job


def main() -> int:
    """Replace this process by torchrun, or stay above mpirun, or say in one line why not."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    paths = ContainerPaths.from_environment(os.environ)
    # A restarted job may find the folder of the attempt before.
    paths.failure.unlink(missing_ok=True)
    try:
        job = Job.read(paths)
    except ContractError as error:
        reason = failure.describe(error)
        failure.record(paths.failure, reason)
        kubernetes.tell(reason)
        print(f"launcher: {reason}", file=sys.stderr, flush=True)
        return ExitCode.IMAGE_LACKS_MODULE if isinstance(error, ImageLacksModule) else ExitCode.CONTRACT_BROKEN
    current = dict(os.environ)
    changes = environment.communication(job.resources, job.instance, current)
    changes |= environment.threads(job.instance, current)
    changes |= environment.cuda_compat(current)
    print(f"launcher: host {job.resources.rank + 1} of {len(job.resources.hosts)}, {job.instance.name}", flush=True)
    print("launcher: " + " ".join(f"{name}={value}" for name, value in sorted(changes.items())), flush=True)
    changed = environment.apply(changes, current)
    _begin(job, current)
    if job.run.strategy.launcher == "mpirun":
        return mpi.run(job, paths, changed)
    start = command.hyperpodrun if current.get(pods.AGENT) == pods.HYPERPOD else command.torchrun
    arguments = start(job, current)
    print("launcher: exec " + shlex.join(arguments), flush=True)
    os.execve(arguments[0], arguments, changed)  # noqa: S606


def _begin(job: Job, current: Mapping[str, str]) -> None:
    """Let the node's exporter see that the run has begun: hosts that never find each other take no step.

    A pod does not know yet whether it is the first; its operator looks at the log instead.
    """
    folder, run = current.get(prometheus.FOLDER_VARIABLE), current.get(pulse.JOB)
    if folder and run and job.resources.is_leader and current.get(pods.AGENT) != pods.HYPERPOD:
        try:
            prometheus.begin(Path(folder), run)
        except OSError as error:
            print(f"launcher: nobody will see whether this run stands still: {error}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
