"""What an incident needs before it is played, each with what to do where it is missing."""

from __future__ import annotations

import shutil

from trainyard.incidents.alarms import AlarmWatch
from trainyard.incidents.incident import Incident
from trainyard.incidents.runbook import Runbook
from trainyard.incidents.scene import IncidentFailed, Scene
from trainyard.incidents.shell import search_path
from trainyard.operations.connection import Connection, OperationError


def refuse_aws(connection: Connection) -> None:
    """Incidents break things: that is done to an embedded cloud alone.

    Raises:
        OperationError: The connection leads to AWS.
    """
    if connection.cloud is None:
        raise OperationError(
            "an incident is played on the embedded cloud only, never on AWS. Use `trainyard --local incident …`"
        )


def require_deployed(incident: Incident, scene: Scene) -> None:
    """What it is played on.

    Raises:
        OperationError: One of its stacks is not there.
    """
    pages = (
        scene.client("cloudformation")
        .get_paginator("list_stacks")
        .paginate(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
    )
    there = {found["StackName"] for page in pages for found in page["StackSummaries"]}
    for name in ("operation", *incident.stacks):
        if scene.stack(name) not in there:
            stacks = "" if incident.environment == "local" else f" '{incident.environment.capitalize()}/**'"
            raise OperationError(
                f"{scene.stack(name)}: the incident {incident.name} is played on it, but it is not deployed."
                f" Deploy it with `trainyard local deploy{stacks}`"
            )


def require_silent(watch: AlarmWatch) -> None:
    """An alarm of before would be taken for the incident's.

    Raises:
        OperationError: One is in ALARM.
    """
    for name, state in watch.states().items():
        if state == "ALARM":
            raise OperationError(
                f"{name}: it is in ALARM before anything was provoked. Look at it first: what is wrong there is real"
            )


def require_given(runbook: Runbook, given: set[str]) -> None:
    """What a runbook's commands want.

    Raises:
        IncidentFailed: They want a variable that is not among the given ones.
    """
    missing = sorted(runbook.variables - given)
    if missing:
        raise IncidentFailed(f"{runbook.name}: its commands want ${missing[0]}, which the incident does not give")


def require_programs(runbook: Runbook) -> None:
    """The AWS CLI is no part of this project.

    Raises:
        OperationError: The runbook wants it and it is not there.
    """
    wants = any("aws " in command for command in runbook.commands)
    if wants and shutil.which("aws", path=search_path()) is None:
        raise OperationError(
            f"{runbook.name}: its runbook uses the AWS CLI, and there is no `aws` on the PATH. Run `make setup`,"
            " or install it: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
        )
