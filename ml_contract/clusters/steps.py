"""Steps of a node's lifecycle: their names, their order, how long each may take, and how a run may end.

A step is a file ``cluster_code/lifecycle/steps/<name>.sh``. The order is one for all nodes; a node runs those of its
type that its cluster's configuration wants.
"""

from __future__ import annotations

from enum import IntEnum

from ml_contract.clusters.nodes import NODE_TYPES, NodeType
from ml_contract.values import value_object


class LifecycleExit(IntEnum):
    """What on_create.sh ends with. Its last line says the same in words, ``lifecycle: …``."""

    SUCCESS = 0
    """All steps are done; only then."""
    CONFIGURATION = 64
    """lifecycle.json or resource_config.json is missing or wrong, or does not name this node, or the image lacks
    what every run needs: nothing was changed."""
    STEP_FAILED = 65
    """A step failed as often as it may."""
    STEP_TOO_LONG = 66
    """A step ran into its time limit as often as it may."""
    STEP_CUT_OFF = 67
    """A step ended in the middle, with or without an error of its own."""
    ANOTHER_RUN = 68
    """Another run held the node for longer than a step may take."""
    STATE_NOT_KEPT = 69
    """What was done cannot be written down (a disk that is full or read-only), so it does not count."""
    INTERRUPTED = 143
    """Stopped by SIGTERM, SIGINT or SIGHUP: run again, it goes on with the step it was in."""


@value_object
class Step:
    """One step."""

    name: str
    """Of its file, and in a failure."""
    nodes: tuple[NodeType, ...] = NODE_TYPES
    """Where it makes sense."""
    limit: int
    """Seconds that one try may take."""
    tries: int = 1
    """How often it is tried; more than once where it waits for something outside of the node."""
    wait: int = 5
    """Seconds before the second try; doubled before each further one."""
    commands: tuple[str, ...] = ()
    """Programs it calls that are no part of every Linux: the image of the machine must bring them."""

    @property
    def longest(self) -> int:
        """Seconds until it is done or has failed; a try that does not end when told to is killed 10 s later."""
        return self.tries * (self.limit + 10) + self.wait * ((1 << (self.tries - 1)) - 1)


_SLURMD: tuple[NodeType, ...] = ("compute",)
_DAEMONS: tuple[NodeType, ...] = ("controller", "compute")

STEPS: tuple[Step, ...] = (
    Step(name="check-image", limit=30),
    # Before anything that may fail: a node that is half made must not take jobs, whoever starts slurmd.
    Step(name="hold-slurm", nodes=_SLURMD, limit=30, commands=("systemctl",)),
    Step(name="check-accelerators", nodes=_SLURMD, limit=60, tries=2, commands=("nvidia-smi",)),
    Step(name="check-time", limit=120, commands=("chronyc",)),
    Step(name="write-hosts", limit=30),
    Step(name="set-limits", limit=30, commands=("systemctl",)),
    Step(name="harden", limit=60, commands=("systemctl", "sshd")),
    Step(name="check-scratch", nodes=_SLURMD, limit=180, commands=("systemctl", "mountpoint")),
    # Homes and jobs are on it.
    Step(name="mount-shared", limit=180, tries=3, wait=10, commands=("systemctl", "mountpoint", "findmnt")),
    Step(name="add-users", limit=120, tries=2, commands=("useradd", "usermod", "groupadd", "pwconv")),
    Step(name="join-directory", limit=120, tries=2, commands=("systemctl", "aws", "sssd", "visudo")),
    Step(name="restrict-logins", nodes=_SLURMD, limit=30, commands=("systemctl",)),
    Step(name="configure-containers", limit=60, commands=("enroot",)),
    Step(name="hook-slurm", nodes=_DAEMONS, limit=150, commands=("systemctl",)),
    Step(name="start-exporters", limit=240, tries=2, wait=10, commands=("systemctl",)),
    # After the exporter that serves their files.
    Step(name="report-figures", nodes=_DAEMONS, limit=60, commands=("systemctl",)),
    Step(name="start-metrics-agent", limit=240, tries=2, wait=10, commands=("systemctl", "aws")),
    Step(name="check-access", limit=60, tries=3, commands=("systemctl",)),
    Step(name="release-slurm", nodes=_DAEMONS, limit=60, commands=("systemctl",)),
    Step(name="start-slurm", limit=150, tries=2, wait=10, commands=("systemctl",)),
    Step(name="add-associations", nodes=("controller",), limit=120, tries=3, wait=10),
)
"""All of them, in their order."""
BY_NAME: dict[str, Step] = {step.name: step for step in STEPS}
