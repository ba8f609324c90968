"""Approve, deploy, ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainyard.demo.stage import check
from trainyard.local.deploy import CdkCli
from trainyard.operations import packages
from trainyard.operations.connection import Connection
from trainyard.operations.inference import continue_text, next_bytes

PROMPT = b"def __init__(self"
_CONTINUATION = 64


@dataclass(frozen=True, kw_only=True)
class Served:
    """What the endpoint answered."""

    endpoint: str
    candidates: str
    """The likeliest next bytes with their probabilities."""
    text: str
    """The prompt and its continuation."""
    seconds: tuple[float, ...]
    """Latency of each request, as the client saw it."""


def deploy(connection: Connection, cli: CdkCli, package: str, stack: str, progress: Callable[[str], None]) -> str:
    """Approve ``package``, deploy the serving stack with it and return the endpoint's name once it serves.

    Raises:
        CheckFailed: The endpoint is not in service.
    """
    packages.approve(connection, package, "beats the baselines on held-out text")
    cli.deploy(["Local/**"], {f"{stack}:ModelPackageArn": package}, progress)
    name = outputs(connection, stack)["EndpointName"]
    client = connection.client("sagemaker")
    client.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600})
    found = client.describe_endpoint(EndpointName=name)
    check(found["EndpointStatus"] == "InService", f"{name} is {found['EndpointStatus']}: {found.get('FailureReason')}")
    return name


def ask(connection: Connection, endpoint: str) -> Served:
    """Let the model continue a prompt, one request a byte.

    Raises:
        CheckFailed: The probabilities are none.
    """
    first, _ = next_bytes(connection, endpoint, PROMPT)
    check(0 < sum(each.probability for each in first) <= 1 + 1e-6, "the endpoint answered no probabilities")
    written = continue_text(connection, endpoint, PROMPT, _CONTINUATION)
    return Served(
        endpoint=endpoint,
        candidates=", ".join(f"{chr(each.byte)!r} {each.probability:.0%}" for each in first),
        text=written.text.decode(errors="replace"),
        seconds=written.seconds,
    )


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What a multi-model endpoint answered for several of its models."""

    models: tuple[str, ...]
    first: tuple[float, ...]
    """Latency of each model's first request, which loads it, as the client saw it."""
    second: tuple[float, ...]
    """Latency of each model's second request."""


def ask_catalogue(connection: Connection, endpoint: str, registered: Sequence[str]) -> Catalogue:
    """Ask registered packages by name through one endpoint, each twice.

    Args:
        connection: The cloud.
        endpoint: Name of the multi-model endpoint, whose prefix is that of all packages.
        registered: ARNs of packages of equal models.

    Raises:
        CheckFailed: They answer differently.
    """
    models = tuple(packages.data_url(connection, arn).partition("/packages/")[2] for arn in registered)
    found = [[next_bytes(connection, endpoint, PROMPT, more={"TargetModel": model}) for model in models] for _ in "12"]
    candidates = [answer[0] for row in found for answer in row]
    check(all(other == candidates[0] for other in candidates), "models of equal weights answered differently")
    first, second = (tuple(answer.seconds for _, answer in row) for row in found)
    return Catalogue(models=models, first=first, second=second)


def outputs(connection: Connection, stack: str) -> dict[str, str]:
    """The outputs of a stack."""
    (found,) = connection.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
