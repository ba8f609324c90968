"""What is deployed once by hand: whom an account trusts, and what its deployments may do."""

import functools
import json
from typing import Any

import pytest
from synthesis import assembly, resources

from constructs_lib.delivery.execution import PASSED_TO, SERVICES, execution
from trainyard.assembly.stacks import AssemblyStack, stacks
from trainyard.policies.assembly import Environment
from trainyard.policies.documents import parse
from trainyard.policies.evaluation import Policies, Request, decide

ACCOUNT, REGION = "222222222222", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
DELIVERED = ("Dev", "Prod", "Research")
BOOTSTRAP = ("deploy", "file-publishing", "image-publishing", "lookup", "cfn-exec")


@functools.cache
def delivery(stage: str) -> dict[str, Any]:
    return json.loads((assembly() / f"Delivery-{stage}.template.json").read_text())


def stage_stacks(stage: str) -> list[AssemblyStack]:
    return [stack for stack in stacks(assembly()) if stack.id.startswith(f"{stage}/")]


@functools.cache
def roles() -> dict[str, Any]:
    found = Environment(assembly(), "delivery-prod").principals
    return {role.label.rpartition("/")[2]: role for role in found if role.trust}


def taken_by(role: str, *, account: str = ACCOUNT, region: str = REGION, qualifier: str = "trainyard") -> set[str]:
    """Which of the bootstrap's roles a role of delivery may take."""
    identity = roles()[role].identity
    found = set()
    for one in BOOTSTRAP:
        arn = f"arn:aws:iam::{account}:role/cdk-{qualifier}-{one}-role-{account}-{region}"
        request = Request(principal=roles()[role].arn, action="sts:AssumeRole", resource=arn, owner=account)
        if decide(request, Policies(identity=identity)).allowed:
            found.add(one)
    return found


def test_who_deploys_takes_the_bootstraps_roles_and_not_cloudformations() -> None:
    assert taken_by("GitHubDeploy") == {"deploy", "file-publishing", "image-publishing", "lookup"}


def test_who_looks_takes_the_look_up_role_alone() -> None:
    assert taken_by("GitHubLook") == {"lookup"}


@pytest.mark.parametrize(
    "other", [{"region": "eu-central-1"}, {"account": "111111111111"}, {"qualifier": "hnb659fds"}], ids=str
)
def test_no_bootstrap_but_the_environments_own_is_of_use(other: dict[str, str]) -> None:
    assert taken_by("GitHubDeploy", **other) == set()


def test_roles_of_delivery_may_do_nothing_else() -> None:
    for role in ("GitHubDeploy", "GitHubLook"):
        granted = {action for policy in roles()[role].identity for one in policy for action in one.actions}
        assert granted == {"sts:AssumeRole"}


def test_each_environment_trusts_its_own_environments_of_github_alone() -> None:
    for stage in DELIVERED:
        trusts = {
            name.removeprefix("GitHub")[:4]: entry["Properties"]["AssumeRolePolicyDocument"]["Statement"][0][
                "Condition"
            ]
            for name, entry in resources(delivery(stage), "AWS::IAM::Role").items()
        }
        subjects = {
            name: condition["StringEquals"]["token.actions.githubusercontent.com:sub"].rpartition(":")[2]
            for name, condition in trusts.items()
        }
        assert subjects == {"Depl": stage.lower(), "Look": f"{stage.lower()}-look"}
        assert all(set(condition) == {"StringEquals"} for condition in trusts.values())


def test_the_stack_needs_no_bootstrap_and_its_environment_its_own() -> None:
    assert "Parameters" not in delivery("Prod")
    for stack in stage_stacks("Prod"):
        assert stack.template["Parameters"]["BootstrapVersion"]["Default"] == "/cdk-bootstrap/trainyard/version"


def test_no_deployment_of_an_environment_touches_who_deploys_it() -> None:
    assert all("delivery" not in stack.name for stage in DELIVERED for stack in stage_stacks(stage))


