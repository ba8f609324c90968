"""Workspaces, rules over events, collectors as a template."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import aws_cdk as cdk
import botocore.session
import pytest
from aws_cdk import assertions
from aws_cdk import aws_kms as kms
from synthesis import actions, resources

from constructs_lib.encryption import let_log_service_use
from constructs_lib.observability import (
    HARDWARE,
    SLURM,
    AlertTopic,
    CloudWatchPage,
    ClusterWatch,
    FromAnywhere,
    FromLists,
    GrafanaSettings,
    GrafanaWorkspace,
    IdentityCenter,
    MetricsSettings,
    MetricsWorkspace,
    NodeHealth,
    Operations,
    PublishedAgents,
    Saml,
    StateChanges,
    Storm,
    collector_configuration,
)
from constructs_lib.observability.dashboards import NODES, PublishedDashboards
from constructs_lib.observability.dashboards import SLURM as SLURM_PAGE
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError

CLUSTER = "arn:aws:sagemaker:us-east-1:123456789012:cluster/abcdefabcdef"
METRICS = MetricsSettings(alias="dev", days=90, rules=(HARDWARE, SLURM), most_series=1_000_000,
                          clusters=("research",), log_days=30)  # fmt: skip
WATCHED = (StateChanges(), NodeHealth(), Operations())


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="123456789012", region="us-east-1"))
    key = kms.Key(stack, "Key")
    let_log_service_use(key)
    topic = AlertTopic(stack, "Alerts", key=key).topic
    watch = ClusterWatch(stack, "Watch", cluster_arn=CLUSTER, name="research", watched=WATCHED, topic=topic, key=key,
                 log_days=90, storm=Storm(events=10, minutes=60))  # fmt: skip
    CloudWatchPage(stack, "Page", name="dev", watches=(watch,), governed=(CLUSTER,))
    metrics = MetricsWorkspace(stack, "Metrics", settings=METRICS, topic=topic, key=key)
    settings = GrafanaSettings(name="dev", sign_in=IdentityCenter(), reach=FromLists(prefix_lists=("pl-1",)))
    page = GrafanaWorkspace(stack, "Grafana", settings=settings, prometheus=metrics)
    PublishedDashboards(stack, "Dashboards", dashboards=(NODES, SLURM_PAGE), path="/trainyard/dev/observability",
                        grafana=page.id, prometheus=metrics.endpoint)  # fmt: skip
    PublishedAgents(stack, "Agents", cluster="research", path="/trainyard/dev/clusters/research/agents",
                    workspace=metrics)  # fmt: skip
    return assertions.Template.from_stack(stack).to_json()


def one(template: dict[str, Any], kind: str) -> dict[str, Any]:
    ((_, entry),) = resources(template, kind).items()
    properties: dict[str, Any] = entry["Properties"]
    return properties


def patterns(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Patterns of rules by the kind of event that they are for."""
    found = [entry["Properties"]["EventPattern"] for entry in resources(template, "AWS::Events::Rule").values()]
    return {pattern.get("detail-type", ["all"])[0]: pattern for pattern in found}


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("SageMaker HyperPod Cluster State Change", {"ClusterStatus": ["Failed", "RollingBack"]}),
        ("SageMaker HyperPod Cluster Node Health Event", {"HealthSummary": {"HealthStatus": ["Unhealthy"]}}),
        ("SageMaker HyperPod Cluster Event", {"EventDetails": {"EventLevel": ["Error"]}}),
    ],
)
def test_events_of_one_cluster_are_matched(template: dict[str, Any], kind: str, detail: dict[str, Any]) -> None:
    assert patterns(template)[kind] == {
        "source": ["aws.sagemaker"], "detail-type": [kind], "resources": [CLUSTER], "detail": detail,
    }  # fmt: skip


def test_every_event_of_the_cluster_is_kept(template: dict[str, Any]) -> None:
    assert patterns(template)["all"] == {"source": ["aws.sagemaker"], "resources": [CLUSTER]}


