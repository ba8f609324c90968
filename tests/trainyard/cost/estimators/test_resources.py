"""What each kind of resource bills: one small template each, with round prices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.trainyard.cost import scenes
from tests.trainyard.cost.scenes import KEY, MONTH, NAT, estimated, lines, pipeline, training
from trainyard.cost.lines import Kind, Range


@pytest.mark.parametrize(("resource", "monthly"), [
    (NAT, [0.045 * MONTH, 4.5]),
    (KEY, [1.0, 0.3]),
    ({"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Gateway"}}, []),
    ({"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b", "c"]}},
     [3 * 0.01 * MONTH, 0.5]),
    ({"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 90}}, [2.5, 5 * 3 * 0.03]),
    ({"Type": "AWS::EC2::FlowLog", "Properties": {}}, [10.0]),
    ({"Type": "AWS::S3::Bucket", "Properties": {}}, [11.5, 0.5, 0.4]),
    ({"Type": "AWS::S3::Bucket", "Properties": {"LifecycleConfiguration": {"Rules": [
        {"Status": "Enabled", "Transitions": [{"StorageClass": "DEEP_ARCHIVE", "TransitionInDays": 30}]},
        {"Status": "Disabled", "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 90}]},
    ]}}}, [0.5, 0.5, 0.4]),
    ({"Type": "AWS::CloudWatch::Alarm", "Properties": {"Period": 60}}, [0.1]),
    ({"Type": "AWS::CloudWatch::Alarm", "Properties": {"Period": 10}}, [0.3]),
    ({"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [
        {"Id": "a", "MetricStat": {"Period": 60}}, {"Id": "b", "MetricStat": {"Period": 60}}, {"Expression": "a/b"},
    ]}}, [0.2]),
    ({"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [
        {"Id": "a", "MetricStat": {"Period": 60}}, {"Expression": "ANOMALY_DETECTION_BAND(a)"},
    ]}}, [0.3]),
    ({"Type": "AWS::FSx::FileSystem", "Properties": {"FileSystemType": "LUSTRE", "StorageCapacity": 1200,
      "LustreConfiguration": {"DeploymentType": "PERSISTENT_2", "PerUnitStorageThroughput": 250,
                              "AutomaticBackupRetentionDays": 7}}}, [240.0, 30.0]),
    ({"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "mariadb", "DBInstanceClass": "db.m6g.large",
      "MultiAZ": True, "StorageType": "gp3", "AllocatedStorage": "50", "BackupRetentionPeriod": 0}},
     [0.3 * MONTH, 11.5]),
    ({"Type": "AWS::EKS::Cluster", "Properties": {"UpgradePolicy": {"SupportType": "STANDARD"}}}, [73.0]),
])  # fmt: skip
def test_what_a_month_of_a_resource_bills(tmp_path: Path, resource: dict[str, Any], monthly: list[float]) -> None:
    found = [line.monthly for line in lines(estimated(tmp_path, {"It": resource}), "It")]
    assert [round(each.high, 4) for each in found if each] == [round(each, 4) for each in monthly]


@pytest.mark.parametrize("into", [
    {"LogGroupName": {"Ref": "Group"}},
    {"LogGroupName": "flows"},
    {"LogDestination": {"Fn::GetAtt": ["Group", "Arn"]}},
])  # fmt: skip
def test_a_flow_log_and_its_group_bill_what_is_delivered_once(tmp_path: Path, into: dict[str, Any]) -> None:
    group = {"LogGroupName": "flows", "RetentionInDays": 30}
    resources = {
        "Flow": {"Type": "AWS::EC2::FlowLog", "Properties": into},
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": group},
    }
    found = estimated(tmp_path, resources, assume={"flow_log_gb_per_month": 100})
    assert [line.monthly for line in lines(found, "Flow")] == [Range.of(50)]
    assert [line.monthly for line in lines(found, "Group")] == [Range.of(3)]


@pytest.mark.parametrize(("resource", "said"), [
    ({"Type": "AWS::Unheard::Of"}, "no estimator knows this type"),
    ({"Type": "Custom::Thing"}, "a custom resource"),
    ({"Type": "AWS::CloudFormation::Stack"}, "estimate its own template"),
    ({"Type": "AWS::FSx::FileSystem", "Properties": {"FileSystemType": "ONTAP"}}, "only Lustre"),
    ({"Type": "AWS::FSx::FileSystem", "Properties": {"FileSystemType": "LUSTRE", "StorageCapacity": {"Ref": "Size"},
      "LustreConfiguration": {"DeploymentType": "SCRATCH_2"}}}, "StorageCapacity is ${Size}"),
    ({"Type": "AWS::FSx::FileSystem", "Properties": {"FileSystemType": "LUSTRE", "StorageCapacity": -1200,
      "LustreConfiguration": {"DeploymentType": "SCRATCH_2"}}}, "StorageCapacity is -1200, which is no amount"),
    ({"Type": "AWS::FSx::FileSystem", "Properties": {"FileSystemType": "LUSTRE", "LustreConfiguration": "x"}},
     "a form that no estimator reads"),
    ({"Type": "AWS::SageMaker::Pipeline", "Properties": {"PipelineDefinition": {"PipelineDefinitionS3Location": {}}}},
     "PipelineDefinitionS3Location"),
    ({"Type": "AWS::SageMaker::Pipeline", "Properties": {"PipelineDefinition": {"PipelineDefinitionBody": "{"}}},
     "no JSON"),
    ({"Type": "AWS::Logs::LogGroup", "Properties": {}}, "kept for ever"),
    ({"Type": "AWS::EKS::Cluster", "Properties": {"Version": "1.31"}}, "0.6 an hour in all from the day"),
])  # fmt: skip
def test_what_nothing_tells_is_unknown_and_says_why(tmp_path: Path, resource: dict[str, Any], said: str) -> None:
    found = [line for line in lines(estimated(tmp_path, {"It": resource}), "It") if line.kind is Kind.UNKNOWN]
    assert [line.monthly for line in found] == [None]
    assert said in found[0].how


def test_types_that_never_bill_are_counted_and_not_listed(tmp_path: Path) -> None:
    (stack,) = estimated(tmp_path, {"Role": {"Type": "AWS::IAM::Role"}}).stacks
    assert (stack.resources, stack.free) == ((), 1)


def test_savings_plans_are_notes_beside_the_price_on_demand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The case of the cost table: 26.22 and 18.44 an hour for 32.77."""
    item = "ml.p4d.24xlarge/training/savings"
    monkeypatch.setitem(scenes.UNITS, f"{item}-1-year", (26.22, "hour"))
    monkeypatch.setitem(scenes.UNITS, f"{item}-3-year", (18.44, "hour"))
    first, one, three = lines(estimated(tmp_path, pipeline(training())), "Pipeline")
    assert (first.kind, one.kind, three.kind) == (Kind.RUN, Kind.NOTE, Kind.NOTE)
    assert ("209.76/run at 26.22" in one.how, "147.52/run at 18.44" in three.how) == (True, True)
