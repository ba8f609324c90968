"""Quotas that a cluster has already: whose they are, and what SageMaker's errors say of them."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from .comparing import Document

OWNER = "trainyard:owner"
"""Tag that says which resource of which stack made a quota."""
GONE = frozenset({"ResourceNotFound", "ResourceNotFoundException"})
_NO_SUCH_ARN = frozenset({"ValidationException"})
"""Of ListTags, which names no errors of its own in the reference."""
CONFLICTS = frozenset({"ConflictException"})


def code(error: ClientError) -> str:
    """Name of an error of the API."""
    return str(error.response["Error"]["Code"])


def in_the_way(client: Any, request: Document) -> list[Document]:
    """Quotas of the cluster with the name, or for the team, of a request, as a list shows them."""
    pages = client.get_paginator("list_compute_quotas").paginate(ClusterArn=request["ClusterArn"])
    rows = [row for page in pages for row in page["ComputeQuotaSummaries"] if row["Status"] != "Deleted"]
    team = request["ComputeQuotaTarget"]["TeamName"]
    return [row for row in rows if row["Name"] == request["Name"] or row["ComputeQuotaTarget"]["TeamName"] == team]


def is_owned(client: Any, row: Document, owner: str) -> bool:
    """Whether ``owner`` made the quota of a row; what is gone by now is nobody's."""
    try:
        tags = client.list_tags(ResourceArn=row["ComputeQuotaArn"])["Tags"]
    except ClientError as error:
        if code(error) in GONE | _NO_SUCH_ARN:
            return False
        raise
    return {"Key": OWNER, "Value": owner} in tags