def test_levels_are_those_of_the_api() -> None:
    model = botocore.session.Session().get_service_model("sagemaker")
    assert {"Info", "Warn", "Error"} == set(model.shape_for("ClusterEventLevel").enum)
    Operations(levels=("Info", "Warn", "Error"))


def test_sentences_use_the_fields_that_they_have() -> None:
    for watched in WATCHED:
        fields, sentence = watched.sentence
        assert set(re.findall(r"<(\w+)>", sentence)) == set(fields)


def test_every_state_of_health_can_be_watched() -> None:
    assert "detail" not in NodeHealth(statuses=None).pattern(CLUSTER)


def test_a_storm_is_counted_by_rule(template: dict[str, Any]) -> None:
    alarms = [entry["Properties"] for entry in resources(template, "AWS::CloudWatch::Alarm").values()]
    rules = {alarm["Dimensions"][0]["Value"]["Ref"] for alarm in alarms}
    assert rules < set(resources(template, "AWS::Events::Rule"))
    assert {(alarm["MetricName"], alarm["Threshold"], alarm["Period"]) for alarm in alarms} == {
        ("MatchedEvents", 10, 3600)
    }
    assert len(rules) == len(WATCHED)


@pytest.mark.parametrize(("service", "conditional"), [("cloudwatch", True), ("aps", True), ("events", False)])
def test_a_service_may_publish_and_use_the_key(template: dict[str, Any], service: str, conditional: bool) -> None:
    topic = one(template, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    key = one(template, "AWS::KMS::Key")["KeyPolicy"]["Statement"]
    for statements, action in ((topic, "sns:Publish"), (key, "kms:GenerateDataKey*")):
        principal = {"Service": f"{service}.amazonaws.com"}
        (found,) = (row for row in statements if row["Principal"] == principal and action in actions(row))
        # EventBridge gives no context: a condition would hold for none of its messages.
        assert ("Condition" in found) == conditional


def test_nobody_publishes_without_tls(template: dict[str, Any]) -> None:
    statements = one(template, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    assert any(row["Effect"] == "Deny" and "aws:SecureTransport" in str(row) for row in statements)


def test_logs_are_encrypted_and_end(template: dict[str, Any]) -> None:
    logs = [entry["Properties"] for entry in resources(template, "AWS::Logs::LogGroup").values()]
    assert len(logs) == 2
    assert all(log["RetentionInDays"] in (30, 90) and "KmsKeyId" in log for log in logs)


def test_the_alert_manager_is_a_block_within_a_definition(template: dict[str, Any]) -> None:
    parts = one(template, "AWS::APS::Workspace")["AlertManagerDefinition"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else "arn:topic" for part in parts)
    yaml = pytest.importorskip("yaml")  # cfn-lint brings it
    inner = yaml.safe_load(yaml.safe_load(text)["alertmanager_config"])
    names = [receiver["name"] for receiver in inner["receivers"]]
    assert all("Runbook: {{ .Annotations.runbook }}" in config["message"]
               for receiver in inner["receivers"] for config in receiver["sns_configs"])  # fmt: skip
    assert inner["route"]["receiver"] in names
    assert {route["receiver"] for route in inner["route"]["routes"]} <= set(names)
    assert {config["topic_arn"] for receiver in inner["receivers"] for config in receiver["sns_configs"]} == {
        "arn:topic"
    }


def test_rules_are_a_rule_file(template: dict[str, Any]) -> None:
    groups = json.loads(one(template, "AWS::APS::RuleGroupsNamespace")["Data"])["groups"]
    assert [group["name"] for group in groups] == ["hardware", "slurm"]
    assert all({"alert", "expr", "for", "labels", "annotations"} == set(group["rules"][0]) for group in groups)


def test_series_of_a_cluster_are_limited(template: dict[str, Any]) -> None:
    (limit,) = one(template, "AWS::APS::Workspace")["WorkspaceConfiguration"]["LimitsPerLabelSets"]
    assert limit == {"LabelSet": [{"Name": "cluster", "Value": "research"}], "Limits": {"MaxSeries": 1000000}}


def test_grafana_reads_one_workspace(template: dict[str, Any]) -> None:
    (policy,) = resources(template, "AWS::IAM::Policy").values()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    (queries,) = (row for row in statements if "aps:QueryMetrics" in actions(row))
    assert queries["Resource"] == {"Fn::GetAtt": [next(iter(resources(template, "AWS::APS::Workspace"))), "Arn"]}


def test_grafana_is_open_to_a_list_alone(template: dict[str, Any]) -> None:
    assert one(template, "AWS::Grafana::Workspace")["NetworkAccessControl"] == {
        "PrefixListIds": ["pl-1"],
        "VpceIds": [],
    }


def test_a_page_is_published_with_its_id(template: dict[str, Any]) -> None:
    names = {entry["Properties"]["Name"] for entry in resources(template, "AWS::SSM::Parameter").values()}
    root = "/trainyard/dev/observability"
    assert {f"{root}/grafana", f"{root}/prometheus", f"{root}/dashboards/trainyard-nodes",
            f"{root}/dashboards/trainyard-slurm"} <= names  # fmt: skip


def test_each_type_of_node_finds_its_configuration(template: dict[str, Any]) -> None:
    names = {entry["Properties"]["Name"] for entry in resources(template, "AWS::SSM::Parameter").values()}
    assert {f"/trainyard/dev/clusters/research/agents/{kind}" for kind in ("controller", "login", "compute")} <= names


def test_a_page_is_published_once() -> None:
    with pytest.raises(ContractError, match="one page"):
        PublishedDashboards(
            cdk.Stack(), "Dashboards", dashboards=(NODES, NODES), path="/x", grafana="g", prometheus="p"
        )


def test_a_kind_of_event_is_watched_once() -> None:
    stack = cdk.Stack()
    key = kms.Key(stack, "Key")
    topic = AlertTopic(stack, "Alerts", key=key).topic
    twice = (NodeHealth(), NodeHealth(statuses=None))
    with pytest.raises(ContractError, match="handed on once"):
        ClusterWatch(stack, "Watch", cluster_arn=CLUSTER, name="c", watched=twice, topic=topic, key=key, log_days=30)


def test_a_limit_names_its_clusters() -> None:
    with pytest.raises(InvalidValue, match="Give both"):
        MetricsSettings(alias="dev", days=90, most_series=1000, log_days=30)


@pytest.mark.parametrize("days", [0, 1096])
def test_samples_are_kept_for_as_long_as_the_service_can(days: int) -> None:
    with pytest.raises(InvalidValue, match="days"):
        MetricsSettings(alias="dev", days=days, log_days=30)


def test_saml_needs_somebody_who_administrates() -> None:
    with pytest.raises(InvalidValue, match="admins"):
        Saml(metadata_url="https://idp/metadata", role_attribute="roles", admins=())


def test_who_can_open_grafana_has_no_default() -> None:
    with pytest.raises(InvalidValue, match="reach"):
        GrafanaSettings(name="dev", sign_in=IdentityCenter())
    assert FromAnywhere().render() == {}


def test_the_collectors_blob_is_its_configuration() -> None:
    blob = base64.b64encode(json.dumps(collector_configuration("c", 30)).encode())
    assert len(blob) < 400_000


def test_the_page_of_cloudwatch_has_events_quotas_and_figures(template: dict[str, Any]) -> None:
    body = one(template, "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else part["Ref"] for part in body)
    widgets = json.loads(text)["widgets"]
    assert len({(widget["x"], widget["y"]) for widget in widgets}) == len(widgets)
    shown = str([widget["properties"]["metrics"] for widget in widgets])
    rules = [name for name in resources(template, "AWS::Events::Rule") if not name.startswith("WatchAll")]
    assert all(name in shown for name in rules)
    assert all(name in shown for name in ("QuotaDrift", "train:goodput", "TrainingJobName"))
