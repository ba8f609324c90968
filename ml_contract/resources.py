"""resourceconfig.json: who the hosts of a job are and which one this is."""

from __future__ import annotations

import json

from ml_contract.errors import reject
from ml_contract.paths import ContainerPaths
from ml_contract.values import value_object


@value_object
class ResourceConfig:
    """The hosts of a training job, as one of them sees them."""

    current_host: str
    """Name of this host, one of ``hosts``."""
    hosts: tuple[str, ...]
    """Names of all hosts, sorted: every host sees the same order."""
    instance_type: str
    """Type of this host, for example ``ml.p4d.24xlarge``."""
    network_interface_name: str
    """Interface that the hosts reach each other by."""

    def __post_init__(self) -> None:
        if self.current_host not in self.hosts:
            reject(
                "current_host",
                self.current_host,
                f"it must be one of hosts {list(self.hosts)}",
                "Check /opt/ml/input/config/resourceconfig.json.",
            )

    @classmethod
    def read(cls, paths: ContainerPaths) -> ResourceConfig:
        """Read the file that the platform wrote.

        Raises:
            ContractError: The file is missing, is no JSON or lacks a field.
        """
        try:
            raw = json.loads(paths.resource_config.read_text())
            current = raw["current_host"]
            groups = raw.get("instance_groups") or []
            by_host = {host: group["instance_type"] for group in groups for host in group["hosts"]}
            return cls(
                current_host=current,
                hosts=tuple(sorted(raw["hosts"])),
                instance_type=raw.get("current_instance_type") or by_host[current],
                network_interface_name=raw["network_interface_name"],
            )
        except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
            reject(
                str(paths.resource_config),
                f"{type(error).__name__}: {error}",
                "SageMaker writes it for every training job",
                "Start the container under the training contract, or set SAGEMAKER_BASE_DIR.",
            )

    @property
    def rank(self) -> int:
        """Position of this host in the sorted list, from 0."""
        return self.hosts.index(self.current_host)

    @property
    def is_leader(self) -> bool:
        return self.rank == 0

    @property
    def leader(self) -> str:
        return self.hosts[0]
