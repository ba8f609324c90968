"""Each rule of the review: a statement that it refuses beside one that it lets through."""

import json
from typing import Any

import pytest

from constructs_lib.guardrails.review.plugin import review

OWN, OTHER = "111111111111", "999999999999"
ROLE = {"Fn::GetAtt": ["Jobs", "Arn"]}
PASSED = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def found(kind: str, name: str, *statements: dict[str, Any], **properties: Any) -> list[str]:
    """Ids of findings in one resource."""
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    template = {"Resources": {"It": {"Type": kind, "Properties": {name: document, **properties}}}}
    return [finding.id for finding in review(template, OWN)]


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def granted(statement: dict[str, Any]) -> list[str]:
    return found("AWS::IAM::Policy", "PolicyDocument", statement)


@pytest.mark.parametrize(
    ("statement", "findings"),
    [
        (allow("*"), ["EveryAction[*]"]),
        (allow("s3:*", "arn:aws:s3:::b/*"), ["EveryAction[s3:*]"]),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, ["EveryAction[NotAction]"]),
        (allow("s3:GetObject"), ["EveryResource[s3:GetObject]"]),
        (allow(["s3:GetObject", "ec2:DescribeVpcs"]), ["EveryResource[s3:GetObject]"]),
        (allow("s3:Get*", "arn:aws:s3:::*"), ["EveryResource[s3:Get*]"]),
        (allow("s3:GetObject", {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::*"]]}),
         ["EveryResource[s3:GetObject]"]),
        (allow("s3:GetObject", "arn:aws:s3:::b/*"), []),
        (allow("S3:getobject", "arn:aws:s3:::b/*"), []),
        (allow("s3:GetObject", Condition={"StringEquals": {"aws:ResourceAccount": OWN}}), []),
        (allow("ec2:DescribeVpcs"), []),
        (allow("ecr:GetAuthorizationToken"), []),
        (allow("s3:GetObjekt", "arn:aws:s3:::b/*"), ["UnknownAction[s3:GetObjekt]"]),
        (allow("elsewhere:Get", "arn:x"), ["UnknownService[elsewhere:Get]"]),
        (allow("iam:PassRole", ROLE), ["PassRole[iam:PassRole]"]),
        (allow("iam:Pass*", ROLE, Condition=PASSED), []),
        (allow("iam:PassRole", ROLE, Condition=PASSED), []),
        (allow("iam:PassRole", "*", Condition=PASSED), ["PassRole[iam:PassRole on *]"]),
        (allow("iam:PassRole", f"arn:aws:iam::{OWN}:role/*", Condition=PASSED),
         [f"PassRole[iam:PassRole on arn:aws:iam::{OWN}:role/*]"]),
        (allow("kms:CreateGrant", ROLE), ["AnyGrantee[kms:CreateGrant]"]),
        (allow("kms:CreateGrant", ROLE, Condition={"Bool": {"kms:GrantIsForAWSResource": "true"}}), []),
        (allow("kms:CreateGrant", ROLE, Condition={"StringEquals": {"kms:ViaService": "ec2.us-east-1.amazonaws.com"}}),
         []),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, []),
    ],
)  # fmt: skip
def test_what_is_granted(statement: dict[str, Any], findings: list[str]) -> None:
    assert granted(statement) == findings


def trust(principal: Any, **more: Any) -> list[str]:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more}
    return found("AWS::IAM::Role", "AssumeRolePolicyDocument", statement)


def test_who_may_take_a_role() -> None:
    foreign = f"arn:aws:iam::{OTHER}:root"
    assert trust({"AWS": "*"}) == trust("*") == ["Everybody[*]"]
    assert trust({"AWS": foreign}) == [f"ForeignAccount[{foreign}]"]
    assert trust({"AWS": foreign}, Condition={"StringEquals": {"sts:ExternalId": "x"}}) == []
    assert trust({"AWS": {"Fn::Join": ["", ["arn:aws:iam::", {"Ref": "AWS::AccountId"}, ":root"]]}}) == []
    assert trust({"AWS": OWN}) == trust({"AWS": ROLE}) == []
    own = {"StringEquals": {"aws:SourceAccount": OWN}}
    assert trust({"Service": "ec2.amazonaws.com"}) == ["AnySource[ec2.amazonaws.com]"]
    assert trust({"Service": "ec2.amazonaws.com"}, Condition=own) == []


