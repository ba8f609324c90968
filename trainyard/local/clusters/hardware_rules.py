"""What a group asks of its instances' processors and adapters, held against what their types have.

Sources, read 2026-11-22: ThreadsPerCore and ClusterNetworkInterface (API reference); "CPU options for EC2 instances"
(EC2 User Guide): Graviton, and AMD's processors from the seventh generation on, have one thread a core. Which types
have adapters: ml_contract.instances.
"""

from collections.abc import Mapping
from typing import Any

from ml_contract.instances import CATALOGUE
from trainyard.local.api.errors import invalid

ONE_THREAD = frozenset({"c6g", "c7g", "c8g", "c8a", "m6g", "m7g", "m8g", "m8a"})
"""Families that a cluster may have (ClusterInstanceType) whose cores have one thread."""


def check_hardware(field: str, group: Mapping[str, Any]) -> None:
    """Refuses threads that a type's cores do not have, and adapters that it has not.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    interface, threads = group.get("NetworkInterface", {}).get("InterfaceType"), group.get("ThreadsPerCore")
    for name in types_of(group):
        entry = CATALOGUE.get(name)
        if interface and (entry is None or not entry.has_efa):
            raise invalid(
                f"{field}.NetworkInterface.InterfaceType: got {interface!r}, but {name} has no Elastic Fabric Adapter. "
                "Leave it out, or take a type with one."
            )
        if threads == 2 and name.split(".")[1] in ONE_THREAD:
            raise invalid(
                f"{field}.ThreadsPerCore: got 2, but {name} does not support multithreading. Give 1, or leave it out."
            )


def types_of(group: Mapping[str, Any]) -> list[str]:
    """The instance types that a group may have."""
    return [group["InstanceType"]] if "InstanceType" in group else list(group["InstanceRequirements"]["InstanceTypes"])
