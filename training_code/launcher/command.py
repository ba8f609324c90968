"""torchrun's command line. Options of training are no part of it: they stay in the one hyperparameters.json."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from training_code.launcher.job import Job

TRAINER = "training_code.train"
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
