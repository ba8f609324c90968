"""Drivers of file systems in pods, as add-ons.

Sources, read 2026-11-22: "AWS add-ons", EKS User Guide; awslabs/mountpoint-s3-csi-driver, docs/CONFIGURATION.md
("Driver-Level Credentials with EKS Pod Identity").
"""

from __future__ import annotations

import re
from typing import Any

from aws_cdk import aws_iam as iam
from pydantic import field_validator

from constructs_lib.hyperpod.eks.addon import AddOn, AddOnBinding, Identity
from ml_contract.errors import reject

_PREFIX = re.compile(r"[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*")


class FsxDriver(AddOn):
    """FSx for Lustre in pods; it looks at file systems that exist, and makes none."""

    name = "aws-fsx-csi-driver"
    needs = ("eks-pod-identity-agent",)

    def identities(self, binding: AddOnBinding, /) -> tuple[Identity, ...]:  # noqa: ARG002
        look = iam.PolicyStatement(actions=["fsx:DescribeFileSystems"], resources=["*"])
        return (Identity(namespace="kube-system", service_account="fsx-csi-controller-sa", statements=(look,)),)


class S3Driver(AddOn):
    """Mountpoint for Amazon S3 in pods, each with its own identity; the driver reads nothing but what it is told to."""

    name = "aws-mountpoint-s3-csi-driver"
    needs = ("eks-pod-identity-agent",)

    serves: tuple[str, ...] = ()
    """Prefixes of the bucket of models that the driver itself reads, for example ``("serving/llama",)``: the inference
    operator mounts weights as the driver, so whoever may make an endpoint reads them. None by default."""

    @field_validator("serves")
    @classmethod
    def _check_serves(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            if _PREFIX.fullmatch(prefix) is None:
                reject("", prefix, "a prefix is written like serving/llama", "Leave slashes at its ends out.")
        return value

    def configuration(self) -> dict[str, Any]:
        return {"node": {"tolerateAllTaints": True}}

    def identities(self, binding: AddOnBinding, /) -> tuple[Identity, ...]:
        if not self.serves:
            return ()
        if binding.weights is None:
            reject("addons.aws-mountpoint-s3-csi-driver.serves", self.serves, "the cluster was given no bucket of "
                   "models", "Give one, or leave it out.")  # fmt: skip
        folders = [f"{prefix}/*" for prefix in self.serves]
        look = iam.PolicyStatement(actions=["s3:ListBucket"], resources=[binding.weights.bucket_arn],
                                   conditions={"StringLike": {"s3:prefix": [*folders, *self.serves]}})  # fmt: skip
        objects = [binding.weights.arn_for_objects(folder) for folder in folders]
        read = iam.PolicyStatement(actions=["s3:GetObject"], resources=objects)
        key = binding.weights.encryption_key
        decrypt = [iam.PolicyStatement(actions=["kms:Decrypt"], resources=[key.key_arn])] if key else []
        return (Identity(namespace="kube-system", service_account="s3-csi-driver-sa",
                         statements=(look, read, *decrypt)),)  # fmt: skip
