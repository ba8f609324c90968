"""Monitors of an environment's endpoints: what is made before there is a baseline, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from synthesis import actions, definition, resources, statements, template

from constructs_lib.serving import ServingResources
from constructs_lib.serving.monitoring import Daily, DataQuality, Drift, MonitorResources
from constructs_lib.serving.scaling import Backlog, Scaling, WakeFromZero
from constructs_lib.training import Location
from environments import PROD
from stacks.served import Capture, Instances, MonitoredData, Queue, ServedWorkload, recipes

HOSTS = MonitorResources(instance_type="ml.m5.xlarge", volume_gib=20, max_run_seconds=3600)
DATA = MonitoredData(schedule=Daily(hour=3), resources=HOSTS)
GPU = ServingResources(instance_type="ml.g5.2xlarge", instance_count=1, start_seconds=600)


def one(kind: str) -> dict[str, Any]:
    ((_, found),) = resources(template("Prod", "Serving"), f"AWS::SageMaker::{kind}").items()
    return found


def test_before_there_is_a_baseline_nothing_is_a_violation() -> None:
    found = one("DataQualityJobDefinition")
    assert found["Condition"] == "ModelPackageGiven"
    assert "DataQualityBaselineConfig" not in found["Properties"]
    names = {alarm["Properties"]["MetricName"] for alarm in
             resources(template("Prod", "Serving"), "AWS::CloudWatch::Alarm").values()}  # fmt: skip
    assert not [name for name in names if name.startswith("feature_baseline_drift")]


def test_it_looks_at_what_the_endpoint_captures_by_the_script_of_triton() -> None:
    found = one("DataQualityJobDefinition")["Properties"]
    assert found["DataQualityJobInput"]["EndpointInput"]["EndpointName"] == "trainyard-prod-bytes-lm"
    assert found["DataQualityAppSpecification"]["RecordPreprocessorSourceUri"].endswith(".py")
    read = [json.dumps(statement["Resource"]) for statement in statements(template("Prod", "Serving"), "MonitorsRole")
            if "s3:GetObject" in actions(statement)]  # fmt: skip
    assert [text for text in read if "/captured/bytes-lm/*" in text]


def test_a_baseline_is_made_of_captured_traffic_by_a_command() -> None:
    command = json.dumps(template("Prod", "Serving")["Outputs"]["BaselineCommand"]["Value"])
    assert "aws sagemaker start-pipeline-execution --region us-east-1 --pipeline-name" in command
    assert "Name=Captured,Value=YYYY/MM/DD Name=Baseline,Value=NAME" in command
    (step,) = definition("Prod", "Serving")["Steps"]
    (data, script) = step["Arguments"]["ProcessingInputs"]
    *_, endpoint, variant, day = data["S3Input"]["S3Uri"]["Std:Join"]["Values"]
    assert (endpoint, variant, day) == ("trainyard-prod-bytes-lm", "live", {"Get": "Parameters.Captured"})
    used = one("DataQualityJobDefinition")["Properties"]["DataQualityAppSpecification"]["RecordPreprocessorSourceUri"]
    assert script["S3Input"]["S3Uri"] == used


def test_the_monitor_takes_the_baseline_that_the_command_made() -> None:
    (step,) = definition("Prod", "Serving")["Steps"]
    (output,) = step["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    root, name = output["S3Output"]["S3Uri"]["Std:Join"]["Values"]
    assert name == {"Get": "Parameters.Baseline"}
    assert root.endswith("/monitoring/bytes-lm/baselines/DataQuality")


def test_hosts_of_monitors_have_addresses_too() -> None:
    served = next(served for served in PROD.endpoints if served.name == "bytes-lm")
    assert isinstance(served, ServedWorkload)
    assert served.instances == served.hosting.most + 2


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"capture": None}, "a monitor looks at what is captured, and nothing is"),
        ({"hosting": recipes.SERVERLESS_4_GB}, "no serverless endpoint"),
        ({"hosting": Instances(resources=GPU, scaling=Scaling(minimum=0, maximum=1,
                                                              rules=(Backlog(per_instance=1), WakeFromZero()))),
          "queue": Queue()}, "no endpoint with a queue"),
        ({"monitors": (DATA, DATA)}, "got 'DataQuality', but an endpoint has one monitor of each kind"),
    ],
)  # fmt: skip
def test_what_cannot_be_watched_is_refused(fields: dict[str, Any], refusal: str) -> None:
    given = {"name": "lm", "workload": "bytes-lm", "hosting": Instances(resources=GPU),
             "capture": Capture(percentage=5), "monitors": (DATA,)}  # fmt: skip
    with pytest.raises(ValueError, match=refusal):
        ServedWorkload(**{**given, **fields})


def test_a_name_of_a_baseline_is_one_folder() -> None:
    with pytest.raises(ValueError, match=r"MonitoredData.baseline: got 'a/b', but it must match"):
        MonitoredData(schedule=Daily(hour=3), resources=HOSTS, baseline="a/b")


def test_with_a_baseline_drifts_raise_alarms() -> None:
    bucket = s3.Bucket.from_bucket_name(cdk.Stack(), "Bucket", "artifacts")
    drifts = (Drift(feature="request_tokens_mean", distance=0.2),)
    data = MonitoredData(schedule=Daily(hour=3), resources=HOSTS, baseline="2026-11", drifts=drifts)
    monitor = data.monitor(Location(bucket=bucket, prefix="reports"), Location(bucket=bucket, prefix="baselines"))
    assert isinstance(monitor, DataQuality)
    assert monitor.baseline is not None
    assert monitor.baseline.prefix == "baselines/2026-11"
    assert monitor.drifts == drifts
