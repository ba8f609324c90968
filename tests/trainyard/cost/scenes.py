"""Templates and prices that the tests of costs share: small, of the shapes that CDK and people write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from trainyard.cost.assumptions import Assumptions
from trainyard.cost.estimate import Estimate, estimate
from trainyard.cost.lines import Line
from trainyard.cost.prices import Price, Prices
from trainyard.cost.templates import read

DAY = date(2026, 11, 1)
MONTH = 730
"""Hours."""
UNITS = {
    "vpc/nat-gateway-hour": (0.045, "hour"),
    "vpc/nat-gateway-gb": (0.045, "gb"),
    "vpc/interface-endpoint-hour": (0.01, "hour"),
    "vpc/interface-endpoint-gb": (0.01, "gb"),
    "kms/key-month": (1.0, "month"),
    "kms/10000-requests": (0.03, "10000-requests"),
    "logs/ingested-gb": (0.5, "gb"),
    "logs/stored-gb-month": (0.03, "gb-month"),
    "s3/standard-gb-month": (0.023, "gb-month"),
    "s3/deep-archive-gb-month": (0.001, "gb-month"),
    "s3/standard-1000-writes": (0.005, "1000-requests"),
    "s3/standard-1000-reads": (0.0004, "1000-requests"),
    "cloudwatch/alarm-month": (0.1, "month"),
    "cloudwatch/alarm-high-resolution-month": (0.3, "month"),
    "fsx/lustre-persistent_2-ssd-250-gb-month": (0.2, "gb-month"),
    "fsx/lustre-backup-gb-month": (0.05, "gb-month"),
    "sagemaker/volume-gb-month": (0.14, "gb-month"),
    "sagemaker/cluster-volume-gb-month": (0.1, "gb-month"),
    "sagemaker/inference-gb": (0.02, "gb"),
    "sagemaker/serverless-gb-second": (0.00002, "gb-second"),
    "ml.p4d.24xlarge/training": (32.77, "hour"),
    "ml.p4d.24xlarge/plan": (13.57, "hour"),
    "p4d.24xlarge/spot": (9.83, "hour"),
    "ml.g5.xlarge/hosting": (1.0, "hour"),
    "ml.g5.2xlarge/cluster": (2.0, "hour"),
    "p5.48xlarge/ec2": (55.0, "hour"),
    "rds/db.m6g.large/mariadb/multi-az": (0.3, "hour"),
    "rds/gp3-multi-az-gb-month": (0.23, "gb-month"),
    "eks/cluster-hour": (0.1, "hour"),
    "eks/cluster-extended-support-hour": (0.6, "hour"),
}
"""Round figures, for arithmetic in the head; the eight cases' own where a case is tested."""


def prices(region: str = "us-east-1", **more: tuple[float, str]) -> Prices:
    """The table of the tests."""
    rows = {
        item: Price(item=item, amount=amount, unit=unit, currency="USD", source="a test", read=DAY)
        for item, (amount, unit) in (UNITS | more).items()
    }
    return Prices(region=region, rows=rows)


def template(folder: Path, resources: Mapping[str, Any], **more: Any) -> Path:
    """A template as a file."""
    file = folder / "stack.template.json"
    file.write_text(json.dumps({"Resources": resources, **more}))
    return file


def estimated(folder: Path, resources: Mapping[str, Any], parameters: Mapping[str, str] | None = None,
              assume: Mapping[str, float] | None = None, **more: Any) -> Estimate:  # fmt: skip
    """What one template costs."""
    found = read(template(folder, resources, **more), region="us-east-1", parameters=parameters)
    return estimate(found, Assumptions(given=assume or {}), prices)


def lines(found: Estimate, logical_id: str) -> list[Line]:
    """The lines of one resource of one stack."""
    (stack,) = found.stacks
    return [line for each in stack.resources if each.logical_id == logical_id for line in each.lines]


def assembly(folder: Path, stacks: Mapping[str, Mapping[str, Any]], environment: str = "aws://1/us-east-1") -> Path:
    """A cloud assembly with these stacks, ids as ``Prod/Network``."""
    folder.mkdir(parents=True, exist_ok=True)
    artifacts = {}
    for name, resources in stacks.items():
        file = f"{name.replace('/', '')}.template.json"
        (folder / file).write_text(json.dumps({"Resources": resources}))
        artifacts[name.replace("/", "")] = {
            "type": "aws:cloudformation:stack",
            "environment": environment,
            "properties": {"templateFile": file, "stackName": name.lower().replace("/", "-")},
            "displayName": name,
        }
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return folder


NAT = {"Type": "AWS::EC2::NatGateway", "Properties": {}}
KEY = {"Type": "AWS::KMS::Key", "Properties": {}}


def pipeline(*steps: dict[str, Any], parameters: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """A pipeline whose definition is joined around an attribute, as CDK writes it."""
    text = json.dumps({"Version": "2020-12-01", "Parameters": list(parameters), "Steps": list(steps)})
    head, tail = text[:-1], "}"
    body = {"Fn::Join": ["", [head, ', "Role": "', {"Fn::GetAtt": ["Role", "Arn"]}, '"', tail]]}
    definition = {"PipelineDefinition": {"PipelineDefinitionBody": body}}
    return {"Pipeline": {"Type": "AWS::SageMaker::Pipeline", "Properties": definition}}


def training(**resources: Any) -> dict[str, Any]:
    """A training step of eight hours on one p4d."""
    config = {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 1} | resources
    arguments = {"ResourceConfig": config, "StoppingCondition": {"MaxRuntimeInSeconds": 8 * 3600}}
    return {"Name": "Train", "Type": "Training", "Arguments": arguments}
