"""What runs inside a network has an endpoint for every service that its role names: derived from all environments."""

from __future__ import annotations

from typing import Any

import pytest
from synthesis import assembly

from constructs_lib.network.purposes import endpoints_of
from environments import ENVIRONMENTS
from trainyard.policies.assembly import Environment, Principal

ENDPOINT = {
    "acm": "acm", "aps": "aps-workspaces", "cloudwatch": "monitoring", "ec2": "ec2", "ecr": "ecr.api", "eks": "eks",
    "eks-auth": "eks-auth", "elasticloadbalancing": "elasticloadbalancing", "fsx": "fsx", "kms": "kms", "logs": "logs",
    "sagemaker": "sagemaker.api", "sagemaker-mlflow": "sagemaker.experiments", "secretsmanager": "secretsmanager",
    "ssm": "ssm", "ssmmessages": "ssmmessages", "sts": "sts",
}  # fmt: skip
"""By the service's name in policies."""
NODES, PODS = "sagemaker.amazonaws.com", "pods.eks.amazonaws.com"
"""Who takes roles of both."""
OUTSIDE = {
    "iam": "roles are passed to SageMaker, which calls nobody from inside",
    "s3": "the gateway, which every network has",
}
"""Services without an interface, and why."""
OF_JOBS = {"ec2": "SageMaker itself puts interfaces of jobs into the network, as their role"}


def inside(found: Environment) -> list[tuple[Principal, set[str]]]:
    """Roles of jobs, nodes and pods, with the services that nobody calls from inside although they may."""
    jobs = {request["RoleArn"] for pipeline in found.pipelines for request in pipeline.requests.values()}
    roles = []
    for role in found.principals:
        trusted = {name for statement in role.trust for name in statement.principals.get("Service", ())}
        if role.arn in jobs:
            roles.append((role, {*OUTSIDE, *OF_JOBS}))
        elif PODS in trusted or (role.label.startswith("Cluster-") and NODES in trusted):
            roles.append((role, set(OUTSIDE)))
    return roles


@pytest.mark.parametrize("environment", [one for one in ENVIRONMENTS if one.network.closed], ids=lambda one: one.name)
def test_every_service_that_a_role_inside_names_has_an_endpoint(environment: Any) -> None:
    found = Environment(assembly(), environment.name)
    roles = inside(found)
    assert len(roles) >= len(environment.trainings) + len(environment.clusters)
    there = {endpoint.service for endpoint in endpoints_of(environment.network.purposes)}
    for role, elsewhere in roles:
        named = {action.partition(":")[0] for policy in role.identity for one in policy if one.allows
                 for action in one.actions} - elsewhere  # fmt: skip
        assert {name: ENDPOINT[name] for name in named if ENDPOINT[name] not in there} == {}, role.label
