"""A teardown of the wrong environment is refused before anything is planned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ml_contract.errors import ContractError
from tests.trainyard.teardown import scenes
from tests.trainyard.teardown.clouds import failure, look
from trainyard.assembly.stacks import AssemblyStack
from trainyard.teardown.assembled import Assembled
from trainyard.teardown.right import check_place, check_shared, check_stacks, check_tags


def test_credentials_of_another_account_are_refused() -> None:
    with pytest.raises(
        ContractError, match=r"credentials: got 'account 999999999999', but local is in account 123456789012"
    ):
        check_place(look(sts={"get_caller_identity": {"Account": "999999999999"}}), scenes.environment())


def test_another_region_is_refused() -> None:
    cloud = look(sts={"get_caller_identity": {"Account": scenes.ACCOUNT}}, cloudformation={"region": "eu-west-1"})
    with pytest.raises(ContractError, match=r"region: got 'eu-west-1', but local is in us-east-1"):
        check_place(cloud, scenes.environment())


@pytest.fixture
def environment(tmp_path: Path) -> Assembled:
    """With one stack whose template has a bucket and a key."""
    file = tmp_path / "s.json"
    file.write_text(json.dumps({"Resources": {"a": {"Type": scenes.BUCKET}, "b": {"Type": scenes.KEY}}}))
    return replace(scenes.environment(), stacks={"s": AssemblyStack(id="Local/s", name="s", file=file)})


def test_a_stack_of_another_app_with_the_same_name_is_refused(environment: Assembled) -> None:
    theirs = scenes.stack(
        "s", [scenes.resource("s", "Queue", "AWS::SQS::Queue"), scenes.resource("s", "a", scenes.KEY)]
    )
    with pytest.raises(
        ContractError, match=r"stack: got 's', but 0 of its 2 resources are the assembly's: it is another"
    ):
        check_stacks(environment, {"s": theirs})


def test_an_assembly_of_another_commit_is_taken(environment: Assembled) -> None:
    ours = scenes.stack("s", [scenes.resource("s", "a", scenes.BUCKET), scenes.resource("s", "old", scenes.BUCKET)])
    check_stacks(environment, {"s": ours})


def test_a_stack_that_is_being_changed_is_refused() -> None:
    with pytest.raises(ContractError, match=r"s: UPDATE_IN_PROGRESS.*somebody is changing it"):
        check_stacks(scenes.environment(["s"]), {"s": scenes.stack("s", status="UPDATE_IN_PROGRESS")})


def test_a_stack_that_another_environment_imports_from_is_refused() -> None:
    cloud = look(cloudformation={"list_imports": {"Imports": ["s", "elsewhere"]}})
    made = {"s": scenes.stack("s", exports=frozenset({"s:Key"}))}
    with pytest.raises(ContractError, match="stack: got 's', but elsewhere uses its Key"):
        check_shared(cloud, scenes.environment(["s"]), made)


def test_an_export_that_nobody_imports_is_no_error() -> None:
    error = failure("ValidationError", "Export 's:Key' is not imported by any stack.")
    made = {"s": scenes.stack("s", exports=frozenset({"s:Key"}))}
    check_shared(look(cloudformation={"list_imports": error}), scenes.environment(["s"]), made)


def test_what_is_marked_as_another_environments_is_refused() -> None:
    marked = [{"ResourceARN": "arn:aws:s3:::b", "Tags": [{"Key": "environment", "Value": "prod"}]}]
    cloud = look(resourcegroupstaggingapi={"get_resources": {"ResourceTagMappingList": marked}})
    with pytest.raises(
        ContractError, match=r"arn:aws:s3:::b: got 'environment=prod'.*another environment's than local"
    ):
        check_tags(cloud, scenes.environment(), ["arn:aws:s3:::b"])
