"""The table of what CloudFormation says about types, against cfn-lint's schemas and against what the types apply."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from trainyard.local.cloud import ROOT
from trainyard.local.cloudformation.extract_schemas import TARGET, extract
from trainyard.local.readback.readers import NOTHING_TO_READ, READERS

TABLE = json.loads(TARGET.read_text())


@pytest.mark.slow
def test_the_table_is_what_cfn_lint_ships() -> None:
    assert extract(TABLE["types"]) == TABLE


@pytest.fixture(scope="module")
def registered() -> dict[str, dict]:
    """What the cloud registers, asked of the environment that it runs in."""
    program = """
import json
from types import SimpleNamespace
from trainyard.local.cloudformation.registry import install, resources
from ministack.services.cloudformation import provisioners
services = {name: SimpleNamespace() for name in ("sagemaker", "application-autoscaling", "fsx", "budgets")}
install(services)
print(json.dumps({
    r.type: {"applied": sorted(r.applied), "replacing": provisioners._REPLACING_PROPERTIES[r.type],
             "handlers": sorted(provisioners._RESOURCE_HANDLERS[r.type])}
    for r in resources(services)
}))
"""
    python = ROOT / ".trainyard/envs/cloud/bin/python"
    ran = subprocess.run([python, "-c", program], cwd=ROOT, text=True, capture_output=True, check=True)
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def test_every_type_has_a_schema_and_applies_what_the_schema_has(registered: dict) -> None:
    assert sorted(registered) == sorted(TABLE["types"])
    for name, found in registered.items():
        schema = TABLE["types"][name]
        unknown = set(found["applied"]) - set(schema["properties"])
        assert not unknown, f"{name} applies {unknown}, which CloudFormation does not know"
        assert set(schema["required"]) <= set(found["applied"]), f"{name} refuses what CloudFormation requires"
        assert found["replacing"] == schema["create_only"]


def test_every_type_can_be_made_changed_and_removed(registered: dict) -> None:
    for name, found in registered.items():
        assert {"create", "update", "delete"} <= set(found["handlers"]), name


def test_every_type_has_a_reader_or_a_reason(registered: dict) -> None:
    assert sorted(registered) == sorted({*READERS, *NOTHING_TO_READ})


def test_the_read_back_knows_neither_the_emulator_nor_cdk() -> None:
    program = "import sys, trainyard.local.readback; print([m for m in ('ministack', 'aws_cdk') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=True)
    assert ran.stdout.strip() == "[]"
