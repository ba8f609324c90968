"""What a run asks of Kubernetes, beside what every cluster's job asks."""

from __future__ import annotations

from pydantic import Field

from constructs_lib.hyperpod.duties import Taint
from constructs_lib.hyperpod.eks.queues import Placement
from constructs_lib.hyperpod.eks.recovery import Recovery
from constructs_lib.hyperpod.eks.volumes import PodVolume
from constructs_lib.training.image import EcrImage
from constructs_lib.values import Value


class KubernetesTerms(Value):
    """What a run asks of a pod on each node, and when it is started again."""

    container: EcrImage
    """The image, with HyperPod's elastic agent in it: images/hyperpod/Dockerfile."""
    placement: Placement
    """Namespace and queue."""
    service_account: str = Field(pattern=r"^[a-z0-9](-*[a-z0-9]){0,62}$")
    """Service account of the pods, whose pod identity is the role that ``grant`` was given."""
    memory_gib: int = Field(ge=1)
    """Memory of each pod, GiB, with its shared memory: what the node has, less the system's and tiered checkpoints'."""
    shared_memory_gib: int = Field(ge=1)
    """Of it in /dev/shm, GiB: data loaders and NCCL inside a node."""
    tiered_percent: int = Field(default=0, ge=0, le=100)
    """Share of the nodes' memory that the cluster keeps for AWS's managed tiered checkpoints, per cent, which no job
    of this kind uses; none by default."""
    checkpoint_memory_gib: int | None = Field(default=None, ge=1)
    """Of ``memory_gib``, GiB of each node that the run's own commits in memory may take; given exactly where
    ``run.checkpointing.memory`` is."""
    recovery: Recovery
    """When ranks and pods are started again."""
    volumes: tuple[PodVolume, ...] = ()
    """Volumes, beside /dev/shm; none by default."""
    spares: int = Field(default=0, ge=0)
    """Nodes that the queue holds ready beside those of the job; none by default."""
    only_checked: bool = False
    """Whether pods go only to nodes that passed deep health checks."""
    tolerates: tuple[Taint, ...] = ()
    """Taints of nodes that the pods may go to all the same; none by default."""
    node_labels: dict[str, str] = Field(default_factory=dict)
    """Further labels of the nodes that pods go to; any by default."""
