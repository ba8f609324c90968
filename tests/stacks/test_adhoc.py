"""The stack of ad-hoc runs: what is published, what jobs reach, what people may start."""

import json

import pytest
from synthesis import actions, resources, statements, template, training_stages

from environments import ENVIRONMENTS
from ml_contract.published import Published


@pytest.fixture(scope="module")
def adhoc() -> dict:
    return template("Dev", "AdHoc")


@pytest.fixture(scope="module")
def people(adhoc: dict) -> list[dict]:
    ((_, policy),) = resources(adhoc, "AWS::IAM::ManagedPolicy").items()
    return policy["Properties"]["PolicyDocument"]["Statement"]


def ending(arn: dict | str) -> str:
    return arn if isinstance(arn, str) else arn["Fn::Join"][1][-1]


def listed(value: object) -> list:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("stage", ["Local", "Dev", "Prod"])
def test_every_environment_publishes_what_the_contract_names_for_each_of_its_workloads(stage: str) -> None:
    (environment,) = (found for found in ENVIRONMENTS if found.stage == stage)
    parameters = [entry["Properties"] for entry in resources(template(stage, "AdHoc"), "AWS::SSM::Parameter").values()]
    found = {entry["Name"]: v if isinstance(v := entry["Value"], str) else "a reference" for entry in parameters}
    published = Published.read(environment.name, found)
    assert set(published.workloads) == {training.workload for training in environment.trainings}
    assert len(found) == len(published.parameters())


def test_lists_are_lists_and_the_rest_is_text(adhoc: dict) -> None:
    kinds = {
        entry["Properties"]["Name"].rpartition("/")[2]: entry["Properties"]["Type"]
        for entry in resources(adhoc, "AWS::SSM::Parameter").values()
    }
    assert {name for name, kind in kinds.items() if kind == "StringList"} == {"subnet-ids", "security-group-ids"}


def test_jobs_and_people_write_one_prefix_of_each_bucket_and_read_what_all_share(
    adhoc: dict, people: list[dict]
) -> None:
    for found in (statements(adhoc, "RunsJobs"), people):
        (writing,) = (s for s in found if "s3:PutObject" in actions(s))
        assert [ending(arn) for arn in writing["Resource"]] == ["/adhoc/*"] * 3
        (reading,) = (s for s in found if actions(s) == {"s3:GetObject"})
        assert [ending(arn) for arn in reading["Resource"]] == ["/datasets/*", "/shared/*"]


def test_people_start_jobs_of_their_prefix_inside_the_network_under_the_key_only(people: list[dict]) -> None:
    (creating,) = (s for s in people if "sagemaker:CreateTrainingJob" in actions(s))
    assert creating["Resource"] == "arn:aws:sagemaker:us-east-1:111111111111:training-job/adhoc-dev-*"
    conditions = creating["Condition"]
    required = conditions["ForAllValues:StringEquals"]
    assert set(required) == {"sagemaker:VpcSubnets", "sagemaker:VpcSecurityGroupIds", "sagemaker:InstanceTypes"}
    assert conditions["Null"] == dict.fromkeys(required, "false")
    assert set(conditions["ArnEquals"]) == {"sagemaker:OutputKmsKey"}


def test_people_pass_the_role_of_the_jobs_to_sagemaker_and_to_nobody_else(adhoc: dict, people: list[dict]) -> None:
    ((role, _),) = resources(adhoc, "AWS::IAM::Role").items()
    (passing,) = (s for s in people if "iam:PassRole" in actions(s))
    assert passing["Resource"] == {"Fn::GetAtt": [role, "Arn"]}
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_people_read_the_parameters_of_their_environment_only(people: list[dict]) -> None:
    (reading,) = (s for s in people if "ssm:GetParametersByPath" in actions(s))
    start = "arn:aws:ssm:us-east-1:111111111111:parameter/trainyard/dev"
    assert reading["Resource"] == [start, f"{start}/*"]


def test_nothing_is_granted_to_people_on_everything(people: list[dict]) -> None:
    assert all("*" not in listed(statement["Resource"]) for statement in people)


def test_the_policy_for_people_is_no_longer_than_iam_takes() -> None:
    """6,144 characters without white space (IAM and AWS STS quotas, read 2026-11-21); names are at their longest."""
    for stage in training_stages():
        ((_, policy),) = resources(template(stage, "AdHoc"), "AWS::IAM::ManagedPolicy").items()
        text = json.dumps(_longest(policy["Properties"]["PolicyDocument"]), separators=(",", ":"))
        assert len(text) <= 6144


def _longest(value: object) -> object:
    if isinstance(value, list):
        return [_longest(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        return "".join(str(_longest(item)) for item in value["Fn::Join"][1])
    if any(name.startswith("Fn::") or name == "Ref" for name in value):
        return "x" * (24 if "Subnet" in str(value) or "Group" in str(value) else 90)
    return {name: _longest(item) for name, item in value.items()}
