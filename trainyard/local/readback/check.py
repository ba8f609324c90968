"""The read-back of a deployment on the embedded cloud, as a check."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3

from trainyard.local.cloud import Cloud, CloudError
from trainyard.local.readback.findings import Verdict
from trainyard.local.readback.reading import read_back

SHOWN = 5
"""Differences that the error shows; the rest is counted."""


class _CloudClients:
    """boto3 clients of one embedded cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._environment = cloud.environment()

    def client(self, service: str, /) -> Any:
        make: Any = boto3.client  # its overloads want a literal name
        return make(
            service,
            endpoint_url=self._environment["AWS_ENDPOINT_URL"],
            region_name=self._environment["AWS_REGION"],
            aws_access_key_id=self._environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._environment["AWS_SECRET_ACCESS_KEY"],
        )


def check_deployment(cloud: Cloud, assembly: Path, stacks: Sequence[str]) -> str:
    """Reads deployed stacks back; returns one line that says what was compared.

    Args:
        cloud: The embedded cloud that they were deployed to.
        assembly: The cloud assembly that was deployed.
        stacks: Patterns of stack ids, for example `Local/**`.

    Raises:
        CloudError: A property reads differently from what its template says, or a stack is not there.
    """
    try:
        result = read_back(assembly, stacks, _CloudClients(cloud))
    except ValueError as error:
        raise CloudError(str(error)) from error
    different = result.of(Verdict.DIFFERS)
    if different:
        shown = "; ".join(str(finding) for finding in different[:SHOWN])
        more = f"; and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
        raise CloudError(f"{len(different)} properties differ from their templates: {shown}{more}")
    unread = result.of(Verdict.NOT_READABLE)
    kinds = sorted({f"{finding.type.rpartition('::')[2]}.{finding.property}" for finding in unread})
    note = f" ({', '.join(kinds)})" if kinds else ""
    same = result.counts["same"]
    return f"{result.resources} resources read back: {same} properties as written, {len(unread)} not readable{note}"
