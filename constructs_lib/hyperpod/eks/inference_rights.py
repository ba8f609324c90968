"""What the inference operator may do: AWS's managed policy for one cluster, one network and one bucket.

Left out of it: object keys of data capture, which no endpoint here has, and object tags as a condition of reading.

Source, read 2026-11-22: AmazonSageMakerHyperPodInferenceAccess, version 4 of 2026-07-20, AWS Managed Policy Reference;
condition keys of EC2 and of ELB, Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from constructs_lib.hyperpod.eks.addon import AddOnBinding

SAGEMAKER = "sagemaker.amazonaws.com"
METRICS = "HyperPodInference"
_MARK = {"CreatedBy": "HyperPodInference"}
"""Tag of all that the operator makes."""
_MADE = ("model", "endpoint", "endpoint-config")
_LOOK = (
    "ec2:DescribeDhcpOptions", "ec2:DescribeInstanceTypes", "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
    "elasticloadbalancing:DescribeLoadBalancers", "ecr:GetAuthorizationToken", "fsx:DescribeFileSystems",
)  # fmt: skip
"""Calls that know no resource; the last one knows some, and AWS's policies give it for all."""


def grant(role: iam.Role, binding: AddOnBinding, certificates: s3.IBucket) -> None:
    """Let the operator serve models on one cluster.

    Args:
        role: The operator's.
        binding: The cluster.
        certificates: Where it keeps the public halves of its certificates.
    """
    stack = cdk.Stack.of(role)

    def arn(service: str, resource: str) -> str:
        return f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{resource}"

    def let(actions: tuple[str, ...], resources: list[str], **conditions: Mapping[str, Any]) -> None:
        role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=resources, conditions=conditions))

    requested = {f"aws:RequestTag/{name}": value for name, value in _MARK.items()}
    tagged = {f"aws:ResourceTag/{name}": value for name, value in _MARK.items()}
    let(_LOOK, ["*"])
    let(("s3:ListBucket",), [certificates.bucket_arn])
    let(("s3:DeleteObject", "s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"), [certificates.arn_for_objects("*")])
    let(("kms:Decrypt", "kms:GenerateDataKey"), [binding.key.key_arn])
    # Tags are asked for when a certificate comes, and are there when it is renewed.
    certificate = [arn("acm", "certificate/*")]
    let(("acm:AddTagsToCertificate", "acm:ImportCertificate"), certificate, StringEquals=requested)
    let(("acm:DeleteCertificate", "acm:ImportCertificate"), certificate, StringEquals=tagged)
    # Images of models and of AWS's own servers.
    let(("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"), [f"arn:{stack.partition}:ecr:*:*:repository/*"])
    _interfaces(let, arn, binding)
    cluster = binding.control_plane
    let(("eks:DescribeCluster", "eks-auth:AssumeRoleForPodIdentity"), [cluster.arn])
    entries = [arn("eks", f"access-entry/{cluster.name}/*")]
    watches = f"arn:{stack.partition}:eks::aws:cluster-access-policy/AmazonSagemakerHyperpodInferenceMonitoringPolicy"
    let(("eks:ListAssociatedAccessPolicies",), entries)
    let(("eks:AssociateAccessPolicy", "eks:DisassociateAccessPolicy"), entries,
        StringEquals={"eks:policyArn": watches})  # fmt: skip
    let(("cloudwatch:PutMetricData",), ["*"], StringEquals={"cloudwatch:namespace": METRICS})
    let(("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
        [arn("logs", "log-group:/aws/sagemaker/*")])  # fmt: skip
    let(("iam:PassRole",), [role.role_arn], StringEquals={"iam:PassedToService": SAGEMAKER})
    let(("sagemaker:DescribeCluster", "sagemaker:DescribeClusterInference", "sagemaker:UpdateClusterInference"),
        [binding.cluster_arn])  # fmt: skip
    made = [arn("sagemaker", f"{kind}/*") for kind in _MADE]
    let(("sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"), made)
    # JumpStart's hub is AWS's.
    hub = f"arn:{stack.partition}:sagemaker:{stack.region}:aws:"
    let(("sagemaker:DescribeHubContent",), [f"{hub}hub/*", f"{hub}hub-content/*"])
    let(("sagemaker:CreateEndpoint", "sagemaker:CreateEndpointConfig", "sagemaker:CreateModel"), made,
        StringEquals=requested)  # fmt: skip
    creations = {"sagemaker:TaggingAction": ["CreateEndpoint", "CreateEndpointConfig", "CreateModel"]}
    let(("sagemaker:AddTags",), made, StringEquals=creations)
    let(("sagemaker:DeleteEndpoint", "sagemaker:DeleteEndpointConfig", "sagemaker:DeleteModel",
         "sagemaker:UpdateEndpoint"), made, StringEquals=tagged)  # fmt: skip


def _interfaces(let: Any, arn: Any, binding: AddOnBinding) -> None:
    """The service that is registered for an endpoint reaches its load balancer by an interface in the network."""
    network = binding.network
    places = [*network.subnets, *(place.subnet for place in network.clusters.values())]
    subnets = [arn("ec2", f"subnet/{subnet.subnet_id}") for subnet in places]
    interfaces = arn("ec2", "network-interface/*")
    group = arn("ec2", f"security-group/{network.nodes.security_group_id}")
    let(("ec2:CreateNetworkInterface",), [interfaces, group, *subnets])
    let(("ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"), [interfaces],
        ArnEquals={"ec2:Subnet": subnets})  # fmt: skip
