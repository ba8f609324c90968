"""slurm.conf of a cluster, as the agents of HyperPod's API-driven configuration write it to each node.

Source of the names: slurm.conf(5), Slurm 22.05, and RELEASE_NOTES of 23.02 and 23.11, read 2026-11-22. What
differs from a cluster in AWS is in `Timing`, and
that processes are tracked without control groups, which namespaces of one machine would share.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ml_contract.clusters.nodes import NodeType
from trainyard.local.clusters import slurm_accounting

DEFAULT_PARTITION = "dev"
"""HyperPod's: it holds every compute node."""

CONTROL_GROUPS = "CgroupPlugin=cgroup/v1\n"
"""cgroup.conf: named, as slurmd ends where it finds none to detect; no plugin that uses them is chosen."""

LEAST_REQUEUE_WAIT = 5
_PLACEHOLDER = "none-yet"


@dataclass(frozen=True, kw_only=True)
class SlurmNode:
    """A node as Slurm knows it."""

    name: str
    """Host name, and NodeName of a compute node."""
    address: str
    """IPv4 address."""
    type: NodeType
    """Its duty."""
    partitions: tuple[str, ...] = ()
    """Partitions of a compute node besides the one that holds all."""
    cpus: int = 1
    """Processors that it offers, whatever this machine has."""
    memory_mib: int = 1024
    """Memory that it offers in MiB, whatever this machine has."""
    threads_per_core: int | None = None
    """Threads of each core, where the group says so: then Slurm gives out cores of so many."""
    gpus: int = 0
    """Accelerators that it offers."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How soon Slurm notices and acts, in seconds. Slurm's own values are for networks that stumble."""

    node_lost: int = 10
    """SlurmdTimeout: silence after which a node is down and its jobs are queued again; Slurm's own is 300."""
    requeue_wait: int = 5
    """cred_expire: a job that was queued again waits that long and one second; Slurm's own is 120."""
    kill_wait: int = 10
    """KillWait: between SIGTERM and SIGKILL of a job that is cancelled or queued again; Slurm's own is 30."""

    def __post_init__(self) -> None:
        # Slurm takes its own 120 instead, and says so in the log of each daemon alone.
        if self.requeue_wait < LEAST_REQUEUE_WAIT:
            raise ValueError(
                f"requeue_wait: got {self.requeue_wait}, but Slurm takes at least {LEAST_REQUEUE_WAIT} s. Raise it."
            )


def configuration(cluster: str, nodes: Sequence[SlurmNode], timing: Timing, plugins: str, *, accounting: bool) -> str:
    """Writes slurm.conf.

    Args:
        cluster: name of the cluster.
        nodes: all nodes, with one controller.
        timing: how soon Slurm acts.
        plugins: folder of Slurm's plugins in a node.
        accounting: whether slurmdbd runs on the controller.

    Raises:
        ValueError: there is no controller, or more than one.
    """
    controllers = [node for node in nodes if node.type == "controller"]
    if len(controllers) != 1:
        raise ValueError(f"nodes: got {len(controllers)} controllers, but a cluster has one. Name one.")
    compute = [node for node in nodes if node.type == "compute"]
    partitions: dict[str, list[str]] = {DEFAULT_PARTITION: [node.name for node in compute]}
    for node in compute:
        for partition in node.partitions:
            partitions.setdefault(partition, []).append(node.name)
    if not compute:
        # Slurm ends without any: this one never comes, and is not shown.
        partitions[DEFAULT_PARTITION].append(_PLACEHOLDER)
    gpus = any(node.gpus for node in compute)
    lines = [
        f"ClusterName={cluster}",
        f"SlurmctldHost={controllers[0].name}({controllers[0].address})",
        "SlurmUser=root", "AuthType=auth/munge", f"AuthInfo=cred_expire={timing.requeue_wait}", "CredType=cred/munge",
        f"PluginDir={plugins}",
        "StateSaveLocation=/var/spool/slurmctld", "SlurmdSpoolDir=/var/spool/slurmd",
        "SlurmctldPidFile=/run/slurmctld.pid", "SlurmdPidFile=/run/slurmd.pid",
        "SlurmctldLogFile=/var/log/slurm/slurmctld.log", "SlurmdLogFile=/var/log/slurm/slurmd.log",
        "ProctrackType=proctrack/linuxproc",
        # slurmd asks the controller for all of this, so that it lies in one place.
        "SlurmctldParameters=enable_configless",
        "SelectType=select/cons_tres", "SelectTypeParameters=CR_CPU", "SlurmdParameters=config_overrides",
        # A node that comes back is used again, as one that HyperPod has replaced.
        "ReturnToService=2", "JobRequeue=1",
        f"SlurmdTimeout={timing.node_lost}", f"KillWait={timing.kill_wait}", "InactiveLimit=0", "MinJobAge=600",
        # A worker tells a batch host that is lost of its end again and again, and waits that long for an answer.
        "MessageTimeout=5", "TCPTimeout=1", "SchedulerType=sched/backfill", "SchedulerParameters=sched_interval=2",
        # As Slurm has it by itself by now (Multifactor Priority Plugin, schedmd.com); 22.05 would take first come.
        "PriorityType=priority/multifactor",
        *(slurm_accounting.client_lines(controllers[0].name) if accounting else []),
        *(["GresTypes=gpu"] if gpus else []),
        *(
            f"NodeName={node.name} NodeAddr={node.address} CPUs={node.cpus}{_cores(node)} RealMemory={node.memory_mib}"
            + (f" Gres=gpu:{node.gpus}" if node.gpus else "") + " State=UNKNOWN"
            for node in compute
        ),
        *([] if compute else [f"NodeName={_PLACEHOLDER} State=FUTURE"]),
        *(
            f"PartitionName={name} Nodes={','.join(members)} State=UP MaxTime=INFINITE"
            + (" Default=YES" if name == DEFAULT_PARTITION else "")
            for name, members in partitions.items()
        ),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _cores(node: SlurmNode) -> str:
    threads = node.threads_per_core
    return f" CoresPerSocket={node.cpus // threads} ThreadsPerCore={threads}" if threads else ""


def devices(nodes: Sequence[SlurmNode]) -> str:
    """gres.conf: accelerators without device files."""
    return "".join(f"NodeName={node.name} Name=gpu Count={node.gpus}\n" for node in nodes if node.gpus)
