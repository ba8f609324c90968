"""`trainyard quotas` as it is typed."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trainyard.cli.app import app
from trainyard.operations import connection
from trainyard.quotas.codes import TRAINING

pytestmark = pytest.mark.slow

STEP = {
    "Name": "Train",
    "Type": "Training",
    "Arguments": {"ResourceConfig": {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 2}},
}


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    body = json.dumps({"Steps": [STEP]})
    pipeline = {"Type": "AWS::SageMaker::Pipeline", "Condition": "Given",
                "Properties": {"PipelineDefinition": {"PipelineDefinitionBody": body}}}  # fmt: skip
    given = {"Fn::Not": [{"Fn::Equals": ["", {"Ref": "Package"}]}]}
    template = {"Parameters": {"Package": {"Type": "String", "Default": ""}}, "Conditions": {"Given": given},
                "Resources": {"It": pipeline}}  # fmt: skip
    (tmp_path / "It.template.json").write_text(json.dumps(template))
    stack = {"type": "aws:cloudformation:stack", "environment": "aws://111111111111/us-east-1",
             "displayName": "Dev/It", "properties": {"templateFile": "It.template.json"}}  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps({"version": "54.0.0", "artifacts": {"DevIt": stack}}))
    return tmp_path


class Account:
    """One that has so many of everything, and publishes no use."""

    def __init__(self, value: float) -> None:
        self.value = value

    def client(self, _service: str) -> Any:
        return self

    def get_service_quota(self, **_: str) -> dict[str, Any]:
        return {"Quota": {"Value": self.value}}


def quotas(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["quotas", *map(str, arguments)])


def test_offline_it_says_what_is_needed_of_what_a_deployment_may_come_to(assembly: Path) -> None:
    ran = quotas("dev", "--assembly", assembly, "--offline")
    assert ran.exit_code == 0
    rows = [line.split() for line in ran.stdout.splitlines()]
    assert [*TRAINING.split(), "L-00C91CB5", "2"] in rows


def test_what_is_too_low_ends_with_status_1_and_the_commands(assembly: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "connect", lambda _cloud: Account(1))
    ran = quotas("dev", "--assembly", assembly)
    assert ran.exit_code == 1
    assert "request-service-quota-increase --service-code sagemaker --quota-code L-2D6DEB3C" in ran.stdout


def test_what_suffices_ends_with_status_0(assembly: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "connect", lambda _cloud: Account(2))
    assert quotas("dev", "--assembly", assembly).exit_code == 0
