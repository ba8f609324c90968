"""Model packages: the registered versions of a model."""

from __future__ import annotations

from typing import Any

from trainyard.operations.connection import Connection, OperationError


def versions(connection: Connection, group: str) -> list[dict[str, Any]]:
    """The packages of a group, newest first, as ListModelPackages summarises them."""
    client = connection.client("sagemaker")
    pages = client.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
    )
    return [package for page in pages for package in page["ModelPackageSummaryList"]]


def data_url(connection: Connection, arn: str) -> str:
    """Address of a package's archive, ``s3://bucket/key``."""
    package = connection.client("sagemaker").describe_model_package(ModelPackageName=arn)
    return str(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])


def approve(connection: Connection, arn: str, why: str) -> dict[str, Any]:
    """Approve a package and return its description.

    Raises:
        OperationError: The package did not become usable.
    """
    client = connection.client("sagemaker")
    client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription=why)
    package = client.describe_model_package(ModelPackageName=arn)
    if package["ModelPackageStatus"] != "Completed":
        raise OperationError(f"{arn}: the package is {package['ModelPackageStatus']}, so nothing can be made of it")
    return dict(package)