def test_whom_a_provider_of_identities_vouches_for_is_asked_word_for_word() -> None:
    provider = f"arn:aws:iam::{OWN}:oidc-provider/token.actions.githubusercontent.com"
    who = {"token.actions.githubusercontent.com:sub": "repo:octocat/my-repo:environment:prod"}
    whom = {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}

    def by_token(action: str = "sts:AssumeRoleWithWebIdentity", **condition: Any) -> list[str]:
        more = {"Condition": condition} if condition else {}
        return trust({"Federated": provider}, Action=action, **more)

    assert by_token(StringEquals={**who, **whom}) == []
    assert by_token() == by_token("sts:*") == [f"AnyIdentity[{provider} without aud and sub]"]
    assert by_token(StringEquals=whom) == [f"AnyIdentity[{provider} without sub]"]
    assert by_token(StringLike={**who, **whom}) == [f"AnyIdentity[{provider} without aud and sub]"]
    assert by_token("sts:AssumeRoleWithSAML") == []


ISSUER = {"Fn::Select": [1, {"Fn::Split": ["https://", {"Fn::GetAtt": ["Plane", "OpenIdConnectIssuerUrl"]}]}]}


def as_text(*claims: str) -> dict[str, Any]:
    """A trust as text, because its keys begin with what only deployment knows."""
    wanted = {f"#:{claim}": f"the-{claim}" for claim in claims}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                 "Principal": {"Federated": "arn:aws:iam::111111111111:oidc-provider/#"},
                 "Condition": {"StringEquals": wanted}}  # fmt: skip
    first, *others = json.dumps({"Statement": statement}).split("#")
    return {"Fn::Join": ["", [first, *(part for other in others for part in (ISSUER, other))]]}


@pytest.mark.parametrize(
    "given",
    [as_text("aud"), {"Fn::Sub": [json.dumps({"Statement": {"Effect": "Allow", "Action": "sts:*", "Principal": {
        "Federated": "arn:aws:iam::${AWS::AccountId}:oidc-provider/${Host}"}}}), {"Host": ISSUER}]}],
)  # fmt: skip
def test_a_trust_that_is_text_is_read_like_any_other(given: dict[str, Any]) -> None:
    def findings(document: Any) -> list[str]:
        properties = {"AssumeRolePolicyDocument": document}
        template = {"Resources": {"It": {"Type": "AWS::IAM::Role", "Properties": properties}}}
        return [finding.id for finding in review(template, OWN)]

    assert findings(as_text("aud", "sub")) == []
    (found,) = findings(given)
    assert found.startswith(f"AnyIdentity[arn:aws:iam::{OWN}:oidc-provider/${{")
    assert findings({"Ref": "Parameter"}) == findings("nothing") == ["UnreadablePolicy[AssumeRolePolicyDocument]"]


def test_policies_inside_a_role_are_read_too() -> None:
    inline = [{"PolicyName": "p", "PolicyDocument": {"Statement": allow("kms:*")}}]
    document = {"Statement": []}
    template = {"Resources": {"It": {"Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": document, "Policies": inline}}}}  # fmt: skip
    (finding,) = review(template, OWN)
    assert (finding.id, finding.place) == ("EveryAction[kms:*]", "Properties.Policies.0.PolicyDocument.Statement.0")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("AWS::S3::BucketPolicy", "PolicyDocument"), ("AWS::KMS::Key", "KeyPolicy"),
     ("AWS::SQS::QueuePolicy", "PolicyDocument"), ("AWS::SNS::TopicPolicy", "PolicyDocument"),
     ("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy"),
     ("AWS::ECR::Repository", "RepositoryPolicyText")],
)  # fmt: skip
def test_what_resources_allow_to_others(kind: str, name: str) -> None:
    def opened(principal: Any, effect: str = "Allow", **keys: str) -> list[str]:
        condition = {"Condition": {"StringEquals": keys}} if keys else {}
        statement = {"Effect": effect, "Action": "*", "Resource": "*", "Principal": principal, **condition}
        return found(kind, name, statement)

    assert opened("*") == ["Everybody[*]"]
    assert opened({"AWS": OTHER}) == [f"ForeignAccount[{OTHER}]"]
    assert opened("*", "Deny") == []
    assert opened({"AWS": f"arn:aws:iam::{OWN}:root"}) == []
    assert opened("*", **{"aws:PrincipalOrgID": "o-1"}) == []
    service = {"Service": "events.amazonaws.com"}
    assert opened(service) == ["AnySource[events.amazonaws.com]"]
    assert opened(service, **{"aws:SourceAccount": OWN}) == []
    assert opened(service, **{"kms:EncryptionContext:aws:logs:arn": "x"}) == []
