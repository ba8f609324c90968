"""What a platform needs is taken from it, and given back by the commands of the runbooks."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from .deployment import Deployment

pytestmark = pytest.mark.skipif(shutil.which("aws") is None, reason="runbooks use the AWS CLI")


def played(deployment: Deployment, name: str) -> dict[str, Any]:
    """What a play told, when it ended as it must."""
    found = deployment.run("incident", name, "--json", timeout=240)
    assert found.returncode == 0, found.stdout + found.stderr
    outcome = json.loads(found.stdout)
    assert all(command["status"] == 0 for command in outcome["commands"])
    kinds = [moment["kind"] for moment in outcome["timeline"]]
    assert kinds.index("provoked") < kinds.index("told") < kinds.index("command") < kinds.index("checked")
    return outcome


# An endpoint stands for what must go on; its package is the only one that its own tests know.
@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("capacity-shortage", "for which nothing is billed"),
        ("expired-image", "its first job has run from the image"),
        ("runaway-cost", "the action is on duty again"),
        ("deleted-key", "has resumed from the commit of step"),
    ],
)
def test_what_is_taken_is_missed_and_comes_back(deployment: Deployment, name: str, found: str) -> None:
    outcome = played(deployment, name)
    assert any(found in finding for finding in outcome["findings"])
    assert deployment.cloud.call("ListFaults")["Faults"] == []


def test_a_bad_model_is_taken_back_and_rejected(deployment: Deployment, endpoint: str) -> None:
    outcome = played(deployment, "bad-model")
    assert outcome["alarms"] == [f"{endpoint}-endpoint-errors"]
    assert "the bad version is Rejected" in outcome["findings"]
