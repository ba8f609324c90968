"""Values of constructs hold what their fields say, and take what CDK gives for it."""

import importlib
import inspect
import pkgutil
from typing import Any

import aws_cdk as cdk
import jsii
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from foreign import foreign_to

import constructs_lib
import stacks
from constructs_lib.network import NetworkSettings
from constructs_lib.training.location import Location
from constructs_lib.values import InvalidValue, Value
from ml_contract.field_types import check_of


def kinds() -> list[type[Value]]:
    packages = (
        module
        for package in (constructs_lib, stacks)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    )
    modules = [importlib.import_module(module.name) for module in packages]
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, Value) and kind.__module__ == module.__name__
        if not inspect.isabstract(kind)
    ]


@pytest.mark.slow
def test_every_field_of_every_value_refuses_what_is_foreign_to_it_in_one_line() -> None:
    found = kinds()
    assert len(found) > 300
    taken = []
    for kind in found:
        # All at once: each problem has its line.
        foreign = {name: list(foreign_to(field.annotation)) for name, field in kind.model_fields.items()}
        for turn in range(max(map(len, foreign.values()), default=0)):
            given: dict[str, Any] = {name: values[turn] for name, values in foreign.items() if turn < len(values)}
            with pytest.raises(InvalidValue) as caught:
                kind(**given)
            problems = [problem for problem in caught.value.problems if "\n" not in str(problem)]
            told = {
                problem.field.removeprefix(f"{kind.__name__} {given.get(str(kind.called))}") for problem in problems
            }
            names = {field.removeprefix(kind.__name__).removeprefix(".").partition(".")[0] for field in told}
            taken += [f"{kind.__name__}.{name}: {value!r}" for name, value in given.items() if name not in names]
    assert not taken


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"log_days": True}, "NetworkSettings.log_days: got True, but it must be one of 1, 3, 5"),
        ({"availability_zones": "us-east-1a"}, "NetworkSettings.availability_zones: got 'us-east-1a', but it must"),
        ({"way_out": {}}, "NetworkSettings.way_out: got {}, but it must be a WayOut."),
        ({"way_out": "nat"}, "NetworkSettings.way_out: got 'nat', but it must be a WayOut."),
        ({"nodes": 2.0}, "NetworkSettings.nodes: got 2.0, but it must be a valid integer"),
    ],
)  # fmt: skip
def test_wrong_types_of_an_environment(fields: dict[str, object], line: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        NetworkSettings(**fields)
    assert any(str(problem).startswith(line) for problem in caught.value.problems), str(caught.value)


@jsii.implements(iam.IGrantable)
class OfAUser:
    @property
    def grant_principal(self) -> Any:
        return iam.AnyPrincipal()


def test_what_cdk_gives_is_taken_by_its_interface() -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    bucket, key = s3.Bucket(stack, "Bucket"), kms.Key(stack, "Key")
    imported = s3.Bucket.from_bucket_name(stack, "Imported", "of-another")
    role = iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/mine")
    topic = sns.Topic.from_topic_arn(stack, "Topic", "arn:aws:sns:us-east-1:123456789012:mine")
    network = cdk.aws_ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-1", availability_zones=["a"], isolated_subnet_ids=["subnet-1"]
    )
    for interface, values in {
        s3.IBucket: (bucket, imported), kms.IKey: (key,),
        iam.IRole: (role, iam.Role(stack, "R", assumed_by=iam.AnyPrincipal())),
        sns.ITopic: (topic, sns.Topic(stack, "T")), cdk.aws_ec2.IVpc: (network,), iam.IGrantable: (OfAUser(), role),
        cdk.aws_ec2.ISubnet: tuple(network.isolated_subnets),
    }.items():  # fmt: skip
        for value in values:
            assert check_of(interface)(value) is None
    assert check_of(s3.IBucket)(key) is not None
    assert check_of(kms.IKey)("arn:aws:kms:us-east-1:123456789012:key/mine") is not None


def test_tokens_are_the_text_that_they_are_encoded_as() -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    bucket = s3.Bucket(stack, "Bucket")
    location = Location(bucket=bucket, prefix="runs", path=(bucket.bucket_name, stack.region))
    assert cdk.Token.is_unresolved(location.path[0])
