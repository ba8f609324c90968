"""The stack of an endpoint."""

import re

import pytest
from synthesis import actions, resources, statements, template

KINDS = ("AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Endpoint")


def one(stage: str, kind: str) -> dict:
    ((_, found),) = resources(template(stage, "Serving"), kind).items()
    return found


def test_nothing_is_served_before_a_package_is_given() -> None:
    serving = template("Local", "Serving")
    assert serving["Parameters"]["ModelPackageArn"]["Default"] == ""
    for kind in KINDS:
        assert one("Local", kind)["Condition"] == "ModelPackageGiven"
    assert serving["Conditions"]["ModelPackageGiven"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ModelPackageArn"}, ""]}]}
    assert serving["Outputs"]["EndpointName"]["Condition"] == "ModelPackageGiven"


@pytest.mark.parametrize(
    ("arn", "taken"),
    [
        ("", True),
        ("arn:aws:sagemaker:us-east-1:123456789012:model-package/trainyard-local-bytes-lm/3", True),
        ("arn:aws:sagemaker:us-east-1:123456789012:model-package-group/trainyard-local-bytes-lm", False),
        ("trainyard-local-bytes-lm", False),
    ],
)
def test_the_parameter_takes_the_arn_of_a_version(arn: str, taken: bool) -> None:
    parameter = template("Local", "Serving")["Parameters"]["ModelPackageArn"]
    assert bool(re.search(parameter["AllowedPattern"], arn)) is taken


def test_the_model_is_the_package_in_the_network() -> None:
    properties = one("Local", "AWS::SageMaker::Model")["Properties"]
    assert properties["Containers"] == [{"ModelPackageName": {"Ref": "ModelPackageArn"}}]
    assert len(properties["VpcConfig"]["Subnets"]) == 2
    assert "ModelName" not in properties


def test_the_instances_are_the_environments() -> None:
    from environments import PROD

    (variant,) = one("Prod", "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    resources = next(served for served in PROD.endpoints if served.name == "bytes-lm").hosting.resources
    assert variant["InstanceType"] == resources.instance_type
    assert variant["InitialInstanceCount"] == resources.instance_count
    assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == resources.start_seconds


def test_volumes_name_the_key_where_the_type_has_no_storage_of_its_own() -> None:
    assert "KmsKeyId" in one("Local", "AWS::SageMaker::EndpointConfig")["Properties"]
    assert "KmsKeyId" not in one("Prod", "AWS::SageMaker::EndpointConfig")["Properties"]


def test_names_are_cloudformations_so_that_an_update_can_replace() -> None:
    for kind, name in zip(KINDS[:2], ("ModelName", "EndpointConfigName"), strict=True):
        assert name not in one("Local", kind)["Properties"]


def test_the_endpoint_has_a_name_that_alarms_can_know_before() -> None:
    assert one("Local", "AWS::SageMaker::Endpoint")["Properties"]["EndpointName"] == "trainyard-local-bytes-lm"


def reached(part: str) -> dict[str, list[str]]:
    """Paths in buckets by the action that the containers of an endpoint may do there."""
    found: dict[str, list[str]] = {}
    for statement in statements(template("Local", part), "EndpointRole"):
        named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        paths = [resource["Fn::Join"][1][1] for resource in named if "Fn::Join" in resource]
        for action in actions(statement):
            if action.startswith("s3:") and paths:
                found.setdefault(action, []).extend(paths)
    return found


def test_containers_read_packages_and_write_nothing() -> None:
    assert reached("Serving-digits") == {"s3:GetObject": ["/packages/digits/*"]}


def test_what_is_captured_is_all_that_they_write() -> None:
    found = reached("Serving")
    assert found["s3:PutObject"] == ["/captured/bytes-lm/*"]
    assert found["s3:GetObject"] == ["/packages/bytes-lm/*"]


def test_a_queue_is_read_and_answered_below_its_own_prefixes() -> None:
    found = reached("Serving-arr-coc")
    assert sorted(found["s3:GetObject"]) == ["/packages/arr-coc/*", "/requests/arr-coc/*"]
    assert found["s3:PutObject"] == ["/answers/arr-coc/*"]


def test_the_command_that_serves_a_package_is_an_output() -> None:
    assert template("Local", "Serving")["Outputs"]["DeployCommand"]["Value"] == (
        "cdk deploy Local/Serving-bytes-lm --parameters trainyard-local-serving-bytes-lm:ModelPackageArn=ARN"
    )
