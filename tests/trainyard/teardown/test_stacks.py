"""A stack is told what to leave behind so that CloudFormation takes it."""

from __future__ import annotations

import json

import pytest

from tests.trainyard.teardown import scenes
from tests.trainyard.teardown.clouds import asked, look
from trainyard.operations.connection import OperationError
from trainyard.teardown import stacks

TEMPLATE = {"Resources": {"A": {"Type": scenes.BUCKET, "Metadata": {"aws:cdk:path": "x"}}, "B": {"Type": scenes.KEY}}}


def test_a_deletion_policy_comes_with_a_change_of_the_same_resource() -> None:
    changed = stacks.leave_behind(TEMPLATE, ["A"])
    assert changed["Resources"] == {
        "A": {"Type": scenes.BUCKET, "DeletionPolicy": "Retain",
              "Metadata": {"aws:cdk:path": "x", "trainyard:teardown": "kept"}},
        "B": {"Type": scenes.KEY},
    }  # fmt: skip
    assert "DeletionPolicy" not in TEMPLATE["Resources"]["A"], "the template as it is deployed was changed"


def test_a_policy_that_did_not_arrive_ends_the_teardown_before_the_stack_goes() -> None:
    cloud = look(cloudformation={"get_template": {"TemplateBody": json.dumps(TEMPLATE)}, "get_waiter": _waiter})
    with pytest.raises(
        OperationError, match=r"did not take the deletion policy of A\. Nothing of that stack was deleted"
    ):
        stacks.keep_apart(cloud, scenes.environment(), scenes.stack("s", template=TEMPLATE), ["A"])


def test_a_long_template_goes_by_the_bootstrap_bucket() -> None:
    long = {"Resources": {"A": {"Type": scenes.BUCKET, "Metadata": {"x": "y" * stacks.BODY_BYTES}}}}
    bucket = [{"ResourceType": scenes.BUCKET, "PhysicalResourceId": "assets"}]
    cloud = look(cloudformation={
        "list_stack_resources": {"StackResourceSummaries": bucket}, "get_waiter": _waiter,
        "get_template": {"TemplateBody": json.dumps(stacks.leave_behind(long, ["A"]))},
    })  # fmt: skip
    stacks.keep_apart(cloud, scenes.environment(), scenes.stack("s", template=long), ["A"])
    requests = asked(cloud)
    assert requests["put_object"]["Key"] == "teardown/local/s.json"
    assert requests["update_stack"]["TemplateURL"] == "https://assets.s3.us-east-1.amazonaws.com/teardown/local/s.json"


def test_a_deletion_that_failed_keeps_by_name_what_no_update_reaches() -> None:
    cloud = look(cloudformation={"describe_stacks": {"Stacks": [{"StackStatus": "DELETE_FAILED"}]}})
    stacks.begin(cloud, scenes.stack("s", status="DELETE_FAILED"), ["A"])
    requests = asked(cloud)
    assert requests["delete_stack"] == {"StackName": "s", "RetainResources": ["A"]}


def test_a_deletion_that_goes_on_is_not_begun_again() -> None:
    cloud = look(cloudformation={"describe_stacks": {"Stacks": [{"StackStatus": "DELETE_IN_PROGRESS"}]}})
    stacks.begin(cloud, scenes.stack("s"))
    assert "delete_stack" not in asked(cloud)


def _waiter(waiter_name: str) -> object:
    return type("Waiter", (), {"wait": staticmethod(lambda **_: None)})
