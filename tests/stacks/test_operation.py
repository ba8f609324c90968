"""What is watched of an environment, and whom it tells: rules as plain Python, and the alarms of the stacks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from synthesis import resources, template

from constructs_lib.operation import (
    ClusterAlarms,
    EndpointAlarms,
    FileAlarms,
    MirrorAlarms,
    PipelineAlarms,
    SpotRate,
    SupplyAlarms,
)
from constructs_lib.serving.rollout import ServerErrorRate, SlowAnswers
from environments import ENVIRONMENTS
from ml_contract import symptoms
from ml_contract.errors import ContractError
from stacks.operated import Operation

SUPPLIES = SupplyAlarms(buckets=("checkpoints",), refused=5, minutes=5)
OPERATED = [environment for environment in ENVIRONMENTS if environment.operation is not None]


def promised(*workloads: str, spot: bool = True) -> PipelineAlarms:
    return PipelineAlarms(workloads=workloads, execution_minutes=60, silent_minutes=5, checkpoint_minutes=10,
                          interruptions=SpotRate(per_hour=0.1) if spot else None)  # fmt: skip


def answers(*endpoints: str) -> EndpointAlarms:
    return EndpointAlarms(endpoints=endpoints, errors=ServerErrorRate(percent=1),
                          slow=SlowAnswers(p99_milliseconds=100), memory=None)  # fmt: skip


def operation(**changes: Any) -> Operation:
    given = {"log_days": 7, "pipelines": (promised("digits"),), "endpoints": (answers("digits"),),
             "supplies": SUPPLIES, **changes}  # fmt: skip
    return Operation(**given)


CLUSTERED = ClusterAlarms(lost_nodes=1, minutes=60)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pipelines": ()}, r"operation\.pipelines: got \[\], but nobody is told of digits"),
        ({"pipelines": (promised("digits", "llama"),)}, r"got 'llama', but the environment has digits"),
        ({"pipelines": (promised("digits"), promised("digits"))}, r"got 'digits', but each is watched once"),
        ({"pipelines": (promised("digits", spot=False),)}, r"interruptions: got None, but digits runs on spot"),
        ({"endpoints": ()}, r"operation\.endpoints: got \[\], but nobody is told of digits"),
        ({"clusters": CLUSTERED}, r"operation\.clusters: .*but the environment has 0 clusters"),
    ],
)
def test_what_runs_is_watched_once_and_nothing_else(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ContractError, match=says):
        operation(**changes).check({"digits": True}, ["digits"], [], {})


PLAIN = FileAlarms(left_percent=10, mirror=None)
MIRRORED = FileAlarms(left_percent=10, mirror=MirrorAlarms(behind_minutes=30, failures=0))


@pytest.mark.parametrize(
    ("given", "files", "says"),
    [
        (None, {"shared": False}, r"operation\.files: got None, but the environment has 1 file systems"),
        (PLAIN, {}, r"operation\.files: .*but the environment has 0 file systems"),
        (PLAIN, {"plain": False, "shared": True}, r"files\.mirror: got None, but S3 is mirrored by shared"),
        (MIRRORED, {"plain": False}, r"files\.mirror: .*but S3 is mirrored by none"),
    ],
)
def test_file_systems_and_mirrors_are_watched_where_there_are_some(given: Any, files: dict, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        operation(files=given).check({"digits": True}, ["digits"], [], files)
    operation(files=MIRRORED).check({"digits": True}, ["digits"], [], {"shared": True})
    operation(files=PLAIN).check({"digits": True}, ["digits"], [], {"plain": False})


def test_clusters_are_watched_where_there_are_some() -> None:
    operation(clusters=CLUSTERED).check({"digits": True}, ["digits"], ["slurm"], {})
    with pytest.raises(ContractError, match=r"operation\.clusters: got None, but the environment has 1 clusters"):
        operation().check({"digits": True}, ["digits"], ["slurm"], {})


def test_a_pipeline_on_demand_waits_for_no_interruption() -> None:
    with pytest.raises(ContractError, match="digits does not run on spot capacity"):
        operation().check({"digits": False}, ["digits"], [], {})


def alarms(stage: str) -> dict[str, dict[str, Any]]:
    """Properties of the operation stack's alarms, by name."""
    found = resources(template(stage, "Operation"), "AWS::CloudWatch::Alarm").values()
    return {entry["Properties"]["AlarmName"]: entry["Properties"] for entry in found}


@pytest.mark.parametrize("environment", OPERATED, ids=lambda one: one.name)
def test_everything_has_its_alarms(environment: Any) -> None:
    operation = environment.operation
    always = (symptoms.TRAINING_STUCK, symptoms.CHECKPOINT_AGE, symptoms.TRAINING_PROLONGED,
              symptoms.CHECKPOINT_CORRUPT, symptoms.EXECUTION_FAILED, symptoms.EXECUTION_PROLONGED,
              symptoms.NO_CAPACITY)  # fmt: skip
    wanted = {symptoms.KEY_DELETION.alarm(environment.name)}
    wanted |= {symptoms.STORAGE_ERRORS.alarm(environment.name, bucket) for bucket in operation.supplies.buckets}
    if environment.trainings:
        wanted.add(symptoms.IMAGE_MISSING.alarm(environment.name))
    for training in environment.trainings:
        wanted |= {symptom.alarm(environment.name, training.workload) for symptom in always}
    wanted |= {symptoms.NODE_LOST.alarm(environment.name, cluster.name) for cluster in environment.clusters}
    wanted |= {symptoms.FILES_FULL.alarm(environment.name, files.name) for files in environment.file_systems}
    found = alarms(environment.stage)
    assert wanted <= found.keys()
    for served in environment.endpoints:
        for symptom in (symptoms.ENDPOINT_ERRORS, symptoms.ENDPOINT_LATENCY):
            assert symptom.alarm(environment.name, served.name) in found


