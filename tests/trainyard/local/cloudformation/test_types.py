"""Every resource type: deployed, read back, updated, replaced, deleted; what is not applied or not there is refused."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from trainyard.local.readback import Verdict
from trainyard.local.readback.readers import READERS, Deployed

from . import cases_databases as databases
from . import cases_identity as identity
from . import cases_network as network
from . import cases_sagemaker as sagemaker
from . import cases_spending as spending
from . import cases_storage as storage
from . import cases_watching as watching
from .cases import Case

pytestmark = pytest.mark.slow  # each type is deployed

CASES = [*network.CASES, *storage.CASES, *databases.CASES, *identity.CASES, *sagemaker.CASES, *spending.CASES,
         *watching.CASES]  # fmt: skip


def named(case: Case) -> str:
    return case.type.removeprefix("AWS::")


def different(stack: Any) -> list[str]:
    return [str(finding) for finding in stack.read_back().of(Verdict.DIFFERS)]


def is_there(client: Any, case: Case, physical_id: str, properties: dict) -> bool:
    """Whether the service still shows the resource; a key shows that it is to be deleted."""

    class Session:
        def client(self, service: str) -> Any:
            return client(service)

    deployed = Deployed(clients=Session(), physical_id=physical_id, properties=properties)
    try:
        found = READERS[case.type].read(deployed)
    except (ClientError, IndexError):
        return False
    return bool(found) and found.get("Enabled", True)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_deploys_as_written_and_leaves_nothing(case: Case, stack: Any, client: Any) -> None:
    stack.deploy(case.template())
    assert different(stack) == []
    physical_id = stack.physical_id("It")
    resolved = {"GroupId": "sg-0", "Bucket": physical_id, "PolicyName": "it", "Roles": [], "TargetKeyId": ""}
    stack.delete()
    assert not is_there(client, case, physical_id, resolved)


@pytest.mark.parametrize("case", [case for case in CASES if case.update], ids=named)
def test_a_change_is_applied_in_place_and_a_removed_property_is_its_default_again(case: Case, stack: Any) -> None:
    stack.deploy(case.template())
    before = stack.physical_id("It")
    stack.deploy(case.template(case.update))
    assert different(stack) == []
    assert stack.physical_id("It") == before


@pytest.mark.parametrize("case", [case for case in CASES if case.replace], ids=named)
def test_a_create_only_property_replaces_the_resource(case: Case, stack: Any, client: Any) -> None:
    stack.deploy(case.template())
    before = stack.physical_id("It")
    stack.deploy(case.template(case.replace))
    assert different(stack) == []
    after = stack.physical_id("It")
    assert after != before
    # A rule is not known by its id but by what it says: its group's read-back above has missed nothing.
    if not case.type.startswith(("AWS::EC2::SecurityGroupI", "AWS::EC2::SecurityGroupE")):
        assert not is_there(client, case, before, {"TargetKeyId": ""})


@pytest.mark.parametrize("case", [case for case in CASES if case.refused], ids=named)
def test_a_property_that_is_not_applied_fails_the_deploy_by_name(case: Case, stack: Any, failed: Any) -> None:
    with pytest.raises(failed) as caught:
        stack.deploy(case.template(case.refused))
    assert f"It ({case.type}): the local cloud does not apply {case.refused_path}" in str(caught.value)


@pytest.mark.parametrize("case", [case for case in CASES if case.wrong], ids=named)
def test_what_does_not_exist_or_cannot_be_fails_the_deploy_in_one_line(case: Case, stack: Any, failed: Any) -> None:
    with pytest.raises(failed) as caught:
        stack.deploy(case.template(case.wrong))
    message = str(caught.value)
    assert f"It ({case.type})" in message
    assert case.wrong_says in message
    assert "\n" not in message
