"""One attempt of a job: its hosts from start to end, with logs, figures, faults and time limits."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.images import local_image
from trainyard.local.jobs.control import Control, Ending
from trainyard.local.jobs.hosts import Hosts, hosts
from trainyard.local.jobs.logs import Scanner, Shipper
from trainyard.local.jobs.supervise import Outcome, Supervisor

REASON_CHARACTERS = 1024
"""Longest FailureReason (API reference, read 2026-11)."""
_SESSION = "SageMaker"
_HINTS = {
    127: "the entrypoint's program was not found",
    137: "it was killed by SIGKILL",
    139: "it was killed by SIGSEGV",
}


class JobFailure(Exception):
    """The job ends as Failed; the message is its FailureReason."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """A session of a job's role: all that the job does in the cloud, it does with it."""

    arn: str
    """The role."""
    s3: Any
    """S3 client."""
    logs: Any
    """CloudWatch Logs client."""
    metrics: Any
    """CloudWatch client."""
    variables: Mapping[str, str]
    """Credentials, endpoint and region for the hosts' programs."""

    @classmethod
    def assume(cls, context: Context, arn: str) -> "Role":
        """Opens the session.

        Raises:
            JobFailure: SageMaker may not assume the role.
        """
        platform = context.platform
        try:
            return cls(
                arn=arn,
                s3=platform.role_client("s3", arn, _SESSION),
                logs=platform.role_client("logs", arn, _SESSION),
                metrics=platform.role_client("cloudwatch", arn, _SESSION),
                variables=platform.role_environment(arn, _SESSION),
            )
        except ServiceError as error:
            raise JobFailure(f"ClientError: {error.message}"[:REASON_CHARACTERS]) from error


@dataclass(frozen=True, kw_only=True)
class Program:
    """What runs on the hosts of a job."""

    job: str
    """Name of the job."""
    image: str
    """URI of the image."""
    command: Sequence[str]
    """Entrypoint and arguments."""
    environment: Mapping[str, str]
    """The request's own environment variables."""
    variables: Callable[[int], Mapping[str, str]]
    """Variables that the platform gives to a host (number from 0)."""
    log_group: str
    """Where its lines go; each host has a stream."""


def make_hosts(context: Context, folder: Path, count: int, *, isolated: bool = False) -> Hosts:
    """The hosts of a job below `folder`; with `isolated` they reach nothing but each other.

    Raises:
        JobFailure: this machine cannot provide them.
    """
    try:
        return hosts(context.isolation, folder, count, None if isolated else context.platform.endpoint_url)
    except (OSError, ValueError) as error:
        raise JobFailure(f"InternalServerError: the embedded cloud cannot provide hosts: {error}") from error


def run_hosts(
    context: Context,
    group: Hosts,
    program: Program,
    role: Role,
    *,
    control: Control,
    scanner: Scanner,
    limits: Mapping[Ending, float],
    problem: Callable[[str], None],
) -> Outcome:
    """Starts the entrypoint on every host and waits until all have ended.

    Args:
        context: the service's context.
        group: the hosts, with their folders filled.
        program: what runs on them.
        role: the job's role.
        control: orders to the job.
        scanner: finds the figures in lines.
        limits: what ends the job by time → when, in seconds since 1970.
        problem: told once what keeps lines or figures from arriving.
    """
    image = local_image(program.image, context.environments, "the job's image")
    # Network isolation withholds credentials too.
    credentials = role.variables if group.endpoint_url else {}
    environments = [
        {**image.variables, **program.environment, **credentials, **group.variables(host), **program.variables(host)}
        for host in range(len(group.names))
    ]
    streams = [f"{program.job}/algo-{1 + host}-{int(time.time())}" for host in range(len(group.names))]
    shipper = Shipper(role.logs, role.metrics, program.log_group, streams, program.job, problem)

    last: dict[int, str] = {}

    def line(host: int, text: str) -> None:
        now = time.time()
        last[host] = text.strip() or last.get(host, "")
        shipper.line(host, text, now)
        for name, value in scanner.scan(text, now):
            shipper.metric(name, value, now)

    with contextlib.closing(shipper):
        supervisor = Supervisor(program.job, group, control, context.faults, context.grace_seconds)
        size = context.faults.disk_limit(program.job)
        group.start(program.command, environments, supervisor.listener(line), size)
        outcome = supervisor.run(limits)
        group.drain()
    host = outcome.order.host
    return outcome if host is None else replace(outcome, last_line=last.get(host, ""))


def algorithm_error(text: str, outcome: Outcome) -> str:
    """FailureReason of an entrypoint that failed, as AWS writes it, within AWS's 1,024 characters.

    Args:
        text: what the program left as its message; AWS gives the exit code alone where there is none.
        outcome: how the attempt ended.
    """
    hint = _HINTS.get(outcome.exit_code or 0, "")
    last = f"its log ends with {outcome.last_line!r}" if outcome.last_line else "see the log"
    said = text or (f"{hint}; see the log" if hint else f"it left no message; {last}")
    end = f", exit code: {outcome.exit_code}"
    return f"AlgorithmError: {said}"[: REASON_CHARACTERS - len(end)] + end
