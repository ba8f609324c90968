"""The read-back of a deployment on the embedded cloud, as a check."""

from collections.abc import Sequence
from pathlib import Path

from trainyard.local.cloud import Cloud, CloudError
from trainyard.local.readback.findings import Verdict
from trainyard.local.readback.reading import read_back
from trainyard.operations.connection import Connection

SHOWN = 5
"""Differences that the error shows; the rest is counted."""


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
        result = read_back(assembly, stacks, Connection(cloud))
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
