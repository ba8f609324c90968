"""provisioning_parameters.json: the older way to say which group is what, where the API is not told.

Source: "Configuration form for provisioning Slurm nodes on HyperPod" (SageMaker HyperPod references), SageMaker AI
Developer Guide, read 2026-11-22: worker groups are names of instance groups without the controller's and the login
group's. A peer's sample lists login nodes among the workers, so that Slurm sends them jobs.
"""

from __future__ import annotations

import json
from typing import Literal

from ml_contract.checks import matches
from ml_contract.clusters.nodes import GROUP_NAME, NodeType
from ml_contract.clusters.places import PROVISIONING_PARAMETERS
from ml_contract.errors import reject
from ml_contract.hyperparameters import decode_json, to_json
from ml_contract.values import value_object


@value_object
class WorkerGroup:
    """A group that runs jobs."""

    instance_group_name: str
    """Name of the instance group."""
    partition_name: str
    """The partition its nodes are in."""

    def __post_init__(self) -> None:
        matches("instance_group_name", self.instance_group_name, GROUP_NAME)
        matches("partition_name", self.partition_name, r"[A-Za-z0-9_-]{1,63}")


@value_object
class ProvisioningParameters:
    """The document; names are AWS's."""

    controller_group: str
    """The group of slurmctld."""
    worker_groups: tuple[WorkerGroup, ...]
    """Groups that run jobs."""
    login_group: str | None = None
    """The group that people submit from; none by default."""
    fsx_dns_name: str | None = None
    """DNS name of an FSx for Lustre file system; none by default."""
    fsx_mountname: str | None = None
    """Its mount name, given with its DNS name."""
    version: Literal["1.0.0"] = "1.0.0"
    """The only one there is."""
    workload_manager: Literal["slurm"] = "slurm"
    """The only one there is."""

    def __post_init__(self) -> None:
        if not self.worker_groups:
            reject("worker_groups", (), "a cluster runs jobs somewhere", "Name at least one group of workers.")
        workers = [group.instance_group_name for group in self.worker_groups]
        if len(set(workers)) < len(workers):
            reject("worker_groups", workers, "a group is listed once", "Remove the repetition.")
        for field, other in (("controller_group", self.controller_group), ("login_group", self.login_group)):
            if other in workers:
                reject("worker_groups", other, f"it is the {field}, to which Slurm would send jobs",
                       "Take it out of worker_groups.")  # fmt: skip
        if self.controller_group == self.login_group:
            reject("login_group", self.login_group, "it is the controller_group", "Give the login nodes their own.")
        if (self.fsx_dns_name is None) is not (self.fsx_mountname is None):
            reject("fsx_mountname", self.fsx_mountname, "fsx_dns_name and fsx_mountname go together", "Give both.")

    def node_type(self, group: str) -> NodeType:
        """What the nodes of ``group`` are.

        Raises:
            ContractError: The document does not name the group.
        """
        if group == self.controller_group:
            return "controller"
        if group == self.login_group:
            return "login"
        if any(worker.instance_group_name == group for worker in self.worker_groups):
            return "compute"
        reject("group", group, f"{PROVISIONING_PARAMETERS} does not name it", "Add it to worker_groups.")

    def to_text(self) -> str:
        """The document; fields without a value are left out."""
        return json.dumps({name: value for name, value in to_json(self).items() if value is not None}, indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> ProvisioningParameters:
        """Read the document.

        Raises:
            ContractError: A field is missing, unknown or wrong.
        """
        return decode_json(cls, text, source=PROVISIONING_PARAMETERS)