def severity(properties: dict[str, Any]) -> set[str]:
    """Logical ids of the topics that an alarm tells, both ways."""
    assert properties["AlarmActions"] == properties["OKActions"]
    return {action["Ref"].removeprefix("Notifications")[:8].lower() for action in properties["AlarmActions"]}


@pytest.mark.parametrize("environment", OPERATED, ids=lambda one: one.name)
def test_an_alarm_tells_its_severity_and_its_runbook(environment: Any) -> None:
    by_length = sorted(symptoms.SYMPTOMS, key=lambda symptom: -len(symptom.name))
    for name, properties in alarms(environment.stage).items():
        symptom = next(one for one in by_length if name.endswith(f"-{one.name}"))
        (told,) = severity(properties)
        assert told.startswith(symptom.severity[:7]), name
        assert properties["AlarmDescription"] == f"{symptom.meaning} Runbook: docs/runbooks/{symptom.runbook}.md"


@pytest.mark.parametrize("environment", OPERATED, ids=lambda one: one.name)
def test_silence_of_a_metric_is_no_alarm(environment: Any) -> None:
    """Nothing runs most of the time."""
    treated = {name: each["TreatMissingData"] for name, each in alarms(environment.stage).items()}
    odd = {name: how for name, how in treated.items() if how != "notBreaching" and "-endpoint-memory" not in name}
    assert not odd


def test_promises_become_thresholds_in_the_metric_s_unit() -> None:
    found = alarms("Prod")
    thresholds = {
        "arr-coc-execution-prolonged": 4 * 24 * 3600 * 1000.0,
        "arr-coc-training-prolonged": 4 * 24 * 3600,
        "arr-coc-training-stuck": 1800,
        "arr-coc-checkpoint-age": 600,
        "llama-70b-endpoint-latency": 60_000_000,
    }
    assert {name: found[f"trainyard-prod-{name}"]["Threshold"] for name in thresholds} == thresholds


def test_a_file_system_is_full_by_what_its_disks_have_left_together() -> None:
    found = alarms("Prod")["trainyard-prod-shared-files-full"]
    shown = [found[name] for name in ("Namespace", "MetricName", "Statistic", "Period", "ComparisonOperator")]
    assert shown == ["AWS/FSx", "FreeDataStorageCapacity", "Sum", 60, "LessThanThreshold"]
    assert found["Threshold"] == 480 * 2**30
    assert [one["Name"] for one in found["Dimensions"]] == ["FileSystemId"]


def test_a_mirror_is_watched_on_the_ways_that_it_takes() -> None:
    found = {
        name.removeprefix("trainyard-prod-shared-"): one for name, one in alarms("Prod").items() if "mirror" in name
    }
    # Its data sets only come from S3.
    assert set(found) == {"import-mirror-behind", "mirror-failed"}
    behind = {one["Name"]: one["Value"] for one in found["import-mirror-behind"]["Dimensions"]}
    assert (behind["Publisher"], found["import-mirror-behind"]["Threshold"]) == ("AutoImport", 30 * 60)
    assert found["import-mirror-behind"]["MetricName"] == "AgeOfOldestQueuedMessage"
    (log,) = found["mirror-failed"]["Dimensions"]
    assert (log["Name"], found["mirror-failed"]["MetricName"]) == ("LogGroupName", "IncomingLogEvents")


def pattern(stage: str, name: str) -> dict[str, Any]:
    rules = resources(template(stage, "Operation"), "AWS::Events::Rule").values()
    (found,) = (rule["Properties"] for rule in rules if rule["Properties"]["Name"] == name)
    return found["EventPattern"]


def test_jobs_are_told_apart_by_the_role_of_their_pipeline() -> None:
    detail = pattern("Dev", "trainyard-dev-bytes-lm-spot-interruptions")["detail"]
    assert detail["SecondaryStatus"] == ["Interrupted"]
    assert "JobsRole" in json.dumps(detail["RoleArn"])


@pytest.mark.parametrize("environment", OPERATED, ids=lambda one: one.name)
def test_names_of_rules_fit(environment: Any) -> None:
    """PutRule, EventBridge API reference: 64 characters."""
    rules = resources(template(environment.stage, "Operation"), "AWS::Events::Rule").values()
    assert max(len(rule["Properties"]["Name"]) for rule in rules) <= 64


def test_measured_buckets_have_the_filter_that_the_alarm_names() -> None:
    buckets = resources(template("Dev", "Storage"), "AWS::S3::Bucket")
    measured = {name: entry["Properties"]["MetricsConfigurations"] for name, entry in buckets.items()
                if "MetricsConfigurations" in entry["Properties"]}  # fmt: skip
    ((name, filters),) = measured.items()
    assert "Checkpoints" in name
    given = alarms("Dev")["trainyard-dev-checkpoints-storage-errors"]["Dimensions"]
    dimensions = {one["Name"]: one["Value"] for one in given}
    assert [{"Id": dimensions["FilterId"]}] == filters


def test_services_publish_for_this_account_alone() -> None:
    policies = resources(template("Prod", "Operation"), "AWS::SNS::TopicPolicy").values()
    assert len(policies) == 3
    for policy in policies:
        refused, *allowed = policy["Properties"]["PolicyDocument"]["Statement"]
        assert refused["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in allowed:
            services = statement["Principal"]["Service"]
            assert ("Condition" in statement) == (services != "events.amazonaws.com")
