"""What a pod of a training job is told, and how its program begins.

The training operator gives a pod its number of hosts and no rank: ranks come later, to the agent that starts them.

Sources, read 2026-11-22: "Using the training operator to run jobs" (NNODES, NPROC_PER_NODE, AGENT_HOST, AGENT_PORT)
and "Installing the training operator" (arguments of the agent), SageMaker AI Developer Guide; hyperpod-elastic-agent
1.1.3, its command line and requirements.
"""

from __future__ import annotations

AGENT = "TRAINYARD_AGENT"
"""Set where an elastic agent starts the ranks instead of torchrun; its value names the agent."""
HYPERPOD = "hyperpod"
AGENT_MODULE = "hyperpod_elastic_agent"
AGENT_VERSION = "1.1.3"
AGENT_TORCH = ((2, 4), (2, 12))
"""The versions of torch that the agent runs with: from the first on, below the second."""

HYPERPARAMETERS = "TRAINYARD_HYPERPARAMETERS"
"""JSON object of strings: what SageMaker would write to hyperparameters.json, less what is known at deployment."""
CHANNELS = "TRAINYARD_CHANNELS"
"""JSON object: folders of the pod, by the names of channels."""
INSTANCE_TYPE = "TRAINYARD_INSTANCE_TYPE"
"""Type of the host, with its prefix."""
POD = "TRAINYARD_POD"
"""Name of the pod."""
NODES = "NNODES"
"""Set by the operator: pods of the job."""
AGENT_HOST, AGENT_PORT = "AGENT_HOST", "AGENT_PORT"
"""Set by the operator: where the agent listens for it."""
DEFAULT_AGENT_PORT = 8080
MEMORY = "/opt/trainyard/memory"
"""Where the pod sees the folder of its node's memory that holds checkpoints."""
TERMINATION_LOG = "/dev/termination-log"
"""What a container writes here, its state shows as the message: "Determine the Reason for Pod Failure", Kubernetes."""
TERMINATION_LIMIT = 4096
"""Bytes of it."""

MODULE = "training_code.launcher.kubernetes"
# The image holds no code of this project: the packages come first, by what checkpoints need anyway. Between here and
# the launcher's own handlers SIGTERM must end PID 1, which by itself ignores it.
_BEGIN = """\
import os, signal, sys, tarfile, tempfile
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
place, folder = os.environ[{code!r}], "/opt/ml/code"
if place.startswith("s3://"):
    import boto3
    bucket, _, key = place[5:].partition("/")
    with tempfile.TemporaryFile() as archive:
        boto3.client("s3").download_fileobj(bucket, key, archive)
        archive.seek(0)
        with tarfile.open(fileobj=archive, mode="r:gz") as packed:
            packed.extractall(folder, filter="data")
else:
    folder = place
os.chdir(folder)
os.execv(sys.executable, [sys.executable, "-m", {module!r}])
"""


def command(code_variable: str) -> list[str]:
    """The command of a pod's container: it fetches the packages and becomes the launcher's adapter.

    Args:
        code_variable: Environment variable that holds ``s3://bucket/key`` of an archive, or a folder of the pod.
    """
    return ["python", "-c", _BEGIN.format(code=code_variable, module=MODULE)]
