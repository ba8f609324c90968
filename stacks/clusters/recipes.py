"""Clusters that are ready to be taken into an environment."""

from __future__ import annotations

from constructs_lib.hyperpod import (
    AccountingDatabase,
    ByApi,
    ClusterSettings,
    Compute,
    Controller,
    InstanceGroup,
    KubernetesNode,
    Login,
    Mount,
    NodeScripts,
    OnDemand,
    OneType,
    Slurm,
)
from constructs_lib.hyperpod.eks.access import Administrator
from constructs_lib.hyperpod.eks.addons import (
    AddOn,
    CertManager,
    CoreDns,
    FsxDriver,
    InferenceOperator,
    KubeProxy,
    MetricsServer,
    PodIdentityAgent,
    S3Driver,
    TrainingOperator,
    VpcCni,
)
from constructs_lib.hyperpod.eks.control_plane import ControlPlaneSettings, PrivateEndpoint
from constructs_lib.lustre import Mirror, Repository
from constructs_lib.network import PODS
from constructs_lib.retention import LogDays
from constructs_lib.storage import DATASETS
from constructs_lib.storage import SHARED as SHARED_DATA
from constructs_lib.training import EcrImage
from ml_contract.clusters.mounts import Scratch
from ml_contract.clusters.pods import AGENT_MODULE

P5 = "ml.p5.48xlarge"
PARTITION = "train"
SHARED = "/fsx"


def mirrored_datasets(log_days: LogDays) -> Mirror:
    """The environment's data sets at ``/fsx/datasets``, as they come, change and go in S3; nothing is written back.

    Args:
        log_days: Days that imports which failed are kept in the log.
    """
    datasets = Repository(directory="/datasets", bucket="data", prefix=f"{DATASETS}/", exports=(),
                          imports=("NEW", "CHANGED", "DELETED"))  # fmt: skip
    return Mirror(repositories=(datasets,), log_days=log_days)


def _settings(name: str, zone: str, *groups: InstanceGroup) -> ClusterSettings:
    """Serves with the nodes that are there, fetches the rest, and replaces those that fail."""
    return ClusterSettings(name=name, zone=zone, groups=groups, provisioning="Continuous", recovery="Automatic")


def slurm_on_p5(*, name: str, zone: str, workers: int, file_system: str) -> ClusterSettings:
    """H100 nodes behind one controller and two login nodes, checked for hours before they get work, replaced when they
    fail, and served while some are still on their way.

    Args:
        name: Name of the cluster within the environment.
        zone: Zone of its capacity.
        workers: Nodes of eight H100.
        file_system: What all nodes mount at ``/fsx``.
    """
    mounts = (Mount(file_system=file_system, path=SHARED),)
    return _settings(
        name,
        zone,
        InstanceGroup(name="controller", duty=Controller(), hosts=OneType(instance_type="ml.m5.4xlarge"), count=1,
                      capacity=OnDemand(), mounts=mounts),
        InstanceGroup(name="login", duty=Login(), hosts=OneType(instance_type="ml.m5.2xlarge"), count=2,
                      capacity=OnDemand(), mounts=mounts),
        InstanceGroup(name="workers", duty=Compute(partition=PARTITION), hosts=OneType(instance_type=P5),
                      count=workers, capacity=OnDemand(), mounts=mounts, interface="efa",
                      deep_checks=("InstanceStress", "InstanceConnectivity")),
    )  # fmt: skip


def slurm_on_g5(*, name: str, zone: str, workers: int, file_system: str) -> ClusterSettings:
    """A small one to try things on: one A10G a node, no adapters, no hours of checks.

    Args:
        name: Name of the cluster within the environment.
        zone: Zone of its capacity.
        workers: Nodes of one A10G.
        file_system: What all nodes mount at ``/fsx``.
    """
    mounts = (Mount(file_system=file_system, path=SHARED),)
    return _settings(
        name,
        zone,
        InstanceGroup(name="controller", duty=Controller(), hosts=OneType(instance_type="ml.m5.xlarge"), count=1,
                      capacity=OnDemand(), mounts=mounts),
        InstanceGroup(name="workers", duty=Compute(partition=PARTITION),
                      hosts=OneType(instance_type="ml.g5.xlarge"), count=workers,
                      capacity=OnDemand(), mounts=mounts),
    )  # fmt: skip


