"""HyperPod's inference operator as an add-on: it makes endpoints of what ``inference`` and ``jumpstart`` describe.

Three of its programs call AWS: the operator, the controller of load balancers, and KEDA, which scales. Each has a role
by the cluster's issuer, because the add-on writes the roles' names at service accounts and knows no pod identity. The
gateway of its second version stays off: nothing here describes one, and it lets everybody in who reaches it. Roles for
JumpStart's gated models are not made.

Sources, read 2026-11-22: "Setting up your HyperPod clusters for model deployment" (values, service accounts, add-ons
that it stands on), "Inference Gateway for Amazon SageMaker HyperPod Inference" (values of 2.0.0) and "Inference
operator installation failures through AWS console" (13 pods), SageMaker AI Developer Guide; aws/sagemaker-hyperpod-cli
at 011ca92, charts/inference-operator (the beginning of the role's name).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Self

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct
from pydantic import model_validator

from constructs_lib.hyperpod.eks import inference_rights, load_balancer, versions
from constructs_lib.hyperpod.eks.addon import AddOn, AddOnBinding, AddOnConfig
from constructs_lib.hyperpod.eks.web_identity import WebIdentities
from ml_contract.errors import reject

NAMESPACE = "hyperpod-inference-system"
ROLE = "SageMakerHyperPodInference"
"""With which the name of the operator's role must begin: the add-on refuses others."""
LONGEST_ROLE = 64
STANDS_ON = MappingProxyType(
    {
        "aws-mountpoint-s3-csi-driver": "v1.14.1-eksbuild.1",
        "aws-fsx-csi-driver": "v1.6.0-eksbuild.1",
        "cert-manager": "v1.18.2-eksbuild.2",
        "metrics-server": "v0.7.2-eksbuild.4",
    }
)
"""The oldest builds that it takes."""
LEAST_PODS = 13
"""Pods that it brings."""
LEAST_WITH_CLUSTER = "v1.2.0-eksbuild.1"
"""From which on it is told the HyperPod cluster's ARN: its release notes, v3.1.2."""
_QUERIES = ("GetLabels", "GetMetricMetadata", "GetSeries", "QueryMetrics")


class InferenceOperator(AddOn):
    """Models on nodes of the cluster, behind load balancers inside the network, registered as SageMaker's endpoints."""

    name = "amazon-sagemaker-hyperpod-inference"
    needs = tuple(STANDS_ON)
    least = STANDS_ON

    scales: bool
    """Whether KEDA is there, which adds and takes away pods by metrics of CloudWatch and, where the environment has a
    workspace, of Prometheus."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.version is not None:
            least = versions.parts(LEAST_WITH_CLUSTER, field="version")
            if versions.parts(self.version, field="version") < least:
                reject("version", self.version, f"from {LEAST_WITH_CLUSTER} on it is told its cluster",
                       "Take a newer one.")  # fmt: skip
        return self

    def bind(self, scope: Construct, binding: AddOnBinding) -> AddOnConfig:
        inside = Construct(scope, "Inference")
        cluster = binding.control_plane.settings.name
        name = f"{ROLE}-{cluster}"
        if len(name) > LONGEST_ROLE:
            reject("control_plane.name", cluster, f"the operator's role is {name}, and a role's name has at most "
                   f"{LONGEST_ROLE} characters", "Take a shorter name.")  # fmt: skip
        identities = WebIdentities(inside, "Issuer", control_plane=binding.control_plane)
        operator = identities.role(
            "Operator", namespace=NAMESPACE, service_account="hyperpod-inference-controller-manager", name=name,
            # Who may touch roles is told by what begins with the cluster's name.
            path=f"/{cluster}-inference/", passed_to=inference_rights.SAGEMAKER,
        )  # fmt: skip
        certificates = self._certificates(inside, binding)
        inference_rights.grant(operator, binding, certificates)
        balancers = identities.role(
            "LoadBalancers", namespace=NAMESPACE, service_account="aws-load-balancer-controller"
        )
        load_balancer.grant(balancers, binding)
        values: dict[str, Any] = {
            "executionRoleArn": operator.role_arn,
            "tlsCertificateS3Bucket": certificates.bucket_name,
            "hyperpodClusterArn": binding.cluster_arn,
            "alb": {"enabled": True, "serviceAccount": {"create": True, "roleArn": balancers.role_arn}},
            "keda": self._keda(identities, binding),
        }
        if self._has_gateway(binding):
            values |= {"inferenceOperator": {"enabled": True}, "inferenceGateway": {"enabled": False}}
        return AddOnConfig(values=values, after=(inside,))

    def _has_gateway(self, binding: AddOnBinding) -> bool:
        build = self.build(binding.control_plane.settings.version)
        return build is None or versions.parts(build, field="version")[0] >= 2

    def _keda(self, identities: WebIdentities, binding: AddOnBinding) -> dict[str, Any]:
        if not self.scales:
            return {"enabled": False}
        role = identities.role("Scaling", namespace=NAMESPACE, service_account="keda-operator")
        # These calls know no resource.
        look = ["cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics"]
        role.add_to_policy(iam.PolicyStatement(actions=look, resources=["*"]))
        if binding.workspace_arn is not None:
            role.add_to_policy(iam.PolicyStatement(actions=[f"aps:{name}" for name in _QUERIES],
                                                   resources=[binding.workspace_arn]))  # fmt: skip
        return {"enabled": True, "auth": {"aws": {"irsa": {"enabled": True, "roleArn": role.role_arn}}}}

    def _certificates(self, scope: Construct, binding: AddOnBinding) -> s3.Bucket:
        """Public halves of certificates, which clients of the load balancers trust."""
        days = cdk.Duration.days(7)
        return s3.Bucket(
            scope,
            "Certificates",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=binding.key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            removal_policy=binding.removal,
            lifecycle_rules=[
                s3.LifecycleRule(id="AbortUploads", abort_incomplete_multipart_upload_after=days),
                s3.LifecycleRule(id="ExpireReplaced", noncurrent_version_expiration=cdk.Duration.days(30),
                                 expired_object_delete_marker=True),
            ],
        )  # fmt: skip
