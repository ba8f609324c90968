"""Language models of an environment on nodes of its clusters."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from constructs import Construct
from pydantic import Field, SerializeAsAny

from constructs_lib.governance import GovernanceSettings
from constructs_lib.hyperpod.eks import addons as eks_addons
from constructs_lib.hyperpod.eks.addon import AddOn
from constructs_lib.hyperpod.eks.bundle import ManifestBundle
from constructs_lib.hyperpod.eks.control_plane import ControlPlane
from constructs_lib.hyperpod.eks.inference import NAME, ClusterEndpoint
from constructs_lib.hyperpod.eks.queues import Placement, Queued
from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.serving.models.data import Uncompressed
from constructs_lib.serving.models.engine import Engine
from constructs_lib.serving.models.lmi import LmiModel
from constructs_lib.storage import SHARED, Storage
from constructs_lib.training import Location
from constructs_lib.values import Value
from ml_contract.errors import reject
from stacks.clusters.placements import check_placement


class ClusterModel(Value):
    """A pretrained language model that the inference operator serves; an administrator applies it, and deletes it."""

    name: str = Field(pattern=NAME)
    """Name of the endpoint, among all of the account in this region."""
    prefix: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*[A-Za-z0-9]$", max_length=900)
    """Where its files lie below ``shared/`` of the data bucket, in Hugging Face's format."""
    engine: SerializeAsAny[Engine]
    """What generates."""
    placement: SerializeAsAny[Placement]
    """Namespace and queue of its pods."""
    instance_types: tuple[str, ...] = Field(min_length=1, max_length=10)
    """Types of the cluster's nodes that may run it, the preferred one first."""
    replicas: int = Field(ge=1, le=1000)
    """Pods."""
    vcpus: int = Field(ge=1)
    """Processors of each pod."""
    memory_gib: int = Field(ge=1)
    """Memory of each pod, GiB."""

    def check(self, addons: Sequence[AddOn], groups: Sequence[InstanceGroup]) -> None:
        """Hold it against its cluster.

        Args:
            addons: The cluster's.
            groups: The cluster's.

        Raises:
            ContractError: Nobody would serve it, read its weights or have room for it.
        """
        field = f"models.{self.name}"
        if not any(isinstance(addon, eks_addons.InferenceOperator) for addon in addons):
            reject(field, self.name, "endpoints on nodes are made by the inference operator",
                   "Add InferenceOperator(scales=…), or leave the model out.")  # fmt: skip
        read = [place for addon in addons if isinstance(addon, eks_addons.S3Driver) for place in addon.serves]
        folder = f"{SHARED}/{self.prefix}"
        if not any(f"{folder}/".startswith(f"{place}/") for place in read):
            reject(f"{field}.prefix", folder, f"the driver reads {', '.join(read) or 'nothing'}",
                   "Lay the weights there, or add the prefix to S3Driver(serves=…).")  # fmt: skip
        there = list(dict.fromkeys(name for group in groups for name in group.hosts.types))
        for name in self.instance_types:
            if name not in there:
                reject(f"{field}.instance_types", name, f"the cluster's nodes are {', '.join(there)}",
                       "Name one of these.")  # fmt: skip
        if isinstance(self.placement, Queued):
            reject(f"{field}.placement", "Queued", "the shared queue lets jobs in, and counts nothing else",
                   "Take Unqueued(name=…), on nodes that no job wants.")  # fmt: skip

    def publish(self, scope: Construct, *, control_plane: ControlPlane, storage: Storage) -> None:
        """Make its manifest and the command that applies it.

        Args:
            scope: Parent, in the nodes' stack.
            control_plane: Where it goes.
            storage: The environment's buckets.

        Raises:
            ContractError: The engine does not go with these nodes.
        """
        place = Location(bucket=storage.data, prefix=f"{SHARED}/{self.prefix}")
        endpoint = ClusterEndpoint(
            name=self.name, placement=self.placement, instance_types=self.instance_types, replicas=self.replicas,
            model=LmiModel(engine=self.engine, data=Uncompressed(location=place)), vcpus=self.vcpus,
            memory_gib=self.memory_gib, region=cdk.Stack.of(scope).region,
        )  # fmt: skip
        ManifestBundle(scope, f"Model-{self.name}", control_plane=control_plane, manifests=[endpoint.manifest()],
                       variables=endpoint.variables(scope))  # fmt: skip


def check_models(
    models: Sequence[ClusterModel],
    addons: Sequence[AddOn],
    groups: Sequence[InstanceGroup],
    *,
    governance: GovernanceSettings | None,
) -> None:
    """Hold models against each other and against their cluster.

    Args:
        models: The models.
        addons: The cluster's.
        groups: The cluster's.
        governance: Its quotas; None: it has none.

    Raises:
        ContractError: Two have one name, or see ``ClusterModel.check`` and ``check_placement``.
    """
    names = [model.name for model in models]
    for model in models:
        if names.count(model.name) > 1:
            reject("models", model.name, "two models have this name", "Rename one.")
        model.check(addons, groups)
        check_placement(f"models.{model.name}.placement", model.placement, governance=governance, queue=None)
