"""Command lines of torchrun and mpirun. Options of training are no part of them: they stay in hyperparameters.json.

Source of mpirun's: Open MPI 4.1 and 5.0, mpirun(1); "Horovod with MPI"; sagemaker-training 5.1, mpi.py. Read 2026-11.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from ml_contract.clusters import pods
from ml_contract.training.aws_strategies import Mpi
from training_code.interruption import SHUTDOWN_SECONDS
from training_code.launcher.job import Job

TRAINER, RANK = "training_code.train", "training_code.launcher.rank"
PORT = "7777"
"""Of the rendezvous on the first host; MASTER_PORT in the job's environment names another."""


def torchrun(job: Job, current: Mapping[str, str]) -> list[str]:
    """The arguments that start this host's ranks."""
    resources = job.resources
    return [
        sys.executable, "-m", "training_code.launcher.torchrun",
        "--nnodes", str(len(resources.hosts)),
        "--node-rank", str(resources.rank),
        "--nproc-per-node", str(job.instance.processes),
        "--master-addr", resources.leader,
        "--master-port", current.get("MASTER_PORT") or PORT,
        "--max-restarts", "0",
        "-m", TRAINER,
    ]  # fmt: skip


def hyperpodrun(job: Job, current: Mapping[str, str]) -> list[str]:
    """The arguments of the agent that starts this pod's ranks when HyperPod's operator asks for them.

    A rank that hangs because another was lost is killed at once, the agent's default: it could only wait. A pod that is
    asked to end passes SIGTERM on, and waits for its ranks to commit.
    """
    return [
        sys.executable, "-m", "training_code.launcher.hyperpodrun",
        "--nnodes", str(len(job.resources.hosts)),
        "--nproc-per-node", str(job.instance.processes),
        "--server-host", current.get(pods.AGENT_HOST) or "0.0.0.0",  # noqa: S104  # its default; the operator is elsewhere
        "--server-port", current.get(pods.AGENT_PORT) or str(pods.DEFAULT_AGENT_PORT),
        "--shutdown-timeout", str(SHUTDOWN_SECONDS),
        # The operator's rules look at the log of the first rank, in files.
        "--tee", "3", "--log-dir", "/tmp/hyperpod",  # noqa: S108  # where the agent looks
        "-m", TRAINER,
    ]  # fmt: skip


_STARTS_PYTHON = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
"""What a rank needs before it can read the environment of its host."""
_SSH = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
"""Hosts of a job are new each time: there is no key to know them by."""


def mpirun(job: Job, environment: Mapping[str, str]) -> list[str]:
    """The arguments that start the ranks of all hosts, in the hosts' order; for the first host alone.

    Args:
        job: The job.
        environment: That mpirun will see.
    """
    resources, slots = job.resources, job.instance.processes
    # A whole path makes the daemons take their libraries from beside it, where SSH gives them no LD_LIBRARY_PATH.
    program = shutil.which("mpirun", path=environment.get("PATH")) or "mpirun"
    between: list[str] = []
    if len(resources.hosts) > 1:
        for layer in ("oob", "btl"):
            between += ["--mca", f"{layer}_tcp_if_include", resources.network_interface_name]
        # Each daemon is started from here: the others hold no key of their own to go on with.
        between += ["--mca", "plm_rsh_no_tree_spawn", "1", "--mca", "plm_rsh_args", _SSH]
    passed = [argument for name in _STARTS_PYTHON if environment.get(name) for argument in ("-x", name)]
    strategy = job.run.strategy
    return [
        program, "--allow-run-as-root",
        "--host", ",".join(f"{host}:{slots}" for host in resources.hosts),
        "-np", str(len(resources.hosts) * slots),
        # Neighbouring ranks on one host; each may use all of its cores, as its threads do.
        "--map-by", "slot", "--bind-to", "none",
        "--wdir", str(Path.cwd()),
        *between, *passed, *(strategy.options if isinstance(strategy, Mpi) else ()),
        sys.executable, "-m", RANK, resources.leader, environment.get("MASTER_PORT") or PORT,
    ]  # fmt: skip
