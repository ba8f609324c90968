"""What each request asks for: its action, its resource and the keys of its conditions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from trainyard.local.cloud import ACCOUNT, REGION

from .denials import TRAINING_JOB, allow, code, denied

# Service, action, resource that a denial names, operation, parameters.
READS = [
    ("logs", "logs:CreateLogGroup", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/t/{{id}}", "create_log_group",
     {"logGroupName": "/t/{id}"}),
    ("cloudwatch", "cloudwatch:PutMetricData", "*", "put_metric_data",
     {"Namespace": "t", "MetricData": [{"MetricName": "m", "Value": 1.0}]}),
    ("kms", "kms:CreateKey", "*", "create_key", {}),
    ("ecr", "ecr:CreateRepository", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/t{{id}}", "create_repository",
     {"repositoryName": "t{id}"}),
    ("sts", "sts:GetAccessKeyInfo", "*", "get_access_key_info", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
    ("ec2", "ec2:DescribeVpcs", "*", "describe_vpcs", {}),
    ("cloudformation", "cloudformation:ListStacks", "*", "list_stacks", {}),
    ("sagemaker", "sagemaker:ListTrainingJobs", "*", "list_training_jobs", {}),
    ("sagemaker", "sagemaker:DescribePipeline", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/t{{id}}",
     "describe_pipeline", {"PipelineName": "t{id}"}),
    ("ssm", "ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/t{{id}}", "get_parameter",
     {"Name": "/t{id}"}),
    ("ssm", "ssm:GetParametersByPath", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/t{{id}}", "get_parameters_by_path",
     {"Path": "/t{id}"}),
]  # fmt: skip


@pytest.mark.parametrize(("service", "action", "resource", "operation", "parameters"), READS, ids=lambda x: str(x)[:40])
def test_services_ask_for_their_actions(
    service: str, action: str, resource: str, operation: str, parameters: dict, role: Callable, as_role: Callable
) -> None:
    given = json.loads(json.dumps(parameters).replace("{id}", uuid.uuid4().hex[:8]))
    wanted = resource.replace("{id}", str(next(iter(given.values()), ""))[-8:])
    denied(getattr(as_role(role())(service), operation), action, wanted, **given)
    # Allowed, and then the service has its say: it may not know the resource.
    assert "AccessDenied" not in code(
        getattr(as_role(role(allow(action, resource=wanted)))(service), operation), **given
    )


def test_a_listed_parameter_is_a_resource_of_its_own(role: Callable, as_role: Callable) -> None:
    parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/mine"
    ssm = as_role(role(allow("ssm:GetParameters", resource=parameter)))("ssm")
    assert ssm.get_parameters(Names=["/mine"])["InvalidParameters"] == ["/mine"]
    denied(ssm.get_parameters, "ssm:GetParameters", parameter.replace("mine", "yours"), Names=["/yours"])
    # Two names have no one resource here: only who may read everything passes.
    denied(ssm.get_parameters, "ssm:GetParameters", "*", Names=["/mine", "/yours"])


def test_conditions_are_evaluated(role: Callable, as_role: Callable) -> None:
    small = {"ForAllValues:StringEquals": {"sagemaker:InstanceTypes": ["ml.c5.large"]}}
    short, shorter = ({"NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": most}} for most in ("60", "59"))
    for condition, passes in ((None, True), (small, False), (short, True), (shorter, False)):
        statement = allow("sagemaker:CreateTrainingJob", **({"Condition": condition} if condition else {}))
        sagemaker = as_role(role(statement, allow("iam:PassRole")))("sagemaker")
        name = f"job-{uuid.uuid4().hex[:8]}"
        with pytest.raises(ClientError) as error:
            sagemaker.create_training_job(
                TrainingJobName=name, RoleArn="arn:aws:iam::123456789012:role/x", **TRAINING_JOB
            )
        assert (error.value.response["Error"]["Code"] == "AccessDeniedException") is not passes


def test_metrics_go_into_the_namespaces_of_the_condition(role: Callable, as_role: Callable) -> None:
    condition = {"StringEquals": {"cloudwatch:namespace": ["/aws/sagemaker/TrainingJobs"]}}
    cloudwatch = as_role(role(allow("cloudwatch:PutMetricData", Condition=condition)))("cloudwatch")
    data = [{"MetricName": "loss", "Value": 1.0}]
    cloudwatch.put_metric_data(Namespace="/aws/sagemaker/TrainingJobs", MetricData=data)
    denied(cloudwatch.put_metric_data, "cloudwatch:PutMetricData", "*", Namespace="other", MetricData=data)


@pytest.mark.parametrize(
    ("action", "operation", "other"),
    [
        ("InvokeEndpointAsync", "invoke_endpoint_async", "invoke_endpoint"),
        ("InvokeEndpointWithResponseStream", "invoke_endpoint_with_response_stream", "invoke_endpoint_async"),
    ],
)
def test_each_way_to_invoke_has_a_permission_of_its_own(
    role: Callable, as_role: Callable, action: str, operation: str, other: str
) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/mine"
    runtime = as_role(role(allow(f"sagemaker:{action}", resource=arn)))("sagemaker-runtime")
    request = {"EndpointName": "mine", "Body": b"{}"}
    assert code(getattr(runtime, operation), **request) == "ValidationError"
    assert code(getattr(runtime, other), **request) == "AccessDeniedException"


def test_invoking_an_endpoint_needs_the_permission_for_that_endpoint(role: Callable, as_role: Callable) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/mine"
    runtime = as_role(role(allow("sagemaker:InvokeEndpoint", resource=arn)))("sagemaker-runtime")
    denied(
        runtime.invoke_endpoint,
        "sagemaker:InvokeEndpoint",
        arn.replace("mine", "other"),
        EndpointName="other",
        Body=b"{}",
    )
    assert code(runtime.invoke_endpoint, EndpointName="mine", Body=b"{}") not in ("", "AccessDeniedException")


def test_alarms_are_looked_at_by_name(client: Callable, role: Callable, as_role: Callable) -> None:
    for name in ("mine", "others"):
        client("cloudwatch").put_metric_alarm(
            AlarmName=f"look-{name}", Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1,
            Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:look-mine"
    mine = as_role(role({"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": arn}))("cloudwatch")
    assert [alarm["AlarmName"] for alarm in mine.describe_alarms(AlarmNames=["look-mine"])["MetricAlarms"]]
    for request in ({"AlarmNames": ["look-others"]}, {}):
        with pytest.raises(ClientError, match=r"cloudwatch:DescribeAlarms on resource: \S+:alarm:"):
            mine.describe_alarms(**request)
