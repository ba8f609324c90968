"""What the controller of load balancers may do, for the load balancers of one cluster.

The project's own policy without web firewalls, Shield, Cognito and IAM's server certificates, which no ingress of the
inference operator asks for (the controller calls them for annotations alone), and with the cluster's name where that
has any cluster's: all that the controller makes carries it as a tag.

Source, read 2026-11-22: kubernetes-sigs/aws-load-balancer-controller at 225f445, docs/install/iam_policy.json and
pkg/deploy (shield, wafv2: nothing is asked where nothing is wanted); "Actions, resources, and condition keys for
Elastic Load Balancing V2", Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs_lib.hyperpod.eks.addon import AddOnBinding

TAG = "elbv2.k8s.aws/cluster"
_ELB = "elasticloadbalancing"
_LOOK = (
    *(f"ec2:Describe{name}" for name in (
        "AccountAttributes", "Addresses", "AvailabilityZones", "Instances", "InternetGateways", "NetworkInterfaces",
        "RouteTables", "SecurityGroups", "Subnets", "Tags", "VpcPeeringConnections", "Vpcs")),
    *(f"{_ELB}:Describe{name}" for name in (
        "CapacityReservation", "ListenerAttributes", "ListenerCertificates", "Listeners", "LoadBalancerAttributes",
        "LoadBalancers", "Rules", "SSLPolicies", "Tags", "TargetGroupAttributes", "TargetGroups", "TargetHealth",
        "TrustStores")),
    "acm:ListCertificates",
)  # fmt: skip
"""Calls that know no resource."""
_CHANGE = tuple(f"{_ELB}:{name}" for name in (
    "AddListenerCertificates", "AddTags", "CreateListener", "CreateRule", "DeleteListener", "DeleteLoadBalancer",
    "DeleteRule", "DeleteTargetGroup", "DeregisterTargets", "ModifyListener", "ModifyListenerAttributes",
    "ModifyLoadBalancerAttributes", "ModifyRule", "ModifyTargetGroup", "ModifyTargetGroupAttributes",
    "RegisterTargets", "RemoveListenerCertificates", "RemoveTags", "SetIpAddressType", "SetRulePriorities",
    "SetSecurityGroups", "SetSubnets"))  # fmt: skip
_INGRESS = ("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress")


def grant(role: iam.Role, binding: AddOnBinding) -> None:
    """Let the controller make load balancers for a cluster, and touch no other's.

    Args:
        role: The controller's.
        binding: The cluster.
    """
    stack = cdk.Stack.of(role)
    ours = {TAG: binding.control_plane.name}
    requested = {f"aws:RequestTag/{name}": value for name, value in ours.items()}
    tagged = {f"aws:ResourceTag/{name}": value for name, value in ours.items()}

    def arn(service: str, resource: str) -> str:
        return f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{resource}"

    def let(actions: tuple[str, ...], resources: list[str], **conditions: Mapping[str, Any]) -> None:
        role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=resources, conditions=conditions))

    groups, balancers = [arn("ec2", "security-group/*")], [arn(_ELB, "*")]
    vpc = arn("ec2", f"vpc/{binding.network.vpc.vpc_id}")
    let(_LOOK, ["*"])
    let(("ec2:GetSecurityGroupsForVpc",), [vpc])
    let(("acm:DescribeCertificate",), [arn("acm", "certificate/*")])
    linked = (f"arn:{stack.partition}:iam::{stack.account}:role/aws-service-role/{_ELB}.amazonaws.com/"
              "AWSServiceRoleForElasticLoadBalancing")  # fmt: skip
    let(("iam:CreateServiceLinkedRole",), [linked], StringEquals={"iam:AWSServiceName": f"{_ELB}.amazonaws.com"})
    # A group of its own for the load balancer, and a rule in the nodes' for what comes from there.
    let(("ec2:CreateSecurityGroup",), [vpc])
    let(("ec2:CreateSecurityGroup",), groups, StringEquals=requested)
    let(("ec2:CreateTags",), groups, StringEquals={**requested, "ec2:CreateAction": "CreateSecurityGroup"})
    let(("ec2:DeleteSecurityGroup", *_INGRESS), groups, StringEquals=tagged)
    let(_INGRESS, [arn("ec2", f"security-group/{binding.network.nodes.security_group_id}")])
    let((f"{_ELB}:AddTags", f"{_ELB}:CreateListener", f"{_ELB}:CreateLoadBalancer", f"{_ELB}:CreateRule",
         f"{_ELB}:CreateTargetGroup"), balancers, StringEquals=requested)  # fmt: skip
    let(_CHANGE, balancers, StringEquals=tagged)
