"""What values of a cluster name, and the cluster is given: file systems and alarms.

Sources, read 2026-11-22: "SageMaker HyperPod Slurm configuration" (SageMaker HyperPod references), SageMaker AI
Developer Guide: at most one FSx for Lustre and one FSx for OpenZFS a group; "Working with EFA-enabled file systems",
FSx for Lustre User Guide.
"""

from __future__ import annotations

from collections.abc import Mapping

from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.hyperpod.settings import ClusterSettings
from constructs_lib.hyperpod.storage import FileSystem
from ml_contract.errors import reject


def alarms_of(group: InstanceGroup) -> tuple[str, ...]:
    """Names of the alarms that take an update of the group back."""
    batches = group.patching.batches if group.patching else None
    return batches.alarms if batches else ()


def check(settings: ClusterSettings, file_systems: Mapping[str, FileSystem], alarms: Mapping[str, object]) -> None:
    """Refuse names that nothing was given for, and what a group cannot have of what it names.

    Raises:
        ContractError: With the field and the way out.
    """
    for group in settings.groups:
        for field, names, known in (
            ("mounts.file_system", [mount.file_system for mount in group.mounts], file_systems),
            ("patching.rolling.alarms", alarms_of(group), alarms),
        ):  # fmt: skip
            for name in names:
                if name not in known:
                    reject(f"groups.{group.name}.{field}", name,
                           f"the cluster is given {', '.join(known) or 'none'}", "Correct it, or give it.")  # fmt: skip

        kinds = [type(file_systems[mount.file_system]) for mount in group.mounts]
        for kind in kinds:
            if kinds.count(kind) > 1:
                reject(f"groups.{group.name}.mounts", [mount.file_system for mount in group.mounts],
                       f"a group mounts one {kind.__name__} at most", "Leave one out.")  # fmt: skip
        for mount in group.mounts:
            zone = file_systems[mount.file_system].efa_zone
            if group.interface is not None and zone not in (None, settings.zone_of(group)):
                reject(f"groups.{group.name}.mounts.file_system", mount.file_system,
                       f"it is reached by EFA, which does not cross zones: it is in {zone}, and the group in "
                       f"{settings.zone_of(group)}", "Put both into one zone.")  # fmt: skip
