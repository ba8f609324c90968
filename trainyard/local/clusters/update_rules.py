"""What AWS checks of how a group's image is renewed: when, in which batches, what takes it back.

Sources, read 2026-11-22: ScheduledUpdateConfig, ClusterAutoPatchConfig, DeploymentConfiguration (API reference);
"Update your AMI version in your SageMaker HyperPod cluster" (SageMaker AI Developer Guide): batches with EKS alone.
"""

import re
from collections.abc import Mapping
from typing import Any

from ml_contract.errors import ContractError
from trainyard.local.api.errors import invalid
from trainyard.local.api.service import Platform
from trainyard.scaling.cron import Cron

_CRON = re.compile(r"cron\((.*)\)")


def check_renewal(field: str, group: Mapping[str, Any], settings: Mapping[str, Any], platform: Platform) -> None:
    """Refuses a schedule that cannot be read, and batches where there are none.

    Args:
        field: where the group stands in the request.
        group: the group.
        settings: Orchestrator is read from it.
        platform: what exists.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    scheduled = group.get("ScheduledUpdateConfig")
    if scheduled:
        here = f"{field}.ScheduledUpdateConfig"
        schedule(f"{here}.ScheduleExpression", scheduled["ScheduleExpression"])
        check_deployment(f"{here}.DeploymentConfig", scheduled.get("DeploymentConfig", {}), settings, platform)


def check_deployment(field: str, how: Mapping[str, Any], settings: Mapping[str, Any], platform: Platform) -> None:
    """Refuses batches on Slurm, and alarms that do not exist.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    if "RollingUpdatePolicy" in how and "Slurm" in (settings.get("Orchestrator") or {}):
        raise invalid(
            f"{field}.RollingUpdatePolicy: updating a cluster in batches is available only for clusters integrated "
            "with Amazon EKS, and this one has Slurm. Leave it out."
        )
    for index, row in enumerate(how.get("AutoRollbackConfiguration", [])):
        if not platform.exists("alarm", row["AlarmName"]):
            raise invalid(
                f"{field}.AutoRollbackConfiguration[{index}].AlarmName: got {row['AlarmName']!r}, but there is no such "
                "alarm. Name one that exists."
            )


def schedule(field: str, expression: str) -> Cron:
    """Reads a schedule.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    found = _CRON.fullmatch(expression)
    if found is None:
        raise invalid(
            f"{field}: got {expression!r}, but it is a cron expression. Write for example cron(0 3 ? * SUN *)."
        )
    try:
        return Cron(tuple(found[1].split()))
    except ContractError as error:
        raise invalid(f"{field}: got {expression!r}: {error}") from error