SLURM_WITH_ACCOUNTING = Slurm(
    configuration=ByApi(strategy=None),
    # HyperPod's image starts Slurm; the scripts come after.
    scripts=NodeScripts(event="OnInitComplete", logins="with-job",
                        scratch=Scratch(path="/opt/dlami/nvme", minimum_gib=20_000)),
    accounting=AccountingDatabase(instance_class="m6g.large", storage_gib=50, backup_days=14, standby=True),
)  # fmt: skip
"""Jobs and their use are kept in a database with a standby; people reach a worker only while they have a job there."""

SLURM_ALONE = Slurm(
    configuration=ByApi(strategy=None), scripts=NodeScripts(event="OnInitComplete", logins="anyone"), accounting=None
)
"""Accounting stays on the controller, and goes with it."""


def eks_on_p5(*, name: str, zone: str, workers: int) -> ClusterSettings:
    """H100 nodes for jobs and two small ones for what runs beside them, which are there before the first add-on.

    Args:
        name: Name of the cluster within the environment.
        zone: Zone of its capacity.
        workers: Nodes of eight H100.
    """
    return _settings(
        name,
        zone,
        InstanceGroup(name="system", duty=KubernetesNode(), hosts=OneType(instance_type="ml.m5.4xlarge"), count=2,
                      minimum=2, capacity=OnDemand()),
        InstanceGroup(name="workers", duty=KubernetesNode(), hosts=OneType(instance_type=P5), count=workers,
                      capacity=OnDemand(), volume_gib=500, interface="efa-only",
                      deep_checks=("InstanceStress", "InstanceConnectivity")),
    )  # fmt: skip


def eks_on_g5(*, name: str, zone: str, workers: int) -> ClusterSettings:
    """A small one to try things on.

    Args:
        name: Name of the cluster within the environment.
        zone: Zone of its capacity.
        workers: Nodes of one A10G.
    """
    return _settings(
        name,
        zone,
        InstanceGroup(name="system", duty=KubernetesNode(), hosts=OneType(instance_type="ml.m5.xlarge"), count=1,
                      minimum=1, capacity=OnDemand()),
        InstanceGroup(name="workers", duty=KubernetesNode(), hosts=OneType(instance_type="ml.g5.xlarge"),
                      count=workers, capacity=OnDemand(), volume_gib=100),
    )  # fmt: skip


def control_plane(*, name: str, administrator: str, log_days: LogDays) -> ControlPlaneSettings:
    """Reached from inside the network alone, upgraded by EKS when its version's support ends.

    Args:
        name: The cluster's.
        administrator: ARN of the role of those who install charts.
        log_days: Days that its logs are kept.
    """
    return ControlPlaneSettings(
        name=name, version="1.35", support="STANDARD", endpoint=PrivateEndpoint(),
        access=(Administrator(principal=administrator),), log_days=log_days,
    )  # fmt: skip


ADDONS: tuple[AddOn, ...] = (
    VpcCni(pods_per_node=PODS),
    KubeProxy(),
    PodIdentityAgent(),
    CoreDns(),
    CertManager(),
    MetricsServer(),
    FsxDriver(),
    S3Driver(),
    TrainingOperator(),
)
"""What HyperPodPyTorchJobs need, and drivers for their data."""


def serving(*prefixes: str) -> tuple[AddOn, ...]:
    """These with the inference operator, which scales what it serves.

    Args:
        prefixes: Below ``shared/`` of the data bucket, below which the weights of served models lie.
    """
    read = tuple(f"{SHARED_DATA}/{prefix}" for prefix in prefixes)
    drivers = (S3Driver(serves=read) if isinstance(addon, S3Driver) else addon for addon in ADDONS)
    return (*drivers, InferenceOperator(scales=True))


AGENT_IMAGE = EcrImage(repository="trainyard-hyperpod", tag="1", modules=frozenset({AGENT_MODULE}))
"""images/hyperpod/Dockerfile."""
