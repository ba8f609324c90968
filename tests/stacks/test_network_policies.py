"""What passes the endpoints of the large environments, decided by IAM's rules."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from policies import allows
from synthesis import resources, template

from environments.prod import PROD
from environments.research import RESEARCH
from trainyard.policies.documents import parse
from trainyard.policies.evaluation import Policies, Request, decide

ENVIRONMENTS = {environment.stage: environment for environment in (PROD, RESEARCH)}
FOREIGN = "999999999999"
IMAGES_OF_AWS = "763104351884"


@cache
def endpoints(stage: str) -> dict[str, list[dict[str, Any]]]:
    """Statements by the service that is reached, for example ``ecr.api``."""
    found = (entry["Properties"] for entry in resources(template(stage, "Network"), "AWS::EC2::VPCEndpoint").values())
    return {_service(one["ServiceName"]): one["PolicyDocument"]["Statement"] for one in found}


def _service(name: Any) -> str:
    parts = [name] if isinstance(name, str) else [part for part in name["Fn::Join"][1] if isinstance(part, str)]
    return "".join(parts).rpartition("us-east-1.")[2].removeprefix("com.amazonaws.").lstrip(".")


def passes(stage: str, service: str, action: str, resource: str = "*", *, by: str = "own", owner: str = "own") -> bool:
    """Whether a call gets through: by whom, on what of whose."""
    own = ENVIRONMENTS[stage].account
    who, whose = (own if account == "own" else account for account in (by, owner))
    return allows(endpoints(stage)[service], action, resource, aws__PrincipalAccount=who, aws__ResourceAccount=whose)


def test_every_environment_with_endpoints_that_a_cluster_needs_is_looked_at() -> None:
    assert all("s3" in endpoints(stage) and "ssm" in endpoints(stage) for stage in ENVIRONMENTS)
    assert "eks-auth" in endpoints(RESEARCH.stage)


@pytest.mark.parametrize("stage", ENVIRONMENTS)
@pytest.mark.parametrize(
    ("action", "bucket", "owner", "allowed"),
    [
        ("s3:PutObject", "trainyard-data/runs/1", "own", True),
        ("s3:GetObject", "trainyard-data/runs/1", "own", True),
        # Lifecycle scripts, charts and code lie in the bucket of the bootstrap, which is the account's own.
        ("s3:GetObject", "cdk-trainyard-assets-us-east-1/scripts.zip", "own", True),
        ("s3:PutObject", "elsewhere/stolen", FOREIGN, False),
        ("s3:GetObject", "elsewhere/poisoned", FOREIGN, False),
        ("s3:ListBucket", "elsewhere", FOREIGN, False),
        ("s3:GetObject", "prod-us-east-1-starport-layer-bucket/layer", FOREIGN, True),
        ("s3:PutObject", "prod-us-east-1-starport-layer-bucket/layer", FOREIGN, False),
        ("s3:GetObject", "prod-eu-west-1-starport-layer-bucket/layer", FOREIGN, False),
        ("s3:GetObject", "aws-ssm-us-east-1/module", FOREIGN, True),
        ("s3:GetObject", "aws-ssm-document-attachments-us-east-1/package", FOREIGN, True),
        ("s3:PutObject", "aws-ssm-us-east-1/module", FOREIGN, False),
        ("s3:GetObject", "aws-ssm-us-east-1-of-others/module", FOREIGN, False),
        # Nothing of theirs runs in these networks.
        ("s3:GetObject", "jumpstart-cache-prod-us-east-1/model", FOREIGN, False),
        ("s3:PutObject", "cloudformation-custom-resource-response-useast1/answer", FOREIGN, False),
    ],
)
def test_whose_buckets_are_reached(stage: str, action: str, bucket: str, owner: str, allowed: bool) -> None:
    assert passes(stage, "s3", action, f"arn:aws:s3:::{bucket}", owner=owner) is allowed


@pytest.mark.parametrize("stage", ENVIRONMENTS)
def test_own_identities_reach_what_is_theirs_through_every_interface_and_others_nothing(stage: str) -> None:
    for service in endpoints(stage).keys() - {"s3"}:
        assert passes(stage, service, f"{service}:Anything"), service
        for owner in ("own", FOREIGN):
            assert not passes(stage, service, f"{service}:Anything", by=FOREIGN, owner=owner), service


PULLS = ("ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability")
PUSHES = ("ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload")


@pytest.mark.parametrize("stage", ENVIRONMENTS)
@pytest.mark.parametrize("service", ["ecr.api", "ecr.dkr"])
def test_images_of_aws_are_pulled_and_none_is_pushed_out_of_the_account(stage: str, service: str) -> None:
    for action in PULLS:
        assert passes(stage, service, action, owner=IMAGES_OF_AWS)
    for action in PUSHES:
        assert not passes(stage, service, action, owner=IMAGES_OF_AWS)
        assert passes(stage, service, action)


@pytest.mark.parametrize("stage", ENVIRONMENTS)
@pytest.mark.parametrize(
    ("service", "action"),
    [
        ("kms", "kms:Encrypt"),
        ("kms", "kms:GenerateDataKey"),
        ("secretsmanager", "secretsmanager:PutSecretValue"),
        ("aps-workspaces", "aps:RemoteWrite"),
    ],
)
def test_nothing_is_handed_to_keys_secrets_and_workspaces_of_others(stage: str, service: str, action: str) -> None:
    assert passes(stage, service, action)
    assert not passes(stage, service, action, owner=FOREIGN)


@pytest.mark.parametrize("stage", ENVIRONMENTS)
def test_agents_reach_what_aws_owns_of_systems_manager(stage: str) -> None:
    assert passes(stage, "ssm", "ssm:GetDocument", "arn:aws:ssm:us-east-1::document/AWS-RunShellScript", owner="aws")
    assert passes(stage, "ssmmessages", "ssmmessages:OpenControlChannel")


def unsigned(stage: str, action: str, account: str) -> bool:
    """Whether a call to STS gets through that carries a token and no account."""
    policies = Policies(resource=parse({"Statement": endpoints(stage)["sts"]}, "sts"))
    call = Request(principal="token", action=action, resource=f"arn:aws:iam::{account}:role/Pods", owner=account)
    return decide(call, policies).allowed


def test_pods_get_roles_by_pod_identity() -> None:
    assert passes(RESEARCH.stage, "eks-auth", "eks-auth:AssumeRoleForPodIdentity")
    assert passes(RESEARCH.stage, "sts", "sts:GetCallerIdentity")


def test_tokens_give_roles_of_the_account_where_an_add_on_knows_nothing_else() -> None:
    by_token = "sts:AssumeRoleWithWebIdentity"
    assert not unsigned(PROD.stage, by_token, PROD.account)
    assert unsigned(RESEARCH.stage, by_token, RESEARCH.account)
    assert not unsigned(RESEARCH.stage, by_token, FOREIGN)
    assert not unsigned(RESEARCH.stage, "sts:AssumeRole", RESEARCH.account)
