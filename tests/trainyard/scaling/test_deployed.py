"""Targets and policies out of templates."""

from __future__ import annotations

from typing import Any

import pytest

from ml_contract.errors import ContractError
from tests.trainyard.scaling import documents as of
from trainyard.scaling.deployed import of_template, one


def _template() -> dict[str, Any]:
    resource = {"Fn::Join": ["", ["endpoint/", {"Fn::GetAtt": ["Endpoint", "EndpointName"]}, "/variant/AllTraffic"]]}
    target = of.target() | {"ResourceId": resource, "ScheduledActions": [of.action("rate(1 day)", low=2)]}
    tracking, steps = of.tracking(), of.steps("Wake", (0, None, 1))
    del steps["Alarms"]
    alarm = of.alarm() | {"AlarmActions": [{"Ref": "Wake"}]}
    return {
        "Resources": {
            "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target},
            "Track": {
                "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
                "Properties": tracking | {"ScalingTargetId": {"Ref": "Target"}},
            },
            "Wake": {
                "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
                "Properties": steps | {"ResourceId": resource, "ScalableDimension": of.DIMENSION},
            },
            "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm},
            "Table": {
                "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
                "Properties": target | {"ServiceNamespace": "dynamodb"},
            },
        }
    }


def test_a_template_gives_a_scaler_a_target() -> None:
    """Policies by reference and by resource, alarms by their actions, scheduled actions in the target."""
    (found,) = of_template(_template())
    assert found.resource == "endpoint/Endpoint.EndpointName/variant/AllTraffic"
    assert ([each.name for each in found.tracking], [each.name for each in found.stepping]) == (
        ["Invocations"],
        ["Wake"],
    )
    assert [signal.key for signal in found.signals] == ["Invocations", "Alarm"]
    assert [each.minimum for each in found.scheduled] == [2]


def test_a_target_that_is_not_there_is_refused_with_those_that_are() -> None:
    """The way out names them."""
    found = list(of_template(_template()))
    assert one(found, "AllTraffic") is found[0]
    with pytest.raises(ContractError, match=r"Endpoint\.EndpointName"):
        one(found, "Other")