def allowed(action: str, resource: str = "*", *, bounded: bool = True, **keys: str) -> bool:
    statements = execution(
        arn=f"arn:aws:iam::{ACCOUNT}", name="trainyard-prod", region=REGION, bounded=bounded,
        services=[service for found in SERVICES.values() for service in found],
        deliveries=f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/trainyard-prod-delivery/*",
    )  # fmt: skip
    context = {
        name.replace("__", ":").lower(): value for name, value in {"aws__RequestedRegion": REGION, **keys}.items()
    }
    request = Request(principal=f"{ROLE}/cdk-trainyard-cfn-exec-role", action=action, resource=resource, owner=ACCOUNT,
                      keys=context)  # fmt: skip
    return decide(request, Policies(identity=[parse({"Statement": statements}, "execution")])).allowed


OWN, BOUNDARY = f"{ROLE}/trainyard-prod-training-Role", f"arn:aws:iam::{ACCOUNT}:policy/trainyard-prod-boundary-x"


def test_cloudformation_makes_what_stacks_hold() -> None:
    assert allowed("sagemaker:CreatePipeline")
    assert allowed("s3:CreateBucket", "arn:aws:s3:::trainyard-prod-storage-data")
    assert allowed("iam:CreateRole", OWN, iam__PermissionsBoundary=BOUNDARY)
    assert allowed("iam:PassRole", OWN, iam__PassedToService="sagemaker.amazonaws.com")
    assert allowed("budgets:ModifyBudget")


@pytest.mark.parametrize(
    ("action", "resource", "keys"),
    [
        ("sagemaker:CreatePipeline", "*", {"aws__RequestedRegion": "eu-central-1"}),
        ("dynamodb:CreateTable", "*", {}),
        ("ec2:RunInstances", "*", {}),
        ("sagemaker:CreateNotebookInstance", "*", {}),
        ("organizations:LeaveOrganization", "*", {}),
        ("sts:AssumeRole", f"{ROLE}/admin", {}),
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/trainyard-prod-x", {}),
        ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/ada", {}),
        ("iam:CreateRole", OWN, {}),
        ("iam:CreateRole", OWN, {"iam__PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/other"}),
        ("iam:CreateRole", f"{ROLE}/trainyard-dev-x", {"iam__PermissionsBoundary": BOUNDARY}),
        ("iam:DeleteRolePermissionsBoundary", OWN, {}),
        ("iam:PassRole", OWN, {"iam__PassedToService": "ecs-tasks.amazonaws.com"}),
        ("iam:PassRole", f"{ROLE}/admin", {"iam__PassedToService": "sagemaker.amazonaws.com"}),
        ("iam:UpdateAssumeRolePolicy", f"{ROLE}/delivery/trainyard-prod-deploy", {}),
        ("iam:PutRolePolicy", f"{ROLE}/cdk-trainyard-deploy-role-{ACCOUNT}-{REGION}", {}),
        ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/delivery/trainyard-prod-execution", {}),
        ("iam:CreateOpenIDConnectProvider",
         f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com", {}),
        ("cloudformation:UpdateStack",
         f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/trainyard-prod-delivery/1", {}),
    ],
)  # fmt: skip
def test_cloudformation_does_nothing_else(action: str, resource: str, keys: dict[str, str]) -> None:
    assert not allowed(action, resource, **keys)


def test_an_environment_without_boundaries_makes_roles_of_its_own_names() -> None:
    assert allowed("iam:CreateRole", OWN, bounded=False)
    assert not allowed("iam:CreateRole", f"{ROLE}/admin", bounded=False)


def test_every_type_of_every_stack_can_be_made() -> None:
    types = {entry["Type"] for stage in DELIVERED for stack in stage_stacks(stage)
             for entry in stack.template["Resources"].values()}  # fmt: skip
    namespaces = {kind.rpartition("::")[0] for kind in types if not kind.startswith("Custom::")}
    assert namespaces - set(SERVICES) == set()
    never = {"AWS::EC2::Instance", "AWS::EC2::EC2Fleet", "AWS::EC2::SpotFleet", "AWS::SageMaker::NotebookInstance",
             "AWS::SageMaker::Domain"}  # fmt: skip
    assert types & never == set(), "what the policy denies"


def test_every_role_of_every_stack_can_be_made_and_passed_on() -> None:
    services, named = set(), {}
    for stack in (stack for stage in DELIVERED for stack in stage_stacks(stage)):
        for entry in resources(stack.template, "AWS::IAM::Role").values():
            trust = entry["Properties"]["AssumeRolePolicyDocument"]
            if "Fn::Join" in trust:
                parts = trust["Fn::Join"][1]
                trust = json.loads("".join(part if isinstance(part, str) else "known-later" for part in parts))
            for statement in trust["Statement"]:
                service = statement["Principal"].get("Service", ())
                services |= {service} if isinstance(service, str) else set(service)
        own_path = f"/trainyard-{stack.id.partition('/')[0].lower()}-"
        named |= {
            f"{stack.id}/{name}": entry["Properties"]
            for kind, own in (("AWS::IAM::Role", "RoleName"), ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"))
            for name, entry in resources(stack.template, kind).items()
            if (own in entry["Properties"] or entry["Properties"].get("Path", "/") != "/")
            and not entry["Properties"].get("Path", "/").startswith(own_path)
        }
    assert services - {f"{one}.amazonaws.com" for one in PASSED_TO} == set()
    assert named == {}, (
        "a name that CloudFormation makes begins with the stack's; before others stands a path that does"
    )
