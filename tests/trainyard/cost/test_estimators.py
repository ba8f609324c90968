"""What each kind of resource bills: one small template each, with round prices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainyard.cost import scenes
from tests.trainyard.cost.scenes import KEY, NAT, estimated, lines
from trainyard.cost.lines import Kind, Range

MONTH = 730


def endpoint(variant: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An endpoint, its configuration, and what else there is."""
    return {
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}, "EndpointName": "e"},
        },
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {"ProductionVariants": [{"VariantName": "live"} | variant]},
        },
    } | more


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


def test_an_endpoint_bills_for_what_its_configuration_hires(tmp_path: Path) -> None:
    found = estimated(tmp_path, endpoint({"InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 3}))
    first, second = lines(found, "Endpoint")
    assert (first.kind, first.monthly) == (Kind.FIXED, Range.of(3 * MONTH))
    assert (second.kind, second.monthly, second.assumed) == (Kind.USE, Range.of(0.2), ("inference_gb_per_month=10",))
    assert lines(found, "Config") == []


@pytest.mark.parametrize("resource_id", [
    "endpoint/e/variant/live",
    {"Fn::Join": ["", ["endpoint/", {"Fn::GetAtt": ["Endpoint", "EndpointName"]}, "/variant/live"]]},
])  # fmt: skip
def test_a_scaled_variant_is_a_range(tmp_path: Path, resource_id: object) -> None:
    target = {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {"ResourceId": resource_id, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                       "MinCapacity": 0, "MaxCapacity": 4},
    }  # fmt: skip
    variant = {"InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}
    first, *_ = lines(estimated(tmp_path, endpoint(variant, Target=target)), "Endpoint")
    assert first.monthly == Range(low=0, high=4 * MONTH)


def test_names_that_only_a_parameter_tells_still_meet(tmp_path: Path) -> None:
    """Endpoint, configuration and target named alike by a parameter without a default, as people write it."""
    name = {"Ref": "Name"}
    resource_id = {"Fn::Join": ["", ["endpoint/", {"Fn::GetAtt": ["Config", "EndpointConfigName"]}, "/variant/live"]]}
    target = {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {"ResourceId": resource_id, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                       "MinCapacity": 1, "MaxCapacity": 2},
    }  # fmt: skip
    resources = endpoint({"InstanceType": "ml.g5.xlarge"}, Target=target)
    resources["Endpoint"]["Properties"]["EndpointName"] = name
    resources["Config"]["Properties"]["EndpointConfigName"] = name
    first, *_ = lines(estimated(tmp_path, resources, Parameters={"Name": {"Type": "String"}}), "Endpoint")
    assert first.monthly == Range(low=MONTH, high=2 * MONTH)


def test_managed_scaling_is_a_range(tmp_path: Path) -> None:
    scaling = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
    variant = {"InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1, "ManagedInstanceScaling": scaling}
    first, *_ = lines(estimated(tmp_path, endpoint(variant)), "Endpoint")
    assert first.monthly == Range(low=0, high=2 * MONTH)


def test_a_serverless_variant_bills_by_memory_and_time(tmp_path: Path) -> None:
    variant = {"ServerlessConfig": {"MemorySizeInMB": 4096, "MaxConcurrency": 5}}
    (line,) = lines(estimated(tmp_path, endpoint(variant), assume={"serverless_requests_per_month": 1000,
                                                                  "serverless_seconds": 2}), "Endpoint")  # fmt: skip
    assert line.monthly == Range.of(1000 * 2 * 4 * 0.00002)
    assert line.assumed == ("serverless_requests_per_month=1000", "serverless_seconds=2")


def test_an_endpoint_whose_configuration_is_elsewhere_is_unknown(tmp_path: Path) -> None:
    resources = {"Endpoint": {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointConfigName": "of-another"}}}
    (line,) = lines(estimated(tmp_path, resources), "Endpoint")
    assert line.kind is Kind.UNKNOWN
    assert "of-another" in line.how


def test_a_run_is_at_most_its_time_limit(tmp_path: Path) -> None:
    """The case of the cost table: 8 h of ml.p4d.24xlarge at 32.77 are 262.16."""
    (line,) = lines(estimated(tmp_path, pipeline(training())), "Pipeline")
    assert (line.kind, round(line.run or 0, 2)) == (Kind.RUN, 262.16)


def test_spot_is_shown_beside_the_price_it_saves_from(tmp_path: Path) -> None:
    """The same case: 78.64 at 9.83."""
    step = training()
    step["Arguments"]["EnableManagedSpotTraining"] = True
    first, note = lines(estimated(tmp_path, pipeline(step)), "Pipeline")
    assert round(first.run or 0, 2) == 262.16
    assert note.kind is Kind.NOTE
    assert "78.64 a run instead" in note.how


def test_volumes_warm_pools_and_plans_of_a_training_step(tmp_path: Path) -> None:
    warm = lines(estimated(tmp_path, pipeline(training(VolumeSizeInGB=730, KeepAlivePeriodInSeconds=1800))), "Pipeline")
    assert [round(line.run or 0, 3) for line in warm] == [262.16, round(8 * 0.14, 3), round(32.77 / 2, 3)]
    (plan,) = lines(estimated(tmp_path, pipeline(training(TrainingPlanArn="arn"))), "Pipeline")
    assert plan.run == pytest.approx(8 * 13.57)


def test_a_tuning_step_bills_for_all_its_jobs(tmp_path: Path) -> None:
    arguments = {
        "HyperParameterTuningJobConfig": {"ResourceLimits": {"MaxNumberOfTrainingJobs": 5}},
        "TrainingJobDefinition": training()["Arguments"],
    }
    (line,) = lines(
        estimated(tmp_path, pipeline({"Name": "Tune", "Type": "Tuning", "Arguments": arguments})), "Pipeline"
    )
    assert line.run == pytest.approx(5 * 262.16)


def test_both_branches_count_and_the_pipelines_own_parameters_resolve(tmp_path: Path) -> None:
    inner = training(InstanceCount={"Get": "Parameters.Hosts"})
    branch = {"Name": "If", "Type": "Condition", "Arguments": {"IfSteps": [inner], "ElseSteps": [training()]}}
    found = estimated(tmp_path, pipeline(branch, parameters=({"Name": "Hosts", "DefaultValue": 2},)))
    assert [round(line.run or 0, 2) for line in lines(found, "Pipeline")] == [524.32, 262.16]


def test_a_pipelines_parameter_without_a_default_is_unknown(tmp_path: Path) -> None:
    (line,) = lines(estimated(tmp_path, pipeline(training(InstanceCount={"Get": "Parameters.Hosts"}))), "Pipeline")
    assert (line.kind, line.run) == (Kind.UNKNOWN, None)
    assert "Parameters.Hosts" in line.how


def test_a_price_of_another_use_stands_in_only_as_an_assumption(tmp_path: Path) -> None:
    cluster = {"ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1}},
               "StoppingCondition": {"MaxRuntimeInSeconds": 3600}}  # fmt: skip
    steps = pipeline({"Name": "Prepare", "Type": "Processing", "Arguments": cluster})
    (line,) = lines(estimated(tmp_path, steps), "Pipeline")
    assert (line.run, line.assumed[-1]) == (1.0, "processing costs what hosting does (jobs_cost_as_hosting=1)")
    (line,) = lines(estimated(tmp_path, steps, assume={"jobs_cost_as_hosting": 0}), "Pipeline")
    assert line.missing == ("ml.g5.xlarge/processing",)


def cluster(**group: Any) -> dict[str, Any]:
    groups = [{"InstanceGroupName": "workers", "InstanceType": "ml.g5.2xlarge", "InstanceCount": 4} | group]
    return {"Cluster": {"Type": "AWS::SageMaker::Cluster", "Properties": {"InstanceGroups": groups}}}


def test_a_cluster_bills_for_nodes_and_their_volumes(tmp_path: Path) -> None:
    volumes = [{"EbsVolumeConfig": {"VolumeSizeInGB": 500}}, {"EbsVolumeConfig": {"RootVolume": True}}]
    nodes, volume = lines(estimated(tmp_path, cluster(InstanceStorageConfigs=volumes)), "Cluster")
    assert (nodes.monthly, volume.monthly) == (Range.of(4 * 2 * MONTH), Range.of(4 * 500 * 0.1))


def test_a_cluster_without_a_price_is_unknown_with_a_scale_and_never_nothing(tmp_path: Path) -> None:
    (line,) = lines(estimated(tmp_path, cluster(InstanceType="ml.p5.48xlarge")), "Cluster")
    assert (line.kind, line.monthly, line.missing) == (Kind.UNKNOWN, None, ("ml.p5.48xlarge/cluster",))
    assert "EC2 alone takes 55 an hour for one, 160,600 a month for 4" in line.how


def test_spot_nodes_are_an_assumption_and_planned_ones_have_their_own_price(tmp_path: Path) -> None:
    (spot,) = lines(estimated(tmp_path, cluster(InstanceType="ml.p4d.24xlarge", CapacityRequirements={"Spot": {}})),
                    "Cluster")  # fmt: skip
    assert (spot.kind, spot.monthly) == (Kind.USE, Range.of(4 * 9.83 * MONTH))
    (plan,) = lines(estimated(tmp_path, cluster(InstanceType="ml.p4d.24xlarge", TrainingPlanArn="arn")), "Cluster")
    assert plan.monthly == Range.of(4 * 13.57 * MONTH)


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


MONITORED = {"ClusterConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1}}
INLINE = {"MonitoringJobDefinition": {"MonitoringResources": MONITORED,
                                      "StoppingCondition": {"MaxRuntimeInSeconds": 1800}}}  # fmt: skip
NAMED = {"MonitoringJobDefinitionName": {"Fn::GetAtt": ["Job", "JobDefinitionArn"]}}


@pytest.mark.parametrize(("config", "cron", "hours"), [
    (INLINE, "cron(0 * ? * * *)", 730 / 2),
    (INLINE, "cron(0 3 ? * * *)", 730 / 24 / 2),
    (INLINE, "cron(0 0/6 ? * * *)", 730 / 6 / 2),
    (NAMED, "cron(0 * ? * * *)", 730),
])  # fmt: skip
def test_monitoring_jobs_bill_at_the_rhythm_of_their_schedule(
    tmp_path: Path, config: dict[str, Any], cron: str, hours: float
) -> None:
    schedule = {"MonitoringScheduleConfig": config | {"ScheduleConfig": {"ScheduleExpression": cron}}}
    job = {"Type": "AWS::SageMaker::DataQualityJobDefinition", "Properties": {"JobResources": MONITORED}}
    resources = {"Schedule": {"Type": "AWS::SageMaker::MonitoringSchedule", "Properties": schedule}, "Job": job}
    (line,) = lines(estimated(tmp_path, resources), "Schedule")
    assert (line.kind, line.run) == (Kind.USE, None)
    assert line.monthly == Range.of(pytest.approx(hours))


def test_a_schedule_whose_definition_is_elsewhere_is_unknown(tmp_path: Path) -> None:
    schedule = {"MonitoringScheduleConfig": {"MonitoringJobDefinitionName": "of-another"}}
    (line,) = lines(estimated(tmp_path, {"It": {"Type": "AWS::SageMaker::MonitoringSchedule",
                                                "Properties": schedule}}), "It")  # fmt: skip
    assert line.kind is Kind.UNKNOWN
